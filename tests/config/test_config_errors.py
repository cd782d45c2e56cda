"""What a wrong configuration says: every error at once, at the right line, with the remedy, and never a secret."""

from pathlib import Path

import pytest

from tests.planted_secrets import plant
from trader.config import ConfigErrors, load_settings
from trader.config.document import Document, read

SHIPPED = Path(__file__).parents[2] / "config.toml"
TEXT = SHIPPED.read_text(encoding="utf-8")


def refused(tmp_path: Path, text: str, profile: str = "canary", **options: object) -> ConfigErrors:
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    errors = load_settings(file, profile, **options)  # type: ignore[arg-type]
    assert isinstance(errors, ConfigErrors)
    return errors


def with_line(old: str, new: str) -> tuple[str, int]:
    """The shipped text with one place changed, and the line of that place."""
    assert TEXT.count(old) == 1, old
    return TEXT.replace(old, new), TEXT[: TEXT.index(old)].count("\n") + 1


_HEADERS_IN_PARTS = {("defaults",), ("profiles",), *(("profiles", name) for name in ("dev", "demo", "canary", "prod"))}
"""Tables written under several headers: a slip in one header leaves the others (see the test of misspelt headers)."""


def _every_key() -> list[tuple[tuple[str, ...], int]]:
    document = read(SHIPPED)
    assert isinstance(document, Document)
    return sorted((path, place.line) for path, place in document.places.items())


def _misspelt(path: tuple[str, ...], line: int) -> str:
    """The shipped text with the last part of a key or header written wrong on its line; the rest stays.

    The right occurrence on a line with several equal names is found by scanning the result: exactly this path must go.
    """
    name = path[-1]
    wrong = f"{name[0]}q{name[1:]}" if name[0] != "q" else f"z{name}"
    lines = TEXT.splitlines(keepends=True)
    row = lines[line - 1]
    code = row.split("#")[0]
    at = -1
    while (at := code.find(name, at + 1)) >= 0:
        candidate = row[:at] + wrong + row[at + len(name) :]
        text = "".join([*lines[: line - 1], candidate, *lines[line:]])
        if _paths(text) == (_paths(TEXT) - _below(path)) | {
            (*path[:-1], wrong, *rest[len(path) :]) for rest in _below(path)
        }:
            return text
    raise AssertionError(f"{path} not found on line {line}")


def _below(path: tuple[str, ...]) -> set[tuple[str, ...]]:
    return {other for other in _paths(TEXT) if other[: len(path)] == path}


def _paths(text: str) -> set[tuple[str, ...]]:
    from trader.config.lines import scan

    return set(scan(text))


@pytest.mark.parametrize(
    ("path", "line"),
    [pytest.param(path, line, id=".".join(path)) for path, line in _every_key() if path not in _HEADERS_IN_PARTS],
)
def test_each_key_of_the_shipped_file_misspelt_once_is_refused_at_its_line(
    tmp_path: Path, path: tuple[str, ...], line: int
) -> None:
    """Issue 8, row 1: keys, tables, profiles and the symbols in tables alike; nothing else is reported beside it."""
    errors = refused(tmp_path, _misspelt(path, line))
    assert errors.exit_code == 78
    assert {problem.line for problem in errors.problems} == {line}


@pytest.mark.parametrize("header", ["[defaults.risk]", "[profiles.canary]", "[profiles.canary.paper]", "[defaults]"])
def test_a_misspelt_header_is_refused_at_its_line(tmp_path: Path, header: str) -> None:
    """A header is named at the line where it stands, with the one that was meant."""
    text, line = with_line(f"\n{header}", f"\n{header[:-3]}{header[-2:]}")
    errors = refused(tmp_path, text)
    assert errors.exit_code == 78
    assert line + 1 in {problem.line for problem in errors.problems}
    assert any("did you mean" in problem.remedy for problem in errors.problems)


