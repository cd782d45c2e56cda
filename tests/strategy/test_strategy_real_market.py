"""The signal path over a recorded crisis: BTC-USD minutes of March 2023, with their gaps and spikes.

The data lies outside the project; without it these tests skip and say so. Set TRADER_MARKET_DATA to its folder.
"""

from __future__ import annotations

import csv
import gzip
import os
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from strategy_builders import FILTERS, SIZING, SPOT, settings_of

from trader.market.bars import bars_from_candles
from trader.market.quote import Bar, Candle
from trader.market.window import MarkWindow
from trader.strategy.ma_cross import MovingAverageCross

FOLDER = Path(os.environ.get("TRADER_MARKET_DATA") or Path(__file__).parents[3] / "shared" / "market")
FILE = FOLDER / "btc_usd_1m_2023-03.csv.gz"
SHORT, LONG, BARS = 5, 20, 6_000

pytestmark = pytest.mark.skipif(
    not FILE.is_file(), reason=f"no market data: {FILE.name} not found; set TRADER_MARKET_DATA"
)


@pytest.fixture(scope="module")
def minutes() -> list[Bar]:
    """Bars of one minute from 10 March 2023 on, as the warm-up makes them of candles."""
    with gzip.open(FILE, "rt", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["time"] >= "2023-03-10"][:BARS]
    candles = [
        Candle(datetime.fromisoformat(row["time"]).timestamp(), *(Decimal(row[key]) for key in CANDLE_KEYS))
        for row in rows
    ]
    return list(bars_from_candles(candles, 60, 60, SPOT))


CANDLE_KEYS = ("open", "high", "low", "close", "volume")


def test_every_cross_of_the_crisis_is_found_and_no_other(minutes: list[Bar]) -> None:
    """Against sums taken afresh at every bar; a few hundred crosses in four days."""
    strategy = MovingAverageCross(
        settings_of(short_ma_period=SHORT, long_ma_period=LONG, epsilon_bps=Decimal(1)), FILTERS, SIZING
    )
    window, fired = MarkWindow("BTC-USD", 60, strategy.window_plan), 0
    closes: list[int] = []

    def gap(end: int) -> int:
        return (sum(closes[end - SHORT : end]) * LONG - sum(closes[end - LONG : end]) * SHORT) * 10_000

    for minute in minutes:
        bar = window.add(minute.close, minute.start)
        while bar is not None:
            closes.append(bar.close)
            end, band = len(closes), bar.close * SHORT * LONG
            if end > LONG:
                up = gap(end - 1) <= band < gap(end)
                down = gap(end - 1) >= -band > gap(end)
                assert strategy.signal(window) == up - down
                fired += up + down
            bar = window.fill()
    assert fired > 200


def test_the_index_stays_with_an_independent_library_through_the_crisis(minutes: list[Bar]) -> None:
    """talipp's RSI 14 at every bar, within the stated twentieth of a point."""
    talipp = pytest.importorskip("talipp.indicators", reason="talipp is not installed (test extra)")
    strategy = MovingAverageCross(settings_of(require_rsi_confirmation=True), FILTERS, SIZING)
    window = MarkWindow("BTC-USD", 60, strategy.window_plan)
    theirs = talipp.RSI(14, [])
    compared = 0
    for minute in minutes:
        bar = window.add(minute.close, minute.start)
        while bar is not None:
            theirs.add(float(bar.close))
            if theirs[-1] is not None:
                assert window.rsi == pytest.approx(theirs[-1], abs=0.05)
                compared += 1
            bar = window.fill()
    assert compared > BARS - 20
