# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The real connect(): each error of the kernel, exact identities, and nothing left behind."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.stranger import (
    highest_mapped,
    stranger,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.prove import (
    Attempt,
    Outcome,
    child,
    prove,
)

ALICE = Credentials(71001, 72001, frozenset({72001, 72002, 72003}))
BOB = Credentials(71002, 72002)
KINDS = {
    "stream": socket.SOCK_STREAM,
    "seqpacket": socket.SOCK_SEQPACKET,
    "dgram": socket.SOCK_DGRAM,
}
# Generic Linux values, which Python does not name (include/uapi/asm-generic/socket.h).
SO_PEERGROUPS = 59

# The daemons of these tests are threads; the fork happens all the same, with no lock held.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")

Make = Callable[..., socket.socket]


@pytest.fixture
def make() -> Iterator[Make]:
    """Make listening sockets, which are closed in the end."""
    made: list[socket.socket] = []

    def listening(path: Path | str, kind: str = "stream", backlog: int = 64) -> socket.socket:
        one = socket.socket(socket.AF_UNIX, KINDS[kind])
        made.append(one)
        one.bind(str(path))
        os.chmod(path, 0o666)
        if kind != "dgram":
            one.listen(backlog)
        return one

    yield listening
    for one in made:
        one.close()


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    """No proof may leave a process, a zombie, a descriptor or a signal's handler behind."""
    before = _state()
    yield
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    assert _state() == before


def _state() -> object:
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    return sorted(os.listdir("/proc/self/fd")), handlers, signal.pthread_sigmask(0, ())


def _one(path: Path | str, who: Credentials = ALICE, seconds: float = 2, **more: object) -> Outcome:
    (outcome,) = prove([Attempt(str(path), who, **more)], seconds=seconds)
    return outcome


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("known", [True, False])
class TestErrors:
    """The same errors for every type, be it declared or to be found out."""

    @pytest.fixture
    def wanted(self, kind: str, known: bool) -> str | None:
        return kind if known else None

    def test_connected(self, place: Path, make: Make, kind: str, wanted: str | None) -> None:
        make(place / "s", kind)
        outcome = _one(place / "s", type=wanted)
        assert (outcome.connected, outcome.errno, outcome.type) == (True, None, kind)
        assert outcome.permitted
        assert not outcome.refused
        assert outcome.text == f"uid 71001 connected to {place}/s ({kind})."

    def test_missing(self, place: Path, wanted: str | None) -> None:
        outcome = _one(place / "s", type=wanted)
        assert (outcome.connected, outcome.errno) == (False, "ENOENT")
        assert not outcome.permitted
        assert not outcome.refused

    def test_closed_inode(self, place: Path, make: Make, kind: str, wanted: str | None) -> None:
        make(place / "s", kind)
        (place / "s").chmod(0o644)
        outcome = _one(place / "s", type=wanted)
        assert (outcome.errno, outcome.refused, outcome.permitted) == ("EACCES", True, False)

    def test_closed_directory(self, place: Path, make: Make, kind: str, wanted: str | None) -> None:
        make(place / "s", kind)
        place.chmod(0o744)
        assert _one(place / "s", type=wanted).errno == "EACCES"

    def test_dead(self, place: Path, make: Make, kind: str, wanted: str | None) -> None:
        make(place / "s", kind).close()
        outcome = _one(place / "s", type=wanted)
        assert (outcome.errno, outcome.refused, outcome.permitted) == ("ECONNREFUSED", False, True)

    def test_dead_and_closed(self, place: Path, make: Make, kind: str, wanted: str | None) -> None:
        """Permissions come first, so that a refusal can be proven while the daemon is down."""
        make(place / "s", kind).close()
        (place / "s").chmod(0o600)
        assert _one(place / "s", type=wanted).refused

    def test_regular_file(self, place: Path, wanted: str | None) -> None:
        (place / "s").write_text("")
        (place / "s").chmod(0o666)
        assert _one(place / "s", type=wanted).errno == "ECONNREFUSED"

    def test_root_passes(self, place: Path, make: Make, kind: str, wanted: str | None) -> None:
        make(place / "s", kind)
        (place / "s").chmod(0)
        place.chmod(0)
        assert _one(place / "s", Credentials(0, 0), type=wanted).connected


@pytest.mark.parametrize(("there", "asked"), [(a, b) for a in KINDS for b in KINDS if a != b])
def test_wrong_type(place: Path, make: Make, there: str, asked: str) -> None:
    make(place / "s", there)
    outcome = _one(place / "s", type=asked)
    assert (outcome.connected, outcome.errno, outcome.permitted) == (False, "EPROTOTYPE", True)
    assert f"not of type {asked}" in outcome.text


