# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The directory of an endpoint: there, with its access, and with nobody but root to write to it.

Whoever can write to it could put something of theirs where clients connect, or lead a mount to
another file.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from ..errors import AccessError
from ..host import inode
from ..host.pinned import pin
from ..model.access import Access, AccessRequest, merge, wanted_directory, without_us
from ..model.account import ROOT
from ..model.acl import WRITE, XATTR_DEFAULT, Acl
from ..model.chain import DIRECTORY, SYMLINK, Chain
from ..model.logins import not_to_be_made
from ..model.words import Names, one_line
from . import base
from .inode_access import DirectoryAccess

_BORN = Access(ROOT, ROOT, Acl(7, 0, 0))


class EndpointState(NamedTuple):
    """The access of the directory, None where there is no directory."""

    access: Access | None


class EndpointDirectory(base.Resource[EndpointState, AccessRequest]):
    """One directory that is made if it is missing; what stands above it must be there.

    Of a directory that was there only what a request names is changed; a new one has mode 0700 and
    belongs to root unless a request says otherwise.
    """

    def __init__(self, path: str, names: Names) -> None:
        """``path`` has no links in it."""
        self.path = path
        self.key = f"endpoint:{path}"
        self._names = names
        self._access = DirectoryAccess(path, None, names)
        self._problem: str | None = None

    def read(self) -> EndpointState | None:
        self._problem = None
        held = pin(self.path, (self.path,))
        try:
            chain, fd = held.chain, held.descriptor(self.path)
            above = chain._replace(components=_without(chain, self.path))
            self._problem = (
                not_to_be_made(self.path, chain.missing, self._names)
                or not_roots_alone(above, self.path)
                or _unfit(chain, self.path)
            )
            if self._problem is not None or fd is None:
                return EndpointState(None)
            return EndpointState(inode.read_access(fd))
        finally:
            held.close()

    def wanted(self, base: EndpointState, requests: Mapping[str, AccessRequest]) -> EndpointState:
        if self._problem is not None:
            raise AccessError(self._problem)
        asked = merge(requests)
        access = _with_scalars(base.access or _BORN, asked)
        access = wanted_directory(access, asked)
        writers = _writers(access)
        if writers:
            raise AccessError(
                f"The directory {self.path} could be written to by {' and '.join(writers)}, who "
                "could then put something else in the place of an endpoint in it; let it belong to "
                "root and give nobody else write permission, or declare an endpoint elsewhere."
            )
        return EndpointState(access)

    def without_us(
        self, current: EndpointState, before: EndpointState, applied: EndpointState
    ) -> EndpointState:
        if self._problem is not None or current.access is None or before.access is None:
            return current if before.access is not None else before
        if applied.access is None:
            return current
        return EndpointState(without_us(current.access, before.access, applied.access))

    def write(self, target: EndpointState) -> None:
        current = self.read()
        if current == target:
            return
        if target.access is None:
            self._remove()
            return
        if self._problem is not None:
            raise AccessError(self._problem)
        with directory_of(self.path) as parent:
            if current is None or current.access is None:
                _make(parent, os.path.basename(self.path))
            fd = os.open(os.path.basename(self.path), _FLAGS, dir_fd=parent)
            try:
                inode.write_access(fd, target.access)
            finally:
                os.close(fd)

    def place(self, current: EndpointState, target: EndpointState) -> int:
        if target.access is None:
            return base.FILES_GO
        if current.access is None or _writers(current.access):
            # Nobody else may be able to write to it once a file is made in it.
            return base.FILES_COME
        return self._access.place(current.access, target.access)

    def in_words(self, state: EndpointState | None) -> str:
        return self._access.in_words(None if state is None else state.access)

    def changes(self, current: EndpointState, target: EndpointState) -> list[str]:
        if target.access is None:
            return [f"The directory {self.path} is removed if nothing else is in it."]
        if current.access is None:
            return [f"The directory {self.path} is made."]
        return self._access.changes(current.access, target.access)

    def merge(self, old: AccessRequest, new: AccessRequest, *, adds: bool) -> AccessRequest:
        return self._access.merge(old, new, adds=adds)

    def state_to_json(self, state: EndpointState) -> Any:
        return None if state.access is None else self._access.state_to_json(state.access)

    def state_from_json(self, data: Any) -> EndpointState:
        return EndpointState(None if data is None else self._access.state_from_json(data))

    def request_to_json(self, request: AccessRequest) -> Any:
        return self._access.request_to_json(request)

    def request_from_json(self, data: Any) -> AccessRequest:
        return self._access.request_from_json(data)

    def _remove(self) -> None:
        """Remove it if it is empty and its own name still leads to it."""
        try:
            with directory_of(self.path) as parent:
                os.rmdir(os.path.basename(self.path), dir_fd=parent)
        except AccessError:
            return
        except OSError as error:
            # Gone already, or somebody else put something there; whatever else it is, is told.
            if error.errno not in _SOMEBODY_ELSES:
                raise


