"""Numbers, ages and times as people read them, on the screen and in sentences.

Only trader/report and the commands import this. Every figure carries its unit; what is unknown says why; times are UTC
with a Z.
"""

import time
from decimal import Decimal

from trader.report.status import Figure, Seconds, Unknown

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def clock(utc_time: float) -> str:
    """14:02:19Z."""
    return time.strftime("%H:%M:%SZ", time.gmtime(utc_time))


def stamp(utc_time: float) -> str:
    """2026-11-20 17:14:09Z."""
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(utc_time))


def iso(utc_time: float) -> str:
    """2026-11-20T17:14:09.250000+00:00, the form of the state files (D30)."""
    whole = int(utc_time // 1)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{int((utc_time - whole) * 1e6):06d}+00:00"


def since(utc_time: float, now: float) -> str:
    """A moment of today as its clock, an older one with its date."""
    return clock(utc_time) if now - utc_time < _DAY and utc_time // _DAY == now // _DAY else stamp(utc_time)


def span(seconds: Seconds) -> str:
    """A duration in the two units that matter: 0.3s, 42s, 3h12m, 2d04h."""
    if isinstance(seconds, Unknown):
        return unknown(seconds)
    if seconds < 10:
        return f"{max(seconds, 0.0):.1f}s"
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m{whole % _MINUTE:02d}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02d}m"
    return f"{whole // _DAY}d{whole % _DAY // _HOUR:02d}h"


def usd(amount: Figure, *, signed: bool = False) -> str:
    """Dollars with two digits, without the unit."""
    if isinstance(amount, Unknown):
        return unknown(amount)
    return f"{amount:+,.2f}".replace(",", "") if signed else f"{amount:.2f}"


def price(amount: Figure) -> str:
    """A price with as many digits as it has, at least two, at most eight."""
    if isinstance(amount, Unknown):
        return unknown(amount)
    digits = min(8, max(2, -int(amount.normalize().as_tuple().exponent)))
    return f"{amount:.{digits}f}"


def quantity(amount: Decimal, *, signed: bool = False) -> str:
    """A quantity with the digits it has, without an exponent."""
    text = f"{amount:+f}" if signed else f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def times(ratio: Figure) -> str:
    """A leverage: 0.42x."""
    return unknown(ratio) if isinstance(ratio, Unknown) else f"{ratio:.2f}x"


def share(used: Figure, limit: Figure) -> str:
    """How much of a limit is used: "31%  ###.......", or nothing where either is unknown or the limit is off."""
    if isinstance(used, Unknown) or isinstance(limit, Unknown) or limit <= 0:
        return ""
    part = max(Decimal(0), used / limit)
    full = min(10, int(part * 10))
    return f"{part * 100:.0f}%  {'#' * full}{'.' * (10 - full)}"


def size(size_bytes: float | Unknown) -> str:
    """A size in the unit that fits: 3.1 MB, 41 GB."""
    if isinstance(size_bytes, Unknown):
        return unknown(size_bytes)
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size_bytes >= limit:
            return f"{size_bytes / limit:.{0 if size_bytes >= 10 * limit else 1}f} {unit}"
    return f"{size_bytes:.0f} B"


def unknown(why: Unknown) -> str:
    """n/a (why)."""
    return f"n/a ({why.why})"


def one_line(text: str, width: int) -> str:
    """Text that fits: no control characters, cut with an ellipsis."""
    clean = "".join(char if char.isprintable() else " " for char in text)
    return clean if len(clean) <= width else clean[: width - 1] + "…"
