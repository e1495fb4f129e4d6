# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Whether a mount on an endpoint is ours: of its socket, or made by our line of fstab."""

from __future__ import annotations

from ..host import mounts
from ..host.mounts import Mount
from ..model.fstab import MARK
from .mount_state import OPTIONS


def has_our_mark(target: str) -> bool:
    """Tell whether the last mount at a path was made by our line."""
    return any(option.startswith(MARK) for option in mounts.remembered(target) or ())


def is_ours(table: list[Mount], one: Mount, source: str, mounter: str | None, shown: bool) -> bool:
    """Tell whether a mount is of the socket ``source``, or was made by our line.

    ``mounter`` is the user who is declared to mount there, None for root; ``shown`` tells that what
    can be seen there, the topmost mount, is the socket as it is now.
    """
    top = mounts.at(table, one.point)[-1]
    same = shown and (one.device, one.root) == (top.device, top.root)
    return same or mounts.shows(table, one, source) or _by_our_line(table, one, mounter)


def _by_our_line(table: list[Mount], one: Mount, mounter: str | None) -> bool:
    """Tell whether a user mounted it by our line, whatever that user made the source then."""
    whose = f"user={mounter}"
    roots = [
        each.root
        for each in mounts.all_remembered(one.point)
        if whose in each.options or any(word.startswith(MARK) for word in each.options)
    ]
    if one.root in roots:
        return True
    # What was mounted may have another name since; a user's mount has these options always.
    known = sum(each.root in roots for each in mounts.at(table, one.point))
    return len(roots) > known and one.options.issuperset(OPTIONS)
