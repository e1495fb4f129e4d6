# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""``auto``: the least that is enough, with the reason, and what was rejected.

The choice follows from what is declared and from accounts and file system, never from what is on
the socket.  A method by which an earlier run lets the client in stays while it still can.
"""

from __future__ import annotations

from ..methods import acl, group
from ..model.account import ROOT, Group, User
from ..model.acl import WRITE
from ..model.facts import PrincipalFacts, SocketFacts
from ..model.plan import Choice, Rejected
from ..policy.types import Grant, SocketPolicy

REACHABLE, NATIVE = "reachable", "native"


def choose(
    declared: SocketPolicy, facts: SocketFacts, grant: Grant, client: PrincipalFacts
) -> Choice:
    """Return the method of one grant."""
    if grant.method != "auto":
        if isinstance(client.account, User) and client.account.uid == ROOT:
            return Choice(REACHABLE, _ROOT)
        return Choice(grant.method, "The declaration names this method.")
    fresh = _anew(declared, facts, client)
    if client.before not in ("group", "acl") or client.before == fresh.method:
        return fresh._replace(before=client.before)
    if fresh.method == REACHABLE or not _still_works(client.before, declared, facts, client):
        return fresh._replace(before=client.before)
    others = tuple(one for one in fresh.rejected if one.method != client.before)
    return Choice(
        client.before,
        f"An earlier run let it in so, and that still works. Chosen anew it would be {fresh.method}: "
        f"{fresh.reason}",
        (*others, Rejected(fresh.method, "What works is not made anew.")),
        client.before,
    )


_ROOT = "The user root passes every permission check of the kernel."


def _anew(declared: SocketPolicy, facts: SocketFacts, client: PrincipalFacts) -> Choice:
    """Return the method that would be chosen if there had been none before."""
    if isinstance(client.account, User) and client.account.uid == ROOT:
        return Choice(REACHABLE, _ROOT)
    rejected = Rejected(REACHABLE, "Nothing else that is declared lets it connect.")
    if declared.mode is not None and declared.mode & WRITE:
        if not _stopped_as_member(declared.mode, facts, client):
            return Choice(
                REACHABLE, f"The declared mode {declared.mode:04o} lets everyone connect."
            )
        rejected = Rejected(
            REACHABLE,
            f"The declared mode {declared.mode:04o} lets everyone connect but the socket's group, "
            "to which it belongs.",
        )
    by_group = _by_group(declared, facts, client)
    if isinstance(by_group, str):
        return Choice("group", by_group + _made_so(facts), (rejected,))
    native = Rejected(NATIVE, _not_native(facts))
    if acl.supported(facts):
        return Choice(
            "acl",
            f"An entry for {client.label} alone gives nothing to anyone else.",
            (rejected, native, by_group),
        )
    no_acl = Rejected("acl", "The file system keeps no POSIX ACLs.")
    return Choice(
        "group",
        f"The file system keeps no POSIX ACLs, so only a group can let {client.label} in.",
        (rejected, no_acl),
    )


def _stopped_as_member(mode: int, facts: SocketFacts, client: PrincipalFacts) -> bool:
    """Tell whether the bits of the group, which it is in, keep it from those of all others.

    Whoever is in the owning group is judged by its bits alone (acl(5), ACCESS CHECK ALGORITHM).
    """
    if mode >> 3 & WRITE:
        return False
    leaf = facts.chain.leaf
    if facts.group is not None:
        gid = facts.group.gid
    elif leaf is not None:
        gid = leaf.access.gid
    else:
        return False
    account = client.account
    return account.gid == gid if isinstance(account, Group) else account.credentials.in_group(gid)


def _still_works(
    method: str, declared: SocketPolicy, facts: SocketFacts, client: PrincipalFacts
) -> bool:
    """Tell whether the method of an earlier run can still let the client in, and nobody else."""
    if method == "acl":
        return acl.supported(facts)
    if facts.group is None:
        by_group = [
            one
            for grant, one in zip(declared.allow, facts.allowed)
            if grant.method == "group" or (grant.method == "auto" and one.before == "group")
        ]
        # A socket has one group, and nobody has declared which.
        if len(by_group) != 1:
            return False
    return isinstance(_by_group(declared, facts, client, alone=True), str)


def _made_so(facts: SocketFacts) -> str:
    if facts.unit is None or not facts.unit.endswith(".socket"):
        return ""
    return f" {facts.unit} makes the socket with it (systemd.socket(5), SocketGroup=)."


def _not_native(facts: SocketFacts) -> str:
    """Return why the options of a .socket unit do not do."""
    if facts.unit is None:
        return "It is not known which unit makes the socket."
    if facts.unit.endswith(".socket"):
        return (
            f"{facts.unit} can give its socket one owner, one group and a mode, but no entry for "
            "one name."
        )
    return f"{facts.unit} makes the socket, and only .socket units have options for its access."


def _by_group(
    declared: SocketPolicy, facts: SocketFacts, client: PrincipalFacts, *, alone: bool = False
) -> str | Rejected:
    """Return why the method group is the least, or why it is not.

    ``alone``: whatever other grants there are, nobody else is served by a group.
    """
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
    if len(declared.allow) > 1 and not alone:
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
