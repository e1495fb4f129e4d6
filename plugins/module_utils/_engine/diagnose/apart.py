# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""A daemon that listens at the very path, below mounts of its own, where nobody else finds it."""

from __future__ import annotations

from ..host.holders import holders_of
from ..host.processes import Process, process
from . import values
from .served import Sockets
from .values import Cause, Change
from .views import View, Views


def listening_apart(cause: Cause, path: str, sockets: Sockets) -> Cause | None:
    """Return the cause with what is known of such a daemon, None where there is none."""
    for one, view in _seers(path, sockets):
        where = one.unit or one.name
        text = (
            f"Let {where} make its socket where others see it too, such as in a directory of "
            f"RuntimeDirectory=, or take away what puts it apart."
        )
        why = f" {one} listens at {path} in mounts of its own: {view.why()}."
        change = Change(values.LISTEN_ELSEWHERE, text, path, one.unit)
        return cause._replace(text=cause.text + why, changes=(change,))
    return None


def _seers(path: str, sockets: Sockets) -> list[tuple[Process, View]]:
    """Return the processes that hold a socket of this name and find it there, others not."""
    numbers = sockets.called(path)
    if not numbers:
        return []
    holders, views = holders_of(numbers), Views(path)
    found = []
    for pid in sorted({pid for number in numbers for pid in holders.of(number)}):
        try:
            one = process(pid)
        except (OSError, KeyError, ValueError):
            continue  # It has ended meanwhile.
        view = None if one is None else views.of(one)
        if one is not None and view is not None and view.chain.leaf is not None:
            found.append((one, view))
    return found
