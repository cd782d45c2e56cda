"""A backtest over recorded envelopes: the live frame handler, recorded books, live actors."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path

import pytest

from actors.backtest_command import main
from tests.backtest.backtest_markets import ROOT, START
from tests.backtest.test_backtest_command import market_folder
from trader.exit_code import Ends, ExitCode

CONFIG = ["--config", str(ROOT / "config.toml"), "--profile", "dev"]


def recording(folder: Path, seconds: int = 240, *, drop: int = -1) -> Path:
    """Four messages a second of BTC-USD: whole books around a wave, and trades; message `drop` is missing."""
    lines, number = [], 0
    for quarter in range(4 * seconds):
        at = START + quarter / 4
        middle = round(25_000 * (1 + 0.002 * math.sin(2 * math.pi * quarter / 160)))
        stamp = datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
        for channel, event in (("l2_data", _book(middle)), ("market_trades", _trade(quarter, middle, stamp))):
            envelope = {"channel": channel, "timestamp": stamp, "sequence_num": number, "events": [event], "_recv": at}
            number += 1
            if number != drop:
                lines.append(json.dumps(envelope))
    path = folder / "recorded.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path


def _book(middle: int) -> dict[str, object]:
    rows = [("bid", middle - 1 - at) for at in range(12)] + [("offer", middle + 1 + at) for at in range(12)]
    updates = [{"side": side, "price_level": f"{price}.25", "new_quantity": "4.5"} for side, price in rows]
    return {"type": "snapshot", "product_id": "BTC-USD", "updates": updates}


def _trade(number: int, price: int, stamp: str) -> dict[str, object]:
    trade = {
        "trade_id": str(number),
        "product_id": "BTC-USD",
        "price": f"{price}.25",
        "size": "1",
        "side": "BUY",
        "time": stamp,
    }
    return {"type": "update", "trades": [trade]}


def run(file: Path, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, object]:
    """Run the command and return its summary."""
    assert main([*CONFIG, "--market", str(file), "--json", *more]) == ExitCode.OK
    summary: dict[str, object] = json.loads(capsys.readouterr().out)
    return summary


def test_a_recording_is_traded_on_its_own_books(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bars of a second, entries and exits at recorded prices, and the same bytes again."""
    file = recording(tmp_path)
    summary = run(file, capsys)
    assert summary["unit"] == "messages"
    assert summary["bars"] == 8 * 240
    assert summary["executions"]
    assert summary["models"]["depth"] == "the ten recorded levels a side"  # type: ignore[index]
    assert run(file, capsys)["event_log_sha256"] == summary["event_log_sha256"]


def test_a_lost_message_taints_the_book_as_live(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The sequence guard sees the hole; the next snapshot heals it and the run goes on."""
    whole, holed = run(recording(tmp_path), capsys), run(recording(tmp_path, drop=301), capsys)
    assert holed["bars"] == whole["bars"] - 1  # type: ignore[operator]
    assert holed["executions"]


def test_a_line_that_is_no_envelope_is_named(tmp_path: Path) -> None:
    """File, line and remedy."""
    file = recording(tmp_path, seconds=2)
    file.write_text(file.read_text() + "not json\n")
    with pytest.raises(Ends, match="line 17: no envelope") as ended:
        main([*CONFIG, "--market", str(file)])
    assert ended.value.code == ExitCode.USAGE


@pytest.mark.skipif(
    not (market_folder() / "coinbase_feed_capture_2021-04-17.jsonl.gz").exists(),
    reason="recorded market data is not here (TRADER_MARKET_DATA)",
)
def test_a_real_recording_runs_to_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    """Thirty seconds of real traffic: every message is taken, every second decided once."""
    summary = run(market_folder() / "coinbase_feed_capture_2021-04-17.jsonl.gz", capsys)
    assert (summary["bars"], summary["symbols"]) == (9_943, ["SKL-USD"])
    assert sum(summary["reasons"].values()) == 30  # type: ignore[attr-defined]


def test_products_that_do_not_run_are_named_with_the_cause(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A capture of several products must not look as if all of them had been traded."""
    file = recording(tmp_path)
    lines = file.read_text().splitlines()
    extra = json.loads(lines[1])
    extra["events"][0]["trades"][0]["product_id"] = "ETH-USD"
    lines[1] = json.dumps(extra)
    file.write_text("\n".join(lines) + "\n")
    left = "ETH-USD (no order book of them is recorded)"
    assert run(file, capsys)["left_out"] == left
    assert main([*CONFIG, "--market", str(file)]) == ExitCode.OK
    told = capsys.readouterr().out
    assert f"LEFT OUT  {left}" in told
    assert "average trade" in told
