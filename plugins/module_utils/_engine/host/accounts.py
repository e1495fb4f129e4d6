# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Users and groups as the host's name service knows them (nsswitch.conf(5)), at run time."""

from __future__ import annotations

import grp
import os
import pwd

from ..model.account import Credentials, Group, User


class HostNames:
    """The names of numeric ids, each asked for once."""

    def __init__(self) -> None:
        self._users: dict[int, str] = {}
        self._groups: dict[int, str] = {}

    def user_name(self, uid: int) -> str:
        """Return the name of a user id, or the number as text where nobody has it."""
        if uid not in self._users:
            try:
                self._users[uid] = pwd.getpwuid(uid).pw_name
            except KeyError:
                self._users[uid] = str(uid)
        return self._users[uid]

    def group_name(self, gid: int) -> str:
        """Return the name of a group id, or the number as text where no group has it."""
        if gid not in self._groups:
            try:
                self._groups[gid] = grp.getgrgid(gid).gr_name
            except KeyError:
                self._groups[gid] = str(gid)
        return self._groups[gid]


class Accounts:
    """Users and groups by declared name, each looked up once; make a new one to ask again."""

    def __init__(self) -> None:
        self._users: dict[str, User | None] = {}
        self._groups: dict[str, Group | None] = {}
        self._primary: dict[int, set[str]] | None = None

    def user(self, name: str) -> User | None:
        """Return the user with this name or numeric id, or None if there is no such name."""
        if name not in self._users:
            self._users[name] = _find_user(name)
        return self._users[name]

    def group(self, name: str) -> Group | None:
        """Return the group with this name or numeric id, or None if there is no such name."""
        if name not in self._groups:
            self._groups[name] = self._find_group(name)
        return self._groups[name]

    def _find_group(self, name: str) -> Group | None:
        try:
            entry = grp.getgrnam(name)
        except KeyError:
            if not (name.isascii() and name.isdigit()):
                return None
            try:
                entry = grp.getgrgid(int(name))
            except KeyError:
                return Group(name, int(name), frozenset(), known=False)
        members = frozenset(entry.gr_mem) | self._primary_members().get(entry.gr_gid, set())
        return Group(entry.gr_name, entry.gr_gid, members)

    def _primary_members(self) -> dict[int, set[str]]:
        """Return who has which primary group, as far as the name service lists its users."""
        if self._primary is None:
            self._primary = {}
            for entry in pwd.getpwall():
                self._primary.setdefault(entry.pw_gid, set()).add(entry.pw_name)
        return self._primary


def _find_user(name: str) -> User | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        if not (name.isascii() and name.isdigit()):
            return None
        try:
            entry = pwd.getpwuid(int(name))
        except KeyError:
            return User(name, Credentials(int(name), int(name)), known=False)
    groups = frozenset(os.getgrouplist(entry.pw_name, entry.pw_gid))
    return User(entry.pw_name, Credentials(entry.pw_uid, entry.pw_gid, groups))


def is_listed_member(user: str, group: str) -> bool:
    """Tell whether the group's own list names the user (a primary group does not count)."""
    try:
        return user in grp.getgrnam(group).gr_mem
    except KeyError:
        return False


def uid_is_taken(uid: int) -> bool:
    """Tell whether some user has this id."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def gid_is_taken(gid: int) -> bool:
    """Tell whether some group has this id."""
    try:
        grp.getgrgid(gid)
    except KeyError:
        return False
    return True
