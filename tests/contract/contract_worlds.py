"""The two venues behind the port, each with a market that stands still: what the contract suite is run against.

Imported by the tests of this folder. `ExchangeWorld` is the Coinbase client over HTTP to an exchange process whose clock
crawls; `BacktestWorld` is the venue inside the process that backtests trade on. A test sees only what both offer.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from actors.backtest_models import MarketModels
from actors.backtest_venue import InProcessVenue
from tests.planted_secrets import plant
from trader.coinbase.auth import Credentials
from trader.coinbase.rest import CoinbaseVenue
from trader.coinbase.settings import RestSettings
from trader.market.catalog import ProductCatalog
from trader.market.instrument import Instrument, ProductKind
from trader.venue import Venue

ROOT = Path(__file__).resolve().parents[2]
SPOT, PERPETUAL = "BTC-USD", "BTC-PERP"
CRAWL = 0.02  # market seconds per second: the book of a quarter second stands for twelve
Touch = tuple[Decimal, Decimal, Decimal]  # best bid, best ask, size at the ask


class World(Protocol):
    """A venue, what its market looks like, and a way to let market time pass."""

    venue: Venue

    def touch(self, symbol: str) -> Touch:
        """Best bid, best ask, and the size offered there."""
        ...

    def pass_time(self, market_time: float) -> None:
        """Return once the market's clock is past a moment and resting orders have been looked at."""
        ...


class ExchangeWorld:
    """The Coinbase client on the embedded exchange."""

    def __init__(self, ready: dict[str, Any]) -> None:
        credentials = Credentials.parse(ready["api_key"], plant(ready["api_secret"]))
        settings = RestSettings(enable_throttle=False, retry_delay_s=0.05)
        self.client = CoinbaseVenue(ready["rest_url"], credentials, settings, ProductCatalog(derivatives=True))
        self.venue: Venue = self.client

    def touch(self, symbol: str) -> Touch:
        """As the price book says."""
        book = self.client.book_top(symbol)
        return book.bids[0][0], book.asks[0][0], book.asks[0][1]

    def pass_time(self, market_time: float) -> None:
        """Wait for the crawling clock."""
        deadline = time.monotonic() + 10
        while self.client.server_time() <= market_time:
            assert time.monotonic() < deadline, "the market's clock stands"
            time.sleep(0.02)


class BacktestWorld:
    """The venue of the backtest: a book of ten equal levels around a price, told by hand."""

    def __init__(self) -> None:
        models = MarketModels(maker_fee=Decimal("0.005"), taker_fee=Decimal("0.009"))
        self.inside = InProcessVenue(
            [_instrument(SPOT), _instrument(PERPETUAL)], models, {"USD": EQUITY}, time.monotonic
        )
        self.inside.market_time = 1_750_000_000.0
        for symbol, price_ticks in ((SPOT, 9_000_000), (PERPETUAL, 18_000)):
            self.inside.set_price(symbol, price_ticks, price_ticks)
            self.inside.set_shape(symbol, 2, 1, Decimal("0.05") if symbol == SPOT else Decimal(5))
        self.venue: Venue = self.inside

    def touch(self, symbol: str) -> Touch:
        """One tick to either side of the price."""
        instrument, price = self.inside.instruments([symbol])[0], self.inside.middle(symbol)
        size = Decimal("0.05") if symbol == SPOT else Decimal(5)
        return price - instrument.price_increment, price + instrument.price_increment, size

    def pass_time(self, market_time: float) -> None:
        """Let a quiet candle close after the moment."""
        self.inside.market_time = market_time + 1
        for symbol, price_ticks in ((SPOT, 9_000_000), (PERPETUAL, 18_000)):
            self.inside.trade_through(symbol, price_ticks, price_ticks)


EQUITY = Decimal(10_000_000)


def _instrument(symbol: str) -> Instrument:
    future = symbol == PERPETUAL
    return Instrument(
        symbol=symbol,
        product_id="BIP-20DEC30-CDE" if future else symbol,
        kind=ProductKind.PERPETUAL if future else ProductKind.SPOT,
        base="BTC",
        quote="USD",
        price_increment=Decimal(5) if future else Decimal("0.01"),
        base_increment=Decimal(1) if future else Decimal("0.00000001"),
        base_min_size=Decimal(1) if future else Decimal("0.00000001"),
        base_max_size=Decimal(5000) if future else Decimal(3400),
        quote_min_size=Decimal(0),
        contract_size=Decimal("0.01") if future else Decimal(1),
        funding_rate=Decimal("0.00001") if future else None,
    )


@contextlib.contextmanager
def exchange_world() -> Iterator[ExchangeWorld]:
    """Start an exchange on a free port and end it, by its own pid, with the block."""
    flags = ("--port", "0", "--seed", "7", "--speed", str(CRAWL), "--equity", str(EQUITY), "--die-with-parent")
    process = subprocess.Popen(
        [sys.executable, "-m", "trader.exchange", *flags],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    world = None
    try:
        line = process.stdout.readline()
        assert line, "the exchange did not start"
        world = ExchangeWorld(json.loads(line))
        yield world
    finally:
        if world is not None:
            world.client.close()
        process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
