# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What is in a directory that anybody may own, looked at without waiting for what he mounted there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing

from ..errors import AccessError
from .mounts import number_of
from .pinned import open_at, pin

_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def entries(directory: int) -> list[os.DirEntry[str]]:
    """Return what is in the directory that a descriptor holds, whatever covers its name by now."""
    fd = os.open(".", _LIST, dir_fd=directory)
    try:
        with os.scandir(fd) as found:
            return list(found)
    finally:
        os.close(fd)


def is_special(entry: os.DirEntry[str]) -> bool:
    """Tell whether it is a socket, a pipe or a device; the type comes with the name (readdir(3))."""
    return not (
        entry.is_dir(follow_symlinks=False)
        or entry.is_file(follow_symlinks=False)
        or entry.is_symlink()
    )


def special_files(directory: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the names of the sockets, pipes and devices in a directory, and what they are.

    Raises what ``pin`` does, and OSError where the directory may not be read.
    """
    with closing(pin(directory)) as held:
        if held.leaf is None:
            return
        mount = number_of(held.leaf)
        for entry in filter(is_special, entries(held.leaf)):
            try:
                fd, dummy = open_at(entry.name, held.leaf, mount, f"{directory}/{entry.name}")
            except (AccessError, OSError):
                continue  # It went away, or something of a user's has covered it meanwhile.
            try:
                status = os.fstat(fd)
            finally:
                os.close(fd)
            yield entry.name, status
