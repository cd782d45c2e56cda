"""Why a symbol did not trade: the funnel from evaluations to orders, what blocked most, and a what-if. Only why_command.py imports this.

Counts come from the totals the system records each minute, details from the recorded refusals. The what-if asks, for one
limit, how many recorded refusals would have passed at another value, and what would have become of them where the session can be lived
again (`actors/what_if.py`); it never proposes to loosen what limits a loss.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation

import msgspec

from trader.orders.reason import Reason
from trader.report.findings import REASON_OF
from trader.report.reasons import EXPLANATIONS, Group, Nature
from trader.report.words import clock, quantity, span
from trader.store.events import Event, EventName

_NEVER_LOOSENED = frozenset({Reason.DAILY_LOSS, Reason.DRAWDOWN, Reason.CONSECUTIVE_LOSSES, Reason.LIQUIDATION_NEAR})
_LOWER_IS_STRICTER = frozenset({Reason.DEPTH_TOO_THIN, Reason.VOLUME_LOW})
_COMPARED = frozenset(
    {
        Reason.SPREAD_TOO_WIDE,
        Reason.SLIPPAGE_TOO_HIGH,
        Reason.VOLATILITY_HIGH,
        Reason.CORRELATION,
        Reason.MAX_POSITION,
        Reason.MAX_EXPOSURE,
        Reason.MAX_ORDER_NOTIONAL,
        *_LOWER_IS_STRICTER,
    }
)


class Refused(msgspec.Struct, frozen=True, gc=False):
    """One recorded decision against trading; `measured` and `limit` where it compared two numbers."""

    time: float
    reason: Reason
    text: str
    measured: Decimal | None
    limit: Decimal | None
    config_key: str


class Step(msgspec.Struct, frozen=True):
    """One line of the funnel: how many evaluations ended here, the newest detail, and the line of the limit."""

    reason: Reason
    count: int
    detail: str
    place: str
    config_key: str


class Why(msgspec.Struct, frozen=True):
    """The answer for one symbol over some time; `wanted` is what was left after waiting, `sent` what became orders."""

    symbol: str
    seconds: float
    evaluations: int
    waiting: tuple[Step, ...]
    wanted: int
    blocked: tuple[Step, ...]
    sent: int
    headline: str
    nearest_miss: str
    what_if: str


class Candidate(msgspec.Struct, frozen=True):
    """One limit at another value: `passed` of the `recorded` refusals of a gate would have passed its own comparison."""

    reason: Reason
    config_key: str
    value: Decimal
    passed: int
    recorded: int


class Verdicts(msgspec.Struct, frozen=True):
    """What the moments refused by a gate come to at the other value, each judged on its own by every check."""

    moments: int
    later: tuple[tuple[Reason, int], ...]
    sent: int


LookFurther = Callable[[Candidate], Verdicts | None]


def why(
    symbol: str,
    counts: Mapping[Reason, int],
    refusals: Iterable[Refused],
    places: Mapping[str, str],
    seconds: float,
    now: Refused | None = None,
    look_further: LookFurther = lambda _candidate: None,
) -> Why:
    """Put the answer together; `counts` are the symbol's evaluations by reason, `places` where keys stand in the file.

    `now` is the last evaluation, which explains its own reason best; it is no part of the what-if. `look_further` says what the checks
    behind a gate would have answered, None where nobody knows.
    """
    recorded = list(refusals)
    newest = {refused.reason: refused for refused in (*recorded, *([now] if now else []))}
    steps = [_step(reason, count, newest.get(reason), places) for reason, count in counts.items() if count]
    steps.sort(key=lambda step: -step.count)
    acted = sum(step.count for step in steps if EXPLANATIONS[step.reason].nature is Nature.ACTS)
    waiting = tuple(step for step in steps if _waits(step.reason))
    blocked = tuple(
        step for step in steps if not _waits(step.reason) and EXPLANATIONS[step.reason].nature is not Nature.ACTS
    )
    return Why(
        symbol=symbol,
        seconds=seconds,
        evaluations=sum(step.count for step in steps),
        waiting=waiting,
        wanted=acted + sum(step.count for step in blocked),
        blocked=blocked,
        sent=acted,
        headline=_headline(acted, waiting, blocked),
        nearest_miss=_nearest_miss(recorded, places),
        what_if=_what_if(_candidate(blocked, recorded), look_further),
    )


def refusals_of(symbol: str, events: Iterable[Event], since: float) -> list[Refused]:
    """The recorded decisions against trading of one symbol, oldest first."""
    found = []
    for event in events:
        if event.market_time < since or event.payload.get("symbol") != symbol:
            continue
        is_signal = event.event == EventName.STRATEGY_SIGNAL and not event.payload.get("size")
        reason = REASON_OF.get(event.code)
        if reason is None or not (is_signal or event.event == EventName.RISK_REJECTED):
            continue
        measured = _decimal(event.payload.get("measured") or event.payload.get("used"))
        told = str(event.payload.get("text") or "")
        key = str(event.payload.get("config_key") or EXPLANATIONS[reason].config_key)
        found.append(Refused(event.market_time, reason, told, measured, _decimal(event.payload.get("limit")), key))
    return found


def render_why(answer: Why) -> str:
    """The answer as lines of text."""
    rows = [f"{answer.symbol}, last {span(answer.seconds)}: {answer.headline}", f"  {answer.evaluations} evaluations"]
    rows += [_row("-", step) for step in answer.waiting]
    rows.append(f"   = {answer.wanted:>5}  wanted to trade")
    rows += [_row("-", step) for step in answer.blocked]
    rows.append(f"   = {answer.sent:>5}  sent")
    if answer.nearest_miss:
        rows.append(f"Nearest miss: {answer.nearest_miss}")
    if answer.what_if:
        rows += [answer.what_if, "This is a what-if over recorded values, not advice."]
    rows.append(f"Full list: run.py why {answer.symbol} --json")
    return "\n".join(rows)


def _row(sign: str, step: Step) -> str:
    where = f"   {step.place} {step.config_key}".rstrip() if step.config_key else ""
    return f"   {sign} {step.count:>5}  {step.reason:<20} {step.detail}{where}"


def _waits(reason: Reason) -> bool:
    return EXPLANATIONS[reason].group is Group.WAITING


def _step(reason: Reason, count: int, newest: Refused | None, places: Mapping[str, str]) -> Step:
    told = EXPLANATIONS[reason]
    key = (newest.config_key if newest else "") or told.config_key
    detail = newest.text if newest and newest.text else told.sentence
    return Step(reason, count, detail, places.get(key, ""), key)


def _headline(sent: int, waiting: tuple[Step, ...], blocked: tuple[Step, ...]) -> str:
    orders = f"{sent} orders." if sent != 1 else "1 order."
    if not sent:
        orders = "no order."
    if blocked:
        return f"{orders}  Most important: {blocked[0].reason}, {EXPLANATIONS[blocked[0].reason].sentence}."
    if waiting:
        return f"{orders}  It mostly waited: {EXPLANATIONS[waiting[0].reason].sentence}."
    return f"{orders}  Nothing was evaluated: is the symbol traded, and is the system running?"


def _nearest_miss(recorded: list[Refused], places: Mapping[str, str]) -> str:
    """The refusal that passed its limit by the smallest part, in its own words: they have the unit."""
    compared = [one for one in recorded if one.reason in _COMPARED and one.measured and one.limit]
    if not compared:
        return ""
    near = min(compared, key=_excess)
    told = near.text or f"{_digits(near.measured)} against the limit {_digits(near.limit)}"
    place = places.get(near.config_key, "")
    return f"{clock(near.time)} {near.reason}: {told}" + (f" ({place})" if place else "")


def _excess(refused: Refused) -> Decimal:
    assert refused.measured is not None
    assert refused.limit is not None
    if refused.reason in _LOWER_IS_STRICTER:
        return (refused.limit - refused.measured) / refused.limit
    return (refused.measured - refused.limit) / refused.limit


def _candidate(blocked: tuple[Step, ...], recorded: list[Refused]) -> Candidate | None:
    """For the gate that blocked most: the value at which most of its recorded refusals would have passed it."""
    for step in blocked:
        if step.reason in _NEVER_LOOSENED or step.reason not in _COMPARED:
            continue
        values = sorted(one.measured for one in recorded if one.reason is step.reason and one.measured is not None)
        if len(values) < 3:
            continue
        lower = step.reason in _LOWER_IS_STRICTER
        other = values[len(values) // 10 if lower else len(values) - 1 - len(values) // 10]
        passed = sum(value >= other if lower else value <= other for value in values)
        return Candidate(step.reason, step.config_key, other, passed, len(values))
    return None


def _what_if(candidate: Candidate | None, look_further: LookFurther) -> str:
    """The candidate as a sentence, with what the later checks would have said where that is known."""
    if candidate is None:
        return ""
    head = f"With {candidate.config_key} = {_digits(candidate.value)},"
    verdicts = look_further(candidate)
    if verdicts is None:
        return (
            f"{head} {candidate.passed} of {candidate.recorded} recorded {candidate.reason} would have passed this gate;"
            f" the later checks would still have had their say."
        )
    passed = verdicts.sent + sum(count for _, count in verdicts.later)
    told = [f"{count} would then have met {reason}" for reason, count in verdicts.later]
    told.append(f"{verdicts.sent} would have been sent, each judged on its own")
    return f"{head} {passed} of {verdicts.moments} {candidate.reason} would have passed this gate: {', '.join(told)}."


def _digits(value: Decimal | None) -> str:
    assert value is not None
    return quantity(value.quantize(Decimal("0.01")) if abs(value) >= 1 else value.normalize())


def _decimal(written: object) -> Decimal | None:
    try:
        value = Decimal(str(written)) if written not in (None, "") else None
    except InvalidOperation:
        return None
    return value if value is not None and value.is_finite() else None
