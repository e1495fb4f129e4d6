# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A chart of lines as SVG, in the form of the other pictures of docs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 980, 460
LEFT, RIGHT, TOP, BOTTOM = 84, 250, 56, 64
INK, FRAME, TEXT = "#44546a", "#c3cad4", "#1b2533"
COLOURS = ("#8a94a3", "#2f6db5", "#2e8b57", "#b5532f", "#7a4fa3")
DASHES = ("", "", "7 4", "", "2 4")


@dataclass(frozen=True)
class Line:
    """One row of points, and what it is called."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Axis:
    """The values from one end to the other, and where they are; of a logarithmic one, decades."""

    name: str
    low: float
    high: float
    logarithmic: bool
    marks: Sequence[float]

    def part(self, value: float) -> float:
        """Return where a value is, from 0 to 1."""
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def axis(
    name: str, values: Sequence[float], logarithmic: bool, marks: Sequence[float] = ()
) -> Axis:
    """Return an axis that has room for all values; ``marks`` are the values that it names."""
    least, most = min(values), max(values)
    if not logarithmic:
        step = _step(most)
        end = math.ceil(most / step) * step
        steps = [step * number for number in range(round(end / step) + 1)]
        return Axis(name, 0.0, end, False, marks or steps)
    low, high = math.floor(math.log10(least)), math.ceil(math.log10(most))
    decades = [10.0**power for power in range(low, max(high, low + 1) + 1)]
    if marks:
        return Axis(name, least, most * 1.0001 if most > least else most * 10, True, marks)
    return Axis(name, decades[0], decades[-1], True, decades)


def _step(most: float) -> float:
    """Return a round distance between marks, of which some five fit."""
    rough = most / 5 or 1.0
    power: float = 10.0 ** math.floor(math.log10(rough))
    return next(one * power for one in (1, 2, 5, 10) if one * power >= rough)


def chart(title: str, description: str, x: Axis, y: Axis, lines: Sequence[Line]) -> str:
    """Return the picture."""
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def across(value: float) -> float:
        return LEFT + x.part(value) * (right - LEFT)

    def up(value: float) -> float:
        return bottom - y.part(value) * (bottom - TOP)

    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" role="img"\n'
        '     font-family="Helvetica, Arial, sans-serif" font-size="14">',
        "<!-- Copyright (c) 2026 unixsocket.access contributors\n"
        "     GNU General Public License v3.0 or later (see LICENSE or "
        "https://www.gnu.org/licenses/gpl-3.0.txt)\n"
        "     SPDX-License-Identifier: GPL-3.0-or-later -->",
        f"<title>{escape(title)}</title>",
        f"<desc>{escape(description)}</desc>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#ffffff"/>',
        _text(LEFT, 30, title, "start", "bold"),
    ]
    for value in y.marks:
        place = up(value)
        drawn.append(
            f'<path d="M{LEFT},{place:.1f} L{right},{place:.1f}" stroke="{FRAME}" fill="none"/>'
        )
        drawn.append(_text(LEFT - 8, place + 5, f"{value:g}", "end"))
    for value in x.marks:
        place = across(value)
        drawn.append(
            f'<path d="M{place:.1f},{bottom} L{place:.1f},{bottom + 6}" stroke="{INK}" fill="none"/>'
        )
        drawn.append(_text(place, bottom + 22, f"{value:g}"))
    drawn.append(f'<path d="M{LEFT},{bottom} L{right},{bottom}" stroke="{INK}" fill="none"/>')
    drawn.append(_text((LEFT + right) / 2, HEIGHT - 16, x.name))
    middle = (TOP + bottom) / 2
    drawn.append(
        f'<text x="24" y="{middle}" text-anchor="middle" fill="{TEXT}" '
        f'transform="rotate(-90 24 {middle})">{escape(y.name)}</text>'
    )
    for number, (line, place) in enumerate(
        zip(lines, _apart([up(one.points[-1][1]) for one in lines]))
    ):
        colour, dash = COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)]
        spots = [(across(one), up(other)) for one, other in line.points]
        way = " L".join(f"{one:.1f},{other:.1f}" for one, other in spots)
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        drawn.append(f'<path d="M{way}" stroke="{colour}" stroke-width="2" fill="none"{dashed}/>')
        drawn += [
            f'<circle cx="{one:.1f}" cy="{other:.1f}" r="3.5" fill="{colour}"/>'
            for one, other in spots
        ]
        drawn.append(
            f'<text x="{right + 14}" y="{place + 5:.1f}" text-anchor="start" fill="{colour}" '
            f'font-weight="bold">{escape(line.name)}</text>'
        )
    return "\n".join([*drawn, "</svg>"]) + "\n"


def _text(x: float, y: float, text: str, anchor: str = "middle", weight: str = "normal") -> str:
    bold = ' font-weight="bold"' if weight == "bold" else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{TEXT}"{bold}>'
        f"{escape(text)}</text>"
    )


def _apart(places: Sequence[float], distance: float = 18) -> list[float]:
    """Move names that would lie upon each other apart, downwards."""
    found = list(places)
    order = sorted(range(len(found)), key=found.__getitem__)
    for before, after in zip(order, order[1:]):
        found[after] = max(found[after], found[before] + distance)
    return found
