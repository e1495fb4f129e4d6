# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The access of an inode as one value, what is wanted of it, and how wants are merged.

Owner, group, mode and ACL decide together who may connect, and a change of one rewrites another
(chmod(2) rewrites the mask, acl(5)).  So there is one value for all of them, and one place where
the wishes of several grants become one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from ..errors import AccessError
from .account import ROOT
from .acl import READ, WRITE, Acl, Entries, entries_of
from .words import Names, Numbers

CONNECT = READ | WRITE


class Access(NamedTuple):
    """Owner and group as numeric ids, and the ACL, which contains the permission bits."""

    uid: int
    gid: int
    acl: Acl


class AccessRequest(NamedTuple):
    """What one holder (a declared socket, a module's task) wants of one inode.

    None, or an id that is not named, means: no wish.  ``exclusive`` asks that named entries which
    nobody wants go, and that the owning group gets nothing unless a request says so.  ``trusted``
    are directories on the way whose other writers the holder accepts.
    """

    uid: int | None = None
    gid: int | None = None
    user_obj: int | None = None
    group_obj: int | None = None
    other: int | None = None
    users: Mapping[int, int] = MappingProxyType({})
    groups: Mapping[int, int] = MappingProxyType({})
    exclusive: bool = False
    trusted: tuple[str, ...] = ()


_NUMBERS = Numbers()
_SCALARS = ("uid", "gid", "user_obj", "group_obj", "other")
_IN_WORDS = {
    "uid": "owner",
    "gid": "group",
    "user_obj": "mode of the owner",
    "group_obj": "mode of the group",
    "other": "mode of all others",
}


def merge(requests: Mapping[str, AccessRequest], names: Names = _NUMBERS) -> AccessRequest:
    """Return what all holders want together.

    Two named entries for the same id add up where both give something; an entry that refuses and
    one that gives contradict each other.  Raises AccessError that names both holders.
    """
    scalars: dict[str, tuple[int, str]] = {}
    users: dict[int, tuple[int, str]] = {}
    groups: dict[int, tuple[int, str]] = {}
    for holder, request in sorted(requests.items()):
        for name in _SCALARS:
            value = getattr(request, name)
            if value is None:
                continue
            first, by = scalars.setdefault(name, (value, holder))
            if first != value:
                called = {"uid": names.user_name, "gid": names.group_name}.get(name, oct)
                raise AccessError(
                    f"{by} and {holder} want a different {_IN_WORDS[name]} of the same inode "
                    f"({called(first)} and {called(value)}); declare it in one of them only."
                )
        for kind, mine, total in (
            ("user", request.users, users),
            ("group", request.groups, groups),
        ):
            for number, permissions in mine.items():
                first, by = total.get(number, (permissions, holder))
                if bool(first) != bool(permissions):
                    raise AccessError(
                        f"{by} and {holder} contradict each other: one lets {kind} {number} in, "
                        f"the other refuses that {kind}; remove one of the two."
                    )
                total[number] = (first | permissions, by)
    return AccessRequest(
        **{name: value for name, (value, dummy) in scalars.items()},
        users={number: permissions for number, (permissions, dummy) in users.items()},
        groups={number: permissions for number, (permissions, dummy) in groups.items()},
        exclusive=any(request.exclusive for request in requests.values()),
        trusted=tuple(sorted({one for request in requests.values() for one in request.trusted})),
    )


def wanted_socket(base: Access, request: AccessRequest) -> Access:
    """Return the access that a socket shall have, from what it would be without anyone's wish.

    A managed socket is closed: the class "other" gets nothing unless the request says so.
    """
    group_obj = 0 if request.exclusive else base.acl.group_obj
    classes = Acl(
        base.acl.user_obj | CONNECT if request.user_obj is None else request.user_obj,
        group_obj if request.group_obj is None else request.group_obj,
        0 if request.other is None else request.other,
    )
    kept = Acl(0, 0, 0) if request.exclusive else base.acl
    return Access(
        base.uid if request.uid is None else request.uid,
        base.gid if request.gid is None else request.gid,
        _with_entries(classes, kept, request),
    )


def wanted_directory(base: Access, request: AccessRequest) -> Access:
    """Return the access that a directory on the way shall have: as it is, plus the entries.

    The mask must let the new entries through.  What it cut off for others stays cut off: their
    entries lose what they did not have in effect, so that nobody undeclared gains anything.  An
    entry decides alone (acl(5)), so it takes nothing away that everybody has, and there is none
    where everybody has all of it.
    """
    acl = base.acl
    users = _lacking(acl, acl.users, request.users)
    groups = _lacking(acl, acl.groups, request.groups)
    if not users and not groups:
        return base
    request = request._replace(users=users, groups=groups)
    classes = Acl(acl.user_obj, acl.masked(acl.group_obj), acl.other)
    kept = acl._replace(
        users=tuple((number, acl.masked(permissions)) for number, permissions in acl.users),
        groups=tuple((number, acl.masked(permissions)) for number, permissions in acl.groups),
    )
    return base._replace(acl=_with_entries(classes, kept, request))


