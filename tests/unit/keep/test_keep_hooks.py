# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The drop-in of the unit that makes a socket, byte by byte, with a hook and without one."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.keep.hooks import (
    Hooks,
    hooks,
    without_hook,
)
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
UNIT = "[Unit]\nWants=socket-access-app.path\n\n"
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
        f"{FIRST}{UNIT}{RUN}ExecStartPost=-+{COMMAND} apply --hook --wait app\n{mounts * bool(grant)}"
    )
    assert drop_in("app.service", THEIRS, grant) == f"{FIRST}{UNIT}{RUN}{NONE}"


@pytest.mark.parametrize("grant", [{}, MOUNTED], ids=["", "mounted"])
def test_the_unit_of_a_socket(grant: dict[str, str]) -> None:
    mounts = f"ExecStopPre=-+{COMMAND} unmount app\n"
    assert drop_in("app.socket", None, grant) == (
        f"{FIRST}{UNIT}{BORN}ExecStartPost=-+{COMMAND} apply --hook app\n{mounts * bool(grant)}"
    )
    assert drop_in("app.socket", THEIRS, grant) == f"{FIRST}{UNIT}{BORN}{NONE}"


def made(unit: str | None, **creator: Any) -> Hooks:
    keys = {} if unit is None else {"unit": unit}
    grants = [
        {"user": "alice", "open_parents": ["/run/app", "/run/app"]},
        {"user": "bob", "open_parents": ["/run/app", "/run"]},
    ]
    (socket,) = validate({"app": {"path": "/run/app/s", "allow": grants, **keys}}).sockets
    one = None if unit is None else Creator(unit, **creator)
    task = Task(socket, "socket app")
    return hooks(task, one, AccessRequest(group_obj=6), None, People(), "/home/bob")


def test_what_is_watched() -> None:
    """The directories as well that a grant opens, each once."""
    (path,) = (one for one in made(None).files if one.path.endswith(".path"))
    lines = path.content.splitlines()
    assert [line for line in lines if line.startswith("PathChanged=")] == [
        "PathChanged=/run/app/s",
        "PathChanged=/run/app",
        "PathChanged=/run",
    ]
    assert path.restarts == "socket-access-app.path"


def test_what_a_login_mounts_over_is_watched_anew() -> None:
    (socket,) = validate({"app": {"path": "/run/user/7/a/s", "allow": [{"user": "alice"}]}}).sockets
    kept = hooks(Task(socket, "socket app"), None, AccessRequest(), None, People(), None)
    path = "/etc/systemd/system/user-runtime-dir@7.service.d/50-socket-access-app.conf"
    (file,) = (one for one in kept.files if one.path == path)
    assert file.content == (
        f"{FIRST}[Service]\nExecStartPost=-systemctl try-restart socket-access-app.path\n"
    )
    assert file.unit_file
    assert not [one.path for one in made(None).files if "user-runtime-dir" in one.path]


BIRTH = " makes the socket with this owner, group and mode, and"
AFTER = " applies the policy after each start."


@pytest.mark.parametrize(
    ("unit", "creator", "said"),
    [
        (None, {}, "The unit that makes the socket is not known, so nothing waits for the policy"),
        ("app.socket", {}, f"app.socket{BIRTH}{AFTER}"),
        ("app.socket", {"sockets": 2}, f"app.socket{AFTER}"),
        ("app.socket", {"user": "bob"}, f"app.socket of user bob{BIRTH}{AFTER}"),
        ("app.service", {}, "app.service is started only when the policy is applied to the socket"),
        ("app.service", {"no_hook": THEIRS}, "app.service gets no hook, for others than root"),
    ],
)
def test_what_keeps_it_in_words(unit: str | None, creator: dict[str, Any], said: str) -> None:
    first, second = made(unit, **creator).said
    assert (
        first
        == "socket-access-app.path applies the policy again when the socket is made anew or changed."
    )
    assert second.startswith(said)


def test_who_gets_no_hook_is_told_why_and_the_way_out() -> None:
    (socket,) = validate({"app": {"path": "/run/app/s", "allow": [{"user": "alice"}]}}).sockets
    task = Task(socket, "socket app")
    assert without_hook(task, None) == without_hook(task, Creator("app.service")) == []
    (told,) = without_hook(task, Creator("app.service", no_hook=THEIRS))
    assert (
        "app.service, which makes the socket /run/app/s, reads /srv/env, so it gets no hook" in told
    )
    assert told.endswith("Let it be root's.")
