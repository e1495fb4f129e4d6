# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words of the command that serve endpoints: unmount, gate and accept."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.record import (
    Entry,
    Record,
    RecordFile,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import starting
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.lock import Lock
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import (
    Endpoint,
    Grant,
    Principal,
    SocketPolicy,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.bind_mount import (
    MountState,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.runtime import (
    accept,
    apply,
    command,
    gate_command,
    policies,
    unmount,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.runtime.output import Output
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import Task, compiled

NOTHING = MountState()


class Mounts:
    """Stands for the mounts of a host: what is there, and what was written."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.there: dict[str, object] = {}
        self.written: list[tuple[str, str]] = []
        mounts = self

        class Mount:
            def __init__(self, target: str, source: str) -> None:
                self.target, self.source = target, source

            def read(self) -> object:
                return mounts.there.get(self.target, NOTHING)

            def write(self, state: MountState) -> None:
                assert state == NOTHING
                mounts.written.append((self.target, self.source))

        monkeypatch.setattr(unmount, "BindMount", Mount)


@pytest.fixture
def mounts(monkeypatch: pytest.MonkeyPatch) -> Mounts:
    return Mounts(monkeypatch)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host that keeps a policy with three endpoints: two mounts and a proxy."""
    ends = [("bind_mount", "/srv/a"), ("bind_mount", "/srv/b"), ("proxy", "/srv/p")]
    allow = [
        Grant(Principal("user", f"u{number}"), method, endpoint=Endpoint(at))
        for number, (method, at) in enumerate(ends)
    ]
    task = Task(SocketPolicy("app", "/run/app.sock", allow=tuple(allow)), "socket app")
    (tmp_path / "app.json").write_bytes(compiled(task))
    load = policies.load
    monkeypatch.setattr(policies, "load", lambda name, **how: load(name, str(tmp_path), **how))
    return tmp_path


def test_every_mount_goes_and_nothing_else(
    kept: Path, mounts: Mounts, capsys: pytest.CaptureFixture[str]
) -> None:
    mounts.there = {"/srv/a": "a mount"}
    assert command.main(["unmount", "app"]) == 0
    assert mounts.written == [("/srv/a", "/run/app.sock"), ("/srv/b", "/run/app.sock")]
    assert capsys.readouterr().out == "app: /srv/a is unmounted.\n"


def test_a_hook_goes_by_the_policy_as_it_is_now(
    kept: Path, mounts: Mounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody edited it since the last run, and the other hooks have mounted what it says."""
    grant = Grant(Principal("user", "u"), "bind_mount", endpoint=Endpoint("/srv/c"))
    before = Task(SocketPolicy("app", "/run/app.sock", allow=(grant,)), "socket app")
    recorded = {"socket app": base64.b64encode(compiled(before)).decode()}
    entries = {f"file:{kept}/app.json": Entry({}, {}, recorded)}
    monkeypatch.setattr(RecordFile, "load", lambda self: Record(entries))
    assert command.main(["unmount", "app"]) == 0
    assert [at for at, dummy in mounts.written] == ["/srv/a", "/srv/b"]


def test_nothing_mounted_is_no_problem(
    kept: Path, mounts: Mounts, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["unmount", "app"]) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "")


def test_a_policy_that_is_gone_says_so(
    kept: Path, mounts: Mounts, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["unmount", "ap"]) == 1
    assert "There is no policy ap" in capsys.readouterr().err
    assert mounts.written == []


def test_a_mount_that_does_not_go_is_told(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(target: str, source: str) -> None:
        raise AccessError(f"{target} cannot be looked at.")

    monkeypatch.setattr(unmount, "BindMount", fails)
    assert command.main(["unmount", "app"]) == 1
    assert "/srv/a cannot be looked at." in capsys.readouterr().err


def test_one_mount_that_fails_keeps_no_other_from_going(
    kept: Path, mounts: Mounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = unmount.BindMount

    def some(target: str, source: str) -> object:
        if target == "/srv/a":
            raise AccessError(f"{target} cannot be looked at.")
        return real(target, source)

    monkeypatch.setattr(unmount, "BindMount", some)
    assert command.main(["unmount", "app"]) == 1
    assert mounts.written == [("/srv/b", "/run/app.sock")]


@pytest.mark.parametrize("fine", [True, False])
def test_the_gate_is_started_by_its_name(monkeypatch: pytest.MonkeyPatch, fine: bool) -> None:
    asked = []

    def serve(name: str, output: Output) -> bool:
        asked.append(name)
        return fine

    monkeypatch.setattr(gate_command, "run", serve)
    assert command.main(["gate", "app.a-1"]) == (0 if fine else 1)
    assert asked == ["app.a-1"]


@pytest.mark.parametrize("status", [0, 1, 2])
def test_the_acceptor_reads_its_own_arguments(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    asked = []

    def serve(arguments: list[str]) -> int:
        asked.append(arguments)
        return status

    monkeypatch.setattr(accept, "main", serve)
    said = ["--max", "3", "--", "/usr/bin/socat", "--help"]
    assert command.main(["accept", *said]) == status
    assert asked == [said]


@pytest.mark.parametrize(
    ("words", "needless"),
    [
        (["accept", "--max", "0", "--", "/x"], ("policy", "runtime.apply", "host", "json")),
        (["gate", "no-such-gate"], ("runtime.apply", "runtime.ask", "policy", "resources")),
    ],
)
def test_servers_that_stay_load_nothing_they_do_not_need(
    words: list[str], needless: tuple[str, ...]
) -> None:
    program = (
        "import sys, conftest\n"
        "name = 'ansible_collections.unixsocket.access.plugins.module_utils._engine'\n"
        "import importlib\n"
        "before = set(sys.modules)\n"
        "command = importlib.import_module(name + '.runtime.command')\n"
        "try:\n    command.main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print('\\n'.join(one.replace(name + '.', 'engine.') for one in set(sys.modules) - before))\n"
    )
    tests = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=tests,
        env={**os.environ, "PYTHONPATH": str(tests), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    loaded = set(done.stdout.split())
    assert "engine.runtime.command" in loaded, done.stderr
    assert not {f"engine.{one}" for one in needless} & loaded


def test_the_hook_of_what_is_started_right_now_ends_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would wait for the lock of the run that waits for it."""
    task = Task(SocketPolicy("app.a-1", f"{tmp_path}/s"), "socket app at /srv/a")
    (tmp_path / "app.a-1.json").write_bytes(compiled(task))
    load, content = policies.load, policies.content
    monkeypatch.setattr(policies, "load", lambda name, **how: load(name, str(tmp_path), **how))
    monkeypatch.setattr(
        policies,
        "content",
        lambda name, *given, **how: content(name, str(tmp_path), *given[1:], **how),
    )
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    state = str(tmp_path / "state")
    monkeypatch.setattr(apply, "DIRECTORY", state)
    monkeypatch.setattr(starting, "MEMORY", str(tmp_path / "memory"))
    monkeypatch.setattr(starting, "_FILE", str(tmp_path / "memory" / "starting"))
    ran = []

    def converge(*given: object, **more: object) -> None:
        ran.append(given)
        raise AccessError("It ran.")

    monkeypatch.setattr(apply, "converge", converge)
    lock = Lock(state, seconds=0)
    with starting.starting(["app.a-1"]):
        assert command.main(["apply", "--hook", "app.a-1"]) == 0
        assert ran == []
        # Whoever asks by hand gets an answer.
        assert command.main(["apply", "app.a-1"]) == 1
        # What root starts a user's own hook does not know, and could not read.
        with monkeypatch.context() as user:
            user.setattr(os, "geteuid", lambda: 1000)
            assert command.main(["apply", "--hook", "app.a-1"]) == 1
    lock.release()
    assert command.main(["apply", "--hook", "app.a-1"]) == 1
    assert len(ran) == 3
