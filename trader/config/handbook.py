"""Tables of the handbook made from the configuration itself: profiles, keys, environment variables, as Markdown.

`run.py config --handbook` prints them and a test compares the README with them, so that they cannot grow apart.
"""

from collections.abc import Mapping
from pathlib import Path

from trader.config.environment import FLAGS
from trader.config.key import plain, toml_text
from trader.config.layers import PROFILES
from trader.config.load import load_settings
from trader.config.problem import ConfigErrors
from trader.config.settings import Settings
from trader.config.table import KEYS
from trader.exit_code import Ends, ExitCode

ENVIRONMENT: Mapping[str, str] = {
    "COINBASE_API_KEY": "name of the API key; needed with --live only",
    "COINBASE_API_SECRET": "the private key itself: PEM, base64, or the portal's JSON; not the path of a file",
    "COINBASE_PASSPHRASE": "of a key of the older Exchange API, also as COINBASE_API_PASSPHRASE; such a key is refused for trading",
    "COINBASE_API_MODE": "advanced (default); exchange is refused with --live: orders go out by the Advanced Trade API only",
    "COINBASE_SANDBOX": "1 selects paper: the sandbox does not speak the Advanced Trade API",
    "COINBASE_ENABLE_DERIVATIVES": "1 opens the gate for perpetuals; anything else keeps it closed",
    "COINBASE_ENABLE_KEEP_ALIVE": "0 opens a new connection for each request",
    "COINBASE_REST_URL": "REST address; Coinbase's own hosts or this machine only",
    "COINBASE_WS_URL": "market feed address; the same rule",
    "COINBASE_WS_USER_URL": "user feed address; the same rule",
    "PERPS_FORCE_MOCK": "1 forces paper in any profile",
    "PERPS_PAPER": "1 forces paper in any profile",
    "SPOT_FORCE_LIVE": "1 selects the live venue for a paper profile; --live is still needed",
    "COINBASE_CA_FILE": "file of certificate authorities for a venue on this machine; the system's by default",
    "LOG_LEVEL": "DEBUG, INFO, WARNING or ERROR",
    "EVENT_STORE_ROOT": "where all data lives (default ./data)",
    "EVENT_STORE_KEY_FOLDER": "folder of the event store's keys, each PROFILE.key; beside the store by default",
    "METRICS_PORT": "port of /metrics, /health, /live and /ready on 127.0.0.1; 0 takes a free one; off without it",
    "RISK_<KEY>": "overrides risk.<key>, for example RISK_MAX_DAILY_LOSS_USD=5",
    "ALERT_WEBHOOK_URL": "where alerts are posted; https, or http to this machine",
    "ALERT_WEBHOOK_FORMAT": "json (default) or slack",
    "RUN_SANDBOX_VALIDATIONS": "1 lets run.py validate run at all",
    "USE_REAL_ADAPTER": "1 makes run.py validate read from the live venue; nothing that sends an order is run then",
}
"""Variable -> what it does, in the order of the handbook."""


_HEAD = """# Configuration

Made from the code by `python run.py config --handbook`; a test compares this file with it. What holds now and where each value came
from: `python run.py config --profile NAME`. For completion and checks in an editor: `python run.py config --schema > schema.json`.

A value comes from the strongest of: flag, environment variable, `[profiles.NAME.paper]` (on paper), `[profiles.NAME]`, `[defaults]`,
the default below. While the program runs, a saved file is read within a few seconds: of the keys that apply *at once*, what is safer
does so, and what loosens waits for `python run.py config accept`; the others wait for the next start."""


def handbook(file: Path) -> str:
    """Introduction and all three tables. Raises Ends for a file with errors."""
    parts = (
        _HEAD, "## Profiles", profiles_table(file), "## Keys", keys_table(), "## Environment", environment_table()
    )  # fmt: skip
    return "\n\n".join(parts)


def profiles_table(file: Path) -> str:
    """The profiles side by side, live values (PROF-22); the paper equity stands beside. Raises Ends."""
    head = "| profile | venue | symbols | max position | max leverage | day loss | shorts | mock broker | hours | paper equity |"
    rows = [head, "|---|---|---|---|---|---|---|---|---|---|"]
    for profile in PROFILES:
        live, paper = _loaded(file, profile, paper=None), _loaded(file, profile, paper=True)
        risk = live.risk
        loss = f"{plain(risk.max_daily_loss_usd)} USD or " if risk.max_daily_loss_usd else ""
        rows.append(
            f"| `{profile}` | {live.venue} | {len(live.symbols)} | {plain(risk.max_position_usd)} USD"
            f" | {plain(min(risk.leverage_max, risk.leverage_max_global))}x | {loss}{plain(risk.max_daily_loss_pct * 100)} %"
            f" | {'derivatives only' if live.strategy.enable_shorts else 'no'} | {'yes' if live.is_paper else 'no'}"
            f" | {live.trading_window or 'all day'} | {plain(paper.paper.equity_usd)} USD |"
        )
    return "\n".join(rows)


def keys_table() -> str:
    """Every key with its meaning, allowed values, default and when a change applies."""
    rows = ["| key | meaning | allowed | default | a change applies |", "|---|---|---|---|---|"]
    rows += [
        f"| `{path}` | {key.doc} | {key.allowed()} | `{toml_text(key.default)}` | {'at once' if key.at_once else 'next start'} |"
        for path, key in KEYS.items()
    ]
    return "\n".join(rows)


def environment_table() -> str:
    """Every variable, then the flags that override keys."""
    rows = ["| variable | meaning |", "|---|---|", *(f"| `{name}` | {told} |" for name, told in ENVIRONMENT.items())]
    flags = [f"`--{flag.replace('_', '-')}` sets `{path}`" for flag, path in FLAGS.items()]
    return "\n".join(rows) + "\n\nFlags over keys: " + ", ".join(flags) + "."


def _loaded(file: Path, profile: str, *, paper: bool | None) -> Settings:
    settings = load_settings(file, profile, paper=paper)
    if isinstance(settings, ConfigErrors):
        raise Ends(ExitCode(settings.exit_code), str(settings))
    return settings
