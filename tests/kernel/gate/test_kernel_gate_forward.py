# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real gates in front of real sockets: nothing lost, nothing mixed up, nobody wrongly inside."""

from __future__ import annotations

import array
import contextlib
import ctypes
import hashlib
import os
import random
import re
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate import bulk
from kernel.gate import gates
from kernel.gate.gates import KINDS, Gate, as_user, gate, hide_the_refusal, kernel_refuses, until

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWUSER, CLONE_NEWPID = 0x10000000, 0x20000000

Talk = Callable[[socket.socket], None]


class Backend:
    """Something that listens, a thread for each connection."""

    def __init__(self, path: Path, talk: Talk, kind: str = "stream", backlog: int = 4096) -> None:
        self.path = str(path)
        self.talk = talk
        self.sock = socket.socket(socket.AF_UNIX, KINDS[kind])
        self.sock.bind(self.path)
        self.sock.listen(backlog)
        self.count = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                sock = self.sock.accept()[0]
            except OSError:
                return
            self.count += 1
            threading.Thread(target=self._talk, args=(sock,), daemon=True).start()

    def _talk(self, sock: socket.socket) -> None:
        with sock:
            try:
                self.talk(sock)
            except OSError:
                pass

    def close(self) -> None:
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()
        os.unlink(self.path)


def echo(sock: socket.socket) -> None:
    while data := sock.recv(300_000):
        sock.sendall(data)


def read_all(sock: socket.socket) -> bytes:
    parts = []
    while data := sock.recv(1 << 16):
        parts.append(data)
    return b"".join(parts)


def refuses(sock: socket.socket) -> bool:
    """Say something, and tell whether nobody takes it any more."""
    try:
        sock.send(b"x")
    except ConnectionError:
        return True
    return False


def reply_at_the_end(sock: socket.socket) -> None:
    """Read to the half-close, think for a second, and answer."""
    data = read_all(sock)
    time.sleep(1)
    sock.sendall(hashlib.sha256(data).digest())


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[Callable[..., Backend]]:
    made: list[Backend] = []

    def make(talk: Talk = echo, **options: Any) -> Backend:
        made.append(Backend(tmp_path / f"back{len(made)}.sock", talk, **options))
        return made[-1]

    yield make
    for one in made:
        try:
            one.close()
        except OSError:
            pass


@pytest.mark.parametrize("size", [1, 64, 40_000, 70_000, 1 << 20, 32 << 20])
def test_bytes_come_through_both_ways(spot: Path, behind: Any, size: int) -> None:
    with gate(spot, forward=behind().path) as one, one.connect() as sock:
        data = random.Random(size).randbytes(size)
        writer = threading.Thread(
            target=lambda: (sock.sendall(data), sock.shutdown(socket.SHUT_WR))
        )
        writer.start()
        assert read_all(sock) == data
        writer.join()
        until(lambda: one.said("VERDICT=allowed"))
        assert one.said(f"BYTES_IN={size} BYTES_OUT={size}") == 1


@pytest.mark.parametrize("size", [0, 3, 5_000_000])
def test_the_reply_after_a_half_close_is_kept(spot: Path, behind: Any, size: int) -> None:
    with gate(spot, forward=behind(reply_at_the_end).path) as one, one.connect() as sock:
        data = os.urandom(size)
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        assert read_all(sock) == hashlib.sha256(data).digest()


def test_the_backends_half_close_lets_the_caller_go_on(spot: Path, behind: Any) -> None:
    got: list[bytes] = []

    def talk(sock: socket.socket) -> None:
        sock.sendall(b"all I have to say")
        sock.shutdown(socket.SHUT_WR)
        got.append(read_all(sock))

    with gate(spot, forward=behind(talk).path) as one, one.connect() as sock:
        assert read_all(sock) == b"all I have to say"
        data = os.urandom(3_000_000)
        sock.sendall(data)
        sock.close()
        until(lambda: got)
        assert got == [data]


def test_who_goes_after_a_half_close_is_gone_for_the_backend(spot: Path, behind: Any) -> None:
    heard: list[bytes] = []

    def talk(sock: socket.socket) -> None:
        heard.append(read_all(sock))
        poll = select.poll()
        poll.register(sock, 0)
        heard.extend(b"gone" for dummy in poll.poll(10_000))

    with gate(spot, forward=behind(talk).path) as one:
        with one.connect() as sock:
            sock.sendall(b"x")
            sock.shutdown(socket.SHUT_WR)
            until(lambda: heard == [b"x"])
            # A loop that spins never sleeps.
            until(one.rests)
        until(lambda: heard == [b"x", b"gone"])


