# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is refused by name, and comes under another id that is his own by subuid(5)."""

from __future__ import annotations

import ctypes
import os
import pwd
import socket
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine import subordinate
from kernel.hosts import Place
from kernel.test_kernel_converge import home

__all__ = ["home"]

_CLONE_NEWUSER = 0x10000000
WHO = pwd.getpwnam("daemon")
TOLD = "gives this user other ids"


def connects(path: str, as_another: bool) -> bytes:
    """Connect as the user, or as the first subordinate id of a user namespace of the user's own."""
    (ready, tell), (mapped, go), (answer, say) = os.pipe(), os.pipe(), os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.setgroups(())
            os.setresgid(*3 * [WHO.pw_gid])
            os.setresuid(*3 * [WHO.pw_uid])
            if as_another:
                assert ctypes.CDLL(None).unshare(_CLONE_NEWUSER) == 0
                os.write(tell, b"x")
                os.read(mapped, 1)
                os.setresuid(1, 1, 1)
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(path)
            os.write(say, b"connected")
        except OSError as error:
            os.write(say, os.strerror(error.errno or 0).encode())
        finally:
            os._exit(0)
    if as_another:
        os.read(ready, 1)
        # newuidmap(1) does this for a user whom subuid(5) names.
        Path(f"/proc/{pid}/uid_map").write_text(f"0 {WHO.pw_uid} 1\n1 300000 65536\n")
        os.write(go, b"x")
    os.waitpid(pid, 0)
    said = os.read(answer, 100)
    for fd in (ready, tell, mapped, go, answer, say):
        os.close(fd)
    return said


@pytest.fixture
def ranges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "subuid"
    path.write_text("other:200000:65536\ndaemon:300000:65536\n")
    monkeypatch.setattr(subordinate, "_RANGES", str(path))
    monkeypatch.setattr(subordinate, "_TOOLS", ("/",))
    return path


def told(home: Place, path: str, **keys: Any) -> list[str]:
    result = home.run({"app": {"path": path, "refuse": ["daemon"], **keys}})
    return [one for one in result.warnings if TOLD in one]


def test_a_refusal_that_can_be_come_around_is_told(home: Place, ranges: Path) -> None:
    path = home.listen("s", 0o600)
    (one,) = told(home, path, allow=[{"group": "daemon", "method": "acl"}])
    assert "User daemon is refused at" in one
    assert "by what lets in the group daemon." in one
    assert connects(path, as_another=False) == b"Permission denied"
    assert connects(path, as_another=True) == b"connected"
    # Neither the tool alone nor the line alone is enough.
    ranges.write_text("other:200000:65536\n")
    assert not told(home, path, allow=[{"group": "daemon", "method": "acl"}])


def test_where_everyone_else_is_let_in(home: Place, ranges: Path) -> None:
    path = home.listen("s", 0o600)
    (one,) = told(home, path, mode="0666", allow=[])
    assert "by what lets in everyone." in one
    assert connects(path, as_another=False) == b"Permission denied"
    assert connects(path, as_another=True) == b"connected"


@pytest.mark.parametrize(
    ("mode", "let_in"), [({}, True), ({"mode": "0660"}, True), ({"mode": "0640"}, False)]
)
def test_the_group_of_the_socket(
    home: Place, ranges: Path, mode: dict[str, str], let_in: bool
) -> None:
    path = home.listen("s", 0o660)
    said = told(home, path, group="daemon", allow=[], **mode)
    assert len(said) == let_in
    assert connects(path, as_another=False) == b"Permission denied"
    assert (connects(path, as_another=True) == b"connected") == let_in


def test_who_has_no_ids_of_the_kind(home: Place, ranges: Path) -> None:
    path = home.listen("s", 0o600)
    ranges.write_text("54321:300000:65536\nmail:300000:65536\n")
    assert not told(home, path, mode="0666", allow=[], refuse=["54321", {"group": "mail"}])
    ranges.unlink()
    assert not told(home, path, mode="0666", allow=[])


def test_a_refusal_that_holds_for_all_ids_is_not(home: Place, ranges: Path) -> None:
    path = home.listen("s", 0o600)
    assert not told(home, path, allow=[{"user": "bin"}, {"group": "mail", "method": "acl"}])
    assert connects(path, as_another=True) == b"Permission denied"


def test_a_host_without_the_tool(
    home: Place, ranges: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subordinate, "_TOOLS", ())
    path = home.listen("s", 0o600)
    assert not told(home, path, allow=[{"group": "daemon", "method": "acl"}])
