# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A place of root's own with real sockets, and the engine's whole way on it."""

from __future__ import annotations

import ctypes
import os
import pickle
import shutil
import signal
import socket
import subprocess
import tempfile
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

from ansible_collections.unixsocket.access.plugins.module_utils._engine import making
from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.record import (
    Record,
    RecordFile,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import (
    XATTR_ACCESS,
    Acl,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import validate
from ansible_collections.unixsocket.access.plugins.module_utils._engine.report import Result
from ansible_collections.unixsocket.access.plugins.module_utils._engine.run import converge
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import Options, Task
from kernel.trees import put

# Ids that nobody has; numbers are allowed as principals.
ALICE, BOB, CAROL, MALLORY = 71001, 71002, 71003, 71009
STAFF, CROWD, OTHERS = 72001, 72002, 72003

_libc = ctypes.CDLL(None, use_errno=True)
_AT_FDCWD, _EXCHANGE, _NEW_MOUNTS = -100, 2, 0x00020000
_T = TypeVar("_T")


@dataclass(frozen=True)
class Seen:
    """All of an inode that a run may change, and the time of its last change."""

    uid: int
    gid: int
    mode: int
    acl: bytes | None
    ctime: int = field(compare=False)


def seen(path: str | Path, *, follow: bool = False) -> Seen:
    """Look at what a name means, by default without following a link."""
    status = os.stat(path, follow_symlinks=follow)
    try:
        acl = os.getxattr(path, XATTR_ACCESS, follow_symlinks=follow)
    except OSError:
        acl = None
    return Seen(status.st_uid, status.st_gid, status.st_mode, acl, status.st_ctime_ns)


def everything(top: Path) -> dict[str, Seen]:
    """Look at a tree, the top itself included."""
    found = {str(top): seen(top)}
    for directory, directories, files in os.walk(top):
        for name in directories + files:
            path = os.path.join(directory, name)
            found[path] = seen(path)
    return found


class Place:
    """A directory of root's, its record, and the sockets that listen in it."""

    def __init__(self, top: Path, record: Path) -> None:
        self.top = top
        self.file = RecordFile(str(record))
        self.listeners: list[socket.socket] = []

    def directory(self, name: str, mode: int = 0o755, uid: int = 0, gid: int = 0) -> Path:
        path = self.top / name
        path.mkdir()
        os.chown(path, uid, gid)
        path.chmod(mode)
        return path

    def listen(
        self,
        name: str | Path,
        acl: Acl | int = 0o755,
        uid: int = 0,
        gid: int = 0,
        kind: int = socket.SOCK_STREAM,
    ) -> str:
        """Bind and listen, as a daemon would, and give the socket this access."""
        path = str(self.top / name)
        listener = socket.socket(socket.AF_UNIX, kind)
        listener.bind(path)
        if kind != socket.SOCK_DGRAM:
            listener.listen(64)
        self.listeners.append(listener)
        os.chown(path, uid, gid)
        if isinstance(acl, Acl):
            put(path, acl)
        else:
            os.chmod(path, acl)
        return path

    def again(self, path: str, acl: Acl | int = 0o755, uid: int = 0, gid: int = 0) -> None:
        """Make the socket anew, as a daemon that is restarted does."""
        os.unlink(path)
        self.listen(path, acl, uid, gid)

    def close(self) -> None:
        for listener in self.listeners:
            listener.close()

    def run(
        self,
        sockets: Mapping[str, Mapping[str, Any]],
        *,
        check: bool = False,
        absent: bool = False,
        prove: bool = True,
        lock_seconds: float = 5.0,
        dropped: Collection[str] = (),
        holder: str = "socket ",
        **how: Any,
    ) -> Result:
        """Converge a declaration as the modules do, without hooks: units are no matter here."""
        tasks = [Task(one, holder + one.name, **how) for one in validate(sockets).sockets]
        options = Options(
            check=check, prove=prove, absent=absent, lock_seconds=lock_seconds, proof_seconds=5.0
        )
        with mock.patch.object(making, "is_running", return_value=False):
            return converge(tasks, options, dropped=lambda record: dropped, file=self.file)

    def refusal(self, sockets: Mapping[str, Mapping[str, Any]], **how: Any) -> str:
        """Converge what is refused; nothing may have been touched, and no record made."""
        before = everything(self.top)
        try:
            self.run(sockets, **how)
        except AccessError as error:
            after = everything(self.top)
            assert after == before
            assert {path: one.ctime for path, one in after.items()} == {
                path: one.ctime for path, one in before.items()
            }
            assert not os.path.exists(self.file.directory)
            return str(error)
        raise AssertionError("It was not refused.")

    @property
    def record(self) -> Record:
        return self.file.load()


def mount(kind: str, point: Path, options: str = "") -> None:
    words = ["mount", "-t", kind, *(["-o", options] if options else []), kind, str(point)]
    subprocess.run(words, check=True)


def mount_with_two_devices(point: Path) -> None:
    """Mount what stat(2) shows another device for than the kernel has, as it does for btrfs.

    The upper layer of an overlay is such where the layers are on two file systems (overlayfs.rst).
    """
    mount("tmpfs", point)
    for name in ("lower", "upper", "work"):
        (point / name).mkdir()
    mount("tmpfs", point / "lower")
    layers = ",".join(f"{name}dir={point}/{name}" for name in ("lower", "upper", "work"))
    mount("overlay", point, f"{layers},xino=off")


def unmount(point: Path) -> None:
    subprocess.run(["umount", "--lazy", str(point)], check=True)


def place_on(kind: str) -> Iterator[Place]:
    """Make a place on a "disk" or a "tmpfs", and take it away at the end."""
    # Everyone must be able to search the way, and nobody but root to write on it.
    base = Path(tempfile.mkdtemp(prefix="socket-access-test-", dir="/var/lib"))
    base.chmod(0o755)
    if kind == "tmpfs":
        mount("tmpfs", base, "mode=0755")
    top = base / "top"
    top.mkdir()
    place = Place(top, base / "record")
    yield place
    place.close()
    if kind == "tmpfs":
        unmount(base)
    shutil.rmtree(base)


def exchange(one: str, other: str) -> None:
    """Swap two names in one step (renameat2(2))."""
    if _libc.renameat2(_AT_FDCWD, one.encode(), _AT_FDCWD, other.encode(), _EXCHANGE):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), one)


def fork(work: Callable[[], object]) -> int:
    """Run the work in a child, which ends with status 0, or 1 and its traceback; return its id."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return pid


def become(uid: int, gid: int | None = None, groups: Iterable[int] = ()) -> None:
    """Give root up for ever; a user's own group has the user's number where none is named."""
    os.setgroups(sorted(groups))
    os.setresgid(*[uid if gid is None else gid] * 3)
    os.setresuid(uid, uid, uid)


def ended(pid: int) -> int:
    """Wait for a child; return its exit status, or the signal that ended it as a negative number."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    ended(pid)


def with_accounts_of_its_own(work: Callable[[], _T]) -> _T:
    """Run the work in a child whose /etc is a copy that nobody else sees."""
    reading, writing = os.pipe()

    def inside() -> None:
        if _libc.unshare(_NEW_MOUNTS):
            raise OSError(ctypes.get_errno(), "unshare")
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        mount("tmpfs", Path("/mnt"))
        for name in ("upper", "work"):
            Path("/mnt", name).mkdir()
        mount("overlay", Path("/etc"), "lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work")
        with os.fdopen(writing, "wb") as answer:
            pickle.dump(work(), answer)

    pid = fork(inside)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        data = answer.read()
    assert ended(pid) == 0
    return pickle.loads(data)
