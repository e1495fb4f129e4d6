# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real gates that run a real command for each request."""

from __future__ import annotations

import array
import contextlib
import os
import random
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kernel.gate import gates
from kernel.gate.fuzzing import Echo, attack
from kernel.gate.gates import Gate, as_user, gate, hide_the_refusal, kernel_refuses, until

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
ERROR = b"socket-access: error: "
each_kind = pytest.mark.parametrize("kind", ["stream", "seqpacket"])


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], list[str]]:
    def make(text: str) -> list[str]:
        path = tmp_path / "command"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return [str(path), "first", "; touch /tmp/never"]

    return make


def waits(spot: Path) -> str:
    """Return what has a command wait for a file, but not for longer than its test lasts."""
    return f'while [ -d {spot} ] && [ ! -e "$file" ]; do sleep 0.01; done'


def send(one: Gate, data: bytes) -> socket.socket:
    sock = one.connect()
    sock.sendall(data)
    if one.rules["type"] == "stream":
        sock.shutdown(socket.SHUT_WR)
    return sock


def reply(sock: socket.socket) -> bytes:
    """Return the reply to the last request, and see that the connection ends where it should."""
    with sock:
        if sock.type == socket.SOCK_SEQPACKET:
            return sock.recv(300_000)
        parts = []
        while data := sock.recv(65536):
            parts.append(data)
        return b"".join(parts)


def ask(one: Gate, data: bytes = b"x") -> bytes:
    return reply(send(one, data))


@each_kind
def test_the_request_is_read_and_the_reply_comes_back(spot: Path, script: Any, kind: str) -> None:
    command = script('cat; echo " $# $1 $2"')
    with gate(spot, type=kind, command=command) as one:
        assert ask(one, b"a\nb") == b"a\nb 2 first ; touch /tmp/never\n"
        data = random.Random(1).randbytes(60_000)
        assert ask(one, data) == data + b" 2 first ; touch /tmp/never\n"
        until(lambda: one.said("EXIT_STATUS=0") == 2)


@each_kind
def test_the_environment_is_clean_and_says_who_asks(spot: Path, script: Any, kind: str) -> None:
    with gate(spot, type=kind, command=script("exec env"), users=[71001, "daemon"]) as one:
        lines = as_user(71001, lambda: ask(one), 71002).decode()
        found = set(eval(lines).decode().split())
        pid = next(line for line in found if line.startswith("SOCKET_ACCESS_PEER_PID="))
        assert int(pid.partition("=")[2]) > 1
        assert found - {pid, "PWD=/"} - {f"PWD={os.getcwd()}"} == {
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG=C.UTF-8",
            "SOCKET_ACCESS_NAME=test",
            "SOCKET_ACCESS_PEER_UID=71001",
            "SOCKET_ACCESS_PEER_GID=71002",
            "SOCKET_ACCESS_PEER_USER=71001",
        }
        assert b"PEER_USER=daemon" in as_user(1, lambda: ask(one))


@each_kind
def test_nobody_else_has_anything_run(spot: Path, script: Any, kind: str) -> None:
    ran = spot / "ran"
    with gate(spot, type=kind, command=script(f"touch {ran}"), users=[71001]) as one:

        def attempt() -> bytes:
            try:
                return ask(one)
            except OSError:
                return b""

        assert as_user(71002, attempt) == b"b''"
        assert attempt() == b""
        until(lambda: one.said("REASON=not-listed") == 2)
        # Connecting alone, as a proof does, is no request either.
        assert as_user(71001, lambda: one.connect().close()) == b"None"
        until(lambda: one.said("VERDICT=allowed") == 1)
        assert not ran.exists()


@each_kind
def test_a_request_has_one_record(spot: Path, kind: str) -> None:
    with gate(spot, type=kind, command=["/bin/cat"]) as one:
        before = one.descriptors()
        assert ask(one, b"hello") == b"hello"
        until(lambda: one.descriptors() == before)
        one.signal(signal.SIGTERM)
        assert one.wait() == 0
        assert one.said("VERDICT=") == 1
        assert one.said("BYTES_IN=5 BYTES_OUT=5") == 1


def test_a_flood_on_one_connection_is_summed_up(spot: Path, script: Any) -> None:
    count = 400
    with gate(spot, type="seqpacket", command=["/bin/true"]) as one:
        with one.connect() as sock:
            began = time.monotonic()
            for dummy in range(count):
                sock.send(b"x")
                assert sock.recv(10) == b"\n"
            seconds = time.monotonic() - began
        until(lambda: sum(recorded(one)) == count)
        singly = [number for number in recorded(one) if number == 1]
        assert len(singly) <= 100 * (int(seconds) + 2)


