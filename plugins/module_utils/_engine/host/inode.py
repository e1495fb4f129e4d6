# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Owner, group and ACL of an inode, read and written through one descriptor.

The descriptor is an ``O_PATH`` one, on which fchmod(2), fchown(2) and fsetxattr(2) fail with EBADF
(open(2)); the magic link ``/proc/self/fd/N`` leads to the very inode that was pinned.
"""

from __future__ import annotations

import errno
import os
import stat

from ..errors import AccessError
from ..model.access import Access
from ..model.acl import XATTR_ACCESS, Acl

_checked_proc = False


def magic_link(fd: int) -> str:
    """Return the name under which system calls reach the pinned inode.

    Raises AccessError where ``/proc`` is no proc file system, for then the name would lead
    somewhere else.
    """
    global _checked_proc
    name = f"/proc/self/fd/{fd}"
    if not _checked_proc:
        try:
            same = os.path.samestat(os.stat(name), os.fstat(fd))
        except OSError:
            same = False
        if not same:
            raise AccessError(
                "The proc file system is not mounted at /proc, and without it no inode can be "
                "changed safely; mount it and run again."
            )
        _checked_proc = True
    return name


def read_acl(fd: int, mode: int) -> tuple[Acl, bool]:
    """Return the ACL of the pinned inode, and whether its file system keeps ACLs at all."""
    data, supported = _stored_acl(magic_link(fd))
    return (Acl.from_mode(mode) if data is None else Acl.from_bytes(data)), supported


def read_access(fd: int) -> Access:
    """Return owner, group and ACL of the pinned inode."""
    status = os.fstat(fd)
    acl, dummy = read_acl(fd, status.st_mode)
    return Access(status.st_uid, status.st_gid, acl)


def write_access(fd: int, wanted: Access) -> None:
    """Give the pinned inode the wanted access; a value that is there already is not written.

    A change of permissions alone is one system call, setxattr(2) or chmod(2), and so has no moment
    in between.  A change of the owner takes a second one: until both are done the inode is closed
    to everyone but its owner, so at no moment can anyone connect who could neither before nor may
    after.  Raises OSError as the kernel reports it.
    """
    current = read_access(fd)
    if (current.uid, current.gid) != (wanted.uid, wanted.gid):
        closed = Acl(current.acl.user_obj & wanted.acl.user_obj, 0, 0)
        _write_acl(fd, closed)
        os.chown(magic_link(fd), wanted.uid, wanted.gid)
    _write_acl(fd, wanted.acl)


def _stored_acl(name: str) -> tuple[bytes | None, bool]:
    try:
        return os.getxattr(name, XATTR_ACCESS), True
    except OSError as error:
        if error.errno == errno.ENODATA:
            return None, True
        if error.errno == errno.ENOTSUP:
            return None, False
        raise


def _write_acl(fd: int, wanted: Acl) -> None:
    name = magic_link(fd)
    mode = os.fstat(fd).st_mode
    stored, supported = _stored_acl(name)
    current = Acl.from_mode(mode) if stored is None else Acl.from_bytes(stored)
    if current == wanted:
        return
    if wanted.minimal and stored is None:
        os.chmod(name, stat.S_IMODE(mode) & ~0o777 | wanted.mode)
    elif not supported:
        raise AccessError(
            "The file system keeps no POSIX ACLs, so no single user or group can be named there; "
            "use the method group, or put the socket on a file system with ACLs."
        )
    else:
        # The kernel folds an ACL that the permission bits can hold into them (fs/posix_acl.c).
        os.setxattr(name, XATTR_ACCESS, wanted.to_bytes())