@pytest.mark.parametrize("kind", KINDS)
def test_two_half_closes_are_the_end(spot: Path, behind: Any, kind: str) -> None:
    stay = threading.Event()

    def talk(sock: socket.socket) -> None:
        assert sock.recv(9) == b"x"
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(9) == b""
        stay.wait(60)

    with gate(spot, type=kind, forward=behind(talk, kind=kind).path) as one:
        before = one.descriptors()
        with one.connect() as sock:
            sock.send(b"x")
            assert sock.recv(9) == b""
            until(one.rests)
            sock.shutdown(socket.SHUT_WR)
            until(lambda: one.said("VERDICT=allowed"))
            until(lambda: one.descriptors() == before)
        stay.set()


@pytest.mark.parametrize("kind", KINDS)
def test_a_daemon_that_stops_listening_may_go_on_talking(
    spot: Path, behind: Any, kind: str
) -> None:
    deaf, go, gone = threading.Event(), threading.Event(), threading.Event()

    def talk(sock: socket.socket) -> None:
        sock.shutdown(socket.SHUT_RD)
        deaf.set()
        go.wait(60)
        sock.send(b"still here")
        poll = select.poll()
        poll.register(sock, 0)
        if poll.poll(20_000):
            gone.set()

    with gate(spot, type=kind, forward=behind(talk, kind=kind).path) as one:
        with one.connect() as sock:
            assert deaf.wait(10)
            until(lambda: refuses(sock))
            until(one.rests)
            go.set()
            assert sock.recv(99) == b"still here"
        assert gone.wait(20)
        until(lambda: one.said("VERDICT=allowed"))


def test_nothing_is_lost_when_the_caller_closes_at_once(spot: Path, behind: Any) -> None:
    """The backend is slow: megabytes are under way when the caller is gone already."""
    got: list[int] = []

    def slow(sock: socket.socket) -> None:
        time.sleep(0.3)
        got.append(len(read_all(sock)))

    with gate(spot, forward=behind(slow).path) as one:
        sizes = []
        for size in (1, 100_000, 150_000):
            with one.connect() as sock:
                sock.sendall(bytes(size))
            sizes.append(size)
        until(lambda: len(got) == 3)
        assert sorted(got) == sizes


def test_small_writes_wait_for_a_slow_backend(spot: Path, behind: Any) -> None:
    """Never enough at once to be spliced, and more in all than the kernel holds."""
    got: list[bytes] = []

    def slow(sock: socket.socket) -> None:
        time.sleep(0.5)
        got.append(read_all(sock))

    with gate(spot, forward=behind(slow).path) as one:
        data = random.Random(5).randbytes(8000 * 60)
        with one.connect() as sock:
            for place in range(0, len(data), 8000):
                sock.sendall(data[place : place + 8000])
                time.sleep(0.003)
        until(lambda: got)
        assert got == [data]


def jam(sock: socket.socket, one: Gate) -> int:
    """Send until nothing moves any more, and return how many bytes that were."""
    sock.setblocking(False)
    sent = 0
    for dummy in range(4):
        # A loop that spins never sleeps.
        until(one.rests)
        with contextlib.suppress(BlockingIOError):
            while True:
                sent += sock.send(bytes(8000))
    sock.settimeout(20)
    return sent


@pytest.mark.parametrize("kind", KINDS)
def test_two_jams_come_loose(spot: Path, behind: Any, kind: str) -> None:
    """Each side has sent all that goes before it reads anything."""
    full, go, sent, got = threading.Event(), threading.Event(), [0, 0], [0, 0]

    def read(sock: socket.socket, number: int) -> None:
        while got[number] < sent[1 - number]:
            got[number] += len(sock.recv(1 << 16))

    def talk(sock: socket.socket) -> None:
        sent[1] = jam(sock, one)
        full.set()
        go.wait(60)
        read(sock, 1)

    with gate(spot, type=kind, forward=behind(talk, kind=kind).path) as one, one.connect() as sock:
        assert full.wait(30)
        sent[0] = jam(sock, one)
        go.set()
        read(sock, 0)
        until(lambda: got == [sent[1], sent[0]])


@pytest.mark.parametrize("kind", KINDS)
def test_a_daemon_that_closes_in_a_jam_is_gone_for_the_caller(
    spot: Path, behind: Any, kind: str
) -> None:
    """It had said all it had to say before, so nothing more can come from either side."""
    go = threading.Event()

    def talk(sock: socket.socket) -> None:
        sock.shutdown(socket.SHUT_WR)
        go.wait(60)

    with gate(spot, type=kind, forward=behind(talk, kind=kind).path) as one:
        before = one.descriptors()
        with one.connect() as sock:
            assert sock.recv(9) == b""
            assert jam(sock, one)
            go.set()
            until(lambda: one.descriptors() == before)
            assert refuses(sock)


