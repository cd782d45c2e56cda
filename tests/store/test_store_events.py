"""The envelope and the catalogue: names, types, codes, and JSON that comes back equal."""

import msgspec
import pytest
from hypothesis import given, strategies as st
from store_builders import NOON

from trader.store.events import (
    SNAKE_NAME,
    TYPE_OF,
    Event,
    EventName,
    EventType,
    decode,
    encode,
    make_event,
    wanted_types,
)
from trader.store.payloads import FIELDS

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(payload=st.dictionaries(st.text(max_size=8), JSON, max_size=6), name=st.sampled_from(EventName))
def test_every_event_comes_back_equal_under_its_number(payload: dict[str, object], name: EventName) -> None:
    """Encoding loses nothing; the number is that of the record, not of the bytes."""
    event = make_event(name, payload, utc_time=NOON, market_time=1.25, profile="canary", cause_id="c")  # type: ignore[arg-type]
    assert decode(encode(event), 7) == msgspec.structs.replace(event, sequence=7)


def test_every_name_has_a_type_a_code_and_its_fields() -> None:
    """The catalogue has no holes: names of the store itself need no fields."""
    assert set(TYPE_OF) == set(SNAKE_NAME) == set(EventName)
    assert set(FIELDS) == {name for name in EventName if TYPE_OF[name] is not EventType.STORE}


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        (EventName.TRADE_EXECUTED, "trade", "order_filled"),
        (EventName.RISK_REJECTED, "risk", "order_rejected"),
        (EventName.POSITION_UPDATED, "position", "position_updated"),
        (EventName.FUNDING_ACCRUED, "metric", "funding"),
        (EventName.DAILY_LOSS_BREACH, "metric", "daily_loss_breach"),
        (EventName.LIQUIDATION_BUFFER_BREACH, "metric", "liquidation_buffer_breach"),
        (EventName.STALE_MARK_PRICE, "metric", "stale_mark_price"),
        (EventName.STRATEGY_SIGNAL, "strategy", "strategy_signal"),
    ],
)
def test_the_documents_names_are_kept(name: EventName, kind: str, code: str) -> None:
    """Dotted name as event, snake name as code, type as the group (D28, D44)."""
    event = make_event(name, {}, utc_time=NOON, market_time=NOON, profile="canary")
    assert (event.type, event.event, event.code) == (kind, name.value, code)


def test_a_reason_code_takes_the_place_of_the_snake_name() -> None:
    """A refusal carries why."""
    event = make_event(EventName.RISK_REJECTED, {}, utc_time=1.0, market_time=1.0, profile="p", code="MAX_POSITION")
    assert event.code == "MAX_POSITION"


def test_foreign_bytes_are_no_event() -> None:
    """What is not an event is refused, and an event of a later program with more fields is read."""
    with pytest.raises(ValueError, match="truncated"):
        decode(b"{", 1)
    later = msgspec.json.encode({**msgspec.structs.asdict(_any_event()), "added_later": 1})
    assert decode(later, 3).event == "cycle.metrics"


def test_bot_ids_narrow_types_and_unknown_ones_are_told() -> None:
    """risk_engine sees risk; a profile's name sees everything."""
    assert wanted_types("canary", "canary", None) is None
    assert wanted_types("coinbase_perps", "canary", ["trade"]) == {"trade"}
    assert wanted_types("risk_engine", "canary", ["trade", "metric"]) == {"metric"}
    with pytest.raises(ValueError, match="unknown bot id"):
        wanted_types("prod", "canary", None)


def _any_event() -> Event:
    return make_event(EventName.CYCLE_METRICS, {}, utc_time=1.0, market_time=1.0, profile="p")
