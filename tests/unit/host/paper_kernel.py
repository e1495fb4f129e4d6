# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One inode on paper, with the system calls that change it, and every state it was in."""

from __future__ import annotations

import errno
import os
import stat
from types import SimpleNamespace
from typing import Any

from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import Access
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import (
    XATTR_ACCESS,
    Acl,
)


class PaperKernel:
    """Stands in for the module ``os``; sources: chmod(2), chown(2), setxattr(2), acl(5)."""

    def __init__(self, access: Access, *, acl_support: bool = True, special: int = 0) -> None:
        self.states = [access]
        self.special = special
        self.acl_support = acl_support
        self.path = SimpleNamespace(samestat=lambda one, two: True)

    @property
    def access(self) -> Access:
        return self.states[-1]

    def fstat(self, fd: int) -> os.stat_result:
        mode = stat.S_IFSOCK | self.special | self.access.acl.mode
        return os.stat_result((mode, 1, 1, 1, self.access.uid, self.access.gid, 0, 0, 0, 0))

    def stat(self, name: str) -> os.stat_result:
        return self.fstat(0)

    def getxattr(self, name: str, attribute: str) -> bytes:
        assert attribute == XATTR_ACCESS
        if not self.acl_support:
            raise OSError(errno.ENOTSUP, "Operation not supported")
        if self.access.acl.minimal:
            raise OSError(errno.ENODATA, "No data available")
        return self.access.acl.to_bytes()

    def setxattr(self, name: str, attribute: str, value: bytes) -> None:
        assert attribute == XATTR_ACCESS
        if not self.acl_support:
            raise OSError(errno.ENOTSUP, "Operation not supported")
        self._change(acl=Acl.from_bytes(value))

    def chmod(self, name: str, mode: int) -> None:
        acl = self.access.acl
        group: dict[str, Any] = (
            {"group_obj": mode >> 3 & 7} if acl.mask is None else {"mask": mode >> 3 & 7}
        )
        self.special = mode & 0o7000
        self._change(acl=acl._replace(user_obj=mode >> 6 & 7, other=mode & 7, **group))

    def chown(self, name: str, uid: int, gid: int) -> None:
        self._change(uid=uid, gid=gid)

    def _change(self, **parts: object) -> None:
        self.states.append(self.access._replace(**parts))
