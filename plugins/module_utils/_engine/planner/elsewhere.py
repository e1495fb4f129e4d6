# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""``auto`` for a grant at another path: bind mount, proxy or gate, with what stands against each.

A method that cannot do it is never chosen.  Of the others the first one is, bind mount, proxy and
gate, that nothing speaks against; and a method that an earlier run chose stays while it can do it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..errors import AccessError
from ..model.acl import WRITE
from ..model.facts import PlaceFacts
from ..model.plan import Choice, Rejected
from ..model.words import capital, listed
from ..policy.endpoint_keys import (
    BIND_MOUNT,
    ENDPOINT_KEYS,
    GATE,
    PROXY,
    WITH_ENDPOINT,
    is_managed,
    keys_of,
    stopped_by,
)
from ..policy.types import Grant, Principal, SocketPolicy

_PROXYD = "systemd-socket-proxyd"
# What a proxy serves at once unless it is told otherwise; socat has a process for each.
_PROCESSES = 512

_ENOUGH = {
    BIND_MOUNT: "A bind mount is enough, and it adds no process between the client and the daemon.",
    PROXY: "A proxy is enough, and it does no more than pass everything on.",
    GATE: "Another method is enough.",
}


def choose_place(declared: SocketPolicy, grants: Sequence[Grant], facts: PlaceFacts) -> Choice:
    """Return by which method the endpoint of these grants, which all have the same, is made.

    Raises AccessError, with every method and what stands against it, where none can do it.
    """
    barred = _barred(declared, grants, facts)
    able = [method for method in WITH_ENDPOINT if method not in barred]
    if not able:
        raise AccessError(_none_can(declared, grants[0], barred, lost=facts.lost is not None))
    against = _against(declared, grants, facts)
    plain = [method for method in able if method not in against]
    fresh = (plain or able)[0]
    reason = _reason(fresh, able, declared, grants, facts)
    method = fresh
    if facts.before in able and facts.before != fresh:
        method = str(facts.before)
        reason = (
            f"An earlier run made this endpoint so, and that still works. Chosen anew it would be a "
            f"{fresh}: {reason}"
        )
    rejected = []
    for other in WITH_ENDPOINT:
        if other != method:
            kept = "What works is not made anew." if other == fresh else _ENOUGH[method]
            why = barred.get(other) or against.get(other) or kept
            rejected.append(Rejected(other, why))
    return Choice(method, reason, tuple(rejected), facts.before)


def line_for(method: str, declared: SocketPolicy, principal: Principal) -> str:
    """Return what to add to a grant so that it goes by a method with another path.

    A bind mount gets a directory of its own, which is made; that of the others must exist.
    """
    who = re.sub(r"[^A-Za-z0-9_.-]", "_", principal.name)[:32]
    name = f"/run/{declared.name[:32]}-{who}"
    end = f"/{declared.path.rpartition('/')[2][:24]}" if method == BIND_MOUNT else ".sock"
    return f"method: {method}, at: {name}{end}"


def _barred(declared: SocketPolicy, grants: Sequence[Grant], facts: PlaceFacts) -> dict[str, str]:
    """Return the methods that cannot do it, and why."""
    endpoint = grants[0].endpoint
    barred = {}
    keys = dict.fromkeys(key for grant in grants for key in keys_of(grant))
    for method, key in stopped_by(keys).items():
        only = [one for one in WITH_ENDPOINT if one in ENDPOINT_KEYS.get(key, (PROXY, GATE))]
        barred[method] = f"{key} is declared, and it means something for {listed(only)} only."
    mount = _mount_barred(declared, facts)
    if mount is not None:
        barred.setdefault(BIND_MOUNT, mount)
    for method in (PROXY, GATE):
        why = None
        if facts.type == "dgram":
            why = "It cannot pass on datagrams, because their senders have no connection."
        elif facts.lost is not None and not (endpoint and endpoint.lose_identity):
            why = f"{capital(facts.lost)}."
        elif not facts.systemd:
            why = "Its units need systemd, which does not run on this host."
        else:
            why = facts.no_account.get(method)
        if why is not None:
            barred.setdefault(method, why)
    engine = None if endpoint is None else endpoint.engine
    if engine == _PROXYD and facts.type == "seqpacket":
        barred.setdefault(PROXY, f"{_PROXYD} passes on streams only.")
    elif engine != _PROXYD and not facts.socat:
        barred.setdefault(PROXY, "The package socat is not installed.")
    return barred