def recorded(one: Gate) -> list[int]:
    """Return for how many calls each record stands."""
    lines = [line for line in one.log.read_text().splitlines() if "VERDICT=allowed" in line]
    return [int((line.partition("CONNECTIONS=")[2].split() or ["1"])[0]) for line in lines]


def test_what_a_caller_has_the_command_say_does_not_fill_the_journal(
    spot: Path, script: Any
) -> None:
    """The request is a thousand lines, and the command tells them all to its standard error."""
    with gate(spot, type="seqpacket", command=script("cat >&2")) as one:
        with one.connect() as sock:
            for dummy in range(10):
                sock.send(b"it is wrong\n" * 5000)
                sock.recv(10)
        until(lambda: one.said("lines of the command for"))
        one.close()
        assert one.log.stat().st_size < 3_000_000


@each_kind
@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("exit 3", 9, b"failed The command ended with exit status 3."),
        ("kill -9 $$", 9, b"killed The command was ended by SIGKILL."),
        ("sleep 9", 0.5, b"timeout The command took longer than 0.5 seconds."),
        (
            "trap '' TERM; sleep 9; sleep 9",
            0.5,
            b"timeout The command took longer than 0.5 seconds.",
        ),
    ],
)
def test_a_failure_is_one_line(
    spot: Path, script: Any, kind: str, text: str, limit: float, expected: bytes
) -> None:
    with gate(spot, type=kind, command=script(text), time_limit=limit) as one:
        assert ask(one) == ERROR + expected + b"\n"
        until(lambda: one.said("VERDICT=failed"))


def test_a_command_may_clean_up_when_its_time_is_over(spot: Path, script: Any) -> None:
    command = script(f"trap 'echo cleaned > {spot}/up; exit 0' TERM; sleep 9 & wait")
    with gate(spot, command=command, time_limit=1) as one:
        assert ask(one).startswith(ERROR + b"timeout ")
        assert (spot / "up").read_text() == "cleaned\n"


@each_kind
def test_a_failure_after_output(spot: Path, script: Any, kind: str) -> None:
    with gate(spot, type=kind, command=script("printf half; exit 1")) as one:
        line = ERROR + b"failed The command ended with exit status 1.\n"
        # A stream had the output before; a message is one or the other.
        assert ask(one) == (b"half\n" + line if kind == "stream" else line)


@each_kind
def test_a_command_that_is_not_there(spot: Path, kind: str) -> None:
    with gate(spot, type=kind, command=["/nonexistent/command"]) as one:
        assert ask(one) == ERROR + b"unavailable The command could not be started.\n"
        assert one.said("No such file")


def test_a_reply_longer_than_a_message(spot: Path, script: Any) -> None:
    command = script("head -c 70000 /dev/zero; sleep 5")
    with gate(spot, type="seqpacket", command=command) as one:
        assert ask(one) == ERROR + b"reply-too-long The reply is longer than 65536 bytes.\n"


def test_a_reply_that_is_empty_is_no_end_of_the_connection(spot: Path, script: Any) -> None:
    with gate(spot, type="seqpacket", command=script("true")) as one:
        assert ask(one) == b"\n"


def test_long_replies_are_streamed(spot: Path, script: Any) -> None:
    command = script("head -c 20000000 /dev/zero")
    with gate(spot, command=command) as one:
        before = one.memory()
        sock = send(one, b"x")
        time.sleep(0.3)
        assert one.memory() - before < 5000
        assert len(reply(sock)) == 20_000_000


