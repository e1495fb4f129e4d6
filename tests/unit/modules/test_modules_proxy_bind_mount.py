# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The doors of the methods with another path: who is granted, and problems named by option."""

from __future__ import annotations

import re
from typing import Any, Callable

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.endpoints import take_apart
from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.types import (
    Endpoint,
    Grant,
    Principal,
    SocketPolicy,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import Options

# The fixtures engine and run come with their names.
from unit.modules.test_modules_doors import (
    Engine,
    engine,
    run,
)

__all__ = ("engine", "run")

SOURCE = "/run/app/app.sock"
AT = "/run/app-client/app.sock"
BOTH = ("socket_proxy", "socket_bind_mount")
Run = Callable[..., "dict[str, Any]"]


def _user(name: str) -> Principal:
    return Principal("user", name)


def _group(name: str) -> Principal:
    return Principal("group", name)


def _who(engine: Engine) -> list[str]:
    return [str(grant.principal) for grant in engine.tasks[0].declared.allow]


def test_a_proxy(engine: Engine, run: Run) -> None:
    answer = run(
        "socket_proxy",
        source=SOURCE,
        path=AT,
        name="clients",
        type="stream",
        owner="relay",
        group="web",
        mode="0660",
        users=["nginx", "bob", "nginx"],
        groups=["staff"],
        engine="systemd-socket-proxyd",
        run_as="app",
        max_connections=99,
        lose_identity=True,
        client_unit="client.service",
        client_environment={"APP": AT, "A": "b c"},
        trust_directories=["/run/app"],
    )
    (task,) = engine.tasks
    endpoint = Endpoint(
        AT,
        engine="systemd-socket-proxyd",
        owner="relay",
        group="web",
        mode=0o660,
        run_as="app",
        lose_identity=True,
        max_connections=99,
        client_unit="client.service",
        client_environment=(("A", "b c"), ("APP", AT)),
    )
    who = [_user("nginx"), _user("bob"), _group("staff"), _user("relay"), _group("web")]
    assert task.declared == SocketPolicy(
        "clients",
        SOURCE,
        type="stream",
        allow=tuple(Grant(one, "proxy", endpoint=endpoint) for one in who),
        trust_directories=("/run/app",),
    )
    assert task.holder == f"socket_proxy {AT}"
    assert answer["socket"] == {"path": "/run/app/app.sock", "grants": []}


def test_a_proxy_leaves_the_socket_alone(engine: Engine, run: Run) -> None:
    """Owner, group and mode are those of the endpoint, and nothing is done at the socket."""
    run("socket_proxy", source=SOURCE, path=AT, owner="relay", group="web", mode="0660")
    parts = take_apart(engine.tasks[0])
    assert parts.untouched
    ((place, task),) = parts.served
    assert (task.declared.path, task.declared.owner, task.declared.group, task.declared.mode) == (
        AT,
        "relay",
        "web",
        0o660,
    )
    assert place.name.startswith("app.sock.app.sock-")


@pytest.mark.parametrize(
    ("options", "who"),
    [
        ({"users": ["nginx"]}, ["user nginx"]),
        ({"groups": ["web"]}, ["group web"]),
        ({"owner": "relay"}, ["user relay"]),
        ({"owner": "relay", "users": ["relay"]}, ["user relay"]),
        ({"group": "web", "owner": "root"}, ["group web"]),
        ({"group": "web", "owner": "relay", "mode": "0600"}, ["user relay"]),
        ({"group": "web", "owner": "relay", "mode": "0460"}, ["group web"]),
        ({"group": "web", "groups": ["web", "ops"]}, ["group web", "group ops"]),
    ],
    ids=str,
)
def test_who_gets_in_by_a_proxy(
    engine: Engine, run: Run, options: dict[str, Any], who: list[str]
) -> None:
    run("socket_proxy", source=SOURCE, path=AT, **options)
    assert _who(engine) == who


@pytest.mark.parametrize(
    "options",
    [{}, {"owner": "root"}, {"group": "0"}, {"mode": "0666"}, {"group": "web", "mode": "0600"}],
    ids=str,
)
def test_a_proxy_for_nobody(engine: Engine, run: Run, options: dict[str, Any]) -> None:
    answer = run("socket_proxy", source=SOURCE, path=AT, **options)
    assert answer["msg"].startswith(f"Nobody is named who may connect at {AT}; ")
    assert engine.tasks == []


@pytest.mark.parametrize(
    ("source", "name"),
    [("/run/.s.PGSQL.5432", "s.PGSQL.5432"), ("/run/a b@c", "a_b_c"), ("/run/ü", "socket")],
)
def test_the_name_of_a_proxy_by_default(engine: Engine, run: Run, source: str, name: str) -> None:
    run("socket_proxy", source=source, path=AT, users=["nginx"])
    assert engine.tasks[0].declared.name == name


def test_two_endpoints_of_one_socket_have_units_of_their_own(engine: Engine, run: Run) -> None:
    names = set()
    for path in (AT, "/run/other/app.sock", AT):
        run("socket_proxy", source=SOURCE, path=path, users=["nginx"])
        names.add(take_apart(engine.tasks[0]).served[0][0].name)
    assert len(names) == 2


def test_a_bind_mount(engine: Engine, run: Run) -> None:
    run(
        "socket_bind_mount",
        source=SOURCE,
        path=AT,
        type="dgram",
        users=["nginx"],
        groups=["staff"],
        unit="app.service",
        unit_user="quantum",
        mount_as="quantum",
        trust_mounter=True,
        directory_owner="root",
        directory_group="web",
        directory_mode="0710",
        client_unit="client.service",
        client_environment={"APP": AT},
        trust_directories=["/run/app"],
    )
    (task,) = engine.tasks
    endpoint = Endpoint(
        AT,
        mount_as="quantum",
        trust_mounter=True,
        directory_owner="root",
        directory_group="web",
        directory_mode=0o710,
        client_unit="client.service",
        client_environment=(("APP", AT),),
    )
    assert task.declared == SocketPolicy(
        task.declared.name,
        SOURCE,
        type="dgram",
        unit="app.service",
        unit_user="quantum",
        allow=tuple(
            Grant(one, "bind_mount", endpoint=endpoint) for one in (_user("nginx"), _group("staff"))
        ),
        trust_directories=("/run/app",),
    )
    assert re.fullmatch(r"socket_bind_mount-app\.sock-[0-9a-f]{8}", task.declared.name)
    assert (task.holder, task.exclusive, task.leave_inode) == (
        f"socket_bind_mount {AT}",
        False,
        False,
    )


@pytest.mark.parametrize(
    ("options", "who"),
    [
        ({"directory_group": "audio"}, ["group audio"]),
        ({"directory_group": "audio", "directory_mode": "0750"}, ["group audio"]),
        ({"directory_group": "audio", "directory_mode": "0701"}, ["user root"]),
        ({"directory_mode": "0755"}, ["user root"]),
    ],
    ids=str,
)
def test_a_bind_mount_where_the_directory_decides(
    engine: Engine, run: Run, options: dict[str, Any], who: list[str]
) -> None:
    """The permissions of the inode stay as they are, and who finds it proves that."""
    run("socket_bind_mount", source=SOURCE, path=AT, **options)
    assert engine.tasks[0].leave_inode
    assert take_apart(engine.tasks[0]).untouched
    assert _who(engine) == who


@pytest.mark.parametrize(
    "options", [{}, {"directory_owner": "root"}, {"directory_group": "root"}], ids=str
)
def test_a_bind_mount_for_nobody(engine: Engine, run: Run, options: dict[str, Any]) -> None:
    answer = run("socket_bind_mount", source=SOURCE, path=AT, **options)
    assert answer["msg"].startswith(f"Nobody is named who may connect at {AT}; ")
    assert engine.tasks == []


@pytest.mark.parametrize("name", BOTH)
def test_who_is_named_plays_no_part_when_it_is_undone(engine: Engine, run: Run, name: str) -> None:
    answer = run(name, check=True, source=SOURCE, path=AT, state="absent", prove=False, timeout=2)
    assert engine.options == Options(check=True, prove=False, absent=True, proof_seconds=2)
    assert engine.tasks[0].holder == f"{name} {AT}"
    assert "socket" not in answer


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("socket_proxy", {"source": "app.sock"}, f"Option source of {AT}: 'app.sock' is not"),
        ("socket_proxy", {"path": "app.sock"}, "Option path of app.sock: 'app.sock' is not"),
        ("socket_proxy", {"path": SOURCE}, f"Option path of {SOURCE}: {SOURCE} is the socket"),
        ("socket_proxy", {"users": ["a", "b/c"]}, f"Option users[1] of {AT}: The user name 'b/c'"),
        ("socket_proxy", {"groups": ["b/c"]}, f"Option groups[0] of {AT}: The group name 'b/c'"),
        ("socket_proxy", {"owner": "b/c"}, f"Option owner of {AT}: The user name 'b/c'"),
        ("socket_proxy", {"group": "b/c"}, f"Option group of {AT}: The group name 'b/c'"),
        ("socket_proxy", {"mode": "0999"}, f"Option mode of {AT}: '0999' is not a mode"),
        ("socket_proxy", {"mode": 0o660}, "The mode is the number 432; put it in quotes"),
        ("socket_proxy", {"mode": 0o660, "group": "web"}, "The mode is the number 432"),
        ("socket_proxy", {"run_as": "root"}, f"Option run_as of {AT}: What passes"),
        ("socket_proxy", {"max_connections": 0}, f"Option max_connections of {AT}: "),
        (
            "socket_proxy",
            {"type": "seqpacket", "engine": "systemd-socket-proxyd"},
            f"Option engine of {AT}: systemd-socket-proxyd passes on streams only",
        ),
        ("socket_proxy", {"client_unit": "a.service"}, f"Option client_unit of {AT}: "),
        ("socket_proxy", {"name": "a b"}, f"{AT}: The socket name 'a b' cannot be"),
        ("socket_proxy", {"trust_directories": ["/srv"]}, f"Option trust_directories[0] of {AT}"),
        ("socket_proxy", {"type": "dgram"}, "value of type must be one of: stream, seqpacket"),
        ("socket_bind_mount", {"mount_as": "quantum"}, f"Option mount_as of {AT}: mount_as names"),
        ("socket_bind_mount", {"trust_mounter": True}, f"Option trust_mounter of {AT}: "),
        ("socket_bind_mount", {"directory_mode": "rwx"}, f"Option directory_mode of {AT}: "),
        ("socket_bind_mount", {"directory_mode": 0o750}, "The mode is the number 488"),
        ("socket_bind_mount", {"unit": "app"}, f"Option unit of {AT}: 'app' is not the full name"),
        ("socket_bind_mount", {"unit_user": "quantum"}, f"Option unit_user of {AT}: "),
    ],
)
def test_what_is_wrong_is_said_once_and_by_its_option(
    engine: Engine, run: Run, name: str, options: dict[str, Any], said: str
) -> None:
    answer = run(name, **{"source": SOURCE, "path": AT, "users": ["nginx", "bob"], **options})
    assert answer["failed"]
    assert said in answer["msg"]
    assert "\n" not in answer["msg"]
    assert "allow" not in answer["msg"]
    assert engine.tasks == []


@pytest.mark.parametrize("name", BOTH)
def test_what_the_engine_refuses_is_shown_as_it_is(engine: Engine, run: Run, name: str) -> None:
    engine.raises = AccessError("This was refused.")
    assert run(name, source=SOURCE, path=AT, users=["nginx"])["msg"] == "This was refused."