def _mount_barred(declared: SocketPolicy, facts: PlaceFacts) -> str | None:
    if facts.owners:
        return (
            f"{capital(listed(list(facts.owners)))} owns the socket, so no entry of it can let this "
            "client in."
        )
    if not facts.can_mount:
        return "This host lets nobody mount (there is no CAP_SYS_ADMIN, capabilities(7))."
    if not facts.acl_support and not (declared.mode or 0) & WRITE:
        return (
            "The file system of the socket keeps no POSIX ACLs, so no entry of its own inode can "
            "let this client in."
        )
    return None


def _against(declared: SocketPolicy, grants: Sequence[Grant], facts: PlaceFacts) -> dict[str, str]:
    """Return the methods that could do it, but are not the right ones here."""
    against = {}
    ends = {grant.endpoint.at for grant in declared.allow if grant.endpoint is not None}
    if facts.lost is None and not is_managed(declared):
        against[BIND_MOUNT] = (
            "Its clients get entries on the socket's own inode, and nothing is declared there: a "
            "bind mount would close the socket to whoever else connects to it now."
        )
    elif facts.lost is None and len(ends) > 1:
        against[BIND_MOUNT] = (
            f"The socket has {len(ends)} endpoints, and bind mounts of one socket share its inode, "
            "and so the rights that their clients have."
        )
    connections = max(
        (grant.endpoint.max_connections or 0 for grant in grants if grant.endpoint), default=0
    )
    if connections > _PROCESSES:
        against[PROXY] = (
            f"{connections} connections at once would be as many processes of socat; a gate serves "
            "them in one."
        )
    return against


def _reason(
    method: str,
    able: Sequence[str],
    declared: SocketPolicy,
    grants: Sequence[Grant],
    facts: PlaceFacts,
) -> str:
    keys = dict.fromkeys(key for grant in grants for key in keys_of(grant))
    stopped = stopped_by(keys)
    if len(stopped) == len(WITH_ENDPOINT) - 1:
        return f"{listed(list(dict.fromkeys(stopped.values())))} can only mean a {method}."
    if method == BIND_MOUNT:
        if facts.lost is not None:
            return f"{capital(facts.lost)}; behind a bind mount it is the client's own socket."
        if not is_managed(declared):
            return "No other method can do it here."
        return (
            "The access of the socket is declared anyway, and behind a bind mount the daemon talks "
            "to its client directly."
        )
    if method == PROXY:
        if not is_managed(declared):
            return "It leaves the socket and whoever else connects to it as they are."
        return "It gives the endpoint rights of its own, whatever those of the socket are."
    if PROXY in able:
        return "It serves any number of connections in one process."
    return "It needs no program besides the engine of this collection."


def _none_can(
    declared: SocketPolicy, grant: Grant, barred: Mapping[str, str], *, lost: bool
) -> str:
    at = "" if grant.endpoint is None else grant.endpoint.at
    said = " ".join(f"{method}: {barred[method]}" for method in WITH_ENDPOINT)
    ways = "remove what stands against one of them"
    if lost and not (grant.endpoint and grant.endpoint.lose_identity):
        ways += ", declare lose_identity: true if the daemon can do without"
    return (
        f"No method can let the {grant.principal} connect to the socket {declared.path} at {at}. "
        f"{said} {capital(ways)}, or let the client connect to the socket itself (without at)."
    )
