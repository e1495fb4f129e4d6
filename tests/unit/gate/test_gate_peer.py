# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a gate asks the kernel about its listener and its callers, and what it makes of no answer."""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate import (
    RulesFile,
    peer,
    serve,
)


def _listening(family: int, kind: int) -> socket.socket:
    sock = socket.socket(family, kind)
    sock.bind(("127.0.0.1", 0) if family == socket.AF_INET else "")
    sock.listen()
    return sock


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: _listening(socket.AF_INET, socket.SOCK_STREAM), "not a Unix socket"),
        (lambda: _listening(socket.AF_UNIX, socket.SOCK_SEQPACKET), "must have ListenStream="),
        (lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), "not of the declared type"),
        (lambda: socket.socket(socket.AF_UNIX), "needs Accept=no"),
    ],
)
def test_only_a_listener_of_the_declared_type_has_peers_with_ids(
    make: Callable[[], socket.socket], said: str
) -> None:
    with make() as sock, pytest.raises(AccessError, match=said):
        peer.check_listener(sock, "stream")


def test_a_listener_of_the_declared_type_is_fine() -> None:
    for kind, number in (("stream", socket.SOCK_STREAM), ("seqpacket", socket.SOCK_SEQPACKET)):
        with _listening(socket.AF_UNIX, number) as sock:
            peer.check_listener(sock, kind)


def test_what_is_no_socket_at_all_is_told_in_a_sentence(tmp_path: Path) -> None:
    """ListenFIFO= of a .socket unit, for example."""
    rules = {"name": "n", "path": "/run/n", "type": "stream", "forward": "/run/b"}
    (tmp_path / "n.json").write_text(json.dumps(rules))
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(AccessError, match="no socket"):
            serve(RulesFile(str(tmp_path / "n.json")), fd)
    finally:
        os.close(fd)


def test_many_groups_that_the_kernel_does_not_tell_are_not_taken_for_root_s() -> None:
    class Gone(socket.socket):
        """More groups than fit at first, and gone when all of them are asked for."""

        def getsockopt(self, *dummy: object) -> bytes:
            raise OSError(errno.ERANGE, "no room")

    gone = Gone(socket.AF_UNIX)
    gone.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        peer.supplementary_groups(gone)


def test_ids_of_those_who_are_not_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a unit hides them from the gate, they are what the kernel begins with."""
    (tmp_path / "uid").write_text("70000\n")
    (tmp_path / "damaged").write_text("?\n")
    for gid, ids in (("uid", {70000}), ("none", {70000, 65534}), ("damaged", {70000, 65534})):
        monkeypatch.setattr(peer, "_OVERFLOW", (f"{tmp_path}/uid", f"{tmp_path}/{gid}"))
        assert peer.overflow_ids() == ids
