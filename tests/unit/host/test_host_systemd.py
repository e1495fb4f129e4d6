# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What systemctl is asked for, in which order, and which of its failures do not matter."""

from __future__ import annotations

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import commands
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import (
    systemctl as calls,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.systemd import Manager

A, B = "socket-access-proxy-a.socket", "socket-access-proxy-b.socket"


class Systemctl:
    """A systemctl on paper: which units run, which verbs fail, and what it was asked for."""

    def __init__(self) -> None:
        self.called: list[str] = []
        self.shown: list[list[str]] = []
        self.fails: set[str] = set()
        self.states: dict[str, tuple[str, str, str]] = {}
        self.all_or_none = False

    def __call__(self, words: tuple[str, ...], *, seconds: float, purpose: str) -> str:
        assert words[:2] == ("systemctl", "--no-pager")
        said = " ".join(words[2:])
        verb, dummy, rest = said.partition(" ")
        if verb == "show":
            units = rest.partition(" -- ")[2].split()
            self.shown.append(units)
            return "\n".join(self._shown(unit) for unit in units)
        self.called.append(said)
        if verb in self.fails or said in self.fails:
            raise AccessError(f"{said} failed.")
        if verb == "stop":
            self._stop(rest.partition("-- ")[2].split())
        return ""

    def _stop(self, units: list[str]) -> None:
        known = [unit for unit in units if unit in self.states]
        if known == units or not self.all_or_none:
            self.states.update(dict.fromkeys(known, STOPPED))
        if known != units:
            raise AccessError("A unit is not loaded.")

    def _shown(self, unit: str) -> str:
        load, active, sub = self.states.get(unit, ("not-found", "inactive", "dead"))
        return f"LoadState={load}\nActiveState={active}\nSubState={sub}\n"


@pytest.fixture
def systemctl(monkeypatch: pytest.MonkeyPatch) -> Systemctl:
    fake = Systemctl()
    monkeypatch.setattr(commands, "run", fake)
    return fake


RUNS, STOPPED = ("loaded", "active", "running"), ("loaded", "inactive", "dead")
FAILED = ("loaded", "failed", "failed")


def test_nothing_to_start(systemctl: Systemctl) -> None:
    assert Manager().start([]) == []
    assert systemctl.called == []


def test_all_are_started_with_one_call(systemctl: Systemctl) -> None:
    assert Manager().start(["a.service", "b.service"]) == []
    assert systemctl.called == ["start -- a.service b.service"]


def test_those_that_do_not_run_then_are_named(systemctl: Systemctl) -> None:
    systemctl.fails = {"start"}
    systemctl.states = {
        "a.service": RUNS,
        "b.service": ("loaded", "failed", "failed"),
        "c.service": ("loaded", "activating", "auto-restart"),
        "e.service": ("loaded", "activating", "start"),
    }
    units = [f"{name}.service" for name in "abcde"]
    # One that is tried again and again does not run; one that nobody knows does not, either.
    assert Manager().start(units) == ["b.service", "c.service", "d.service"]


@pytest.mark.parametrize("all_or_none", [False, True])
def test_what_is_unknown_keeps_nothing_from_being_stopped(
    systemctl: Systemctl, *, all_or_none: bool
) -> None:
    """systemctl(1) ends with status 5 for it; that of systemd 262 stops none of the others then."""
    systemctl.all_or_none = all_or_none
    systemctl.states = {B: RUNS}
    manager = Manager()
    for unit in (A, B):
        manager.ask(unit, active=False)
    manager.carry_out()
    assert systemctl.called == [f"stop -- {A} {B}"] + [f"stop -- {B}"] * all_or_none
    assert systemctl.states == {B: STOPPED}


def test_what_goes_on_running_is_an_error(systemctl: Systemctl) -> None:
    systemctl.fails = {"stop"}
    systemctl.states = {B: RUNS}
    manager = Manager()
    for unit in (A, B):
        manager.ask(unit, active=False)
    with pytest.raises(AccessError, match="stop -- "):
        manager.carry_out()


@pytest.mark.parametrize("gone", [False, True])
def test_no_failure_stays_behind(systemctl: Systemctl, *, gone: bool) -> None:
    systemctl.fails = {"stop"} | ({"reset-failed"} if gone else set())
    systemctl.states = {A: FAILED}
    manager = Manager()
    manager.ask(A, active=False)
    manager.carry_out()
    assert systemctl.called == [f"stop -- {A}", f"reset-failed -- {A}"]


def test_stopped_before_started_and_read_before_that(systemctl: Systemctl) -> None:
    timer, path, service = (
        f"socket-access-x{end}" for end in ("-again.timer", ".path", ".service")
    )
    systemctl.states = {timer: RUNS, path: RUNS, service: STOPPED}
    manager = Manager()
    manager.changed()
    manager.ask(A, active=True)
    manager.ask(path, active=False)
    manager.ask(service, active=False)
    manager.carry_out()
    assert systemctl.called == [
        f"stop -- {timer}",
        f"stop -- {path} {service}",
        "daemon-reload",
        f"start -- {A}",
    ]
    manager.carry_out()
    assert len(systemctl.called) == 4


def test_a_second_look_that_was_asked_for_meanwhile_is_stopped_as_well(
    systemctl: Systemctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    timer, path = "socket-access-x-again.timer", "socket-access-x.path"
    systemctl.states = {path: RUNS}
    stop = systemctl._stop

    def ask_for_one(units: list[str]) -> None:
        stop(units)
        if units == [path]:
            systemctl.states[timer] = RUNS

    monkeypatch.setattr(systemctl, "_stop", ask_for_one)
    manager = Manager()
    manager.ask(path, active=False)
    manager.carry_out()
    assert systemctl.called == [f"stop -- {path}", f"stop -- {timer}"]


def test_what_is_started_anew_is_stopped_first(systemctl: Systemctl) -> None:
    systemctl.states = {"x.service": FAILED, "x.socket": RUNS}
    systemctl.fails = {"stop -- x.service"}
    manager = Manager()
    manager.ask_anew("x.socket")
    manager.carry_out()
    assert systemctl.called == ["stop -- x.service x.socket", "start -- x.socket"]
    manager.ask("x.socket", active=True)
    manager.carry_out()
    assert systemctl.called[2:] == ["start -- x.socket"]


def test_what_is_expected_is_asked_for_at_once(systemctl: Systemctl) -> None:
    systemctl.states = {A: RUNS, B: RUNS}
    manager = Manager()
    for unit in (A, B):
        manager.expect([unit, "other.timer"])
    assert [one.active for one in manager.look([A, "other.timer"])] == [True, False]
    systemctl.states = {}
    assert [one.active for one in manager.look([B])] == [True]
    assert systemctl.shown == [[A, "other.timer", B]]
    # An answer that was given is not given again.
    assert [one.active for one in manager.look([B])] == [False]
    assert systemctl.shown[1:] == [[B]]


def test_a_host_without_inotify_instances_is_told(systemctl: Systemctl) -> None:
    systemctl.fails = {"start"}
    watches = [f"socket-access-{name}.path" for name in "abcde"]
    systemctl.states = dict.fromkeys(watches[:4], ("loaded", "failed", "failed\nResult=resources"))
    systemctl.states[A] = systemctl.states[watches[0]]
    manager = Manager()
    for unit in (A, *watches):
        manager.ask(unit, active=True)
    with pytest.raises(AccessError) as told:
        manager.carry_out()
    assert "socket-access-a.path, socket-access-b.path, socket-access-c.path and 1 more:" in str(
        told.value
    )
    assert "root has none left. Raise fs.inotify.max_user_instances" in str(told.value)


def test_another_reason_is_told_as_it_is(systemctl: Systemctl) -> None:
    systemctl.fails = {"start"}
    manager = Manager()
    manager.ask("socket-access-a.path", active=True)
    with pytest.raises(AccessError, match=r"start -- socket-access-a\.path failed"):
        manager.carry_out()


def test_the_last_word_counts(systemctl: Systemctl) -> None:
    manager = Manager()
    manager.ask(A, active=False)
    manager.ask(A, active=True)
    manager.carry_out()
    assert systemctl.called == [f"start -- {A}"]


def test_a_start_that_fails_is_an_error(systemctl: Systemctl) -> None:
    systemctl.fails = {"start"}
    manager = Manager()
    manager.ask(A, active=True)
    with pytest.raises(AccessError, match="start -- "):
        manager.carry_out()


def test_a_changed_listener_is_restarted_without_its_service(systemctl: Systemctl) -> None:
    """While the service runs, systemd refuses to start the .socket unit (systemd.socket(5))."""
    manager = Manager()
    manager.changed()
    manager.try_restart(A)
    assert systemctl.called == [
        "daemon-reload",
        "stop -- socket-access-proxy-a.service",
        f"try-restart -- {A}",
    ]


def test_a_listener_is_restarted_though_nobody_knows_its_service(systemctl: Systemctl) -> None:
    systemctl.fails = {"stop"}
    Manager().try_restart(A)
    assert systemctl.called[-1] == f"try-restart -- {A}"
    systemctl.states = {"socket-access-proxy-a.service": RUNS}
    with pytest.raises(AccessError):
        Manager().try_restart(A)


def test_a_changed_service_is_not_waited_for(systemctl: Systemctl) -> None:
    Manager().try_restart("socket-access-proxy-a.service")
    assert systemctl.called == ["try-restart --no-block -- socket-access-proxy-a.service"]


def test_what_is_put_back_is_not_waited_for(systemctl: Systemctl) -> None:
    """The hook of what is started waits for the lock of the run that puts it back."""
    manager = Manager()
    manager.waits = False
    manager.ask(A, active=True)
    manager.carry_out()
    manager.try_restart(B)
    assert systemctl.called[0] == f"start --no-block -- {A}"
    assert systemctl.called[-1] == f"try-restart --no-block -- {B}"


def test_a_users_manager_is_asked_through_the_system(systemctl: Systemctl) -> None:
    systemctl.fails = {"--user"}
    manager = Manager("alice")
    manager.ask("a.service", active=True)
    with pytest.raises(AccessError, match=r"--user -M alice@\.host start -- a\.service"):
        manager.carry_out()


def test_files_of_an_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = (
        "LoadState=loaded\nEnvironmentFiles=/etc/default/app (ignore_errors=no)\n"
        "EnvironmentFiles=/srv/a (b)/*.env (ignore_errors=yes)\n"
    )
    monkeypatch.setattr(commands, "run", lambda *dummy, **more: answer)
    (shown,) = Manager().show(["app.service"])
    assert shown.environment_files == ("/etc/default/app", "/srv/a (b)/*.env")


@pytest.mark.parametrize(
    ("answer", "environment", "root"),
    [
        ("Environment=\nRootDirectory=\nRootImage=\n", "", ""),
        ('Environment=A=b "C=d e"\nRootDirectory=/\n', 'A=b "C=d e"', ""),
        ("RootDirectory=/srv/jail\nRootImage=\n", "", "/srv/jail"),
        ("RootDirectory=\nRootImage=/srv/jail.raw\n", "", "/srv/jail.raw"),
    ],
)
def test_what_a_hook_is_given(
    monkeypatch: pytest.MonkeyPatch, answer: str, environment: str, root: str
) -> None:
    monkeypatch.setattr(commands, "run", lambda *dummy, **more: f"LoadState=loaded\n{answer}")
    (shown,) = Manager().show(["app.service"])
    assert (shown.environment, shown.root) == (environment, root)


def test_what_a_unit_mounts(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = (
        "LoadState=loaded\nBindPaths=/srv/a:/opt/b:rbind -/srv/c:/opt/d\nBindReadOnlyPaths=\n"
        "TemporaryFileSystem=/opt/z:ro,mode=0700 /opt/y\nExtensionDirectories=-/srv/e\n"
    )
    monkeypatch.setattr(commands, "run", lambda *dummy, **more: answer)
    (shown,) = Manager().show(["app.service"])
    assert shown.mounted == (
        ("BindPaths", "/srv/a:/opt/b:rbind -/srv/c:/opt/d"),
        ("TemporaryFileSystem", "/opt/z:ro,mode=0700 /opt/y"),
        ("ExtensionDirectories", "-/srv/e"),
    )


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        ("TimeoutStartUSec=1min 30s\nJobTimeoutUSec=infinity\n", 90.0),
        ("TimeoutUSec=5s\nJobRunningTimeoutUSec=infinity\n", 5.0),
        ("TimeoutStartUSec=infinity\nJobRunningTimeoutUSec=4s\n", 4.0),
        ("TimeoutStartUSec=infinity\n", float("inf")),
    ],
)
def test_how_long_a_start_may_take(
    monkeypatch: pytest.MonkeyPatch, answer: str, seconds: float
) -> None:
    monkeypatch.setattr(commands, "run", lambda *dummy, **more: f"LoadState=loaded\n{answer}")
    assert Manager().show(["app.service"])[0].timeout == seconds


def test_paths_are_shown_in_quotes_where_they_have_a_backslash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = 'LoadState=loaded\nDropInPaths="/etc/a\\\\x2db.service.d/x.conf" /run/y.conf\n'
    monkeypatch.setattr(commands, "run", lambda *dummy, **more: answer)
    (shown,) = Manager().show([r"a\x2db.service"])
    assert shown.drop_ins == (r"/etc/a\x2db.service.d/x.conf", "/run/y.conf")


@pytest.mark.parametrize(
    "answer", ["RuntimeDirectoryMode=many\nRuntimeDirectory=x\n", "TimeoutStartUSec=1.2.3s\n"]
)
def test_a_manager_that_talks_nonsense_is_named(
    monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    """What answers in a user's own manager is whatever that user runs there."""
    monkeypatch.setattr(calls, "_silent", {})
    monkeypatch.setattr(commands, "run", lambda *dummy, **more: f"LoadState=loaded\n{answer}")
    with pytest.raises(calls.Unanswered, match="The manager of user alice answered"):
        Manager("alice").show(["app.service"])
