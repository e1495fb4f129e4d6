# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a census says of declared sockets, by what a run would change."""

from __future__ import annotations

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import validate
from ansible_collections.unixsocket.access.plugins.module_utils._engine.report import Result
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.engine_install import (
    EngineInstall,
    EngineState,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.runtime import (
    info,
    policies,
    status,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.runtime.status import State
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import Options, Task

PATH = "/run/app.sock"
GRANT = {"user": "web", "method": "proxy", "at": "/run/web/app.sock", "lose_identity": True}
ENGINE = EngineInstall().changes(EngineState("1"), EngineState("2"))


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A host with one declared socket, on which a run would change nothing."""
    (declared,) = validate({"app": {"path": PATH, "allow": [GRANT]}}).sockets
    monkeypatch.setattr(policies, "names", lambda: ["app"])
    monkeypatch.setattr(policies, "load", lambda name, **how: Task(declared, "socket app"))
    says(monkeypatch, [])
    return monkeypatch


def says(
    host: pytest.MonkeyPatch, changes: list[str], state: str = "differs", exists: bool = True
) -> None:
    def converge(tasks: list[Task], options: Options) -> Result:
        assert options.check
        assert not options.prove
        return Result(bool(changes), changes, {}, {"app": {"exists": exists}})

    host.setattr(info, "converge", converge)
    host.setattr(status, "states", lambda names: [State("app", PATH, state, tuple(changes))])


@pytest.mark.parametrize(("exists", "state"), [(True, "as declared"), (False, "missing")])
def test_nothing_to_change(host: pytest.MonkeyPatch, exists: bool, state: str) -> None:
    says(host, [], exists=exists)
    host.setattr(status, "states", lambda names: pytest.fail("Nothing differs."))
    (one,), problems = info._managed()
    assert (one.name, one.holder, one.state) == ("app", "socket app", state)
    assert one.paths == (PATH, "/run/web/app.sock")
    assert problems == []


def test_an_endpoint_whose_socket_is_gone(host: pytest.MonkeyPatch) -> None:
    unit = "socket-access-gate-app.x.socket"
    (declared,) = validate({"app": {"path": PATH, "unit": unit}}).sockets
    host.setattr(
        policies, "load", lambda name, **how: Task(declared, "socket app at /run/app.sock")
    )
    says(host, [], exists=False)
    (one,), problems = info._managed()
    assert (one.state, one.changes, one.remedy, problems) == ("differs", (), None, [])


@pytest.mark.parametrize("state", ["differs", "hook missing", "membership missing"])
def test_something_to_change(host: pytest.MonkeyPatch, state: str) -> None:
    says(host, ["The mode changes.", *ENGINE], state)
    (one,), problems = info._managed()
    assert (one.state, one.changes, problems) == (state, ("The mode changes.",), [])


def test_another_release_of_the_engine_is_nothing_wrong(host: pytest.MonkeyPatch) -> None:
    assert ENGINE
    says(host, list(ENGINE), "hook missing")
    (one,), problems = info._managed()
    assert (one.state, one.changes, problems) == ("as declared", (), [])


def test_what_cannot_be_told(host: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> Result:
        raise AccessError("Only root can.")

    host.setattr(info, "converge", refuse)
    host.setattr(status, "states", lambda names: [State("app", PATH, "unknown", (), ("Only.",))])
    (one,), problems = info._managed()
    assert (one.state, problems) == ("unknown", ["app cannot be compared with the host: Only."])


def test_a_policy_that_cannot_be_read(host: pytest.MonkeyPatch) -> None:
    def refuse(name: str, **how: object) -> Task:
        raise AccessError("It cannot be understood.")

    host.setattr(policies, "load", refuse)
    assert info._managed() == ([], ["It cannot be understood."])


def test_what_keeps_all_from_being_compared_is_said_once(host: pytest.MonkeyPatch) -> None:
    def refuse(tasks: list[Task], options: Options) -> Result:
        raise AccessError("The record cannot be understood.")

    host.setattr(info, "converge", refuse)
    host.setattr(policies, "names", lambda: ["app", "web"])
    unknown = [State(name, PATH, "unknown", (), ("The record.",)) for name in ("app", "web")]
    host.setattr(status, "states", lambda names: unknown)
    managed, problems = info._managed()
    assert [one.state for one in managed] == ["unknown", "unknown"]
    assert problems == ["app and web cannot be compared with the host: The record."]


def test_policies_that_only_a_damaged_record_knows(host: pytest.MonkeyPatch) -> None:
    def refuse() -> list[str]:
        raise AccessError("The record cannot be understood.")

    host.setattr(policies, "names", refuse)
    assert info._managed() == (
        [],
        ["What is declared on this host cannot be seen: The record cannot be understood."],
    )
