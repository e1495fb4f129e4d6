# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Mounts of sockets: where else a socket appears, and what is wrong with such mounts."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ..host import mounts
from .places import identities
from .values import MEDIUM, Finding

_Identity = tuple[int, int]


def targets(table: list[mounts.Mount]) -> dict[str, set[_Identity]]:
    """Return device and lower half of the inode of each socket that is mounted, as in ``identities``.

    Only a mount of a part of a file system is looked at, since no other can be one of a socket.
    """
    points = dict.fromkeys(one.point for one in table if one.root != "/")
    found = {point: identities(point) for point in points}
    return {point: shown for point, shown in found.items() if shown}


def problems(
    table: list[mounts.Mount], found: dict[str, set[_Identity]], alive: Collection[_Identity]
) -> Iterator[Finding]:
    """Yield what is wrong with the mounts of sockets."""
    for point, shown in found.items():
        stack = mounts.at(table, point)
        if mounts.echoes(table, point):
            yield Finding(
                "doubled-mount",
                MEDIUM,
                point,
                f"{point} is mounted on itself, which keeps its daemon from removing the name and "
                "making the socket anew.",
                f"Unmount it there: umount {point}.",
            )
        elif len(stack) > 1:
            yield Finding(
                "doubled-mount",
                MEDIUM,
                point,
                f"{len(stack)} mounts are stacked at {point}, of which only the last one shows.",
                f"Unmount all but one of them: umount {point}.",
            )
        if shown.isdisjoint(alive):
            yield Finding(
                "stale-mount",
                MEDIUM,
                point,
                f"{point} is the mount of a socket at which nobody listens any more; its daemon "
                "was restarted, and made a new one, or is gone.",
                f"Unmount it, and mount the socket of now there: umount {point}.",
            )
