# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""``auto``: the least that is enough, with the reason, and what was rejected.

The choice follows from what is declared and from accounts and file system, never from what an
earlier run left on the socket, so the same facts give the same choice on every run.
"""

from __future__ import annotations

from ..methods import acl, group
from ..model.account import ROOT, Group, User
from ..model.acl import WRITE
from ..model.facts import PrincipalFacts, SocketFacts
from ..model.plan import Choice, Rejected
from ..policy.types import Grant, SocketPolicy

REACHABLE = "reachable"


def choose(
    declared: SocketPolicy, facts: SocketFacts, grant: Grant, client: PrincipalFacts
) -> Choice:
    """Return the method of one grant."""
    if isinstance(client.account, User) and client.account.uid == ROOT:
        return Choice(REACHABLE, "The user root passes every permission check of the kernel.")
    if grant.method != "auto":
        return Choice(grant.method, "The declaration names this method.")
    if declared.mode is not None and declared.mode & WRITE:
        return Choice(REACHABLE, f"The declared mode {declared.mode:04o} lets everyone connect.")
    rejected = Rejected(REACHABLE, "Nothing else that is declared lets it connect.")
    by_group = _by_group(declared, facts, client)
    if isinstance(by_group, str):
        return Choice("group", by_group, (rejected,))
    if acl.supported(facts):
        return Choice(
            "acl",
            f"An entry for {client.label} alone gives nothing to anyone else.",
            (rejected, by_group),
        )
    no_acl = Rejected("acl", "The file system keeps no POSIX ACLs.")
    return Choice(
        "group",
        f"The file system keeps no POSIX ACLs, so only a group can let {client.label} in.",
        (rejected, no_acl),
    )


def _by_group(declared: SocketPolicy, facts: SocketFacts, client: PrincipalFacts) -> str | Rejected:
    """Return why the method group is the least, or why it is not."""
    account = client.account
    if declared.mode is not None and not declared.mode >> 3 & WRITE:
        return Rejected("group", f"The declared mode {declared.mode:04o} stops the group.")
    if facts.group is not None:
        if isinstance(account, Group):
            if account.gid == facts.group.gid:
                return f"The declared group {facts.group.name} is this group."
            return Rejected(
                "group", f"A socket has one group, and {facts.group.name} is declared for it."
            )
        if account.credentials.in_group(facts.group.gid):
            return f"It is in the declared group {facts.group.name} already."
        return Rejected(
            "group",
            f"As a member of {facts.group.name}, {client.label} would get everything else that "
            "this group may do.",
        )
    if len(declared.allow) > 1:
        return Rejected(
            "group", f"A socket has one group, and {len(declared.allow)} principals are declared."
        )
    if isinstance(account, Group):
        return "It is the only client, so the socket gets this group."
    if client.primary is None:
        return Rejected("group", "Its primary group does not exist.")
    if not group.private_to(client.primary, account):
        return Rejected("group", f"Its primary group {client.primary.name} has other members.")
    return (
        f"It is the only client, so the socket gets its own primary group {client.primary.name}, "
        "and nobody's membership changes."
    )
