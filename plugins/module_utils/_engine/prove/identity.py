# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Taking on the identity that is to be proven, and making sure of it."""

from __future__ import annotations

import os

from ..errors import AccessError
from ..model.account import ROOT, Credentials


def become(who: Credentials, *, really: bool) -> None:
    """Take on these ids and exactly these supplementary groups, from root or from another identity.

    The saved user id stays 0 as the way back.  The kernel does not look at it: a path is judged by
    the effective ids (credentials(7), "filesystem user ID"), a capability counts only while it is
    effective, and a peer sees the effective ids (SO_PEERCRED, unix(7)).  ``really`` sets the real user
    id, too, for daemons that look into /proc.  Without it the user cannot signal the process (kill(2)),
    and so not end what proves that he is kept out.  Raises AccessError where the ids could not be
    taken on.
    """
    real = who.uid if really else ROOT
    try:
        os.setresuid(ROOT, ROOT, ROOT)
        os.setgroups(sorted(who.groups))
        os.setresgid(who.gid, who.gid, who.gid)
        os.setresuid(real, who.uid, ROOT)
    except OSError as error:
        raise AccessError(
            f"the kernel does not let a process take user id {who.uid}, group id {who.gid} and "
            f"{len(who.groups)} groups on here ({error.strerror})"
        ) from error
    if (
        os.getresuid() != (real, who.uid, ROOT)
        or os.getresgid() != (who.gid,) * 3
        or frozenset(os.getgroups()) != who.groups
    ):
        raise AccessError(f"the kernel did not take the ids of user id {who.uid} on")
    if who.uid != ROOT and _effective_capabilities():
        raise AccessError("the process kept its capabilities (secure bits, capabilities(7))")


def _effective_capabilities() -> int:
    with open("/proc/self/status", "rb") as file:
        for line in file:
            if line.startswith(b"CapEff:"):
                return int(line.split()[1], 16)
    raise AccessError("/proc/self/status does not tell the capabilities of the process")
