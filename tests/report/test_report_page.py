"""The report: from events of the real store to one self-contained page whose figures agree with the ledger's arithmetic."""

import json
import random
import re
from decimal import Decimal
from pathlib import Path

import pytest
from status_examples import healthy

from trader.exit_code import Ends, ExitCode
from trader.orders.order import Fill, Side
from trader.orders.reason import Reason
from trader.report.cycle import cycle_metrics
from trader.report.daybook import Daybook, ModeRow, spread_of
from trader.report.history import daybook
from trader.report.page import render_html
from trader.report.report_command import main
from trader.store.events import Event, EventName, make_event
from trader.store.log import EventStore
from trader.store.payloads import fill_payload

DAY = 1_795_132_800.0
"""2026-11-20 00:00 UTC."""
FEE = Decimal("0.009")


class Tape:
    """Writes events in order, as the system does."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.fills = 0

    def put(self, name: EventName, payload: dict[str, object], at: float, **more: str) -> None:
        event = make_event(
            name,
            payload,
            utc_time=at,
            market_time=at,
            profile="canary",
            config_hash="c0ffee",
            **more,  # type: ignore[arg-type]
        )
        self.events.append(event)

    def baseline(self, equity: str, at: float) -> None:
        self.put(EventName.DAILY_BASELINE, {"day": "2026-11-20", "start_equity": equity}, at)

    def decide(self, mark: str, at: float, decision_id: str) -> None:
        payload = {"symbol": "BTC-USD", "action": "BUY", "reason": "NO_SIGNAL", "mark": mark}
        self.put(EventName.STRATEGY_SIGNAL, payload, at, decision_id=decision_id, code="NO_SIGNAL")

    def skip(self, mark: str, at: float, reason: Reason, text: str = "") -> None:
        payload = {"symbol": "BTC-USD", "action": "HOLD", "reason": reason.value, "mark": mark, "text": text}
        self.put(EventName.STRATEGY_SIGNAL, payload, at, code=reason.value)

    def trade(self, side: Side, size: str, price: str, at: float, decision_id: str = "") -> None:
        self.fills += 1
        order = f"cb-{self.fills}"
        self.put(EventName.ORDER_INTENT, {"client_order_id": order, "symbol": "BTC-USD"}, at - 0.2)
        value = Decimal(size) * Decimal(price)
        fill = Fill(
            fill_id=f"t{self.fills}",
            client_order_id=order,
            order_id=f"o{self.fills}",
            symbol="BTC-USD",
            side=side,
            size=Decimal(size),
            price=Decimal(price),
            fee=value * FEE,
            market_time=at,
        )
        payload = fill_payload(fill, contract_size=Decimal(1), realized_pnl=Decimal(0))
        self.put(EventName.TRADE_EXECUTED, payload, at, decision_id=decision_id)  # type: ignore[arg-type]


def two_trades() -> Tape:
    """Bought and half sold the day before; sold and bought again on the day."""
    tape = Tape()
    tape.baseline("1000", DAY - 86_400)
    tape.trade(Side.BUY, "0.01", "90000", DAY - 4000)
    tape.trade(Side.SELL, "0.005", "91000", DAY - 3000)
    tape.skip("92000", DAY - 10, Reason.SPREAD_TOO_WIDE)
    tape.baseline("1000", DAY + 1)
    tape.decide("92500", DAY + 90, "d1")
    tape.trade(Side.SELL, "0.005", "92400", DAY + 100, "d1")
    tape.skip("92600", DAY + 200, Reason.SPREAD_TOO_WIDE, "spread 14 bp > 10 bp <script>")
    payload = {
        "symbol": "BTC-USD",
        "side": "BUY",
        "size": "1",
        "reason": "MAX_POSITION",
        "mark": "92600",
        "text": "room 87",
    }
    tape.put(EventName.RISK_REJECTED, payload, DAY + 201, code="MAX_POSITION")
    tape.decide("93000", DAY + 290, "d2")
    tape.trade(Side.BUY, "0.002", "93100", DAY + 300, "d2")
    tape.put(EventName.FUNDING_ACCRUED, {"symbol": "BTC-USD", "amount": "-0.25"}, DAY + 310)
    tape.put(EventName.MODE_CHANGED, {"mode": "REDUCE_ONLY", "was": "NORMAL", "cause": "daily_loss"}, DAY + 320)
    tape.skip("94000", DAY + 400, Reason.OPS_WINDOW_CLOSED)
    tape.put(
        EventName.CYCLE_METRICS, {"run": "r1", "equity": "1004.9", "reasons": {"BTC-USD": {"NO_SIGNAL": 7}}}, DAY + 401
    )
    return tape


def book_of(tape: Tape, **times: float) -> Daybook:
    return daybook(tape.events, since=times.get("since", DAY), until=times.get("until", DAY + 86_400))


def test_the_day_begins_with_yesterdays_position_and_its_parts_sum_to_the_equity_change() -> None:
    """Half a position came over at 92,000, was sold at 92,400; 0.002 were bought at 93,100 and stand at 94,000."""
    book = book_of(two_trades())
    price_part = Decimal("0.005") * (92_400 - 92_000) + Decimal("0.002") * (94_000 - 93_100)
    fees = FEE * (Decimal("0.005") * 92_400 + Decimal("0.002") * 93_100)
    assert (book.pnl.price, book.pnl.fees, book.pnl.funding) == (price_part, fees, Decimal("-0.25"))
    assert book.equity[0][1] == 1000
    assert book.equity[-1][1] == 1000 + book.pnl.total
    assert book.checks[0].ok is True
    (day,) = book.symbols
    assert [(mark.side, mark.price) for mark in day.filled] == [("SELL", Decimal(92_400)), ("BUY", Decimal(93_100))]
    assert [mark.reason for mark in day.refused] == [Reason.MAX_POSITION]
    assert [mark.reason for mark in day.skipped] == [Reason.SPREAD_TOO_WIDE, Reason.OPS_WINDOW_CLOSED]
    (trade,) = book.trades
    assert (trade.side, trade.entry_price, trade.size) == ("LONG", Decimal(90_000), Decimal("0.01"))


def test_latency_is_intent_to_fill_and_slippage_is_against_the_mark_of_the_decision() -> None:
    """Sold 100 below 92,500 and bought 100 above 93,000."""
    book = book_of(two_trades())
    assert book.latency_ms.count == 2
    assert book.latency_ms.worst == pytest.approx(200, abs=1)
    assert book.slippage_bps.worst == pytest.approx(100 / 92_500 * 10_000)


def test_reasons_are_the_runs_totals_where_they_were_recorded() -> None:
    """Totals grow with a run; the part before the day is taken off, and a new run begins at zero."""
    tape = Tape()
    for at, run, count in ((-60, "a", 100), (60, "a", 130), (120, "b", 5), (180, "b", 9)):
        tape.put(EventName.CYCLE_METRICS, {"run": run, "reasons": {"BTC-USD": {"NO_SIGNAL": count}}}, DAY + at)
    book = book_of(tape)
    assert book.reasons == (("BTC-USD", Reason.NO_SIGNAL, 39),)
    assert book.reasons_complete


def test_without_totals_the_changes_are_counted_and_called_so() -> None:
    """An older store has no cycle.metrics."""
    tape = two_trades()
    tape.events = [event for event in tape.events if event.event != EventName.CYCLE_METRICS]
    book = book_of(tape)
    assert not book.reasons_complete
    assert ("BTC-USD", Reason.MAX_POSITION, 1) in book.reasons
    assert "Changes of decision only" in render_html(book)


def test_a_difference_to_the_account_and_a_pause_are_said() -> None:
    """A deposit, or a bug: the check fails and names the amount."""
    tape = two_trades()
    tape.put(EventName.CYCLE_METRICS, {"run": "r1", "equity": "1105.9"}, DAY + 2000)
    book = book_of(tape)
    by_name = {check.name: check for check in book.checks}
    assert by_name["equity agrees with the account"].ok is False
    assert "+1" in by_name["equity agrees with the account"].text
    assert book.gaps == ((DAY + 401, DAY + 2000),)
    assert by_name["no gap in the record"].ok is False


def test_the_page_is_self_contained_escaped_and_says_what_happened() -> None:
    """No script, no request, nothing from outside unescaped."""
    page = render_html(book_of(two_trades()))
    assert page.startswith("<!doctype html>")
    assert "2 fills in BTC-USD lost" in page
    assert "<script" not in page
    assert not re.search(r"(src|href|url)\s*[=(]\s*[\"']?(https?:)?//", page)
    assert "default-src &#x27;none&#x27;" in page or "default-src 'none'" in page
    assert "n/a (1 closed trade, needs 30)" in page
    for heading in (
        "Equity, USD",
        "Drawdown",
        "Profit and loss by origin",
        "Why it did",
        "Execution",
        "Closed trades",
        "Checks",
    ):
        assert heading in page


def test_it_says_whose_money_it_was_and_what_the_simulator_assumes() -> None:
    """A page that is handed on must not be taken for real money, nor real money for play."""
    tape = two_trades()
    tape.put(EventName.SYSTEM_STARTED, {"paper_fees": "maker 0.5 %, taker 0.9 %"}, DAY - 5000)
    tape.events.sort(key=lambda event: event.market_time)
    paper = render_html(daybook(tape.events, since=DAY, until=DAY + 86_400, money="PAPER"))
    assert "<h1>canary PAPER: 2026-11-20" in paper
    assert "Counted up to 00:06:41Z." in paper
    assert "its fees: maker 0.5 %, taker 0.9 %" in paper
    assert "synthetic book" in paper
    live = render_html(daybook(tape.events, since=DAY, until=DAY + 86_400, money="LIVE"))
    assert "<h1>canary LIVE: 2026-11-20" in live
    assert "synthetic book" not in live


def test_changes_of_mode_name_the_holds_of_symbols_and_what_was_lifted() -> None:
    """NORMAL is not caused by the hold that ended: that hold was lifted, by somebody."""
    tape = Tape()
    loss = {"cause": "daily_loss", "level": "REDUCE_ONLY", "scope": "account", "by": "risk", "text": "-11 USD"}
    streak = {
        "cause": "consecutive_losses",
        "level": "REDUCE_ONLY",
        "scope": "BTC-USD",
        "by": "risk",
        "text": "2 losses",
    }
    tape.put(EventName.HOLD_PLACED, streak, DAY + 5)
    tape.put(EventName.HOLD_PLACED, loss, DAY + 10)
    tape.put(
        EventName.MODE_CHANGED, {"mode": "REDUCE_ONLY", "was": "NORMAL", "cause": "daily_loss", "by": "risk"}, DAY + 10
    )
    tape.put(EventName.HOLD_ENDED, {"cause": "daily_loss", "scope": "account", "by": "anna"}, DAY + 20)
    tape.put(
        EventName.MODE_CHANGED, {"mode": "NORMAL", "was": "REDUCE_ONLY", "cause": "daily_loss", "by": "anna"}, DAY + 20
    )
    tape.put(
        EventName.MODE_CHANGED, {"mode": "NORMAL", "was": "STARTING", "cause": "starting", "by": "start-up"}, DAY + 30
    )
    book = book_of(tape)
    assert book.modes == (
        ModeRow(DAY + 5, "BTC-USD", "", "consecutive_losses REDUCE_ONLY", "", "risk", "2 losses"),
        ModeRow(DAY + 10, "account", "REDUCE_ONLY", "daily_loss REDUCE_ONLY", "", "risk", "-11 USD"),
        ModeRow(DAY + 20, "account", "NORMAL", "", "daily_loss", "anna", ""),
        ModeRow(DAY + 30, "account", "NORMAL", "", "starting", "start-up", ""),
    )
    page = render_html(book)
    assert all(f">{head}</th>" in page for head in ("scope", "mode", "placed", "lifted", "by"))


def test_an_empty_day_is_a_page_that_says_so() -> None:
    """No data is said, not drawn as a flat line."""
    page = render_html(book_of(Tape()))
    assert "the system did not run" in page
    assert "n/a (fewer than two points)" in page


def test_a_busy_month_stays_under_one_megabyte() -> None:
    """Ten marks a minute would be 430,000 points: columns keep only what can be seen."""
    tape, rng, mark = Tape(), random.Random(7), Decimal(90_000)
    tape.baseline("100000", DAY)
    for minute in range(0, 43_200, 3):
        mark += rng.randint(-20, 20)
        tape.skip(
            str(mark), DAY + minute * 60, rng.choice([Reason.SPREAD_TOO_WIDE, Reason.MAX_EXPOSURE, Reason.COOLDOWN])
        )
        if minute % 90 == 0:
            tape.trade(Side.BUY if minute % 180 == 0 else Side.SELL, "0.01", str(mark), DAY + minute * 60 + 1)
    book = book_of(tape, until=DAY + 31 * 86_400)
    page = render_html(book)
    assert len(book.trades) == 240
    assert len(page.encode()) < 1_000_000
    assert "The last 200 of 240" in page


def test_the_payload_of_the_minutes_record_holds_no_float_and_is_read_back() -> None:
    """The store refuses floats."""
    tape = Tape()
    status = healthy()
    tape.put(EventName.CYCLE_METRICS, cycle_metrics(status), DAY + 1)  # type: ignore[arg-type]
    assert "float" not in {type(value).__name__ for value in tape.events[0].payload.values()}
    book = book_of(tape)
    assert sum(count for _, _, count in book.reasons) == status.flow.evaluations
    assert book.equity[0][1] == Decimal("996.88")
    assert book.symbols[0].prices == ((DAY + 1, Decimal("91012.00")),)


def test_spread_of_values_uses_nearest_rank() -> None:
    """Median and 95th percentile are values that occurred."""
    told = spread_of([float(n) for n in range(1, 101)])
    assert (told.count, told.median, told.p95, told.worst) == (100, 50.0, 95.0, 100.0)
    assert spread_of([]).median is None


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A real, encrypted store with two trades."""
    monkeypatch.setenv("EVENT_STORE_ROOT", str(tmp_path))
    folder = tmp_path / "perps_bot" / "canary"
    folder.mkdir(parents=True, mode=0o700)
    store = EventStore.open(folder, profile="canary", account="paper:canary")
    for event in two_trades().events:
        store.append(event)
    store.close()
    return folder


