"""An approval: made in one place, for one payload, once, for two seconds."""

from decimal import Decimal

import msgspec
import pytest
from desk_builders import at, granted, intent, make_desk

from trader.orders.order import OrderState, Side
from trader.risk.approval import Approval, digest_of

D = Decimal


@pytest.fixture
def approval() -> Approval:
    """An approved buy of a tenth."""
    desk = make_desk()
    wish = intent("BTC-USD", Side.BUY, "0.1", at(1))
    desk.reserve(wish, granted(desk, wish, at(1)), "c1", at(1))
    return desk.approve("c1", at(1.5))


def test_it_names_the_exact_payload(approval):
    """Any change of the payload is seen at the last hop (C-18)."""
    assert approval.is_genuine
    assert approval.matches(approval.request)
    for change in ({"size": D("0.2")}, {"limit_price": D(50_501)}, {"side": Side.SELL}, {"client_order_id": "c2"}):
        assert not approval.matches(msgspec.structs.replace(approval.request, **change))


def test_it_lives_for_two_seconds(approval):
    """The broker refuses it afterwards (S16)."""
    assert approval.is_live(at(3.5).machine_time)
    assert not approval.is_live(at(3.51).machine_time)
    assert approval.expires_at == at(3.5).machine_time


def test_nobody_else_can_make_one(approval):
    """Not by the constructor, not by changing one, not by decoding one."""
    bigger = msgspec.structs.replace(approval.request, size=D(9))
    fields = {name: getattr(approval, name) for name in approval.__struct_fields__}
    with pytest.raises(TypeError, match="reserved"):
        Approval(**(fields | {"seal": type(approval.seal)()}))
    with pytest.raises(TypeError, match="reserved"):
        msgspec.structs.replace(approval, request=bigger)
    forged = {"request": bigger, "digest": digest_of(bigger), "seal": type(approval.seal)()}
    with pytest.raises(TypeError, match="reserved"):
        msgspec.structs.replace(approval, **forged)
    with pytest.raises((TypeError, msgspec.ValidationError)):
        msgspec.json.decode(msgspec.json.encode(approval), type=Approval)
    with pytest.raises(AttributeError):
        approval.request = bigger


def test_an_order_is_approved_once():
    """The second approval of a reservation is a bug, and a crash."""
    desk = make_desk()
    wish = intent("BTC-USD", Side.BUY, "0.1", at(1))
    desk.reserve(wish, granted(desk, wish, at(1)), "c1", at(1))
    desk.approve("c1", at(1))
    assert desk.order("c1").state is OrderState.SENT
    with pytest.raises(AssertionError, match="approved once"):
        desk.approve("c1", at(1))
