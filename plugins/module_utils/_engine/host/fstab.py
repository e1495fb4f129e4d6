# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The file /etc/fstab, read through one descriptor and replaced in one step."""

from __future__ import annotations

import os
import stat

from ..errors import AccessError
from ..faults import looking_at
from . import atomic_file

FSTAB = "/etc/fstab"

# What is computed from the content, or makes a program of it, does not belong to another content.
_NOT_CARRIED_OVER = frozenset(("security.ima", "security.evm", "security.capability"))


def read(path: str = FSTAB) -> bytes | None:
    """Return the content, or None where there is no such file.

    Raises AccessError where it is anything but a regular file of root's with one name.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AccessError(
            f"{path} cannot be read ({error.strerror}), so it was left as it is; make it a regular "
            "file of root's, or let root do the mounting (mount_as: root), which needs no line in "
            "it."
        ) from error
    try:
        with looking_at(path):
            _check(fd, path)
            return _content(fd)
    finally:
        os.close(fd)


def is_unfinished(path: str = FSTAB) -> bool:
    """Tell whether a kill left something beside the file while it was being replaced."""
    return os.path.lexists(_beside(path))


def replace(content: bytes, path: str = FSTAB) -> None:
    """Put the content in place, with the owner, mode, labels and attributes of the old file.

    Raises OSError, with the old file as it was, when the disk is full or read-only.
    """
    try:
        old = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        atomic_file.replace(path, content, 0o644, beside=_beside(path))
        return
    try:
        _check(old, path)
        mode = stat.S_IMODE(os.fstat(old).st_mode)
        atomic_file.replace(
            path, content, mode, beside=_beside(path), dress=lambda fd: _make_alike(fd, old)
        )
    finally:
        os.close(old)


def remove(path: str = FSTAB) -> None:
    """Remove the file, for where there was none before us."""
    clear_away(path)
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def clear_away(path: str = FSTAB) -> None:
    """Remove what a kill may have left beside the file."""
    try:
        os.unlink(_beside(path))
    except FileNotFoundError:
        pass


def _beside(path: str) -> str:
    """Return a name that is nobody else's: /etc/fstab.new may well be an administrator's own."""
    directory, dummy, name = path.rpartition("/")
    return f"{directory}/.{name}.socket-access"


def _check(fd: int, path: str) -> None:
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1 or status.st_uid != 0:
        raise AccessError(
            f"{path} is not a regular file of root's with a single name, so it was left as it is; "
            "make it one, or let root do the mounting (mount_as: root), which needs no line in it."
        )


def _content(fd: int) -> bytes:
    pieces: list[bytes] = []
    while True:
        piece = os.read(fd, 1 << 16)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)


def _make_alike(fd: int, old: int) -> None:
    status = os.fstat(old)
    os.fchown(fd, status.st_uid, status.st_gid)
    for name in os.listxattr(old):
        if name in _NOT_CARRIED_OVER:
            continue
        value = os.getxattr(old, name)
        try:
            same = os.getxattr(fd, name) == value
        except OSError:
            same = False
        if not same:
            os.setxattr(fd, name, value)