def _lacking(acl: Acl, held: Entries, wanted: Mapping[int, int]) -> dict[int, int]:
    """Return the entries that must be set so that those who are wanted have what is wanted."""
    everybody = acl.other & acl.masked(acl.group_obj)
    for dummy, permissions in acl.groups:
        everybody &= acl.masked(permissions)
    had = {number: acl.masked(permissions) for number, permissions in held}
    return {
        number: permissions | had.get(number, everybody) if permissions else permissions
        for number, permissions in wanted.items()
        if permissions & ~had.get(number, everybody) or not permissions
    }


def may_narrow(before: Access, after: Access, want: int) -> bool:
    """Tell whether somebody may lose the permission ``want``; False only where nobody does."""
    then, now = _holding(before, want), _holding(after, want)
    lost = any(held and not now.get(who) for who, held in then.items())
    # An entry that is new decides alone, so it takes from its own what they had as others.
    return lost or not all(now[who] for who in now.keys() - then.keys())


def _holding(access: Access, want: int) -> dict[tuple[str, int], bool]:
    """Return for each entry, with the id that it is for, whether it gives a permission.

    Root's own do not count, for root needs none; and none by name where the mask is all off, which
    is when Linux reads no ACL (acl_permission_check in fs/namei.c).
    """
    acl = access.acl
    named = acl if acl.mask != 0 else acl._replace(users=(), groups=())
    held = {
        ("user", access.uid): acl.user_obj,
        ("group", access.gid): acl.masked(acl.group_obj),
        ("other", 0): acl.other,
    }
    for uid, permissions in named.users:
        held.setdefault(("user", uid), acl.masked(permissions))
    for gid, permissions in named.groups:
        held[("group", gid)] = held.get(("group", gid), 0) | acl.masked(permissions)
    held.pop(("user", ROOT), None)
    return {who: permissions & want == want for who, permissions in held.items()}


def without_us(current: Access, before: Access, applied: Access) -> Access:
    """Return what an inode would be if it had never been touched: a three-way comparison.

    Each part that still has the value that was applied goes back to what it was before; a part
    that somebody else changed since is left as it is now.
    """
    now, then, ours = current.acl, before.acl, applied.acl
    users = _entries_without_us(now.users, then.users, ours.users)
    groups = _entries_without_us(now.groups, then.groups, ours.groups)
    mask = _part(now.mask, then.mask, ours.mask)
    group_obj = _part(now.group_obj, then.group_obj, ours.group_obj)
    if mask is not None and then.mask is None and not users and not groups:
        # What chmod(2) wrote into our mask, it would have written into the group's own entry.
        group_obj, mask = mask, None
    acl = Acl(
        _part(now.user_obj, then.user_obj, ours.user_obj),
        group_obj,
        _part(now.other, then.other, ours.other),
        users,
        groups,
        mask,
    )
    if mask is None and (users or groups):
        acl = acl.with_recalculated_mask()
    return Access(
        _part(current.uid, before.uid, applied.uid),
        _part(current.gid, before.gid, applied.gid),
        acl,
    )


def healed_socket(current: Access, before: Access, applied: Access) -> Access:
    """Return what a socket is put back to when the write of ``applied`` went wrong.

    Whom it was given to meanwhile keeps it; who may connect is as before, whatever others opened.
    """
    return without_us(current, before, applied)._replace(acl=before.acl)


def healed_directory(current: Access, before: Access, applied: Access) -> Access:
    """Return what a directory is put back to when the write of ``applied`` may be half done.

    A write that gives the inode away closes it first, so an ACL without any entry is its own.
    """
    closed = Acl(before.acl.user_obj & applied.acl.user_obj, 0, 0)
    if current.acl == closed:
        current = current._replace(acl=applied.acl)
    return without_us(current, before, applied)


_T = TypeVar("_T")


def _part(current: _T, before: _T, applied: _T) -> _T:
    return before if current == applied else current


def _entries_without_us(current: Entries, before: Entries, applied: Entries) -> Entries:
    now, then, ours = dict(current), dict(before), dict(applied)
    left = {
        number: _part(now.get(number), then.get(number), ours.get(number))
        for number in {*now, *then, *ours}
    }
    return entries_of({number: value for number, value in left.items() if value is not None})


def _with_entries(classes: Acl, kept: Acl, request: AccessRequest) -> Acl:
    """Add the kept and the wanted named entries, and the mask that lets them through."""
    acl = classes._replace(
        users=entries_of({**dict(kept.users), **request.users}),
        groups=entries_of({**dict(kept.groups), **request.groups}),
        mask=kept.mask,
    ).with_recalculated_mask()
    if acl.mask == 0 and (acl.users or acl.groups):
        # With group bits of 0 Linux skips the whole ACL (acl_permission_check in fs/namei.c), and
        # whoever is refused by name would pass as one of the others.
        return acl._replace(mask=CONNECT)
    return acl