# rmdir(2): what is no fault of the host.
_SOMEBODY_ELSES = frozenset(
    (errno.ENOENT, errno.ENOTDIR, errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY)
)
_FLAGS = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def directory_of(path: str, *, strict: bool = True) -> Iterator[int]:
    """Hold the directory that a path stands in, which root alone can change.

    Raises AccessError where it is missing, or, if that is ``strict``, where somebody else could
    change what it leads to.
    """
    directory = os.path.dirname(path)
    held = pin(directory, (directory,))
    try:
        problem = not_roots_alone(held.chain, path) if strict else None
        problem = problem or _unfit(held.chain, directory)
        fd = held.descriptor(directory)
        if problem is None and fd is None:
            problem = f"The directory {directory} does not exist; create it first."
        if problem is not None or fd is None:
            raise AccessError(problem or "")
        yield fd
    finally:
        held.close()


def not_roots_alone(chain: Chain, path: str) -> str | None:
    """Return why somebody else than root could change what stands on a chain, or None.

    It is stricter than what a socket demands, for a file system is mounted there with root's
    rights (mount(8), "Non-superuser mounts"): even the owner of all of it is refused.
    """
    for one in chain.components:
        if one.kind == SYMLINK:
            return (
                f"{path} leads through the symbolic link {one.path} (to "
                f"{one_line(str(one.target))}); name the real path of the endpoint, which begins with "
                f"{one_line(os.path.realpath(one.path))}."
            )
        writers = _writers(one.access) if one.kind == DIRECTORY else []
        if writers:
            return (
                f"{path} cannot be an endpoint, for the directory {one.path} could be written to "
                f"by {' and '.join(writers)}, who could put something else in its place; take that "
                "permission away, or declare an endpoint in a directory of root's, below /run for "
                "example."
            )
    return None


def _unfit(chain: Chain, path: str) -> str | None:
    if chain.missing is not None and chain.missing != path:
        return (
            f"The directory {path} cannot be made, for {chain.missing} does not exist; create that "
            "directory first."
        )
    leaf = chain.leaf
    if chain.blocked is not None or (leaf is not None and leaf.kind != DIRECTORY):
        return (
            f"{chain.blocked or path} is a {chain.components[-1].kind} and not a directory; remove "
            "it, or declare an endpoint elsewhere."
        )
    return None


def _without(chain: Chain, path: str) -> tuple[Any, ...]:
    return tuple(one for one in chain.components if one.path != path or one.kind != DIRECTORY)


def _writers(access: Access) -> list[str]:
    """Return who besides root can write, or can give himself the permission as the owner."""
    acl = access.acl
    found = [] if access.uid == ROOT else [f"its owner (user id {access.uid})"]
    if acl.other & WRITE:
        found.append("everyone")
    for gid, held in ((access.gid, acl.group_obj), *acl.groups):
        if acl.masked(held) & WRITE and gid != ROOT:
            found.append(f"the group with the id {gid}")
    for uid, held in acl.users:
        if acl.masked(held) & WRITE and uid != ROOT:
            found.append(f"the user with the id {uid}")
    return found


def _with_scalars(access: Access, asked: AccessRequest) -> Access:
    acl = access.acl
    if asked.group_obj is not None and acl.mask is not None:
        # What the mask cut off stays cut off when it is widened for the group.
        acl = acl._replace(
            users=tuple((uid, acl.masked(held)) for uid, held in acl.users),
            groups=tuple((gid, acl.masked(held)) for gid, held in acl.groups),
        )
    acl = acl._replace(
        user_obj=acl.user_obj if asked.user_obj is None else asked.user_obj,
        group_obj=acl.group_obj if asked.group_obj is None else asked.group_obj,
        other=acl.other if asked.other is None else asked.other,
    )
    if asked.group_obj is not None:
        acl = acl.with_recalculated_mask()
    return Access(
        access.uid if asked.uid is None else asked.uid,
        access.gid if asked.gid is None else asked.gid,
        acl,
    )


def _make(parent: int, name: str) -> None:
    """Make an empty directory that only root can use, whatever its parent hands down (acl(5))."""
    os.mkdir(name, 0o700, dir_fd=parent)
    fd = os.open(name, _FLAGS, dir_fd=parent)
    try:
        link = inode.magic_link(fd)
        try:
            os.removexattr(link, XATTR_DEFAULT)
        except OSError:
            # It was handed down no default ACL, or the file system keeps none.
            pass
        inode.write_access(fd, _BORN)
        os.chmod(link, stat.S_IRWXU)
    finally:
        os.close(fd)
