"""The synthetic market and the paths beneath it."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

import pytest

from trader.exchange.accounts import Fees
from trader.exchange.listing import spot_listings
from trader.exchange.market import Market, Step
from trader.exchange.paths import REGIMES, SyntheticPath
from trader.exchange.setup import synthetic_exchange, synthetic_market

ORIGIN = 1_700_000_000.0
LISTINGS = spot_listings()


def _tape(market: Market, until: float) -> list[tuple[object, ...]]:
    return [
        (step.time, *(level.ticks for level in step.levels), *(trade.size for trade in step.trades))
        for step in market.steps(until)
    ]


def _run(market: Market, seconds: int) -> Iterator[Step]:
    """All steps of a stretch, in pieces short enough that none is skipped."""
    for second in range(1, seconds + 1):
        yield from market.steps(ORIGIN + second)


def test_one_seed_gives_one_market_however_it_is_polled() -> None:
    """Steps taken one by one or in a burst are the same; another seed or product is another market."""
    burst, paced = (synthetic_market(LISTINGS["BTC-USD"], seed=7, start=ORIGIN) for _ in range(2))
    at_once = _tape(burst, ORIGIN + 30)
    in_pieces = [row for second in range(1, 251) for row in _tape(paced, ORIGIN - 20 + second * 0.2)]
    assert at_once == in_pieces
    assert at_once != _tape(synthetic_market(LISTINGS["BTC-USD"], seed=8, start=ORIGIN), ORIGIN + 30)


@pytest.mark.parametrize("product_id", sorted(LISTINGS))
def test_every_pair_passes_the_documents_filters_and_crosses_twice_a_minute(product_id: str) -> None:
    """Over five minutes: spread at most 4 bps, 50,000 USD at the touch, 200,000 in ten levels, 100,000 a minute, and
    about ten 5/20 crosses.
    """
    market = synthetic_market(LISTINGS[product_id], seed=7, start=ORIGIN)
    mids: list[float] = []
    volume = Decimal(0)
    for step in _run(market, 300):
        bid, ask = market.ladder.bids.best(), market.ladder.asks.best()
        assert bid is not None
        assert ask is not None
        mid = market.mid()
        assert 0 < (ask - bid) * market.listing.price_increment / mid <= Decimal("0.0004")
        for half in (market.ladder.bids, market.ladder.asks):
            sizes = [size * mid for _, size in half.levels(10)]
            assert sizes[0] >= 50_000
            assert sum(sizes) >= 200_000
        volume += sum((trade.size * trade.price for trade in step.trades), Decimal(0))
        if step.time.is_integer():
            mids.append(float(mid))
    assert volume / 5 >= 100_000
    assert 7 <= _crosses(mids) <= 16
    minutes = [mids[index + 60] / mids[index] - 1 for index in range(0, len(mids) - 60, 7)]
    assert statistics.pstdev(minutes) * 725 < 0.8  # annualized, below the volatility warning


def _crosses(mids: list[float]) -> int:
    crosses, last = 0, 0
    for index in range(20, len(mids)):
        short, long = statistics.fmean(mids[index - 4 : index + 1]), statistics.fmean(mids[index - 19 : index + 1])
        bps = (short / long - 1) * 10_000
        side = 1 if bps > 1 else -1 if bps < -1 else 0
        if side and side != last:
            crosses, last = crosses + 1, side
    return crosses


def test_the_book_is_never_crossed_and_updates_rebuild_it() -> None:
    """A reader that applies the levels of every step to the first snapshot has the same book at the end."""
    market = synthetic_market(LISTINGS["ETH-USD"], seed=3, start=ORIGIN)
    copy = {(True, ticks): size for ticks, size in market.ladder.bids.levels()}
    copy |= {(False, ticks): size for ticks, size in market.ladder.asks.levels()}
    for step in market.steps(ORIGIN + 120):
        for level in step.levels:
            if level.size:
                copy[level.is_bid, level.ticks] = level.size
            else:
                copy.pop((level.is_bid, level.ticks), None)
        assert max(ticks for bid, ticks in copy if bid) < min(ticks for bid, ticks in copy if not bid)
    truth = {(True, ticks): size for ticks, size in market.ladder.bids.levels()}
    truth |= {(False, ticks): size for ticks, size in market.ladder.asks.levels()}
    assert copy == truth
    assert len(truth) == 400


def test_past_candles_join_the_live_ones_without_a_gap() -> None:
    """Asking across the market's first instant gives every minute once, newest first, and the past ends where the
    present begins.
    """
    market = synthetic_market(LISTINGS["BTC-USD"], seed=7, start=ORIGIN)
    assert sum(1 for _ in _run(market, 300)) == 1280
    rows = market.candles(ORIGIN - 3600, ORIGIN + 300, 60)
    starts = [row.start for row in rows]
    assert starts == sorted(set(starts), reverse=True)
    assert len(rows) == 65
    moves = [abs(newer.open / older.close - 1) for newer, older in pairwise(rows)]
    assert max(moves) < 0.002
    assert all(row.low <= min(row.open, row.close) <= max(row.open, row.close) <= row.high for row in rows)


def test_a_path_answers_any_moment_in_any_order() -> None:
    """Random access: last week before tomorrow gives what tomorrow before last week gave."""
    moments = [ORIGIN + offset for offset in (0.0, -604_800.0, 86_400.0, -1.0, 12_345.6)]
    one, two = (
        SyntheticPath(seed=7, product_id="BTC-USD", start_price=97_250.0, minute_volume_usd=1e6, origin=ORIGIN)
        for _ in range(2)
    )
    assert [one.price_at(at) for at in moments] == [two.price_at(at) for at in reversed(moments)][::-1]
    assert one.price_at(ORIGIN) == pytest.approx(97_250.0)


def test_perpetuals_follow_their_spot_pair() -> None:
    """A perpetual's mid stays within ten basis points of the spot mid."""
    exchange = synthetic_exchange(seed=7, start=ORIGIN, fees=Fees(), equity_usd=Decimal(1000), salt="x")
    for minute in range(1, 6):
        exchange.advance(ORIGIN + minute * 60)
        for base in ("BTC", "ETH", "SOL", "XRP"):
            ratio = exchange.market(f"{base}-PERP-INTX").mid() / exchange.market(f"{base}-USD").mid()
            assert abs(ratio - 1) < Decimal("0.001")


