"""`run.py config`: values with their origin, every key's meaning, the schema, and the exit codes of a wrong one."""

import json
import re
from pathlib import Path

import pytest

from trader.config import Settings, environment, load_settings
from trader.config.command import main
from trader.config.handbook import ENVIRONMENT
from trader.config.table import KEYS
from trader.exit_code import Ends, ExitCode
from trader.store.layout import KEY_FOLDER_VARIABLE

SHIPPED = Path(__file__).parents[2] / "config.toml"


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["--config", str(SHIPPED), *arguments]) == ExitCode.OK
    return capsys.readouterr().out


def test_it_shows_the_values_in_force_and_where_each_came_from(capsys: pytest.CaptureFixture[str]) -> None:
    """Flags included; paper unless --live."""
    text = said(capsys, "--profile", "canary", "--leverage", "1", "--symbols", "BTC-USD", "ETH-USD")
    assert "venue paper" in text.splitlines()[0]
    assert "flag --leverage" in text
    assert '["BTC-USD", "ETH-USD"]' in text
    assert "venue coinbase" in said(capsys, "--profile", "canary", "--live").splitlines()[0]


def test_the_toml_can_be_used_again(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What is shown is what would run."""
    file = tmp_path / "again.toml"
    file.write_text(said(capsys, "--profile", "prod", "--toml"), encoding="utf-8")
    again = load_settings(file, "prod", paper=True)
    assert isinstance(again, Settings)
    assert json.loads(said(capsys, "--profile", "prod", "--json"))["config_hash"] == again.config_hash


def test_json_explain_and_schema_name_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    """For scripts, people and editors."""
    assert set(json.loads(said(capsys, "--json"))["keys"]) == set(KEYS)
    explained = "\n" + said(capsys, "--explain")
    assert all(f"\n{path}\n" in explained for path in KEYS)
    assert json.loads(said(capsys, "--schema"))["title"] == "config.toml"
    tables = said(capsys, "--handbook")
    assert all(f"| `{path}` |" in tables for path in KEYS)
    canary = "| `canary` | coinbase | 1 | 500 USD | 1x | 10 USD or 2 % | no | no | 14:00-15:00 | 1000 USD |"
    dev = "| `dev` | paper | 10 | 10000 USD | 3x | 5 % | no | yes | all day | 100000 USD |"
    assert canary in tables
    assert dev in tables


def test_the_handbook_names_every_variable_the_loader_reads() -> None:
    """A variable that works but is written nowhere is a trap."""
    source = Path(environment.__file__).read_text(encoding="utf-8")
    read = set(re.findall(r'"((?:COINBASE|PERPS|SPOT|EVENT|LOG)_[A-Z_]+)"', source))
    assert len(read) >= 9
    assert read <= set(ENVIRONMENT)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--profile", "cnary"], ExitCode.USAGE),
        (["--symbols", "BTX-USD"], ExitCode.USAGE),
        (["--nonsense"], ExitCode.USAGE),
        (["--json", "--toml"], ExitCode.USAGE),
        (["--live", "--profile", "dev"], ExitCode.USAGE),
        (["--config", "/nonexistent/config.toml"], ExitCode.CONFIG_ERROR),
    ],
)
def test_wrong_arguments_end_with_64_and_a_wrong_file_with_78(arguments: list[str], code: ExitCode) -> None:
    """One sentence, no traceback."""
    with pytest.raises(Ends) as end:
        main(["--config", str(SHIPPED), *arguments])
    assert end.value.code is code
    assert "Traceback" not in end.value.sentence


def test_the_handbook_names_what_other_rooms_read_and_promises_nothing_else() -> None:
    """The store's key folder, the port, the certificates; the secret is never a path."""
    rooms = Path(environment.__file__).parents[2]
    source = "".join(
        path.read_text(encoding="utf-8") for room in ("actors", "trader") for path in rooms.glob(f"{room}/**/*.py")
    )
    assert {KEY_FOLDER_VARIABLE, "METRICS_PORT", "COINBASE_CA_FILE"} <= set(ENVIRONMENT)
    assert not [name for name in ENVIRONMENT if name.startswith("EVENT_STORE") and source.count(f'"{name}"') < 2]
    assert "not the path of a file" in ENVIRONMENT["COINBASE_API_SECRET"]