def test_all_errors_are_told_at_once_with_line_range_example_and_suggestion(tmp_path: Path) -> None:
    """One message, sorted by line, printed as the operator's guide shows it."""
    text = TEXT.replace("max_daily_loss_usd = 0 ", 'max_daily_loss_usd = "fifty" ')
    text = text.replace("stale_mark_s", "stail_mark_s").replace(
        "leverage_max = 1, max_daily", "leverage_max = 2, max_daily"
    )
    errors = refused(tmp_path, text)
    message = str(errors)
    assert message.startswith("config.toml: 3 problems, nothing was started\n")
    assert 'defaults.risk.max_daily_loss_usd = "fifty"' in message
    assert "must be a number from 0.01 to 10000 (0 = off)" in message
    assert "unknown key; did you mean stale_mark_s?" in message
    assert "above profile canary's ceiling 1" in message
    assert "config --explain" in message
    assert [problem.line for problem in errors.problems] == sorted(problem.line for problem in errors.problems)


BAD_VALUES = [
    ("stale_mark_s = 30", "stale_mark_s = true", "seconds from 1 to 300"),
    ("stale_mark_s = 30", 'stale_mark_s = "30"', "seconds from 1 to 300"),
    ("stale_mark_s = 30", "stale_mark_s = nan", "written plainly"),
    ("stale_mark_s = 30", "stale_mark_s = inf", "written plainly"),
    ("stale_mark_s = 30", "stale_mark_s = 3e1", "written plainly"),
    ("stale_mark_s = 30", "stale_mark_s = 0x1e", "written in decimal"),
    ("stale_mark_s = 30", "stale_mark_s = -30", "seconds from 1 to 300"),
    ("stale_mark_s = 30", "stale_mark_s = 1979-05-27", "seconds from 1 to 300"),
    ("stale_mark_s = 30", "stale_mark_s = [30]", "seconds from 1 to 300"),
    ("stale_mark_s = 30", "stale_mark_s = 30.0000000000000000000000001", "written plainly"),
    ("max_exposure_pct = 0.80", "max_exposure_pct = 80", "percent are written as fractions"),
    ("max_drawdown_pct = 0.10 ", "max_drawdown_pct = 1.5 ", "percent are written as fractions"),
    ("max_open_orders = 40", "max_open_orders = 40.0", "a whole number"),
    ("max_open_orders = 40", "max_open_orders = true", "a whole number"),
    ("preview = false", "preview = 0", "true or false"),
    ("preview = false", 'preview = "no"', "true or false"),
    ('log_level = "INFO"', 'log_level = "LOUD"', "one of DEBUG, INFO, WARNING, ERROR"),
    ("max_position_usd = 5000\nmax", "max_position_usd = 5000000\nmax", "from 1 to 1000000"),
    ('"14:00-15:00"\nrisk', '"14:00-25:00"\nrisk', "HH:MM-HH:MM"),
    ('"14:00-15:00"\nrisk', '"14:00-14:00"\nrisk', "two different times"),
    ('["BTC-USD", "ETH-USD"]', "[]", "a list of 1 to 50"),
    ('["BTC-USD", "ETH-USD"]', '["BTC-USD", "BTC-USD"]', "stands twice"),
    ('["BTC-USD", "ETH-USD"]', '["BTC-USD", "ETG-USD"]', "did you mean ETH-USD"),
    ('["BTC-USD", "ETH-USD"]', '["../../etc/passwd"]', "BASE-QUOTE"),
    ('["BTC-USD", "ETH-USD"]', '["BTC\\u0000-USD"]', "BASE-QUOTE"),
    ('["BTC-USD", "ETH-USD"]', '["ＢＴＣ-USD"]', "BASE-QUOTE"),
    ("short_ma_period = 5 ", "short_ma_period = 20 ", "below long_ma_period"),
    ("rsi_overbought = 70", "rsi_overbought = 50\nx = 1", "unknown key"),
    ("slippage_guard_bps = 50", "slippage_guard_bps = 10", "entry_slippage_bps must not exceed"),
    ('time_in_force = "IOC"', 'time_in_force = "GTC"', "GTC needs order_type limit"),
    ("post_only = false", "post_only = true", "post_only needs"),
    ('method = "fraction" ', 'method = "fixed" ', "needs fixed_base"),
    ("reconnect_cap_s = 60", "reconnect_cap_s = 0.5", "seconds from 1 to 600"),
    ("hang_s = 5", "hang_s = 5\nbroker_budget.restarts = 9", "stands twice"),
    ("restarts = 2, window_s", "restarts = 2, window", "did you mean window_s"),
    ("interval_s = 30\n\n[defaults.sup", "interval_s = {}\n\n[defaults.sup", "seconds from 5 to 3600"),
    ("[defaults.reconcile]\ninterval_s = 30", "[defaults]\nreconcile = 30", "stands twice"),
    ("max_retries = 3 ", "max_retries = 3\nmax_retries = 3 ", "stands twice"),
]


