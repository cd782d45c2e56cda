"""Decoding: exact money, bounded numbers, hostile bodies refused, every documented body read."""

from __future__ import annotations

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given, strategies as st
from samples import index, raw

from trader.coinbase import bodies, derivatives, market_bodies
from trader.coinbase.frames import Other, read_frame
from trader.coinbase.wire import BadPayload, Body, decimal_of, moment

SHAPES: dict[str, Body] = {
    "rest_get_time": market_bodies.SERVER_TIME,
    "rest_get_products": market_bodies.PRODUCTS,
    "rest_get_product_book": market_bodies.ONE_BOOK,
    "rest_get_product_b": market_bodies.PRODUCT,
    "rest_get_candles": market_bodies.CANDLES,
    "rest_get_market_trades": market_bodies.TRADES,
    "rest_get_best_bid_ask": market_bodies.PRICE_BOOKS,
    "rest_get_accounts": bodies.WALLETS,
    "rest_get_orders": bodies.ORDERS,
    "rest_get_order_": bodies.ONE_ORDER,
    "rest_get_fills": bodies.FILLS,
    "rest_get_transaction_summary": bodies.FEE_SUMMARY,
    "rest_get_key_permissions": bodies.PERMISSIONS,
    "rest_post_order_preview": bodies.PREVIEW,
    "rest_post_order_edit_s": bodies.EDITED,
    "rest_post_order_edit_f": bodies.EDITED,
    "rest_post_order_success": bodies.CREATED,
    "rest_post_order_failure": bodies.CREATED,
    "rest_post_order_dup": bodies.CREATED,
    "rest_post_close_position": bodies.CREATED,
    "rest_post_batch_cancel": bodies.CANCELLED,
    "rest_get_portfolios": derivatives.PORTFOLIOS,
    "rest_get_cfm_positions": derivatives.CFM_POSITIONS,
    "rest_get_cfm_balance_summary": derivatives.CFM_SUMMARY,
    "rest_get_cfm_current_margin_window": derivatives.CURRENT_WINDOW,
    "rest_get_intx_positions": derivatives.INTX_POSITIONS,
    "rest_get_intx_portfolio": derivatives.INTX_PORTFOLIOS,
    "error_": bodies.VENUE_WORD,
}


def _shape(name: str) -> Body | None:
    return next((shape for start, shape in SHAPES.items() if name.startswith(start)), None)


NAMES = [entry["file"].removesuffix(".json") for entry in index()]
READ = [name for name in NAMES if _shape(name)]
FRAMES = [name for name in NAMES if name.startswith("ws_recv")]


@pytest.mark.parametrize("name", READ)
def test_every_documented_body_is_read(name: str) -> None:
    """The samples of the venue's reference decode into our shapes."""
    shape = _shape(name)
    assert shape is not None
    assert shape.read(raw(name)) is not None


@pytest.mark.parametrize("name", FRAMES)
def test_every_documented_frame_is_read(name: str) -> None:
    """Known channels become their frames, the others are Other with their number."""
    frame = read_frame(raw(name))
    if isinstance(frame, Other):
        assert frame.channel not in {"l2_data", "user"} or frame.type == "error"
    else:
        assert frame.sequence_num is not None


@pytest.mark.parametrize(
    "text", ["NaN", "Infinity", "-inf", "1_000", " 1", "1 ", "0x10", "1e999", "9" * 5000, "--1", "1.2.3", "٣", "+1"]
)
def test_what_is_no_plain_number_is_refused(text: str) -> None:
    """Decimal would take most of these; money must not."""
    with pytest.raises(BadPayload):
        decimal_of(text)


@pytest.mark.parametrize("value", [True, 1.5, [], {}])
def test_other_kinds_are_no_numbers(value: object) -> None:
    """A float cannot come from the decoder; if it does, it is a bug worth an error."""
    with pytest.raises(BadPayload):
        decimal_of(value)


@given(
    st.decimals(allow_nan=False, allow_infinity=False, min_value=Decimal("-1e15"), max_value=Decimal("1e15"), places=12)
)
def test_numbers_come_through_exactly(value: Decimal) -> None:
    """As text and as a JSON number alike: no float on the way."""
    shape = Body[bodies.Money](bodies.Money)
    text = format(value, "f")
    assert shape.read(b'{"value":"' + text.encode() + b'"}').value.value == value
    assert shape.read(b'{"value":' + text.encode() + b"}").value.value == value


def test_empty_text_and_null_are_missing() -> None:
    """The venue writes "" where it has no number."""
    shape = Body[bodies.Money](bodies.Money)
    for body in (b'{"value":""}', b'{"value":null}', b"{}"):
        money = shape.read(body)
        assert money.value.value is None
        assert money.value.or_zero == 0
        with pytest.raises(BadPayload):
            _ = money.value.needed


HOSTILE = {
    "not json": b"<html>",
    "nothing": b"",
    "wrong type": b'{"orders":{}}',
    "number as bool": b'{"orders":[{"order_id":"a","filled_size":true}]}',
    "NaN literal": b'{"orders":[{"order_id":"a","filled_size":NaN}]}',
    "five thousand digits": b'{"orders":[{"order_id":"a","filled_size":' + b"9" * 5000 + b"}]}",
    "five thousand digits as text": b'{"orders":[{"order_id":"a","filled_size":"' + b"9" * 5000 + b'"}]}',
    "huge exponent": b'{"orders":[{"order_id":"a","filled_size":1e99999999}]}',
    "bad utf-8": b'{"orders":[{"order_id":"\xff"}]}',
    "deep nesting": b'{"orders":[{"order_id":"a","order_configuration":{"x":{"y":'
    + b"[" * 200_000
    + b"]" * 200_000
    + b"}}}]}",
    "missing id": b'{"orders":[{"client_order_id":"a"}]}',
    "cut off": b'{"orders":[{"order_id":"a"',
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_bodies_raise_bad_payload_and_nothing_else(kind: str) -> None:
    """Whatever a proxy, a bug or an attacker sends, the caller sees one error."""
    with pytest.raises(BadPayload):
        bodies.ORDERS.read(HOSTILE[kind])


@given(st.binary(max_size=300))
def test_any_bytes_give_a_frame_or_bad_payload(content: bytes) -> None:
    """The feed's decoder survives everything."""
    with contextlib.suppress(BadPayload):
        assert read_frame(content) is not None


def test_a_body_above_the_cap_is_not_even_decoded() -> None:
    """The size is judged first."""
    with pytest.raises(BadPayload, match="allowed"):
        Body[bodies.Money](bodies.Money, bytes_max=10).read(b'{"value":"1"}')


def test_unknown_words_and_fields_are_data() -> None:
    """New statuses and fields of the venue change nothing."""
    page = bodies.ORDERS.read(b'{"orders":[{"order_id":"a","status":"LEVITATING","novel":{"x":[1]}}],"more":1}')
    assert page.orders[0].status == "LEVITATING"


def test_of_doubled_keys_the_last_wins_everywhere() -> None:
    """A doubled key cannot make two parts of the system see two values: there is one decoder."""
    assert bodies.ORDERS.read(b'{"orders":[{"order_id":"a","order_id":"b"}]}').orders[0].order_id == "b"


def test_times_have_up_to_nine_digits_and_a_year_one() -> None:
    """Nanoseconds are cut, the venue's "unset" is missing, nonsense is an error."""
    assert moment("2026-11-20T19:00:00.123456789Z") == 1795201200.123456
    assert moment("0001-01-01T00:00:00Z") is None
    assert moment("") is None
    with pytest.raises(BadPayload):
        moment("yesterday")
