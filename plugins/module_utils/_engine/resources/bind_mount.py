# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The mount of one socket on a file, which gives the socket a second path."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from .. import faults
from ..errors import AccessError
from ..host import mounting, mounts
from ..host.mounts import Mount
from ..host.pinned import pin, walked
from ..model.account import User
from ..model.chain import SOCKET, Chain
from . import base
from .endpoint_directory import directory_of
from .mount_owner import has_our_mark, is_ours
from .mount_state import (
    ABSENT,
    CURRENT,
    FOREIGN,
    OPTIONS,
    STALE,
    MountState,
    already_there,
    changes,
    in_words,
    something_else,
)
from .target_file import hold_target

__all__ = ("BindMount", "MountRequest", "MountState")

# Somebody may mount the same at the same time.
_TRIES = 3
# For how many seconds a unit of the user's may do it first, and how often that is looked at.
_PATIENCE, _PAUSE = 2.0, 0.02


class MountRequest(NamedTuple):
    """Which socket shall be mounted, and by which user; None is root."""

    source: str
    mount_as: str | None = None


class BindMount(base.Resource[MountState, MountRequest]):
    """One socket on one target: mounted exactly once while the socket is there, else not at all."""

    def __init__(
        self,
        target: str,
        source: str,
        *,
        descriptor: int | None = None,
        mounter: User | None = None,
        patient: bool = False,
        known: bool = False,
    ) -> None:
        """``target`` and ``source`` have no links in them.

        ``descriptor`` holds the socket, None while there is none.  ``mounter`` is the user who
        mounts it by a line of fstab, None for root, who mounts the inode that is held.  ``patient``
        lets a unit of that user mount it first, where one is doing it at the same time.  ``known``
        tells that an earlier run has mounted there, whatever the record says of it.
        """
        self.target = target
        self.source = source
        self.key = f"mount:{target}"
        self._descriptor = descriptor
        self._mounter = mounter
        self._patient = patient
        self._known = known
        self._inode = None if descriptor is None else _inode(os.fstat(descriptor))
        self._problem: str | None = None

    def read(self) -> MountState | None:
        self._problem = self._unfit_source()
        table = mounts.read()
        stack = mounts.at(table, self.target)
        count = len(stack) + len(mounts.echoes(table, self.source))
        if not stack:
            return MountState(ABSENT, count)
        by = mounts.user_of(self.target)
        current = self._shows_the_socket()
        for one in stack:
            if not self._is_ours(table, one):
                self._problem = something_else(self.source, self.target, one.root)
                return MountState(FOREIGN, count, by)
        # The lowest one stays.
        lacks = tuple(one for one in OPTIONS if current and one not in stack[0].options)
        return MountState(CURRENT if current else STALE, count, by, lacks)

    def wanted(self, base: MountState, requests: Mapping[str, MountRequest]) -> MountState:
        if self._problem is not None:
            raise AccessError(self._problem)
        if len(set(requests.values())) > 1:
            raise AccessError(
                f"{' and '.join(sorted(requests))} want different mounts on {self.target}; give "
                "one of the two another path for its endpoint."
            )
        if base.what in (CURRENT, STALE) and not (self._known or has_our_mark(self.target)):
            raise AccessError(already_there(self.source, self.target, base))
        return self._mounted() if self._descriptor is not None else MountState()

    def without_us(
        self, current: MountState, before: MountState, applied: MountState
    ) -> MountState:
        return current if current.what == FOREIGN else MountState()

    def remembered(self, before: MountState, base: MountState) -> MountState:
        """A mount of the socket on its endpoint is never what is put back one day."""
        return MountState()

    def write(self, target: MountState) -> None:
        """Mount or unmount; of an earlier state that cannot be had again, the best is made."""
        if self.read() == target:
            return
        if target.what == ABSENT or not self._can_mount(target):
            self._unmount()
            return
        if self._problem is not None:
            raise AccessError(self._problem)
        name = os.path.basename(self.target)
        with directory_of(self.target) as directory:
            for dummy in range(_TRIES):
                mounting.unmount_all(directory, name, self.target, keep=1, check=self._check_top)
                self._remove_echoes()
                if self.read() == self._mounted():
                    return
                mounting.unmount_all(directory, name, self.target, check=self._check_top)
                if self._patient and self._wait():
                    return
                try:
                    self._mount(directory, name)
                except AccessError:
                    # A unit of the user's may have mounted it in between.
                    if not mounts.at(mounts.read(), self.target):
                        raise
                if self.read() == self._mounted():
                    return
            mounting.unmount_all(directory, name, self.target)
        whom = "root" if self._mounter is None else f"user {self._mounter.name}"
        raise AccessError(
            f"What was mounted on {self.target} by {whom} was not {self.source} alone, or "
            "mount(8) did not remember who mounted it, so it was unmounted again; declare "
            "mount_as: root for this endpoint."
        )

    def place(self, current: MountState, target: MountState) -> int:
        return base.MOUNTS_COME if target.what == CURRENT else base.MOUNTS_GO

    def in_words(self, state: MountState | None) -> str:
        return in_words(self.source, self.target, state or MountState())

    def changes(self, current: MountState, target: MountState) -> list[str]:
        return changes(self.source, self.target, current, target)

    def state_to_json(self, state: MountState) -> Any:
        return {**vars(state), "lacks": list(state.lacks)}

    def state_from_json(self, data: Any) -> MountState:
        return MountState(**{**data, "lacks": tuple(data.get("lacks", ()))})

    def request_to_json(self, request: MountRequest) -> Any:
        return request._asdict()

    def request_from_json(self, data: Any) -> MountRequest:
        return MountRequest(**data)

    def _mounted(self) -> MountState:
        return MountState(CURRENT, 1, None if self._mounter is None else self._mounter.name)

    def _unfit_source(self) -> str | None:
        if self._descriptor is None:
            return None
        status = os.fstat(self._descriptor)
        if not stat.S_ISSOCK(status.st_mode):
            return (
                f"{self.source} is not a socket, so it is not mounted; name the path of a socket."
            )
        if status.st_nlink > 1:
            return (
                f"{self.source} has {status.st_nlink} hard links instead of one, so it may be "
                "somebody else's socket and is not mounted; remove the other names, or restart the "
                "daemon that made the socket."
            )
        return None

    def _is_ours(self, table: list[Mount], one: Mount) -> bool:
        mounter = None if self._mounter is None else self._mounter.name
        return is_ours(table, one, self.source, mounter, self._shows_the_socket())

    def _check_top(self) -> None:
        """Raise AccessError where the topmost mount on the target is somebody else's."""
        table = mounts.read()
        stack = mounts.at(table, self.target)
        if stack and not self._is_ours(table, stack[-1]):
            raise AccessError(something_else(self.source, self.target, stack[-1].root))

    def _shows_the_socket(self) -> bool:
        return self._inode is not None and self._shown() == self._inode

    def _shown(self) -> tuple[int, int] | None:
        try:
            return _inode(os.lstat(self.target))
        except OSError:
            return None

    def _can_mount(self, target: MountState) -> bool:
        """Tell whether the socket is there to be mounted; where it was wanted, mounting says so."""
        if target.what == CURRENT and self._descriptor is not None:
            return True
        return self._inode is not None and self._is_the_socket(walked(self.source))

    def _is_the_socket(self, chain: Chain) -> bool:
        leaf = chain.leaf
        return (
            leaf is not None
            and (leaf.kind, leaf.links, leaf.path) == (SOCKET, 1, self.source)
            and (leaf.device, leaf.inode) == self._inode
        )

    def _mount(self, directory: int, name: str) -> None:
        # Pinned anew, for what was pinned may have been a mount on the socket that is gone now.
        held = pin(self.source)
        try:
            source = held.descriptor(self.source)
            if source is None or not self._is_the_socket(held.chain):
                raise AccessError(
                    f"{self.source} was replaced while it was looked at, so it was not mounted on "
                    f"{self.target}; run again when its daemon has settled."
                )
            target = hold_target(directory, name, self.target)
            try:
                if self._mounter is None:
                    mounting.mount_pinned(source, target, directory, name)
            finally:
                os.close(target)
        except OSError as error:
            raise AccessError(
                f"{self.source} could not be mounted on {self.target}: {faults.in_words(error)}"
            ) from error
        finally:
            held.close()
        if self._mounter is not None:
            mounting.mount_as(self._mounter, self.target)

    def _wait(self) -> bool:
        """Wait for a mount by somebody else; return whether it is the right one."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            state = self.read()
            if state is not None and state.count:
                return state == self._mounted()
            time.sleep(_PAUSE)
        return False

    def _unmount(self) -> None:
        self._remove_echoes()
        if not mounts.at(mounts.read(), self.target):
            return
        self._check_top()
        if self._inode is None:
            # So that a run which fails can mount the same again.
            self._inode = self._shown()
        name = os.path.basename(self.target)
        with directory_of(self.target, strict=False) as directory:
            mounting.unmount_all(directory, name, self.target, check=self._check_top)
        self._remove_echoes()

    def _remove_echoes(self) -> None:
        """Unmount what lies on the socket's own name, whoever else may write to its directory.

        Nothing that is mounted on can be renamed (rename(2), EBUSY), and what is no mount is not
        unmounted, so nothing else can be hit. umount(8) would follow a link on the way.
        """
        above = os.path.dirname(self.source)
        while mounts.echoes(mounts.read(), self.source):
            held = pin(above, (above,))
            try:
                directory = held.descriptor(above)
                if directory is None:
                    return
                mounting.unmount_held(directory, os.path.basename(self.source))
            except OSError as error:
                raise AccessError(
                    f"{self.source} is mounted on itself, and could not be unmounted: "
                    f"{faults.in_words(error)}"
                ) from error
            finally:
                held.close()


def _inode(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
