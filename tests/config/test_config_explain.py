"""The configuration told to people and tools agrees with what the loader does."""

import re
from pathlib import Path

import pytest

from trader.config import Settings, load_settings
from trader.config.explain import effective_text, explain, json_schema, render_toml
from trader.config.settings import values_of
from trader.config.table import KEYS

SHIPPED = Path(__file__).parents[2] / "config.toml"


def loaded(path: Path, profile: str, *, paper: bool | None) -> Settings:
    settings = load_settings(path, profile, paper=paper)
    assert isinstance(settings, Settings), str(settings)
    return settings


@pytest.mark.parametrize("profile", ["dev", "demo", "canary", "prod", "spot"])
@pytest.mark.parametrize("paper", [True, None])
def test_the_kept_toml_gives_the_same_values_again(tmp_path: Path, profile: str, paper: bool | None) -> None:
    """The effective configuration of each start can be run again."""
    settings = loaded(SHIPPED, profile, paper=paper)
    kept = tmp_path / "effective.toml"
    kept.write_text(render_toml(settings), encoding="utf-8")
    again = loaded(kept, profile, paper=None)
    assert values_of(again) == values_of(settings)
    assert again.config_hash == settings.config_hash


def test_the_effective_values_name_every_key_with_its_origin() -> None:
    """`run.py config`: one line a key, then the notes."""
    text = effective_text(loaded(SHIPPED, "canary", paper=True))
    for path in KEYS:
        assert re.search(rf"^{re.escape(path)} ", text, re.MULTILINE), path
    assert re.search(r"^risk\.max_daily_loss_usd +10 +profile canary \(config\.toml:\d+\)$", text, re.MULTILINE)
    assert "note: target leverage 2 lowered to the cap 1" in text
    assert re.search(r"^sizing\.target_leverage +1 +lowered by leverage_max \(config\.toml:\d+\)$", text, re.MULTILINE)


def test_the_explanation_names_meaning_range_default_and_ceilings_of_every_key() -> None:
    """`run.py config --explain`."""
    text = explain()
    for path, key in KEYS.items():
        assert f"{path}\n    {key.doc}\n    {key.allowed()}; default " in text
    assert "ceilings of profiles: canary 500, demo 500, prod 50000" in text


def test_the_schema_describes_the_shipped_file_and_refuses_strange_keys() -> None:
    """Editors read it: every table is closed, every key described."""
    schema = json_schema()
    definitions = schema["$defs"]
    assert isinstance(definitions, dict)
    layer, paper = definitions["layer"], definitions["paper"]
    assert layer["additionalProperties"] is False
    assert layer["properties"]["risk"]["properties"]["volatility"]["additionalProperties"] is False
    assert layer["properties"]["risk"]["properties"]["max_exposure_pct"]["maximum"] == 1
    assert layer["properties"]["execution"]["properties"]["time_in_force"]["enum"] == ["IOC", "GTC"]
    assert "equity_usd" in paper["properties"]
    assert "venue" not in paper["properties"]
    assert "equity_usd" not in layer["properties"]


def test_every_default_and_example_of_the_table_is_accepted(tmp_path: Path) -> None:
    """An example in an error message must itself be right."""
    for path, key in KEYS.items():
        table, _, leaf = path.rpartition(".")
        header = f"[defaults.{table}]" if table else "[defaults]"
        file = tmp_path / "config.toml"
        file.write_text(f"{header}\n{leaf} = {key.example()}\n[profiles.prod]\n", encoding="utf-8")
        loaded(file, "prod", paper=None)
