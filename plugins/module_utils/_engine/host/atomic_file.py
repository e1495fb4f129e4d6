# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Files that are replaced whole, so that a kill or a full disk leaves the old or the new one."""

from __future__ import annotations

import os
from collections.abc import Callable


class Unflushed:
    """Directories in which files were put in place, each to be flushed to the disk once."""

    def __init__(self) -> None:
        self._paths: dict[str, None] = {}

    def add(self, path: str) -> None:
        """Remember one."""
        self._paths[path] = None

    def flush(self) -> None:
        """Flush all that are still there (fsync(2)); raises OSError."""
        while self._paths:
            path = self._paths.popitem()[0]
            try:
                directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            try:
                os.fsync(directory)
            finally:
                os.close(directory)


def read(path: str) -> bytes | None:
    """Return the content of a file, or None if there is none."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def is_unfinished(path: str) -> bool:
    """Tell whether a kill left something beside a file that was being replaced."""
    return os.path.lexists(f"{path}.new")


def remove(path: str) -> None:
    """Remove a file, and what a kill may have left beside it; none is no error."""
    for name in (f"{path}.new", path):
        try:
            os.unlink(name)
        except FileNotFoundError:
            pass


def replace(
    path: str,
    content: bytes,
    mode: int,
    *,
    beside: str | None = None,
    dress: Callable[[int], None] | None = None,
    later: Unflushed | None = None,
) -> None:
    """Put a file in place in one step: written beside it, flushed to the disk, then renamed.

    The directory must be one that only root writes to.  ``beside`` is another name for what is
    being written, ``dress`` is called with its descriptor before it gets its mode, ``later`` flushes
    the directory for several files.  Raises OSError, with the old file as it was, when the file
    system is full or read-only (rename(2), fsync(2)).
    """
    beside = beside or f"{path}.new"
    try:
        os.unlink(beside)
    except FileNotFoundError:
        pass
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        try:
            left = memoryview(content)
            while left:
                left = left[os.write(fd, left) :]
            if dress is not None:
                dress(fd)
            os.fchmod(fd, mode)
            os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(beside, path)
    except BaseException:
        os.unlink(beside)
        raise
    directories = Unflushed() if later is None else later
    directories.add(os.path.dirname(path))
    if later is None:
        directories.flush()
