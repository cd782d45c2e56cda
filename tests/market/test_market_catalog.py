"""The catalogue: names, aliases, the derivatives gate, ages, perpetual rules and funding."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, strategies as st

from trader.market.catalog import ProductCatalog, QuantizationFailed, enforce_perp_rules
from trader.market.instrument import Instrument, ProductKind, TradingStatus


def instrument(product_id: str, kind: ProductKind = ProductKind.SPOT, **changes: Any) -> Instrument:
    """A product of some kind; perpetuals get a funding rate."""
    base, _, quote = product_id.partition("-")
    terms: dict[str, Any] = {
        "symbol": product_id,
        "product_id": product_id,
        "kind": kind,
        "base": base,
        "quote": quote or "USD",
        "price_increment": Decimal("0.01"),
        "base_increment": Decimal("0.001"),
        "base_min_size": Decimal("0.001"),
        "base_max_size": Decimal(100),
        "quote_min_size": Decimal(1),
    }
    if kind is ProductKind.PERPETUAL:
        terms |= {"funding_rate": Decimal("0.00001"), "funding_time": 3600.0}
    return Instrument(**(terms | changes))


CDE = instrument("BIP-20DEC30-CDE", ProductKind.PERPETUAL, base="BTC")
INTX = instrument("BTC-PERP-INTX", ProductKind.PERPETUAL, base="BTC")
DATED = instrument("BIT-29JAN27-CDE", ProductKind.FUTURE, base="BTC")
SPOT = [instrument("BTC-USD"), instrument("ETH-USD"), instrument("SOL-USDC")]


def catalog(*, derivatives: bool = True, prefer_intx: bool = False) -> ProductCatalog:
    """A catalogue with everything."""
    made = ProductCatalog(derivatives=derivatives, prefer_intx=prefer_intx)
    made.load([INTX, CDE, DATED, *SPOT], 1000.0)
    return made


OPEN_GATE = {
    "BTC-PERP": "BIP-20DEC30-CDE",
    "btc-perp": "BIP-20DEC30-CDE",
    "BTC-USD-PERP": "BIP-20DEC30-CDE",
    "BTC-USDC-PERP": "BIP-20DEC30-CDE",
    "BTC-PERP-INTX": "BTC-PERP-INTX",
    "BIP-20DEC30-CDE": "BIP-20DEC30-CDE",
    "BIT-29JAN27-CDE": "BIT-29JAN27-CDE",
    "BTC-USD": "BTC-USD",
    "BTC-USDC": "BTC-USD",
    "SOL-USD": "SOL-USDC",
    "ETH-PERP": None,
    "NOPE": None,
}


@pytest.mark.parametrize("name", OPEN_GATE)
def test_every_name_leads_to_todays_product(name: str) -> None:
    """A person's names and the venue's ids alike; a note whenever it is not the same."""
    found = catalog().resolve(name)
    assert (found.instrument.product_id if found.instrument else None) == OPEN_GATE[name]
    assert bool(found.note) == (OPEN_GATE[name] not in {None, name.upper()})


@pytest.mark.parametrize("name", ["BTC-PERP", "BTC-USD-PERP", "BTC-PERP-INTX", "BIP-20DEC30-CDE"])
def test_behind_the_closed_gate_a_perpetual_becomes_spot_and_says_so(name: str) -> None:
    """D19: the note is what the log shows."""
    found = catalog(derivatives=False).resolve(name)
    assert found.instrument is not None
    assert found.instrument.symbol == "BTC-USD"
    assert "derivatives are switched off" in found.note


def test_the_preferred_venue_keeps_the_name_and_the_other_its_id() -> None:
    """Two perpetuals of one base never share a symbol."""
    for prefer_intx, product_id in ((False, CDE.product_id), (True, INTX.product_id)):
        made = catalog(prefer_intx=prefer_intx)
        named = made.by_symbol("BTC-PERP")
        assert named is not None
        assert named.product_id == product_id
        assert {each.symbol for each in made.get_perpetual_products()} == {
            "BTC-PERP",
            CDE.product_id if prefer_intx else INTX.product_id,
        }


def test_a_name_does_not_change_its_product_when_a_session_closes() -> None:
    """Else an open position would change its name over the weekend."""
    import msgspec

    made = catalog()
    made.update([msgspec.structs.replace(CDE, status=TradingStatus.HALTED)], 1001.0)
    named = made.by_symbol("BTC-PERP")
    assert named is not None
    assert named.product_id == CDE.product_id
    assert named.status is TradingStatus.HALTED


def test_knowledge_grows_old() -> None:
    """Empty is old at once; a quarter of an hour later so is everything."""
    made = ProductCatalog()
    assert made.is_stale(0.0)
    made.load(SPOT, 1000.0)
    assert not made.is_stale(1900.0)
    assert made.is_stale(1900.1)
    assert [each.symbol for each in made.instruments()] == ["BTC-USD", "ETH-USD", "SOL-USDC"]


def test_a_twin_wallet_is_found_by_the_venues_id() -> None:
    """Reports about BTC-USDC are about the book of BTC-USD when only that is known."""
    found = catalog().by_product("BTC-USDC")
    assert found is not None
    assert found.product_id == "BTC-USD"


def test_funding_is_told_for_perpetuals_only() -> None:
    """Rate and next time."""
    funding = catalog().get_funding("BTC-PERP")
    assert funding is not None
    assert (funding.rate, funding.next_time, funding.interval_s) == (Decimal("0.00001"), 3600.0, 3600)
    assert catalog().get_funding("BTC-USD") is None
    assert catalog().get_funding("NOPE") is None


def test_the_documents_example_is_quantized() -> None:
    """Quantity 1.234 at 50000."""
    rules = instrument("BTC-USD", base_increment=Decimal("0.01"))
    assert enforce_perp_rules(rules, Decimal("1.234"), Decimal(50000)) == (Decimal("1.23"), Decimal(50000))


REFUSED = [
    ("0.0009", "100", "Below minimum"),
    ("0.005", "100", "Below minimum"),
    ("0", "100", "not positive"),
    ("-1", "100", "not positive"),
    ("101", "100", "Above maximum"),
    ("1", "0.001", "rounds to nothing"),
]


@pytest.mark.parametrize(("size", "price", "why"), REFUSED)
def test_what_the_rules_do_not_allow_fails_with_the_documents_words(size: str, price: str, why: str) -> None:
    """`Quantization failed: Below minimum` stays as the operator knows it."""
    with pytest.raises(QuantizationFailed, match=f"^Quantization failed: .*{why}"):
        enforce_perp_rules(instrument("BTC-USD"), Decimal(size), Decimal(price))


def test_a_market_order_has_no_price_to_round() -> None:
    """Size alone is judged."""
    assert enforce_perp_rules(instrument("BTC-USD"), Decimal("1.0009"), None) == (Decimal("1.000"), None)


@given(
    st.decimals(Decimal("0.01"), Decimal(100), places=6),
    st.decimals(Decimal(200), Decimal(99999), places=5),
    st.booleans(),
)
def test_quantizing_never_makes_an_order_larger_or_worse(size: Decimal, price: Decimal, buying: bool) -> None:
    """Size down, buy price down, sell price up, both on the grid."""
    rules = instrument("BTC-USD")
    rounded, on_grid = enforce_perp_rules(rules, size, price, buying=buying)
    assert on_grid is not None
    assert size - rules.base_increment < rounded <= size
    assert rounded % rules.base_increment == 0
    assert on_grid % rules.price_increment == 0
    assert on_grid <= price if buying else on_grid >= price
