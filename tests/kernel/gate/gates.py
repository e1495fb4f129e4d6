# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real gates in processes of their own, started as systemd starts them, without systemd."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    # The bench uses this file with a Python that has no pytest.
    import pytest

ENGINE = Path(__file__).resolve().parents[3] / "plugins" / "module_utils"
_STRANGER = 71099
KINDS = {"stream": socket.SOCK_STREAM, "seqpacket": socket.SOCK_SEQPACKET}

_START = """
import os, sys
os.environ["LISTEN_PID"] = str(os.getpid())
sys.path.insert(0, sys.argv[1])
from _engine.gate import journal
from _engine.runtime import gate_command
from _engine.runtime.output import Output
gate_command.PLACE = sys.argv[2]
journal.PLACE = "/nonexistent"
sys.exit(0 if gate_command.run("test", Output()) else 1)
"""


class Gate:
    """A running gate; ``log`` is what it wrote where there is no journal."""

    def __init__(self, place: Path, python: str = sys.executable, **rules: Any) -> None:
        self.place = place
        self.path = str(place / "gate.sock")
        self.file = place / "test.gate.json"
        self.rules = {"name": "test", "path": self.path, "type": "stream", "users": [0], **rules}
        self.write()
        self.listener = socket.socket(socket.AF_UNIX, KINDS[self.rules["type"]])
        self.listener.bind(self.path)
        os.chmod(self.path, 0o666)
        self.listener.listen(4096)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(place / "notify"))
        self.notify.settimeout(10)
        self.log = place / "log"
        self.python = python
        self.pid = self._start()
        self.status: int | None = None

    def _start(self) -> int:
        # This machine's journal, where it has one, must not be filled by tests.
        with self.log.open("ab") as log:
            pid = os.fork()
            if not pid:
                self._become(log.fileno())
        return pid

    def _become(self, log: int) -> NoReturn:
        try:
            os.dup2(log, 2)
            os.dup2(self.listener.fileno(), 3)
            os.set_inheritable(3, True)
            os.closerange(4, 1024)
            os.environ.update(LISTEN_FDS="1", NOTIFY_SOCKET=str(self.place / "notify"))
            place = str(self.file)
            os.execv(self.python, [self.python, "-c", _START, str(ENGINE), place])
        finally:
            os._exit(99)

    def write(self, **changes: Any) -> None:
        """Replace the rules, as their owner does."""
        self.rules.update(changes)
        rules = {key: value for key, value in self.rules.items() if value is not None}
        self.write_text(json.dumps(rules))

    def write_text(self, text: str) -> None:
        beside = self.file.with_suffix(".new")
        beside.write_text(text)
        beside.rename(self.file)

    def reread(self, **changes: Any) -> None:
        """Replace the rules, and see that the gate has them."""
        before = self.said("The rules were read again")
        self.write(**changes)
        self.signal(signal.SIGHUP)
        until(lambda: self.said("The rules were read again") > before)

    def wait_ready(self) -> Gate:
        assert self.notify.recv(100) == b"READY=1"
        # The socket that said so is still open for a moment; asleep, it waits for callers.
        until(lambda: self.state() == "S")
        return self

    def connect(self, seconds: float = 10) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, KINDS[self.rules["type"]])
        sock.settimeout(seconds)
        sock.connect(self.path)
        return sock

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Let it stand still; kill(2) returns before it does."""
        self.signal(signal.SIGSTOP)
        until(lambda: self.state() == "T")
        yield
        self.signal(signal.SIGCONT)

    def state(self) -> str:
        """Return what it does, as a letter (proc_pid_status(5))."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return status.partition("\nState:\t")[2][:1]

    def rests(self) -> bool:
        """Tell whether it waits for something to happen; a loop that spins never does for long."""
        for dummy in range(3):
            if self.state() != "S":
                return False
            time.sleep(0.005)
        return True

    def threads(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def spent(self) -> int:
        """Return the processor time of its first thread, in nanoseconds."""
        return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[0])

    def catch_up(self) -> None:
        """Return when it has accepted all who came before, and read what they sent."""
        # It accepts one after the other, each time when it has read what is there (Loop.defer).
        for dummy in range(2):
            refused = self.said("REASON=not-listed")
            os.seteuid(_STRANGER)
            self.connect().close()
            os.seteuid(0)
            until(lambda refused=refused: self.said("REASON=not-listed") > refused)

    def wait(self, seconds: float = 10) -> int:
        """Return its exit status, or the negative signal."""
        deadline = time.monotonic() + seconds
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            else:
                assert time.monotonic() < deadline, "the gate did not end"
                time.sleep(0.01)
        return self.status

    def said(self, text: str) -> int:
        """Return how often the log has a text."""
        return self.log.read_text(errors="replace").count(text)

    def descriptors(self, pipes: bool = True) -> int:
        """Return how many it has open; up to 8 pipes are kept for the next bulk (Pipes.give)."""
        count = 0
        for fd in os.listdir(f"/proc/{self.pid}/fd"):
            try:
                target = os.readlink(f"/proc/{self.pid}/fd/{fd}")
            except FileNotFoundError:
                continue
            count += pipes or not target.startswith("pipe:")
        return count

    def memory(self) -> int:
        """Return its resident memory in KiB."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise AssertionError("no VmRSS")

    def close(self) -> None:
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()
        self.listener.close()
        self.notify.close()


@contextmanager
def gate(place: Path, **rules: Any) -> Iterator[Gate]:
    """A gate that is ready, and gone afterwards."""
    one = Gate(place, **rules)
    try:
        yield one.wait_ready()
        assert not one.said("should not happen"), one.log.read_text()
    finally:
        one.close()


def kernel_refuses() -> bool:
    """Tell whether this kernel can refuse descriptors (SO_PASSRIGHTS, Linux 6.16)."""
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            return bool(sock.getsockopt(socket.SOL_SOCKET, 83))
        except OSError:
            return False


def hide_the_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the gates of a test run as below Linux 6.16."""
    hidden = _START.replace(
        "sys.exit", "import _engine.gate.peer as p; p.SO_PASSRIGHTS = 9999\nsys.exit"
    )
    monkeypatch.setattr(f"{__name__}._START", hidden)


def until(true: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.01)


def as_user(
    uid: int, action: Callable[[], object], gid: int | None = None, groups: tuple[int, ...] = ()
) -> bytes:
    """Run something in a forked child with these ids, and return its ``repr``."""
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        status = 98
        try:
            os.setgroups(groups)
            os.setresgid(*(3 * [uid if gid is None else gid]))
            os.setresuid(*(3 * [uid]))
            os.write(writer, repr(action()).encode())
            status = 0
        except BaseException as error:
            os.write(writer, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        data = file.read()
    os.waitpid(pid, 0)
    return data