def test_other_errors(place: Path) -> None:
    (place / "file").write_text("")
    (place / "loop").symlink_to("loop")
    assert _one(place / "file/s").errno == "ENOTDIR"
    assert _one(place / "loop").errno == "ELOOP"
    assert _one("/" + "n" * 100).errno == "ENOENT"


def test_datagram_socket_that_talks_to_another(place: Path, make: Make) -> None:
    make(place / "other", "dgram")
    make(place / "s", "dgram").connect(str(place / "other"))
    outcome = _one(place / "s", type="dgram")
    assert outcome.errno == "EPERM"
    assert not outcome.refused


def _fill(path: Path) -> list[socket.socket]:
    waiting = []
    while True:
        one = socket.socket(socket.AF_UNIX)
        one.setblocking(False)
        waiting.append(one)
        try:
            one.connect(str(path))
        except BlockingIOError:
            return waiting


def test_full_queue_costs_its_time_once(place: Path, make: Make) -> None:
    make(place / "full", backlog=0)
    make(place / "free", backlog=200)
    waiting = _fill(place / "full")
    started = time.monotonic()
    paths = [place / "full", place / "free"] * 10
    everyone = [Credentials(71001 + number, 72001) for number in range(10)]
    outcomes = prove([Attempt(str(path), who) for path in paths for who in everyone], seconds=0.5)
    took = time.monotonic() - started
    for outcome in outcomes:
        if outcome.attempt.path.endswith("full"):
            assert (outcome.errno, outcome.type, outcome.permitted) == ("EAGAIN", "stream", True)
            assert outcome.seconds >= 0.5
        else:
            assert outcome.connected
    assert 0.5 <= took < 2
    for one in waiting:
        one.close()


def test_queue_that_drains_in_time(place: Path, make: Make) -> None:
    listener = make(place / "s", backlog=0)
    waiting = _fill(place / "s")

    def drain() -> None:
        time.sleep(0.2)
        for dummy in waiting:
            listener.accept()[0].close()

    drained = threading.Thread(target=drain)
    drained.start()
    outcome = _one(place / "s", seconds=5)
    drained.join()
    assert outcome.connected
    assert 0.1 < outcome.seconds < 4
    for one in waiting:
        one.close()


@pytest.mark.parametrize("kind", ["stream", "seqpacket"])
def test_the_daemon_sees_exactly_the_identity(place: Path, make: Make, kind: str) -> None:
    listener = make(place / "s", kind)
    identities = [ALICE, BOB, Credentials(71001, 72001, frozenset(range(73000, 73200)))]
    outcomes = prove([Attempt(str(place / "s"), who) for who in identities], seconds=2)
    assert all(outcome.connected for outcome in outcomes)
    seen = set()
    for dummy in identities:
        with listener.accept()[0] as peer:
            credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            groups = peer.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, 1024)
        dummy, uid, gid = struct.unpack("3i", credentials)
        seen.add(Credentials(uid, gid, frozenset(struct.unpack(f"{len(groups) // 4}I", groups))))
    assert seen == set(identities)