@pytest.mark.parametrize("kind", KINDS)
def test_after_a_jam_it_rests(spot: Path, behind: Any, kind: str) -> None:
    go, got = threading.Event(), [0]

    def talk(sock: socket.socket) -> None:
        go.wait(60)
        while data := sock.recv(1 << 16):
            got.append(len(data))

    with gate(spot, type=kind, forward=behind(talk, kind=kind).path) as one, one.connect() as sock:
        sent = jam(sock, one)
        go.set()
        until(lambda: sum(got) == sent)
        until(one.rests)
        sock.send(b"x")
        until(lambda: sum(got) == sent + 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_daemon_that_closes_without_having_read_is_gone_for_the_caller(
    spot: Path, behind: Any, kind: str
) -> None:
    go = threading.Event()
    with gate(spot, type=kind, forward=behind(lambda sock: go.wait(60), kind=kind).path) as one:
        before = one.descriptors()
        with one.connect() as sock:
            for dummy in range(3):
                sock.send(b"x")
            one.catch_up()
            go.set()
            with contextlib.suppress(ConnectionResetError):
                assert sock.recv(9) == b""
            until(lambda: one.descriptors() == before)


def test_nothing_is_lost_when_the_backend_closes_at_once(spot: Path, behind: Any) -> None:
    def tell(sock: socket.socket) -> None:
        sock.sendall(bytes(3_000_000))

    with gate(spot, forward=behind(tell).path) as one, one.connect() as sock:
        time.sleep(0.2)
        assert len(read_all(sock)) == 3_000_000


def test_who_does_not_read_holds_nobody_up_and_fills_no_memory(spot: Path, behind: Any) -> None:
    def pour(sock: socket.socket) -> None:
        while True:
            sock.sendall(bytes(1 << 16))

    with gate(spot, forward=behind(pour).path) as one:
        idle = one.memory()
        lazy = [one.connect() for dummy in range(50)]
        time.sleep(0.5)
        spent = Path(f"/proc/{one.pid}/schedstat").read_text().split()[0]
        with one.connect() as sock:
            assert len(sock.recv(1 << 16, socket.MSG_WAITALL)) == 1 << 16
        time.sleep(0.3)
        busy = int(Path(f"/proc/{one.pid}/schedstat").read_text().split()[0]) - int(spent)
        # Those who wait cost no time; a loop that spins would take all 300 ms.
        assert busy < 100_000_000
        assert one.memory() - idle < 30_000
        for sock in lazy:
            sock.close()
        until(lambda: one.descriptors() < 30)


def _pour(sock: socket.socket, most: int = 1 << 40) -> None:
    """Send until somebody closes."""
    try:
        for dummy in range(most >> 16):
            sock.sendall(bytes(1 << 16))
    except OSError:
        pass


def read_until_carried(sock: socket.socket, one: Gate) -> None:
    """How much it takes until a thread carries it is a matter of how busy the machine is."""
    while one.threads() == 1 and sock.recv(1 << 16):
        pass


def test_bulk_of_many_at_once_comes_through(spot: Path, behind: Any) -> None:
    # More than one user's share of threads: the others are copied.
    data = bytes(range(256)) * (1 << 14)
    with gate(spot, forward=behind().path) as one:
        socks = [one.connect(seconds=60) for dummy in range(40)]
        senders = [threading.Thread(target=sock.sendall, args=(data,)) for sock in socks]
        for sender in senders:
            sender.start()
        most = 0
        for sock in socks:
            got = bytearray()
            while len(got) < len(data):
                got += sock.recv(1 << 20)
                most = max(most, one.threads())
            assert got == data
        for sender in senders:
            sender.join()
        assert 2 < most <= 1 + bulk.MOST // 4
        # Who has nothing more to send at the moment needs no thread.
        until(lambda: one.threads() == 1)
        for sock in socks:
            sock.sendall(b"small")
            assert sock.recv(9) == b"small"
            sock.close()


def test_bulk_without_threads_comes_through(
    spot: Path, behind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gates, "_START", "import os\ndel os.splice\n" + gates._START)
    data = os.urandom(4 << 20)
    with gate(spot, forward=behind().path) as one, one.connect(seconds=60) as sock:
        sender = threading.Thread(target=sock.sendall, args=(data,))
        sender.start()
        got = bytearray()
        while len(got) < len(data):
            got += sock.recv(1 << 20)
            assert one.threads() == 1
        sender.join()
        assert got == data


@pytest.mark.parametrize("gone", ["caller", "backend", "the backend's ear"])
def test_bulk_that_nobody_takes_any_more_leaves_nothing(spot: Path, behind: Any, gone: str) -> None:
    leave, carried, stay = threading.Event(), threading.Event(), threading.Event()

    def talk(sock: socket.socket) -> None:
        read_until_carried(sock, one)
        carried.set()
        leave.wait(60)
        if gone == "the backend's ear":
            sock.shutdown(socket.SHUT_RD)
            stay.wait(60)

    with gate(spot, forward=behind(talk).path) as one:
        before = one.descriptors()
        with one.connect(seconds=60) as sock:
            # poll(2), which a time limit means, is not told of an end that is closed for writing alone.
            sock.settimeout(None)
            sender = threading.Thread(target=_pour, args=(sock,))
            sender.start()
            assert carried.wait(60)
            if gone == "caller":
                sock.shutdown(socket.SHUT_RDWR)
            leave.set()
            sender.join(20)
            assert not sender.is_alive()
        stay.set()
        until(lambda: one.threads() == 1)
        until(lambda: one.descriptors() == before)
        assert one.connect().close() is None


def test_sigterm_ends_bulk_after_its_limit(spot: Path, behind: Any) -> None:
    carried, hold = threading.Event(), threading.Event()

    def talk(sock: socket.socket) -> None:
        read_until_carried(sock, one)
        carried.set()
        hold.wait(60)

    with gate(spot, forward=behind(talk).path, finish_seconds=0.3) as one:
        with one.connect(seconds=60) as sock:
            sender = threading.Thread(target=_pour, args=(sock,))
            sender.start()
            assert carried.wait(60)
            one.signal(signal.SIGTERM)
            assert one.wait() == 0
            sender.join(60)
        hold.set()
        assert one.said("REASON=stopped") or one.said("the gate was stopped")


def test_a_spinning_loop_would_be_seen(spot: Path, behind: Any) -> None:
    """The caller is gone, and the backend does not read: nothing may be done again and again."""
    waits = threading.Event()

    def deaf(sock: socket.socket) -> None:
        waits.wait(30)

    with gate(spot, forward=behind(deaf).path) as one:
        sock = one.connect()
        sock.settimeout(0.3)
        with pytest.raises(socket.timeout):
            sock.sendall(bytes(10_000_000))
        sock.close()
        # It never sleeps, however little it gets of a busy machine.
        until(one.rests)
        waits.set()
        until(lambda: one.said("VERDICT=allowed"))


def test_a_backend_that_is_down_closes_cleanly(spot: Path, behind: Any) -> None:
    back = behind()
    with gate(spot, forward=back.path) as one:
        with one.connect() as sock:
            sock.sendall(b"a")
            assert sock.recv(1) == b"a"
        back.close()
        with one.connect() as sock:
            assert sock.recv(1) == b""
        until(lambda: one.said("REASON=backend-down"))
        again = Backend(Path(back.path), echo)
        with one.connect() as sock:
            sock.sendall(b"b")
            assert sock.recv(1) == b"b"
        again.close()


def test_a_full_backlog_is_waited_for(spot: Path) -> None:
    back = socket.socket(socket.AF_UNIX)
    back.bind(str(spot / "back.sock"))
    back.listen(0)
    with gate(spot, forward=str(spot / "back.sock")) as one:
        socks = [one.connect() for dummy in range(20)]
        for number, sock in enumerate(socks):
            sock.sendall(bytes([number]))
        time.sleep(0.3)
        served = []
        back.settimeout(5)
        for dummy in socks:
            conn = back.accept()[0]
            served.append(conn.recv(1)[0])
            conn.close()
        assert sorted(served) == list(range(20))
        for sock in socks:
            sock.close()
    back.close()


def test_500_at_once_get_in(spot: Path, behind: Any) -> None:
    with gate(spot, forward=behind().path, max_connections_per_user=1000) as one:
        socks = []
        for dummy in range(500):
            sock = socket.socket(socket.AF_UNIX)
            sock.setblocking(False)
            sock.connect(one.path)
            socks.append(sock)
        for sock in socks:
            sock.settimeout(20)
            sock.sendall(b"x")
        assert [sock.recv(1) for sock in socks] == [b"x"] * 500
        for sock in socks:
            sock.close()
        until(lambda: one.descriptors() < 30, 20)


def test_1000_idle_connections_hold_little_memory(spot: Path, behind: Any) -> None:
    back = socket.socket(socket.AF_UNIX)
    back.bind(str(spot / "back.sock"))
    back.listen(4096)
    with gate(spot, forward=str(spot / "back.sock"), max_connections_per_user=1000) as one:
        before = one.memory()
        socks = [one.connect() for dummy in range(1000)]
        conns = [back.accept()[0] for dummy in range(1000)]
        grown = one.memory() - before
        assert grown < 6_000, f"{grown} KiB"
        for sock in (*socks, *conns):
            sock.close()
        until(lambda: one.descriptors() < 30)
    back.close()


def test_above_the_limit_one_waits_in_the_queue(spot: Path, behind: Any) -> None:
    with gate(spot, forward=behind().path, max_connections=3) as one:
        inside = [one.connect() for dummy in range(3)]
        for sock in inside:
            sock.sendall(b"x")
            assert sock.recv(1) == b"x"
        with one.connect() as late:
            late.settimeout(0.3)
            late.sendall(b"y")
            with pytest.raises(socket.timeout):
                late.recv(1)
            inside.pop().close()
            late.settimeout(5)
            assert late.recv(1) == b"y"
        for sock in inside:
            sock.close()


def test_a_flood_of_one_user_leaves_room_for_others(spot: Path, behind: Any) -> None:
    rules = {"users": [0, 71001], "max_connections": 50, "max_connections_per_user": 20}
    with gate(spot, forward=behind().path, **rules) as one:

        def flood() -> int:
            held = []
            for dummy in range(300):
                sock = socket.socket(socket.AF_UNIX)
                sock.settimeout(5)
                sock.connect(one.path)
                held.append(sock)
            return sum(sock.recv(1) == b"" for sock in held[20:])

        others: list[bytes] = []

        def other() -> None:
            for dummy in range(20):
                with one.connect() as sock:
                    sock.sendall(b"x")
                    others.append(sock.recv(1))
                time.sleep(0.01)

        thread = threading.Thread(target=other)
        thread.start()
        assert as_user(71001, flood) == b"280"
        thread.join()
        assert others == [b"x"] * 20
        # A hundred of a second singly, the others in one record at its end, and none is forgotten.
        until(lambda: recorded(one, "too-many") == 280)
        assert 100 < one.said("REASON=too-many") < 280


def recorded(one: Gate, reason: str) -> int:
    """Return how many connections the records tell of, each its own or a sum."""
    lines = [line for line in one.log.read_text().splitlines() if f"REASON={reason}" in line]
    sums = [re.search(r" CONNECTIONS=(\d+)", line) for line in lines]
    return sum(1 if found is None else int(found[1]) for found in sums)


@pytest.mark.parametrize("kernel", [True, False], ids=["kernel refuses", "gate refuses"])
def test_descriptors_do_not_pass(
    spot: Path, behind: Any, kernel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    got: list[Any] = []

    def look(sock: socket.socket) -> None:
        got.append(sock.recvmsg(100, 1000)[:2])

    if not kernel:
        hide_the_refusal(monkeypatch)
    with gate(spot, forward=behind(look).path) as one, one.connect() as sock:
        until(lambda: one.descriptors() > 10)
        before = one.descriptors()
        fds = array.array("i", [0, 1])
        try:
            sock.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
        except PermissionError:
            assert kernel
            sock.sendall(b"y")
            until(lambda: got)
            assert got == [(b"y", [])]
            return
        # Below Linux 6.16, or with the kernel's own refusal hidden from the gate.
        assert not (kernel and kernel_refuses())
        assert sock.recv(1) == b""
        until(lambda: one.said("REASON=descriptors"))
        until(lambda: one.descriptors() < before)
        assert not got or got == [(b"", [])]


def test_sigterm_lets_connections_finish(spot: Path, behind: Any) -> None:
    with gate(spot, forward=behind().path, finish_seconds=20) as one, one.connect() as sock:
        sock.sendall(b"x")
        assert sock.recv(1) == b"x"
        one.signal(signal.SIGTERM)
        assert one.notify.recv(100) == b"STOPPING=1"
        sock.sendall(b"still")
        assert sock.recv(9) == b"still"
        late = one.connect()
        sock.close()
        assert one.wait() == 0
        late.close()


def test_sigterm_ends_at_once_where_nobody_is_inside(spot: Path, behind: Any) -> None:
    with gate(spot, forward=behind().path, finish_seconds=60) as one:
        one.signal(signal.SIGTERM)
        assert one.wait() == 0


def test_after_sigterm_a_place_that_becomes_free_is_nobody_s(spot: Path, behind: Any) -> None:
    with gate(spot, forward=behind().path, finish_seconds=20) as one:
        first, second = one.connect(), one.connect()
        for sock in (first, second):
            sock.sendall(b"x")
            assert sock.recv(1) == b"x"
        one.signal(signal.SIGTERM)
        assert one.notify.recv(100) == b"STOPPING=1"
        with one.connect() as late:
            late.sendall(b"late")
            first.close()
            until(lambda: one.said("VERDICT=allowed"))
            second.sendall(b"still")
            assert second.recv(9) == b"still"
            late.settimeout(0.3)
            with pytest.raises(socket.timeout):
                late.recv(9)
            second.close()
            assert one.wait() == 0


def test_without_descriptors_callers_wait_until_there_are_some(spot: Path, behind: Any) -> None:
    with gate(spot, forward=behind().path) as one:
        before = resource.prlimit(one.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(one.pid, resource.RLIMIT_NOFILE, (3, before[1]))
        with one.connect() as sock:
            sock.sendall(b"x")
            until(lambda: one.said("<4>No connection can be accepted: Too many open files."))
            # It looks again now and then; a loop that spins never sleeps.
            until(one.rests)
            resource.prlimit(one.pid, resource.RLIMIT_NOFILE, before)
            assert sock.recv(1) == b"x"


def test_sigterm_ends_after_its_limit(spot: Path, behind: Any) -> None:
    with gate(spot, forward=behind().path, finish_seconds=0.3) as one, one.connect() as sock:
        sock.sendall(b"x")
        assert sock.recv(1) == b"x"
        one.signal(signal.SIGTERM)
        assert sock.recv(1) == b""
        assert one.wait() == 0
        assert one.said("REASON=stopped") == 1


def test_rules_are_read_again_without_dropping_anybody(spot: Path, behind: Any) -> None:
    with gate(spot, forward=behind().path, users=[0]) as one, one.connect() as sock:
        sock.sendall(b"x")
        assert sock.recv(1) == b"x"
        one.reread(users=[71001])
        sock.sendall(b"y")
        assert sock.recv(1) == b"y"
        with one.connect() as other:
            assert other.recv(1) == b""
        one.write_text("{ nonsense")
        one.signal(signal.SIGHUP)
        until(lambda: one.said("stay in force"))
        with one.connect() as other:
            assert other.recv(1) == b""
        # Without a signal: seen at the next connection, at most a second later.
        one.write(users=[0])
        time.sleep(1.1)
        with one.connect() as other:
            other.sendall(b"z")
            assert other.recv(1) == b"z"


def echo_once(one: Gate) -> Callable[[], bytes]:
    def run() -> bytes:
        with one.connect() as sock:
            try:
                sock.sendall(b"x")
                return sock.recv(1)
            except OSError:
                return b""

    return run


@pytest.mark.parametrize(
    ("uid", "gid", "groups", "may"),
    [
        (71001, 71001, (), True),
        (71002, 71002, (), False),
        (71002, 72001, (), True),
        (71002, 71002, (5, 72001, 9), True),
        (71002, 71002, (*range(80_000, 80_300), 72001), True),
        (71002, 71002, tuple(range(80_000, 80_300)), False),
        (0, 0, (), False),
        (65534, 71001, (), False),
        (71001, 65534, (), False),
        (71002, 71002, (65534,), False),
        (71002, 71002, (65534, 72001), True),
    ],
)
def test_who_may_come_in(
    spot: Path, behind: Any, uid: int, gid: int, groups: tuple[int, ...], may: bool
) -> None:
    """Also root is refused where it is not listed; and nobody's ids are, even where listed."""
    groups_in = [72001, 65534]
    with gate(spot, forward=behind().path, users=[71001, 65534], groups=groups_in) as one:
        answer = as_user(uid, echo_once(one), gid, groups)
        assert answer == (b"b'x'" if may else b"b''")
        until(lambda: one.said(f"PEER_UID={uid} PEER_GID={gid} "))
        assert one.said("VERDICT=refused") == (not may)


def test_every_user_reaches_a_gate_while_pytest_starts_elsewhere(spot: Path, behind: Any) -> None:
    """As in a whole run, where the unit tests begin at some moment of these."""
    (spot / "test_beside.py").write_text("def test(tmp_path): pass\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_beside.py"]
    with gate(spot, forward=behind().path, users=[71001]) as one:
        subprocess.run(command, cwd=spot, check=True, stdout=subprocess.DEVNULL)
        assert as_user(71001, echo_once(one)) == b"b'x'"


def test_ids_without_a_name_have_one_share(spot: Path, behind: Any) -> None:
    """A member of a listed group comes as any of the ids that subuid(5) gives him, groups and all."""
    groups = os.getgroups()
    rules = {"users": [71001], "groups": [72001], "max_connections_per_user": 2}

    def comes(uid: int) -> socket.socket:
        os.setgroups((72001,))
        os.seteuid(uid)
        try:
            return one.connect()
        finally:
            os.seteuid(0)
            os.setgroups(groups)

    def is_in(sock: socket.socket) -> bool:
        try:
            sock.sendall(b"x")
            return sock.recv(1) == b"x"
        except OSError:
            return False

    with gate(spot, forward=behind().path, **rules) as one, contextlib.ExitStack() as stack:
        # The listed number and the account daemon have their own.
        for uid, may in [
            (300_000, True),
            (300_001, True),
            (300_002, False),
            (71001, True),
            (1, True),
        ]:
            assert is_in(stack.enter_context(comes(uid))) is may, uid
        until(lambda: one.said("REASON=too-many") == 1)
        assert one.said("PEER_UID=300002") == 1
        stack.close()
        until(lambda: one.said("VERDICT=allowed") == 4)
        with comes(300_003) as sock:
            assert is_in(sock)


def test_overflow_ids_come_in_where_that_is_wanted(spot: Path, behind: Any) -> None:
    with gate(
        spot, forward=behind().path, users=[65534], groups=[65534], allow_overflow=True
    ) as one:
        assert as_user(65534, echo_once(one)) == b"b'x'"
        assert as_user(71002, echo_once(one), groups=(65534,)) == b"b'x'"


def test_root_of_another_user_namespace_is_who_it_is_here(spot: Path, behind: Any) -> None:
    """Mapped to root there, the kernel tells the gate the user's id here."""
    with gate(spot, forward=behind().path, users=[0]) as one:

        def inside() -> bytes:
            # After the change of ids, /proc/self is root's otherwise (PR_SET_DUMPABLE).
            LIBC.prctl(4, 1)
            if LIBC.unshare(CLONE_NEWUSER):
                return b"no user namespaces here"
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text("0 71005 1")
            Path("/proc/self/gid_map").write_text("0 71005 1")
            assert os.geteuid() == 0
            return echo_once(one)()

        assert as_user(71005, inside) == b"b''"
        until(lambda: one.said("PEER_UID=71005"))
        one.reread(users=[71005])
        assert as_user(71005, inside) == b"b'x'"


def test_a_peer_in_another_pid_namespace_has_its_pid_here(spot: Path, behind: Any) -> None:
    """A namespace below is seen from here; the other way round, the gate sees pid 0."""
    with gate(spot, forward=behind().path, users=[0]) as one:
        pid = os.fork()
        if not pid:
            status = 1
            if not LIBC.unshare(CLONE_NEWPID):
                child = os.fork()
                if not child:
                    os._exit(0 if os.getpid() == 1 and echo_once(one)() == b"x" else 1)
                status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        until(lambda: one.said("VERDICT=allowed"))
        assert not one.said("PEER_PID=0")


@pytest.mark.parametrize(("allowed", "answer"), [(False, b""), (True, b"x")])
def test_a_peer_that_cannot_be_seen_has_pid_0(
    spot: Path, behind: Any, allowed: bool, answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gate runs in a namespace of its own, and who calls is outside of it."""
    outside = (
        "import ctypes, os, signal\n"
        "assert not ctypes.CDLL(None).unshare(0x20000000)\n"
        "child = os.fork()\n"
        "if child:\n"
        "    os.waitpid(child, 0)\n"
        "    os._exit(0)\n"
        "ctypes.CDLL(None).prctl(1, 9)\n"
    )
    monkeypatch.setattr(gates, "_START", outside + gates._START)
    with gate(spot, forward=behind().path, users=[0], allow_foreign_pid=allowed) as one:
        with one.connect() as sock:
            try:
                sock.sendall(b"x")
                assert sock.recv(1) == answer
            except ConnectionError:
                assert not allowed
        until(lambda: one.said("PEER_PID=0"))
        assert one.said("REASON=foreign-pid") == (not allowed)


# --- seqpacket


def test_messages_keep_their_boundaries_and_sizes(spot: Path, behind: Any) -> None:
    rules = {"type": "seqpacket", "max_message": 212_000, "forward": behind(kind="seqpacket").path}
    with gate(spot, **rules) as one, one.connect() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 400_000)
        chance = random.Random(7)
        for size in (1, 2, 4096, 65536, 65537, 150_000, 200_000):
            data = chance.randbytes(size)
            sock.sendall(data)
            assert sock.recv(300_000) == data
        many = [chance.randbytes(chance.randrange(1, 5000)) for dummy in range(500)]
        writer = threading.Thread(target=lambda: [sock.sendall(one) for one in many])
        writer.start()
        assert [sock.recv(300_000) for dummy in many] == many
        writer.join()
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(10) == b""


def test_a_message_that_is_too_long_ends_the_connection(spot: Path, behind: Any) -> None:
    rules = {"type": "seqpacket", "max_message": 1000, "forward": behind(kind="seqpacket").path}
    with gate(spot, **rules) as one, one.connect() as sock:
        sock.sendall(bytes(1000))
        assert len(sock.recv(2000)) == 1000
        sock.sendall(bytes(1001))
        assert sock.recv(2000) == b""
        until(lambda: one.said("REASON=too-long"))


def test_an_empty_message_is_not_the_end(spot: Path, behind: Any) -> None:
    got: list[bytes] = []

    def note(sock: socket.socket) -> None:
        while data := sock.recv(100):
            got.append(data)

    back = behind(note, kind="seqpacket")
    with gate(spot, type="seqpacket", forward=back.path) as one:
        with one.connect() as sock:
            sock.send(b"a")
            sock.send(b"b")
        until(lambda: got == [b"a", b"b"] and one.said("VERDICT=allowed"))
        with one.connect() as sock:
            sock.send(b"")
            assert sock.recv(1) == b""
        until(lambda: one.said("REASON=empty") == 1)
        with one.connect() as sock:
            sock.send(b"c")
            sock.send(b"")
            # A gate that is quick has ended the connection by now.
            with contextlib.suppress(BrokenPipeError):
                sock.send(b"d")
        until(lambda: one.said("REASON=empty") == 2 and got[2:] == [b"c"])


@pytest.mark.parametrize("kernel", [True, False], ids=["kernel refuses", "gate refuses"])
def test_messages_with_descriptors_do_not_pass(
    spot: Path, behind: Any, kernel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not kernel:
        hide_the_refusal(monkeypatch)
    rules = {"type": "seqpacket", "forward": behind(kind="seqpacket").path}
    with gate(spot, **rules) as one:
        ended = 0
        for count in (1, 200):
            with one.connect() as sock:
                # Connected to the daemon, too, from which on the kernel refuses.
                sock.send(b"y")
                assert sock.recv(1) == b"y"
                fds = array.array("i", [0] * count)
                try:
                    sock.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
                except PermissionError:
                    assert kernel
                    sock.send(b"z")
                    assert sock.recv(1) == b"z"
                    continue
                assert not (kernel and kernel_refuses())
                assert sock.recv(1) == b""
                ended += 1
        until(lambda: one.said("REASON=descriptors") == ended)
        until(lambda: one.descriptors() < 15)


def test_a_daemon_passes_no_descriptors_in_messages(spot: Path, behind: Any) -> None:
    said: list[str] = []

    def give(sock: socket.socket) -> None:
        sock.recv(1)
        try:
            sock.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0]))])
            said.append("sent")
        except PermissionError:
            said.append("refused")
        sock.recv(1)

    with gate(spot, type="seqpacket", forward=behind(give, kind="seqpacket").path) as one:
        with one.connect() as sock:
            sock.send(b"y")
            until(lambda: said)
            if said == ["sent"]:
                # Below Linux 6.16 the gate ends the connection.
                assert not kernel_refuses()
                assert sock.recvmsg(10, 100)[:2] == (b"", [])
        until(lambda: one.descriptors() < 15)


def test_who_takes_no_messages_holds_nobody_up(spot: Path, behind: Any) -> None:
    def pour(sock: socket.socket) -> None:
        while True:
            sock.sendall(bytes(1000))

    with gate(spot, type="seqpacket", forward=behind(pour, kind="seqpacket").path) as one:
        lazy = [one.connect() for dummy in range(3)]
        time.sleep(0.3)
        with one.connect() as sock:
            assert [len(sock.recv(2000)) for dummy in range(1000)] == [1000] * 1000
        for sock in lazy:
            sock.close()


def test_messages_wait_for_a_slow_backend(spot: Path, behind: Any) -> None:
    got: list[bytes] = []

    def slow(sock: socket.socket) -> None:
        time.sleep(0.5)
        while data := sock.recv(100_000):
            got.append(data)

    back = behind(slow, kind="seqpacket")
    with gate(spot, type="seqpacket", forward=back.path) as one:
        sent = [bytes([number]) * 50_000 for number in range(60)]
        with one.connect() as sock:
            for data in sent:
                sock.sendall(data)
        until(lambda: len(got) == 60)
        assert got == sent
        until(lambda: one.said("BYTES_IN=3000000 BYTES_OUT=0 "))


def test_a_message_for_which_there_is_no_room_is_not_left_out(
    spot: Path, behind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel has no room for it at all (EMSGSIZE), and the caller would not learn it."""
    small = "import _engine.gate.forward as f; f.Forward._buffer = lambda *given: 5000\nsys.exit"
    monkeypatch.setattr(gates, "_START", gates._START.replace("sys.exit", small))
    with gate(spot, type="seqpacket", forward=behind(kind="seqpacket").path) as one:
        with one.connect() as sock:
            sock.sendall(b"x")
            assert sock.recv(9) == b"x"
            sock.sendall(bytes(60_000))
            assert sock.recv(9) == b""
        until(lambda: one.said("VERDICT=failed REASON=too-long"))


# --- what must not start at all


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"forward": "/x", "type": "dgram"}, "type must be"),
        ({"forward": "/x", "command": ["/x"]}, "either forward or command"),
        ({"forward": "/x", "surprise": 1}, "no key 'surprise'"),
    ],
)
def test_wrong_rules_do_not_start(spot: Path, rules: dict[str, Any], said: str) -> None:
    KINDS.setdefault("dgram", socket.SOCK_STREAM)
    one = Gate(spot, **rules)
    try:
        assert one.wait() == 1
        assert one.said(said)
    finally:
        one.close()
        KINDS.pop("dgram", None)


def test_the_wrong_type_of_socket_does_not_start(
    spot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KINDS, "stream", socket.SOCK_SEQPACKET)
    one = Gate(spot, forward="/x")
    try:
        assert one.wait() == 1
        assert one.said("not of the declared type")
    finally:
        one.close()
