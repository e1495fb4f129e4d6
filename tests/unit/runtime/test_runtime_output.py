# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the command shows what it says: colours, and nothing that talks to a terminal."""

from __future__ import annotations

import sys

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.runtime.output import Output


@pytest.mark.parametrize(
    ("terminal", "environment", "coloured"),
    [
        (True, {"TERM": "xterm"}, True),
        (True, {"TERM": "xterm", "NO_COLOR": ""}, True),
        (True, {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (True, {}, False),
        (False, {"TERM": "xterm"}, False),
    ],
)
def test_colours(
    terminal: bool,
    environment: dict[str, str],
    coloured: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("TERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    Output().say("No.", "bad")
    Output().say("Plain.")
    shown = "\x1b[31;1mNo.\x1b[0m" if coloured else "No."
    assert capsys.readouterr().out == f"{shown}\nPlain.\n"


def test_several_sentences_about_one_socket_are_a_line_each(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Output().problem("app", "One.\nAnother.")
    assert capsys.readouterr().err == "app: One.\napp: Another.\n"


def test_names_cannot_talk_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Output().say("/run/\x1b[2Jé\udcff\x07\u202e\nb")
    Output().problem("a\x1b]0;x", "c\x9b1m")
    shown = capsys.readouterr()
    assert shown.out == "/run/\\x1b[2Jé\\udcff\\x07\\u202e\\nb\n"
    assert shown.err == "a\\x1b]0;x: c\\x9b1m\n"
