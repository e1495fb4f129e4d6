# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Groups that nobody should be told to join for the sake of one socket."""

from __future__ import annotations

import pwd

from ..model.account import ROOT, Credentials
from ..model.chain import Chain
from ..model.words import Names
from .declared import Relation

# As good as root, or owners of what nobody else should read.
_POWERFUL = frozenset(
    {"root", "wheel", "sudo", "admin", "docker", "podman", "lxd", "incus", "incus-admin"}
    | {"libvirt", "disk", "kmem", "shadow", "adm", "systemd-journal"}
)
# The first id of a person (login.defs(5), UID_MIN).
_PEOPLE = 1000


def not_to_join(
    chain: Chain, who: Credentials, names: Names, known: Relation | None = None
) -> set[int]:
    """Return the groups on the way that give more than the socket to whoever joins them.

    An id without a name can join none.  Of a declared socket only what the declaration names is
    safe: a client's own group is the socket's as long as nobody else is in it.
    """
    gids: set[int] = set()
    for one in chain.components:
        gids.update((one.access.gid, *dict(one.access.acl.groups)))
    if names.user_name(who.uid) == str(who.uid):
        return gids
    apart = set() if known is None or known.at_untouched else _unnamed(chain, names, known)
    return apart | {gid for gid in gids if _gives_more(gid, names)}


def _unnamed(chain: Chain, names: Names, known: Relation) -> set[int]:
    policy, leaf = known.declared.policy, chain.leaf
    if leaf is None:
        return set()
    granted = {one.principal.name for one in policy.allow if one.principal.kind == "group"}
    of_the_socket = (leaf.access.gid, *dict(leaf.access.acl.groups))
    return {
        gid
        for gid in of_the_socket
        if not {str(gid), names.group_name(gid)} & {policy.group, *granted}
    }


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
