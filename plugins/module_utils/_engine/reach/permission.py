# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What the kernel decides about one inode for one process.

Sources: Linux ``fs/namei.c`` (``acl_permission_check``, ``generic_permission``) and
``fs/posix_acl.c`` (``posix_acl_permission``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..model.access import Access
from ..model.account import ROOT, Credentials
from ..model.acl import Acl

OWNER, NAMED_USER, GROUP, NAMED_GROUP = "owner", "named-user", "group", "named-group"
MASK, OTHERS, ACL_OFF, ROOT_RULE = "mask", "other", "acl-off", "root"
CAPABILITY = "capability"


class Entry(NamedTuple):
    """One entry of an ACL: its class, the id it is for, and its permissions before the mask."""

    kind: str
    number: int
    permissions: int


class Ruling(NamedTuple):
    """The kernel's decision and the rule it came from.

    ``entry`` decided it; ``ignored`` is the named entry that did not count because the ACL is off.
    """

    allowed: bool
    rule: str
    entry: Entry
    ignored: Entry | None = None


def decide(access: Access, who: Credentials, want: int) -> Ruling:
    """Tell whether ``who`` has the permissions ``want`` (bits 1, 2, 4) on an inode, and why.

    User id 0 is taken to hold CAP_DAC_OVERRIDE (capabilities(7)), unless ``who`` says otherwise.
    """
    acl = access.acl
    if who.overrides(want):
        rule = ROOT_RULE if who.uid == ROOT else CAPABILITY
        return Ruling(True, rule, Entry(rule, who.uid, 7))
    if who.uid == access.uid:
        return _granted_by(Entry(OWNER, who.uid, acl.user_obj), want)
    if acl.mask == 0:
        return _without_acl(access, who, want)
    entry = named_user(acl, who)
    if entry is None:
        entry = _best_group(matching_groups(access, who), want)
    if entry is None:
        return _granted_by(Entry(OTHERS, who.uid, acl.other), want)
    if _holds(entry.permissions, want) and not _holds(acl.masked(entry.permissions), want):
        return Ruling(False, MASK, entry)
    return _granted_by(entry, want)


def named_user(acl: Acl, who: Credentials) -> Entry | None:
    """Return the entry that names this user."""
    for uid, permissions in acl.users:
        if uid == who.uid:
            return Entry(NAMED_USER, uid, permissions)
    return None


def matching_groups(access: Access, who: Credentials) -> Iterator[Entry]:
    """Yield the entries of the group class that are for a group of this process."""
    if who.in_group(access.gid):
        yield Entry(GROUP, access.gid, access.acl.group_obj)
    for gid, permissions in access.acl.groups:
        if who.in_group(gid):
            yield Entry(NAMED_GROUP, gid, permissions)


def _without_acl(access: Access, who: Credentials, want: int) -> Ruling:
    """Decide as the kernel does when the group bits, which are the mask, are all off.

    It consults an ACL only ``if (IS_POSIXACL(inode) && (mode & S_IRWXG))``; what is left are the
    permission bits, and so a named entry that refuses does not refuse.
    """
    acl = access.acl
    own = next((one for one in matching_groups(access, who) if one.kind == GROUP), None)
    ignored = named_user(acl, who)
    if ignored is None and own is None:
        ignored = _best_group(matching_groups(access, who), want)
    if own is not None:
        # The bits that stat(2) shows for the group are the mask's, and those are off.
        rule = MASK if _holds(own.permissions, want) else GROUP
        return Ruling(False, ACL_OFF if ignored else rule, own, ignored)
    others = Entry(OTHERS, who.uid, acl.other)
    return Ruling(_holds(acl.other, want), ACL_OFF if ignored else OTHERS, others, ignored)


def _best_group(entries: Iterator[Entry], want: int) -> Entry | None:
    """Return the first entry that grants, else the first that matches: any group is enough."""
    first = None
    for entry in entries:
        if _holds(entry.permissions, want):
            return entry
        first = first or entry
    return first


def _granted_by(entry: Entry, want: int) -> Ruling:
    return Ruling(_holds(entry.permissions, want), entry.kind, entry)


def _holds(permissions: int, want: int) -> bool:
    return permissions & want == want
