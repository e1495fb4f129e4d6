# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A census in words, and the command that prints it."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.census import (
    finding_in_words,
    in_words,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.census.values import (
    Finding,
    Place,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.words import Numbers
from ansible_collections.unixsocket.access.plugins.module_utils._engine.runtime import command
from unit.census.paper import seen


def test_one_socket() -> None:
    assert list(in_words(seen(mounted_at=("/srv/s",)), Numbers())) == [
        "/run/app.sock: stream; owner 1000, group 1000, mode 0666.",
        "It is also mounted at /srv/s.",
        "It belongs to the unit app.service.",
        "It is held by /usr/bin/app (pid 12, user app, app.service).",
        "Connected right now: web (pid 34, user www-data, x.service of user alice) 2 times.",
        "It is managed by app: as declared.",
    ]


def test_connections_of_which_nobody_knows_the_other_end() -> None:
    said = list(in_words(seen(connected=(), connections=1), Numbers()))
    assert "It has connections to processes that cannot be seen: 1." in said
    said = list(in_words(seen(place=Place(None, "It was removed.")), Numbers()))
    assert said[1] == "It was removed."
    said = list(in_words(seen(connected=(), connections=0), Numbers()))
    assert "Nobody is connected right now." in said
    said = list(in_words(seen(connected=(), connections=0, listener=None), Numbers()))
    assert said[0].startswith("/run/app.sock: nobody listens there; owner")
    assert not any("onnect" in one for one in said)


def test_a_finding() -> None:
    found = Finding("x", "high", "/s", "It is open.", "Close it.")
    assert finding_in_words(found) == "High: It is open. Close it."


def test_who(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = f"{tmp_path}/s"
    with socket.socket(socket.AF_UNIX) as one, socket.socket(socket.AF_UNIX) as client:
        one.bind(path)
        one.listen()
        client.connect(path)
        assert command.main(["who", path]) == 0
        said = capsys.readouterr().out
        assert f"{path}: stream; owner" in said
        assert "Connected right now:" in said
        assert command.main(["who", path, "--json"]) == 0
        answer = json.loads(capsys.readouterr().out)
        assert answer["format"] == 1
        assert answer["path"] == path
        (shown,) = answer["sockets"]
        assert shown["connections"] == 1
        assert answer["principals"]
    assert command.main(["who", path]) == 0
    assert f"Nobody listens at {path}" in capsys.readouterr().out


def test_who_at_an_abstract_name(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(b"\0unixsocket-access/words")
        one.listen()
        assert command.main(["who", "@unixsocket-access/words"]) == 0
        assert "Everyone can connect: An abstract name has no" in capsys.readouterr().out
    assert command.main(["who", "@unixsocket-access/words"]) == 1
    assert "Nobody listens on the abstract name" in capsys.readouterr().err
