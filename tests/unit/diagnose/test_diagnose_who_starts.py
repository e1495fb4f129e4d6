# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What starts the daemon of a socket: a declared unit, one that listens there, or a directory's."""

from __future__ import annotations

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.diagnose import (
    start_of,
    starting,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import commands

SHOWN = (
    "Id=other.service\nRuntimeDirectory=\n\n"
    "Id=near.service\nRuntimeDirectory=ap\n\n"
    "RuntimeDirectory=more app\nId=app.service\n"
)


@pytest.fixture(autouse=True)
def _host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "socket_units", lambda: [("web.socket", "/run/web.sock")])
    monkeypatch.setattr(commands, "run", lambda words, **how: SHOWN)
    monkeypatch.setattr(starting.Manager, "is_up", lambda manager: True)


@pytest.mark.parametrize(
    ("paths", "declared", "command"),
    [
        (["/run/a"], ("a.service", None), ("systemctl", "restart", "a.service")),
        (["/run/a"], ("-a.service", None), ("systemctl", "restart", "--", "-a.service")),
        (
            ["/run/user/1000/a"],
            ("a.socket", "anna"),
            ("systemctl", "--user", "-M", "anna@.host", "restart", "a.socket"),
        ),
        (["/run/link", "/run/web.sock"], (None, None), ("systemctl", "restart", "web.socket")),
        (["/run/link/s", "/run/app/s"], (None, None), ("systemctl", "restart", "app.service")),
        # A manager that is known of no unit is nobody's.
        (["/run/app/s"], (None, "anna"), ("systemctl", "restart", "app.service")),
        (["/run/apple/s", "/srv/app/s"], (None, None), None),
    ],
)
def test_what_starts_it(
    paths: list[str],
    declared: tuple[str | None, str | None],
    command: tuple[str, ...] | None,
) -> None:
    found = start_of(paths, *declared)
    assert (None if found is None else found.commands) == (None if command is None else (command,))
    if found is not None and command is not None:
        assert found.text == f"Start what makes it: {' '.join(command)}."
        assert (found.action, found.path) == ("start-unit", paths[0])


def test_where_systemd_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(words: tuple[str, ...], *, seconds: float, purpose: str) -> str:
        raise AccessError("It does not run.")

    monkeypatch.setattr(commands, "run", run)
    assert start_of(["/run/app/s"], None, None) is None
