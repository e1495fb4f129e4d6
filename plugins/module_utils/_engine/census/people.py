# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Everybody on the host whose access is judged."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Collection
from typing import NamedTuple

from ..host.accounts import Accounts
from ..model.account import Credentials, User

_GROUP_FILE = "/etc/group"


class People(NamedTuple):
    """The users and groups that the name service lists, and somebody who is none of them."""

    users: tuple[User, ...]
    groups: tuple[tuple[str, int], ...]
    stranger: Credentials

    def members(self, gid: int) -> list[User]:
        """Return the users who are in a group, primarily or by its list."""
        return [user for user in self.users if user.credentials.in_group(gid)]

    def writers(self) -> dict[int, Collection[int]]:
        """Return the user ids of all members by group id."""
        found: dict[int, set[int]] = {gid: set() for dummy, gid in self.groups}
        for user in self.users:
            for gid in {user.credentials.gid, *user.credentials.groups}:
                found.setdefault(gid, set()).add(user.uid)
        return dict(found)


def people(stranger: Credentials) -> People:
    """Return everybody whom the name service lists."""
    accounts = Accounts()
    names = dict.fromkeys(entry.pw_name for entry in pwd.getpwall())
    users = [user for user in map(accounts.user, names) if user is not None]
    groups = {entry.gr_name: entry.gr_gid for entry in grp.getgrall()}
    return People(tuple(users), tuple(groups.items()), stranger)


def groups_changed() -> float:
    """Return when the host's own groups were changed last, in seconds since the epoch.

    A process that was started later and lacks a group has chosen so.
    """
    try:
        return os.stat(_GROUP_FILE).st_mtime
    except OSError:
        return float("inf")
