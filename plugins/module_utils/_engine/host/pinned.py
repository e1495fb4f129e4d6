# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""A path walked once, component by component, and held by descriptors from then on.

Whoever swaps a name afterwards changes nothing: every look and every change goes through the
descriptors (openat(2) with O_PATH and O_NOFOLLOW, path_resolution(7)).  A file system that a user's own
program serves is not even looked at: the program may never answer, and then not even SIGKILL ends who
asked (request_wait_answer() in Linux fs/fuse/dev.c).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection

from ..errors import AccessError
from ..model.access import Access
from ..model.acl import Acl
from ..model.chain import (
    DIRECTORY,
    MOST_LINKS,
    OTHER,
    SOCKET,
    SYMLINK,
    Chain,
    Component,
    names_in,
)
from .inode import read_acl
from .mounts import MOUNTINFO, device_of, number_of, numbered, read

_FLAGS = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_PROTECTED_SYMLINKS = "/proc/sys/fs/protected_symlinks"


class Replaced(AccessError):
    """Somebody put another inode in the place of one while it was looked at."""


class Pin:
    """A chain, and the descriptors of its leaf and of the directories that were asked for."""

    def __init__(self, chain: Chain, held: dict[str, int]) -> None:
        self.chain = chain
        self._held = held

    @property
    def leaf(self) -> int | None:
        """The descriptor of what the path leads to, None where nothing is there."""
        leaf = self.chain.leaf
        return None if leaf is None else self._held.get(leaf.path)

    def descriptor(self, path: str) -> int | None:
        """Return the descriptor of the component with this path, or None if it is not held."""
        return self._held.get(path)

    def close(self) -> None:
        """Let go of all descriptors."""
        while self._held:
            os.close(self._held.popitem()[1])


def pin(
    path: str,
    directories: Collection[str] = (),
    *,
    root: int | None = None,
    table: str = MOUNTINFO,
) -> Pin:
    """Walk an absolute path as the kernel would, links included, and hold what it leads to.

    ``directories`` names those on the way, as they are called after all links are resolved, whose
    descriptors are held as well.  ``root`` is a descriptor of the root directory of somebody else,
    in whose mount namespace, with its ``table`` of mounts, the walk then stays.  A part that does not
    exist is no error, the chain says so.
    Raises AccessError for more than 40 links (ELOOP, path_resolution(7)), and OSError for a path
    that the host cannot look up.
    """
    walk = _Walk(path, frozenset(directories), root, table)
    try:
        chain = walk.run()
    except BaseException:
        Pin(Chain(path, ()), walk.held).close()
        raise
    finally:
        while walk.stack:
            os.close(walk.stack.pop()[0])
    return Pin(chain, walk.held)


def walked(path: str) -> Chain:
    """Walk a path only to see it, and hold nothing; raises what ``pin`` does."""
    held = pin(path)
    held.close()
    return held.chain


def chain_of(path: str) -> Chain:
    """Return the same, with AccessError in words for whoever typed the path."""
    if path.startswith("@"):
        raise AccessError(
            f"{path} is an abstract socket, which has no permissions: every process of its network "
            "namespace can connect. Ask for a path."
        )
    if not path.startswith("/"):
        raise AccessError(f"{path} is not an absolute path; begin it with a slash.")
    try:
        return walked(path)
    except PermissionError as error:
        raise AccessError(
            f"{path} cannot be looked at ({error.strerror}); run this as root to see the whole way "
            "to it."
        ) from error


