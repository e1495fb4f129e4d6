# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Somebody swaps what the path means, as fast as the kernel can, while the engine runs as root.

The attacker is given more than any user has (it may exchange everything in its directory, hard
links to root's inodes included), and every run has something to write.
"""

from __future__ import annotations

import itertools
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.record import (
    RecordFile,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import inode, pinned
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from kernel.hosts import (
    ALICE,
    BOB,
    CAROL,
    MALLORY,
    STAFF,
    Place,
    Seen,
    ended,
    exchange,
    fork,
    kill,
    place_on,
    seen,
)
from kernel.trees import put

# The first scene gets all of them, the others a quarter each.
RUNS = int(os.environ.get("ATTACK_RUNS") or 1000)
SECONDS = 40.0


@dataclass
class Scene:
    """A path below an attacker's directory, what is swapped, and what must never change."""

    place: Place
    path: str
    swaps: Sequence[tuple[str, str]]
    victims: Sequence[str]
    trusted: str | None = None

    def __post_init__(self) -> None:
        # By their names they cannot be told for sure, for names are what is swapped.
        self.held = [os.open(one, os.O_PATH | os.O_NOFOLLOW) for one in self.victims]

    def seen(self) -> list[Seen]:
        return [seen(f"/proc/self/fd/{fd}", follow=True) for fd in self.held]

    def attack(self) -> None:
        """Swap, for ever, with no pause, with every thing in turn and back."""
        for one, other in itertools.cycle(self.swaps):
            exchange(one, other)
            exchange(one, other)


@pytest.fixture
def place() -> Iterator[Place]:
    """A place on tmpfs, so that the record's way to the disk does not slow the runs down."""
    yield from place_on("tmpfs")


def _root_file(place: Place) -> str:
    """A file of root's with an ACL, in a directory that only root can enter."""
    secret = place.directory("secret", 0o700)
    path = secret / "file"
    path.write_text("secret")
    put(str(path), Acl(6, 4, 0, ((CAROL, 4),), (), 4))
    return str(path)


def _of_mallory(path: str) -> str:
    os.lchown(path, MALLORY, MALLORY)
    return path


def _link(target: str, name: Path) -> str:
    os.symlink(target, name)
    return _of_mallory(str(name))


def _symlink_to_a_root_file(place: Place) -> Scene:
    home = place.directory("home", 0o755, MALLORY, MALLORY)
    path = place.listen("home/s", 0o755, MALLORY, MALLORY)
    victim = _root_file(place)
    return Scene(place, path, [(path, _link(victim, home / "x"))], [victim])


def _symlink_in_a_trusted_directory(place: Place) -> Scene:
    home = place.directory("home", 0o777)
    path = place.listen("home/s", 0o755)
    victim, root_socket = _root_file(place), place.listen("secret/s", 0o600)
    swaps = [(path, _link(victim, home / "x")), (path, _link(root_socket, home / "y"))]
    return Scene(place, path, swaps, [victim, root_socket], trusted=str(home))


def _hard_links(place: Place) -> Scene:
    home = place.directory("home", 0o755, MALLORY, MALLORY)
    path = place.listen("home/s", 0o755, MALLORY, MALLORY)
    victim, root_socket = _root_file(place), place.listen("secret/s", 0o600)
    os.link(victim, home / "x")
    os.link(root_socket, home / "y")
    swaps = [(path, str(home / "x")), (path, str(home / "y"))]
    return Scene(place, path, swaps, [victim, root_socket])


def _hard_links_in_a_trusted_directory(place: Place) -> Scene:
    scene = _hard_links(place)
    home = os.path.dirname(scene.path)
    os.chown(home, 0, 0)
    os.chmod(home, 0o777)
    os.chown(scene.path, 0, 0)
    scene.trusted = home
    return scene


def _another_directory(place: Place) -> Scene:
    """The directory itself is exchanged: with root's, and with a link to root's."""
    top = place.directory("top", 0o755, MALLORY, MALLORY)
    place.directory("top/home", 0o755, MALLORY, MALLORY)
    path = place.listen("top/home/s", 0o755, MALLORY, MALLORY)
    place.directory("top/roots")
    victim = place.listen("top/roots/s", 0o600)
    link = _link(str(top / "roots"), top / "link")
    home = str(top / "home")
    return Scene(place, path, [(home, str(top / "roots")), (home, link)], [victim])


SCENES = [
    _symlink_to_a_root_file,
    _symlink_in_a_trusted_directory,
    _hard_links,
    _hard_links_in_a_trusted_directory,
    _another_directory,
]


def _wants(scene: Scene) -> Iterator[dict[str, Any]]:
    """Declarations of which each asks for another access than the one before it."""
    common: dict[str, Any] = {"path": scene.path}
    if scene.trusted:
        common["trust_directories"] = [scene.trusted]
    for allow, more in itertools.cycle(
        (
            ([{"user": str(BOB), "method": "acl"}], {"mode": "0666"}),
            ([], {"group": str(STAFF), "mode": "0660"}),
            ([{"user": str(ALICE), "method": "acl"}], {}),
        )
    ):
        yield {"app": {**common, **more, "allow": allow}}


def _kind(error: AccessError) -> str:
    said = str(error)
    for words in (
        "symbolic link",
        "hard links",
        "not a socket",
        "belongs to",
        "put something else",
        "was replaced while it was looked at",
        "cannot be looked at",
        "The proof failed",
    ):
        if words in said:
            return f"refused: {words}"
    raise error


def _under_attack(
    scene: Scene, runs: int, *, until: Callable[[], bool] = lambda: False, prove: bool = False
) -> Counter[str]:
    """Run while the attacker swaps; return how many runs met which state."""
    met: Counter[str] = Counter()
    attacker = fork(scene.attack)
    deadline = time.monotonic() + SECONDS
    try:
        for declared in itertools.islice(_wants(scene), runs):
            try:
                result = scene.place.run(declared, prove=prove)
                met["changed" if result.changed else "unchanged"] += 1
            except AccessError as error:
                met[_kind(error)] += 1
            assert time.monotonic() < deadline, f"{met.total()} of {runs} runs in {SECONDS} s"
            if until():
                break
        # It has been at work all the time.
        assert os.waitpid(attacker, os.WNOHANG) == (0, 0)
    finally:
        kill(attacker)
    return met


@pytest.mark.parametrize("make", SCENES, ids=[one.__name__[1:] for one in SCENES])
def test_what_is_swapped_in_is_never_changed(
    place: Place, make: Callable[[Place], Scene], capsys: pytest.CaptureFixture[str]
) -> None:
    scene = make(place)
    runs = RUNS if make is _symlink_to_a_root_file else RUNS // 4
    before = scene.seen()
    started = time.monotonic()
    met = _under_attack(scene, runs)
    with capsys.disabled():
        print(
            f"\n{make.__name__[1:]}: {met.total()} runs in {time.monotonic() - started:.1f} s, "
            f"{dict(met.most_common())}"
        )
    assert scene.seen() == before
    # Both sides were met, or the test shows nothing.
    assert met["changed"] > runs / 50
    assert sum(count for kind, count in met.items() if kind != "changed") > runs / 50


def test_proofs_under_attack(place: Place) -> None:
    """A proof that meets the swapped thing fails, and what was changed is put back."""
    scene = _symlink_to_a_root_file(place)
    before = scene.seen()
    _under_attack(scene, 50, prove=True)
    assert scene.seen() == before


def test_the_attack_would_work_on_a_change_by_path(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same loop against chmod(2) by name: the attacker wins, so the test above can fail."""
    scene = _symlink_to_a_root_file(place)
    before = scene.seen()
    monkeypatch.setattr(inode, "magic_link", lambda fd: scene.path)
    # To look is still done on what was pinned.
    monkeypatch.setattr(pinned, "read_acl", lambda fd, mode: (Acl.from_mode(mode), True))
    real = scene.place.run

    def by_path(*arguments: Any, **options: Any) -> Any:
        try:
            return real(*arguments, **options)
        except OSError as error:
            raise AccessError("The proof failed by the swap.") from error

    monkeypatch.setattr(scene.place, "run", by_path)
    met = _under_attack(scene, 20 * RUNS, until=lambda: scene.seen() != before)
    print(f"The attacker won after {met.total()} runs.")
    assert scene.seen() != before


def test_a_hard_link_that_loses_its_name_at_the_right_moment(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One link is left of root's socket once the attacker's is gone; it is root's own."""
    home = place.directory("home", 0o777)
    path = str(home / "s")
    victim = place.listen("victim", 0o600)
    before = seen(victim)
    os.link(victim, path)
    real = pinned._look

    def look(fd: int, name: str) -> Any:
        if name == path and os.path.exists(path):
            os.unlink(path)
        return real(fd, name)

    monkeypatch.setattr(pinned, "_look", look)
    declared = {"app": {"path": path, "mode": "0666", "trust_directories": [str(home)]}}
    with pytest.raises(AccessError, match=path):
        place.run(declared, prove=False)
    assert seen(victim) == before


def test_a_swapped_record_directory_is_root_s_matter_only(place: Place) -> None:
    """The record is made for root alone, whatever the umask is."""
    path = place.listen("s", 0o755)
    before = os.umask(0)
    try:
        place.run({"app": {"path": path}})
    finally:
        os.umask(before)
    assert os.stat(place.file.directory).st_mode & 0o777 == 0o700
    assert os.stat(place.file.path).st_mode & 0o777 == 0o600
    assert isinstance(place.file, RecordFile)


def test_the_attacker_ends_with_its_test(place: Place) -> None:
    scene = _symlink_to_a_root_file(place)
    pid = fork(scene.attack)
    time.sleep(0.05)
    kill(pid)
    with pytest.raises(ChildProcessError):
        ended(pid)
