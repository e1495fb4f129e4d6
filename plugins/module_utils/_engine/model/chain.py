# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What was seen of a path: every inode that the kernel passes on the way to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .access import Access
from .account import ROOT

DIRECTORY, SYMLINK, SOCKET, OTHER = "directory", "symbolic link", "socket", "other file"

SET_GROUP_ID, STICKY = 0o2000, 0o1000

# MAXSYMLINKS in include/linux/namei.h
MOST_LINKS = 40


class Component(NamedTuple):
    """One inode on the way, in the state in which it was seen.

    ``path`` is its name with all links before it resolved, ``special`` the bits 07000 of its mode,
    ``target`` the text of a symbolic link.  ``acl_support`` is False where the file system keeps no
    POSIX ACLs (getxattr(2) says ENOTSUP).  ``mount`` is the number of the mount of what a walk ends at.
    """

    path: str
    kind: str
    access: Access
    special: int = 0
    target: str | None = None
    device: int = 0
    inode: int = 0
    links: int = 1
    acl_support: bool = True
    mount: int | None = None


class Chain(NamedTuple):
    """The components in the order in which the kernel visits them, "/" first.

    A symbolic link is a component of its own, followed by what its text leads through.  ``missing``
    names the first component that does not exist; then the last component is its directory.
    ``blocked`` names a component below something that is no directory (ENOTDIR).  ``resolved`` is
    the path with all links resolved, those of missing parts as they are written.
    """

    path: str
    components: tuple[Component, ...]
    missing: str | None = None
    blocked: str | None = None
    protected_symlinks: bool = True
    resolved: str = ""

    @property
    def leaf(self) -> Component | None:
        """The inode that the path leads to, or None while there is none."""
        if self.missing is not None or self.blocked is not None:
            return None
        return self.components[-1]

    def group_of_new(self, own: int = ROOT) -> int:
        """Return the group of what is made at the end of the path (inode_init_owner(), fs/inode.c).

        ``own`` is the group of the process that makes it.
        """
        before = self.components if self.leaf is None else self.components[:-1]
        directory = next(one for one in reversed(before) if one.kind == DIRECTORY)
        return directory.access.gid if directory.special & SET_GROUP_ID else own

    def written(self, directory: str) -> str | None:
        """Return how the path as it is written names a directory on the way.

        None where no part of it leads just there: a link passes what is above its target.
        """
        links = {one.path: one.target or "" for one in self.components if one.kind == SYMLINK}
        names = names_in(self.path)
        while names:
            del names[0]
            if _resolved(names, links) == directory:
                return "/" + "/".join(reversed(names))
        return None

    def with_access(self, planned: Mapping[str, Access]) -> Chain:
        """Return the chain as it will be once these accesses, by component path, are in effect."""
        return self._replace(
            components=tuple(
                one._replace(access=planned[one.path])
                if one.path in planned and one.kind != SYMLINK
                else one
                for one in self.components
            ),
        )


def _resolved(names: list[str], links: Mapping[str, str]) -> str:
    """Return where names lead, last first, by the links that were seen on the way."""
    todo, here = list(names), ""
    while todo:
        name = todo.pop()
        if name == "..":
            here = here.rpartition("/")[0]
            continue
        target = links.get(f"{here}/{name}")
        if target is None:
            here = f"{here}/{name}"
            continue
        here = "" if target.startswith("/") else here
        todo += names_in(target)
    return here or "/"


def names_in(path: str) -> list[str]:
    """Return the names of a path, last first, as a stack to take them from."""
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]
