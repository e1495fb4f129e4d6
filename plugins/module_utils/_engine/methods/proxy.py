# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The method ``proxy``: a process listens at a second path and passes everything on.

What that process may do itself is no more than to connect to the socket: it runs as the declared
account, or as one without a name that has the one group which the socket lets in.
"""

from __future__ import annotations

from typing import NamedTuple

from ..model.account import ROOT, Credentials, User
from ..model.acl import WRITE
from ..model.chain import Chain
from ..model.words import Names
from ..policy.types import Endpoint
from ..reach import judge
from .identity import lost_by_proxy


class Account(NamedTuple):
    """As whom a proxy runs: ``user`` is None for an account that exists only while it runs."""

    user: str | None = None
    groups: tuple[int, ...] = ()


class ProxyDemand(NamedTuple):
    """The account of a proxy; ``problems`` stop the run, ``notes`` are told."""

    account: Account = Account()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def demand(
    method: str,
    endpoint: Endpoint,
    chain: Chain,
    run_as: User | None,
    nobody: Credentials,
    names: Names,
) -> ProxyDemand:
    """Return as whom the proxy, or by its ``method`` the gate, of a socket runs.

    ``chain`` leads to the socket as it will be, ``run_as`` is the declared account, and ``nobody``
    somebody whom no entry and no group names.
    """
    path = chain.path
    lost = lost_by_proxy(chain.resolved) or lost_by_proxy(path)
    if lost is not None and not endpoint.lose_identity:
        return ProxyDemand(
            problems=(
                f"A {method} at {endpoint.at} cannot stand in for the socket {path}: {lost}. Use "
                "the method acl or bind_mount, or declare lose_identity: true if that is what you "
                "want.",
            )
        )
    if run_as is not None:
        return _declared(method, endpoint, chain, run_as, names)
    leaf = chain.leaf
    if leaf is None:
        return ProxyDemand(
            notes=(
                f"The socket {path} does not exist yet, so nobody knows which group the {method} at "
                f"{endpoint.at} needs to reach it; run again when its daemon has made it, or "
                "declare run_as.",
            )
        )
    if judge(chain, nobody).allowed:
        return ProxyDemand()
    gid = leaf.access.gid
    member = Credentials(nobody.uid, nobody.gid, frozenset({gid}))
    lets_in = leaf.access.acl.masked(leaf.access.acl.group_obj) & WRITE
    if gid != ROOT and lets_in and judge(chain, member).allowed:
        return ProxyDemand(Account(groups=(gid,)))
    refused = judge(chain, nobody if gid == ROOT else member, names)
    return ProxyDemand(
        problems=(
            f"The {method} at {endpoint.at} has no account that may connect to the socket {path}: "
            f"{refused.text} {_who_may(leaf.access.uid, names)}",
        )
    )


def _declared(
    method: str, endpoint: Endpoint, chain: Chain, run_as: User, names: Names
) -> ProxyDemand:
    if run_as.uid == ROOT:
        return ProxyDemand(
            problems=(
                f"The {method} at {endpoint.at} would run as root, because {run_as.name} has the user "
                "id 0; name another account in run_as.",
            )
        )
    verdict = judge(chain, run_as.credentials, names)
    if verdict.allowed or verdict.rule == "missing":
        return ProxyDemand(Account(user=run_as.name))
    return ProxyDemand(
        problems=(
            f"The {method} at {endpoint.at} runs as user {run_as.name}, who would be refused at the "
            f"socket {chain.path}: {verdict.text} Name an account in run_as that may connect.",
        )
    )


def _who_may(owner: int, names: Names) -> str:
    if owner == ROOT:
        return (
            "Let a group of its own connect to the socket (group and mode in the declaration), or "
            "declare run_as: an account that may connect, which root's own cannot be."
        )
    return (
        "Declare run_as: the name of an account that may, such as the daemon's own, "
        f"{names.user_name(owner)}."
    )