@pytest.mark.parametrize(("old", "new", "remedy"), BAD_VALUES, ids=[f"{new[:40]!a}" for _, new, _ in BAD_VALUES])
def test_a_bad_value_is_refused_with_its_remedy(tmp_path: Path, old: str, new: str, remedy: str) -> None:
    """The table of bad values (C-27, F-C01, F-C02, F-C03)."""
    text, line = with_line(old, new)
    errors = refused(tmp_path, text)
    assert errors.exit_code == 78
    assert remedy in str(errors)
    assert {problem.line for problem in errors.problems} <= set(range(line, line + 4))


@pytest.mark.parametrize(
    ("old", "new", "remedy"),
    [
        ("max_daily_loss_usd = 10,", "max_daily_loss_usd = 10000,", "ceiling 10"),
        ("max_daily_loss_usd = 10,", "max_daily_loss_usd = 0,", "cannot trade without it"),
        ("max_daily_loss_usd = 10,", "", "cannot trade without it"),
        ("{ max_position_usd = 500, max", "{ max_position_usd = 501, max", "ceiling 500"),
        ('{ "BTC-USD" = "0.01", "BTC-PERP" = "0.01" }', '{ "BTC-USD" = "0.01" }', "at most 0.01 BTC-PERP"),
        ('{ "BTC-USD" = "0.01", "BTC-PERP"', '{ "BTC-USD" = 0.02, "BTC-PERP"', "at most 0.01 BTC-USD"),
        (
            "max_position_usd = 100, leverage_max = 1",
            "max_position_usd = 100, leverage_max = 3",
            "profile demo's ceiling",
        ),
        ("{ leverage_max = 1, notional", "{ leverage_max = 2, notional", "profile spot's ceiling"),
    ],
)
def test_a_profile_cannot_be_raised_above_its_ceilings(tmp_path: Path, old: str, new: str, remedy: str) -> None:
    """Ceilings live in the program: also where the profile only inherits a value, and for profiles that do not run."""
    text, _ = with_line(old, new)
    assert remedy in str(refused(tmp_path, text, "dev"))


def test_a_value_above_a_ceiling_is_told_what_would_be_right_where_it_stands(tmp_path: Path) -> None:
    """Lower it; only a value that comes from the defaults has to be written into the profile's own table."""
    own, _ = with_line("{ max_position_usd = 500, max", "{ max_position_usd = 50000, max")
    (problem,) = refused(tmp_path, own).problems
    assert problem.answer() == "above profile canary's ceiling 500; lower it      e.g. 500"
    inherited, _ = with_line("{ max_position_usd = 500, max", "{ max")
    (problem,) = refused(tmp_path, inherited).problems
    assert problem.answer() == "above profile canary's ceiling 500; set it in [profiles.canary]      e.g. 500"


def test_the_environment_and_flags_cannot_pass_a_ceiling_either() -> None:
    """The same limits wherever the value is written, and the remedy is to lower it there, not to write it into the file."""
    errors = load_settings(SHIPPED, "canary", environ={"RISK_MAX_POSITION_USD": "800"})
    assert isinstance(errors, ConfigErrors)
    assert "ceiling 500; lower it      e.g. 500" in str(errors)
    assert errors.exit_code == 78


def test_a_table_of_an_unknown_profile_names_the_profiles_there_are(tmp_path: Path) -> None:
    """A near miss is suggested; anything else is answered with the five that exist."""
    text = TEXT.replace("[profiles.prod]", "[profiles.production]")
    assert "unknown profile; one of dev, demo, canary, prod, spot" in str(refused(tmp_path, text))
    text = TEXT.replace("[profiles.prod]", "[profiles.prd]")
    assert "unknown profile; did you mean prod?" in str(refused(tmp_path, text))


