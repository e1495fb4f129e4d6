# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A walked path: what was seen, what is held, and that every descriptor is given back."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.pinned import Pin, pin
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.chain import (
    DIRECTORY,
    OTHER,
    SOCKET,
    SYMLINK,
)


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A directory with a socket ``s`` in ``d``, its name without links in it."""
    top = tmp_path.resolve()
    (top / "d").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(top / "d" / "s"))
    return top


@pytest.fixture(autouse=True)
def _no_descriptor_is_left() -> Iterator[None]:
    before = set(os.listdir("/proc/self/fd"))
    yield
    assert set(os.listdir("/proc/self/fd")) == before


def _kinds(held: Pin, top: Path) -> list[tuple[str, str]]:
    return [
        (os.path.relpath(one.path, top), one.kind)
        for one in held.chain.components
        if one.path.startswith(f"{top}/")
    ]


def _pinned(path: str, top: Path) -> list[tuple[str, str]]:
    held = pin(path)
    held.close()
    return _kinds(held, top)


def test_a_plain_path(top: Path) -> None:
    held = pin(f"{top}/d/s")
    assert held.chain.components[0].path == "/"
    assert _kinds(held, top) == [("d", DIRECTORY), ("d/s", SOCKET)]
    leaf = held.chain.leaf
    assert leaf is not None
    fd = held.descriptor(leaf.path)
    assert fd is not None
    assert os.path.samestat(os.fstat(fd), os.stat(top / "d" / "s"))
    assert (leaf.inode, leaf.links) == (os.stat(top / "d" / "s").st_ino, 1)
    assert held.descriptor(f"{top}/d") is None
    held.close()


def test_what_is_held_is_not_what_the_name_means_later(top: Path) -> None:
    held = pin(f"{top}/d/s", {f"{top}/d"})
    socket_fd, directory_fd = held.descriptor(f"{top}/d/s"), held.descriptor(f"{top}/d")
    assert socket_fd is not None
    assert directory_fd is not None
    inodes = os.stat(top / "d" / "s").st_ino, os.stat(top / "d").st_ino
    (top / "d").rename(top / "away")
    (top / "d").mkdir()
    (top / "d" / "s").write_text("another one")
    assert (os.fstat(socket_fd).st_ino, os.fstat(directory_fd).st_ino) == inodes
    held.close()


@pytest.mark.parametrize("path", ["{0}//d/./s", "{0}/d/../d/s", "//{0}/d/s", "{0}/d/../../{1}/d/s"])
def test_dots_and_slashes(top: Path, path: str) -> None:
    held = pin(path.format(top, top.name))
    leaf = held.chain.leaf
    assert leaf is not None
    assert leaf.path == f"{top}/d/s"
    held.close()


def test_more_up_than_there_is(top: Path) -> None:
    held = pin(f"/../../..{top}/d/s")
    assert held.chain.leaf is not None
    held.close()


def test_links_are_components_of_their_own(top: Path) -> None:
    (top / "to-d").symlink_to("d")
    (top / "to-s").symlink_to(top / "to-d" / "s")
    assert _pinned(f"{top}/to-s", top) == [
        ("to-s", SYMLINK),
        ("to-d", SYMLINK),
        ("d", DIRECTORY),
        ("d/s", SOCKET),
    ]


def test_a_link_that_goes_up(top: Path) -> None:
    (top / "e").mkdir()
    (top / "e" / "up").symlink_to("../d")
    assert _pinned(f"{top}/e/up/s", top)[-1] == ("d/s", SOCKET)


def test_a_link_without_an_end(top: Path) -> None:
    (top / "gone").symlink_to("nowhere/s")
    held = pin(f"{top}/gone")
    assert held.chain.leaf is None
    assert held.chain.missing == f"{top}/nowhere"
    held.close()


@pytest.mark.parametrize(("links", "fails"), [(40, False), (41, True)])
def test_as_many_links_as_the_kernel_follows(top: Path, links: int, fails: bool) -> None:
    (top / "l0").symlink_to("d/s")
    for number in range(1, links):
        (top / f"l{number}").symlink_to(f"l{number - 1}")
    path = f"{top}/l{links - 1}"
    if fails:
        with pytest.raises(OSError, match="Too many levels"):
            os.stat(path)
        with pytest.raises(AccessError, match="more than 40 symbolic links"):
            pin(path)
    else:
        os.stat(path)
        pin(path).close()


def test_a_link_to_itself(top: Path) -> None:
    (top / "loop").symlink_to("loop")
    with pytest.raises(AccessError, match="more than 40"):
        pin(f"{top}/loop")


def test_missing(top: Path) -> None:
    held = pin(f"{top}/d/none/deeper")
    assert held.chain.missing == f"{top}/d/none"
    assert held.chain.leaf is None
    assert held.chain.components[-1].path == f"{top}/d"
    held.close()


def test_blocked(top: Path) -> None:
    (top / "file").write_text("")
    for path in (f"{top}/file/s", f"{top}/d/s/s"):
        held = pin(path)
        assert held.chain.blocked == os.path.dirname(path)
        assert held.chain.leaf is None
        held.close()


@pytest.mark.parametrize("kind", ["file", "pipe"])
def test_what_is_no_socket_is_not_opened(top: Path, kind: str) -> None:
    path = top / "other"
    # To open a pipe for reading would wait for a writer for ever.
    path.write_text("") if kind == "file" else os.mkfifo(path)
    assert _pinned(str(path), top) == [("other", OTHER)]


def test_a_directory_at_the_end(top: Path) -> None:
    held = pin(f"{top}/d", {f"{top}/d"})
    leaf = held.chain.leaf
    assert leaf is not None
    assert leaf.kind == DIRECTORY
    held.close()


def test_a_name_that_is_too_long(top: Path) -> None:
    with pytest.raises(OSError, match="File name too long"):
        pin(f"{top}/{'n' * 256}")
