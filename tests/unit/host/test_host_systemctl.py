# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long a run waits for a user's own manager, which may be anything and answer never."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import (
    commands,
    creator,
    systemctl,
    systemd,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.file import (
    FileState,
    ManagedFile,
)


class Host:
    """A systemctl and a clock on paper: how long each call would take, and what it was allowed."""

    def __init__(self) -> None:
        self.now = 0.0
        self.takes = 0.0
        self.slow = "systemctl"
        self.called: list[tuple[str, float]] = []

    def __call__(self, words: tuple[str, ...], *, seconds: float, purpose: str) -> str:
        self.called.append((" ".join(words[2:]), seconds))
        takes = self.takes if self.slow in words else 0.0
        self.now += min(takes, seconds)
        if takes > seconds:
            raise commands.TooLate(f"{words[0]} did not end; it was called to {purpose}.")
        return "LoadState=loaded\n"


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    fake = Host()
    monkeypatch.setattr(commands, "run", fake)
    monkeypatch.setattr(systemctl.time, "monotonic", lambda: fake.now)
    monkeypatch.setattr(systemctl, "_waited", {})
    monkeypatch.setattr(systemctl, "_silent", {})
    monkeypatch.setattr(systemd, "_has_manager", lambda user: True)
    return fake


def test_a_users_manager_that_never_answers_is_asked_once(host: Host) -> None:
    host.takes = float("inf")
    manager = systemd.Manager("alice")
    manager.changed()
    with pytest.raises(systemctl.Unanswered) as told:
        manager.reload()
    assert str(told.value) == (
        "The manager of user alice did not answer in time (systemctl was called to read the changed "
        "unit files; this run has waited 15 seconds for its answers), and is not asked again in "
        "this run. See what runs there (systemctl status user@alice.service), start it anew "
        "(systemctl restart user@alice.service), and run again."
    )
    # Nor by anybody else in this run.
    with pytest.raises(systemctl.Unanswered):
        systemd.Manager("alice").show(["app.service"])
    assert not systemd.Manager("alice").is_up()
    assert creator.socket_units("alice") == []
    assert host.called == [("--user -M alice@.host daemon-reload", 15.0)]
    assert host.now == 15.0
    assert systemctl.silent() == [str(told.value)]


def test_its_service_is_named_by_its_id(host: Host) -> None:
    host.takes = float("inf")
    assert not systemd.Manager("root").is_up()
    assert "systemctl restart user@0.service" in systemctl.silent()[0]


def test_others_are_asked_all_the_same(host: Host) -> None:
    host.takes, host.slow = float("inf"), "alice@.host"
    assert not systemd.Manager("alice").is_up()
    host.takes = 0.0
    assert systemd.Manager("bob").is_up()
    assert [one.exists for one in systemd.Manager().show(["app.service"])] == [True]
    assert host.called[-1][1] == 90.0
    assert [systemctl.is_silent(user) for user in ("alice", "bob", None)] == [True, False, False]


def test_answers_that_come_slowly_have_an_end_as_well(host: Host) -> None:
    host.takes = 14.0
    manager = systemd.Manager("alice")
    assert manager.is_up()
    assert manager.is_up()
    assert not manager.is_up()
    assert [seconds for dummy, seconds in host.called] == [15.0, 15.0, 2.0]
    assert host.now == 30.0


def test_answers_at_once_have_none(host: Host) -> None:
    """Hundreds of sockets of one user are hundreds of calls."""
    host.takes = 0.5
    assert all(systemd.Manager("alice").is_up() for dummy in range(200))
    assert host.called[-1][1] == 15.0


@pytest.mark.parametrize("goes", [False, True])
def test_a_file_comes_and_goes_whatever_the_users_manager_does(
    host: Host, tmp_path: Path, *, goes: bool
) -> None:
    """Else a user could keep a grant from being revoked."""
    path = tmp_path / "app.conf"
    if goes:
        path.write_bytes(b"ours")
    host.takes, host.slow = float("inf"), "daemon-reload"
    manager = systemd.Manager("alice")
    resource = ManagedFile(str(path), manager=manager)
    current = resource.read()
    assert current is not None
    wanted = resource.wanted(current, {"socket app": b"ours"})
    resource.write(FileState(None) if goes else wanted)
    resource.settle()
    assert path.exists() is not goes
    assert [words.split()[-1] for words, dummy in host.called] == [
        "--property=Version",
        "daemon-reload",
    ]
    assert len(systemctl.silent()) == 1


@pytest.mark.parametrize("said", ["", "LoadState=loaded\n\nLoadState=loaded\n"])
def test_a_users_manager_that_fails_is_asked_once(
    host: Host, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    """What it says is the user's to choose, so no failure of it is the run's."""

    def answer(words: tuple[str, ...], **dummy: object) -> str:
        host.called.append((" ".join(words[2:]), 0.0))
        if not said:
            raise AccessError("systemctl failed and said: no.")
        return said

    monkeypatch.setattr(commands, "run", answer)
    with pytest.raises(systemctl.Unanswered):
        systemd.Manager("alice").show(["app.service"])
    (told,) = systemctl.silent()
    assert "not asked again in this run" in told
    assert ("cannot be asked (systemctl failed and said: no; before" in told) == (not said)
    with pytest.raises(systemctl.Unanswered):
        systemd.Manager("alice").show(["app.service"])
    assert len(host.called) == 1
    with pytest.raises(AccessError) as failed:
        systemd.Manager().show(["app.service"])
    assert not isinstance(failed.value, systemctl.Unanswered)


def test_a_tool_that_is_too_late_is_told_from_one_that_fails() -> None:
    with pytest.raises(commands.TooLate, match="did not end within"):
        commands.run(("sleep", "5"), seconds=0.1, purpose="wait")
    with pytest.raises(commands.AccessError) as failed:
        commands.run(("false",), seconds=5, purpose="fail")
    assert not isinstance(failed.value, commands.TooLate)
