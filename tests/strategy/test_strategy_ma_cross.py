"""The crossover against the documents' rule in exact fractions, and every reason an evaluation can end in."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings, strategies as st
from strategy_builders import (
    FILTERS,
    LONG,
    PERP,
    SHORT,
    SIZING,
    bars,
    book,
    context,
    decisions,
    quote,
    settings_of,
    walk,
)  # fmt: skip

from trader.config.table import KEYS
from trader.orders.reason import Reason
from trader.strategy.ma_cross import LEVERAGE_PRESETS, MA_PRESETS, MovingAverageCross
from trader.strategy.protocol import FLAT, Action, PositionView
from trader.strategy.settings import StrategySettings

UP = [100, 100, 100, 100, 100, 120, 130]
DOWN = [100, 100, 100, 100, 100, 80, 70]


def cross(**changes: object) -> MovingAverageCross:
    """A strategy under test."""
    return MovingAverageCross(settings_of(**changes), FILTERS, SIZING)


def by_the_rule(closes: list[int], config: StrategySettings) -> list[int]:
    """The documents' rule with every average added up afresh; one entry per bar, 0 where there is no signal."""
    short, long, confirm = config.short_ma_period, config.long_ma_period, config.confirmation_bars

    def diff(end: int) -> Fraction:
        return Fraction(sum(closes[end - short : end]), short) - Fraction(sum(closes[end - long : end]), long)

    def eps(end: int) -> Fraction:
        return closes[end - 1] * Fraction(config.epsilon_bps) / 10_000

    signals = []
    for end in range(1, len(closes) + 1):
        fired = 0
        if end >= long + 1 + confirm:
            at = end - confirm
            for sign in (1, -1):
                crossed = sign * diff(at - 1) <= eps(at) and sign * diff(at) > eps(at)
                stayed = all(sign * diff(later) > eps(later) for later in range(at + 1, end + 1))
                fired = sign if crossed and stayed else fired
        signals.append(fired)
    return signals


@given(
    st.lists(st.integers(900, 1100), min_size=1, max_size=80),
    st.integers(0, 3),
    st.sampled_from(["0", "1", "12.5", "100"]),
    st.sampled_from([(2, 4), (3, 10), (5, 20)]),
)
@settings(max_examples=250, deadline=None)
def test_signals_are_exactly_those_of_the_documents_rule(
    closes: list[int], confirm: int, epsilon: str, periods: tuple[int, int]
) -> None:
    """Any path, band and number of confirmation bars: the same bars fire, in the same direction."""
    strategy = cross(
        short_ma_period=periods[0], long_ma_period=periods[1], epsilon_bps=Decimal(epsilon), confirmation_bars=confirm
    )
    fired = [
        strategy.signal(window) if window.closed >= strategy.required_bars else 0 for window in bars(strategy, closes)
    ]
    assert fired == by_the_rule(closes, strategy.settings)


@pytest.mark.parametrize("confirm", [0, 1, 2, 3])
def test_confirmation_bars_really_confirm(confirm: int) -> None:
    """Over 4,000 random marks signals stay with each added bar; the original's never came once confirmation was on."""
    strategy = cross(short_ma_period=5, long_ma_period=20, confirmation_bars=confirm)
    signals = [strategy.signal(window) for window in bars(strategy, walk(4_000, seed=3)) if window.closed >= 25]
    assert sum(map(abs, signals)) > 60


def test_a_cross_fires_at_one_bar_only() -> None:
    """The bar after the cross is no signal, however far the averages part."""
    reasons = [one.reason for one in decisions(cross(), [*UP, 140, 150, 160])]
    assert reasons.count(Reason.ENTRY_SENT) == 1
    assert reasons[5] is Reason.ENTRY_SENT


def test_a_cross_that_falls_back_before_it_is_confirmed_is_no_signal() -> None:
    """One bar beyond the band is not two."""
    there_and_back = [100, 100, 100, 100, 100, 120, 60, 60, 60]
    assert Action.BUY in [one.action for one in decisions(cross(), there_and_back)]
    assert Action.BUY not in [one.action for one in decisions(cross(confirmation_bars=1), there_and_back)]


