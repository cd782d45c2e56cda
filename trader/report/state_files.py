"""health.json, last_state.json and the JSON of `run.py status`: made from a SystemStatus, written whole by the caller.

The documents' keys of health.json stay as they are; ours stand beside them. Readers judge a file by its age as well: an
old file is not ok, whatever it says (`judge_health`). Amounts are text holding decimals; what is unknown is null.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import Enum

import msgspec

from trader.report.metrics import metrics_json
from trader.report.status import SystemStatus, Unknown
from trader.report.verdict import account_hold, verdict
from trader.report.words import iso, span

HEALTH_SCHEMA = 1
HEALTH_MAX_AGE_S = 30.0


def health_json(status: SystemStatus) -> dict[str, object]:
    """The content of health.json."""
    told = verdict(status)
    worst = account_hold(status)
    ok = told.ok and not status.ended
    return {
        "timestamp": iso(status.utc_time),
        "ok": ok,
        "profile": status.profile,
        "symbols": list(status.symbols),
        "last_decisions": {decision.symbol: decision.action.lower() for decision in status.decisions},
        "message": told.sentence,
        "error": "" if ok else status.error or told.sentence,
        "mode": status.mode.name,
        "mode_since": iso(status.mode_since),
        "mode_why": (worst.text or worst.reason.value) if worst else "",
        "venue": status.venue,
        "live": status.live,
        "run": status.run_id,
        "up_s": round(status.up_s, 1),
        "day_pnl_usd": plain(status.money.day_pnl_usd),
        "positions": {position.symbol: plain(position.quantity) for position in status.positions},
        "unknown_orders": status.unknown_orders,
        "actors": [
            {"name": actor.name, "state": actor.state, "beat_age_s": plain(actor.beat_age_s)} for actor in status.actors
        ],
        "feeds": {
            "market_up": status.feeds.market_up,
            "market_age_s": plain(status.feeds.market_age_s),
            "user_up": status.feeds.user_up,
            "user_age_s": plain(status.feeds.user_age_s),
        },
        "latches": [
            {
                "cause": hold.cause,
                "level": hold.level.name,
                "scope": hold.scope,
                "since": iso(hold.since),
                "by": hold.by,
            }
            for hold in status.holds
        ],
        "alerts": {
            "firing": list(status.alerts.firing),
            "failed": status.alerts.failed,
            "not_sent": status.alerts.last_error,
        },
        "config_hash": status.config_hash,
        "schema": HEALTH_SCHEMA,
    }


def last_state_json(status: SystemStatus) -> dict[str, object]:
    """The content of last_state.json: what a person wants to know about the account after the program is gone."""
    return {
        "timestamp": iso(status.utc_time),
        "profile": status.profile,
        "mode": status.mode.name,
        "holds": plain(status.holds),
        "money": plain(status.money),
        "positions": plain(status.positions),
        "orders": plain(status.orders),
        "unknown_orders": status.unknown_orders,
        "rejection_counts": dict(status.rejections),
        "run": status.run_id,
        "config_hash": status.config_hash,
        "schema": HEALTH_SCHEMA,
    }


def status_json(status: SystemStatus) -> dict[str, object]:
    """Everything, for `run.py status --json`: the record, the verdict, health and metrics of the same instant."""
    told = verdict(status)
    fields = {name: plain(getattr(status, name)) for name in status.__struct_fields__ if name != "reasons"}
    counts: dict[str, dict[str, int]] = {}
    for (symbol, reason), count in status.reasons.items():
        counts.setdefault(symbol, {})[reason.value] = count
    return {
        **fields,
        "reasons": counts,
        "verdict": {"ok": told.ok, "sentence": told.sentence, "step": told.step},
        "health": health_json(status),
        "metrics": metrics_json(status),
    }


class Judgement(msgspec.Struct, frozen=True):
    """What `run.py health` says: one line, and exit 0 or 1."""

    ok: bool
    line: str


def judge_health(
    content: bytes | None, age_s: float, max_age_s: float = HEALTH_MAX_AGE_S, *, running: bool = True
) -> Judgement:
    """Judge a health file by its content, its age and its writer; None is a missing file. Never raises for strange content.

    `running` says whether a process holds the profile: a killed one leaves a file that says ok.
    """
    if content is None:
        return Judgement(
            False, "not ok: no health file; the trader has not run here (see --profile and EVENT_STORE_ROOT)"
        )
    try:
        told = msgspec.json.decode(content)
    except msgspec.DecodeError:
        return Judgement(False, "not ok: the health file is not JSON")
    if not isinstance(told, dict) or not isinstance(told.get("ok"), bool):
        return Judgement(False, "not ok: the health file has another form")
    subject = f"{told.get('profile', '?')} {told.get('mode', '?')}"
    if not running:
        was = f"{told.get('profile', '?')} DOWN"
        return Judgement(
            False, f"not ok: {was}: no process runs it, last heard {span(age_s)} ago as {told.get('mode', '?')}"
        )
    if age_s > max_age_s:
        return Judgement(False, f"not ok: {subject}, last heard {span(age_s)} ago; the trader is down or stuck")
    line = f"{'ok' if told['ok'] else 'not ok'}: {subject}: {told.get('message') or told.get('error') or 'no message'}"
    return Judgement(told["ok"], line)


def plain(value: object) -> object:
    """A value of the status as JSON types: decimals as text, enums by name, records as tables, Unknown as null."""
    if value is None or isinstance(value, Unknown):
        return None
    if isinstance(value, Enum):
        return value.value if isinstance(value, str) else value.name
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, Mapping):
        return {str(name): plain(child) for name, child in value.items()}
    assert isinstance(value, tuple | list), type(value)
    return [plain(child) for child in value]
