"""The verdict: one sentence that says what the system is doing, why, and whether anything is wrong; and the next step.

Made from a SystemStatus alone, so the screen, health.json and `run.py health` say the same. The worst is said first.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

from trader.orders.reason import Reason
from trader.report.reasons import EXPLANATIONS, Group
from trader.report.status import DecisionStatus, SystemStatus, Unknown
from trader.report.words import clock, share, span, usd
from trader.risk.holds import ACCOUNT, EPHEMERAL, Hold, Level

PERMITS = {
    Level.NORMAL: "open, reduce, cancel",
    Level.REDUCE_ONLY: "reduce, cancel",
    Level.STARTING: "cancel",
    Level.HALTED: "cancel",
}
SILENT_AFTER_S = 5.0
_PERSONS = frozenset({"kill", "operator", "pause"})
_HELD_SHOWN = 3


class Verdict(msgspec.Struct, frozen=True):
    """What is going on and what to type next.

    `ok` is about the program, not the market: a limit that acts is the product working, so REDUCE_ONLY is ok; halted,
    hung, without feed or without store is not.
    """

    ok: bool
    sentence: str
    step: str


def verdict(status: SystemStatus) -> Verdict:
    """The first judgement that applies, from the worst to the best."""
    for judge in _JUDGES:
        found = judge(status)
        if found is not None:
            return found
    return _quiet(status)


def account_hold(status: SystemStatus) -> Hold | None:
    """The worst hold on the whole account, which makes the mode."""
    return next((hold for hold in status.worst_holds() if hold.scope == ACCOUNT), None)


def hold_sentence(status: SystemStatus, hold: Hold) -> str:
    """Why a hold is there, with the place of its limit in the configuration."""
    told = EXPLANATIONS[hold.reason]
    text = hold.text or told.sentence
    place = "" if _by_a_person(hold) else status.places.get(told.config_key, "")
    return f"{text} ({place})" if place else text


def _by_a_person(hold: Hold) -> bool:
    """Whether no limit of the configuration is behind a hold; `kill` may also stand in the file."""
    return hold.cause in _PERSONS and hold.by != "start-up"


def how_it_ends(status: SystemStatus, hold: Hold) -> str:
    """What ends a hold; timed ones by the market's clock."""
    if hold.cause in EPHEMERAL:
        return "by itself"
    if hold.ends_at is None:
        return f"`run.py resume {hold.cause}` after you have looked"
    return (
        f"by itself in {span(hold.ends_at - status.market_time)}, or `run.py resume {hold.cause}` after you have looked"
    )


def _error(status: SystemStatus) -> Verdict | None:
    return Verdict(False, status.error, "read the log, then `run.py check`") if status.error else None


def _hung(status: SystemStatus) -> Verdict | None:
    for actor in status.actors:
        silent = not isinstance(actor.beat_age_s, Unknown) and actor.beat_age_s > SILENT_AFTER_S
        if actor.state in ("hung", "busy") or (actor.state == "ok" and silent):
            trouble = f": {actor.trouble}" if actor.trouble else ""
            return Verdict(
                False, f"Actor {actor.name} is silent for {span(actor.beat_age_s)}{trouble}.", "wait for the supervisor"
            )
    return None


def _ended(status: SystemStatus) -> Verdict | None:
    if not status.ended:
        return None
    kept = f" {len(status.positions)} open position(s) kept." if status.positions else " No position is open."
    command = f"python run.py --profile {status.profile}{' --live' if status.live else ''}"
    return Verdict(True, f"Stopped: {status.ended}.{kept}", f"start again with `{command}`")


def _stopping(status: SystemStatus) -> Verdict | None:
    return (
        Verdict(True, "Stopping: cancelling open orders and checking the books.", "wait") if status.stopping else None
    )


def _halted(status: SystemStatus) -> Verdict | None:
    if status.mode is not Level.HALTED:
        return None
    worst = account_hold(status)
    why, cause = (hold_sentence(status, worst), f" {worst.cause}") if worst else ("no hold says why", "")
    sentence = f"Halted: {why}. No order of any kind is sent; positions are kept."
    return Verdict(False, sentence, f"look, then `run.py flatten` or `run.py resume{cause}`")


def _store(status: SystemStatus) -> Verdict | None:
    if not status.store.failed:
        return None
    return Verdict(
        False, "The event store failed: nothing is sent that is not written.", "free disk space, then restart"
    )


def _starting(status: SystemStatus) -> Verdict | None:
    if status.mode is not Level.STARTING:
        return None
    return Verdict(True, "Starting: comparing our books with the venue's; no orders yet.", "wait a few seconds")


