"""A backtest runs the live actors: books tie out, guards act in market time, and anything broken ends the run."""

from __future__ import annotations

from decimal import Decimal

import pytest

from actors.backtest import Outcome, run_backtest
from actors.backtest_market import History, Series
from actors.backtest_models import Latency, MarketModels
from actors.risk import Risk
from actors.straight import StageError
from actors.symbol import Symbol
from tests.backtest.backtest_markets import CHEAP, START, history, settings, waves
from trader.orders.reason import Reason
from trader.report.performance import measure
from trader.risk.holds import Level
from trader.strategy.protocol import Context, Decision

FREE = MarketModels(maker_fee=Decimal(0), taker_fee=Decimal(0))
HIGH = 1_000


def fall(after: int, bars: int, per_bar: float, *, symbol: str = "BTC-USD", wave: int = 200) -> Series:
    """Waves first, then a steady fall of `per_bar` (a fraction of the price) for `bars` candles, then calm."""
    series = waves(symbol, after, period=60)
    close = series.close[-1]
    for bar in range(bars + wave):
        opened = close
        close = round(close * (1 - per_bar)) if bar < bars else close
        series.append(START + 60 * (after + bar), opened, max(opened, close), min(opened, close), close, 500_000)
    return series


def reasons(outcome: Outcome) -> dict[Reason, int]:
    """Counts of reasons over all symbols."""
    found: dict[Reason, int] = {}
    for _, reason, count in outcome.risk.reasons:
        found[reason] = found.get(reason, 0) + count
    return found


def test_every_bar_ends_in_exactly_one_reason() -> None:
    """Evaluations add up to the bars; orders add up to the executions."""
    outcome = run_backtest(settings(), history(waves(bars=1_000)), CHEAP)
    found = reasons(outcome)
    assert sum(found.values()) == outcome.bars == 1_000
    assert found[Reason.ENTRY_SENT] + found[Reason.EXIT_SENT] == outcome.executions > 20
    assert not outcome.holds


def test_equity_is_first_equity_plus_trades() -> None:
    """What the trades earned is what the account gained, to the cent, and risk's books say the same as the venue's."""
    outcome = run_backtest(settings(), history(waves(bars=1_190)), CHEAP)
    performance = measure(outcome.curve, outcome.trades, outcome.exposed_s)
    assert not outcome.open_symbols
    gained = sum(trade.pnl for trade in outcome.trades)
    assert abs(performance.last_equity - performance.first_equity - gained) < Decimal("0.01")
    assert outcome.risk.equity == performance.last_equity


def test_fees_make_the_same_trades_worth_less() -> None:
    """The fee model is charged on both sides of every trade."""
    market, chosen = history(waves(bars=600)), settings()
    free, charged = run_backtest(chosen, market, FREE), run_backtest(chosen, market, CHEAP)
    paid = sum(trade.fees for trade in charged.trades)
    assert paid > 0
    assert sum(trade.fees for trade in free.trades) == 0
    assert sum(trade.pnl for trade in free.trades) > sum(trade.pnl for trade in charged.trades)


def test_slippage_worsens_every_taker() -> None:
    """The slippage model moves the book against whoever takes."""
    market, chosen = history(waves(bars=600)), settings()
    plain = run_backtest(chosen, market, FREE)
    worse = run_backtest(
        chosen, market, MarketModels(maker_fee=Decimal(0), taker_fee=Decimal(0), slippage_bps=Decimal(3))
    )
    for one, other in zip(plain.trades, worse.trades, strict=True):
        assert other.entry_price > one.entry_price
        assert other.exit_price < one.exit_price


def test_an_order_meets_the_market_at_the_next_open() -> None:
    """With the latency model an order decided on a close fills around the following candle's open, not at the close."""
    series = waves(bars=200)
    for at in range(1, len(series)):
        series.open[at] = series.close[at - 1] + 500
    market = history(series)
    late = run_backtest(settings(), market, FREE)
    prompt = run_backtest(
        settings(), market, MarketModels(maker_fee=Decimal(0), taker_fee=Decimal(0), latency=Latency.NONE)
    )
    assert late.trades[0].entry_price - prompt.trades[0].entry_price == Decimal("5.00")


