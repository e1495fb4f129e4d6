# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The file that a socket is mounted on: empty, root's, and of use to nobody."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import AccessError
from ..host import mounts
from ..host.inode import magic_link
from ..model.account import ROOT
from . import base
from .endpoint_directory import directory_of

_FLAGS = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


class TargetState(NamedTuple):
    """The permission bits of the file, None where there is no file."""

    mode: int | None


class TargetFile(base.Resource[TargetState, bool]):
    """One file that only root can replace.  While something is mounted on it, it is taken as it is."""

    def __init__(self, path: str) -> None:
        """``path`` has no links in it."""
        self.path = path
        self.key = f"target:{path}"
        self._problem: str | None = None

    def read(self) -> TargetState | None:
        self._problem = None
        try:
            if mounts.at(mounts.read(), self.path):
                # What is below cannot be looked at, but a mount is on a file of its own kind.
                return TargetState(0)
            status = os.lstat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return TargetState(None)
        problem = not_a_target(status, self.path)
        if problem is not None and mounts.at(mounts.read(), self.path):
            # Somebody mounted on it in between.
            return TargetState(0)
        self._problem = problem
        return TargetState(stat.S_IMODE(status.st_mode))

    def wanted(self, base: TargetState, requests: Mapping[str, bool]) -> TargetState:
        if self._problem is not None:
            raise AccessError(self._problem)
        return TargetState(0)

    def without_us(
        self, current: TargetState, before: TargetState, applied: TargetState
    ) -> TargetState:
        """Something else that stands there now is not ours."""
        return current if self._problem is not None or current != applied else before

    def write(self, target: TargetState) -> None:
        current = self.read()
        if current == target:
            return
        if mounts.at(mounts.read(), self.path):
            # What is mounted there still is not ours, and neither is what is below it now.
            return
        if self._problem is not None:
            raise AccessError(self._problem)
        name = os.path.basename(self.path)
        if target.mode is None:
            self._remove(name)
            return
        with directory_of(self.path) as directory:
            if current is None or current.mode is None:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                os.close(os.open(name, flags, 0, dir_fd=directory))
            fd = hold_target(directory, name, self.path)
            try:
                os.chown(magic_link(fd), ROOT, ROOT)
                os.chmod(magic_link(fd), target.mode)
            finally:
                os.close(fd)

    def place(self, current: TargetState, target: TargetState) -> int:
        return base.MOUNTS_GO if target.mode is None else base.FILES_COME

    def in_words(self, state: TargetState | None) -> str:
        if state is None or state.mode is None:
            return f"{self.path}: no file\n"
        return f"{self.path}: the file to mount on, mode {state.mode:04o}\n"

    def changes(self, current: TargetState, target: TargetState) -> list[str]:
        if target.mode is None:
            return [f"{self.path}, on which a socket was mounted, is removed."]
        if current.mode is None:
            return [f"{self.path} is made, an empty file to mount a socket on."]
        return [f"{self.path}: mode changes from {current.mode:04o} to {target.mode:04o}."]

    def state_to_json(self, state: TargetState) -> Any:
        return state.mode

    def state_from_json(self, data: Any) -> TargetState:
        return TargetState(data)

    def request_to_json(self, request: bool) -> Any:
        return request

    def request_from_json(self, data: Any) -> bool:
        return bool(data)

    def _remove(self, name: str) -> None:
        with directory_of(self.path, strict=False) as directory:
            try:
                os.close(hold_target(directory, name, self.path))
                os.unlink(name, dir_fd=directory)
            except FileNotFoundError:
                return


def hold_target(directory: int, name: str, path: str) -> int:
    """Return a descriptor of the file in a held directory.

    Raises AccessError where it is not an empty regular file of root's with one name.
    """
    try:
        fd = os.open(name, _FLAGS, dir_fd=directory)
    except FileNotFoundError as error:
        raise AccessError(f"{path}, to mount a socket on, does not exist any more.") from error
    problem = not_a_target(os.fstat(fd), path)
    if problem is not None:
        os.close(fd)
        raise AccessError(problem)
    return fd


def not_a_target(status: os.stat_result, path: str) -> str | None:
    """Return why nothing can be mounted on it safely, or None where it can."""
    if not stat.S_ISREG(status.st_mode):
        what = f"is {_KINDS.get(stat.S_IFMT(status.st_mode), 'a device')}"
    elif status.st_uid != ROOT:
        what = f"belongs to user id {status.st_uid} and not to root"
    elif status.st_nlink != 1:
        what = f"has {status.st_nlink} names instead of one"
    elif status.st_size:
        what = f"has {status.st_size} bytes of content"
    else:
        return None
    return (
        f"{path} {what}, so it is nothing to mount a socket on, which must be an empty file of "
        "root's; move it away, or declare another path for the endpoint."
    )


_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFSOCK: "a socket",
    stat.S_IFIFO: "a pipe",
}
