# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Applying until calm, and giving up against a daemon that fights back."""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.watch import Watch
from ansible_collections.unixsocket.access.plugins.module_utils._engine.report import Result
from ansible_collections.unixsocket.access.plugins.module_utils._engine.runtime import watched
from ansible_collections.unixsocket.access.plugins.module_utils._engine.runtime.corrections import (
    Corrections,
    CorrectionsFile,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.runtime.watched import (
    FoughtBack,
    apply_again,
    apply_until_calm,
)

NOTHING = Result(False, [], {}, {})
SOMETHING = Result(True, ["The group changes."], {}, {})


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "_CALM", 0.02)
    monkeypatch.setattr(watched, "_ABSENT", 0.05)
    monkeypatch.setattr(watched, "_CALM_AFTER_A_FIGHT", 0.05)


@pytest.fixture
def memory(tmp_path: Path) -> CorrectionsFile:
    return CorrectionsFile(str(tmp_path / "run"), "app")


class Clock:
    """A clock that stands still until it is told to move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["inotify", "no instance", "no watch"])
def used_up(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the kernel has left to give: with nothing left all is the same, but looked at."""
    if request.param == "inotify":
        return
    call, error = {
        "no instance": ("inotify_init1", errno.EMFILE),
        "no watch": ("inotify_add_watch", errno.ENOSPC),
    }[request.param]
    real = ctypes.CDLL

    def library(*arguments: object, **options: bool) -> object:
        loaded = real(None, use_errno=True)

        def refuse(*dummy: object) -> int:
            ctypes.set_errno(error)
            return -1

        setattr(loaded, call, refuse)
        return loaded

    monkeypatch.setattr(ctypes, "CDLL", library)


@pytest.mark.usefixtures("used_up")
def test_a_watch_sees_names_that_count(tmp_path: Path) -> None:
    with Watch() as watch:
        watch.add(str(tmp_path), names=("a",))
        (tmp_path / "b").touch()
        assert not watch.wait(0.02)
        (tmp_path / "a").touch()
        assert watch.wait(1)
        assert not watch.wait(0)
        watch.add(str(tmp_path), names=("b",))
        (tmp_path / "a").chmod(0o600)
        assert watch.wait(1)
        tmp_path.chmod(0o711)
        assert watch.wait(1)


