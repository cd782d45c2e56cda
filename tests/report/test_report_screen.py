"""The status screen: the verdict first, 100 columns, 40 lines, units and ages, and nothing invented."""

from decimal import Decimal

import msgspec
import pytest
from status_examples import NOW, healthy, open_order, reduce_only

from trader.orders.reason import Reason
from trader.report.screen import render_screen
from trader.report.status import ActorStatus, AlertStatus, FeedStatus, MoneyStatus, SystemStatus, Unknown
from trader.report.verdict import verdict
from trader.risk.holds import ACCOUNT, Hold, Level


def row(screen: str, start: str) -> str:
    return next(line for line in screen.splitlines() if line.startswith(start))


@pytest.mark.parametrize("status", [healthy(), reduce_only(orders=(open_order(),) * 4), reduce_only(dust="")])
def test_the_screen_for_four_symbols_fits_100_columns_and_40_lines(status: SystemStatus) -> None:
    """Readable in any terminal, without wrapping."""
    lines = render_screen(status).splitlines()
    assert len(lines) <= 40
    assert max(len(line) for line in lines) <= 100


def test_the_healthy_screen_says_what_it_waits_for_and_what_to_do() -> None:
    """The example of the operator's guide."""
    screen = render_screen(healthy())
    lines = screen.splitlines()
    assert lines[0].startswith("canary  LIVE  NORMAL  up 3h12m  2026-11-20 17:24:09Z")
    assert lines[1] == "VERDICT  Waiting: the trading window opens in 20h45m. Nothing is wrong."
    assert "Permits: open, reduce, cancel." in lines[2]
    assert row(screen, " day P&L").split() == [
        "day",
        "P&L",
        "-3.12",
        "-10.00",
        "31%",
        "###.......",
        "orders/min",
        "0",
        "6",
    ]
    assert "price -2.40  fees -0.61  funding -0.11  equity 996.88 USD   resets 00:00Z, in 6h35m" in screen
    assert row(screen, " BTC-USD").split()[:5] == ["BTC-USD", "+0.0021", "91204.10", "91012.00", "(0.3s)"]
    assert "nearest miss: ETH-USD 14:52:10Z buy refused" in screen
    assert "REST p95 182ms  errors 0/412" in screen
    assert lines[-1] == "NEXT   nothing to do.   Why so quiet: run.py why XRP-USD   Report: run.py report"


def test_the_reduce_only_screen_names_the_limit_its_line_and_the_end() -> None:
    """Which limit, where it stands, what was done, what ends it."""
    lines = render_screen(reduce_only()).splitlines()
    assert lines[1] == (
        "VERDICT  Entries refused: day loss 10.04 USD reached the limit 10.00 (config.toml:14). Exits work."
    )
    assert lines[2].startswith("MODE     REDUCE_ONLY since 17:24:08Z by risk (daily_loss). Permits: reduce, cancel.")
    assert lines[2].endswith("Kept on restart.")
    assert lines[3] == "         Ends: by itself in 6h35m, or `run.py resume daily_loss` after you have looked."
    assert lines[4] == "DID      cancelled 1 of 1 growing orders. BTC-USD +0.0021 kept."


PAUSE = Hold(
    "consecutive_losses", Level.REDUCE_ONLY, "BTC-USD", Reason.CONSECUTIVE_LOSSES, "2 in a row", "risk", NOW, NOW + 1800
)
KILL = Hold("kill", Level.HALTED, ACCOUNT, Reason.KILL_SWITCH, "run.py kill", "ann (process 7)", NOW)


def test_a_hold_on_the_only_symbol_is_not_nothing_to_do() -> None:
    """Until when, why, and what ends it; while it waits for nothing else."""
    status = healthy(symbols=("BTC-USD",), holds=(PAUSE,), positions=(), window_opens_in_s=0.0)
    told = verdict(status)
    assert told.sentence == "BTC-USD entries paused until 17:54Z (consecutive_losses)."
    assert told.step == "`run.py resume consecutive_losses` after you have looked"
    assert "nothing to do" not in render_screen(status)
    other = verdict(msgspec.structs.replace(status, symbols=("BTC-USD", "ETH-USD"), decisions=()))
    assert other.sentence == (
        "Waiting for a signal. Nothing is wrong. BTC-USD entries paused until 17:54Z (consecutive_losses)."
    )


