# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which state a declared socket is in, by what a run would do, and what status tells and ends with."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.record import (
    Entry,
    Record,
    RecordFile,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import atomic_file
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.foreseen import (
    foreseen,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import (
    Serve,
    SocketPolicy,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.report import Result
from ansible_collections.unixsocket.access.plugins.module_utils._engine.runtime import (
    command,
    end,
    policies,
    status,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import (
    Options,
    Task,
    compiled,
)

PATH, ENDPOINT = "/run/app.sock", "/run/web/app.sock"
UNIT = "socket-access-proxy-app.s-12345678.socket"
HERE = Task(SocketPolicy("app", PATH), "socket app")
THERE = Task(SocketPolicy("app", ENDPOINT, unit=UNIT), f"socket app at {ENDPOINT}")
ENDED = end.declared
GONE = foreseen("User anna does not exist on this host yet", "create")


class Host:
    """Answers as a run in check mode would: ``whole`` and ``hook`` are changes by key of a resource."""

    def __init__(self) -> None:
        self.whole: dict[str, str] = {}
        self.hook: dict[str, str] = {}
        self.ends: dict[str, str] = {}
        self.gone: list[str] = []
        self.overridden: list[str] = []
        self.exists = True

    def __call__(self, tasks: list[Task], options: Options) -> Result:
        assert options.check
        assert not options.prove
        (task,) = tasks
        found = self.hook if options.hook else self.ends if task.ended else self.whole
        return Result(
            bool(found),
            list(found.values()),
            {},
            {"app": {"exists": self.exists, "notes": ["A note.", *self.overridden[:1]]}},
            list(self.gone),
            frozenset(found),
            list(self.gone),
            self.overridden,
        )


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    run = Host()
    monkeypatch.setattr(status, "converge", run)
    keeps(monkeypatch, HERE)
    return run


def keeps(monkeypatch: pytest.MonkeyPatch, task: Task) -> None:
    monkeypatch.setattr(policies, "names", lambda: ["app"])
    monkeypatch.setattr(policies, "load", lambda name, **how: task)
    monkeypatch.setattr(end, "declared", lambda name, **how: None)


Said = Callable[[], str]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    return lambda: capsys.readouterr().out


@pytest.mark.parametrize(
    ("key", "state"),
    [
        (f"socket:{PATH}", "differs"),
        ("directory:/run/app", "differs"),
        (f"mount:{ENDPOINT}", "differs"),
        ("file:/etc/socket-access/gates/app.json", "differs"),
        ("member:anna:app", "membership missing"),
        ("file:/etc/systemd/system/app.service.d/50-socket-access-app.conf", "hook missing"),
        ("file@anna:/home/anna/.config/systemd/user/app.service.d/50.conf", "hook missing"),
        ("unit:socket-access-gate-app.socket", "differs"),
        ("unit:socket-access-app.path", "hook missing"),
        (f"fstab:{ENDPOINT}", "hook missing"),
    ],
)
def test_what_a_run_would_change(host: Host, said: Said, key: str, state: str) -> None:
    host.whole = {key: "It changes."}
    assert command.main(["status"]) == 1
    way = "This puts it right: socket-access apply app."
    assert said() == f"app ({PATH}): {state}. It changes. {way}\n"


@pytest.mark.parametrize(
    ("declared", "found", "command_"),
    [
        ({}, (None, None), None),
        ({"unit": "app.service"}, (None, None), "systemctl start app.service"),
        (
            {"unit": "app.socket", "unit_user": "anna"},
            (None, None),
            "systemctl --user -M anna@.host start app.socket",
        ),
        ({}, ("app.socket", "anna"), "systemctl --user -M anna@.host start app.socket"),
        ({}, ("app.service", None), "systemctl start app.service"),
    ],
)
def test_what_starts_the_daemon_of_a_missing_socket(
    host: Host,
    said: Said,
    monkeypatch: pytest.MonkeyPatch,
    declared: dict[str, str],
    found: tuple[str | None, str | None],
    command_: str | None,
) -> None:
    policy = SocketPolicy("app", PATH, **declared)
    keeps(monkeypatch, Task(policy, "socket app", found_unit=found[0], found_user=found[1]))
    host.exists = False
    assert command.main(["status"]) == 0
    told = "" if command_ is None else f" What makes it is started by: {command_}."
    assert said() == f"app ({PATH}): missing.{told}\n"
    host.exists = True
    command.main(["status"])
    assert "started by" not in said()


def test_what_takes_a_hook_back_is_told_as_a_run_tells_it(host: Host, said: Said) -> None:
    host.overridden = ["override.conf is read after it.", "Another one's of another socket."]
    assert command.main(["status"]) == 0
    assert said() == f"app ({PATH}): as declared. override.conf is read after it.\n"
    host.whole = {f"socket:{PATH}": "It changes."}
    assert command.main(["status"]) == 1
    assert said().endswith("socket-access apply app. override.conf is read after it.\n")


def test_the_worst_of_several_is_told(host: Host, said: Said) -> None:
    host.whole = {"unit:socket-access-app.path": "One.", "member:anna:app": "Two."}
    assert command.main(["status", "--json"]) == 1
    (found,) = json.loads(said())
    assert (found["state"], found["changes"]) == ("membership missing", ["One.", "Two."])
    host.whole[f"socket:{PATH}"] = "Three."
    command.main(["status", "--json"])
    (found,) = json.loads(said())
    assert found == {
        "name": "app",
        "path": PATH,
        "state": "differs",
        "changes": ["One.", "Two.", "Three."],
        "notes": [],
        "gone": [],
        "remedy": "socket-access apply app",
    }


def test_somebody_who_is_gone(host: Host, said: Said) -> None:
    """What a whole run would change meanwhile is not told, for it refuses; a hook's part is."""
    host.gone = [GONE]
    host.whole = {"file:/etc/socket-access/app.json": "The file is replaced."}
    assert command.main(["status"]) == 1
    sentence = (
        "User anna does not exist on this host any more; create it again, or correct the declaration "
        "and run the playbook."
    )
    assert said() == f"app ({PATH}): incomplete. {sentence}\n"
    host.hook = {f"socket:{PATH}": "Her entry goes."}
    assert command.main(["status"]) == 1
    way = "This puts it right: socket-access apply --hook app."
    assert said() == f"app ({PATH}): differs. Her entry goes. {way} {sentence}\n"


@pytest.mark.parametrize("exists", [True, False])
def test_an_endpoint_that_nobody_finds(
    host: Host, said: Said, monkeypatch: pytest.MonkeyPatch, exists: bool
) -> None:
    keeps(monkeypatch, THERE)
    host.exists = exists
    host.whole = {f"unit:{UNIT}": "The unit is started anew."}
    assert command.main(["status"]) == 1
    way = "This puts it right: socket-access apply app."
    assert said() == f"app ({ENDPOINT}): differs. The unit is started anew. {way}\n"


def test_an_endpoint_that_is_there_is_as_declared(
    host: Host, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeps(monkeypatch, THERE)
    assert command.main(["status"]) == 0
    assert said() == f"app ({ENDPOINT}): as declared.\n"


def test_what_serves_requests_is_ours_to_make(
    host: Host, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = SocketPolicy("app", PATH, serve=Serve(("/bin/true",), "root"))
    keeps(monkeypatch, HERE._replace(declared=served))
    assert command.main(["status"]) == 0
    host.exists = False
    assert command.main(["status"]) == 1
    assert said().endswith("does not tell how it is made; run the playbook again.\n")


def test_an_endpoint_that_nobody_can_make(
    host: Host, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeps(monkeypatch, THERE)
    host.exists = False
    assert command.main(["status"]) == 1
    assert said().endswith("does not tell how it is made; run the playbook again.\n")


def test_what_ends_grants_is_put_right_by_another_command(
    host: Host, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The policy that hooks apply does not know the timer, so apply would do nothing about it."""
    whole = Task(HERE.declared, HERE.holder, ended=(SocketPolicy("x", PATH),))
    monkeypatch.setattr(end, "declared", lambda name, **how: whole)
    assert command.main(["status"]) == 0
    assert said() == f"app ({PATH}): as declared.\n"
    host.ends = {"file:/etc/systemd/system/socket-access-ends:app.timer": "The timer is made."}
    assert command.main(["status"]) == 1
    way = "This puts it right: socket-access end app."
    assert said() == f"app ({PATH}): hook missing. The timer is made. {way}\n"


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for policies, of which the record knows one."""
    wanted = {"socket app": base64.b64encode(compiled(HERE)).decode()}
    keys = (f"{tmp_path}/etc/app.json", f"{tmp_path}/etc/gates/app.json", "/etc/other.json")
    entries = {f"file:{key}": Entry({}, {}, wanted) for key in keys}
    # A socket may be called like a policy.
    entries[f"socket:{tmp_path}/etc/s.json"] = Entry({}, {}, {"socket app": {"mode": 432}})
    monkeypatch.setattr(RecordFile, "load", lambda self: Record(entries))
    return tmp_path / "etc"


def test_a_policy_whose_file_is_gone_is_in_the_record(recorded: Path) -> None:
    directory = str(recorded)
    assert policies.names(directory) == ["app"]
    for hook in (True, False):
        assert policies.content("app", directory, hook=hook) == compiled(HERE)
        assert policies.load("app", directory, hook=hook).declared == HERE.declared
    assert policies.edited("app", policies.recorded(), directory) is None
    with pytest.raises(AccessError, match=r"There is no policy web in .*; there are: app"):
        policies.load("web", directory)
    with pytest.raises(AccessError, match="there are: none"):
        policies.load("web", f"{directory}/none")


def test_a_policy_that_somebody_edited_is_in_the_record(recorded: Path) -> None:
    """Hooks go by the file, which those without root's rights can read alone."""
    directory = str(recorded)
    recorded.mkdir()
    file = recorded / "app.json"
    file.write_bytes(compiled(HERE))
    assert policies.edited("app", policies.recorded(), directory) is None
    file.write_bytes(compiled(THERE))
    assert policies.edited("app", policies.recorded(), directory) == str(file)
    assert policies.load("app", directory).declared == HERE.declared
    assert policies.load("app", directory, hook=True).declared == THERE.declared
    # What ends grants is no hook.
    found = ENDED("app", directory)
    assert found is not None
    assert found.declared == HERE.declared
    file.write_text("{")
    assert policies.load("app", directory).declared == HERE.declared
    assert policies.names(directory) == ["app"]
    # What no run has put there is as it is.
    (recorded / "own.json").write_bytes(compiled(THERE))
    assert policies.load("own", directory).declared == THERE.declared
    assert policies.edited("own", policies.recorded(), directory) is None


def test_what_a_killed_run_was_writing_is_not_taken_for_what_was_left(
    recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, known = str(recorded), RecordFile().load().entries
    pending = {key: entry._replace(pending=True) for key, entry in known.items()}
    monkeypatch.setattr(RecordFile, "load", lambda self: Record(pending))
    assert policies.load("app", directory).declared == HERE.declared
    recorded.mkdir()
    (recorded / "app.json").write_bytes(compiled(THERE))
    assert policies.load("app", directory).declared == THERE.declared
    assert policies.edited("app", policies.recorded(), directory) is None


def test_status_tells_that_a_policy_was_edited(
    host: Host, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = "/etc/socket-access/app.json"
    monkeypatch.setattr(policies, "edited", lambda name, recorded: file)
    host.whole = {f"file:{file}": f"{file} is replaced."}
    assert command.main(["status"]) == 1
    assert said() == (
        f"app ({PATH}): hook missing. {file} is replaced. This puts it right: socket-access apply "
        f"app. Somebody edited the policy {file} since the last run, and until it is put right hooks "
        "go by what it says now; what shall stay of that belongs into the declaration.\n"
    )


def test_a_damaged_record_is_not_taken_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It alone tells of policies whose files are gone."""
    file = RecordFile(str(tmp_path))
    Path(file.path).write_text('{"format": 1, "entries": []}')
    monkeypatch.setattr(policies, "RecordFile", lambda: file)
    names = policies.names
    monkeypatch.setattr(policies, "names", lambda: names(str(tmp_path / "etc")))
    said = f"The record {file.path} cannot be understood (entries is a list"
    for verb in ("status", "apply"):
        assert command.main([verb]) == 1
        shown = capsys.readouterr()
        assert (shown.out, shown.err.count("\n")) == ("", 1)
        assert shown.err.startswith(f"socket-access: {said}")
    with pytest.raises(AccessError, match="cannot be understood"):
        policies.load("app", str(tmp_path / "etc"))
    # What is there is compared one by one, and a run says what is wrong with the record.
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "app.json").write_bytes(compiled(HERE))
    assert policies.names() == ["app"]
    assert policies.load("app", str(tmp_path / "etc")).declared == HERE.declared


def test_who_may_not_read_the_record_is_told_what_can_be_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: str) -> bytes | None:
        if path.endswith("record.json"):
            raise PermissionError(13, "Permission denied", path)
        return None

    monkeypatch.setattr(atomic_file, "read", refused)
    assert policies.names(str(tmp_path)) == []
    assert policies.content("app", str(tmp_path)) is None