def test_the_band_keeps_small_crosses_out() -> None:
    """diff must exceed mark x bps / 10000, not merely zero."""
    closes = [100_000] * 5 + [100_020] * 2
    assert Action.BUY in [one.action for one in decisions(cross(), closes)]
    assert Action.BUY not in [one.action for one in decisions(cross(epsilon_bps=Decimal(1)), closes)]


def test_it_says_how_many_bars_it_waits_for() -> None:
    """STRAT-27: short history is a HOLD with the numbers, never a guess."""
    first = decisions(cross(short_ma_period=5, long_ma_period=20), [100])[0]
    assert (first.action, first.reason) == (Action.HOLD, Reason.WARMING_UP)
    assert "needs 21 closed bars, has 1" in first.text


def test_a_long_is_closed_by_the_opposite_cross_and_asked_again_until_it_is_flat() -> None:
    """STRAT-15, STRAT-19; an exit lost on the way is not lost for good."""
    answers = decisions(cross(), [*DOWN, 60, 50], LONG)
    assert [one.action for one in answers[5:]] == [Action.CLOSE] * 4
    assert all(one.reduce_only and one.reason is Reason.EXIT_SENT for one in answers[5:])


def test_a_short_is_closed_by_a_bullish_cross() -> None:
    """The mirror image."""
    assert decisions(cross(enable_shorts=True), UP, SHORT, context(PERP))[5].action is Action.CLOSE


@pytest.mark.parametrize("confirm", [0, 2])
@given(closes=st.lists(st.integers(900, 1100), min_size=30, max_size=60))
@settings(max_examples=50, deadline=None)
def test_the_first_exit_after_a_bullish_cross_is_at_the_bearish_cross(confirm: int, closes: list[int]) -> None:
    """Asking again never means asking earlier: from an entry on, exit and opposite signal first come together."""
    strategy = cross(confirmation_bars=confirm)
    entered = False
    for window in bars(strategy, closes):
        if window.closed < strategy.required_bars:
            continue
        sign = strategy.signal(window)
        exit_due = strategy.exit_due(window, 1)
        if entered and exit_due:
            assert sign == -1
            entered = False
        entered = entered or sign == 1
        assert not (sign == -1 and not exit_due)


