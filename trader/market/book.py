"""The level-2 book of one product, exact and fast: two sorted arrays of integers a side, the best level at the end.

Anyone may import this. No clock, no threads: one feed thread owns a book. Prices are integers of the last decimal
of the product's price increment, sizes of its size increment; `Grid` converts. A book says itself why it must not
be traded on (`taint`): it had no snapshot yet, a message was lost, or it is crossed.

Cost: an update is a binary search and a move of what is better than it, and most updates are near the end of the
arrays. Sums over the top are taken from the end, never over the whole book. Sizes finer than the grid are cut off,
so depth is never overstated.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from decimal import Decimal

from trader.market.instrument import Instrument

NO_SNAPSHOT = "no snapshot"
GAP = "gap"
CROSSED = "crossed"
INTEGER_MAX = 2**63 - 1
BPS = Decimal(10_000)

Level = tuple[Decimal, Decimal]


class OffGridError(ValueError):
    """A price or size that is no plain number, is negative, or (a price) does not lie on the product's grid."""


class Grid:
    """Text of the wire to integers and back, for one product. Remembers recent prices; those near the top repeat all
    day.
    """

    __slots__ = ("_memo", "price_digits", "size_digits")

    MEMO_MAX = 4096

    def __init__(self, price_digits: int, size_digits: int) -> None:
        self.price_digits = price_digits
        self.size_digits = size_digits
        self._memo: dict[str, int] = {}

    @classmethod
    def of(cls, instrument: Instrument) -> Grid:
        """Return the grid of a product."""
        return cls(_digits(instrument.price_increment), _digits(instrument.base_increment))

    def ticks(self, text: object) -> int:
        """Return a price as integer; raises OffGridError."""
        if isinstance(text, str):
            known = self._memo.get(text)
            if known is not None:
                return known
            ticks = _scaled(text, self.price_digits, exact=True)
            if len(self._memo) >= self.MEMO_MAX:
                self._memo.clear()
            self._memo[text] = ticks
            return ticks
        return _scaled(format(_decimal(text), "f"), self.price_digits, exact=True)

    def lots(self, text: object) -> int:
        """Return a size as integer, cut to the grid; raises OffGridError."""
        return _scaled(text if isinstance(text, str) else format(_decimal(text), "f"), self.size_digits, exact=False)

    def price(self, ticks: int) -> Decimal:
        """Return the price of an integer."""
        return Decimal(ticks).scaleb(-self.price_digits)

    def size(self, lots: int) -> Decimal:
        """Return the size of an integer."""
        return Decimal(lots).scaleb(-self.size_digits)


class _Ladder:
    """One side: keys ascending with the best last (bids by price, asks by minus the price), sizes beside them."""

    __slots__ = ("keys", "sizes")

    def __init__(self) -> None:
        self.keys: array[int] = array("q")
        self.sizes: array[int] = array("q")

    def load(self, levels: Iterable[tuple[int, int]]) -> None:
        kept = sorted((key, size) for key, size in dict(levels).items() if size > 0)
        self.keys = array("q", [key for key, _ in kept])
        self.sizes = array("q", [size for _, size in kept])

    def put(self, key: int, size: int) -> None:
        keys = self.keys
        count = len(keys)
        at = count - 1 if count and keys[-1] == key else bisect_left(keys, key)
        if at < count and keys[at] == key:
            if size:
                self.sizes[at] = size
            else:
                del keys[at]
                del self.sizes[at]
        elif size:
            keys.insert(at, key)
            self.sizes.insert(at, size)