Serve = Callable[[socket.socket, Callable[[socket.socket], object]], None]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Answer one connection in a thread, which is waited for in the end."""
    threads: list[threading.Thread] = []

    def start(listener: socket.socket, answer: Callable[[socket.socket], object]) -> None:
        def once() -> None:
            with listener.accept()[0] as peer:
                answer(peer)

        threads.append(threading.Thread(target=once))
        threads[-1].start()

    yield start
    for one in threads:
        one.join()


@pytest.mark.parametrize("kind", ["stream", "seqpacket"])
class TestTalk:
    def test_answer(self, place: Path, make: Make, serve: Serve, kind: str) -> None:
        serve(make(place / "s", kind), lambda peer: peer.sendall(b"+" + peer.recv(100) + b"\xff"))
        outcome = _one(place / "s", type=kind, send=b"PING", expect=b"PING")
        assert (outcome.connected, outcome.as_expected, outcome.reply) == (True, True, b"+PING\xff")
        assert outcome.text.endswith(f"({kind}) and got the expected answer.")

    def test_answer_in_pieces(self, place: Path, make: Make, serve: Serve, kind: str) -> None:
        def answer(peer: socket.socket) -> None:
            for piece in (b"PO", b"NG"):
                peer.sendall(piece)
                time.sleep(0.05)

        serve(make(place / "s", kind), answer)
        assert _one(place / "s", expect=b"PONG").as_expected

    def test_other_answer(self, place: Path, make: Make, serve: Serve, kind: str) -> None:
        def answer(peer: socket.socket) -> None:
            assert peer.recv(100) == b"PING"
            peer.sendall(b"-NOAUTH")

        serve(make(place / "s", kind), answer)
        outcome = _one(place / "s", send=b"PING", expect=b"PONG")
        assert (outcome.connected, outcome.as_expected, outcome.reply) == (True, False, b"-NOAUTH")
        assert "got '-NOAUTH' and not the expected answer 'PONG': the daemon closed" in outcome.text

    def test_answer_without_listening(
        self, place: Path, make: Make, serve: Serve, kind: str
    ) -> None:
        """A daemon that hangs up first: what it said counts, be the sending a failure or not."""
        serve(make(place / "s", kind), lambda peer: peer.sendall(b"-NOAUTH"))
        assert _one(place / "s", send=b"PING", expect=b"NOAUTH").as_expected

    def test_no_answer(self, place: Path, make: Make, kind: str) -> None:
        listener = make(place / "s", kind)
        outcome = _one(place / "s", seconds=0.3, send=b"PING", expect=b"PONG")
        assert (outcome.connected, outcome.as_expected, outcome.reply) == (True, False, b"")
        assert "got no answer, and not the expected 'PONG'" in outcome.text
        assert 0.3 <= outcome.seconds < 1
        listener.close()

    def test_answer_without_end(self, place: Path, make: Make, serve: Serve, kind: str) -> None:
        def answer(peer: socket.socket) -> None:
            try:
                while True:
                    peer.sendall(b"n" * 4096)
            except OSError:
                return

        serve(make(place / "s", kind), answer)
        outcome = _one(place / "s", expect=b"y")
        assert outcome.as_expected is False
        assert outcome.reply == b"n" * 65536

    def test_trickle_does_not_go_on_for_ever(
        self, place: Path, make: Make, serve: Serve, kind: str
    ) -> None:
        def answer(peer: socket.socket) -> None:
            try:
                while True:
                    peer.sendall(b"n")
                    time.sleep(0.01)
            except OSError:
                return

        serve(make(place / "s", kind), answer)
        assert 0.3 <= _one(place / "s", seconds=0.3, expect=b"y").seconds < 1

    def test_a_server_that_waits_for_the_end_of_a_request(
        self, place: Path, make: Make, serve: Serve, kind: str
    ) -> None:
        def answer(peer: socket.socket) -> None:
            parts = []
            while part := peer.recv(99):
                parts.append(part)
            peer.sendall(b"got " + b"".join(parts))

        serve(make(place / "s", kind), answer)
        outcome = _one(place / "s", type=kind, send=b"all", expect=b"got all", finish=True)
        assert outcome.as_expected, outcome.text

    def test_sent_alone_reads_the_first_answer(
        self, place: Path, make: Make, serve: Serve, kind: str
    ) -> None:
        serve(make(place / "s", kind), lambda peer: peer.sendall(peer.recv(100)))
        outcome = _one(place / "s", send=b"hello")
        assert (outcome.reply, outcome.as_expected) == (b"hello", None)


def test_one_sided_types_are_not_asked(place: Path, make: Make) -> None:
    make(place / "s", "dgram")
    outcome = _one(place / "s", send=b"PING", expect=b"PONG")
    assert (outcome.connected, outcome.as_expected) == (True, False)
    assert "a datagram socket does not answer" in outcome.text


Connect = Callable[[str, "str | None"], object]


def _replace_connect(
    monkeypatch: pytest.MonkeyPatch, name: str, instead: Callable[[], NoReturn]
) -> None:
    """Let something else happen in the forked process, for a path that ends in ``name``."""
    real = child._connect

    def connect(path: str, wanted: str | None) -> object:
        return instead() if path.endswith(name) else real(path, wanted)

    monkeypatch.setattr(child, "_connect", connect)


def _hang() -> NoReturn:
    while True:
        time.sleep(60)


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def test_a_process_that_hangs_is_ended(
    place: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(place / "s")
    _replace_connect(monkeypatch, "hang", _hang)
    paths = [place / "s", place / "hang", place / "s"]
    started = time.monotonic()
    outcomes = prove(
        [Attempt(str(path), who) for path in paths for who in (ALICE, BOB)], seconds=0.2
    )
    assert [one.connected for one in outcomes] == [True, True, False, False, True, True]
    for one in outcomes[2:4]:
        assert (one.answered, one.errno, one.refused, one.permitted) == (False, None, False, False)
        assert "could not be proven: there was no answer within 0.2 seconds" in one.text
    assert time.monotonic() - started < 5


def test_a_process_that_is_killed_is_replaced(
    place: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(place / "s")
    _replace_connect(monkeypatch, "die", _die)
    outcomes = prove([Attempt(f"{place}/{name}", ALICE) for name in ("s", "die", "s")], seconds=1)
    assert [one.connected for one in outcomes] == [True, False, True]
    assert not outcomes[1].answered
    assert "ended before it could tell" in outcomes[1].text


def test_an_identity_that_cannot_be_taken_on_proves_nothing(place: Path, make: Make) -> None:
    """-1 means "leave it as it is" to setresuid(2): the process would have connected as root."""
    make(place / "s")
    (place / "s").chmod(0)
    nobody = Credentials(4_294_967_295, 72001)
    first, outcome, last = prove(
        [Attempt(str(place / "s"), who) for who in (ALICE, nobody, Credentials(0, 0))], seconds=1
    )
    assert not outcome.connected
    assert not outcome.answered
    assert not outcome.refused
    assert first.refused
    assert last.connected


def test_signals_of_the_caller_do_not_disturb(place: Path, make: Make) -> None:
    make(place / "s", backlog=0)
    waiting = _fill(place / "s")
    caught: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda *dummy: caught.append(os.getpid()))
    signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
    try:
        outcome = _one(place / "s", seconds=0.3)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert outcome.errno == "EAGAIN"
    assert set(caught) == {os.getpid()}
    for one in waiting:
        one.close()


def test_a_caller_that_ignores_its_children(place: Path, make: Make) -> None:
    make(place / "s")
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert _one(place / "s").connected
        assert signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGCHLD, before)


SCRIPT = """
import atexit, sys
sys.path.insert(0, {library!r})
from _engine.model.account import Credentials
from _engine.prove import Attempt, prove