def test_the_end_of_a_hold_and_its_command_are_never_cut() -> None:
    """The lines of MODE break between words, as the verdict does; so do those of DECISIONS."""
    long = msgspec.structs.replace(PAUSE, text="two exits with a loss, the last one of 1.23 USD at 17:24:01Z")
    one = msgspec.structs.replace(healthy().decisions[0], detail="fast 97264.13, slow 97264.01, gap +0.0 bp, band " * 2)
    screen = render_screen(healthy(holds=(long,), decisions=(one,), actors=()))
    assert "…" not in screen
    assert "`run.py resume consecutive_losses` after you have looked." in " ".join(screen.split())
    assert max(map(len, screen.splitlines())) <= 100


def test_what_a_person_did_has_no_line_in_the_configuration() -> None:
    """The kill switch of the file says false; the halt is a person's."""
    places = {"risk.kill_switch_enabled": "config.toml:55"}
    mine = healthy(mode=Level.HALTED, holds=(KILL,), places=places)
    assert verdict(mine).sentence.startswith("Halted: run.py kill. ")
    filed = msgspec.structs.replace(KILL, by="start-up")
    assert "config.toml:55" in verdict(msgspec.structs.replace(mine, holds=(filed,))).sentence


def test_the_mode_has_its_own_moment_and_author() -> None:
    """After a resume it is NORMAL since the resume, by whom; an older hold that remains is named."""
    screen = render_screen(healthy(mode_since=NOW, mode_by="ann (process 7) (lifted kill)"))
    assert "MODE     NORMAL since 17:24:09Z by ann (process 7) (lifted kill). Permits" in screen
    both = render_screen(reduce_only(mode_since=NOW, mode_by="ann (process 7) (lifted kill)"))
    assert "by ann (process 7) (lifted kill), held by daily_loss. Permits" in " ".join(both.split())


def test_a_changed_file_that_waits_is_on_the_screen_and_is_the_next_step() -> None:
    """And a refused one says why."""
    change = "risk.max_position_usd 500 -> 600"
    screen = render_screen(healthy(config_waiting=change, window_opens_in_s=0.0))
    assert f"CONFIG   waits for `run.py config accept`: {change}" in screen
    assert row(screen, "NEXT").startswith("NEXT   `run.py config accept`, or undo the change.")
    refused = render_screen(healthy(config_refused="config.toml:14 max_daily_loss_usd: 5000 is above 1000"))
    assert "CONFIG   the saved file is refused, the old values hold: config.toml:14" in refused


def test_a_stopped_screen_says_stopped_and_a_running_one_its_process() -> None:
    """No feed is up where nobody listens."""
    assert render_screen(healthy(pid=4711)).startswith("canary  LIVE  NORMAL  pid 4711  up 3h12m")
    stopped = render_screen(healthy(pid=4711, ended="stopped on request"))
    assert stopped.startswith("canary  LIVE  STOPPED (was NORMAL)  up 3h12m")
    assert row(stopped, "FEEDS").startswith("FEEDS    closed")


def test_what_is_unknown_says_why_and_is_never_zero() -> None:
    """Before the first account snapshot nothing about money is known."""
    why = Unknown("no account yet")
    money = MoneyStatus(*(why for _ in MoneyStatus.__struct_fields__))
    screen = render_screen(healthy(money=money, positions=()))
    assert row(screen, " day P&L").split()[2:5] == ["n/a", "(no", "account"]
    assert "0.00" not in row(screen, " exposure")
    assert "#" not in row(screen, " leverage")


def test_a_market_clock_that_is_not_the_machines_is_shown() -> None:
    """Replayed prices carry their own time."""
    assert "the market's clock says 2023-03-10" in render_screen(healthy(market_time=1_678_449_840.0))
    assert "CLOCK" not in render_screen(healthy())


def test_holds_of_symbols_stand_below_the_mode_and_many_are_counted() -> None:
    """Three are shown, the rest is counted."""
    holds = tuple(
        Hold(f"pause{n}", Level.REDUCE_ONLY, f"S{n}-USD", Reason.PAUSED, "", "risk", NOW, NOW + 60) for n in range(5)
    )
    screen = render_screen(healthy(holds=holds))
    assert "S0-USD REDUCE_ONLY (pause0): this symbol rests for a while. Ends: by itself in 1m00s" in screen
    assert "and 2 more holds" in screen


def test_control_characters_from_a_venue_cannot_break_a_line() -> None:
    """F-C04: one record, one line."""
    actor = ActorStatus("broker", "ok", 0.1, 0, 1, 0.1, 0, 0, "evil\nFAKE \x1b[31mred")
    screen = render_screen(healthy(actors=(actor,)))
    assert "\x1b" not in screen
    assert "evil FAKE" in screen


