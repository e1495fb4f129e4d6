# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Whether somebody other than root could have led root's hand to another inode.

A name is safe where nobody but root can change what it leads to, or where the only one who can is
the owner of everything that it can lead to (unsafe path transitions, tmpfiles.d(5)).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ..model.account import ROOT
from ..model.acl import WRITE
from ..model.chain import OTHER, SOCKET, STICKY, SYMLINK, Chain, Component
from ..model.words import Names, one_line
from .names import NUMBERS, group_called, user_called
from .steps import Step, steps
from .words import called


def unsafe_step(
    chain: Chain,
    *,
    owner: int | None = None,
    trusted: Collection[str] = (),
    members: Mapping[int, Collection[int]] | None = None,
    names: Names = NUMBERS,
) -> str | None:
    """Return why root must not act on what the chain leads to, or None where it is safe.

    ``owner`` is the user id that the socket shall belong to, ``trusted`` holds the paths of
    directories (after links are resolved) whose writers are accepted, ``members`` the user ids of
    all members of a group, by group id; a group that is not in it counts as having strangers in it.
    The refusal is made of whole sentences that name the socket, the directory and the way out.
    """
    for step in steps(chain):
        if step.directory is None:
            continue
        out = _way_out(chain, step.directory)
        reason = _refusal(step, step.directory, owner, trusted, members or {}, names, out)
        if reason is not None:
            return f"{chain.path} is not safe to change as root: {reason}"
    return None


def unfit_leaf(chain: Chain) -> str | None:
    """Return why the inode is nothing to set a socket's access on, or None where it is.

    A path that leads to nothing yet is fit.
    """
    leaf = chain.leaf
    if leaf is None:
        return None
    if leaf.kind != SOCKET:
        what = "a regular file, a pipe or a device" if leaf.kind == OTHER else f"a {leaf.kind}"
        return f"{_whole(chain, leaf)} is {what} and not a socket; name the path of a socket."
    if leaf.links != 1:
        return (
            f"{_whole(chain, leaf)} has {leaf.links} hard links instead of one, so a change would "
            "reach another name as well; remove the other names, or restart the daemon that made "
            "the socket."
        )
    return None


def _refusal(
    step: Step,
    directory: Component,
    owner: int | None,
    trusted: Collection[str],
    members: Mapping[int, Collection[int]],
    names: Names,
    out: str,
) -> str | None:
    entry = step.component
    accepted = directory.path in trusted
    others = other_writers(directory, members, names)
    lord = directory.access.uid
    if entry is not None and entry.kind == SYMLINK:
        return _link_refusal(entry, directory, bool(others) or lord != ROOT, accepted, names)
    if accepted:
        return None
    if others:
        # To take the permission away from everyone would break what such a directory is for.
        shared = directory.special & STICKY and "everyone" in others
        close = (
            "Let the daemon make its socket in a directory of its own"
            if shared
            else "Take that permission away"
        )
        return (
            f"{' and '.join(others)} may write to the directory {directory.path} and could put "
            f"something else in the place of {step.path}. {close}, {out}"
        )
    if lord == ROOT:
        return None
    ruler = user_called(lord, names)
    if entry is not None and entry.access.uid != lord:
        return (
            f"the directory {directory.path} belongs to {ruler}, who could put something else in "
            f"the place of {called(entry)}, which belongs to "
            f"{user_called(entry.access.uid, names)}. Give both the same owner, {out}"
        )
    socket_here = step.last and (entry is None or entry.kind == SOCKET)
    if socket_here and owner is not None and owner != lord:
        return (
            f"the socket shall belong to {user_called(owner, names)}, but {ruler} owns the "
            f"directory {directory.path} and could put something else in its place. Leave the "
            f"socket to {ruler}, move it to a directory of root, {out}"
        )
    return None


def _way_out(chain: Chain, directory: Component) -> str:
    written = chain.written(directory.path)
    if written is None:
        return (
            f"or accept it: declare path: {chain.resolved}, the same without links, with "
            f"trust_directories: [{directory.path}]."
        )
    return f"or accept it with trust_directories: [{written}]."


def _link_refusal(
    link: Component, directory: Component, foreign: bool, accepted: bool, names: Names
) -> str | None:
    if link.access.uid == ROOT and (accepted or not foreign):
        return None
    if link.access.uid != ROOT:
        whose = f"belongs to {user_called(link.access.uid, names)} and not to root"
    else:
        whose = f"stands in the directory {directory.path}, where others than root may write"
    return (
        f"it leads through {called(link)} (to {one_line(str(link.target))}), which {whose}. "
        "Name the real path of the socket instead of one with this link in it."
    )


def other_writers(
    directory: Component, members: Mapping[int, Collection[int]], names: Names
) -> list[str]:
    """Return who can write to a directory besides root and its owner.

    An entry that has w without x is counted, too: one that can be used is only a chmod(2) away.
    """
    access = directory.access
    acl, lord = access.acl, access.uid
    found = ["everyone"] if acl.other & WRITE else []
    for gid, held in ((access.gid, acl.group_obj), *acl.groups):
        if acl.masked(held) & WRITE and not _only(gid, lord, members):
            found.append(f"the members of {group_called(gid, names)}")
    for uid, held in acl.users:
        if acl.masked(held) & WRITE and uid not in (ROOT, lord):
            found.append(user_called(uid, names))
    return found


def _only(gid: int, lord: int, members: Mapping[int, Collection[int]]) -> bool:
    """Tell whether nobody but root and the directory's owner is in the group."""
    return gid == ROOT or (gid in members and set(members[gid]) <= {ROOT, lord})


def _whole(chain: Chain, leaf: Component) -> str:
    return chain.path if chain.path == leaf.path else f"{chain.path} (which is {leaf.path})"
