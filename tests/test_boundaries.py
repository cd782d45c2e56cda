"""The walls of the house, read from the source: who may import what, who may make an approval, and that nobody asks."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ["market", "orders", "venue", "strategy", "risk", "store", "coinbase", "exchange", "report"]
PURE = {"market", "orders", "strategy", "risk"}
CLOCKS = {"time", "random", "secrets", "uuid", "socket", "requests", "sqlite3", "threading", "loguru"}
SOURCES = sorted([*ROOT.glob("trader/**/*.py"), *ROOT.glob("actors/*.py"), ROOT / "run.py"])


def room(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[1] if len(parts) > 1 and parts[0] == "trader" else parts[0]


def imports(path: Path) -> Iterator[str]:
    """Every module a file imports, wherever in the file; type-checking imports included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def offenders(allowed: object) -> list[str]:
    assert callable(allowed)
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in SOURCES
        for name in imports(path)
        if not allowed(path, name)
    ]


def test_trader_never_imports_actors_or_pykka() -> None:
    """run.py → actors/ → trader/, never back."""
    assert not offenders(
        lambda path, name: room(path) in {"actors", "run"} or name.split(".")[0] not in {"actors", "pykka"}
    )


def test_the_floors_of_trader_import_only_downward() -> None:
    """A floor may lean on the ones below it."""

    def allowed(path: Path, name: str) -> bool:
        parts = name.split(".")
        if room(path) not in FLOORS or parts[0] != "trader" or len(parts) < 2 or parts[1] not in FLOORS:
            return True
        return FLOORS.index(parts[1]) <= FLOORS.index(room(path))

    assert not offenders(allowed)


def test_the_pure_core_has_no_clock_no_chance_and_no_io() -> None:
    """Time and randomness are inputs."""
    assert not offenders(lambda path, name: room(path) not in PURE or name.split(".")[0] not in CLOCKS)


def test_only_trader_coinbase_and_the_exchange_know_the_venue() -> None:
    """Actors meet Coinbase in the wiring alone."""
    wiring = {"connection.py", "system.py"}
    commands = {path.name for path in ROOT.glob("actors/*_command.py")} | {
        path.name for path in ROOT.glob("actors/check*.py")
    }

    def allowed(path: Path, name: str) -> bool:
        knows = name.startswith("trader.coinbase") and not name.endswith(".settings")
        return (
            not knows
            or room(path) in {"coinbase", "config"}
            or path.name in wiring | commands | {"backtest_envelopes.py"}
        )

    assert not offenders(allowed)


def test_nobody_asks() -> None:
    """No ask, no proxy, no waiting for a future in the actor layer (S17)."""
    found = [
        f"{path.name}:{node.lineno}"
        for path in ROOT.glob("actors/*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"ask", "proxy", "defer"}
    ]
    assert not found


def test_an_approval_is_made_in_one_file_only() -> None:
    """And only risk's desk calls its maker."""
    makers = [
        path.relative_to(ROOT).as_posix()
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"Approval", "approve"}
    ]
    assert set(makers) == {"trader/risk/approval.py", "trader/risk/desk.py"}


def test_an_approval_made_by_hand_is_refused() -> None:
    """The type guards itself."""
    from decimal import Decimal

    from trader.orders.order import OrderType, Side, TimeInForce
    from trader.risk import approval
    from trader.venue import OrderRequest

    request = OrderRequest(
        "c", "BTC-USD", "BTC-USD", Side.BUY, Decimal(1), Decimal(1), OrderType.MARKET, TimeInForce.IOC
    )
    with pytest.raises(TypeError, match="approve alone"):
        approval.Approval(request, "c:x", 0.0, 1.0, approval.digest_of(request), False, object())  # type: ignore[arg-type]


def test_the_trading_process_never_loads_the_exchange_or_terminal_libraries() -> None:
    """aiohttp and rich cost memory and belong to other processes; backtest and the vendor's SDK are no part of a live run."""
    foreign = ("aiohttp", "rich", "pydantic", "pandas", "sklearn", "coinbase", "trader.exchange", "actors.backtest")
    code = (
        "import sys; import run, actors.trade_command, actors.system;"
        f"print([m for m in sys.modules if any(m == f or m.startswith((f + '.', f + '_')) for f in {foreign!r})])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
