# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Applying a policy when its socket was made anew or changed, until it stays as it is.

What happens while a run is going on is not lost, because the watch is set before each comparison.
A daemon that sets something else again and again gets the last word, and the journal says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from ..errors import AccessError
from ..host.pinned import Replaced, walked
from ..host.watch import Watch
from ..report import Result
from .corrections import MOST, MOST_ANEW, QUIET, Corrections, CorrectionsFile, Inode
from .wait import add, next_step

_CALM = 0.2
# A daemon that is started anew takes its socket away first, and the unit that watches looks again
# only once this run has ended.
_ABSENT = 10.0
# One that is fought back is not to fill the journal: its sentence waits for a quieter moment.
_CALM_AFTER_A_FIGHT = 5.0
# Changes that never end, but never differ either, are the next run's matter.
_LONGEST = 30.0


class FoughtBack(AccessError):
    """A daemon set its socket otherwise again and again, and gets the last word."""


def _since_boot() -> float:
    """Return the seconds since boot, which no change of the clock moves."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def apply_until_calm(
    paths: Iterable[str],
    converge: Callable[[bool], Result],
    memory: CorrectionsFile,
    clock: Callable[[], float] = _since_boot,
    leave: Callable[[], None] = lambda: None,
) -> list[Result]:
    """Compare and apply until nothing happened to the paths for a fifth of a second.

    The first path is the socket's; while it is away, its coming back is waited for, ten seconds.

    ``converge`` runs once, and only compares if it is given True.  ``leave`` is called while the
    paths are still watched, at the end.  Raises FoughtBack when the corrections were too many.
    """
    paths = list(paths)
    results = []
    ends = time.monotonic() + _LONGEST
    while True:
        with Watch() as watch:
            for path in paths:
                _watch(watch, path)
            result, corrected = _once(paths[0], converge, memory, clock)
            if not corrected:
                while watch.wait(_CALM_AFTER_A_FIGHT) and time.monotonic() < ends:
                    pass
                memory.save(memory.load().refused(clock()))
                raise FoughtBack(_fights_back(result, memory.load()))
            results.append(result)
            calm = _ABSENT if _inode(paths[0]) is None else _CALM
            if time.monotonic() > ends:
                leave()
                return results
            if not watch.wait(calm):
                leave()
                if not watch.wait(0):
                    return results


def apply_again(
    path: str,
    converge: Callable[[bool], Result],
    memory: CorrectionsFile,
    clock: Callable[[], float] = _since_boot,
) -> list[Result]:
    """Compare and apply once; nothing is returned where a daemon that fights back has its way."""
    result, corrected = _once(path, converge, memory, clock)
    return [result] if corrected else []


def _once(
    path: str,
    converge: Callable[[bool], Result],
    memory: CorrectionsFile,
    clock: Callable[[], float],
) -> tuple[Result, bool]:
    """Return what was done, or was left because it was done too often, and whether it was done."""
    remembered = memory.load()
    counted = remembered.at(clock())
    result = converge(counted.exhausted)
    if result.changes and counted.exhausted:
        memory.save(counted.refused(clock()))
        return result, False
    if result.changes:
        memory.save(counted.one_more(clock(), _inode(path)))
    elif counted != remembered:
        memory.save(counted)
    return result, True


def _inode(path: str) -> Inode | None:
    try:
        leaf = walked(path).leaf
    except (AccessError, OSError):
        return None
    return None if leaf is None else (leaf.device, leaf.inode)


def _fights_back(result: Result, corrections: Corrections) -> str:
    times = MOST_ANEW if len(corrections.made) >= MOST_ANEW else MOST
    return (
        f"The daemon fights back: its socket was corrected {times} times in a row, "
        "and is again not as declared, so it is left as the daemon sets it now. What would have to "
        f"change: {' '.join(result.changes)} Set the daemon's own options for its socket to what "
        f"is declared, or declare what it sets; after {QUIET:g} quiet seconds it is corrected again."
    )


def _watch(watch: Watch, path: str) -> None:
    """Watch what is at a path itself, and the name under which the deepest directory leads to it."""
    directory, name = next_step(path)
    for watched, names in ((directory, (name,)), (path, ())):
        try:
            add(watch, watched, names)
        except (Replaced, OSError):
            pass  # It is not there, or may not be read; the other watch tells when that changes.