@pytest.mark.parametrize(
    ("overrides", "remedy"),
    [
        ({"symbols": ["BTX-USD"]}, "did you mean BTC-USD"),
        ({"symbols": ["btc-usd"]}, "did you mean BTC-USD"),
        ({"sizing.target_leverage": "9"}, "from 1 to 5"),
        ({"strategy.bar_seconds": "fast"}, "whole number"),
        ({"execution.time_in_force": "FOK"}, "one of IOC, GTC"),
        ({"execution.time_in_force": "GTC"}, "--order-type limit"),
        ({"risk.max_positon_usd": "5"}, "did you mean risk.max_position_usd"),
    ],
)
def test_wrong_arguments_exit_64_and_name_the_flag(overrides: dict[str, object], remedy: str) -> None:
    """An unknown profile or symbol on the command line is a wrong argument, not a wrong file."""
    errors = load_settings(SHIPPED, "canary", overrides=overrides)
    assert isinstance(errors, ConfigErrors)
    assert errors.exit_code == 64
    assert str(errors).startswith("command line: 1 problem")
    assert remedy in str(errors)


def test_an_unknown_profile_exits_64_and_lists_the_profiles() -> None:
    """The five documented profiles are the only ones."""
    for name in ("cnary", "", "../canary", "canary\n"):
        errors = load_settings(SHIPPED, name)
        assert isinstance(errors, ConfigErrors)
        assert errors.exit_code == 64
        assert "dev, demo, canary, prod, spot" in str(errors)


@pytest.mark.parametrize(
    ("environ", "remedy"),
    [
        ({"PERPS_FORCE_MOCK": "ja"}, "must be 1 or 0"),
        ({"LOG_LEVEL": "LOUD"}, "one of DEBUG"),
        ({"COINBASE_API_MODE": "legacy"}, "advanced or exchange"),
        ({"COINBASE_ENABLE_KEEP_ALIVE": "maybe"}, "true or false"),
        ({"RISK_MAX_DALY_LOSS_PCT": "0.01"}, "did you mean RISK_MAX_DAILY_LOSS_PCT"),
        ({"RISK_MAX_DAILY_LOSS_PCT": "2"}, "percent are written as fractions"),
        ({"EVENT_STORE_ROOT": "a\nb"}, "path of a folder"),
    ],
)
def test_a_variable_that_means_nothing_is_an_error(environ: dict[str, str], remedy: str) -> None:
    """A slip in a variable never turns a mock run into a live one."""
    errors = load_settings(SHIPPED, "canary", environ=environ)
    assert isinstance(errors, ConfigErrors)
    assert errors.exit_code == 78
    assert remedy in str(errors)


def test_a_secret_in_the_wrong_file_is_refused_and_not_printed(tmp_path: Path) -> None:
    """Values of unknown keys are never shown."""
    planted = plant("planted-c4n4ry-s3cret")
    text = TEXT.replace("[defaults.rest]", f'[defaults.rest]\napi_secret = "{planted}"\ncoinbase_url = "{planted}"')
    file = tmp_path / "planted-secret.toml"
    file.write_text(text, encoding="utf-8")
    message = str(load_settings(file, "canary"))
    assert planted not in message
    assert "set COINBASE_API_KEY and COINBASE_API_SECRET in the environment" in message


def test_control_characters_of_a_value_are_not_printed(tmp_path: Path) -> None:
    """F-C04: an error message is one line per problem, whatever the file holds."""
    message = str(refused(tmp_path, TEXT.replace('log_level = "INFO"', 'log_level = """a\nb \\u001b[31mred"""')))
    assert "\x1b" not in message
    assert "must be one of DEBUG, INFO, WARNING, ERROR" in message
    assert len(message.splitlines()) == 3
    named = str(refused(tmp_path, TEXT.replace("[defaults.rest]", '[defaults.rest]\n"a\\u001b[31m\\nb" = 1')))
    assert "\x1b" not in named
    assert len(named.splitlines()) == 3
