"""Holds: the mode is the worst of them, and severity only rises by itself."""

from hypothesis import given, strategies as st

from trader.market.clock import Now
from trader.orders.reason import Reason
from trader.risk.holds import ACCOUNT, Hold, HoldTable, Level, next_utc_day

CAUSES, SCOPES = ["daily_loss", "drawdown", "pause"], [ACCOUNT, "BTC-USD", "ETH-USD"]
holds = st.builds(
    Hold,
    cause=st.sampled_from(CAUSES),
    level=st.sampled_from([Level.REDUCE_ONLY, Level.STARTING, Level.HALTED]),
    scope=st.sampled_from(SCOPES),
    reason=st.just(Reason.PAUSED),
    since=st.floats(0, 100),
    ends_at=st.none() | st.floats(0, 1000),
)


def table_of(placed: list[Hold]) -> HoldTable:
    """Place one after another."""
    table = HoldTable()
    for hold in placed:
        table = table.place(hold)
    return table


@given(st.lists(holds, max_size=8), holds)
def test_placing_a_hold_never_softens_or_shortens_anything(placed, newer):
    """Every scope's mode stays or worsens, now and at every later moment."""
    before = table_of(placed)
    after = before.place(newer)
    for scope in SCOPES:
        assert after.mode(scope) >= before.mode(scope)
        for moment in (0.0, 50.0, 500.0, 5000.0):
            now = Now(moment, 0.0)
            assert after.expire(now).mode(scope) >= before.expire(now).mode(scope)


@given(st.lists(holds, max_size=8))
def test_the_mode_is_the_worst_hold_that_binds(placed):
    """An account-wide hold binds every symbol; a symbol's hold binds it alone."""
    table = table_of(placed)
    for scope in SCOPES:
        binding = [hold.level for hold in table if hold.scope in (ACCOUNT, scope)]
        assert table.mode(scope) == max(binding, default=Level.NORMAL)
        assert [hold.level for hold in table.of(scope)] == sorted(binding, reverse=True)


@given(st.lists(holds, max_size=8))
def test_at_most_one_hold_stands_for_a_cause_and_scope(placed):
    """And placing the same again changes nothing: no second event."""
    table = table_of(placed)
    keys = [(hold.cause, hold.scope) for hold in table]
    assert len(set(keys)) == len(keys)
    for hold in table:
        assert table.place(hold) is table


def test_what_each_mode_permits():
    """REDUCE_ONLY what shrinks, STARTING and HALTED nothing."""
    permitted = {
        level: [
            HoldTable((Hold("x", level, ACCOUNT, Reason.PAUSED),)).permits("BTC-USD", reduces=r) for r in (False, True)
        ]
        for level in Level
    }
    assert permitted == {
        Level.NORMAL: [True, True],
        Level.REDUCE_ONLY: [False, True],
        Level.STARTING: [False, False],
        Level.HALTED: [False, False],
    }


def test_only_what_has_an_end_ends_by_itself():
    """A daily loss ends with the UTC day; a drawdown waits for a person."""
    loss = Hold("daily_loss", Level.REDUCE_ONLY, ACCOUNT, Reason.DAILY_LOSS, ends_at=next_utc_day(100_000.0))
    fall = Hold("drawdown", Level.REDUCE_ONLY, ACCOUNT, Reason.DRAWDOWN)
    table = HoldTable((loss, fall))
    assert table.expire(Now(172_799.0, 0.0)) is table
    assert [hold.cause for hold in table.expire(Now(172_800.0, 0.0))] == ["drawdown"]
    assert [hold.cause for hold in table.resume("drawdown")] == ["daily_loss"]
    assert table.resume().holds == ()
