"""Plots of a report as inline SVG: pure functions from numbers to markup, coloured by the page's style."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

WIDTH = 760
_LEFT, _RIGHT = 230, 150
_TOP, _BOTTOM = 8, 30
_LINE, _GAP = 18, 10
_MAX_LABEL = 30
_TICKS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class Mark:
    """A point with its interval; `look` is its class in the style sheet, `text` what stands beside it."""

    value: float
    low: float
    high: float
    look: str
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """One label and its marks, one below the other; `limit` is a bound that is drawn across them."""

    label: str
    marks: tuple[Mark, ...]
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Axis:
    """The range that is shown; `zero` is where a line divides the plot, `written` writes a tick."""

    low: float
    high: float
    written: Callable[[float], str]
    zero: float | None = None
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of a line, in the order of their `x`."""

    name: str
    look: str
    points: Sequence[tuple[float, float]] = field(default_factory=tuple)


def axis_over(values: Sequence[float], written: Callable[[float], str], *, zero: float | None = None) -> Axis:
    """An axis that holds all values with some room, but no share outside of 0 and 1 unless it has a zero."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    if zero is not None:
        reach = max(abs(low), abs(high), 0.01) * 1.1
        return Axis(-reach, reach, written, zero)
    room = max(high - low, 0.02) * 0.08
    return Axis(max(0.0, low - room), min(1.0, high + room) if high <= 1 else high + room, written)


def interval_plot(rows: Sequence[Row], axis: Axis, title: str) -> Markup:
    """Points with intervals on one axis: a forest plot, or the rates of fields and slices."""
    heights = [_GAP + _LINE * len(row.marks) for row in rows]
    bottom = _TOP + sum(heights)
    parts = [_grid(axis, bottom)]
    top = float(_TOP)
    for row, height in zip(rows, heights, strict=True):
        parts.append(_label(row.label, top + height / 2))
        if row.limit is not None and axis.low <= row.limit <= axis.high:
            x = _x(axis, row.limit)
            parts.append(
                Markup(
                    '<line class="limit" x1="{x}" x2="{x}" y1="{y}" y2="{to}"><title>bound</title></line>'
                ).format(x=_px(x), y=_px(top + 2), to=_px(top + height - 2))
            )
        for at, mark in enumerate(row.marks):
            parts.append(_mark(mark, axis, top + _GAP / 2 + _LINE * (at + 0.5)))
        top += height
    if axis.caption:
        parts.append(_text("caption", (_LEFT + WIDTH - _RIGHT) / 2, bottom + 28, axis.caption, "middle"))
    return _svg("".join(parts), bottom + _BOTTOM + 4, title)


def curve_plot(curves: Sequence[Curve], axis: Axis, title: str) -> Markup:
    """Lines over one axis, with shares from 0 to 100 % upwards; what is beyond the axis is cut off."""
    height, bottom = 220, 230
    parts = [_grid(axis, bottom)]
    for share in (0.0, 0.5, 0.9, 1.0):
        y = bottom - share * height
        parts.append(
            Markup('<line class="grid" x1="{}" x2="{}" y1="{y}" y2="{y}"/>').format(
                _LEFT, WIDTH - _RIGHT, y=_px(y)
            )
        )
        parts.append(_text("tick", _LEFT - 8, y + 4, f"{100 * share:.0f} %", "end"))
    for at, curve in enumerate(curves):
        shown = [(x, y) for x, y in curve.points if x <= axis.high]
        path = " ".join(f"{_px(_x(axis, x))},{_px(bottom - y * height)}" for x, y in shown)
        parts.append(Markup('<polyline class="curve {}" points="{}"/>').format(curve.look, path))
        parts.append(
            _text(f"key {curve.look}", WIDTH - _RIGHT + 10, 24 + 20 * at, _short(curve.name, 20), "start")
        )
    return _svg("".join(parts), bottom + _BOTTOM, title)


def _grid(axis: Axis, bottom: float) -> Markup:
    parts = []
    for tick in _ticks(axis):
        x = _px(_x(axis, tick))
        parts.append(
            Markup('<line class="grid" x1="{x}" x2="{x}" y1="{}" y2="{}"/>').format(_TOP, _px(bottom), x=x)
        )
        parts.append(_text("tick", _x(axis, tick), bottom + 15, axis.written(tick), "middle"))
    if axis.zero is not None:
        x = _px(_x(axis, axis.zero))
        parts.append(
            Markup('<line class="zero" x1="{x}" x2="{x}" y1="{}" y2="{}"/>').format(_TOP, _px(bottom), x=x)
        )
    return Markup("").join(parts)


def _ticks(axis: Axis) -> list[float]:
    """At most seven round numbers within the axis."""
    span = (axis.high - axis.low) or 1.0
    power = 10 ** math.floor(math.log10(span / 6))
    step = next(power * one for one in _TICKS if power * one >= span / 6)
    first = math.ceil(axis.low / step - 1e-9)
    last = math.floor(axis.high / step + 1e-9)
    return [round(at * step, 12) for at in range(first, last + 1)]


def _mark(mark: Mark, axis: Axis, y: float) -> Markup:
    low, high = _x(axis, mark.low), _x(axis, mark.high)
    line = Markup(
        '<g class="mark {look}"><line x1="{low}" x2="{high}" y1="{y}" y2="{y}"/>'
        '<line x1="{low}" x2="{low}" y1="{up}" y2="{down}"/>'
        '<line x1="{high}" x2="{high}" y1="{up}" y2="{down}"/>'
        '<circle cx="{x}" cy="{y}" r="4.5"/></g>'
    ).format(
        look=mark.look,
        low=_px(low),
        high=_px(high),
        x=_px(_x(axis, mark.value)),
        y=_px(y),
        up=_px(y - 4),
        down=_px(y + 4),
    )
    return line + _text("value", WIDTH - _RIGHT + 10, y + 4, mark.text, "start")


def _label(label: str, y: float) -> Markup:
    return Markup("<g><title>{}</title>{}</g>").format(
        label, _text("label", _LEFT - 12, y + 4, _short(label, _MAX_LABEL), "end")
    )


def _text(look: str, x: float, y: float, words: str, anchor: str) -> Markup:
    return Markup('<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>').format(
        look, _px(x), _px(y), anchor, words
    )


def _svg(inner: str, height: float, title: str) -> Markup:
    return Markup(
        '<svg viewBox="0 0 {} {}" role="img" aria-label="{}" xmlns="http://www.w3.org/2000/svg">{}</svg>'
    ).format(WIDTH, _px(height), title, Markup(inner))  # noqa: S704 - every part of it was escaped as it was made


def _x(axis: Axis, value: float) -> float:
    share = (value - axis.low) / ((axis.high - axis.low) or 1.0)
    return _LEFT + min(1.0, max(0.0, share)) * (WIDTH - _LEFT - _RIGHT)


def _px(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
