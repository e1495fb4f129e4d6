# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""A POSIX access control list as a value, and its form in the extended attribute.

Sources: acl(5); Linux ``include/uapi/linux/posix_acl_xattr.h`` and ``fs/posix_acl.c``.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

from ..errors import AccessError

XATTR_ACCESS = "system.posix_acl_access"
XATTR_DEFAULT = "system.posix_acl_default"

READ, WRITE, EXECUTE = 4, 2, 1

_VERSION = 2
_USER_OBJ, _USER, _GROUP_OBJ, _GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_UNDEFINED_ID = 0xFFFFFFFF
_HEADER = struct.Struct("<I")
_ENTRY = struct.Struct("<HHI")

Entries = tuple[tuple[int, int], ...]


def entries_of(permissions: Mapping[int, int]) -> Entries:
    """Return named entries in the order in which an ``Acl`` holds them: by id."""
    return tuple(sorted(permissions.items()))


class Acl(NamedTuple):
    """An access ACL: the three classes, the named entries and the mask.

    ``users`` and ``groups`` are pairs (numeric id, permissions 0 to 7), sorted by id.  ``mask`` is
    None exactly where the ACL has no mask entry; named entries demand one (acl(5), VALID ACLs).
    """

    user_obj: int
    group_obj: int
    other: int
    users: Entries = ()
    groups: Entries = ()
    mask: int | None = None

    @classmethod
    def from_mode(cls, mode: int) -> Acl:
        """Return the ACL that the permission bits of ``mode`` stand for."""
        return cls((mode >> 6) & 7, (mode >> 3) & 7, mode & 7)

    @classmethod
    def from_bytes(cls, data: bytes) -> Acl:
        """Decode the value of ``system.posix_acl_access``.

        Raises AccessError when the kernel's form was not met.
        """
        body = len(data) - _HEADER.size
        if body < 0 or body % _ENTRY.size or _HEADER.unpack_from(data)[0] != _VERSION:
            raise AccessError("An access control list has a form that is not version 2 of Linux.")
        single: dict[int, int] = {}
        users: dict[int, int] = {}
        groups: dict[int, int] = {}
        for tag, permissions, number in _ENTRY.iter_unpack(data[_HEADER.size :]):
            if tag == _USER:
                users[number] = permissions
            elif tag == _GROUP:
                groups[number] = permissions
            else:
                single[tag] = permissions
        if not {_USER_OBJ, _GROUP_OBJ, _OTHER} <= single.keys():
            raise AccessError("An access control list lacks its entry for owner, group or other.")
        return cls(
            single[_USER_OBJ],
            single[_GROUP_OBJ],
            single[_OTHER],
            entries_of(users),
            entries_of(groups),
            single.get(_MASK),
        )

    def to_bytes(self) -> bytes:
        """Encode for ``system.posix_acl_access``, entries in the kernel's order."""
        rows = [(_USER_OBJ, self.user_obj, _UNDEFINED_ID)]
        rows += [(_USER, permissions, uid) for uid, permissions in self.users]
        rows.append((_GROUP_OBJ, self.group_obj, _UNDEFINED_ID))
        rows += [(_GROUP, permissions, gid) for gid, permissions in self.groups]
        if self.mask is not None:
            rows.append((_MASK, self.mask, _UNDEFINED_ID))
        rows.append((_OTHER, self.other, _UNDEFINED_ID))
        return _HEADER.pack(_VERSION) + b"".join(_ENTRY.pack(*row) for row in rows)

    @property
    def minimal(self) -> bool:
        """Tell whether permission bits say it all, so that the kernel stores no ACL."""
        return self.mask is None

    @property
    def mode(self) -> int:
        """The nine permission bits that stat(2) shows: the group bits are the mask's, if any."""
        group = self.group_obj if self.mask is None else self.mask
        return self.user_obj << 6 | group << 3 | self.other

    def masked(self, permissions: int) -> int:
        """Return what is left of an entry of the group class under the mask."""
        return permissions if self.mask is None else permissions & self.mask

    def with_recalculated_mask(self) -> Acl:
        """Return it with the mask as setfacl(1) computes it: all that the group class holds.

        An ACL without named entries keeps a mask it has, and gets none, as with setfacl.
        """
        if not self.users and not self.groups and self.mask is None:
            return self
        mask = self.group_obj
        for dummy, permissions in self.users + self.groups:
            mask |= permissions
        return self._replace(mask=mask)

    def modified(self, users: Mapping[int, int], groups: Mapping[int, int]) -> Acl:
        """Return it with these named entries set, as ``setfacl -m`` leaves it."""
        return self._replace(
            users=entries_of({**dict(self.users), **users}),
            groups=entries_of({**dict(self.groups), **groups}),
        ).with_recalculated_mask()
