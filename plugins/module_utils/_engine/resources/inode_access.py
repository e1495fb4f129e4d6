# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The access of an inode (owner, group, mode and ACL with its mask) as one resource.

What two grants want of the same inode is merged into one desired value before anything is written,
so nothing can fight over the mask.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Callable

from ..errors import AccessError, Overtaken
from ..host import inode
from ..model.access import (
    Access,
    AccessRequest,
    healed_directory,
    healed_socket,
    may_narrow,
    merge,
    wanted_directory,
    wanted_socket,
    without_us,
)
from ..model.acl import EXECUTE, WRITE, Acl
from ..model.words import Names, permissions_in_words
from .base import DIRECTORIES_CLOSE, DIRECTORIES_OPEN, SOCKETS, Resource

_OPTIONAL = ("uid", "gid", "user_obj", "group_obj", "other")


class InodeAccess(Resource[Access, AccessRequest]):
    """The access of one pinned inode; ``descriptor`` is None while the inode does not exist."""

    _kind: str
    _wanted: Callable[[Access, AccessRequest], Access]
    _healed: Callable[[Access, Access, Access], Access]

    def __init__(self, path: str, descriptor: int | None, names: Names) -> None:
        self.path = path
        self.key = f"{self._kind}:{path}"
        self._descriptor = descriptor
        self._names = names
        self._seen: Access | None = None
        self._written: Access | None = None

    def read(self) -> Access | None:
        if self._descriptor is not None:
            self._seen = inode.read_access(self._descriptor)
        return self._seen

    def identity(self) -> str | None:
        if self._descriptor is None:
            return None
        status = os.fstat(self._descriptor)
        return f"{status.st_dev}:{status.st_ino}"

    def wanted(self, base: Access, requests: Mapping[str, AccessRequest]) -> Access:
        try:
            return type(self)._wanted(base, merge(requests, self._names))
        except AccessError as error:
            raise AccessError(f"{self.path}: {error}") from None

    def without_us(self, current: Access, before: Access, applied: Access) -> Access:
        return without_us(current, before, applied)

    def healed(self, current: Access, before: Access, applied: Access) -> Access:
        return type(self)._healed(current, before, applied)

    def write(self, target: Access) -> None:
        """Put an access into effect, or put it back, over nothing that somebody else wrote since.

        Raises Overtaken where that makes the target the answer to what is no longer so.
        """
        if self._descriptor is None:
            raise AssertionError("only an inode that was read is written")
        now = inode.read_access(self._descriptor)
        if self._written is not None:
            target = self.healed(now, target, self._written)
        elif now not in (self._seen, target):
            raise Overtaken(
                f"{self.path} was changed by somebody else while this run was going on; run again."
            )
        self._written = target
        inode.write_access(self._descriptor, target)

    def merge(self, old: AccessRequest, new: AccessRequest, *, adds: bool) -> AccessRequest:
        if not adds:
            return new
        return new._replace(users={**old.users, **new.users}, groups={**old.groups, **new.groups})

    def in_words(self, state: Access | None) -> str:
        if state is None:
            return f"{self.path}: does not exist\n"
        lines = [
            self.path,
            f"  owner: {self._names.user_name(state.uid)}",
            f"  group: {self._names.group_name(state.gid)}",
            *(f"  {line}" for line in acl_lines(state.acl, self._names)),
        ]
        return "\n".join(lines) + "\n"

    def changes(self, current: Access, target: Access) -> list[str]:
        said = []
        if current.uid != target.uid:
            said.append(self._turn("owner", *map(self._names.user_name, (current.uid, target.uid))))
        if current.gid != target.gid:
            said.append(
                self._turn("group", *map(self._names.group_name, (current.gid, target.gid)))
            )
        before = dict(line.rsplit(":", 1) for line in acl_lines(current.acl, self._names))
        after = dict(line.rsplit(":", 1) for line in acl_lines(target.acl, self._names))
        for entry in [*after, *(entry for entry in before if entry not in after)]:
            if before.get(entry) != after.get(entry):
                said.append(
                    self._turn(entry, before.get(entry, "no entry"), after.get(entry, "no entry"))
                )
        return said

    def _turn(self, what: str, before: str, after: str) -> str:
        return f"{self.path}: {what} changes from {before} to {after}."

    def state_to_json(self, state: Access) -> Any:
        return {"uid": state.uid, "gid": state.gid, "acl": state.acl.to_bytes().hex()}

    def state_from_json(self, data: Any) -> Access:
        return Access(data["uid"], data["gid"], Acl.from_bytes(bytes.fromhex(data["acl"])))

    def request_to_json(self, request: AccessRequest) -> Any:
        data: dict[str, Any] = {
            name: getattr(request, name) for name in _OPTIONAL if getattr(request, name) is not None
        }
        data["users"] = {str(number): value for number, value in sorted(request.users.items())}
        data["groups"] = {str(number): value for number, value in sorted(request.groups.items())}
        data["exclusive"] = request.exclusive
        data["trusted"] = list(request.trusted)
        return data

    def request_from_json(self, data: Any) -> AccessRequest:
        return AccessRequest(
            **{name: data[name] for name in _OPTIONAL if name in data},
            users={int(number): value for number, value in data["users"].items()},
            groups={int(number): value for number, value in data["groups"].items()},
            exclusive=data["exclusive"],
            trusted=tuple(data["trusted"]),
        )


class SocketAccess(InodeAccess):
    """The access of a socket."""

    _kind = "socket"
    _wanted = staticmethod(wanted_socket)
    _healed = staticmethod(healed_socket)

    def place(self, current: Access, target: Access) -> int:
        return SOCKETS

    def narrows(self, current: Access, target: Access) -> bool:
        return may_narrow(current, target, WRITE)


class DirectoryAccess(InodeAccess):
    """The access of a directory on the way to a socket: search entries that are added to it."""

    _kind = "directory"
    _wanted = staticmethod(wanted_directory)
    _healed = staticmethod(healed_directory)

    def place(self, current: Access, target: Access) -> int:
        """What closes goes before its sockets open, what lets anyone search after they close."""
        held, wanted = _searchers(current.acl), _searchers(target.acl)
        gained = any(allowed and not held.get(who) for who, allowed in wanted.items())
        return DIRECTORIES_OPEN if gained else DIRECTORIES_CLOSE

    def narrows(self, current: Access, target: Access) -> bool:
        return may_narrow(current, target, EXECUTE)


def _searchers(acl: Acl) -> dict[tuple[str, int], bool]:
    """Return who may search a directory: by each entry of the group class, and everyone else."""
    held = {
        ("other", 0): acl.other,
        ("owning group", 0): acl.masked(acl.group_obj),
        **{("user", uid): acl.masked(permissions) for uid, permissions in acl.users},
        **{("group", gid): acl.masked(permissions) for gid, permissions in acl.groups},
    }
    return {who: bool(permissions & EXECUTE) for who, permissions in held.items()}


def acl_lines(acl: Acl, names: Names) -> list[str]:
    """Return an ACL as ``getfacl`` would write it, one entry a line, with names."""
    rows = [("user:", acl.user_obj)]
    rows += [(f"user:{names.user_name(uid)}", permissions) for uid, permissions in acl.users]
    rows.append(("group:", acl.group_obj))
    rows += [(f"group:{names.group_name(gid)}", permissions) for gid, permissions in acl.groups]
    if acl.mask is not None:
        rows.append(("mask:", acl.mask))
    rows.append(("other:", acl.other))
    return [f"{entry}:{permissions_in_words(permissions)}" for entry, permissions in rows]
