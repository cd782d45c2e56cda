"""Builders for the strategy tests: an instrument, a context that passes every filter, and a window out of closes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from decimal import Decimal

from trader.market.instrument import Instrument, ProductKind
from trader.market.quote import BookTop, Quote
from trader.market.window import MarkWindow
from trader.strategy.protocol import FLAT, Context, Decision, PositionView, Strategy
from trader.strategy.settings import FilterLimits, SizingSettings, StrategySettings

SPOT = Instrument(
    "BTC-USD", "BTC-USD", ProductKind.SPOT, "BTC", "USD",
    Decimal("0.01"), Decimal("0.00000001"), Decimal("0.00001"), Decimal(3400), Decimal(1),
)  # fmt: skip
PERP = Instrument(
    "BTC-PERP", "BTC-PERP-INTX", ProductKind.PERPETUAL, "BTC", "USDC",
    Decimal("0.01"), Decimal("0.0001"), Decimal("0.0001"), Decimal(1000), Decimal(10),
    max_leverage=Decimal(10),
)  # fmt: skip
FILTERS = FilterLimits()
SIZING = SizingSettings()
LONG = PositionView(Decimal(1), Decimal(50_000), adds=1)
SHORT = PositionView(Decimal(-1), Decimal(50_000), adds=1)


def quote(instrument: Instrument = SPOT, **changes: object) -> Quote:
    """A tight, deep, busy quote at 50,000; any field may be changed."""
    fields: dict[str, object] = {
        "symbol": instrument.symbol, "bid": Decimal("49999.5"), "ask": Decimal("50000.5"), "bid_size": Decimal(3),
        "ask_size": Decimal(3), "half_ticks": 10_000_000, "last": None, "volume_1m_usd": Decimal(2_000_000),
        "market_time": 1000.0, "machine_time": 50.0,
    }  # fmt: skip
    return Quote(**(fields | changes))  # type: ignore[arg-type]


def book(size: str = "1", levels: int = 10, **changes: object) -> BookTop:
    """Ten levels of one coin around 50,000 a side."""
    bids = tuple((Decimal(49_999 - level), Decimal(size)) for level in range(levels))
    asks = tuple((Decimal(50_001 + level), Decimal(size)) for level in range(levels))
    fields: dict[str, object] = {
        "symbol": "BTC-USD", "bids": bids, "asks": asks, "market_time": 1000.0, "machine_time": 50.0,
    }  # fmt: skip
    return BookTop(**(fields | changes))  # type: ignore[arg-type]


def context(instrument: Instrument = SPOT, **changes: object) -> Context:
    """A moment at which an entry passes every filter."""
    fields: dict[str, object] = {
        "instrument": instrument, "quote": quote(instrument), "equity_usd": Decimal(10_000), "market_time": 1000.0,
        "machine_time": 50.5, "book": book(), "leverage_cap": Decimal(5),
    }  # fmt: skip
    return Context(**(fields | changes))  # type: ignore[arg-type]


def settings_of(**changes: object) -> StrategySettings:
    """A 2/4 cross without a band unless told otherwise: crosses can be laid out by hand."""
    fields: dict[str, object] = {
        "short_ma_period": 2, "long_ma_period": 4, "epsilon_bps": Decimal(0), "bar_seconds": 1,
    }  # fmt: skip
    return StrategySettings(**(fields | changes))  # type: ignore[arg-type]


def bars(strategy: Strategy, closes: Sequence[int], symbol: str = "BTC-USD") -> Iterator[MarkWindow]:
    """Yield the window at the close of every bar of one second."""
    window = MarkWindow(symbol, 1, strategy.window_plan)
    for second, close in enumerate([*closes, closes[-1]]):
        if window.add(close, float(second)) is not None:
            yield window


def decisions(
    strategy: Strategy, closes: Sequence[int], position: PositionView = FLAT, moment: Context | None = None
) -> list[Decision]:
    """What the strategy decides at each bar, the position never changing."""
    moment = moment or context()
    return [strategy.on_bar(window, position, moment) for window in bars(strategy, closes)]


def walk(length: int, seed: int, step: int = 4_000) -> list[int]:
    """A random walk in half ticks around 50,000 USD."""
    source, price, closes = random.Random(seed), 10_000_000, []
    for _ in range(length):
        price += source.randint(-step, step)
        closes.append(price)
    return closes
