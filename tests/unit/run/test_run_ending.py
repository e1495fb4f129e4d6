# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Grants that end: what is left of a declaration, by which clock, and what the host is given."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine import ending
from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.record import (
    Record,
    RecordFile,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.endpoints import (
    holders_of,
    take_apart,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.keep.ends import (
    ENDS,
    end_files,
    timer_of,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import (
    Endpoint,
    Grant,
    PolicyError,
    Principal,
    SocketPolicy,
    validate,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import (
    Task,
    compiled,
    from_compiled,
)

WWW, DB = Principal("user", "www"), Principal("group", "db")
NOW = 1_800_000_000
NOWHERE = RecordFile("/nowhere")


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: float(NOW))


def task(*allow: Grant, kept: bool = False, **keys: object) -> Task:
    declared = SocketPolicy("app", "/run/app.sock", allow=allow, **keys)
    return Task(declared, "socket app", kept=kept)


def left(one: Task, file: RecordFile = NOWHERE) -> tuple[Task, list[str]]:
    (found,), told = ending.without_ended([one], file)
    return found, told


def test_nothing_ends_without_being_told() -> None:
    whole = task(Grant(WWW), Grant(DB))
    assert left(whole) == (whole, [])


@pytest.mark.parametrize(("expires", "over"), [(NOW - 1, True), (NOW, True), (NOW + 1, False)])
def test_the_moment_itself_is_over(expires: int, over: bool) -> None:
    found, told = left(task(Grant(WWW, expires=expires), Grant(DB)))
    assert [grant.principal for grant in found.declared.allow] == ([DB] if over else [WWW, DB])
    assert [grant.principal for grant in found.ended] == ([WWW] if over else [])
    assert len(told) == over


def test_what_is_told_names_everything() -> None:
    (sentence,) = left(task(Grant(WWW, "proxy", endpoint=Endpoint("/run/at"), expires=NOW)))[1]
    for word in ("user www", "/run/app.sock", "/run/at", "2027-01-15T08:00:00Z", "take it out"):
        assert word in sentence


def test_what_the_host_keeps_is_silent() -> None:
    found, told = left(task(Grant(WWW, expires=NOW), kept=True))
    assert (found.declared.allow, told) == ((), [])


def test_a_clock_that_was_set_back_opens_nothing(tmp_path: Path) -> None:
    """What was over once is, until another time is declared; the record is of any age."""
    file = RecordFile(str(tmp_path))
    grant = Grant(WWW, expires=NOW + 50)
    at = grant._replace(method="proxy", endpoint=Endpoint("/run/at"))
    ended = take_apart(task(Grant(DB))).task._replace(ended=(grant, at))
    known = ending.remembered({}, {"socket app"}, [take_apart(ended)])
    file.save(Record({}, known))
    os.utime(file.path, (NOW + 9999, NOW + 9999))
    found, (said, dummy) = left(task(grant, at, Grant(DB)), file)
    assert [one.principal for one in found.declared.allow] == [DB]
    assert "was ended when this host's clock was past 2027-01-15T08:00:50Z" in said
    # The endpoint as the host keeps it, and the same grant with another time.
    declared = SocketPolicy("app.at", "/run/at", allow=(grant,))
    kept = Task(declared, "socket app at /run/at", kept=True)
    assert left(kept, file)[0].declared.allow == ()
    assert left(task(grant._replace(expires=NOW + 51)), file)[0].declared.allow != ()
    assert left(task(grant._replace(principal=DB)), file)[0].declared.allow != ()


def test_what_ended_is_known_as_long_as_it_is_declared() -> None:
    known = {"user www at /a until x": "socket app", "user www at /b until x": "socket b"}
    whole = [take_apart(task(Grant(DB)))]
    assert ending.remembered(known, {"socket app"}, whole) == {"user www at /b until x": "socket b"}
    hook = [take_apart(task(Grant(DB), kept=True))]
    assert ending.remembered(known, {"socket app"}, hook) == known
    assert ending.remembered(known, {"socket app", "socket b"}, []) == {}


def test_what_ends_elsewhere_leaves_the_socket_as_it_is() -> None:
    """A declared socket without any grant is closed; one that nothing was done to stays so."""
    served = Grant(WWW, "proxy", endpoint=Endpoint("/run/at"), expires=NOW)
    for grant in (served, served._replace(method="auto")):
        found = left(task(grant))[0]
        assert take_apart(found).untouched
    assert not take_apart(left(task(served, mode=0o600))[0]).untouched
    assert not take_apart(left(task(Grant(WWW, expires=NOW)))[0]).untouched


def test_the_policy_of_the_host_ends_as_well() -> None:
    whole = task(Grant(WWW, "acl", expires=NOW + 5), Grant(DB, "acl"))
    kept = from_compiled(compiled(whole), "x")
    assert kept.declared == whole.declared
    assert compiled(kept) == compiled(whole)
    chosen = whole._replace(chosen={"user www": "acl"})
    assert from_compiled(compiled(chosen), "x").chosen == chosen.chosen
    at = Grant(WWW, "proxy", endpoint=Endpoint("/run/at"))._replace(expires=NOW + 5)
    ((dummy, endpoint),) = take_apart(task(at)).served
    assert endpoint.declared.allow[0].expires == NOW + 5


def test_the_files_of_the_host() -> None:
    grants = (Grant(WWW, expires=NOW + 60), Grant(DB, expires=NOW), Grant(Principal("user", "x")))
    files = {file.path: file for file in end_files(task(*grants))}
    timer = files["/etc/systemd/system/socket-access-ends:app.timer"]
    said = timer.content.splitlines()
    assert [line for line in said if line.startswith("OnCalendar=")] == [
        "OnCalendar=2027-01-15 08:00:00 UTC",
        "OnCalendar=2027-01-15 08:01:00 UTC",
    ]
    assert {"Persistent=yes", "AccuracySec=100ms", "OnActiveSec=5"} <= set(said)
    assert timer.restarts == timer_of("app")
    service = files["/etc/systemd/system/socket-access-ends:app.service"]
    assert "ExecStart=/usr/local/sbin/socket-access end app" in service.content
    whole = from_compiled(files[f"{ENDS}/app.json"].content.encode(), "x")
    assert whole.declared.allow == grants
    assert any("timers.target.d" in path for path in files)


def test_no_socket_has_a_name_that_makes_the_same_unit() -> None:
    with pytest.raises(PolicyError, match="cannot be a part of file and unit names"):
        validate({"ends:app": {"path": "/run/s"}})


def test_its_holder_goes_with_the_socket_and_stays_with_what_the_host_keeps() -> None:
    known = {"socket app", "socket app by ends", "socket application by ends"}
    assert holders_of(task(), known) == {"socket app", "socket app by ends"}
    assert holders_of(task(kept=True), known) == {"socket app"}


class Making:
    """A keeper on paper, of a host with or without systemd."""

    def __init__(self, systemd: bool) -> None:
        self.systemd = systemd
        self.keeper = self
        self.problems: list[str] = []

    def serve(self, served: object, holder: str) -> list[object]:
        return [(served, holder)]


def test_a_host_without_systemd_cannot_end_anything() -> None:
    making: Any = Making(systemd=False)
    parts = [take_apart(task(Grant(WWW, expires=NOW + 5))), take_apart(task(Grant(DB)))]
    assert ending.wants(parts, making) == []
    (problem,) = making.problems
    for word in ("/run/app.sock", "expires", "systemd", "remove"):
        assert word in problem


def test_only_a_whole_declaration_makes_the_timer() -> None:
    making: Any = Making(systemd=True)
    grant = Grant(WWW, "acl", expires=NOW + 5)
    assert ending.wants([take_apart(task(grant, kept=True))], making) == []
    wanted: Any = ending.wants([take_apart(task(grant))], making)
    ((served, holder),) = wanted
    assert holder == "socket app by ends"
    assert served.unit == "socket-access-ends:app.timer"
