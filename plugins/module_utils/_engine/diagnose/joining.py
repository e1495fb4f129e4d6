# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Groups that nobody should be told to join for the sake of one socket."""

from __future__ import annotations

import pwd

from ..model.account import ROOT
from ..model.chain import Chain
from ..model.words import Names

# As good as root, or owners of what nobody else should read.
_POWERFUL = frozenset(
    {"root", "wheel", "sudo", "admin", "docker", "podman", "lxd", "incus", "incus-admin"}
    | {"libvirt", "disk", "kmem", "shadow", "adm", "systemd-journal"}
)
# The first id of a person (login.defs(5), UID_MIN).
_PEOPLE = 1000


def not_to_join(chain: Chain, names: Names) -> set[int]:
    """Return the groups on the way that give more than the socket to whoever joins them."""
    gids: set[int] = set()
    for one in chain.components:
        gids.update((one.access.gid, *dict(one.access.acl.groups)))
    return {gid for gid in gids if _gives_more(gid, names)}


def _gives_more(gid: int, names: Names) -> bool:
    name = names.group_name(gid)
    if gid == ROOT or name in _POWERFUL:
        return True
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return False
    # A person's own group: whoever is in it reads the person's files.
    return entry.pw_gid == gid and entry.pw_uid >= _PEOPLE