def test_an_open_order_is_shown_with_its_fill_price_state_and_age() -> None:
    """Used over limit, words before numbers."""
    screen = render_screen(healthy(orders=(open_order(),)))
    assert " BTC-USD   SELL 0.001/0.0021 @ 91200.10  OPEN  12s  cb-81f2" in screen


def _halted(cause: str, reason: Reason) -> Hold:
    return Hold(cause, Level.HALTED, ACCOUNT, reason, "", "operator", NOW)


HUNG = ActorStatus("ETH-USD", "hung", 6.2, 3, 9, 0.4, 0, 0, "in Quote for 6.2s")
VERDICTS = [
    (healthy(error="ledger does not balance"), False, "ledger does not balance"),
    (healthy(mode=Level.HALTED, holds=(_halted("kill", Reason.KILL_SWITCH),)), False, "Halted: the kill switch is on."),
    (healthy(mode=Level.HALTED), False, "Halted: no hold says why."),
    (healthy(actors=(HUNG,)), False, "Actor ETH-USD is silent for 6.2s: in Quote for 6.2s."),
    (healthy(store=msgspec.structs.replace(healthy().store, failed=True)), False, "The event store failed"),
    (healthy(stopping=True), True, "Stopping"),
    (
        healthy(ended="stopped on request", mode=Level.HALTED),
        True,
        "Stopped: stopped on request. 1 open position(s) kept.",
    ),
    (healthy(mode=Level.STARTING), True, "Starting"),
    (healthy(unknown_orders=1), True, "1 order is unanswered and counted as open"),
    (healthy(unknown_orders=2), True, "2 orders are unanswered"),
    (reduce_only(), True, "Entries refused"),
    (healthy(feeds=FeedStatus()), False, "The market feed is down"),
    (healthy(feeds=FeedStatus(True, 0.1)), False, "The user feed is down with a position open"),
    (healthy(feeds=FeedStatus(True, 0.1), positions=()), True, "Waiting"),
    (healthy(alerts=AlertStatus(last_error="refused")), True, "alerts do not get out: refused"),
    (healthy(window_opens_in_s=0.0), True, "Trading: in position in BTC-USD."),
]


@pytest.mark.parametrize(("status", "ok", "sentence"), VERDICTS, ids=[text[:30] for _, _, text in VERDICTS])
def test_the_verdict_says_the_worst_thing_first(status: SystemStatus, ok: bool, sentence: str) -> None:
    """One sentence, and whether the program needs a person."""
    told = verdict(status)
    assert told.ok is ok
    assert sentence in told.sentence
    assert told.step


def test_the_end_of_a_run_names_the_command_that_starts_the_same_again() -> None:
    """The profile and --live included: without them another profile would start, or paper instead of money."""
    assert verdict(healthy(ended="on request")).step == "start again with `python run.py --profile canary --live`"
    paper = verdict(healthy(ended="on request", live=False, profile="dev"))
    assert paper.step == "start again with `python run.py --profile dev`"


def test_the_verdict_of_a_quiet_market_names_the_reason_of_a_blocked_symbol() -> None:
    """Waiting for a signal is said so; a blocked entry names what blocks it."""
    calm = healthy(window_opens_in_s=0.0, positions=())
    blocked = msgspec.structs.replace(calm.decisions[1], reason=Reason.SPREAD_TOO_WIDE, detail="spread 14 bp > 10 bp")
    quiet = [msgspec.structs.replace(one, reason=Reason.NO_SIGNAL) for one in calm.decisions]
    warming = [msgspec.structs.replace(one, reason=Reason.WARMING_UP) for one in calm.decisions]
    told = verdict(msgspec.structs.replace(calm, decisions=(blocked, *quiet)))
    assert told.sentence == "Waiting: ETH-USD: spread 14 bp > 10 bp."
    assert told.step == "run.py why ETH-USD"
    assert "Waiting for a signal" in verdict(msgspec.structs.replace(calm, decisions=tuple(quiet))).sentence
    assert "Warming up: BTC-USD" in verdict(msgspec.structs.replace(calm, decisions=tuple(warming))).sentence


def test_the_verdict_mentions_half_of_the_days_loss() -> None:
    """Before the limit is reached, not after."""
    money = msgspec.structs.replace(healthy().money, day_pnl_usd=Decimal("-6.00"))
    assert "Day loss 6.00 USD of 10.00 (60%)." in verdict(healthy(money=money, window_opens_in_s=0.0)).sentence
