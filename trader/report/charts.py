"""Charts as static SVG: no script, no network, readable in light and dark. Only page.py imports this.

Lines keep the highs and lows of every pixel column, so a spike is never averaged away and a month stays small.
"""

from collections.abc import Sequence
from decimal import Decimal
from html import escape

import msgspec

from trader.report.daybook import Point
from trader.report.words import stamp

WIDTH, HEIGHT = 960, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 8, 10, 22
_MARKERS_MAX = 600
DAY_S = 86_400


class Marker(msgspec.Struct, frozen=True, gc=False):
    """A point on a chart: `shape` "up", "down" or "ring", `style` a class of the page's style sheet."""

    time: float
    value: Decimal
    shape: str
    style: str
    text: str


def line_chart(points: Sequence[Point], label: str, markers: Sequence[Marker] = (), *, area: bool = False) -> str:
    """One series over time with its axis and markers; a sentence instead when there are fewer than two points."""
    if len(points) < 2 or points[0][0] == points[-1][0]:
        return f'<p class="none">{escape(label)}: n/a (fewer than two points)</p>'
    frame = _Frame(points, markers, from_zero=area)
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in frame.line(points))
    fill = f'<path class="area" d="{path}L{frame.x(points[-1][0]):.1f} {frame.floor:.1f}L{_LEFT} {frame.floor:.1f}Z"/>'
    shapes = "".join(_shape(frame, marker) for marker in _thinned(markers))
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">{frame.axes()}'
        f'{fill if area else ""}<path class="line" d="{path}"/>{shapes}</svg>'
    )


def bar_chart(days: Sequence[Point], label: str) -> str:
    """One bar for each UTC day, up for a gain and down for a loss, with its date and amount in words."""
    frame = _Frame(_with_ends(days), (), from_zero=True)
    zero, width = frame.y(0.0), (frame.x(days[0][0] + DAY_S) - frame.x(days[0][0])) * 0.8
    bars = []
    for day, result in days:
        top, bottom = sorted((frame.y(result), zero))
        told = f"{stamp(day)[:10]}: {result:+.2f}"
        bars.append(
            f'<rect class="{"gain" if result >= 0 else "loss"}" x="{frame.x(day) + width * 0.125:.1f}" y="{top:.1f}"'
            f' width="{width:.1f}" height="{max(bottom - top, 1.0):.1f}"><title>{escape(told)}</title></rect>'
        )
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">{frame.axes()}{"".join(bars)}</svg>'


def _with_ends(days: Sequence[Point]) -> list[Point]:
    """The days and the midnight after the last; zero is among the values, so that bars have something to stand on."""
    return [(days[0][0], Decimal(0)), *days, (days[-1][0] + DAY_S, Decimal(0))]


class _Frame:
    """Maps times and values to pixels."""

    def __init__(self, points: Sequence[Point], markers: Sequence[Marker], *, from_zero: bool) -> None:
        values = [value for _, value in points] + [marker.value for marker in markers]
        self.low, self.high = float(min(values)), float(max(values))
        if from_zero:
            self.low = min(self.low, 0.0)
        if self.high == self.low:
            self.low, self.high = self.low - (0.0 if from_zero else 1.0), self.high + 1.0
        self.begin, self.end = points[0][0], points[-1][0]
        self.floor = HEIGHT - _BOTTOM

    def x(self, time: float) -> float:
        """Pixels from the left, within the frame."""
        share = (time - self.begin) / (self.end - self.begin)
        return _LEFT + min(1.0, max(0.0, share)) * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: Decimal | float) -> float:
        """Pixels from the top."""
        share = (float(value) - self.low) / (self.high - self.low)
        return self.floor - share * (self.floor - _TOP)

    def line(self, points: Sequence[Point]) -> list[tuple[float, float]]:
        """The series as pixels: first, lowest, highest and last of every column."""
        columns: dict[int, list[tuple[float, float]]] = {}
        for time, value in points:
            x, y = self.x(time), self.y(value)
            columns.setdefault(int(x), []).append((x, y))
        drawn: list[tuple[float, float]] = []
        for column in columns.values():
            kept = {0, len(column) - 1}
            kept.add(min(range(len(column)), key=lambda at: column[at][1]))
            kept.add(max(range(len(column)), key=lambda at: column[at][1]))
            drawn += [column[at] for at in sorted(kept)]
        return drawn

    def axes(self) -> str:
        """Four values on the left, first and last time below."""
        rows = []
        for step in range(4):
            value = self.low + (self.high - self.low) * step / 3
            y = self.y(value)
            rows.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            rows.append(
                f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_short(value, self.high - self.low)}</text>'
            )
        below = HEIGHT - 6
        rows.append(f'<text x="{_LEFT}" y="{below}">{stamp(self.begin)[:17]}Z</text>')
        rows.append(f'<text x="{WIDTH - _RIGHT}" y="{below}" text-anchor="end">{stamp(self.end)[:17]}Z</text>')
        return "".join(rows).replace(":Z", "Z")


def _shape(frame: _Frame, marker: Marker) -> str:
    x, y = frame.x(marker.time), frame.y(marker.value)
    title = f"<title>{escape(marker.text)}</title>"
    if marker.shape == "ring":
        return f'<circle class="{marker.style}" cx="{x:.1f}" cy="{y:.1f}" r="4">{title}</circle>'
    tip = -7 if marker.shape == "up" else 7
    corners = f"{x:.1f},{y + tip:.1f} {x - 5:.1f},{y - tip / 2:.1f} {x + 5:.1f},{y - tip / 2:.1f}"
    return f'<polygon class="{marker.style}" points="{corners}">{title}</polygon>'


def _thinned(markers: Sequence[Marker]) -> Sequence[Marker]:
    """At most so many markers, evenly taken; the caller says how many there were."""
    if len(markers) <= _MARKERS_MAX:
        return markers
    return [markers[at * len(markers) // _MARKERS_MAX] for at in range(_MARKERS_MAX)]


def _short(value: float, span: float) -> str:
    digits = 0 if span > 50 else 2 if span > 0.1 else 5
    return f"{value:.{digits}f}"
