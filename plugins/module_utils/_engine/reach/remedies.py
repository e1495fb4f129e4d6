# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The smallest change that would let a process through where the kernel refuses it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..model.access import CONNECT, Access
from ..model.account import ROOT, Credentials
from ..model.acl import EXECUTE, Acl
from ..model.chain import Chain, Component
from ..model.closed import closed_by
from ..model.words import Names, permissions_in_words
from .names import group_called, user_called
from .permission import OWNER, Ruling, named_user
from .words import called

OWNER_MODE, USER_ENTRY, GROUP_MODE = "owner-mode", "user-entry", "group-mode"
GROUP_ENTRY = "group-entry"
PRIVATE, START, OTHER_PATH = "private-directory", "start", "other-path"

# What belongs to one person alone: search on it opens everything else in it that is left open.
_PRIVATE = re.compile(r"/run/user/[0-9]+|/home/[^/]+|/root")


class Remedy(NamedTuple):
    """One change, in words and as a value.

    ``kind`` is owner-mode, user-entry, group-entry, group-mode, private-directory, start or
    other-path.
    ``access`` is the access that the inode at ``path`` would have, or None where no change of it is
    advised.  ``group`` is a group id: for user-entry, membership of it would do instead; for
    group-mode, membership of it is needed as well, unless the process has it.  ``command`` makes
    the change of ``access`` at a shell, word by word.
    """

    path: str
    kind: str
    text: str
    access: Access | None = None
    group: int | None = None
    command: tuple[str, ...] | None = None


def remedy_for_permission(
    component: Component,
    ruling: Ruling,
    connect: bool,
    who: Credentials,
    names: Names,
    joining_helps: Callable[[int], bool],
    as_group: bool = False,
) -> Remedy:
    """Return what would give ``who`` the permission that was refused on this inode.

    ``joining_helps`` tells whether membership in a group would do, without closing anything else
    on the way: a member is not one of the others any more.  ``as_group``: it is for whoever is in
    the group ``who.gid``, and for no user by name.
    """
    want = CONNECT if connect else EXECUTE
    access, path = component.access, component.path
    user = user_called(who.uid, names)
    if ruling.rule == OWNER:
        acl = access.acl._replace(user_obj=access.acl.user_obj | want)
        command = ("chmod", f"u+{_letters(want)}", path)
        text = f"Give the owner the permission: {in_shell(command)}."
        return Remedy(path, OWNER_MODE, text, access._replace(acl=acl), None, command)
    if not connect and _PRIVATE.fullmatch(path):
        return Remedy(
            path,
            PRIVATE,
            f"Keep {path} closed, for search on it would let {user} reach everything in it that "
            "is open to others; offer the socket at a path outside of it.",
        )
    closed = None if connect else closed_by(path)
    if closed is not None:
        return Remedy(path, PRIVATE, f"{closed} Offer the socket at a path outside of it.")
    if not component.acl_support:
        return _by_group(component, want, who, names)
    if as_group:
        return _by_group_entry(component, want, who, names)
    return _by_entry(component, want, who, names, joining_helps)


def remedy_in_words(rule: str, component: Component, path: str, chain: Chain) -> Remedy:
    """Return what would help where no permission is the reason."""
    if rule == "missing":
        return Remedy(path, START, f"Start what creates {path}, or correct the path.")
    if rule == "protected-symlink":
        text = f"Name the path that {called(component)} leads to instead of the link."
        return Remedy(path, OTHER_PATH, text)
    text = f"Name the path of a socket instead of {chain.path}."
    return Remedy(path, OTHER_PATH, text)


def _by_entry(
    component: Component,
    want: int,
    who: Credentials,
    names: Names,
    joining_helps: Callable[[int], bool],
) -> Remedy:
    access, path = component.access, component.path
    entry = named_user(access.acl, who)
    permissions = want | (entry.permissions if entry else 0)
    acl = access.acl.modified({who.uid: permissions}, {})
    spec = f"u:{names.user_name(who.uid)}:{_letters(permissions)}"
    command = ("setfacl", "-m", spec, path)
    text = f"Give {user_called(who.uid, names)} an entry: {in_shell(command)}."
    text += _side_effects(access, acl, who, names)
    # Root's own group is nothing to join.
    candidates = [gid for gid in (access.gid, *dict(access.acl.groups)) if gid != ROOT]
    group = next((gid for gid in candidates if joining_helps(gid)), None)
    if group is not None:
        may = "connect" if want == CONNECT else "search it"
        text += (
            f" Membership in {group_called(group, names)}, which may {may} already, would do "
            "instead, for processes that are started after it."
        )
    return Remedy(path, USER_ENTRY, text, access._replace(acl=acl), group, command)


def _by_group_entry(component: Component, want: int, who: Credentials, names: Names) -> Remedy:
    access, path = component.access, component.path
    held = access.acl.group_obj if who.gid == access.gid else 0
    permissions = want | dict(access.acl.groups).get(who.gid, held)
    acl = access.acl.modified({}, {who.gid: permissions})
    command = ("setfacl", "-m", f"g:{names.group_name(who.gid)}:{_letters(permissions)}", path)
    text = f"Give {group_called(who.gid, names)} an entry: {in_shell(command)}."
    text += _side_effects(access, acl, who, names)
    return Remedy(path, GROUP_ENTRY, text, access._replace(acl=acl), None, command)


def _by_group(component: Component, want: int, who: Credentials, names: Names) -> Remedy:
    access, path = component.access, component.path
    acl = access.acl._replace(group_obj=access.acl.group_obj | want)
    command = ("chmod", f"g+{_letters(want)}", path)
    text = f"The file system keeps no ACLs, so give the group the permission: {in_shell(command)}."
    if not who.in_group(access.gid):
        text += (
            f" {user_called(who.uid, names)} has to be a member of "
            f"{group_called(access.gid, names)}, too."
        )
    return Remedy(path, GROUP_MODE, text, access._replace(acl=acl), access.gid, command)


def _side_effects(access: Access, after: Acl, who: Credentials, names: Names) -> str:
    """Name everybody else whom the wider mask gives something, as ``setfacl -m`` does."""
    before = access.acl
    if before.mask == 0:
        return " This switches the whole ACL on, which its empty mask had switched off."
    gainers = [
        group_called(gid, names)
        for gid, held in ((access.gid, before.group_obj), *before.groups)
        if after.masked(held) != before.masked(held)
    ]
    gainers += [
        user_called(uid, names)
        for uid, held in before.users
        if uid != who.uid and after.masked(held) != before.masked(held)
    ]
    if not gainers:
        return ""
    return f" The wider mask also gives effect to what {', '.join(gainers)} may by entry."


def _letters(permissions: int) -> str:
    return permissions_in_words(permissions).replace("-", "")


def in_shell(command: Sequence[str]) -> str:
    """Return a command as it is written at a shell."""
    from shlex import quote

    return " ".join(map(quote, command))
