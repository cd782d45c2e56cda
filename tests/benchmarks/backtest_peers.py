"""The same crossover on the same candles in other people's engines; run by `tests.benchmarks.backtest` in their own environments.

    python backtest_peers.py NAME BARS

Prints one JSON line. Only the running of the engine is timed: data is made before, as it is for this project. A 5/20 cross of
closes, long only, ten percent of equity an entry, out at the opposite cross; no limits and no guards, for they have none of their own.
"""

from __future__ import annotations

import json
import math
import random
import resource
import sys
import time

START = 1_672_531_200
SHORT, LONG = 5, 20


def closes(bars: int) -> list[float]:
    """The closes of `tests.backtest.backtest_markets.waves` with its own settings."""
    draw = random.Random(1)
    return [
        round(25_000 * (1 + 0.004 * math.sin(2 * math.pi * bar / 60) + 0.0001 * draw.gauss(0, 1)), 2)
        for bar in range(bars)
    ]


def frame(bars: int):  # type: ignore[no-untyped-def]
    """The candles as the table that two of the peers read."""
    import pandas as pd

    close = pd.Series(closes(bars))
    opened = close.shift(1).fillna(close[0])
    index = pd.to_datetime([START + 60 * bar for bar in range(bars)], unit="s")
    rows = {
        "Open": opened,
        "High": close.combine(opened, max),
        "Low": close.combine(opened, min),
        "Close": close,
        "Volume": 20.0,
    }
    return pd.DataFrame(
        {name: list(column) if name != "Volume" else 20.0 for name, column in rows.items()}, index=index
    )


def backtesting(bars: int) -> tuple[float, int]:
    """Run backtesting.py: bars a second and orders."""
    import pandas as pd
    from backtesting import Backtest, Strategy
    from backtesting.lib import crossover

    class Cross(Strategy):  # type: ignore[misc]
        def init(self) -> None:
            price = pd.Series(self.data.Close)
            self.short = self.I(lambda: price.rolling(SHORT).mean())
            self.long = self.I(lambda: price.rolling(LONG).mean())

        def next(self) -> None:
            if crossover(self.short, self.long):
                self.buy(size=0.1)
            elif crossover(self.long, self.short):
                self.position.close()

    # This engine trades whole coins only, so it is given more money.
    run = Backtest(frame(bars), Cross, cash=100_000_000, commission=0.0002, finalize_trades=True)
    began = time.perf_counter()
    found = run.run()
    return bars / (time.perf_counter() - began), 2 * int(found["# Trades"])


def backtrader(bars: int) -> tuple[float, int]:
    """Run backtrader: bars a second and orders."""
    import backtrader as bt

    class Cross(bt.Strategy):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            short, long = bt.ind.SMA(period=SHORT), bt.ind.SMA(period=LONG)
            self.cross = bt.ind.CrossOver(short, long)
            self.orders = 0

        def next(self) -> None:
            if self.cross > 0 and not self.position:
                self.orders += 1
                self.buy(size=0.1 * self.broker.getvalue() / self.data.close[0])
            elif self.cross < 0 and self.position:
                self.orders += 1
                self.close()

    engine = bt.Cerebro(stdstats=False)
    engine.adddata(bt.feeds.PandasData(dataname=frame(bars)))
    engine.addstrategy(Cross)
    engine.broker.setcash(100_000)
    engine.broker.setcommission(0.0002)
    began = time.perf_counter()
    (strategy,) = engine.run()
    return bars / (time.perf_counter() - began), strategy.orders


def nautilus(bars: int) -> tuple[float, int]:
    """Run NautilusTrader: bars a second and orders."""
    from decimal import Decimal

    from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
    from nautilus_trader.config import LoggingConfig, StrategyConfig
    from nautilus_trader.indicators import SimpleMovingAverage
    from nautilus_trader.model.currencies import USDT
    from nautilus_trader.model.data import Bar, BarType
    from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
    from nautilus_trader.model.identifiers import Venue
    from nautilus_trader.model.objects import Money, Price, Quantity
    from nautilus_trader.test_kit.providers import TestInstrumentProvider
    from nautilus_trader.trading.strategy import Strategy

    instrument = TestInstrumentProvider.btcusdt_binance()
    kind = BarType.from_str(f"{instrument.id}-1-MINUTE-LAST-EXTERNAL")

    class Cross(Strategy):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(StrategyConfig())
            self.short, self.long = SimpleMovingAverage(SHORT), SimpleMovingAverage(LONG)
            self.above = False
            self.orders = 0

        def on_start(self) -> None:
            self.register_indicator_for_bars(kind, self.short)
            self.register_indicator_for_bars(kind, self.long)
            self.subscribe_bars(kind)

        def on_bar(self, bar: Bar) -> None:
            if not self.long.initialized:
                return
            above = self.short.value > self.long.value
            if above != self.above:
                self.above = above
                flat = self.portfolio.is_flat(instrument.id)
                if above and flat:
                    self._order(OrderSide.BUY)
                elif not above and not flat:
                    self._order(OrderSide.SELL)

        def _order(self, side: OrderSide) -> None:
            self.orders += 1
            self.submit_order(self.order_factory.market(instrument.id, side, Quantity.from_str("0.400000")))

    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(
        Venue("BINANCE"),
        OmsType.NETTING,
        AccountType.MARGIN,
        [Money(100_000, USDT)],
        base_currency=None,
        default_leverage=Decimal(1),
    )
    engine.add_instrument(instrument)
    last = closes(bars)
    rows = []
    for at, close in enumerate(last):
        opened, moment = last[max(at - 1, 0)], (START + 60 * at) * 1_000_000_000
        price = [Price(value, 2) for value in (opened, max(opened, close), min(opened, close), close)]
        rows.append(Bar(kind, *price, Quantity(20, 6), moment, moment))
    engine.add_data(rows)
    strategy = Cross()
    engine.add_strategy(strategy)
    began = time.perf_counter()
    engine.run()
    return bars / (time.perf_counter() - began), strategy.orders


def main() -> None:
    """Run one peer and print its figures."""
    name, bars = sys.argv[1], int(sys.argv[2])
    rate, orders = {"backtesting": backtesting, "backtrader": backtrader, "nautilus": nautilus}[name](bars)
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps({"bars": bars, "bars_per_s": rate, "orders": orders, "trading_share": orders / bars, "rss_mib": rss})
    )


if __name__ == "__main__":
    main()
