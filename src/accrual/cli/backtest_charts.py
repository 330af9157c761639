"""Plots as SVG text: bars by day and bars by name, two series side by side. No script, no remote address."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

WIDTH = 880
HEIGHT = 220
LEFT = 70
BOTTOM = 40
ROW = 26
NAMES_WIDTH = 220
LABELS_MAX = 12


class Pair(NamedTuple):
    """A name with its two values; `really` None where there is nothing to compare with."""

    name: str
    simulated: int
    really: int | None


def columns(pairs: Sequence[Pair], title: str) -> str:
    """Upright bars in the order given, such as days."""
    highest = max([max(pair.simulated, pair.really or 0) for pair in pairs], default=0) or 1
    step = (WIDTH - LEFT) / max(len(pairs), 1)
    bar = max(step * 0.4, 0.5)
    parts = [_rule(level, highest) for level in (0, highest // 2, highest)]
    every = -(-len(pairs) // LABELS_MAX)
    for number, pair in enumerate(pairs):
        x = LEFT + number * step
        for offset, value, kind in ((0.0, pair.really, "really"), (bar, pair.simulated, "simulated")):
            if value:
                height = value / highest * (HEIGHT - BOTTOM - 10)
                parts.append(
                    f'<rect class="{kind}" x="{x + offset:.1f}" y="{HEIGHT - BOTTOM - height:.1f}" width="{bar:.1f}" '
                    f'height="{height:.1f}"><title>{escape(pair.name)}: {value:,} ({kind})</title></rect>'
                )
        if number % every == 0:
            parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}">{escape(pair.name)}</text>')
    return _drawn(parts, HEIGHT, title)


def rows(pairs: Sequence[Pair], title: str) -> str:
    """Lying bars, a name beside each pair."""
    highest = max([max(pair.simulated, pair.really or 0) for pair in pairs], default=0) or 1
    room = WIDTH - NAMES_WIDTH - 110
    parts = []
    for number, pair in enumerate(pairs):
        y = number * ROW
        parts.append(f'<text x="{NAMES_WIDTH - 8}" y="{y + 16}" text-anchor="end">{escape(pair.name)}</text>')
        for offset, value, kind in ((3, pair.really, "really"), (13, pair.simulated, "simulated")):
            if value is not None:
                parts.append(
                    f'<rect class="{kind}" x="{NAMES_WIDTH}" y="{y + offset}" width="{value / highest * room:.1f}" height="9">'
                    f"<title>{escape(pair.name)}: {value:,} ({kind})</title></rect>"
                )
        x = NAMES_WIDTH + max(pair.simulated, pair.really or 0) / highest * room + 6
        parts.append(f'<text x="{x:.1f}" y="{y + 16}">{pair.simulated:,}</text>')
    return _drawn(parts, max(len(pairs), 1) * ROW + 4, title)


def _rule(level: int, highest: int) -> str:
    y = HEIGHT - BOTTOM - level / highest * (HEIGHT - BOTTOM - 10)
    return (
        f'<line x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{level:,}</text>'
    )


def _drawn(parts: Sequence[str], height: int, title: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}"><title>{escape(title)}</title>'
        + "".join(parts)
        + "</svg>"
    )
