# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The method ``acl``: a named entry on the socket for each client, and for who must stay out."""

from __future__ import annotations

from collections.abc import Sequence

from ..model.access import CONNECT, AccessRequest
from ..model.account import User
from ..model.facts import PrincipalFacts, SocketFacts
from ..model.plan import Demand
from ..policy.types import SocketPolicy

REFUSED = 0


def demand(declared: SocketPolicy, facts: SocketFacts, clients: Sequence[PrincipalFacts]) -> Demand:
    """Return what these clients want: an entry each that lets them connect."""
    return _demand(declared, facts, clients, CONNECT)


def refusal(
    declared: SocketPolicy, facts: SocketFacts, refused: Sequence[PrincipalFacts]
) -> Demand:
    """Return an entry without permissions for each account that would get in otherwise."""
    return _demand(declared, facts, refused, REFUSED)


def entries(accounts: Sequence[PrincipalFacts], permissions: int) -> AccessRequest:
    """Return the request for one named entry each, with the same permissions."""
    return AccessRequest(
        users={one.account.uid: permissions for one in accounts if isinstance(one.account, User)},
        groups={
            one.account.gid: permissions for one in accounts if not isinstance(one.account, User)
        },
    )


def supported(facts: SocketFacts) -> bool:
    """Tell whether the file system of the socket, or of where it will be, keeps POSIX ACLs."""
    return facts.chain.components[-1].acl_support


def _demand(
    declared: SocketPolicy, facts: SocketFacts, accounts: Sequence[PrincipalFacts], permissions: int
) -> Demand:
    if not accounts:
        return Demand()
    if supported(facts):
        return Demand(entries(accounts, permissions))
    problem = (
        f"The socket {declared.path} lies on a file system that keeps no POSIX ACLs, so no entry "
        "for a single user or group can be made; use the method group, or mount the file system "
        "with ACLs."
    )
    return Demand(problems=(problem,))
