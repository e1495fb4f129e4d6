# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The acceptor: a real listener, real children, real signals, in a process of its own."""

from __future__ import annotations

import os
import resource
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.runtime import accept

# What serves a connection: it says its number and copies until the client has said all.
ECHO = ("/bin/sh", "-c", "exec /bin/cat <&0 >&0")
# The process gets the listener as number 3 and its own number, as from systemd.
START = f"""
import os, sys
sys.path.insert(0, {str(Path(accept.__file__).parent)!r})
import resource, importlib.util
listener = int(sys.argv[1])
if listener != 3:
    os.dup2(listener, 3)
    os.close(listener)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
if sys.argv[2] != "0":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[2]), hard))
spec = importlib.util.spec_from_file_location("accept", {accept.__file__!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
sys.exit(module.main(sys.argv[3:]))
"""


class Running:
    """An acceptor on a socket of its own."""

    def __init__(self, path: Path, arguments: list[str], files: int = 0) -> None:
        self.path = str(path)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.path)
            listener.listen(100)
            number = listener.fileno()
            self.process = subprocess.Popen(
                [sys.executable, "-c", START, str(number), str(files), *arguments],
                pass_fds=(number,),
                stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )

    def connect(self) -> socket.socket:
        """Return a new connection."""
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(10)
        client.connect(self.path)
        return client

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Stop it; return its exit status and what it said."""
        self.process.send_signal(number)
        said = self.process.communicate(timeout=10)[1]
        return self.process.returncode, said


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Running]:
    """An acceptor for at most two at once."""
    running = Running(tmp_path / "s", ["--max", "2", "--", *ECHO])
    yield running
    running.process.kill()
    running.process.wait()


def echoed(client: socket.socket, data: bytes = b"hello") -> bytes:
    """Say something and return the answer."""
    client.sendall(data)
    return client.recv(100)


def silent(client: socket.socket) -> bool:
    """Tell whether nothing has come after a moment."""
    return not select.select([client], [], [], 0.3)[0]


def sleeps(pid: int) -> bool:
    """Tell whether a process comes to rest, which a loop that spins never does."""
    ends, seen = time.monotonic() + 10, 0
    while seen < 3 and time.monotonic() < ends:
        asleep = "\nState:\tS" in Path(f"/proc/{pid}/status").read_text()
        seen = seen + 1 if asleep else 0
        time.sleep(0.01)
    return seen == 3


def test_each_connection_gets_a_process(one: Running) -> None:
    with one.connect() as first, one.connect() as second:
        assert echoed(first, b"1") == b"1"
        assert echoed(second, b"2") == b"2"
    for dummy in range(20):
        with one.connect() as client:
            assert echoed(client) == b"hello"
    assert sleeps(one.process.pid)
    assert one.end() == (0, "")


def test_the_backlog_keeps_who_is_too_many(one: Running) -> None:
    first, second, third = one.connect(), one.connect(), one.connect()
    assert echoed(first) == echoed(second) == b"hello"
    third.sendall(b"late")
    assert silent(third)
    assert sleeps(one.process.pid)
    first.close()
    assert third.recv(100) == b"late"


def test_stopping_lets_connections_end(one: Running) -> None:
    served = one.connect()
    assert echoed(served) == b"hello"
    one.process.terminate()
    late = one.connect()
    late.sendall(b"late")
    assert silent(late)
    assert sleeps(one.process.pid)
    assert echoed(served, b"still") == b"still"
    served.close()
    assert one.process.wait(timeout=10) == 0


def test_children_do_not_keep_the_listener(one: Running) -> None:
    client = one.connect()
    assert echoed(client) == b"hello"
    one.process.kill()
    one.process.wait()
    with pytest.raises(ConnectionRefusedError):
        one.connect()
    assert echoed(client) == b"hello"


def test_too_few_descriptors_are_waited_for(tmp_path: Path) -> None:
    # 0 to 3 and the two ends of the pipe: none is left for a connection.
    running = Running(tmp_path / "s", ["--max", "2", "--", *ECHO], files=6)
    client = running.connect()
    client.sendall(b"x")
    # It says so when it has tried in vain, however long it took to start.
    assert select.select([running.process.stderr], [], [], 30)[0]
    assert silent(client)
    assert sleeps(running.process.pid)
    hard = resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, (64, hard))
    assert client.recv(100) == b"x"
    client.close()
    status, said = running.end()
    assert status == 0
    assert said == "socket-access: Cannot accept a connection: Too many open files.\n"


def test_a_program_that_is_missing_costs_one_connection(tmp_path: Path) -> None:
    program = tmp_path / "program"
    running = Running(tmp_path / "s", ["--max", "2", "--", str(program)])
    with running.connect() as client:
        assert client.recv(100) == b""
    program.write_text("#!/bin/sh\nexec cat <&0 >&0\n")
    program.chmod(0o755)
    with running.connect() as client:
        assert echoed(client) == b"hello"
    program.unlink()
    for dummy in range(2):
        with running.connect() as client:
            assert client.recv(100) == b""
    status, said = running.end()
    assert status == 0
    # Once each time that it went wrong anew.
    assert said == f"socket-access: Cannot start {program}: No such file or directory.\n" * 2


def test_the_program_sees_nothing_of_the_activation(tmp_path: Path) -> None:
    script = "echo $LISTEN_FDS$LISTEN_PID $(ls /proc/self/fd | tr '\\n' ' ') >&0"
    running = Running(tmp_path / "s", ["--max", "2", "--", "/bin/sh", "-c", script])
    with running.connect() as client:
        time.sleep(0.2)
        # 3 is the directory that ls reads.
        assert client.recv(100).split() == [b"0", b"1", b"2", b"3"]
    assert running.end(signal.SIGINT) == (0, "")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--max", "2"],
        ["--max", "2", "--"],
        ["--max", "0", "--", "/bin/cat"],
        ["--max", "two", "--", "/bin/cat"],
        ["--max", "2", "/bin/cat"],
        ["--min", "2", "--", "/bin/cat"],
        ["--max", "2", "-x", "/bin/cat"],
        ["--max", "2", "--", "cat"],
    ],
)
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert accept.main(arguments) == 2
    assert "accept takes --max N" in capsys.readouterr().err


def test_one_at_a_time_is_a_limit() -> None:
    assert accept.parse(["--max", "1", "--", "/bin/cat", "-u"]) == (1, ["/bin/cat", "-u"])


def test_what_is_no_socket_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", "1")
    with open(os.devnull, "rb") as file:
        monkeypatch.setattr(accept, "_LISTENER", file.fileno())
        assert accept.main(["--max", "2", "--", "/bin/cat"]) == 1
    assert "The descriptor from systemd is no listener" in capsys.readouterr().err


@pytest.mark.parametrize(
    "environment",
    [{}, {"LISTEN_PID": "1", "LISTEN_FDS": "1"}, {"LISTEN_PID": "7", "LISTEN_FDS": "2"}],
)
def test_without_systemd_it_says_who_starts_it(environment: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"start the \.socket unit"):
        accept.inherited(environment, 7)


@pytest.mark.parametrize("number", accept._SHORTAGE)
def test_a_shortage_of_processes_keeps_the_connection(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tries = iter([OSError(number, "short"), OSError(number, "short"), 4711])

    def spawn(*arguments: object, **more: object) -> int:
        result = next(tries)
        if isinstance(result, OSError):
            raise result
        return result

    monkeypatch.setattr(os, "posix_spawn", spawn)
    ours, theirs = socket.socketpair()
    listener = socket.socket(socket.AF_UNIX)
    acceptor = accept.Acceptor(listener, 2, ["/bin/cat"])
    acceptor._waiting = theirs
    assert acceptor._take()
    assert acceptor._take()
    assert silent(ours)
    listener.setblocking(False)
    listener.bind("")
    listener.listen(1)
    assert not acceptor._take()
    assert acceptor._children == {4711}
    assert capsys.readouterr().err == "socket-access: Cannot start /bin/cat: short.\n"
    ours.close()
    listener.close()
