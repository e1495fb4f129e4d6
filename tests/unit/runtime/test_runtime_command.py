# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the command understands, and with which status it ends."""

from __future__ import annotations

import json
import os
import pwd
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine import why
from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import sock_diag
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import (
    SocketPolicy,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.report import Result
from ansible_collections.unixsocket.access.plugins.module_utils._engine.run import Options
from ansible_collections.unixsocket.access.plugins.module_utils._engine.runtime import (
    apply,
    command,
    policies,
    status,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.runtime.watched import (
    FoughtBack,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import (
    Task,
    compiled,
)

ME = pwd.getpwuid(os.geteuid()).pw_name


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host that keeps the policies app and web."""
    directory = tmp_path / "etc"
    directory.mkdir()
    for name in ("app", "web"):
        task = Task(SocketPolicy(name, f"{tmp_path}/{name}"), f"socket_policy {name}")
        (directory / f"{name}.json").write_bytes(compiled(task))
    load, names = policies.load, policies.names
    content = policies.content
    monkeypatch.setattr(policies, "load", lambda name, **how: load(name, str(directory), **how))
    monkeypatch.setattr(
        policies,
        "content",
        lambda name, *given, **how: content(name, str(directory), *given[1:], **how),
    )
    monkeypatch.setattr(policies, "names", lambda *given: names(str(directory)))
    return directory


class Host:
    """Stands for the run: remembers what it was asked, and answers as it is told."""

    def __init__(self, changes: tuple[str, ...] = (), warnings: tuple[str, ...] = ()) -> None:
        self.changes = list(changes)
        self.warnings = list(warnings)
        self.asked: list[tuple[str, Options]] = []

    def __call__(
        self, tasks: list[Task], options: Options, still: Callable[[], bool] = lambda: True
    ) -> Result:
        (task,) = tasks
        self.asked.append((task.declared.name, options))
        name = task.declared.name
        return Result(
            bool(self.changes), list(self.changes), {}, {name: {"exists": True}}, self.warnings
        )


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    run = Host()
    monkeypatch.setattr(apply, "converge", run)
    monkeypatch.setattr(status, "converge", run)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return run


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["help"], ["explain", "--help"]])
def test_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(arguments) == 0
    said = capsys.readouterr().out
    for word in ("apply", "status", "explain PATH USER", "who PATH", "--hook", "Exit status"):
        assert word in said


def test_help_without_arguments_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([]) == 2
    assert "apply" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["frob"],
            "There is no 'frob'; there are apply, status, explain, who, end, unmount, gate.",
        ),
        (["apply", "--json"], "apply has no option '--json'; it has --hook"),
        (["who"], "who takes a path, and got 0 words."),
        (["who", "/a", "/b"], "who takes a path, and got 2 words."),
        (["explain", "/a"], "explain takes a path and a user, and got 1 word."),
        (["unmount"], "unmount takes a name, and got 0 words."),
        (["unmount", "a", "b"], "unmount takes a name, and got 2 words."),
        (["unmount", "--json", "a"], "unmount has no option '--json'"),
        (["gate"], "gate takes a name, and got 0 words."),
        (["gate", "a", "b"], "gate takes a name, and got 2 words."),
        (["explain", "@app", "root"], "@app is an abstract socket, which has no permissions"),
    ],
)
def test_wrong_usage(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(arguments) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.out == ""


def test_a_word_that_looks_like_an_option() -> None:
    assert command.parse(["explain", "--json", "--", "--path", "u"]) == (
        "explain",
        ["--path", "u"],
        {"--json"},
    )


def test_all_policies_are_applied(
    kept: Path, host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["apply"]) == 0
    assert [name for name, dummy in host.asked] == ["app", "web"]
    assert host.asked[0][1] == Options(prove=False)
    assert "app: Everything is as declared." in capsys.readouterr().out
    host.changes = ["The group changes."]
    assert command.main(["apply", "app"]) == 0
    assert capsys.readouterr().out == "app: The group changes.\n"


def test_a_hook_says_only_what_it_changed(
    kept: Path, host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["apply", "--hook", "app"]) == 0
    assert host.asked == [("app", Options(prove=False, hook=True))]
    assert capsys.readouterr().out == ""
    host.changes, host.warnings = ["The group changes."], ["User x is gone."]
    assert command.main(["apply", "--hook", "app"]) == 0
    shown = capsys.readouterr()
    assert shown.out == "app: The group changes.\n"
    assert shown.err == "app: User x is gone.\n"


def test_proofs_are_made_when_asked_for(kept: Path, host: Host) -> None:
    assert command.main(["apply", "--prove", "app"]) == 0
    assert host.asked == [("app", Options(prove=True))]


def test_a_policy_that_fails_does_not_keep_the_others(
    kept: Path, host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    (kept / "app.json").write_text("{}")
    assert command.main(["apply"]) == 1
    assert [name for name, dummy in host.asked] == ["web"]
    assert "app: The policy" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "hint"),
    [("ap", "did you mean app"), ("zzz", "there are: app, web"), ("../etc/app", "There is no")],
)
def test_a_policy_that_is_not_there(
    kept: Path, host: Host, name: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["apply", name]) == 1
    assert hint in capsys.readouterr().err


def test_without_root_only_hooks_are_run(
    kept: Path,
    host: Host,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert command.main(["apply", "app"]) == 1
    assert "Only root can" in capsys.readouterr().err
    assert host.asked == []
    assert command.main(["apply", "--hook", "app"]) == 0
    assert host.asked == [("app", Options(prove=False, hook=True, unprivileged=True))]


@pytest.mark.parametrize("error", [AccessError("It is root's."), PermissionError(1, "No")])
def test_what_needs_root_is_left_to_the_system(
    kept: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
) -> None:
    def refuse(tasks: object, options: object, still: object) -> Result:
        raise error

    monkeypatch.setattr(apply, "converge", refuse)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert command.main(["apply", "--hook", "app"]) == 1
    said = capsys.readouterr().err
    assert "needs root" in said
    assert "socket-access-app.path" in said
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert command.main(["apply", "--hook", "app"]) == 1
    assert "needs root" not in capsys.readouterr().err


def test_a_daemon_that_does_not_come_up(
    kept: Path,
    host: Host,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The policy is applied all the same, to whatever is there."""
    asked = []

    def never(path: str, seconds: float, pid: int | None) -> bool:
        asked.append((os.path.basename(path), seconds, pid))
        return False

    monkeypatch.setattr(apply, "wait_for_listener", never)
    monkeypatch.setenv("MAINPID", "4711")
    assert command.main(["apply", "--hook", "--wait", "app"]) == 1
    assert asked == [("app", 10.0, 4711)]
    assert host.asked
    said = capsys.readouterr().err
    assert "within 10 seconds" in said
    assert "longer deadline" in said
    declared = SocketPolicy("app", "/run/app", unit="app.service", deadline=60)
    longer = Task(declared, "socket app", start_seconds=20)
    (kept / "app.json").write_bytes(compiled(longer))
    assert command.main(["apply", "--hook", "--wait", "app"]) == 1
    assert asked[1] == ("app", 60.0, 4711)
    # Of its start some time is left for what the hook does.
    assert host.asked[1][1].lock_seconds == pytest.approx(16, abs=2)


def test_what_was_true_meanwhile_is_not_told(
    kept: Path, host: Host, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def until_calm(*given: object, leave: object) -> list[Result]:
        first = Result(True, ["The group changes."], {}, {}, ["User x is gone."])
        return [first, Result(False, [], {}, {}, ["User y is gone."])]

    monkeypatch.setattr(apply, "apply_until_calm", until_calm)
    assert command.main(["apply", "--hook", "--watched", "app"]) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("app: The group changes.\n", "app: User y is gone.\n")


def test_status(kept: Path, host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["status"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[-1] for line in said] == ["as declared.", "as declared."]
    assert all(options.check and not options.prove for dummy, options in host.asked)
    host.changes = ["The group changes."]
    assert command.main(["status", "app"]) == 1
    said = capsys.readouterr().out
    assert "hook missing. The group changes. This puts it right: socket-access apply app." in said


def test_status_of_a_socket_that_is_not_there(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(tasks: list[Task], options: Options) -> Result:
        return Result(False, [], {}, {"app": {"exists": False}})

    monkeypatch.setattr(status, "converge", run)
    assert command.main(["status", "app"]) == 0
    assert "missing." in capsys.readouterr().out


def test_status_without_policies(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(policies, "names", list)
    assert command.main(["status"]) == 0
    assert capsys.readouterr().out == "No socket is managed on this host.\n"


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A socket that its owner alone may use, at a place that everyone may search."""
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(f"{tmp_path}/s")
    os.chmod(f"{tmp_path}/s", 0o600)
    return f"{tmp_path}/s"


def test_explain_says_yes(
    path: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever runs the tests may have other processes, in sandboxes that do not show the path.
    monkeypatch.setattr(why, "processes_of", lambda uid: [])
    os.unlink(path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        os.chmod(path, 0o600)
        assert command.main(["explain", path, ME]) == 0
        said = capsys.readouterr().out
    assert said.startswith(f"User {ME} can connect to {path}.\n")
    assert "Nothing on the way refuses. It is a stream socket." in said


def test_explain_says_no(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["explain", path, ME]) == 1
    assert capsys.readouterr().out.startswith(
        f"User {ME} cannot connect to {path} (ECONNREFUSED).\nNobody listens at {path}:"
    )
    assert command.main(["explain", "--json", path, "54321"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["connects"] is False
    assert answer["user"] == "54321"
    assert answer["proof"] is None
    assert [one["id"] for one in answer["causes"]][-1] == "dead-socket"
    assert answer["changes"]


@pytest.mark.parametrize(
    ("arguments", "said", "status"),
    [
        (["explain", "/", "nobody-of-that-name"], "does not exist on this host", 2),
        (["explain", "relative", "root"], "not an absolute path", 2),
        (["explain", "--stream", "--dgram", "/s", "root"], "one type of socket at a time", 2),
        (["who", "relative"], "not an absolute path", 1),
    ],
)
def test_questions_that_cannot_be_answered(
    arguments: list[str], said: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(arguments) == status
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(("words", "status"), [(["explain", "{0}", ME], 2), (["who", "{0}"], 1)])
def test_a_kernel_that_does_not_list_sockets(
    path: str,
    words: list[str],
    status: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def dump(pid: int | None = None, show: int = 0) -> list[sock_diag.UnixSocket]:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(sock_diag, "dump", dump)
    assert command.main([word.format(path) for word in words]) == status
    # The path is there all the same.
    assert "the module unix_diag may be missing" in capsys.readouterr().err


def test_who(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["who", path]) == 0
    said = capsys.readouterr().out.splitlines()
    assert any(line.startswith(f"User {ME} can connect:") for line in said)
    assert said[-1].startswith("Nobody else can connect:")
    assert command.main(["who", path, "--json"]) == 0
    answers = {
        one["principal"]: one["connects"]
        for one in json.loads(capsys.readouterr().out)["principals"]
    }
    assert answers[f"user {ME}"] is True
    assert answers["everyone"] is False
    assert set(answers) >= {f"user {one.pw_name}" for one in pwd.getpwall()}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nope", "because {0}/nope does not exist."),
        ("nope/x", "because {0}/nope does not exist."),
        ("file", "for it is a regular file, a pipe or a device."),
        ("file/x", "because {0}/file is on the way and is not a directory."),
        ("", "for it is a directory."),
        ("dangling", "because {0}/nope does not exist."),
        ("forging", "because {0}/x\\nsocket-access: All is well.\\x1b[2J does not exist."),
        ("through", "because {0}/a\\nb is on the way and is not a directory."),
    ],
)
def test_who_can_connect_to_nothing(
    tmp_path: Path, name: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "a\nb").touch()
    (tmp_path / "dangling").symlink_to("nope")
    (tmp_path / "forging").symlink_to("x\nsocket-access: All is well.\x1b[2J")
    (tmp_path / "through").symlink_to("a\nb/s")
    asked = str(tmp_path / name)
    assert command.main(["who", asked]) == 1
    said = capsys.readouterr()
    assert said.err == f"socket-access: There is no socket at {asked}, {why.format(tmp_path)}\n"
    assert not said.out
    assert command.main(["who", "--json", asked]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["sockets"] == []
    assert not any(
        one["connects"] for one in answer["principals"] if one["principal"] == "everyone"
    )


def test_who_listens_on_no_abstract_name(capsys: pytest.CaptureFixture[str]) -> None:
    for more in ([], ["--json"]):
        assert command.main(["who", "@nobody-listens-on-this-name", *more]) == 1
    assert "Nobody listens on the abstract name @nobody-listens-on" in capsys.readouterr().err


def test_a_hook_asks_whether_its_policy_is_still_there(
    kept: Path, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A revoke that came in between must not be undone by a hook that has waited for its turn."""
    answers = []

    def revoked_meanwhile(tasks: list[Task], options: Options, still: Callable[[], bool]) -> Result:
        answers.append(still())
        (kept / "app.json").unlink()
        answers.append(still())
        return Result(False, [], {}, {})

    monkeypatch.setattr(apply, "converge", revoked_meanwhile)
    assert command.main(["apply", "--hook", "app"]) == 0
    assert answers == [True, False]


@pytest.mark.parametrize("outcome", ["applied", "failed", "fought"])
def test_a_watched_run_asks_for_a_second_look(
    kept: Path, host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, outcome: str
) -> None:
    """Also after a failure: it may have come from what somebody did at the same time."""
    asked: list[tuple[str, ...]] = []

    def until_calm(*given: object, leave: Callable[[], None]) -> list[Result]:
        if outcome == "failed":
            raise AccessError("Something else was mounted in between.")
        if outcome == "fought":
            raise FoughtBack("The daemon fights back.")
        leave()
        return [Result(False, [], {}, {})]

    monkeypatch.setattr(apply, "apply_until_calm", until_calm)
    monkeypatch.setattr(apply.commands, "run", lambda words, **given: asked.append(words))
    assert command.main(["apply", "--hook", "--watched", "app"]) == (outcome != "applied")
    (words,) = asked
    assert f"--on-active={61 if outcome == 'fought' else 1}s" in words
    assert words[-3:] == ("--hook", "--again", "app")


@pytest.mark.parametrize("euid", [0, 1000])
def test_a_second_look_remembers_what_it_corrected(
    kept: Path, host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, euid: int
) -> None:
    """Root for the host, a user in his own directory; a daemon that fights back is seen by both."""
    monkeypatch.setattr(os, "geteuid", lambda: euid)
    monkeypatch.setattr(apply, "MEMORY", str(tmp_path / "root" / "socket-access"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "user"))
    host.changes = ["The group changes."]
    assert command.main(["apply", "--hook", "app"]) == 0
    assert list(tmp_path.glob("*/socket-access")) == []
    assert command.main(["apply", "--hook", "--again", "app"]) == 0
    whose = "user" if euid else "root"
    assert list(tmp_path.glob("*/socket-access/*")) == [tmp_path / whose / "socket-access/app"]
