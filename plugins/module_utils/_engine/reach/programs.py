# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Whether a program that root runs is root's alone: whoever could replace it would be root.

A group that may write is no refusal: Debian gives /usr/local to the group staff where its
/etc/staff-group-for-usr-local says so (Debian Policy, 9.1.2), and means it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from ..model.account import ROOT
from ..model.acl import WRITE
from ..model.chain import SYMLINK, Chain, Component
from ..model.words import Names, capital, listed
from .names import group_called, user_called
from .words import called

_MOST = 5
_WHY = "the program {program}, which the hooks of this host run as root"


def replaced_by_others(chain: Chain, program: str, names: Names) -> list[str]:
    """Return why the program at the end of a chain is not to be run as root, one for each cause."""
    why = _WHY.format(program=program)
    return [
        f"{cause} could replace {why}. {way_out}, and run again."
        for one in chain.components
        for cause, way_out in _strangers(one, names)
    ]


def replaced_by_groups(
    chain: Chain, program: str, members: Mapping[int, Collection[str]], names: Names
) -> list[str]:
    """Return a warning for each group whose members, by group id, could replace the program."""
    why = _WHY.format(program=program)
    return [
        f"{capital(whose)} ({_some(members[gid])}) may write to {called(one)}, and so could replace "
        f"{why}: they are as good as root. If they shall not be, take that permission away: "
        f"{way_out}."
        for one in chain.components
        for gid, whose, way_out in _groups(one, names)
        if members.get(gid)
    ]


def _strangers(one: Component, names: Names) -> Iterator[tuple[str, str]]:
    access, path = one.access, _quoted(one.path)
    if access.uid != ROOT:
        owner = user_called(access.uid, names)
        chown = "chown -h root" if one.kind == SYMLINK else "chown root"
        yield f"{capital(called(one))} belongs to {owner}, who", f"Give it to root: {chown} {path}"
    if one.kind == SYMLINK:
        return
    if access.acl.other & WRITE:
        yield f"Everyone may write to {called(one)}, and so", f"Take that away: chmod o-w {path}"
    for uid, held in access.acl.users:
        if access.acl.masked(held) & WRITE and uid != ROOT:
            user = user_called(uid, names)
            entry = f"u:{names.user_name(uid)}"
            yield (
                f"{capital(user)} may write to {called(one)}, and so",
                f"Take that away: setfacl -x {_quoted(entry)} {path}",
            )


def _groups(one: Component, names: Names) -> Iterator[tuple[int, str, str]]:
    if one.kind == SYMLINK:
        return
    acl, path = one.access.acl, _quoted(one.path)
    if acl.masked(acl.group_obj) & WRITE:
        # With a list, chmod(1) would change its mask and not the entry of the group.
        take = f"chmod g-w {path}" if acl.minimal else f"setfacl -m g::r-x {path}"
        yield one.access.gid, f"the members of {group_called(one.access.gid, names)}", take
    for gid, held in acl.groups:
        if acl.masked(held) & WRITE:
            entry = f"g:{names.group_name(gid)}"
            take = f"setfacl -x {_quoted(entry)} {path}"
            yield gid, f"the members of {group_called(gid, names)}", take


def _some(members: Collection[str]) -> str:
    known = sorted(members)
    more = len(known) - _MOST
    return listed(known) if more <= 0 else f"{', '.join(known[:_MOST])} and {more} more"


def _quoted(text: str) -> str:
    from shlex import quote

    return quote(text)
