# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of ours, and what a run that was killed left of them."""

from __future__ import annotations

import os
import resource as limits
import signal
import socket
from contextlib import nullcontext
from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.record import (
    Entry,
    Record,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.steps import (
    Step,
    Want,
    plan_steps,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import (
    AccessError,
    Withheld,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import theirs
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.atomic_file import (
    Unflushed,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
    User,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources import (
    file as managed,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.file import (
    FileState,
    ManagedFile,
)

HOLDER = "socket app"


@pytest.mark.parametrize("what", ["pipe", "socket", "endless", "nowhere", "large"])
def test_what_a_user_puts_in_its_place_neither_stops_nor_ends_us(tmp_path: Path, what: str) -> None:
    """Drop-ins for a user's own manager are in that user's directory."""
    path = tmp_path / "50-socket-access-app.conf"
    if what == "pipe":
        os.mkfifo(path)
    elif what == "socket":
        socket.socket(socket.AF_UNIX).bind(str(path))
    elif what == "large":
        path.touch()
        os.truncate(path, 1 << 40)
    else:
        path.symlink_to("/dev/zero" if what == "endless" else "/nowhere")
    resource = ManagedFile(str(path))
    # Not for ever, and not with all memory there is.
    before = limits.getrlimit(limits.RLIMIT_AS)
    limits.setrlimit(limits.RLIMIT_AS, (1 << 32, before[1]))
    old = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(10)
    try:
        current = resource.read()
        assert current is not None
        assert len(current.content or b"") < 1 << 23
        resource.write(resource.wanted(current, {HOLDER: b"ours"}))
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)
        limits.setrlimit(limits.RLIMIT_AS, before)
    assert path.read_bytes() == b"ours"
    assert path.lstat().st_mode & 0o170000 == 0o100000


@pytest.mark.parametrize("writer", [None, "carol"])
def test_a_directory_is_flushed_once_for_all_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writer: str | None
) -> None:
    """But for files of a user's, whose directory is opened with that user's rights alone."""
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda fd: flushed.append(os.fstat(fd).st_mode >> 12))
    monkeypatch.setattr(ManagedFile, "_rights", lambda dummy: nullcontext())
    unflushed = Unflushed()
    user = None if writer is None else User(writer, Credentials(1000, 1000))
    files = [
        ManagedFile(f"{tmp_path}/new/{name}", unflushed=unflushed, writer=user) for name in "abc"
    ]
    for file in files:
        file.write(FileState(b"ours"))
    file_type, directory_type = 0o10, 0o4
    beside = [] if writer is None else [directory_type]
    assert flushed == [file_type, *beside] * 3
    flushed.clear()
    for file in files:
        file.settle()
    assert flushed == ([directory_type] if writer is None else [])


def test_a_directory_that_went_again_needs_no_flush(tmp_path: Path) -> None:
    """A run that is put back removes the directories that it made."""
    file = ManagedFile(f"{tmp_path}/new/a")
    missing = (f"{tmp_path}/new",)
    file.write(FileState(b"ours"))
    file.write(FileState(None, missing=missing))
    assert os.listdir(tmp_path) == []
    file.settle()


def too_long(*dummy: object) -> None:
    raise TimeoutError


def test_a_directory_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(AccessError, match=r"round/app.conf cannot be looked at: Too many levels"):
        ManagedFile(f"{tmp_path}/round/app.conf").read()


@pytest.mark.parametrize("failing", ["read", "write"])
@pytest.mark.parametrize("at_home", [True, False])
@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied"), AccessError("Theirs.")]
)
def test_what_a_user_keeps_from_us_is_his_own_doing_only_at_his_home(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failing: str,
    at_home: bool,
    error: Exception,
) -> None:
    carol = User("carol", Credentials(os.geteuid(), os.getegid()))
    monkeypatch.setattr(managed, "acting_as", lambda credentials: nullcontext())
    resource = ManagedFile(str(tmp_path / "app.conf"), writer=carol, at_home=at_home)

    def refuse(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(theirs, "directory" if failing == "read" else "make", refuse)
    with pytest.raises(AccessError) as caught:
        resource.write(FileState(b"ours"))
    assert isinstance(caught.value, Withheld) is at_home
    assert ("in the hands of user carol" in str(caught.value)) is at_home


def test_two_who_want_another_content_are_refused_in_a_home_as_well(tmp_path: Path) -> None:
    carol = User("carol", Credentials(os.geteuid(), os.getegid()))
    resource = ManagedFile(str(tmp_path / "app.conf"), writer=carol)
    with pytest.raises(AccessError, match="want different contents") as caught:
        resource.wanted(FileState(None), {"one": b"a", "two": b"b"})
    assert not isinstance(caught.value, Withheld)


def test_a_directory_in_its_place_is_told(tmp_path: Path) -> None:
    path = tmp_path / "app.conf"
    path.mkdir()
    resource = ManagedFile(str(path))
    current = resource.read()
    assert current is not None
    with pytest.raises(
        AccessError,
        match=r"app.conf cannot be written: .*Is a directory.*move it away, and run again",
    ):
        resource.write(resource.wanted(current, {HOLDER: b"ours"}))


def _killed(path: Path) -> tuple[ManagedFile, Record]:
    """Return the file and the record of a run that was killed after it had made the directory."""
    fresh = ManagedFile(str(path))
    before = fresh.read()
    assert before is not None
    applied = FileState(b"ours", missing=before.missing)
    entry = Entry(
        fresh.state_to_json(before),
        fresh.state_to_json(applied),
        {HOLDER: fresh.request_to_json(b"ours")},
        None,
        pending=True,
    )
    path.parent.mkdir(parents=True)
    return ManagedFile(str(path), made=before.missing), Record({fresh.key: entry})


def _steps(file: ManagedFile, record: Record, *wants: Want) -> list[Step]:
    return plan_steps(wants, {HOLDER}, record, lambda key: file, {"file"})


def test_a_directory_that_a_killed_run_had_made_goes_with_the_policy(tmp_path: Path) -> None:
    path = tmp_path / "etc" / "socket-access" / "app.json"
    file, record = _killed(path)
    (step,) = _steps(file, record)
    assert step.changes
    file.write(step.target)
    assert not (tmp_path / "etc").exists()
    assert tmp_path.exists()
    assert not _steps(ManagedFile(str(path)), Record())


def test_it_is_used_by_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "socket-access" / "app.json"
    file, record = _killed(path)
    (step,) = _steps(file, record, Want(file, HOLDER, b"ours"))
    file.write(step.target)
    assert path.read_bytes() == b"ours"


@pytest.mark.parametrize("other", ["somebody-elses", ".hidden"])
def test_what_somebody_else_put_there_keeps_it(tmp_path: Path, other: str) -> None:
    path = tmp_path / "socket-access" / "app.json"
    file, record = _killed(path)
    (path.parent / other).touch()
    (step,) = _steps(file, record)
    file.write(step.target)
    assert (path.parent / other).exists()
