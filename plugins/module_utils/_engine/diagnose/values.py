# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What stands in the way of a connection, and what would take it away, as values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..host.processes import Process

# What a change does: stable words for programs.
ACL_ENTRY, OWNER_MODE, GROUP_MODE, JOIN_GROUP = (
    "acl-entry",
    "owner-mode",
    "group-mode",
    "join-group",
)
START, START_UNIT, RESTART_UNIT, RESTART = "start", "start-unit", "restart-unit", "restart-process"
UNMOUNT, MOUNT_AGAIN, USE_PATH, USE_TYPE = "unmount", "mount-again", "use-path", "use-type"
OFFER_ELSEWHERE, DROP_IN, WAIT, APPLY = "offer-elsewhere", "drop-in", "wait", "apply-policy"
DECLARE, LOOK = "declare", "look"
LISTEN_ELSEWHERE, CHANGE_UNIT = "listen-elsewhere", "change-unit"
_STARTS = (START, START_UNIT)
_OF_AN_INODE = (ACL_ENTRY, OWNER_MODE, GROUP_MODE, JOIN_GROUP)


class Change(NamedTuple):
    """One change that takes a cause away: in words, and as something that a program can do.

    First ``file``, a path and its content, is written, then ``commands`` are run in their order;
    both may be empty.  ``value`` belongs to the action: the name of a unit or a group, another
    path, the type of a socket, a process id.  ``instead`` would do as well.
    """

    action: str
    text: str
    path: str | None = None
    value: str | None = None
    commands: tuple[tuple[str, ...], ...] = ()
    file: tuple[str, str] | None = None
    instead: Change | None = None


def in_order(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Return each once, as they are to be made: a daemon that is started makes other inodes."""
    found = list(dict.fromkeys(changes))
    if any(one.action in _STARTS for one in found):
        found.sort(key=lambda one: one.action in _OF_AN_INODE)
    return tuple(found)


class Cause(NamedTuple):
    """One thing that lets connect(2) fail with ``errno``, at the inode ``path``.

    ``code`` is stable.  All of ``changes`` together take it away.
    """

    code: str
    errno: str
    path: str
    text: str
    changes: tuple[Change, ...] = ()


class Answer(NamedTuple):
    """Whether processes of one kind can connect: the causes if not, the first one decides.

    ``processes`` are those that run, all alike; there are none for a process that is yet to start.
    ``counts`` is False where nobody will have meant these processes: root has some in every
    container and sandbox of the host.
    """

    causes: tuple[Cause, ...]
    processes: tuple[Process, ...] = ()
    notes: tuple[str, ...] = ()
    counts: bool = True

    @property
    def connects(self) -> bool:
        """Tell whether nothing stands in the way."""
        return not self.causes
