# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whoever gives a name on a host says nothing by it to the terminal of the controller.

Ansible prints messages, warnings and diffs as they are, and in what it prints as JSON only the
first 32 characters are escaped.
"""

from __future__ import annotations

import socket
from typing import Any

import pytest

pytest.importorskip("ansible.cli", reason="this is about the controller")

from ansible_collections.unixsocket.access.plugins.module_utils import _door
from ansible_collections.unixsocket.access.plugins.module_utils._engine.report import Result
from unit.report.test_report_role import Controller, controller

__all__ = ["controller"]

# The title of a window, a colour by a single character, text from right to left, a line's begin.
EVIL = "a\x1b]0;b\x07c\x9b31md\u202ee\rf\ng\x7fh\u2066i"
SHOWN = "a\\x1b]0;b\\x07c\\x9b31md\\u202ee\\rf\\ng\\x7fh\\u2066i"


class Module:
    def __init__(self) -> None:
        self.answer: Any = None
        self.warned: list[str] = []

    def warn(self, text: str) -> None:
        self.warned.append(text)

    def exit_json(self, **answer: Any) -> None:
        self.answer = answer

    fail_json = exit_json


def test_what_a_run_says_is_shown() -> None:
    module = Module()
    diff = {"before": f"{EVIL}\n\tb\n", "after": "", "before_header": EVIL}
    result = Result(True, [EVIL], diff, {}, [EVIL])
    with pytest.raises(SystemExit):
        _door.finish(module, result, {"socket": {"path": EVIL, EVIL: [EVIL]}})
    many = SHOWN.replace("\\n", "\n")
    assert module.warned == [SHOWN]
    assert module.answer == {
        "changed": True,
        "changes": [SHOWN],
        "diff": {"before": f"{many}\n\tb\n", "after": "", "before_header": SHOWN},
        "socket": {"path": SHOWN, SHOWN: [SHOWN]},
    }


def test_a_failure_has_lines_and_nothing_else_that_a_terminal_takes() -> None:
    module = Module()
    with pytest.raises(SystemExit):
        _door.fail(
            module, f"One.\n{EVIL}\udcff", connections=[{"reply": "a\r\n\tb\x1b\0", "seconds": 1}]
        )
    assert module.answer == {
        "msg": "One.\n" + SHOWN.replace("\\n", "\n") + "\\xff",
        "connections": [{"reply": "a\r\n\tb\\x1b\\x00", "seconds": 1}],
    }


@pytest.mark.parametrize("text", ["äöü 🔌", "a\u00a0b", "a\u200db", "\\x1b", "", "{{ a }}"])
def test_other_names_are_left_as_they_are(text: str) -> None:
    module = Module()
    with pytest.raises(SystemExit):
        _door.end(module, {"path": text})
    assert module.answer == {"path": text}


def test_names_on_a_host_cannot_talk_to_the_terminal(controller: Controller) -> None:
    path = f"{controller.directory}/{EVIL}"
    tasks = [
        {"unixsocket.access.socket_info": {}, "register": "seen"},
        {"ansible.builtin.debug": {"var": "seen"}},
        {
            "ansible.builtin.assert": {
                "that": "mine == []",
                "fail_msg": "There is {{ mine | map(attribute='path') | join }}.",
            },
            "vars": {
                "mine": "{{ seen.sockets | selectattr('path', 'match', here) }}",
                "here": f"{controller.directory}/",
            },
        },
    ]
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path)
        one.listen()
        status, said = controller.play({"here": {}}, tasks, "-v")
    assert status == 2, said
    assert SHOWN.replace("\\", "\\\\") in said
    assert {one for one in said if not one.isprintable()} <= {"\n"}
