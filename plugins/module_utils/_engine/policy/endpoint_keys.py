# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Which keys of a grant belong to an endpoint, and which methods have a use for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .types import Grant, SocketPolicy

# From the least that stands between a client and its daemon to the most.
BIND_MOUNT, PROXY, GATE = WITH_ENDPOINT = ("bind_mount", "proxy", "gate")

# Keys of a grant by another name than in the type, and the methods that have a use for each.
ENDPOINT_FIELDS = {"at_owner": "owner", "at_group": "group", "at_mode": "mode"}
ENDPOINT_KEYS: Mapping[str, tuple[str, ...]] = {
    "at": (PROXY, BIND_MOUNT, GATE),
    "engine": (PROXY,),
    "at_owner": (PROXY, GATE),
    "at_group": (PROXY, GATE),
    "at_mode": (PROXY, GATE),
    "run_as": (PROXY, GATE),
    "lose_identity": (PROXY, GATE),
    "max_connections": (PROXY, GATE),
    "max_connections_per_user": (GATE,),
    "max_message": (GATE,),
    "mount_as": (BIND_MOUNT,),
    "trust_mounter": (BIND_MOUNT,),
    "directory_owner": (BIND_MOUNT,),
    "directory_group": (BIND_MOUNT,),
    "directory_mode": (BIND_MOUNT,),
    "client_unit": (PROXY, BIND_MOUNT, GATE),
    "client_environment": (PROXY, BIND_MOUNT, GATE),
}
# Of what else a grant may say, that has a use for some of them only.
_BESIDE: Mapping[str, tuple[str, ...]] = {"open_parents": (PROXY, GATE)}


def stopped_by(keys: Iterable[str]) -> dict[str, str]:
    """Return the methods that have no use for one of these keys, and the first such key of each."""
    stopped: dict[str, str] = {}
    for key in keys:
        useful = ENDPOINT_KEYS.get(key) or _BESIDE.get(key)
        for method in WITH_ENDPOINT if useful else ():
            if method not in (useful or ()):
                stopped.setdefault(method, key)
    return stopped


def keys_of(grant: Grant) -> list[str]:
    """Return the keys that a grant with an endpoint declares of it, in the order of the table."""
    if grant.endpoint is None:
        return []
    found = [
        key
        for key in ENDPOINT_KEYS
        if getattr(grant.endpoint, ENDPOINT_FIELDS.get(key, key)) not in (None, False, ())
    ]
    return [*found, "open_parents"] if grant.open_parents else found


def is_managed(declared: SocketPolicy) -> bool:
    """Tell whether anything is declared at the socket itself, so that its access is set anyway."""
    said = (declared.owner, declared.group, declared.mode)
    return any(value is not None for value in said) or any(
        grant.endpoint is None or grant.method == BIND_MOUNT for grant in declared.allow
    )
