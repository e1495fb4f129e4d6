# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""A census as data: the format that modules return and reports are made of.

A change that a reader of the format could stumble over gets another number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..model.acl import Acl
from ..model.chain import Component
from ..model.words import Names, permissions_in_words
from .catalogue import BY_DESIGN, POWERFUL, Known, known
from .values import Census, Finding, Managed, Process, Reach, Seen

FORMAT = 1


def described(census: Census, names: Names) -> dict[str, Any]:
    """Return all of a census."""
    return {
        "format": FORMAT,
        "sockets": [_socket(one, names) for one in census.sockets],
        "findings": [_finding(one) for one in census.findings],
        "unseen": list(census.unseen),
    }


def _socket(seen: Seen, names: Names) -> dict[str, Any]:
    leaf = None if seen.chain is None else seen.chain.leaf
    creator = seen.creator
    return {
        "socket": seen.name,
        "path": seen.place.path,
        "bound": seen.bound,
        "note": seen.place.note,
        "abstract": seen.abstract,
        "listening": seen.listener is not None,
        "type": None if seen.listener is None else seen.listener.type,
        "device": None if leaf is None else leaf.device,
        "inode": None if leaf is None else leaf.inode,
        **_access(leaf, names),
        "closed_by": [
            {"path": one.path, **_access(one, names)}
            for one in (() if seen.reach is None else seen.reach.closed_by)
        ],
        "mounted_at": list(seen.mounted_at),
        "unit": None if creator is None else creator.unit,
        "unit_user": None if creator is None else creator.user,
        "processes": [_process(one) for one in seen.processes],
        "connections": seen.connections,
        "connected": [{**_process(one), "connections": one.connections} for one in seen.connected],
        "reach": _reach(seen.reach),
        "root": seen.root,
        "powerful": _known(seen.name, POWERFUL),
        "by_design": _known(seen.name, BY_DESIGN) if seen.reach and seen.reach.everyone else None,
        "managed_by": [_managed(one) for one in seen.managed],
    }


def _access(one: Component | None, names: Names) -> dict[str, Any]:
    if one is None:
        return {"owner": None, "group": None, "mode": None, "acl": None}
    access = one.access
    return {
        "owner": names.user_name(access.uid),
        "group": names.group_name(access.gid),
        "mode": f"{one.special | access.acl.mode:04o}",
        "acl": None if access.acl.minimal else entries(access.acl, names),
    }


def entries(acl: Acl, names: Names) -> list[str]:
    """Return the entries of an access control list as getfacl(1) shows them."""
    rows: Sequence[tuple[str, str, int]] = [
        ("user", "", acl.user_obj),
        *(("user", names.user_name(uid), held) for uid, held in acl.users),
        ("group", "", acl.group_obj),
        *(("group", names.group_name(gid), held) for gid, held in acl.groups),
        ("mask", "", acl.mask or 0),
        ("other", "", acl.other),
    ]
    return [f"{kind}:{name}:{permissions_in_words(held)}" for kind, name, held in rows]


def _process(one: Process) -> dict[str, Any]:
    return {
        "pid": one.pid,
        "name": one.name,
        "exe": one.exe,
        "user": one.user,
        "unit": one.unit,
        "unit_user": one.unit_user,
    }


def _reach(reach: Reach | None) -> dict[str, Any] | None:
    if reach is None:
        return None
    return {
        "everyone": reach.everyone,
        "users": list(reach.users),
        "groups": list(reach.groups),
        "refused_users": list(reach.refused_users),
        "refused_groups": list(reach.refused_groups),
        "reason": reach.reason,
    }


def _known(name: str, catalogue: tuple[Known, ...]) -> dict[str, str] | None:
    found = known(name, catalogue)
    return None if found is None else {"what": found.what, "why": found.why}


def _managed(one: Managed) -> dict[str, Any]:
    return {"name": one.name, "holder": one.holder, "state": one.state}


def _finding(one: Finding) -> dict[str, str]:
    return {
        "id": one.code,
        "severity": one.severity,
        "socket": one.socket,
        "message": one.message,
        "remedy": one.remedy,
    }
