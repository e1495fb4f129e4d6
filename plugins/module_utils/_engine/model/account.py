# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Accounts as numbers: what the kernel compares when a process connects."""

from __future__ import annotations

from typing import NamedTuple

ROOT = 0


class Credentials(NamedTuple):
    """The effective identity of a process: user id, group id and supplementary group ids.

    ``passes`` are the permissions (bits 1, 2, 4) that its capabilities give it on any inode, None
    for those of a usual process: all for root, none for others (capabilities(7)).
    """

    uid: int
    gid: int
    groups: frozenset[int] = frozenset()
    passes: int | None = None

    def in_group(self, gid: int) -> bool:
        """Tell whether the kernel's ``in_group_p`` would say yes (kernel/groups.c)."""
        return gid == self.gid or gid in self.groups

    def overrides(self, want: int) -> bool:
        """Tell whether capabilities give it these permissions, whatever an inode says."""
        passes = (7 if self.uid == ROOT else 0) if self.passes is None else self.passes
        return passes & want == want


class User(NamedTuple):
    """A user that exists on the host, or a numeric id that nobody has (``known`` is False)."""

    name: str
    credentials: Credentials
    known: bool = True

    @property
    def uid(self) -> int:
        return self.credentials.uid


class Group(NamedTuple):
    """A group, with the names of all users whom NSS shows to be in it, primarily or by list."""

    name: str
    gid: int
    members: frozenset[str] = frozenset()
    known: bool = True
