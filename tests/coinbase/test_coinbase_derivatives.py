"""Perpetuals through the client: discovered, traded short in contracts, seen in positions and margin, closed the documented way."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from decimal import Decimal

import pytest
from live_exchange import LiveExchange
from samples import credentials, decoded, raw, spot
from scripted_http import FAST, respond, scripted

from trader.coinbase.derivatives import amount
from trader.coinbase.rest import CoinbaseVenue
from trader.coinbase.wire import BadPayload
from trader.market.catalog import ProductCatalog
from trader.market.instrument import ProductKind
from trader.orders.order import OrderState, OrderType, Side, TimeInForce
from trader.venue import Found, OrderRequest, PermissionDenied, Placed, VenueError


@pytest.fixture
def venue(live: LiveExchange) -> Iterator[CoinbaseVenue]:
    """A client with the derivatives gate open."""
    one = live.venue(derivatives=True)
    yield one
    one.close()


def test_perpetuals_are_discovered_by_their_funding(venue: CoinbaseVenue) -> None:
    """No list of names: the US future carries the name, the INTX one its id."""
    (perpetual,) = venue.instruments(["BTC-PERP"])
    assert (perpetual.product_id[-4:], perpetual.kind, perpetual.contract_size) == (
        "-CDE",
        ProductKind.PERPETUAL,
        Decimal("0.01"),
    )
    funding = venue.catalog.get_funding("BTC-PERP")
    assert funding is not None
    assert funding.next_time is not None
    assert funding.next_time > venue.server_time()
    assert "BTC-PERP-INTX" in {each.product_id for each in venue.catalog.get_perpetual_products()}
    assert venue.refresh_instrument(perpetual.product_id).symbol == "BTC-PERP"


def test_a_short_in_contracts_from_entry_to_close(venue: CoinbaseVenue, live: LiveExchange) -> None:
    """Three contracts sold, a signed position and margin, closed by close_position; values without the contract size."""
    (perpetual,) = venue.instruments(["BTC-PERP"])
    quote = _until(lambda: venue.quotes(["BTC-PERP"]))[0]
    since = venue.server_time()
    request = OrderRequest(
        str(uuid.uuid4()),
        perpetual.product_id,
        "BTC-PERP",
        Side.SELL,
        Decimal(3),
        perpetual.round_price(quote.bid * Decimal("0.98"), buying=False),
        OrderType.MARKET,
        TimeInForce.IOC,
        leverage=Decimal(2),
    )
    placed = venue.place(request)
    assert isinstance(placed, Placed)
    found = _until(lambda: _filled(venue, request, placed.order_id, since))
    assert found.report.filled_value == sum(
        Decimal(each["price"]) * Decimal(each["size"])
        for each in live.ledger()["fills"]
        if each["client_order_id"] == request.client_order_id
    )
    account = venue.account(["BTC-PERP"], since - 1)
    (position,) = account.positions
    assert (position.symbol, position.size) == ("BTC-PERP", Decimal(-3))
    assert account.margin is not None
    assert account.margin.initial_margin > 0
    assert account.margin.available_margin > 0
    assert venue.derivatives.cfm_margin_window()
    assert isinstance(venue.close_position(str(uuid.uuid4()), "BTC-PERP"), Placed)
    _until(lambda: venue.account(["BTC-PERP"], since - 1).positions == ())


def test_the_intx_side_is_read_from_its_own_portfolio(live: LiveExchange) -> None:
    """Positions and margin of the INTX portfolio, with the older perpetual preferred."""
    venue = live.venue(instruments=ProductCatalog(derivatives=True, prefer_intx=True))
    try:
        (perpetual,) = venue.instruments(["BTC-PERP"])
        assert perpetual.product_id == "BTC-PERP-INTX"
        account = venue.account(["BTC-PERP"], venue.server_time())
        assert account.positions == ()
    finally:
        venue.close()


def test_intx_perpetuals_need_an_account_that_is_approved_for_them() -> None:
    """Without a portfolio of that kind they are refused by name; what is no INTX perpetual asks for nothing."""
    plain = {"name": "Default", "uuid": "p", "type": "DEFAULT", "deleted": False}
    closed = {"name": "Perpetuals", "uuid": "q", "type": "INTX", "deleted": True}
    perpetual = spot("BTC-PERP", "0.1", "0.0001", product_id="BTC-PERP-INTX", kind=ProductKind.PERPETUAL)
    answers = [{"portfolios": [plain, closed]}, {"portfolios": [plain, closed | {"deleted": False}]}]
    with scripted(*(respond(200, answer) for answer in answers)) as server:
        venue = CoinbaseVenue(server.url, credentials(), FAST, ProductCatalog(derivatives=True))
        venue.check_approval([spot("BTC-USD")])
        with pytest.raises(PermissionDenied, match=r"not approved for INTX perpetuals \(BTC-PERP\)"):
            venue.check_approval([perpetual])
        venue.check_approval([perpetual])
        venue.close()


def test_the_documented_bodies_of_both_venues_are_read() -> None:
    """A long of three contracts; a long of a twentieth with its liquidation price; shorts are negative."""
    catalog = ProductCatalog(derivatives=True)
    catalog.load([spot("BTC-PERP", "5", "1", product_id="BIP-20DEC30-CDE", kind=ProductKind.PERPETUAL)], float("inf"))
    bodies = [raw("rest_get_cfm_positions"), raw("rest_get_cfm_balance_summary"), raw("rest_get_intx_positions")]
    short = decoded("rest_get_cfm_positions")
    short["positions"][0] |= {"side": "SHORT", "avg_entry_price": {"value": "96900", "currency": "USD"}}
    bodies += [raw("rest_get_intx_portfolio"), json.dumps(short).encode(), b'{"positions":[{"product_id":"X"}]}']
    with scripted(*(respond(200, body) for body in bodies)) as server:
        venue = CoinbaseVenue(server.url, credentials(), FAST, catalog)
        reads = venue.derivatives
        (cfm,) = reads.cfm_positions()
        assert (cfm.symbol, cfm.size, cfm.entry_price) == ("BTC-PERP", Decimal(3), Decimal(96900))
        margin = reads.cfm_margin()
        assert (margin.equity, margin.liquidation_buffer_pct) == (Decimal("56221.99"), Decimal(1000))
        (intx,) = reads.intx_positions("p")
        assert (intx.symbol, intx.size, intx.liquidation_price) == (
            "BTC-PERP-INTX",
            Decimal("0.05"),
            Decimal("81220.5"),
        )
        assert reads.intx_margin("p") is not None
        (negative,) = reads.cfm_positions()
        assert (negative.size, negative.entry_price) == (Decimal(-3), Decimal(96900))
        with pytest.raises(VenueError):
            reads.cfm_positions()
        venue.close()


def test_amounts_come_in_two_forms() -> None:
    """Plain text or value with currency; nonsense is an error."""
    assert amount("1.5") == amount({"value": "1.5", "currency": "USD"}) == Decimal("1.5")
    assert amount(None) is None
    with pytest.raises(BadPayload):
        amount({"value": "much"})


def _filled(venue: CoinbaseVenue, request: OrderRequest, order_id: str, since: float) -> Found | None:
    found = venue.find_order(request.client_order_id, order_id, "BTC-PERP", since)
    return found if isinstance(found, Found) and found.report.state is OrderState.FILLED else None


def _until(ask, seconds: float = 8.0):  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := ask():
            return found
        time.sleep(0.02)
    raise AssertionError(f"nothing within {seconds} s")
