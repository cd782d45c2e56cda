"""What must hold after every process test: the books agree, no fill is booked twice, no secret is written.

Imported by `trader_process.py`, which calls it when a room is left, and by tests that run without a room.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from trader.store.events import EventName
from trader.store.reader import EventReader

TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}")


def signed(fills: Sequence[dict[str, Any]], symbol: str) -> dict[str, Decimal]:
    """Sum fills to a position per symbol; `symbol` is the key that holds its name."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for fill in fills:
        size = Decimal(str(fill["size"]))
        sums[fill[symbol]] += size if str(fill["side"]).upper().endswith("BUY") else -size
    return {name: size for name, size in sums.items() if size}


def assert_books_agree(profile_folder: Path, fills: Sequence[dict[str, Any]]) -> None:
    """The store's fills sum to the exchange's, per symbol, in Decimal, and none was booked twice."""
    if not (profile_folder / "store.head").exists():
        assert not fills, "the exchange filled orders of a trader that has no event store"
        return
    booked = [dict(event.payload) for event in EventReader.open_readonly(profile_folder).replay()
              if event.event == EventName.TRADE_EXECUTED]  # fmt: skip
    times = Counter(fill["trade_id"] for fill in booked)
    assert not [trade for trade, count in times.items() if count > 1], "a fill was booked twice"
    ours, theirs = signed(booked, "symbol"), signed(fills, "product_id")
    assert ours == theirs, f"the ledger says {ours}, the exchange {theirs}"


def assert_last_state_agrees(profile_folder: Path, fills: Sequence[dict[str, Any]]) -> None:
    """The positions of last_state.json are the exchange's; for a trader that has stopped in order."""
    state = json.loads((profile_folder / "last_state.json").read_bytes())
    shown = {row["symbol"]: Decimal(row["quantity"]) for row in state["positions"]}
    assert shown == signed(fills, "product_id")


def assert_no_secrets(data: Path, traders: Sequence[Any], ready: Mapping[str, Any]) -> None:
    """Neither the key, nor a piece of it, nor a token is in any trader's output or any file but the store's key (I-14)."""
    pem = [line for line in ready["api_secret"].splitlines() if line and not line.startswith("-----")]
    secrets = [*pem, "BEGIN EC PRIVATE KEY", "BEGIN PRIVATE KEY"]
    outputs = {f"stdout of {trader.process.pid}": trader.stdout.text for trader in traders}
    outputs |= {f"stderr of {trader.process.pid}": trader.stderr.text for trader in traders}
    for file in data.rglob("*") if data.exists() else ():
        if file.is_file() and file.name != "store.key":
            outputs[str(file)] = file.read_bytes().decode("latin-1")
            assert file.stat().st_mode & 0o077 == 0, f"{file} can be read by others"
    for name, text in outputs.items():
        for secret in secrets:
            assert secret not in text, f"a secret is in {name}"
        assert not TOKEN.search(text), f"a token is in {name}"