class _Walk:
    """The state of one walk: directories entered, names still to go, components seen."""

    def __init__(
        self, path: str, directories: frozenset[str], root: int | None, table: str
    ) -> None:
        self.root = root
        self.table = table
        self.path = path
        self.directories = directories
        # Directories that were entered, and the mount that each is on.
        self.stack: list[tuple[int, str, int | None]] = []
        self.todo = names_in(path)
        self.links = 0
        self.seen: list[Component] = []
        self.held: dict[str, int] = {}

    def run(self) -> Chain:
        protected = _symlinks_are_protected()
        top = os.open("/", _FLAGS) if self.root is None else os.dup(self.root)
        mount = number_of(top)
        if self.root is not None:
            refuse_theirs(top, "/", self.table)
        self._enter(top, "/", mount)
        while self.todo:
            name = self.todo.pop()
            if name == "..":
                if len(self.stack) > 1:
                    os.close(self.stack.pop()[0])
                continue
            directory, above, mount = self.stack[-1]
            path = f"{above.rstrip('/')}/{name}"
            try:
                fd, mount = open_at(name, directory, mount, path, self.table)
            except FileNotFoundError:
                rest = "/".join([path, *reversed(self.todo)])
                return Chain(self.path, tuple(self.seen), path, None, protected, rest)
            kind = stat.S_IFMT(os.fstat(fd).st_mode)
            if kind == stat.S_IFDIR:
                self._enter(fd, path, mount)
            elif kind == stat.S_IFLNK:
                self._follow(fd, path)
            else:
                self._hold(fd, path)
                leaf = _look(fd, path)._replace(mount=mount)
                self._look_again(leaf, name, directory)
                self.seen.append(leaf)
                blocked = path if self.todo else None
                return Chain(self.path, tuple(self.seen), None, blocked, protected, path)
        fd, path, dummy = self.stack[-1]
        self._hold(os.dup(fd), path)
        self.seen = [one for one in self.seen if one.path != path] + [_look(fd, path)]
        return Chain(self.path, tuple(self.seen), None, None, protected, path)

    def _look_again(self, leaf: Component, name: str, directory: int) -> None:
        """Make sure that the name still leads to the leaf, by that one link alone.

        Otherwise a second name that was there while the leaf was opened, and is gone since, could
        hide that it is somebody else's inode (link(2)).
        """
        try:
            fd, dummy = open_at(name, directory, self.stack[-1][2], leaf.path, self.table)
        except FileNotFoundError:
            again = None
        else:
            again = os.fstat(fd)
            os.close(fd)
        seen = (leaf.device, leaf.inode, leaf.links)
        if again is None or (again.st_dev, again.st_ino, again.st_nlink) != seen:
            raise Replaced(
                f"{self.path} was replaced while it was looked at, so nothing was changed; run "
                "again when its daemon has settled."
            )

    def _enter(self, fd: int, path: str, mount: int | None) -> None:
        self.stack.append((fd, path, mount))
        if all(one.path != path for one in self.seen):
            self.seen.append(_look(fd, path))
        if path in self.directories:
            self._hold(os.dup(fd), path)

    def _follow(self, fd: int, path: str) -> None:
        try:
            link = _look(fd, path)
        finally:
            os.close(fd)
        self.seen.append(link)
        self.links += 1
        if self.links > MOST_LINKS:
            raise AccessError(
                f"{self.path} leads through more than {MOST_LINKS} symbolic links; name the real "
                "path instead."
            )
        target = link.target or ""
        if target.startswith("/"):
            while len(self.stack) > 1:
                os.close(self.stack.pop()[0])
        self.todo += names_in(target)

    def _hold(self, fd: int, path: str) -> None:
        if path in self.held:
            os.close(fd)
        else:
            self.held[path] = fd


def _look(fd: int, path: str) -> Component:
    status = os.fstat(fd)
    kind = _KINDS.get(stat.S_IFMT(status.st_mode), OTHER)
    acl, supported = read_acl(fd, status.st_mode) if kind != SYMLINK else (None, True)
    return Component(
        path=path,
        kind=kind,
        access=Access(status.st_uid, status.st_gid, acl or Acl.from_mode(status.st_mode)),
        special=status.st_mode & 0o7000,
        target=os.readlink("", dir_fd=fd) if kind == SYMLINK else None,
        device=status.st_dev,
        inode=status.st_ino,
        links=status.st_nlink,
        acl_support=supported,
    )


_KINDS = {stat.S_IFDIR: DIRECTORY, stat.S_IFLNK: SYMLINK, stat.S_IFSOCK: SOCKET}


def open_at(
    name: str, directory: int, mount: int | None, path: str, table: str = MOUNTINFO
) -> tuple[int, int | None]:
    """Open what has a name, without a question to any file system but that of the directory.

    Return its descriptor and the number of its mount; ``mount`` is that of the directory.
    """
    fd = os.open(name, _FLAGS, dir_fd=directory)
    try:
        found = number_of(fd)
        if found != mount:
            refuse_theirs(fd, path, table)
    except BaseException:
        os.close(fd)
        raise
    return fd, found


def refuse_theirs(fd: int, path: str, table: str = MOUNTINFO) -> None:
    """Raise AccessError where a user's own program answers for the file system of a descriptor."""
    number = number_of(fd)
    if number is None:
        return
    tables = tuple(dict.fromkeys((table, MOUNTINFO)))
    found = [one for name in tables for one in numbered(number, name)]
    if not found:
        # Who was put into another root directory has it in no table of his own (chroot(2)).
        device = device_of(fd)
        found = [one for name in tables for one in read(name) if one.device == device]
    if not found:
        raise AccessError(
            f"{path} was unmounted while it was looked at, so nobody can tell who answers for its file "
            "system; run again when the mounts there stay as they are."
        )
    for one in found:
        if one.server is not None:
            raise AccessError(
                f"{path} is a file system ({one.kind}) of user id {one.server}, whose own program "
                f"answers for it, or never does; unmount it (fusermount3 -u {path}), and let root "
                "mount what sockets are in."
            )


def _symlinks_are_protected() -> bool:
    """Read fs.protected_symlinks (proc_sys_fs(5)); where it cannot be read, take it as set."""
    try:
        # Bytes, for a process that acts as a user could not load a codec from everywhere.
        with open(_PROTECTED_SYMLINKS, "rb") as file:
            return file.read().strip() != b"0"
    except OSError:
        return True
