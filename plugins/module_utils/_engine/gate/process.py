# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What /proc tells about the process that connected.  For the log alone: it decides nothing."""

from __future__ import annotations

import os
import select
from typing import NamedTuple

from .peer import Peer, Socket, pinned_process

_KINDS = (".service", ".scope", ".socket", ".mount", ".swap")
_LONGEST = 4096


class Process(NamedTuple):
    """What was seen of a process; empty where it could not be read."""

    exe: str = ""
    comm: str = ""
    unit: str = ""


UNSEEN = Process()


def look(sock: Socket, peer: Peer) -> Process:
    """Return what can be seen of the process that connected, or nothing when it is gone already.

    Its number may belong to another process meanwhile.  So it is pinned first, with the kernel's
    own reference to who connected where there is one, and must be alive still afterwards.
    """
    if peer.pid <= 0:
        return UNSEEN
    pidfd = pinned_process(sock)
    sure = pidfd is not None
    if pidfd is None:
        try:
            pidfd = os.pidfd_open(peer.pid)
        except (OSError, AttributeError):
            return UNSEEN
    try:
        seen = _read(peer.pid)
        if not sure and not _belongs_to(peer):
            return UNSEEN
        return UNSEEN if _has_ended(pidfd) else seen
    finally:
        os.close(pidfd)


def unit_of(cgroup: str) -> str:
    """Return the unit of this host in the text of /proc/PID/cgroup, or "" (cgroups(7)).

    That is the outermost: whoever runs a manager or a container of his own names what is below, and
    may name it like a unit of the system.  What a user's manager runs stands behind that manager.
    """
    for line in cgroup.splitlines():
        number, dummy, rest = line.partition(":")
        controllers, dummy, path = rest.partition(":")
        if number == "0" or controllers == "name=systemd":
            units = [part for part in path.split("/") if part.endswith(_KINDS)]
            return "/".join(units[: 2 if units and units[0].startswith("user@") else 1])
    return ""


def _read(pid: int) -> Process:
    try:
        exe = os.readlink(f"/proc/{pid}/exe")
    except OSError:
        # Of another user's process only with CAP_SYS_PTRACE, which a gate does not have.
        exe = ""
    return Process(
        exe, _text(f"/proc/{pid}/comm").rstrip("\n"), unit_of(_text(f"/proc/{pid}/cgroup"))
    )


def _text(path: str) -> str:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return os.read(fd, _LONGEST).decode("utf-8", "replace")
    except OSError:
        return ""
    finally:
        os.close(fd)


def _belongs_to(peer: Peer) -> bool:
    try:
        return os.stat(f"/proc/{peer.pid}").st_uid == peer.uid
    except OSError:
        return False


def _has_ended(pidfd: int) -> bool:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(0))
