# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finding the host's socat."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.socat import (
    Socat,
    look,
)


def _program(tmp_path: Path, version: str, addresses: str) -> str:
    path = tmp_path / "socat"
    path.write_text(
        f'#!/bin/sh\ncase $1 in -V) echo "{version}" ;; -h) echo "{addresses}" ;; esac\n'
    )
    path.chmod(0o755)
    return str(path)


def test_none_is_none(tmp_path: Path) -> None:
    assert look(str(tmp_path / "socat")) is None


def test_an_old_one_does_not_accept_by_itself(tmp_path: Path) -> None:
    said = "socat by Gerhard Rieger\nsocat version 1.7.4.4 on 06 Nov 2022 08:15:51"
    listed = "   UNIX-CONNECT:<filename>\n      accept-timeout=<timeout>"
    assert look(_program(tmp_path, said, listed)) == Socat("1.7.4.4", False)


def test_a_new_one_does(tmp_path: Path) -> None:
    said = "socat by Gerhard Rieger\nsocat version 1.8.0.3 on 03 Sep 2026 20:58:48"
    listed = "   UNIX-CONNECT:<filename>\n      ACCEPT-FD:<fdnum>\tgroups=FD"
    assert look(_program(tmp_path, said, listed)) == Socat("1.8.0.3", True)


def test_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="install the package socat"):
        look(_program(tmp_path, "hello", ""))
