# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which command starts what makes a socket, in whose manager, and what follows behind a mount."""

from __future__ import annotations

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.diagnose import (
    mounted,
    relation,
    start_of,
    starting,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.diagnose.declared import (
    Declared,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import (
    Principal,
    validate,
)

SOURCE, AT, UNIT = "/run/user/1000/pipewire-0", "/srv/qemu/pipewire-0", "pipewire.socket"
RESTART = ("systemctl", "--user", "-M", "anna@.host", "restart", UNIT)
LINGER = ("loginctl", "enable-linger", "anna")


@pytest.fixture(params=[True, False], ids=["up", "down"])
def up(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the user's manager runs."""
    monkeypatch.setattr(starting.Manager, "is_up", lambda manager: bool(request.param))
    return bool(request.param)


def test_in_whose_manager(up: bool) -> None:
    """What systemctl(1) starts in a session of its own ends with that session."""
    change = start_of([AT, SOURCE], UNIT, "anna")
    assert change is not None
    assert change.commands == ((RESTART,) if up else (LINGER, RESTART))
    assert change.text.endswith(f"{' '.join(RESTART)}.")
    assert (" ".join(LINGER) in change.text) is not up
    system = start_of([AT], "app.service", None)
    assert system is not None
    assert system.commands == (("systemctl", "restart", "app.service"),)


def test_what_is_declared_is_mounted_by_what_keeps_it(up: bool) -> None:
    """A mount by hand would be one too many."""
    grant = {"user": "bob", "method": "bind_mount", "at": AT, "mount_as": "root"}
    keys = {"path": SOURCE, "unit": UNIT, "unit_user": "anna", "allow": [grant]}
    (policy,) = validate({"pipewire": keys}).sockets
    known = relation([Declared("pipewire", policy)], [AT], Principal("user", "bob"), [])
    start = start_of([AT], UNIT, "anna")
    assert start is not None
    change = mounted._once_it_runs(AT, SOURCE, (("umount", AT),), start, known)
    apply = ("socket-access", "apply", "pipewire")
    assert change.commands == (*start.commands, apply)
    assert change.text == f"{start.text[:-1]}, and then have it mounted anew: {' '.join(apply)}."


def test_without_a_declaration_all_of_it_is_told(up: bool) -> None:
    start = start_of([AT], UNIT, "anna")
    change = mounted._once_it_runs(AT, SOURCE, (("umount", AT),), start, None)
    again = ("mount", "--bind", SOURCE, AT)
    assert start is not None
    assert change.commands == (("umount", AT), *start.commands, again)
    assert change.text.endswith("; ".join(" ".join(one) for one in change.commands) + ".")
    nameless = mounted._once_it_runs(AT, None, (("umount", AT),), start, None)
    assert nameless.text.endswith(f"{' '.join(RESTART)}, and mount its socket there again.")


def test_nobody_knows_what_makes_it() -> None:
    change = mounted._once_it_runs(AT, None, (("umount", AT),), None, None)
    assert change.text == (
        f"Unmount it (umount {AT}), start the daemon, and mount its socket there again."
    )