@pytest.mark.usefixtures("used_up")
def test_a_watch_on_one_inode(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    fd = os.open(tmp_path / "a", os.O_PATH)
    with Watch() as watch:
        watch.add(f"/proc/self/fd/{fd}")
        os.close(fd)
        (tmp_path / "b").touch()
        assert not watch.wait(0.02)
        (tmp_path / "a").chmod(0o600)
        assert watch.wait(1)
    watch.close()


@pytest.mark.usefixtures("used_up")
def test_a_watch_on_something_that_goes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with Watch() as watch:
        watch.add(str(tmp_path / "a"), names=("s",))
        assert not watch.wait(0.02)
        (tmp_path / "a").rmdir()
        assert watch.wait(1)


@pytest.mark.usefixtures("used_up")
def test_a_watch_leaves_no_descriptor(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    with Watch() as watch:
        watch.add(str(tmp_path))
    assert os.listdir("/proc/self/fd") == before


@pytest.mark.usefixtures("used_up")
def test_a_watch_on_nothing(tmp_path: Path) -> None:
    with Watch() as watch, pytest.raises(FileNotFoundError, match="none"):
        watch.add(str(tmp_path / "none"))


def test_an_unchanged_socket_is_compared_once(tmp_path: Path, memory: CorrectionsFile) -> None:
    calls = []

    def converge(check: bool) -> Result:
        calls.append(check)
        return NOTHING

    path = tmp_path / "s"
    path.touch()
    assert apply_until_calm([str(path)], converge, memory) == [NOTHING]
    assert calls == [False]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("event", ["new inode", "mode", "directory", "directories"])
def test_what_happens_during_the_run_is_not_lost(
    tmp_path: Path, memory: CorrectionsFile, event: str
) -> None:
    path = tmp_path / "d" / "s"
    if event != "directories":
        path.parent.mkdir()
        path.touch()
    calls = []

    def converge(check: bool) -> Result:
        calls.append(check)
        if len(calls) == 1:
            if event == "new inode":
                path.unlink()
                path.touch()
            elif event == "mode":
                path.chmod(0o600)
            elif event == "directory":
                path.parent.chmod(0o711)
            else:
                path.parent.mkdir()
        return NOTHING

    opened = [str(path.parent)]
    assert len(apply_until_calm([str(path), *opened], converge, memory)) == 2


def test_what_happens_while_leaving_is_not_lost(tmp_path: Path, memory: CorrectionsFile) -> None:
    """To ask for a second look takes longer than a daemon needs for a change."""
    path = tmp_path / "s"
    path.touch()
    left = []

    def leave() -> None:
        left.append(True)
        if len(left) == 1:
            path.chmod(0o600)

    assert len(apply_until_calm([str(path)], lambda check: NOTHING, memory, leave=leave)) == 2
    assert len(left) == 2


def test_changes_without_end_are_left_to_the_next_run(
    tmp_path: Path, memory: CorrectionsFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched, "_LONGEST", 0.0)
    path = tmp_path / "s"
    path.touch()
    left: list[bool] = []

    def converge(check: bool) -> Result:
        path.chmod(0o600)
        return NOTHING

    results = apply_until_calm([str(path)], converge, memory, leave=lambda: left.append(True))
    assert results == [NOTHING]
    assert left == [True]


def test_noise_beside_the_socket_does_not_count(tmp_path: Path, memory: CorrectionsFile) -> None:
    def converge(check: bool) -> Result:
        (tmp_path / "beside").touch()
        return NOTHING

    assert len(apply_until_calm([str(tmp_path / "s")], converge, memory)) == 1


def test_a_daemon_that_fights_back(tmp_path: Path, memory: CorrectionsFile) -> None:
    clock, checks = Clock(), []

    def converge(check: bool) -> Result:
        checks.append(check)
        clock.now += 1
        return SOMETHING

    path = str(tmp_path / "s")
    (tmp_path / "s").touch()
    for dummy in range(10):
        apply_until_calm([path], converge, memory, clock)
    assert checks == [False] * 10
    with pytest.raises(AccessError, match=r"fights back.*10 times in a row.*The group changes\."):
        apply_until_calm([path], converge, memory, clock)
    assert checks[-1] is True
    clock.now += 59
    with pytest.raises(AccessError, match="fights back"):
        apply_until_calm([path], converge, memory, clock)
    clock.now += 61
    apply_until_calm([path], converge, memory, clock)
    assert checks[-1] is False


def test_a_fight_has_lasted_until_it_was_quiet(tmp_path: Path, memory: CorrectionsFile) -> None:
    path = tmp_path / "s"
    path.touch()
    looked: list[float] = []

    def converge(check: bool) -> Result:
        looked.append(time.monotonic())
        return SOMETHING

    for dummy in range(10):
        apply_again(str(path), converge, memory, time.monotonic)
    with pytest.raises(FoughtBack):
        apply_until_calm([str(path)], converge, memory, time.monotonic)
    given_up = memory.load().given_up
    assert given_up is not None
    assert given_up - looked[-1] >= watched._CALM_AFTER_A_FIGHT


def test_a_fight_that_does_not_get_quiet_is_told_all_the_same(
    tmp_path: Path, memory: CorrectionsFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched, "_LONGEST", 0.0)
    path, clock = tmp_path / "s", Clock()
    path.touch()
    told = threading.Event()

    def fight() -> None:
        ends = time.monotonic() + 20
        while not told.wait(0.01) and time.monotonic() < ends:
            path.chmod(0o600)

    for dummy in range(10):
        apply_again(str(path), lambda check: SOMETHING, memory, clock)
    fighter = threading.Thread(target=fight)
    fighter.start()
    with pytest.raises(FoughtBack):
        apply_until_calm([str(path)], lambda check: SOMETHING, memory, clock)
    assert fighter.is_alive()
    told.set()
    fighter.join()


def test_a_daemon_that_gives_in_is_no_fight_any_more(
    tmp_path: Path, memory: CorrectionsFile
) -> None:
    clock, path = Clock(), tmp_path / "s"
    path.touch()
    given_up = Corrections((clock.now,) * 10, clock.now)
    memory.save(given_up)
    clock.now += 3
    assert apply_until_calm([str(path)], lambda check: NOTHING, memory, clock) == [NOTHING]
    assert memory.load() == given_up


def test_a_fight_within_one_run_ends(tmp_path: Path, memory: CorrectionsFile) -> None:
    """Each correction is answered at once, so the run never gets calm by itself."""
    path = tmp_path / "s"
    path.touch()
    checks = []

    def converge(check: bool) -> Result:
        checks.append(check)
        path.chmod(0o600)
        return SOMETHING

    started = time.monotonic()
    with pytest.raises(AccessError, match="fights back"):
        apply_until_calm([str(path)], converge, memory)
    assert checks == [False] * 10 + [True]
    assert time.monotonic() - started < 5


def test_a_second_look_leaves_a_daemon_that_fights_back(
    tmp_path: Path, memory: CorrectionsFile
) -> None:
    clock, path = Clock(), str(tmp_path / "s")
    checks: list[bool] = []

    def converge(check: bool) -> Result:
        checks.append(check)
        return SOMETHING

    (tmp_path / "s").touch()
    for dummy in range(10):
        assert apply_again(path, converge, memory, clock) == [SOMETHING]
    assert checks == [False] * 10
    for dummy in range(3):
        assert apply_again(path, converge, memory, clock) == []
        assert checks.pop() is True
        clock.now += 59
    clock.now += 2
    assert apply_again(path, converge, memory, clock) == [SOMETHING]


@pytest.fixture
def new_inodes(tmp_path: Path) -> Callable[[], str]:
    """Each call makes the socket anew, as a restart of its daemon does."""
    numbers = iter(range(1000))

    def make() -> str:
        beside, path = tmp_path / f"{next(numbers)}", tmp_path / "s"
        beside.touch()
        os.replace(beside, path)
        os.link(path, f"{beside}.keeps-its-number")
        return str(path)

    return make


def test_restarts_are_no_fight(memory: CorrectionsFile, new_inodes: Callable[[], str]) -> None:
    clock = Clock()
    for dummy in range(25):
        path = new_inodes()
        clock.now += 0.5
        apply_until_calm([path], lambda check: SOMETHING, memory, clock)
        apply_until_calm([path], lambda check: SOMETHING, memory, clock)


def test_new_inodes_without_end_are_one(
    memory: CorrectionsFile, new_inodes: Callable[[], str]
) -> None:
    clock = Clock()
    for dummy in range(60):
        clock.now += 0.5
        apply_until_calm([new_inodes()], lambda check: SOMETHING, memory, clock)
    with pytest.raises(FoughtBack, match="60 times in a row"):
        apply_until_calm([new_inodes()], lambda check: SOMETHING, memory, clock)


def test_corrections_that_are_rare_go_on(tmp_path: Path, memory: CorrectionsFile) -> None:
    clock = Clock()
    for dummy in range(40):
        clock.now += 6
        apply_until_calm([str(tmp_path / "s")], lambda check: SOMETHING, memory, clock)


def test_what_is_remembered_goes_away(tmp_path: Path, memory: CorrectionsFile) -> None:
    clock = Clock()
    apply_until_calm([str(tmp_path / "s")], lambda check: SOMETHING, memory, clock)
    modes = [stat.S_IMODE(one.stat().st_mode) for one in (tmp_path / "run", tmp_path / "run/app")]
    assert modes == [0o755, 0o600]
    clock.now += 31
    apply_until_calm([str(tmp_path / "s")], lambda check: NOTHING, memory, clock)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[]", '{"made": 1}', '{"given_up": "x"}', '{"inode": [1]}', '{"inode": {}}'),
        *("[" * 200_000, f'{{"made": [1{"0" * 400}]}}', '{"of_inode": 1e400}'),
    ],
    ids=range(10),
)
def test_a_damaged_memory_counts_as_none(
    tmp_path: Path, memory: CorrectionsFile, content: str
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "app").write_text(content)
    assert memory.load() == Corrections()


def test_a_clock_that_began_anew() -> None:
    """After a boot the numbers start at 0; what was remembered in the future counts no more."""
    old = Corrections((5000.0,) * 10, 5000.0)
    assert old.exhausted
    assert old.at(10.0) == Corrections()


def test_a_socket_that_was_taken_away_is_waited_for(
    tmp_path: Path, memory: CorrectionsFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The .path unit would not see it come back before this run has ended."""
    monkeypatch.setattr(watched, "_ABSENT", 20.0)
    path = tmp_path / "s"
    runs = []

    def converge(check: bool) -> Result:
        runs.append(path.exists())
        if len(runs) == 1:
            threading.Timer(0.3, path.touch).start()
        return NOTHING

    apply_until_calm([str(path)], converge, memory)
    assert runs[0] is False
    assert runs[-1] is True