class OrderBook:
    """The book of one product. Sides are told apart by `bid`: True for bids, False for asks."""

    __slots__ = ("_asks", "_bids", "_grid", "_instrument", "_taint")

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._grid = Grid.of(instrument)
        self._bids = _Ladder()
        self._asks = _Ladder()
        self._taint = NO_SNAPSHOT

    @property
    def grid(self) -> Grid:
        """Conversions of this product."""
        return self._grid

    @property
    def taint(self) -> str:
        """Why the book must not be traded on, "" when it may. Ask after a whole message is applied, not between its
        levels.
        """
        if self._taint:
            return self._taint
        return CROSSED if self.is_crossed else ""

    @property
    def is_crossed(self) -> bool:
        """True when the best bid is at or above the best ask, which one venue's book never is for long."""
        return bool(self._bids.keys and self._asks.keys) and self._bids.keys[-1] >= -self._asks.keys[-1]

    def __len__(self) -> int:
        return len(self._bids.keys) + len(self._asks.keys)

    def load(self, bids: Iterable[tuple[int, int]], asks: Iterable[tuple[int, int]]) -> None:
        """Replace the whole book by a snapshot of (ticks, lots); it is clean afterwards."""
        self._bids.load(bids)
        self._asks.load((-ticks, lots) for ticks, lots in asks)
        self._taint = ""

    def apply(self, *, bid: bool, ticks: int, lots: int) -> None:
        """Set the absolute size of one level; zero deletes it."""
        if bid:
            self._bids.put(ticks, lots)
        else:
            self._asks.put(-ticks, lots)

    def distrust(self, why: str) -> None:
        """Mark the book unusable until the next snapshot."""
        self._taint = why

    def best(self) -> tuple[int, int, int, int] | None:
        """Return (bid ticks, bid lots, ask ticks, ask lots), None while a side is empty."""
        bids, asks = self._bids, self._asks
        if not bids.keys or not asks.keys:
            return None
        return bids.keys[-1], bids.sizes[-1], -asks.keys[-1], asks.sizes[-1]

    def half_ticks(self, bid_ticks: int, ask_ticks: int) -> int:
        """Return the mid of two prices in half ticks of the product, as `Instrument.half_ticks` does."""
        unit = int(self._instrument.price_increment.scaleb(self._grid.price_digits))
        return (bid_ticks + ask_ticks) // unit

    def levels(self, *, bid: bool, count: int) -> tuple[Level, ...]:
        """Return the best `count` levels of a side as (price, size), best first."""
        ladder = self._bids if bid else self._asks
        grid = self._grid
        keys, sizes = ladder.keys[-count:], ladder.sizes[-count:]
        sign = 1 if bid else -1
        return tuple((grid.price(sign * keys[at]), grid.size(sizes[at])) for at in range(len(keys) - 1, -1, -1))

    def depth_usd(self, *, bid: bool, count: int) -> Decimal:
        """Return the worth of the best `count` levels of a side in the quote currency."""
        ladder = self._bids if bid else self._asks
        worth = sum(abs(key) * size for key, size in zip(ladder.keys[-count:], ladder.sizes[-count:], strict=True))
        units = Decimal(worth).scaleb(-self._grid.price_digits - self._grid.size_digits)
        return units * self._instrument.contract_size

    def impact_bps(self, *, buying: bool, notional: Decimal) -> Decimal | None:
        """Return how far the average price of taking `notional` lies beyond the mid, in bps; None when the book is
        too thin.
        """
        best = self.best()
        if best is None:
            return None
        mid = self._grid.price(best[0] + best[2]) / 2
        ladder = self._asks if buying else self._bids
        average = walk_average(
            self.levels(bid=not buying, count=len(ladder.keys)), notional, self._instrument.contract_size
        )
        if average is None:
            return None
        return (average - mid if buying else mid - average) / mid * BPS


def walk_average(levels: Sequence[Level], notional: Decimal, contract_size: Decimal = Decimal(1)) -> Decimal | None:
    """Return the average price of taking `notional` (quote currency) from `levels`, best first; None when they do not
    hold it.
    """
    assert notional > 0, "an impact is asked of a positive notional"
    left, taken = notional, Decimal(0)
    for price, size in levels:
        worth = price * size * contract_size
        if worth >= left:
            taken += left / (price * contract_size)
            return notional / (taken * contract_size)
        left -= worth
        taken += size
    return None


def _digits(increment: Decimal) -> int:
    exponent = increment.normalize().as_tuple().exponent
    assert isinstance(exponent, int), "an increment is a finite number"
    return max(0, -exponent)


def _decimal(raw: object) -> Decimal:
    if isinstance(raw, bool) or not isinstance(raw, (int, Decimal)):
        raise OffGridError("a level's number is not a number")
    number = Decimal(raw)
    if not number.is_finite() or abs(number) > INTEGER_MAX:
        raise OffGridError("a level's number is not a number")
    return number


def _scaled(text: str, digits: int, *, exact: bool) -> int:
    """Return decimal text times ten to the `digits`; cut to the grid unless `exact`; raises OffGridError."""
    whole, _, fraction = text.partition(".")
    if not whole and not fraction:
        raise OffGridError("a level's number is missing")
    if len(fraction) > digits:
        if not (fraction.isascii() and fraction.isdecimal()):
            return _scaled_oddly(text, digits, exact=exact)
        if exact and fraction[digits:].strip("0"):
            raise OffGridError("a price is off the product's grid")
        fraction = fraction[:digits]
    packed = whole + fraction.ljust(digits, "0") if digits else whole
    if not (packed.isascii() and packed.isdecimal()) or len(packed) > 19:
        return _scaled_oddly(text, digits, exact=exact)
    value = int(packed)
    if value > INTEGER_MAX:
        raise OffGridError("a level's number is larger than any real one")
    return value


def _scaled_oddly(text: str, digits: int, *, exact: bool) -> int:
    """The rare forms: an exponent, no digit before the point, leading zeros; raises OffGridError for everything else."""
    number, _, exponent = text.lower().partition("e")
    plain = number.replace(".", "", 1)
    power = exponent.lstrip("+-")
    if (
        not (plain.isascii() and plain.isdecimal())
        or len(plain) > 60
        or (exponent and not (power.isdecimal() and len(power) < 3))
    ):
        raise OffGridError("a level's number is not a number")
    scaled = Decimal(text).scaleb(digits)
    cut = int(scaled)
    if exact and scaled != cut:
        raise OffGridError("a price is off the product's grid")
    if cut > INTEGER_MAX:
        raise OffGridError("a level's number is larger than any real one")
    return cut
