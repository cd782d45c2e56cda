"""The filters: dollars, the side an order takes, missing means stale, and the eight counters."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from strategy_builders import FILTERS, PERP, book, context, quote, settings_of

from actors.status_parts import rejections_of
from trader.orders.order import Side
from trader.orders.reason import Reason
from trader.strategy.counters import COUNTER_KEYS, COUNTER_OF
from trader.strategy.filters import check_data, check_filters, check_rsi, depth_l1_usd, depth_l10_usd

TABLE = {
    "all good": (Side.BUY, {}, None),
    "spread at the limit": (Side.BUY, {"quote": quote(bid=Decimal(49975), ask=Decimal(50025))}, None),
    "spread above it": (Side.BUY, {"quote": quote(bid=Decimal(49974), ask=Decimal(50025))}, Reason.SPREAD_TOO_WIDE),
    "best ask too small": (Side.BUY, {"quote": quote(ask_size=Decimal("0.9"))}, Reason.DEPTH_TOO_THIN),
    "best ask is not a seller's matter": (Side.SELL, {"quote": quote(ask_size=Decimal("0.9"))}, None),
    "best bid too small": (Side.SELL, {"quote": quote(bid_size=Decimal("0.9"))}, Reason.DEPTH_TOO_THIN),
    "ten levels too thin": (Side.BUY, {"book": book("0.3")}, Reason.DEPTH_TOO_THIN),
    "levels beyond ten do not count": (Side.BUY, {"book": book("0.3", levels=50)}, Reason.DEPTH_TOO_THIN),
    "no book": (Side.BUY, {"book": None}, Reason.DATA_STALE),
    "old book": (Side.BUY, {"book": book(machine_time=20.0)}, Reason.DATA_STALE),
    "torn book": (Side.BUY, {"book": book(tainted="gap")}, Reason.DATA_STALE),
    "no volume yet": (Side.BUY, {"quote": quote(volume_1m_usd=None)}, Reason.DATA_STALE),
    "little volume": (Side.BUY, {"quote": quote(volume_1m_usd=Decimal(99_999))}, Reason.VOLUME_LOW),
    "volume at the limit": (Side.BUY, {"quote": quote(volume_1m_usd=Decimal(100_000))}, None),
}


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE.keys())
def test_each_filter_rejects_with_its_own_reason(row: tuple[Side, dict[str, object], Reason | None]) -> None:
    """Limits are inclusive; the first failing filter speaks."""
    side, changes, reason = row
    rejection = check_filters(side, context(**changes), FILTERS)  # type: ignore[arg-type]
    assert (rejection and rejection.reason) == reason
    if rejection is not None:
        assert rejection.text
        assert rejection.config_key.startswith("filters.")


def test_depth_is_worth_in_dollars_on_the_side_taken() -> None:
    """Size times price times contract size, never base units (D11)."""
    moment = context(quote=quote(ask=Decimal(50_000), ask_size=Decimal(2), bid=Decimal(49_990), bid_size=Decimal(1)))
    assert depth_l1_usd(Side.BUY, moment) == Decimal(100_000)
    assert depth_l1_usd(Side.SELL, moment) == Decimal(49_990)
    contracts = msgspec.structs.replace(PERP, contract_size=Decimal("0.01"))
    assert depth_l10_usd(Side.BUY, context(contracts, book=book("1"))) == Decimal("5000.55")


def test_the_numbers_stand_in_the_text() -> None:
    """What a person needs to judge it."""
    rejection = check_filters(Side.BUY, context(quote=quote(bid=Decimal(49_930), ask=Decimal(50_000))), FILTERS)
    assert rejection is not None
    assert rejection.text == "spread 14.0 bp > 10 bp"
    assert (rejection.measured[:5], rejection.limit) == ("14.00", "10")


def test_data_is_judged_by_the_machines_clock() -> None:
    """Thirty seconds are still good, more are not; a down feed and a torn quote come first."""
    assert check_data(context(machine_time=80.0)) is None
    stale = check_data(context(machine_time=80.1))
    assert stale is not None
    assert "30.1 s ago" in stale.text


@pytest.mark.parametrize(
    ("side", "rsi", "rejected"),
    [
        (Side.BUY, 70.0, False), (Side.BUY, 70.1, True), (Side.BUY, 10.0, False), (Side.BUY, None, True),
        (Side.SELL, 30.0, False), (Side.SELL, 29.9, True), (Side.SELL, 90.0, False), (Side.SELL, None, True),
    ],
)  # fmt: skip
def test_rsi_confirms_by_direction(side: Side, rsi: float | None, rejected: bool) -> None:
    """D10: longs not above overbought, shorts not below oversold, unknown confirms nothing."""
    rejection = check_rsi(side, rsi, settings_of())
    assert (rejection is not None) == rejected
    assert rejection is None or rejection.reason is Reason.RSI_NOT_CONFIRMED


def test_there_are_exactly_the_documents_eight_counters() -> None:
    """FILT-09 to FILT-17: names, zero at the start, and one count for each evaluation of any symbol that belongs to one."""
    names = (
        "filter_spread", "filter_depth", "filter_volume", "filter_rsi",
        "guard_liquidation", "guard_slippage", "stale_data", "entries_accepted",
    )  # fmt: skip
    assert rejections_of({}) == dict.fromkeys(names, 0)
    assert names == COUNTER_KEYS
    every = rejections_of({(symbol, reason): 2 for symbol in ("BTC-USD", "ETH-USD") for reason in Reason})
    assert tuple(every) == names
    assert every["filter_spread"] == 4
    assert sum(every.values()) == 4 * len(COUNTER_OF)
    assert set(COUNTER_OF.values()) == set(names)