@pytest.mark.parametrize("kernel", [True, False], ids=["kernel refuses", "gate refuses"])
@each_kind
def test_requests_that_are_too_long(
    spot: Path, script: Any, kind: str, kernel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not kernel:
        hide_the_refusal(monkeypatch)
    with gate(spot, type=kind, command=script("cat"), max_message=1000) as one:
        assert ask(one, bytes(1000)) == bytes(1000)
        sock = one.connect()
        # All of it is there before the gate reads: what it leaves unread must not hide the reply.
        with one.stopped():
            for dummy in range(5):
                sock.sendall(bytes(1001))
        time.sleep(0.2)
        assert reply(sock) == ERROR + b"too-long The request is longer than 1000 bytes.\n"
        until(lambda: one.said("REASON=too-long"))


@pytest.mark.parametrize("kernel", [True, False], ids=["kernel refuses", "gate refuses"])
@each_kind
def test_requests_with_descriptors_or_nothing(
    spot: Path, script: Any, kind: str, kernel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not kernel:
        hide_the_refusal(monkeypatch)
    with gate(spot, type=kind, command=script("cat")) as one:
        before = one.descriptors()
        sock = one.connect()
        fds = array.array("i", [0, 1, 2])
        try:
            sock.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
        except PermissionError:
            assert kernel
            sock.close()
        else:
            # Below Linux 6.16, or with the kernel's own refusal hidden from the gate.
            assert not (kernel and kernel_refuses())
            assert reply(sock) == ERROR + b"descriptors Descriptors cannot be passed here.\n"
        if kind == "seqpacket":
            sock = one.connect()
            sock.send(b"")
            assert reply(sock) == ERROR + b"empty The request is empty.\n"
        until(lambda: one.descriptors() == before)


def test_one_connection_has_many_requests_in_order(spot: Path, script: Any) -> None:
    command = script('read -r n; [ "$n" != 0 ] || sleep 0.3; echo "$n"')
    with gate(spot, type="seqpacket", command=command) as one, one.connect() as sock:
        for number in range(10):
            sock.send(b"%d\n" % number)
        assert [sock.recv(100) for dummy in range(10)] == [b"%d\n" % n for n in range(10)]


@each_kind
def test_what_was_asked_for_is_done_though_nobody_waits(spot: Path, script: Any, kind: str) -> None:
    with gate(spot, type=kind, command=script(f"sleep 0.1; cat >> {spot}/done")) as one:
        for number in range(3):
            send(one, b"%d" % number).close()
        until(lambda: (spot / "done").exists() and len((spot / "done").read_bytes()) == 3)
        until(lambda: one.said("EXIT_STATUS=0") == 3)


@pytest.mark.parametrize("stops", [False, True])
def test_a_reply_that_is_taken_late_is_whole(spot: Path, script: Any, stops: bool) -> None:
    """More than fits into the connection, and less than has the command wait."""
    with gate(spot, command=script("head -c 300000 /dev/zero")) as one:
        sock = send(one, b"x")
        until(lambda: one.said("EXIT_STATUS=0"))
        if stops:
            one.signal(signal.SIGTERM)
            assert one.notify.recv(100) == b"STOPPING=1"
            until(one.rests)
        assert len(reply(sock)) == 300_000


@each_kind
def test_who_is_gone_is_not_told_again_and_again(spot: Path, script: Any, kind: str) -> None:
    command = script(f"file={spot}/go; touch {spot}/begun; {waits(spot)}")
    with gate(spot, type=kind, command=command) as one:
        send(one, b"x").close()
        until((spot / "begun").exists)
        # A loop that spins never sleeps.
        until(one.rests)
        (spot / "go").touch()


def test_a_request_that_waits_is_not_told_again_and_again(spot: Path, script: Any) -> None:
    command = script(f"file={spot}/go; touch {spot}/begun; {waits(spot)}; cat")
    with gate(spot, type="seqpacket", command=command) as one, one.connect() as sock:
        sock.send(b"1")
        sock.send(b"2")
        until((spot / "begun").exists)
        until(one.rests)
        (spot / "go").touch()
        assert [sock.recv(9) for dummy in range(2)] == [b"1", b"2"]


def test_who_hangs_up_in_the_middle_of_a_reply_has_it_done(spot: Path, script: Any) -> None:
    command = script(f"head -c 3000000 /dev/zero; touch {spot}/done")
    with gate(spot, command=command) as one:
        sock = send(one, b"x")
        assert sock.recv(1) == b"\0"
        time.sleep(0.2)
        assert not (spot / "done").exists()
        sock.close()
        until((spot / "done").exists)
        until(lambda: one.said("EXIT_STATUS=0"))


@each_kind
def test_the_next_request_is_served_while_one_runs(spot: Path, script: Any, kind: str) -> None:
    command = script(f"read -r file; echo >> {spot}/begun; {waits(spot)}; echo done")
    with gate(spot, type=kind, command=command) as one:
        slow = send(one, f"{spot}/go\n".encode())
        until((spot / "begun").exists)
        assert ask(one, b"/\n") == b"done\n"
        (spot / "go").touch()
        assert reply(slow) == b"done\n"


def test_only_so_many_run_at_once(spot: Path, script: Any) -> None:
    command = script(f"mkdir {spot}/r$$; ls -d {spot}/r* | wc -l; sleep 0.1; rmdir {spot}/r$$")
    with gate(spot, command=command, at_once=3, at_once_per_user=3) as one:
        socks = [send(one, b"x") for dummy in range(15)]
        counts = [int(reply(sock)) for sock in socks]
        assert max(counts) == 3


def test_many_requests_of_one_user_do_not_hold_up_another(spot: Path, script: Any) -> None:
    order = spot / "order"
    order.touch()
    begin = f"file={spot}/go; echo $SOCKET_ACCESS_PEER_UID >> {order}"
    command = script(f"{begin}; {waits(spot)}")
    with gate(spot, command=command, at_once=2, users=[0, 71001]) as one:
        socks = [send(one, b"x") for dummy in range(20)]
        until(lambda: order.read_text() == "0\n")
        os.seteuid(71001)
        other = send(one, b"x")
        os.seteuid(0)
        # It begins while the first of the twenty runs and the others wait.
        until(lambda: order.read_text() == "0\n71001\n")
        (spot / "go").touch()
        assert reply(other) == b""
        assert [reply(sock) for sock in socks] == [b""] * 20


@each_kind
def test_who_never_sends_is_closed(spot: Path, script: Any, kind: str) -> None:
    with gate(spot, type=kind, command=script("cat"), request_seconds=0.3) as one:
        sock = one.connect()
        if kind == "stream":
            sock.sendall(b"not all of it")
        assert sock.recv(10) == b""
        sock.close()
        until(lambda: one.said("REASON=idle"))


def test_who_stays_after_the_reply_is_closed(spot: Path, script: Any) -> None:
    rules = {"type": "seqpacket", "request_seconds": 0.3}
    with gate(spot, command=script("cat"), **rules) as one, send(one, b"x") as sock:
        assert sock.recv(10) == b"x"
        assert sock.recv(10) == b""
        until(lambda: one.said("REASON=idle"))


def lingers(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Have the gates of a test wait so long for a caller to see the end of the last reply."""
    how = f"import _engine.gate.request as r; r._LINGER = {seconds}\nsys.exit"
    monkeypatch.setattr(gates, "_START", gates._START.replace("sys.exit", how))


@each_kind
def test_who_stays_after_a_refusal_is_closed(
    spot: Path, script: Any, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lingers(monkeypatch, 0.2)
    with gate(spot, type=kind, command=script("cat"), max_message=10) as one:
        before = one.descriptors()
        with one.connect() as sock:
            sock.sendall(bytes(11))
            said = sock.recv(100)
            assert said.startswith(ERROR + b"too-long ")
            assert sock.recv(100) == b""
            until(lambda: one.descriptors() == before)
        assert one.said("REASON=too-long") == 1
        assert one.said(f"BYTES_IN=11 BYTES_OUT={len(said)} ") == 1


@each_kind
def test_who_goes_after_a_refusal_is_gone(
    spot: Path, script: Any, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lingers(monkeypatch, 60)
    with gate(spot, type=kind, command=script("cat"), max_message=10) as one:
        before = one.descriptors()
        with one.connect() as sock:
            sock.sendall(bytes(11))
            assert sock.recv(100).startswith(ERROR + b"too-long ")
        until(lambda: one.descriptors() == before)


@each_kind
def test_who_passed_descriptors_is_not_waited_for(
    spot: Path, script: Any, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide_the_refusal(monkeypatch)
    lingers(monkeypatch, 60)
    with gate(spot, type=kind, command=script("cat")) as one:
        before = one.descriptors()
        with one.connect() as sock:
            fds = array.array("i", [0])
            sock.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
            assert sock.recv(100) == ERROR + b"descriptors Descriptors cannot be passed here.\n"
            until(lambda: one.descriptors() == before)


def test_who_does_not_take_the_reply_is_closed(spot: Path, script: Any) -> None:
    command = script("head -c 3000000 /dev/zero")
    with gate(spot, command=command, time_limit=0.3, request_seconds=0.3) as one:
        sock = send(one, b"x")
        until(lambda: one.said("VERDICT=failed"), 5)
        until(lambda: one.descriptors() < 12, 5)
        sock.close()


def test_standard_error_goes_to_the_journal(spot: Path, script: Any) -> None:
    command = script("echo one >&2; echo 'PEER_UID=0' >&2; printf three >&2")
    with gate(spot, command=command) as one:
        assert ask(one) == b""
        until(lambda: one.said("<6>one ") == 1)
        until(lambda: one.said("<6>three ") == 1)


def test_nothing_is_left_of_a_command(spot: Path, script: Any) -> None:
    command = script(f"sleep 60 & echo $! > {spot}/pid; echo started")
    with gate(spot, command=command) as one:
        assert ask(one) == b"started\n"
        child = int((spot / "pid").read_text())
        until(lambda: not Path(f"/proc/{child}/exe").exists())


def test_sigterm_lets_requests_finish(spot: Path, script: Any) -> None:
    command = script(f"file={spot}/go; {waits(spot)}; echo done")
    with gate(spot, type="seqpacket", command=command, at_once=1) as one:
        idle = one.connect()
        socks = [send(one, b"x") for dummy in range(2)]
        one.catch_up()
        one.signal(signal.SIGTERM)
        assert idle.recv(1) == b""
        (spot / "go").touch()
        assert [reply(sock) for sock in socks] == [b"done\n"] * 2
        idle.close()
        assert one.wait() == 0
        assert one.said("REASON=stopped") == 3


def test_sigterm_ends_after_its_limit(spot: Path, script: Any) -> None:
    command = script(f"echo $$ > {spot}/pid; sleep 30")
    with gate(spot, command=command, finish_seconds=0.3) as one:
        sock = send(one, b"x")
        until(lambda: (spot / "pid").exists() and (spot / "pid").read_text())
        one.signal(signal.SIGTERM)
        assert reply(sock) == ERROR + b"stopped The gate was stopped.\n"
        assert one.wait() == 0


def test_a_user_who_was_taken_out_asks_for_nothing_more(spot: Path, script: Any) -> None:
    with gate(spot, type="seqpacket", command=script("cat")) as one, one.connect() as sock:
        sock.send(b"a")
        assert sock.recv(10) == b"a"
        one.reread(users=[71001])
        sock.send(b"b")
        assert sock.recv(10) == b""
        until(lambda: one.said("REASON=not-listed"))


def test_the_command_changes_without_a_restart(spot: Path, script: Any) -> None:
    with gate(spot, type="seqpacket", command=script("cat")) as one, one.connect() as sock:
        sock.send(b"a")
        assert sock.recv(10) == b"a"
        one.reread(command=["/bin/echo", "new"])
        sock.send(b"b")
        assert sock.recv(10) == b"new\n"


BROKEN = """
import _engine.gate.{module} as module
take = module.{one}.{takes}
def fails(self, *more):
    try:
        seen = self.sock.recv(4, 2)
    except BlockingIOError:
        return
    if seen == b"boom":
        self.sock.recv(4)
        raise ZeroDivisionError("oh")
    take(self, *more)
module.{one}.{takes} = fails
sys.exit"""


@pytest.mark.parametrize(
    ("kind", "does", "place"),
    [
        ("stream", "forward", {"module": "stream", "one": "StreamSide", "takes": "pump"}),
        ("seqpacket", "forward", {"module": "messages", "one": "MessageSide", "takes": "pump"}),
        ("seqpacket", "command", {"module": "request", "one": "Caller", "takes": "_take"}),
    ],
)
def test_an_error_of_its_own_ends_one_connection(
    spot: Path, kind: str, does: str, place: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    start = gates._START.replace("sys.exit", BROKEN.format(**place))
    monkeypatch.setattr(gates, "_START", start)
    does_what = str(spot / "back.sock") if does == "forward" else ["/bin/cat"]
    one = Gate(spot, **{"type": kind, does: does_what})
    with Echo(spot / "back.sock", kind), contextlib.closing(one):
        one.wait_ready()
        with one.connect() as stays, one.connect() as sock:
            sock.sendall(b"boom")
            assert sock.recv(9) == b""
            stays.sendall(b"hello")
            assert stays.recv(9) == b"hello"
        until(lambda: one.said("REASON=broken") == 1)
        assert one.said("should not happen: ZeroDivisionError: oh") == 1


@each_kind
@pytest.mark.parametrize(("does", "count"), [("forward", 9000), ("command", 1000)])
def test_fuzz(spot: Path, kind: str, does: str, count: int, rng: random.Random) -> None:
    """No crash, no wrong allow, no leak, whatever comes; tests/bench/gate has the long one."""
    attack(spot, kind, does, rng, count)