def test_the_command_writes_page_and_json_of_the_newest_day(canary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the store on disk; private files; the same figures in both."""
    assert main(["--profile", "canary"]) == ExitCode.OK
    verdict, page, data = capsys.readouterr().out.splitlines()
    assert verdict.startswith("2 fills in BTC-USD lost")
    assert verdict.endswith("Counted up to 00:06:41Z.")
    assert "<h1>canary PAPER: " in Path(page).read_text()
    assert page == str(canary / "reports" / "report_2026-11-20.html")
    assert (Path(page).stat().st_mode & 0o777, Path(data).stat().st_mode & 0o777) == (0o600, 0o600)
    assert verdict in Path(page).read_text()
    told = json.loads(Path(data).read_text())
    assert Decimal(told["pnl"]["funding"]) == Decimal("-0.25")
    assert told["trades"][0]["side"] == "LONG"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--profile", "../x"], ExitCode.USAGE),
        (["--profile", "prod"], ExitCode.NEGATIVE),
        (["--profile", "canary", "--day", "yesterday"], ExitCode.USAGE),
        (["--profile", "canary", "--days", "0"], ExitCode.USAGE),
        (["--profile", "canary", "--days", "2", "--day", "2026-11-20"], ExitCode.USAGE),
    ],
)
def test_wrong_arguments_and_a_missing_store_end_with_their_codes(
    canary: Path, arguments: list[str], code: ExitCode
) -> None:
    """One sentence, no traceback."""
    with pytest.raises(Ends) as end:
        main(arguments)
    assert end.value.code is code


def test_time_in_the_market_of_a_day_is_that_of_the_day_alone() -> None:
    """What was held and sold on the days before is no part of it."""
    tape = Tape()
    tape.trade(Side.BUY, "0.1", "100", DAY - 40_000)
    tape.trade(Side.SELL, "0.1", "101", DAY - 20_000)
    tape.trade(Side.BUY, "0.1", "100", DAY - 100)
    tape.baseline("1000", DAY + 1)
    tape.trade(Side.SELL, "0.1", "101", DAY + 2_500)
    tape.put(EventName.CYCLE_METRICS, {"run": "r1", "marks": {"BTC-USD": "101"}}, DAY + 10_001)
    book = book_of(tape)
    assert book.performance is not None
    assert book.performance.exposure.value == pytest.approx(0.25, abs=0.001)


def test_several_days_have_a_bar_each_that_sum_to_the_change_and_one_day_has_none() -> None:
    """The first day gains, the second loses; the third was not recorded and has no bar."""
    tape = Tape()
    tape.baseline("1000", DAY)
    tape.trade(Side.BUY, "1", "100", DAY + 10)
    for mark, at in (("110", 80_000.0), ("104", 86_400.0 + 50), ("106", 3 * 86_400.0 + 50)):
        tape.put(EventName.CYCLE_METRICS, {"run": "r1", "marks": {"BTC-USD": mark}}, DAY + at)
    book = book_of(tape, until=DAY + 5 * 86_400)
    assert [(day - DAY, result) for day, result in book.days] == [
        (0.0, Decimal("9.100")), (86_400.0, Decimal(-6)), (3 * 86_400.0, Decimal(2))
    ]  # fmt: skip
    assert sum(result for _, result in book.days) == book.equity[-1][1] - book.equity[0][1]
    page = render_html(book)
    assert "Result by UTC day, USD" in page
    assert re.findall(r'<rect class="(gain|loss)".*?<title>(.*?)</title>', page) == [
        ("gain", "2026-11-20: +9.10"), ("loss", "2026-11-21: -6.00"), ("gain", "2026-11-23: +2.00")
    ]  # fmt: skip
    assert "Result by UTC day" not in render_html(book_of(two_trades()))


def test_a_day_without_a_loss_has_no_area_under_its_drawdown() -> None:
    """Zero is drawn on the floor of the chart, not in the middle above an area of red."""
    tape = Tape()
    tape.baseline("1000", DAY)
    tape.put(EventName.CYCLE_METRICS, {"run": "r1", "equity": "1000", "marks": {"BTC-USD": "100"}}, DAY + 10)
    chart = render_html(book_of(tape)).partition('aria-label="drawdown in percent"')[2].partition("</svg>")[0]
    assert ">-1.00</text>" not in chart
    heights = re.findall(r"[ML][0-9.]+ ([0-9.]+)", chart.partition('class="area"')[2].partition("/>")[0])
    assert len(set(heights)) == 1


def test_a_market_that_runs_fast_leaves_no_pauses() -> None:
    """A pause is one of the machine's clock: an hour of a market sixty times as fast is a minute."""
    tape = Tape()
    tape.baseline("1000", DAY)
    for hour in range(1, 5):
        event = make_event(
            EventName.CYCLE_METRICS,
            {"run": "r1"},
            utc_time=DAY + hour * 60,
            market_time=DAY + hour * 3600,
            profile="canary",
        )
        tape.events.append(event)
    assert book_of(tape).gaps == ()


def test_time_in_the_market_is_never_more_than_the_time_there_was() -> None:
    """A position still open counts up to the last thing recorded, not to a midnight that has not come."""
    tape = Tape()
    tape.baseline("1000", DAY + 10)
    tape.trade(Side.BUY, "0.1", "100", DAY + 20)
    tape.trade(Side.BUY, "0.1", "101", DAY + 60)
    book = daybook(tape.events, since=DAY, until=DAY + 86_400)
    assert book.performance is not None
    assert book.performance.exposure.value is not None
    assert book.performance.exposure.value <= 1