def test_the_daily_loss_stops_entries_until_the_next_utc_day() -> None:
    """The guard's hold ends by itself with the day of the market's clock, and trading goes on."""
    bars = 2 * 1440
    dear = MarketModels(maker_fee=Decimal("0.01"), taker_fee=Decimal("0.01"))
    chosen = settings(risk__max_daily_loss_usd="150", risk__consecutive_losses=20, risk__max_drawdown_pct="0.5")
    outcome = run_backtest(chosen, history(waves(bars=bars, price=25_000)), dear)
    losses = [hold for hold in outcome.holds if hold.cause == "daily_loss"]
    assert [hold.since // 86_400 for hold in losses] == [START // 86_400, START // 86_400 + 1]
    assert all(hold.ends_at == (hold.since // 86_400 + 1) * 86_400 for hold in losses)
    after = [trade.opened_at for trade in outcome.trades if losses[0].since < trade.opened_at < losses[0].ends_at]
    assert not after
    assert any(trade.opened_at > losses[0].ends_at for trade in outcome.trades)


def test_losses_in_a_row_pause_the_symbol_for_half_an_hour_of_market_time() -> None:
    """The pause is measured on the market's clock: no entry for thirty bars of a minute."""
    dear = MarketModels(maker_fee=Decimal("0.01"), taker_fee=Decimal("0.01"))
    outcome = run_backtest(settings(), history(waves(bars=600)), dear)
    pauses = [hold for hold in outcome.holds if hold.cause == "consecutive_losses"]
    assert pauses
    for pause in pauses:
        assert pause.ends_at == pause.since + 1_800
        assert not any(pause.since < trade.opened_at < pause.ends_at for trade in outcome.trades)


def test_a_crash_trips_the_volatility_breaker_on_its_own_bar() -> None:
    """A jump of 4 % in a minute halts the symbol on that very bar, though no tick is due for hours."""
    series = waves(bars=300, seed=3)
    close = series.close[-1]
    series.append(START + 300 * 60, close, close, round(close * 0.96), round(close * 0.96), 500_000)
    for bar in range(301, 400):
        series.append(START + bar * 60, series.close[-1], series.close[-1], series.close[-1], series.close[-1], 500_000)
    outcome = run_backtest(settings(), history(series), CHEAP)
    halts = [hold for hold in outcome.holds if hold.cause == "volatility" and hold.level is Level.HALTED]
    assert [hold.since for hold in halts] == [START + 301 * 60]


def test_an_operator_who_looks_daily_resumes_what_only_a_person_can() -> None:
    """Without one a halted symbol stays halted; with one it trades again the next day."""
    series = waves(bars=300, seed=3)
    jump = round(series.close[-1] * 0.95)
    series.append(START + 300 * 60, series.close[-1], series.close[-1], jump, jump, 500_000)
    later = waves(bars=2 * 1440, seed=4, price=23_700)
    for bar in range(301, 2 * 1440):
        series.append(
            later.start[bar], *(column[bar] for column in (later.open, later.high, later.low, later.close)), 500_000
        )
    market = history(series)
    halted_at = START + 301 * 60
    never = run_backtest(settings(), market, CHEAP)
    daily = run_backtest(settings(), market, CHEAP, resume_daily=True)
    assert not [trade for trade in never.trades if trade.opened_at > halted_at]
    resumed = [trade.opened_at for trade in daily.trades if trade.opened_at > halted_at]
    assert min(resumed) > (halted_at // 86_400 + 1) * 86_400


def test_a_perpetual_pays_funding_every_hour_and_the_books_agree() -> None:
    """A long pays the hourly rate; risk and venue book the same amounts, or the run would have ended with an error."""
    models = MarketModels(maker_fee=Decimal(0), taker_fee=Decimal(0), funding_rate_hourly=Decimal("0.001"))
    market = history(waves("BTC-PERP-INTX", 900, period=240, volume=900_000, models=models))
    chosen = settings("prod", ("BTC-PERP",), strategy__require_rsi_confirmation="false")
    outcome = run_backtest(chosen, market, models)
    assert outcome.events["funding.accrued"] > 3
    assert outcome.risk.positions[0].funding != 0
    assert any(trade.side == "SHORT" for trade in outcome.trades)


def test_the_day_is_audited_against_a_full_revaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equity kept by differences equals a full revaluation whenever a day begins."""
    audits: list[float] = []
    publish = Risk.publish

    def audited(self: Risk, report: object) -> None:
        self.desk.ledger.audit()
        audits.append(self.now.market_time)
        publish(self, report)

    monkeypatch.setattr(Risk, "publish", audited)
    run_backtest(settings(), history(waves(bars=3 * 1440)), CHEAP)
    assert {at for at in audits if at % 86_400 == 0} == {START + 86_400, START + 2 * 86_400, START + 3 * 86_400}


def test_a_dying_actor_ends_the_run_and_names_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken actor would otherwise look like a faster one."""
    judged: list[float] = []
    judge = Symbol._judge

    def broken(self: Symbol, decision: Decision, context: Context) -> None:
        judged.append(context.market_time)
        if len(judged) == 25:
            raise ZeroDivisionError("a bug")
        judge(self, decision, context)

    monkeypatch.setattr(Symbol, "_judge", broken)
    with pytest.raises(StageError, match="ZeroDivisionError: a bug") as raised:
        run_backtest(settings(), history(waves(bars=300)), CHEAP)
    assert f"bar {(judged[-1] - START) / 60 - 1:.0f} of 300, market time {judged[-1]:.0f}: " in str(raised.value)


def test_a_dead_letter_ends_the_run() -> None:
    """A message to nobody is an error once everyone is there."""
    from actors.straight import StraightAddress, StraightStage

    with StraightStage() as stage:
        nobody = StraightAddress("nobody", stage)
        assert nobody.tell("early") is False
        stage.seal()
        with pytest.raises(StageError, match="dead letter: str to nobody"):
            nobody.tell("late")


def test_a_hole_in_the_candles_gives_flat_bars_and_no_stale_order() -> None:
    """Minutes that the record lacks become flat bars; the marks of that stretch are never traded on."""
    series = waves(bars=500)
    holed = series.between(0, START + 200 * 60)
    for at in range(210, 500):
        holed.append(series.start[at], series.open[at], series.high[at], series.low[at], series.close[at], 500_000)
    outcome = run_backtest(settings(), history(holed), CHEAP)
    assert outcome.bars == 490
    assert sum(reasons(outcome).values()) == 500
    assert not [t for t in outcome.trades if START + 200 * 60 < t.opened_at < START + 211 * 60]


def test_products_in_two_currencies_each_trade_with_their_share() -> None:
    """A spot pair in USD and a perpetual in USDC side by side: the venue refuses neither for want of money."""
    spot = waves(bars=500)
    perpetual = waves("BTC-PERP-INTX", 500, period=70, volume=900_000)
    chosen = settings("prod", ("BTC-USD", "BTC-PERP"), strategy__require_rsi_confirmation="false")
    outcome = run_backtest(chosen, history(spot, perpetual), CHEAP)
    assert outcome.risk.venue_refused == 0
    assert {trade.symbol for trade in outcome.trades} == {"BTC-USD", "BTC-PERP"}
    assert outcome.curve.first is not None
    assert outcome.curve.first[1] == chosen.paper.equity_usd


def test_the_volume_of_an_hour_is_not_that_of_a_minute() -> None:
    """Of 600,000 USD an hour 10,000 fall on a minute: too little to enter by the filter of a minute's volume."""
    minutes = waves(bars=400)
    hours = Series(minutes.instrument, 3600)
    for at in range(len(minutes)):
        prices = minutes.open[at], minutes.high[at], minutes.low[at], minutes.close[at]
        hours.append(START + 3600 * at, *prices, 600_000)
    found = reasons(run_backtest(settings(strategy__bar_seconds=3600), History((hours,), 3600), CHEAP))
    assert found[Reason.VOLUME_LOW] > 3
    assert Reason.ENTRY_SENT not in found