def _unknown_orders(status: SystemStatus) -> Verdict | None:
    if not status.unknown_orders:
        return None
    count = status.unknown_orders
    plural = "orders are" if count > 1 else "order is"
    return Verdict(
        True, f"{count} {plural} unanswered and counted as open until the venue's evidence.", "wait; it is queried"
    )


def _reduce_only(status: SystemStatus) -> Verdict | None:
    if status.mode is not Level.REDUCE_ONLY:
        return None
    worst = account_hold(status)
    why = hold_sentence(status, worst) if worst else "the profile starts so"
    cause = f" {worst.cause}" if worst else ""
    return Verdict(True, f"Entries refused: {why}. Exits work.", f"`run.py resume{cause}` after you have looked")


def _feeds(status: SystemStatus) -> Verdict | None:
    if not status.feeds.market_up:
        return Verdict(
            False, "The market feed is down; entries wait for it, it reconnects by itself.", "wait, or `run.py check`"
        )
    if not status.feeds.user_up and status.positions:
        return Verdict(
            False, "The user feed is down with a position open; it reconnects by itself.", "wait, or `run.py check`"
        )
    return None


def _alert_path(status: SystemStatus) -> Verdict | None:
    if not status.alerts.last_error:
        return None
    return Verdict(
        True, f"Trading works, but alerts do not get out: {status.alerts.last_error}.", "`run.py test-alert`"
    )


_JUDGES: tuple[Callable[[SystemStatus], Verdict | None], ...] = (
    _error,
    _ended,
    _halted,
    _hung,
    _store,
    _stopping,
    _starting,
    _unknown_orders,
    _reduce_only,
    _feeds,
    _alert_path,
)


def _quiet(status: SystemStatus) -> Verdict:
    """Nothing is wrong: what it is waiting for, or that it is trading."""
    if status.window_opens_in_s > 0:
        opens = span(status.window_opens_in_s)
        return Verdict(True, f"Waiting: the trading window opens in {opens}. Nothing is wrong.", "nothing to do")
    held = [hold for hold in status.worst_holds() if hold.scope != ACCOUNT]
    limited, step = _held(held), f"`run.py resume {held[0].cause}` after you have looked" if held else ""
    step = step or ("`run.py config accept`, or undo the change" if status.config_waiting else "nothing to do")
    if status.positions:
        names = ", ".join(position.symbol for position in status.positions)
        return Verdict(True, f"Trading: in position in {names}.{_loss(status)}{limited}", step)
    if held and not set(status.symbols) - {hold.scope for hold in held}:
        return Verdict(True, f"{limited.strip()}{_loss(status)}", step)
    blocked = [decision for decision in status.decisions if EXPLANATIONS[decision.reason].group not in _CALM]
    if blocked:
        return Verdict(True, f"Waiting: {_why(blocked[0])}{_loss(status)}{limited}", f"run.py why {blocked[0].symbol}")
    warming = [decision.symbol for decision in status.decisions if decision.reason is Reason.WARMING_UP]
    if warming:
        return Verdict(True, f"Warming up: {', '.join(warming)} need closed bars first. Nothing is wrong.", "wait")
    return Verdict(True, f"Waiting for a signal. Nothing is wrong.{_loss(status)}{limited}", step)


def _held(held: Sequence[Hold]) -> str:
    """Which symbols take no entries, until when and why."""
    rows = [f" {hold.scope} entries {_paused(hold)} ({hold.cause})." for hold in held[:_HELD_SHOWN]]
    more = len(held) - _HELD_SHOWN
    return "".join(rows) + (f" And {more} more holds." if more > 0 else "")


def _paused(hold: Hold) -> str:
    return "refused until a person resumes" if hold.ends_at is None else f"paused until {clock(hold.ends_at)[:5]}Z"


_CALM = (Group.ACTED, Group.WAITING)


def _why(decision: DecisionStatus) -> str:
    return f"{decision.symbol}: {decision.detail or EXPLANATIONS[decision.reason].sentence}."


def _loss(status: SystemStatus) -> str:
    """A word about the day's loss once half of its limit is used."""
    pnl, limit = status.money.day_pnl_usd, status.money.day_loss_limit_usd
    if isinstance(pnl, Unknown) or isinstance(limit, Unknown) or limit <= 0 or pnl > -limit / Decimal(2):
        return ""
    return f" Day loss {usd(-pnl)} USD of {usd(limit)} ({share(-pnl, limit).split()[0]})."
