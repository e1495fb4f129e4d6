# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Medians and ratios of what was measured, and the targets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

Results = dict[str, Any]
WAYS = ("ssh", "podman")
CALLED = {"ssh": "SSH", "podman": "podman"}
FIRST, SECOND = "first, not proven", "second, not proven"
FIRST_PROVEN, SECOND_PROVEN = "first, proven", "second, proven"
# A module that does nothing, with the options and the answer of the first run; on a host with systemd
# it has systemd read its units once.
FLOOR, FLOOR_PROVEN = "floor, not proven", "floor, proven"
WHATS = (FLOOR, FIRST, SECOND, FLOOR_PROVEN, FIRST_PROVEN, SECOND_PROVEN)
# By run, the floor below it.
FLOORS = {FIRST: FLOOR, FIRST_PROVEN: FLOOR_PROVEN}


@dataclass(frozen=True)
class Median:
    """The medians of some runs: seconds, those of the pings beside them, and of the ratios."""

    seconds: float
    ping: float
    ratio: float


def of(runs: Iterable[tuple[float, float]]) -> Median | None:
    """Return the medians of seconds with their pings' seconds; nothing of no runs."""
    listed = list(runs)
    if not listed:
        return None
    return Median(
        median(one for one, dummy in listed),
        median(ping for dummy, ping in listed),
        median(one / ping for one, ping in listed),
    )


def grants(part: Results, way: str, host: str, count: int, what: str) -> Median | None:
    """Return the medians of runs of so many grants by one way to one kind of host."""
    wanted = (way, host, str(count), what)
    return of((one[4], one[5]) for one in part["runs"] if tuple(one[:4]) == wanted)


def sizes(part: Results) -> list[int]:
    return sorted({int(one[2]) for one in part["runs"]})


def packing(part: Results) -> tuple[float, float]:
    """Return the seconds that packing takes: ping, policy."""
    return median(one[2] for one in part["packing"]), median(one[3] for one in part["packing"])


def few(listed: Sequence[int]) -> int:
    """Return the size from which on the figures are to be flat: 5, or the next that there is."""
    return min((size for size in listed if size >= 5), default=max(listed))


def methods(part: Results, method: str, what: str) -> Median | None:
    return of((one[2], one[3]) for one in part["runs"] if one[:2] == [method, what])


def loops(part: Results, way: str) -> dict[int, Median]:
    """Return by entries what the loops took."""
    return {
        one[1]: Median(one[2], one[3], one[2] / one[3]) for one in part["loops"] if one[0] == way
    }


@dataclass(frozen=True)
class Fleet:
    """One play on some hosts: seconds of the whole play, and the controller's memory in MB."""

    seconds: float
    largest: float
    family: float


def fleet(part: Results, hosts: int, what: str) -> Fleet:
    rows = [one[2:] for one in part["runs"] if one[:2] == [hosts, what]]
    return Fleet(*(median(column) for column in zip(*rows)))


def fleet_rounds(part: Results, hosts: int, what: str) -> list[float]:
    """Return of each play of a kind how many seconds it took for each host, from the least."""
    return sorted(one[2] / hosts for one in part["runs"] if one[:2] == [hosts, what])


def fleet_floor(part: Results) -> tuple[int, float] | None:
    """Return the most hosts on which the module that does nothing ran, and how many pings it took."""
    measured = [one[0] for one in part["runs"] if one[1] == "floor"]
    if not measured:
        return None
    most = max(measured)
    return most, fleet(part, most, "floor").seconds / fleet(part, most, "ping").seconds


def fleet_sizes(part: Results) -> list[int]:
    return sorted({one[0] for one in part["runs"]})


@dataclass(frozen=True)
class Target:
    """What was wanted, what was measured by which way, and why it is missed if it is."""

    words: str
    bound: float
    # By way, the figure; "" where there is one way.
    figures: dict[str, float]
    why: str
    at_least: bool = False
    # By way, the same figure of the module that does nothing; and whether figures are pings.
    floors: dict[str, float] = field(default_factory=dict)
    pings: bool = False

    def missed(self) -> list[str]:
        """Return the ways by which it is missed; by two decimals, as the page shows them."""
        return [
            way
            for way, figure in self.figures.items()
            if (round(figure, 2) < self.bound if self.at_least else round(figure, 2) > self.bound)
        ]


RELOADS = "nothing but have systemd read its units once"
WHY_GRANTS = (
    "A run loads the engine, reads and writes the sockets and records what was there, and the first "
    "one on a host with systemd also installs and compiles the engine and makes the units that keep "
    "the access. The rows on what else matters tell these apart."
)
WHY_PROOF = (
    "A run does the same as one that is not proven, and a proof is a process and a connect() of its "
    "own for each grant, on the processors that the controller uses, too."
)
WHY_FLAT = (
    "More sockets are more units and records; another entry of a socket costs next to nothing on the "
    "host, but options and answer grow with it."
)
WHY_LOOPS = "Each item of a loop costs what a ping costs, so the factor is the number of items."
WHY_FLEET = (
    "All hosts share the processors of the controller here, so what a run costs on the hosts adds "
    "up, which it does not where each host has its own."
)
WHY_SECOND = "A second run reads and proves the same as the first; only the writing is saved."