BUSY = PositionView(Decimal(1), Decimal(50_000), adds=1, pending=True)
CASES = {
    "nothing happens": (UP[:5], FLAT, {}, {}, Reason.NO_SIGNAL),
    "nothing happens while long": (UP[:5], LONG, {}, {}, Reason.HOLDING),
    "an order is in flight": (UP[:6], BUSY, {}, {}, Reason.PENDING_ORDER),
    "one entry per side": (UP[:6], LONG, {}, {}, Reason.MAX_ADDS),
    "a second one where configured": (UP[:6], LONG, {"max_adds": 2}, {}, Reason.ENTRY_SENT),
    "shorts are off": (DOWN[:6], FLAT, {}, {"instrument": PERP}, Reason.SHORTS_DISABLED),
    "spot is never sold short": (DOWN[:6], FLAT, {"enable_shorts": True}, {}, Reason.SHORTS_DISABLED),
    "shorts are on": (DOWN[:6], FLAT, {"enable_shorts": True}, {"instrument": PERP}, Reason.ENTRY_SENT),
    "exit-only mode": (UP[:6], FLAT, {"disable_new_entries": True}, {}, Reason.ENTRIES_DISABLED),
    "the feed is down": (UP[:6], FLAT, {}, {"feed_up": False}, Reason.FEED_DOWN),
    "the quote is old": (UP[:6], FLAT, {}, {"machine_time": 80.1}, Reason.DATA_STALE),
    "the book is crossed": (UP[:6], FLAT, {}, {"quote": quote(tainted="crossed")}, Reason.BOOK_CROSSED),
    "the stream had a gap": (UP[:6], FLAT, {}, {"quote": quote(tainted="gap")}, Reason.DATA_GAP),
    "no book": (UP[:6], FLAT, {}, {"book": None}, Reason.DATA_STALE),
    "thin book": (UP[:6], FLAT, {}, {"book": book("0.1")}, Reason.DEPTH_TOO_THIN),
    "RSI too high": (UP[:6], FLAT, {"require_rsi_confirmation": True, "rsi_period": 2}, {}, Reason.RSI_NOT_CONFIRMED),
    "no money": (UP[:6], FLAT, {}, {"equity_usd": Decimal(0)}, Reason.NO_FUNDS),
    "account asks for exits": (UP[:6], LONG, {}, {"force_exit": True}, Reason.EXIT_SENT),
    "account asks for exits before the window is full": (UP[:1], LONG, {}, {"force_exit": True}, Reason.EXIT_SENT),
    "account asks for exits and one is under way": (UP[:6], BUSY, {}, {"force_exit": True}, Reason.PENDING_ORDER),
    "account asks for exits and there is nothing": (UP[:6], FLAT, {}, {"force_exit": True}, Reason.ENTRY_SENT),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_every_evaluation_ends_in_its_one_reason(
    case: tuple[list[int], PositionView, dict[str, object], dict[str, object], Reason],
) -> None:
    """The table: closes, position, settings, moment, and the reason at the last bar."""
    closes, position, configured, moment, reason = case
    answer = decisions(cross(**configured), closes, position, context(**moment))[-1]  # type: ignore[arg-type]
    assert answer.reason is reason
    assert (answer.action is Action.HOLD) == (reason not in {Reason.ENTRY_SENT, Reason.EXIT_SENT})


def test_an_exit_passes_where_every_filter_fails() -> None:
    """FILT-08: spread, depth, volume and staleness never keep a position open."""
    bad = context(quote=quote(ask=Decimal(60_000), bid_size=Decimal(0), volume_1m_usd=None), book=None, feed_up=False)
    assert decisions(cross(disable_new_entries=True), DOWN, LONG, bad)[5].action is Action.CLOSE


def test_a_cooldown_counts_from_the_last_entry_on_the_markets_clock_and_survives_a_restart() -> None:
    """Entries only; the snapshot carries it."""
    strategy = cross(cooldown_s=60.0)
    assert decisions(strategy, UP[:6])[-1].action is Action.BUY
    successor = cross(cooldown_s=60.0)
    successor.restore(strategy.snapshot())
    assert decisions(successor, UP[:6], FLAT, context(market_time=1059.0))[-1].reason is Reason.COOLDOWN
    assert decisions(successor, UP[:6], FLAT, context(market_time=1060.0))[-1].action is Action.BUY


def test_an_entry_names_its_numbers_and_its_worth() -> None:
    """5 % of equity x target leverage, clamped to 1 on spot; 2 on a perpetual (D05, D04)."""
    spot = decisions(cross(), UP[:6])[-1]
    assert (spot.action, spot.target_notional_usd, spot.leverage, spot.reduce_only) == (
        Action.BUY, Decimal("500.00"), Decimal(1), False,
    )  # fmt: skip
    assert "fast" in spot.text
    assert "gap" in spot.text
    perp = decisions(cross(), UP[:6], FLAT, context(PERP))[-1]
    assert (perp.target_notional_usd, perp.leverage) == (Decimal("1000.00"), Decimal(2))


def test_holds_are_shared_constants() -> None:
    """The hot path allocates nothing."""
    first, second = decisions(cross(), UP[:5])[-1], decisions(cross(), UP[:5])[-1]
    assert first is second


def test_the_documents_presets_are_there() -> None:
    """STRAT-32 to STRAT-35."""
    assert {name: tuple(pair) for name, pair in MA_PRESETS.items()} == {
        "volatile": (3, 10), "trending": (5, 20), "ranging": (10, 50),
    }  # fmt: skip
    assert LEVERAGE_PRESETS == {"testing": 1, "conservative": 2, "aggressive": 3}


def test_the_presets_stand_where_a_person_sets_them() -> None:
    """The meaning of each key names them, in `config --explain` and in docs/configuration.md alike, and each is in range."""
    averages = [KEYS["strategy.short_ma_period"], KEYS["strategy.long_ma_period"]]
    named = [
        (key, value, market) for market, pair in MA_PRESETS.items() for key, value in zip(averages, pair, strict=True)
    ]
    named += [(KEYS["sizing.target_leverage"], int(value), name) for name, value in LEVERAGE_PRESETS.items()]
    for key, value, name in named:
        assert re.search(rf"\b{value} (in a )?{name}\b", key.doc), (key.path, name)
        assert key.low is not None
        assert key.high is not None
        assert key.low <= value <= key.high