atexit.register(print, "the end")
print("unwritten", end=" ")
try:
    outcomes = prove([Attempt({path!r}, Credentials(71001, 72001))] * 3, seconds=2)
finally:
    print("cleanup", end=" ")
print(*[outcome.connected for outcome in outcomes], end=" ")
"""


def test_the_forked_process_runs_no_part_of_its_caller(place: Path, make: Make) -> None:
    make(place / "s")
    library = Path(child.__file__).parents[2]
    script = SCRIPT.format(library=str(library), path=str(place / "s"))
    done = subprocess.run(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=True
    )
    assert done.stdout == "unwritten cleanup True True True the end\n"


def test_a_stranger_is_refused_where_only_names_are_let_in(place: Path, make: Make) -> None:
    make(place / "s")
    os.chown(place / "s", ALICE.uid, ALICE.gid)
    (place / "s").chmod(0o660)
    nobody = stranger(lambda dummy: False, lambda dummy: False, highest_mapped())
    assert _one(place / "s").connected
    assert _one(place / "s", nobody).refused


def test_time_of_400_attempts(place: Path, make: Make) -> None:
    """Printed, not judged: a busy machine is not the code's fault."""
    paths = [place / str(number) for number in range(20)]
    for path in paths:
        make(path)
    everyone = [Credentials(71001 + number, 72001, frozenset({72001})) for number in range(20)]
    attempts = [Attempt(str(path), who) for path in paths for who in everyone]
    times = []
    for dummy in range(3):
        started = time.monotonic()
        assert all(outcome.connected for outcome in prove(attempts, seconds=2))
        times.append(time.monotonic() - started)
    print(f"400 attempts, 20 identities: {min(times) * 1000:.0f} ms at best of {len(times)}")


def test_whoever_connects_holds_nothing_of_the_run(place: Path, make: Make) -> None:
    """Its user may stop it, and a lock that it held would then outlive a run that is killed."""
    listening = make(place / "s")
    held: list[str] = []

    def look() -> None:
        peer, dummy = listening.accept()
        with peer:
            credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            directory = f"/proc/{struct.unpack('iII', credentials)[0]}/fd"
            held.extend(os.readlink(f"{directory}/{name}") for name in os.listdir(directory))
            peer.sendall(b"x")

    watching = threading.Thread(target=look)
    lock = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    try:
        watching.start()
        assert _one(place / "s", type="stream", expect=b"x").connected
    finally:
        os.close(lock)
        watching.join()
    # The standard ones, the connection, and the pipe of the report.
    others = sorted(name.partition(":")[0] for name in held if name != "/dev/null")
    assert others == ["pipe", "socket"]
    assert held.count("/dev/null") == 3
