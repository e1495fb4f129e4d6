# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The method ``bind_mount``: the socket's inode appears under a second path.

That goes around the directories above the socket, and around nothing else: the inode's own mode and
ACL decide there as well (path_resolution(7), mount(8)).
"""

from __future__ import annotations

from collections.abc import Sequence

from ..model.access import AccessRequest
from ..model.account import ROOT, User
from ..model.acl import EXECUTE, WRITE
from ..model.facts import PrincipalFacts, SocketFacts
from ..model.plan import Demand
from ..policy.types import SocketPolicy
from . import acl


def demand(declared: SocketPolicy, facts: SocketFacts, clients: Sequence[PrincipalFacts]) -> Demand:
    """Return what these clients want of the socket's inode: an entry each, if they need one."""
    if declared.mode is not None and declared.mode & WRITE:
        return Demand()
    return acl.demand(declared, facts, clients)


def directory(
    clients: Sequence[PrincipalFacts],
    mounter: User | None,
    owner: int | None,
    group: int | None,
    mode: int | None,
) -> AccessRequest:
    """Return what the endpoint's directory shall be: to be searched by its clients alone.

    ``mounter`` is the user who mounts there and must find the target (mount(8) looks it up with
    that user's rights).
    """
    searchers = acl.entries(clients, EXECUTE)
    users = dict(searchers.users)
    if mounter is not None:
        users[mounter.uid] = EXECUTE
    users = {uid: search for uid, search in users.items() if uid not in (ROOT, owner or ROOT)}
    return AccessRequest(
        uid=owner,
        gid=group,
        user_obj=None if mode is None else mode >> 6 & 7,
        group_obj=None if mode is None else mode >> 3 & 7,
        other=None if mode is None else mode & 7,
        users=users,
        groups=searchers.groups,
    )
