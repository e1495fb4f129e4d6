# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names that say something to a shell, systemd, fstab(5), socat(1) or a terminal are just names."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import mounts
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import (
    PolicyError,
    Principal,
    validate,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.probe import (
    CONNECTS,
    Question,
    ask,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.runtime import (
    ask as questions,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.runtime import status
from ansible_collections.unixsocket.access.plugins.module_utils._engine.runtime.output import Output
from kernel.hostile.test_hostile_faults import one_world
from kernel.hosts import ALICE, BOB, CAROL, Place, everything
from kernel.test_kernel_converge import home
from kernel.test_kernel_mounts import FSTAB, World, as_user, connects, world

__all__ = ["home", "world"]

LIE = "x)\nother (/run/other): as declared.\nEveryone is fine. ("

NAMES = [
    *("a b", " a", "a ", "%n%%s", "$HOME${X}`id`$(id)", "a:b,c;d&e|f", "-rf", "--help", "#a", "~"),
    *("a\\040b", "\\", "'\"", "*?[]{}()<>!", "..a", "äöü🔌", "\u00a0\u202ea", "type=5,fork"),
]


def longest(directory: str) -> str:
    """Return the name that makes a path of 107 bytes, the most that an address holds (unix(7))."""
    return "é" * ((107 - len(directory) - 1) // 2)


def declared(path: str, at: str, method: str = "bind_mount") -> dict[str, Any]:
    grant: dict[str, Any] = {"user": "bob", "method": method}
    if method == "bind_mount":
        grant |= {"at": at, "mount_as": "alice", "trust_mounter": True}
    return {"app": {"path": path, "unit": "a.socket", "unit_user": "alice", "allow": [grant]}}


@one_world
def test_any_name_is_a_name(world: World) -> None:
    """Mounted by mount(8) itself, by the line of fstab, and given to one user by an entry."""
    place = Place(Path("/mnt"), Path("/mnt/record"))
    for name in [*NAMES, longest("/mnt/source"), longest("/mnt/endpoint")]:
        path = f"/mnt/source/{name}"
        if len(path.encode()) > 107:
            continue
        at = f"/mnt/endpoint/{name}"
        at = at if len(at.encode()) <= 107 else "/mnt/endpoint/s"
        world.die()
        world.born(path)
        before = everything(Path("/mnt/source"))
        assert connects(BOB, path) == "EACCES", name
        place.run(declared(path, at), prove=False)
        assert connects(BOB, at) == "socket", name
        assert connects(CAROL, at) == "EACCES", name
        # A line that mount(8) reads as it was meant: the user can unmount by it and mount by it.
        assert as_user(ALICE, "umount", "--", at).returncode == 0, name
        assert as_user(ALICE, "mount", "--", at).returncode == 0, name
        assert connects(BOB, at) == "socket", name
        assert not place.run(declared(path, at), prove=False).changed, name
        place.run(declared(path, at), prove=False, absent=True)
        assert not mounts.at(mounts.read(), at), name
        assert Path("/etc/fstab").read_bytes() == FSTAB, name
        assert everything(Path("/mnt/source")) == before, name
        Path(path).unlink()


@pytest.mark.parametrize("name", ["a\nb", "a\rb", "a\0b", "a\tb", "\x1b[2Ja", "a\x85b", "a\u2028b"])
def test_a_name_with_a_control_character_is_refused(name: str) -> None:
    with pytest.raises(PolicyError, match="contains the control character"):
        validate({"app": {"path": f"/run/{name}"}})


def test_a_name_of_108_bytes_is_refused() -> None:
    path = f"/run/{'é' * 51}x"
    assert validate({"app": {"path": path[:-1]}}).sockets[0].path == path[:-1]
    with pytest.raises(PolicyError, match=r"has 108 bytes.*107"):
        validate({"app": {"path": path}})


def test_a_link_with_line_breaks_in_it_forges_no_line(
    home: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a daemon's user writes into a link is told by root, in the journal and by status."""
    home.directory("alice", 0o755, ALICE)
    path = home.top / "alice" / "s"
    path.symlink_to(LIE)
    os.lchown(path, ALICE, ALICE)
    said = home.refusal({"app": {"path": str(path), "allow": [{"user": str(BOB)}]}})
    assert f"(to {LIE.encode('unicode_escape').decode()})" in said
    Output().problem("app", said)
    Output().say(status.State("app", str(path), status.UNKNOWN, notes=(said, LIE)).in_words())
    Output().say(f"{path}: {LIE}")
    shown = capsys.readouterr()
    assert len(shown.err.splitlines()) == 1
    assert len(shown.out.splitlines()) == 2


def test_a_link_with_line_breaks_in_it_forges_no_line_of_a_probe(home: Place) -> None:
    (home.top / LIE.replace("/", "|")).mkdir()
    path = home.listen(f"{LIE.replace('/', '|')}/s", 0o600)
    link = home.top / "link"
    link.symlink_to(path)
    (answer,) = ask(
        str(link),
        [Question(Principal("user", str(BOB)), CONNECTS)],
        kind=None,
        send=None,
        expect=None,
        seconds=5,
    )
    lines = answer.failure().splitlines()
    assert any("\\nEveryone is fine." in line for line in lines)
    assert not any(line.startswith(("Everyone", "other")) for line in lines)


def test_a_program_with_line_breaks_in_its_name_forges_no_line(
    home: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever may connect is named by who, with the path of the program."""
    path = home.listen("s", 0o777)
    directory = (
        home.top / "x (pid 1, user root, init.scope).\nNobody else can connect: as declared.\n"
    )
    directory.mkdir()
    program = shutil.copy(os.path.realpath(shutil.which("sleep") or ""), directory / "py")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        os.set_inheritable(client.fileno(), True)
        process = subprocess.Popen([program, "60"], close_fds=False, user=BOB)
    try:
        assert questions.who(path, Output(), as_json=False)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    lines = capsys.readouterr().out.splitlines()
    (line,) = [one for one in lines if one.startswith("Connected right now: ")]
    assert "init.scope).\\nNobody else can connect: as declared.\\n/py (pid " in line
    assert "Nobody else can connect: as declared." not in lines
