# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The method ``group``: the socket's group lets its members in.

For one client the socket gets the client's own primary group, so nobody's membership changes and no
process needs a restart.  For several there is one group, and the clients become members.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..model.access import CONNECT, AccessRequest
from ..model.account import Group, User
from ..model.facts import PrincipalFacts, SocketFacts
from ..model.plan import Demand
from ..model.words import listed
from ..policy.types import SocketPolicy


def demand(declared: SocketPolicy, facts: SocketFacts, clients: Sequence[PrincipalFacts]) -> Demand:
    """Return what these clients want: the socket's group, its permissions, memberships."""
    if not clients:
        return Demand()
    if declared.group is not None and facts.group is None:
        # It does not exist yet (check mode) or any more (a hook), which is told already.
        return Demand()
    group, problem = _group(declared, facts, clients)
    if group is None:
        return Demand(problems=(problem,))
    memberships = []
    problems = []
    for client in clients:
        if not isinstance(client.account, User) or client.account.credentials.gid == group.gid:
            continue
        # Also where the list names the user already, perhaps by an earlier run of ours.
        if client.account.known and group.known:
            memberships.append((client.account.name, group.name))
        else:
            problems.append(
                f"The socket {declared.path} cannot be given to {client.label} by the method "
                f"group, because only an account with a name can be a member of a group with a "
                f"name; create both, or use the method acl for {client.label}."
            )
    access = AccessRequest(gid=group.gid, group_obj=CONNECT if declared.mode is None else None)
    return Demand(access, tuple(memberships), problems=tuple(problems))


def private_to(group: Group, user: User) -> bool:
    """Tell whether nobody but this user is in the group."""
    return group.members <= {user.name}


def _group(
    declared: SocketPolicy, facts: SocketFacts, clients: Sequence[PrincipalFacts]
) -> tuple[Group | None, str]:
    """Return the one group that the socket shall have, or why there is none."""
    groups = {one.account.gid: one.account for one in clients if isinstance(one.account, Group)}
    if facts.group is not None:
        strange = [f"group {one.name}" for gid, one in groups.items() if gid != facts.group.gid]
        if strange:
            return None, (
                f"The socket {declared.path} has the group {facts.group.name}, and a socket has "
                f"one group only, so the method group cannot serve {listed(strange)}; declare "
                "method: acl there."
            )
        return facts.group, ""
    if len(groups) > 1:
        return None, (
            f"The socket {declared.path} can have one group only, but "
            f"{listed([f'group {one.name}' for one in groups.values()])} are declared with the "
            "method group; "
            "declare method: acl for all of them but one."
        )
    for one in groups.values():
        return one, ""
    users = [(one, one.account) for one in clients if isinstance(one.account, User)]
    return _primary_group(declared, users)


def _primary_group(
    declared: SocketPolicy, clients: Sequence[tuple[PrincipalFacts, User]]
) -> tuple[Group | None, str]:
    if len(clients) > 1:
        return None, (
            f"The socket {declared.path} has {len(clients)} clients by the method group and no "
            "group that they could share; declare the socket's group (group: NAME of a group that "
            "exists), or use the method acl."
        )
    ((client, user),) = clients
    group = client.primary
    if group is None:
        return None, (
            f"The socket {declared.path} cannot get the primary group of {client.label}, because "
            "no group has that id; declare group: NAME for the socket, or use the method acl."
        )
    if not private_to(group, user):
        members = sorted(group.members - {user.name})
        more = [f"{len(members) - 5} more"] if len(members) > 5 else []
        others = listed(members[:5] + more)
        return None, (
            f"The socket {declared.path} cannot get {group.name}, the primary group of "
            f"{client.label}, because {others} would get in, too; use the method acl, or declare "
            f"group: {group.name} for the socket if that is meant."
        )
    return group, ""
