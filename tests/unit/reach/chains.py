# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chains written down shortly, for the tests of reach."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import Access
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import (
    Acl,
    entries_of,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.chain import (
    DIRECTORY,
    SOCKET,
    SYMLINK,
    Chain,
    Component,
)

ROOT, APP, ALICE, BOB = 0, 10, 20, 30
PEOPLE = {ROOT: "root", APP: "app", ALICE: "alice", BOB: "bob"}


class People:
    """Names as a host would have them: users and groups of the same name and number."""

    def user_name(self, uid: int) -> str:
        return PEOPLE.get(uid, str(uid))

    def group_name(self, gid: int) -> str:
        return PEOPLE.get(gid, str(gid))


def acl(
    mode: int,
    users: Mapping[int, int] | None = None,
    groups: Mapping[int, int] | None = None,
    mask: int | None = None,
) -> Acl:
    """Return an ACL; the group digit of ``mode`` is the entry of the owning group."""
    plain = Acl.from_mode(mode)
    return Acl(
        plain.user_obj,
        plain.group_obj,
        plain.other,
        entries_of(users or {}),
        entries_of(groups or {}),
        mask,
    )


def inode(
    path: str,
    mode: int | Acl,
    owner: int = ROOT,
    group: int | None = None,
    *,
    kind: str = DIRECTORY,
    links: int = 1,
    acl_support: bool = True,
) -> Component:
    """Return a component; ``mode`` may hold the special bits."""
    held = mode if isinstance(mode, Acl) else Acl.from_mode(mode)
    special = 0 if isinstance(mode, Acl) else mode & 0o7000
    access = Access(owner, owner if group is None else group, held)
    return Component(path, kind, access, special, links=links, acl_support=acl_support)


def socket_at(path: str, mode: int | Acl, owner: int = ROOT, group: int | None = None) -> Component:
    return inode(path, mode, owner, group, kind=SOCKET)


def link(path: str, target: str, owner: int = ROOT) -> Component:
    return Component(path, SYMLINK, Access(owner, owner, Acl.from_mode(0o777)), target=target)


def chain(path: str, *components: Component, protected: bool = True) -> Chain:
    """Return the chain of a path; the root directory comes by itself, open to search."""
    return Chain(path, (inode("/", 0o755), *components), protected_symlinks=protected)
