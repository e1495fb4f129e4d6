# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Mounting and unmounting single files, by root through descriptors, or by a user.

What root does goes through descriptors of a directory that only root can change, so no name is
looked up twice.
"""

from __future__ import annotations

import os
import stat
import struct
import time
from collections.abc import Callable
from typing import Any

from ..errors import AccessError
from ..faults import in_words
from ..model.account import User
from . import mounts
from .commands import run

PROGRAM = "/usr/bin/mount"
_SECONDS = 30.0

_AT_EMPTY_PATH = 0x1000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REMOUNT, _MS_BIND = 2, 4, 8, 32, 4096
_MS_PRIVATE = 1 << 18
_MNT_DETACH, _UMOUNT_NOFOLLOW = 2, 8
_OPEN_TREE_CLONE, _MOVE_MOUNT_F_EMPTY_PATH, _MOVE_MOUNT_T_EMPTY_PATH = 1, 4, 0x40
_MOUNT_ATTR_NOSUID, _MOUNT_ATTR_NODEV, _MOUNT_ATTR_NOEXEC = 2, 4, 8
# The same on all architectures but these (Linux scripts/syscall.tbl).
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_OTHER_NUMBERS = ("alpha", "mips", "ia64")


def mount_pinned(source: int, target: int, directory: int, name: str) -> None:
    """Mount one pinned inode on another one, without set-user-ID, devices and programs.

    ``directory`` and ``name`` are where the target is.  Raises OSError as the kernel reports it.
    """
    if os.uname().machine.startswith(_OTHER_NUMBERS) or not _with_new_calls(source, target):
        _with_mount(source, target, directory, name)


def users_can_mount() -> bool:
    """Tell whether mount(8) is there and gets root's rights whoever starts it; raises OSError."""
    try:
        status = os.stat(PROGRAM)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return status.st_uid == 0 and bool(status.st_mode & stat.S_ISUID)


def mount_as(user: User, target: str) -> None:
    """Let a user mount what fstab says, with that user's rights and a plain environment.

    Raises AccessError that tells what mount(8) said, and the way out.
    """
    import subprocess

    who = user.credentials
    way_out = (
        "Declare mount_as: root for this endpoint: then root mounts it, by the socket itself and "
        "not by its name."
    )
    try:
        # The engine runs without AnsibleModule on the host, too.
        done = subprocess.run(  # pylint: disable=ansible-bad-function
            (PROGRAM, target),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"},
            cwd="/",
            user=who.uid,
            group=who.gid,
            extra_groups=sorted(who.groups),
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise AccessError(
            f"User {user.name} cannot mount {target}, for mount(8) cannot be run with that user's "
            f"rights ({error}). {way_out}"
        ) from error
    if done.returncode != 0:
        said = " ".join((done.stderr or done.stdout).split()).rstrip(".") or "nothing"
        raise AccessError(
            f"User {user.name} cannot mount {target}: mount(8) failed with exit status "
            f"{done.returncode} and said: {said}. {way_out}"
        )


def unmount(directory: int, name: str, path: str, *, seconds: float = _SECONDS) -> None:
    """Unmount the topmost mount at a name in a pinned directory, whoever mounted it.

    ``path`` is the same in words, for what mount(8) remembers; nobody but root may be able to change
    what it leads to, for umount(8) goes by it.  Raises OSError as the kernel reports it.
    """
    if mounts.remembered(path) is not None:
        try:
            run(("/usr/bin/umount", "--lazy", path), seconds=seconds, purpose=f"unmount {path}")
            return
        except AccessError:
            # What the kernel says counts, and umount(8) may be missing or have forgotten it.
            pass
    unmount_held(directory, name)


def unmount_held(directory: int, name: str) -> None:
    """Unmount the topmost mount at a name in a pinned directory, whatever the path of that is now.

    A mount that is in use goes as well: who is connected stays connected.  What mount(8) remembers
    stays, and is nothing once the mount is gone.  Raises OSError as the kernel reports it.
    """
    libc = _libc()
    where = os.fsencode(f"/proc/self/fd/{directory}/{name}")
    if libc.umount2(where, _UMOUNT_NOFOLLOW) != 0:
        _check(libc.umount2(where, _UMOUNT_NOFOLLOW | _MNT_DETACH))


def unmount_all(
    directory: int,
    name: str,
    path: str,
    *,
    keep: int = 0,
    check: Callable[[], None] = lambda: None,
    seconds: float = _SECONDS,
) -> None:
    """Unmount what is stacked at a name until ``keep`` mounts are left.

    ``check`` is called before each one, and raises where the topmost one is to stay.  Raises
    AccessError where somebody mounts faster, or the kernel does not let go of it.
    """
    deadline = time.monotonic() + seconds
    while len(mounts.at(mounts.read(), path)) > keep:
        check()
        if time.monotonic() > deadline:
            raise AccessError(
                f"{path} could not be unmounted within {seconds:g} seconds, for more was mounted "
                "there meanwhile; take away the line of fstab that allows it, and run again."
            )
        try:
            unmount(directory, name, path, seconds=seconds)
        except OSError as error:
            raise AccessError(f"{path} could not be unmounted: {in_words(error)}") from error


def _with_new_calls(source: int, target: int) -> bool:
    """Mount with open_tree(2) and move_mount(2); return whether the kernel has all it takes."""
    tree = _syscall(_OPEN_TREE, source, b"", _AT_EMPTY_PATH | _OPEN_TREE_CLONE | os.O_CLOEXEC)
    if tree is None:
        return False
    try:
        # On a mount that is private, what is mounted upon it does not show at the source.
        attributes = _MOUNT_ATTR_NOSUID | _MOUNT_ATTR_NODEV | _MOUNT_ATTR_NOEXEC
        wish = struct.pack("=QQQQ", attributes, 0, _MS_PRIVATE, 0)
        if _syscall(_MOUNT_SETATTR, tree, b"", _AT_EMPTY_PATH, wish, len(wish)) is None:
            return False
        flags = _MOVE_MOUNT_F_EMPTY_PATH | _MOVE_MOUNT_T_EMPTY_PATH
        return _syscall(_MOVE_MOUNT, tree, b"", target, b"", flags) is not None
    finally:
        os.close(tree)


def _with_mount(source: int, target: int, directory: int, name: str) -> None:
    """Mount with mount(2), which sets the flags in a second step (mount(2), NOTES)."""
    libc = _libc()
    origin, onto = (os.fsencode(f"/proc/self/fd/{fd}") for fd in (source, target))
    _check(libc.mount(origin, onto, None, _MS_BIND, None))
    top = os.fsencode(f"/proc/self/fd/{directory}/{name}")
    flags = _MS_REMOUNT | _MS_BIND | _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    try:
        _check(libc.mount(None, top, None, flags, None))
        _check(libc.mount(None, top, None, _MS_PRIVATE, None))
    except OSError:
        libc.umount2(top, _UMOUNT_NOFOLLOW | _MNT_DETACH)
        raise


def _syscall(number: int, *arguments: int | bytes) -> int | None:
    """Call the kernel; None where it does not know the call, or a filter hides it (seccomp(2))."""
    import ctypes
    import errno

    values = [
        ctypes.c_long(one) if isinstance(one, int) else ctypes.c_char_p(one) for one in arguments
    ]
    try:
        return _check(_libc().syscall(ctypes.c_long(number), *values))
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EPERM):
            return None
        raise


def _libc() -> Any:
    import ctypes

    return ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> int:
    import ctypes

    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
