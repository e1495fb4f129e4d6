# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The drop-in of the unit that makes a socket, byte by byte, with a hook and without one."""

from __future__ import annotations

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.keep.hooks import hooks
from ansible_collections.unixsocket.access.plugins.module_utils._engine.keep.parts import (
    Creator,
    NoHook,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import (
    AccessRequest,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import validate
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import Task
from unit.reach.chains import APP, People

FIRST = "# Managed by the Ansible collection unixsocket.access; do not edit.\n"
NONE = "# No hook: others than root could decide what is run in it.\n"
THEIRS = NoHook("reads /srv/env", "Let it be root's.")
COMMAND = "/usr/local/sbin/socket-access"
MOUNTED = {"method": "bind_mount", "at": "/srv/app.sock"}
BORN = "[Socket]\n# group app\nSocketGroup=10\nSocketMode=0660\n"
RUN = "[Service]\nGroup=app\nUMask=0117\n"


def drop_in(unit: str, no_hook: NoHook | None, grant: dict[str, str]) -> str:
    """Return the file; a service is born with its group, a .socket unit anyway."""
    born = {"born": True} if unit.endswith(".service") else {}
    declared = {
        "app": {"path": "/run/app/s", "unit": unit, "allow": [{"user": "alice", **grant}], **born}
    }
    (socket,) = validate(declared).sockets
    creator = Creator(unit, no_hook=no_hook)
    request = AccessRequest(gid=APP, user_obj=6, group_obj=6, other=0)
    made = hooks(Task(socket, "socket app"), creator, request, None, People(), None)
    path = f"/etc/systemd/system/{unit}.d/50-socket-access-app.conf"
    (content,) = (one.content for one in made.files if one.path == path)
    return content


@pytest.mark.parametrize("grant", [{}, MOUNTED], ids=["", "mounted"])
def test_the_unit_of_a_service(grant: dict[str, str]) -> None:
    mounts = f"ExecStop=-+{COMMAND} unmount app\nExecStopPost=-+{COMMAND} unmount app\n"
    assert drop_in("app.service", None, grant) == (
        f"{FIRST}{RUN}ExecStartPost=-+{COMMAND} apply --hook --wait app\n{mounts * bool(grant)}"
    )
    assert drop_in("app.service", THEIRS, grant) == f"{FIRST}{RUN}{NONE}"


@pytest.mark.parametrize("grant", [{}, MOUNTED], ids=["", "mounted"])
def test_the_unit_of_a_socket(grant: dict[str, str]) -> None:
    mounts = f"ExecStopPre=-+{COMMAND} unmount app\n"
    assert drop_in("app.socket", None, grant) == (
        f"{FIRST}{BORN}ExecStartPost=-+{COMMAND} apply --hook app\n{mounts * bool(grant)}"
    )
    assert drop_in("app.socket", THEIRS, grant) == f"{FIRST}{BORN}{NONE}"
