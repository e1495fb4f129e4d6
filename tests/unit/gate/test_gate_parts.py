# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The small parts of a gate: records, turns, units, what systemd hands over."""

from __future__ import annotations

import os
import random
import socket
import struct
from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate import log as words
from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate.journal import (
    Journal,
    encode,
    line,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate.log import (
    SAID,
    SINGLY,
    Log,
    Visit,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate.loop import Loop
from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate.notify import (
    Notify,
    listening_descriptor,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate.peer import Peer
from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate.process import (
    UNSEEN,
    unit_of,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate.queue import Queue
from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate.request import (
    error_reply,
)


def decode(data: bytes) -> dict[str, str]:
    """Read a record as journald does."""
    found = {}
    while data:
        key, mark, rest = data.partition(b"\n")
        if b"=" in key:
            name, dummy, value = key.partition(b"=")
            data = rest
        else:
            name = key
            size = struct.unpack("<Q", rest[:8])[0]
            value, data = rest[8 : 8 + size], rest[8 + size :]
            assert data[:1] == b"\n"
            data = data[1:]
        assert mark
        found[name.decode()] = value.decode()
    return found


def test_records_come_out_as_they_went_in() -> None:
    chance = random.Random(3)
    for dummy in range(300):
        fields = {
            f"KEY_{number}": "".join(chance.choice("a=\n\0é ") for dummy in range(20))
            for number in range(5)
        }
        assert decode(encode(fields)) == fields
    assert decode(encode({"A": 1, "B": 1.5})) == {"A": "1", "B": "1.500000"}


def test_a_value_forges_no_field() -> None:
    """What a command or a process's name says must not pass for what the kernel said."""
    assert decode(encode({"PEER_COMM": "x\nPEER_UID=0"})) == {"PEER_COMM": "x\nPEER_UID=0"}
    assert line({"MESSAGE": "a\n<0>b", "X": "c\nd"}) == b"<6>a?<0>b X=c?d\n"


def test_the_journal_gets_records_and_a_busy_one_loses_some(tmp_path: Path) -> None:
    place = str(tmp_path / "journal")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as there:
        there.bind(place)
        journal = Journal(place)
        assert journal.send({"MESSAGE": "hello", "VERDICT": "allowed"})
        assert decode(there.recv(9999)) == {"MESSAGE": "hello", "VERDICT": "allowed"}
        taken = sum(journal.send({"MESSAGE": "x" * 1000}) for dummy in range(2000))
        assert 0 < taken < 2000
        journal.close()


def test_without_a_journal_records_are_lines(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    journal = Journal(str(tmp_path / "none"), writer)
    assert journal.send({"MESSAGE": "hello", "PRIORITY": 4, "PEER_UID": 5})
    assert os.read(reader, 999) == b"<4>hello PEER_UID=5\n"
    # A full pipe is not waited for.
    assert not all(journal.send({"MESSAGE": "x" * 4000}) for dummy in range(100))
    journal.close()
    os.close(reader)
    os.close(writer)


class Kept(Journal):
    def __init__(self) -> None:
        self.busy = False
        self.records: list[dict[str, object]] = []

    def send(self, fields: object) -> bool:
        if not self.busy:
            self.records.append(dict(fields))
        return not self.busy


def test_a_flood_is_summed_up_and_nobody_goes_unmentioned() -> None:
    kept = Kept()
    log = Log("n", kept)
    for dummy in range(SINGLY + 500):
        log.refused(None, Peer(1000, 1000, 0), words.TOO_MANY)
    log.refused(None, Peer(1001, 1001, 0), words.TOO_MANY)
    assert len(kept.records) == SINGLY + 1
    log.flush()
    assert len(kept.records) == SINGLY + 2
    assert kept.records[-1]["CONNECTIONS"] == 500
    assert kept.records[-1]["PEER_UID"] == 1000
    log.flush()
    assert len(kept.records) == SINGLY + 2
    log.refused(None, Peer(1000, 1000, 0), words.TOO_MANY)
    assert len(kept.records) == SINGLY + 3


def test_thousands_of_ids_are_a_flood_too() -> None:
    kept = Kept()
    log = Log("n", kept)
    for uid in range(5000):
        log.refused(None, Peer(uid, uid, 0), "not-listed")
    log.flush()
    assert len(kept.records) < 2300
    singly = sum("CONNECTIONS" not in one for one in kept.records)
    summed = sum(int(str(one.get("CONNECTIONS", 0))) for one in kept.records)
    assert singly + summed == 5000


def test_thousands_of_ids_take_nobody_s_share() -> None:
    spared = 1000
    kept = Kept()
    log = Log("n", kept)
    for uid in (spared, *range(5000, 9000), spared):
        log.refused(None, Peer(uid, uid, 0), "not-listed")
    assert [one["PEER_UID"] for one in kept.records].count(spared) == 2


def test_who_is_sent_away_as_thousands_takes_nobody_s_record() -> None:
    kept = Kept()
    log = Log("n", kept)
    for uid in range(5000, 9000):
        log.refused(None, Peer(uid, uid, 0), "not-listed")
    with socket.socket(socket.AF_UNIX) as sock:
        visit = log.arrived(sock, Peer(1000, 1000, 0), 0.0, 1000)
    log.left(visit, words.ALLOWED, "")
    assert (kept.records[-1]["PEER_UID"], kept.records[-1]["VERDICT"]) == (1000, "allowed")
    assert "CONNECTIONS" not in kept.records[-1]


def test_bytes_are_summed_up() -> None:
    kept = Kept()
    log = Log("n", kept)
    for dummy in range(3):
        visit = Visit(Peer(5, 5, 5), 0.0, None)
        visit.bytes_in, visit.bytes_out = 10, 20
        log.left(visit, words.ALLOWED, "")
    log.flush()
    assert kept.records[0]["BYTES_IN"] == 30
    assert kept.records[0]["BYTES_OUT"] == 60
    assert kept.records[0]["MESSAGE"] == "3 more calls of user 5 were allowed."


def test_what_a_busy_journal_does_not_take_is_said_later() -> None:
    kept = Kept()
    log = Log("n", kept)
    loop = Loop(log.crashed)
    log.attach(loop)
    kept.busy = True
    log.refused(None, Peer(1000, 1000, 0), words.TOO_MANY)
    visit = Visit(Peer(5, 5, 5), 0.0, UNSEEN)
    visit.bytes_in = 10
    log.left(visit, words.FAILED, words.COMMAND)
    log.say("One.")
    log.said(visit, "two")
    # By itself, without anybody coming: once in vain, and once more.
    for busy in (True, False):
        kept.busy = busy
        loop.later(1.5, loop.stop)
        loop.run()
    loop.close()
    assert [(one.get("PEER_UID"), one.get("CONNECTIONS")) for one in kept.records] == [
        (1000, 1),
        (5, 1),
        (None, None),
    ]
    assert kept.records[1]["BYTES_IN"] == 10
    assert str(kept.records[1]["MESSAGE"]).startswith("1 more calls of user 5 were not serv")
    assert kept.records[2]["MESSAGE"] == "2 messages were lost, because the journal was busy."
    log.flush()
    assert len(kept.records) == 3


def test_what_a_command_says_is_recorded_as_it_is() -> None:
    kept = Kept()
    log = Log("n", kept)
    visit = Visit(Peer(5, 5, 5), 0.0, UNSEEN)
    log.said(visit, "www-data set it.")
    log.left(visit, words.FAILED, words.COMMAND)
    assert kept.records[0]["MESSAGE"] == "www-data set it."
    assert "User 5 (pid 5) was not served: the command" in str(kept.records[1]["MESSAGE"])


def test_what_commands_say_has_an_end_for_each_user() -> None:
    kept = Kept()
    log = Log("n", kept)
    for dummy in range(5000):
        log.said(Visit(Peer(5, 5, 5), 0.0, UNSEEN), "ö" * 1024)
    log.said(Visit(Peer(6, 6, 6), 0.0, UNSEEN), "another user's")
    assert sum(len(str(one["MESSAGE"]).encode()) for one in kept.records) < SAID
    assert kept.records[-1]["MESSAGE"] == "another user's"
    said = len(kept.records) - 1
    log.flush()
    text = f"{5000 - said} lines of the command for user 5 are left out: too many."
    assert (kept.records[-1]["MESSAGE"], kept.records[-1]["PEER_UID"]) == (text, 5)
    log.flush()
    assert len(kept.records) == said + 2
    log.said(Visit(Peer(5, 5, 5), 0.0, UNSEEN), "the next second")
    assert kept.records[-1]["MESSAGE"] == "the next second"


def test_as_many_short_lines_as_a_request_may_have_are_all_there() -> None:
    kept = Kept()
    log = Log("n", kept)
    for dummy in range(1000):
        log.said(Visit(Peer(5, 5, 5), 0.0, UNSEEN), "x" * 130)
    log.flush()
    assert len(kept.records) == 1000


def test_the_lines_of_thousands_of_ids_are_a_flood_too() -> None:
    kept = Kept()
    log = Log("n", kept)
    for uid in range(20_000):
        log.said(Visit(Peer(uid, uid, 5), 0.0, UNSEEN), "x" * 1000)
    log.flush()
    assert len(kept.records) < 2300
    assert " lines of the command for others are left out" in str(kept.records[-1]["MESSAGE"])


def test_an_error_of_its_own_is_recorded_with_its_place() -> None:
    kept = Kept()
    log = Log("n", kept)
    try:
        raise ZeroDivisionError("oh")
    except ZeroDivisionError as error:
        log.crashed(error)
    assert "ZeroDivisionError: oh" in str(kept.records[0]["MESSAGE"])
    assert "test_gate_parts.py" in str(kept.records[0]["MESSAGE"])


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("0::/system.slice/nginx.service\n", "nginx.service"),
        ("0::/system.slice/nginx.service/worker\n", "nginx.service"),
        (
            "0::/user.slice/user-1000.slice/user@1000.service/app.slice/pipewire.service",
            "user@1000.service/pipewire.service",
        ),
        ("0::/user.slice/user-1000.slice/user@1000.service", "user@1000.service"),
        # What a user, a container or a service calls its own parts is no unit of this host.
        (
            "0::/user.slice/user-1000.slice/user@1000.service/a.scope/system.slice/nginx.service",
            "user@1000.service/a.scope",
        ),
        (
            "0::/machine.slice/libpod-1a.scope/container/system.slice/nginx.service",
            "libpod-1a.scope",
        ),
        ("0::/system.slice/app.service/nginx.service", "app.service"),
        ("0::/user.slice/user-1000.slice/session-3.scope", "session-3.scope"),
        ("12:cpu:/x.service\n1:name=systemd:/system.slice/old.service\n", "old.service"),
        ("0::/\n", ""),
        ("", ""),
        ("nonsense", ""),
    ],
)
def test_units_are_found_in_a_cgroup(text: str, unit: str) -> None:
    assert unit_of(text) == unit


def test_users_take_turns() -> None:
    queue: Queue[str] = Queue()
    for number in range(3):
        queue.put(1, f"a{number}")
    queue.put(2, "b0")
    queue.put(2, "b1")
    queue.put(3, "c0")
    order = [queue.take(99, 99) for dummy in range(7)]
    assert order == ["a0", "b0", "c0", "a1", "b1", "a2", None]


def test_limits_of_the_queue() -> None:
    queue: Queue[str] = Queue()
    for number in range(5):
        queue.put(1, f"a{number}")
    assert [queue.take(3, 2) for dummy in range(3)] == ["a0", "a1", None]
    queue.put(2, "b0")
    assert queue.take(3, 2) == "b0"
    queue.put(2, "b1")
    assert queue.take(3, 2) is None
    queue.done(1)
    assert (queue.running, queue.waiting) == (2, 4)
    # Both may: whose line was not served longest.
    assert queue.take(3, 2) in ("a2", "b1")


def test_nobody_has_more_than_his_share_and_nobody_waits_in_vain() -> None:
    chance = random.Random(11)
    queue: Queue[int] = Queue()
    running: list[int] = []
    waiting: list[int] = []
    for dummy in range(3000):
        if chance.random() < 0.5:
            waiting.append(chance.randrange(4))
            queue.put(waiting[-1], waiting[-1])
        elif running:
            queue.done(running.pop(chance.randrange(len(running))))
        while (uid := queue.take(5, 2)) is not None:
            running.append(uid)
            waiting.remove(uid)
        assert len(running) <= 5
        assert all(running.count(uid) <= 2 for uid in running)
        assert len(running) == 5 or all(running.count(uid) == 2 for uid in waiting)


def test_error_replies_are_one_line() -> None:
    assert error_reply("failed", "a\nb\n") == b"socket-access: error: failed a b\n"


def test_only_one_descriptor_for_this_process_is_taken() -> None:
    other = str(os.getpid() + 1)
    for wrong in ({}, {"LISTEN_PID": other, "LISTEN_FDS": "1"}, {"LISTEN_PID": str(os.getpid())}):
        with pytest.raises(AccessError, match="started by systemd"):
            listening_descriptor(dict(wrong))
    two = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2", "LISTEN_FDNAMES": "a:b"}
    with pytest.raises(AccessError, match="started by systemd"):
        listening_descriptor(two)
    assert two == {}


def test_systemd_is_told(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as there:
        there.bind(str(tmp_path / "notify"))
        Notify({"NOTIFY_SOCKET": str(tmp_path / "notify")}).tell("READY=1")
        assert there.recv(99) == b"READY=1"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as there:
        there.bind(f"\0unixsocket-access-test-{os.getpid()}")
        Notify({"NOTIFY_SOCKET": f"@unixsocket-access-test-{os.getpid()}"}).tell("STOPPING=1")
        assert there.recv(99) == b"STOPPING=1"
    Notify({}).tell("READY=1")
