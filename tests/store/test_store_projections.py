"""The readable views: last_state.json, risk_events.json and orders/ say what the events say."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from store_builders import DAY_S, NOON, intent

from trader.orders.order import Fill, Side
from trader.store.events import Event, EventName, make_event
from trader.store.payloads import BadPayload, fill_payload
from trader.store.projections import RISK_EVENTS_KEPT, Projections


def told(name: EventName, time_s: float = NOON, **payload: str) -> Event:
    """An event with text fields."""
    return make_event(name, dict(payload), utc_time=time_s, market_time=time_s, profile="canary")


def fill(number: int, side: Side, size: str, price: str, time_s: float = NOON) -> Event:
    """A fill of the numbered order."""
    booked = Fill(
        f"t{number}", f"cb-{number}", "", "BTC-USD", side, Decimal(size), Decimal(price), Decimal("0.1"), time_s
    )
    payload = fill_payload(booked, contract_size=Decimal(1), realized_pnl=Decimal(0))
    return make_event(EventName.TRADE_EXECUTED, payload, utc_time=time_s, market_time=time_s, profile="canary")


def read(path: Path) -> Any:
    """A written view."""
    return msgspec.json.decode(path.read_bytes())


def test_risk_events_keep_the_newest_and_name_the_documents_codes(tmp_path: Path) -> None:
    """Refusals and breaches are listed with their snake names; the file does not grow without end."""
    views = Projections(tmp_path)
    for _ in range(RISK_EVENTS_KEPT):
        views.apply(told(EventName.RISK_REJECTED, symbol="BTC-USD", side="BUY", size="1", reason="MAX_POSITION"))
    views.apply(told(EventName.DAILY_LOSS_BREACH, loss="10.04"))
    views.apply(told(EventName.CYCLE_METRICS))
    views.write()
    listed = read(tmp_path / "risk_events.json")
    assert len(listed) == RISK_EVENTS_KEPT
    assert [listed[0]["code"], listed[-1]["code"]] == ["order_rejected", "daily_loss_breach"]
    assert listed[-1]["type"] == "metric"


def test_orders_are_kept_by_the_day_they_were_decided_on(tmp_path: Path) -> None:
    """A fill after midnight stays with its order; only files that changed are written."""
    views = Projections(tmp_path)
    views.apply(intent(1))
    views.write()
    views.apply(intent(2, NOON + DAY_S))
    views.apply(fill(1, Side.BUY, "0.0021", "91204.10", NOON + DAY_S))
    views.write()
    first, second = read(tmp_path / "orders" / "2024-10-04.json"), read(tmp_path / "orders" / "2024-10-05.json")
    assert [order["client_order_id"] for order in first] == ["cb-1"]
    assert first[0]["fills"][0]["trade_id"] == "t1"
    assert first[0]["last_event"] == "trade.executed"
    assert [order["client_order_id"] for order in second] == ["cb-2"]
    untouched = (tmp_path / "orders" / "2024-10-04.json").stat().st_mtime_ns
    views.apply(told(EventName.ORDER_CANCEL, NOON + DAY_S, client_order_id="cb-2", symbol="BTC-USD"))
    views.write()
    assert (tmp_path / "orders" / "2024-10-04.json").stat().st_mtime_ns == untouched


def test_an_event_without_its_promised_field_is_told_not_skipped(tmp_path: Path) -> None:
    """A view that silently left out a fill would be believed."""
    with pytest.raises(BadPayload, match="has no client_order_id"):
        Projections(tmp_path).apply(told(EventName.ORDER_INTENT, symbol="BTC-USD"))
