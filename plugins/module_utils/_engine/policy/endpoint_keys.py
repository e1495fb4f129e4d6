# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Which keys of a grant belong to an endpoint, and which methods have a use for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .types import Grant

# From the least that stands between a client and its daemon to the most.
WITH_ENDPOINT = ("bind_mount", "proxy", "gate")

# Keys of a grant by another name than in the type, and the methods that have a use for each.
ENDPOINT_FIELDS = {"at_owner": "owner", "at_group": "group", "at_mode": "mode"}
ENDPOINT_KEYS: Mapping[str, tuple[str, ...]] = {
    "at": ("proxy", "bind_mount", "gate"),
    "engine": ("proxy",),
    "at_owner": ("proxy", "gate"),
    "at_group": ("proxy", "gate"),
    "at_mode": ("proxy", "gate"),
    "run_as": ("proxy", "gate"),
    "lose_identity": ("proxy", "gate"),
    "max_connections": ("proxy", "gate"),
    "max_connections_per_user": ("gate",),
    "max_message": ("gate",),
    "mount_as": ("bind_mount",),
    "trust_mounter": ("bind_mount",),
    "directory_owner": ("bind_mount",),
    "directory_group": ("bind_mount",),
    "directory_mode": ("bind_mount",),
    "client_unit": ("proxy", "bind_mount", "gate"),
    "client_environment": ("proxy", "bind_mount", "gate"),
}
# Of what else a grant may say, that has a use for some of them only.
_BESIDE: Mapping[str, tuple[str, ...]] = {"open_parents": ("proxy", "gate")}


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