def targets(parts: Results) -> list[Target]:
    """Return those that the parts can tell of."""
    found: list[Target] = []
    if "grants" in parts:
        found += _grant_targets(parts["grants"])
    if "hosts" in parts:
        found += _fleet_targets(parts["hosts"])
    return [one for one in found if one.figures]


def _by_way(figures: dict[str, float], unit: str) -> str:
    return " and ".join(f"{figure:.2f} {unit} over {way}" for way, figure in figures.items())


def below(bound: float, figures: dict[str, float], floors: dict[str, float], does: str) -> str:
    """Return what the module that ``does`` next to nothing takes, and what that says of a target in pings."""
    if not floors:
        return ""
    over = [way for way, floor in floors.items() if round(floor, 2) > bound]
    if len(over) == len(floors):
        says = "so no module that does this much can meet it here"
    elif over:
        says = f"so no module that does this much can meet it over {', '.join(over)}"
    else:
        says = "which is within the target, so what is above that is the run's own"
    times = {way: figures[way] / floor for way, floor in floors.items() if way in figures}
    return (
        f"A module that does {does}, with the same options and the same answer, takes "
        f"{_by_way(floors, 'pings')}, {says}. The run takes {_by_way(times, 'times that')}. "
    )


def _grant_targets(part: Results) -> list[Target]:
    most = max(sizes(part))

    def each(what: str, to: str = "", count: int = most, other: int = most) -> dict[str, float]:
        figures = {}
        for way in WAYS:
            one = grants(part, way, "systemd", count, what)
            base = grants(part, way, "systemd", other, to) if to else None
            if one and (base or not to):
                figures[CALLED[way]] = one.seconds / base.seconds if base else one.ratio
        return figures

    def pings(words: str, bound: float, what: str, why: str) -> Target:
        figures, floors = each(what), each(FLOORS[what])
        why = below(bound, figures, floors, RELOADS) + why
        return Target(words, bound, figures, why, floors=floors, pings=True)

    looped = {
        CALLED[way]: loops(part, way)[most].seconds / one.seconds
        for way in WAYS
        for one in [grants(part, way, "systemd", most, FIRST_PROVEN)]
        if one and most in loops(part, way)
    }
    less = few(sizes(part))
    flat = each(FLOOR, FLOOR, other=less)
    why_flat = WHY_FLAT
    if flat:
        why_flat += f" Those alone take the module that does {RELOADS} {_by_way(flat, 'times')}."
    return [
        pings(f"{most} grants, not proven, first run: at most 1.15 pings", 1.15, FIRST, WHY_GRANTS),
        pings(f"{most} grants, proven, first run: at most 1.5 pings", 1.5, FIRST_PROVEN, WHY_PROOF),
        Target(
            f"flat: {most} grants, not proven, take at most 1.15 times what {less} take",
            1.15,
            each(FIRST, FIRST, other=less),
            why_flat,
            floors=flat,
        ),
        Target(
            f"{most} grants, proven, at least 50 times faster than the loops",
            50,
            looped,
            WHY_LOOPS,
            at_least=True,
        ),
        Target(
            "second run no slower than the first, not proven (1 at most)",
            1.0,
            each(SECOND, FIRST),
            WHY_SECOND,
        ),
        Target(
            "second run no slower than the first, proven (1 at most)",
            1.0,
            each(SECOND_PROVEN, FIRST_PROVEN),
            WHY_SECOND,
        ),
    ]


def _fleet_targets(part: Results) -> list[Target]:
    most = max(fleet_sizes(part))
    ping, first, second = (fleet(part, most, what).seconds for what in ("ping", "first", "second"))
    floor = fleet_floor(part)
    figures = {"SSH": first / ping}
    floors = {"SSH": floor[1]} if floor else {}
    why = below(1.5, figures, floors, "nothing") + WHY_FLEET
    if floor and floor[0] != most:
        why = f"{why} (That module was measured on {floor[0]} hosts.)"
    return [
        Target(
            f"{most} hosts, proven, first run: at most 1.5 times the play of ping for each host",
            1.5,
            figures,
            why,
            floors=floors,
            pings=True,
        ),
        Target(
            f"{most} hosts: second run no slower than the first (1 at most)",
            1.0,
            {"SSH": second / first},
            f"{WHY_SECOND} {_spread(part, most)}",
        ),
    ]


def _spread(part: Results, hosts: int) -> str:
    """Return how far plays of the same kind are apart, which tells noise from effect."""
    first, second = (fleet_rounds(part, hosts, what) for what in ("first", "second"))
    if len(first) < 2:
        return (
            "Each of the two plays ran once, which cannot tell this from what like runs differ by."
        )
    ran = f"{first[0]:.2f} to {first[-1]:.2f} s for each host, the second {_between(second)}"
    inside = first[0] <= second[0] and second[-1] <= first[-1]
    says = "is within that" if inside else "is not within that"
    return f"{len(first)} first runs took {ran}, which {says}."


def _between(rounds: Sequence[float]) -> str:
    ends = f"{rounds[0]:.2f} s"
    return ends if len(rounds) == 1 else f"{rounds[0]:.2f} to {rounds[-1]:.2f} s"
