# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``socket-access end``: what closes comes first, and what cannot be done fails, to be tried again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.record import (
    RecordFile,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.shown import Shown
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.systemd import Manager
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import (
    Grant,
    Principal,
    SocketPolicy,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.report import Result
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources import unit
from ansible_collections.unixsocket.access.plugins.module_utils._engine.runtime import (
    end,
    policies,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.runtime.output import Output
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import (
    Options,
    Task,
    compiled,
)

PAST, FUTURE = 1, 253_402_300_799
WWW = Principal("user", "www")


class Host:
    """What was asked of a host on paper, in order; the whole run can fail."""

    def __init__(self, directory: Path) -> None:
        self.directory = str(directory)
        self.runs: list[tuple[str, bool, bool]] = []
        self.fails = False
        self.changes, self.warnings = ["It is closed."], ["User x is gone."]
        self.still: Callable[[], bool] | None = None

    def declare(self, expires: int) -> None:
        declared = SocketPolicy("app", "/run/s", allow=(Grant(WWW, "acl", expires=expires),))
        Path(self.directory, "app.json").write_bytes(compiled(Task(declared, "socket app")))

    def converge(
        self, tasks: Sequence[Task], options: Options, still: Callable[[], bool] | None = None
    ) -> Result:
        (task,) = tasks
        self.still = still
        self.runs.append((task.holder, options.hook, task.kept))
        if self.fails and not options.hook:
            raise AccessError("User db does not exist.")
        assert not options.prove
        return Result(True, self.changes, {}, {}, self.warnings)

    def end(self, name: str = "app") -> bool:
        return end.run(name, Output(), self.directory)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host(tmp_path)
    kept = {
        name: Task(SocketPolicy(name, f"/run/{name}"), holder, kept=True)
        for name, holder in (
            ("app", "socket app"),
            ("app.at", "socket app at /run/at"),
            ("apple", "socket apple"),
        )
    }
    monkeypatch.setattr(end, "converge", host.converge)
    monkeypatch.setattr(end, "RecordFile", lambda: RecordFile(str(tmp_path)))
    monkeypatch.setattr(policies, "names", lambda: list(kept))
    monkeypatch.setattr(policies, "load", lambda name, **how: kept[name])
    return host


def test_at_its_time_the_socket_and_its_endpoints_are_closed_first(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    host.declare(PAST)
    assert host.end()
    assert capsys.readouterr().out.splitlines() == [
        "app: It is closed.",
        "app.at: It is closed.",
        "app: It is closed.",
        "app: User x is gone.",
    ]
    assert host.runs == [
        ("socket app", True, True),
        ("socket app at /run/at", True, True),
        # Not as what the host keeps, but as the module would.
        ("socket app", False, False),
    ]


def test_before_its_time_nothing_is_closed(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    host.declare(FUTURE)
    host.changes, host.warnings = [], []
    assert host.end()
    assert host.runs == [("socket app", False, False)]
    assert capsys.readouterr().out == "app: Nothing has ended.\n"


def test_what_was_revoked_or_declared_anew_meanwhile_is_not_undone(host: Host) -> None:
    host.declare(FUTURE)
    assert host.end()
    assert host.still is not None
    assert host.still()
    host.declare(FUTURE - 1)
    assert not host.still()


def test_a_policy_that_cannot_be_understood_keeps_the_others_from_nothing(
    host: Host, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    load = policies.load

    def damaged(name: str, **how: Any) -> Task:
        if name == "app":
            raise AccessError("It is damaged.")
        return load(name, **how)

    monkeypatch.setattr(policies, "load", damaged)
    host.declare(PAST)
    assert host.end()
    assert [hook for dummy, hook, dummy in host.runs] == [True, False]
    assert "app: It is damaged." in capsys.readouterr().err


def test_what_fails_is_closed_and_fails(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    host.declare(PAST)
    host.fails = True
    assert not host.end()
    assert [hook for dummy, hook, dummy in host.runs] == [True, True, False]
    assert "User db does not exist." in capsys.readouterr().err


def test_nothing_to_end(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("app", "../app", "other"):
        assert host.end(name)
    assert host.runs == []
    assert "No grant for this socket" in capsys.readouterr().out


def test_what_is_declared_is_the_whole(host: Host) -> None:
    host.declare(FUTURE)
    found = end.declared("app", host.directory)
    assert found is not None
    assert found == found._replace(kept=False)
    assert found.declared.allow[0].expires == FUTURE


class Asked(Manager):
    """A manager that remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def is_up(self) -> bool:
        return True

    def show(self, units: Sequence[str]) -> list[Shown]:
        return [Shown(one, True, True) for one in units]

    def ask(self, unit: str, *, active: bool) -> None:
        self.asked.append(unit)


@pytest.mark.parametrize("inside", [True, False])
def test_a_service_that_takes_its_timer_away_goes_on(
    inside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit, "runs_in", lambda service: inside)
    manager = Asked()
    timer = unit.UnitState("socket-access-ends:app.timer", manager)
    assert timer.read() == unit.Running(True)
    timer.write(unit.Running(False))
    service = [] if inside else ["socket-access-ends:app.service"]
    assert manager.asked == ["socket-access-ends:app.timer", *service]


def test_what_a_timer_remembers_goes_with_it() -> None:
    assert unit.memory_of("socket-access-ends:app.timer") == (
        "/var/lib/systemd/timers/stamp-socket-access-ends:app.timer"
    )
    assert unit.memory_of("socket-access-app.path") == "/run/socket-access/app"
    assert unit.memory_of("socket-access-gate-x.socket") is None