@pytest.mark.parametrize("name", sorted(REGIMES))
def test_each_regime_has_its_character(name: str) -> None:
    """Ten minutes of each: calm moves less and wild more than the usual market, thin trades little, jumpy jumps."""
    market = synthetic_market(LISTINGS["BTC-USD"], seed=7, start=ORIGIN, regime=REGIMES[name])
    usual = synthetic_market(LISTINGS["BTC-USD"], seed=7, start=ORIGIN)
    moves, volumes = zip(*(_character(one) for one in (market, usual)), strict=True)
    bounds = {"usual": (1, 1), "calm": (0.2, 0.9), "wild": (1.5, 6), "thin": (1, 1), "jumpy": (4, 100)}
    low, high = bounds[name]
    assert low <= moves[0] / moves[1] <= high
    assert volumes[0] / volumes[1] == pytest.approx(0.1 if name == "thin" else 1.0, rel=0.05)


def _character(market: Market) -> tuple[float, float]:
    """Largest move between two one-second mids over ten minutes, and the volume."""
    mids = [float(market.mid())]
    volume = 0.0
    for step in _run(market, 600):
        volume += sum(float(trade.size) for trade in step.trades)
        if step.time.is_integer():
            mids.append(float(market.mid()))
    return max(abs(after / before - 1) for before, after in pairwise(mids)), volume
