# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The kernel's rules in whole sentences that name the inode, the process and the reason."""

from __future__ import annotations

from ..model.account import Credentials
from ..model.acl import Acl
from ..model.chain import OTHER, Component
from ..model.words import Names, permissions_in_words
from .names import group_called, user_called
from .permission import (
    ACL_OFF,
    CAPABILITY,
    GROUP,
    MASK,
    NAMED_GROUP,
    NAMED_USER,
    OWNER,
    ROOT_RULE,
    Entry,
    Ruling,
)


def called(component: Component) -> str:
    """Return what an inode is, and its path."""
    if component.kind == OTHER:
        return f"the file {component.path}"
    return f"the {component.kind} {component.path}"


def state(component: Component, names: Names) -> str:
    """Return owner, group, mode and ACL of an inode in one line."""
    access = component.access
    acl = access.acl
    text = (
        f"owner {names.user_name(access.uid)}, group {names.group_name(access.gid)}, "
        f"mode {component.special | acl.mode:04o}"
    )
    if acl.minimal:
        return text
    return f"{text}, ACL {_entries(acl, names)}"


def of_ruling(
    component: Component, ruling: Ruling, connect: bool, who: Credentials, names: Names
) -> str:
    """Return the rule that decided about permissions on an inode, as one sentence."""
    user, place, entry = user_called(who.uid, names), called(component), ruling.entry
    act = f"connect to {place}" if connect else f"search {place}"
    if ruling.rule == ROOT_RULE:
        return f"{user} may {act}, because root passes every permission check."
    if ruling.rule == CAPABILITY:
        return f"{user} may {act}, because the process has a capability that passes the check."
    verb = f"may {act}" if ruling.allowed else f"may not {act}"
    return f"{user} {verb}, because {_reason(component, ruling, entry, connect, user, names)}."


def of_failure(
    rule: str, component: Component, path: str, whole: str, who: Credentials, names: Names
) -> str:
    """Return why a walk ends before permissions on its leaf are asked, as one sentence."""
    user = user_called(who.uid, names)
    start = f"{user} cannot connect to {whole}, because"
    if rule == "missing":
        return f"{start} {path} does not exist."
    if rule == "not-a-directory":
        return f"{start} {called(component)} is on the way and is not a directory."
    if rule == "too-many-links":
        return f"{start} it leads through more than 40 symbolic links."
    if rule == "not-a-socket":
        return f"{start} {called(component)} is not a socket."
    return (
        f"{start} the kernel does not follow {called(component)}: in a sticky directory that "
        f"everyone may write to, it follows a link only for the link's owner "
        f"({names.user_name(component.access.uid)}) or where the directory has the same owner "
        "(fs.protected_symlinks)."
    )


def _reason(
    component: Component, ruling: Ruling, entry: Entry, connect: bool, user: str, names: Names
) -> str:
    acl = component.access.acl
    lacks = f"lacks {'w (write), which connecting needs' if connect else 'x (search)'}"
    has = "has w (write), which is all that connecting needs" if connect else "has x (search)"
    says = f"({permissions_in_words(entry.permissions)}) {has if ruling.allowed else lacks}"
    group = group_called(entry.number, names)
    if ruling.rule == ACL_OFF and ruling.ignored is not None:
        return _off(ruling, entry, ruling.ignored, user, names)
    if ruling.rule == MASK:
        whose = f"the entry for {group if entry.kind != NAMED_USER else user}"
        need = "w (write)" if connect else "x (search)"
        return (
            f"{whose} ({permissions_in_words(entry.permissions)}) has {need}, but the mask "
            f"({permissions_in_words(acl.mask or 0)}) takes it away"
        )
    if ruling.rule == OWNER:
        tail = "" if ruling.allowed else ", and for the owner no other entry counts"
        return f"{user} is the owner, and the owner's permission {says}{tail}"
    if ruling.rule == NAMED_USER:
        tail = "" if ruling.allowed else ", and for a named user no group counts"
        return f"the entry for {user} {says}{tail}"
    if ruling.rule in (GROUP, NAMED_GROUP):
        tail = (
            ""
            if ruling.allowed
            else ", no other group of the process grants it, and what others may does not count "
            "for a member"
        )
        return f"the process is in {group}, whose permission {says}{tail}"
    return f"no entry matches {user} or a group of the process, and the permission of others {says}"


def _off(ruling: Ruling, entry: Entry, ignored: Entry, user: str, names: Names) -> str:
    whom = user if ignored.kind == NAMED_USER else group_called(ignored.number, names)
    start = (
        f"the mask is empty, which switches the whole ACL off, its entry for {whom} "
        f"({permissions_in_words(ignored.permissions)}) included, and "
    )
    if entry.kind == GROUP:
        return f"{start}leaves {group_called(entry.number, names)} nothing"
    return (
        f"{start}{user} is judged as one of the others ({permissions_in_words(entry.permissions)})"
    )


def _entries(acl: Acl, names: Names) -> str:
    parts = [f"user:{names.user_name(uid)}:{permissions_in_words(held)}" for uid, held in acl.users]
    parts.append(f"group::{permissions_in_words(acl.group_obj)}")
    parts += [
        f"group:{names.group_name(gid)}:{permissions_in_words(held)}" for gid, held in acl.groups
    ]
    parts.append(f"mask::{permissions_in_words(acl.mask or 0)}")
    return " ".join(parts)
