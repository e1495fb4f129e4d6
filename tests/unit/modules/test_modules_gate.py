# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The door of gates: options in, one task for the engine out."""

from __future__ import annotations

import functools
import re
from typing import Any, Callable

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.types import (
    Endpoint,
    Grant,
    Principal,
    Serve,
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

PATH = "/run/update.sock"
BACK = "/run/redis/redis.sock"
COMMAND = ["/usr/local/bin/update", "--now"]


Run = Callable[..., "dict[str, Any]"]


@pytest.fixture
def gate(run: Run) -> Run:
    return functools.partial(run, "socket_gate")


def test_forward(engine: Engine, gate: Run) -> None:
    answer = gate(
        path=PATH,
        forward=BACK,
        type="seqpacket",
        allow_users=["anna", "bob", "anna"],
        allow_groups=["web"],
        owner="carl",
        group="ops",
        mode="0620",
        run_as="relay",
        lose_identity=True,
        max_connections=10,
        max_connections_per_user=5,
        max_message=1000,
        trust_directories=["/run/redis"],
        client_unit="client.service",
        client_environment={"SOCKET": PATH},
    )
    (task,) = engine.tasks
    endpoint = Endpoint(
        PATH,
        owner="carl",
        group="ops",
        mode=0o620,
        run_as="relay",
        lose_identity=True,
        max_connections=10,
        max_connections_per_user=5,
        max_message=1000,
        client_unit="client.service",
        client_environment=(("SOCKET", PATH),),
    )
    who = (Principal("user", "anna"), Principal("user", "bob"), Principal("group", "web"))
    assert task.declared == SocketPolicy(
        "redis.sock",
        BACK,
        type="seqpacket",
        allow=tuple(Grant(one, "gate", endpoint=endpoint) for one in who),
        trust_directories=("/run/redis",),
    )
    assert task.holder == f"socket_gate {PATH}"
    assert answer["changes"] == ["Changed."]
    assert answer["socket"] == {"path": BACK, "grants": []}


def test_command(engine: Engine, gate: Run) -> None:
    gate(
        path=PATH,
        command=COMMAND,
        user="configowner",
        type="seqpacket",
        allow_users=["www-data"],
        allow_groups=["web"],
        owner="configowner",
        group="ops",
        mode="0660",
        time_limit=10,
        request_seconds=2.5,
        at_once=3,
        at_once_per_user=2,
        max_connections=10,
        max_connections_per_user=5,
        max_message=4096,
        trust_directories=["/run"],
        name="update",
    )
    (task,) = engine.tasks
    assert task.declared == SocketPolicy(
        "update",
        PATH,
        type="seqpacket",
        owner="configowner",
        group="ops",
        mode=0o660,
        allow=(Grant(Principal("user", "www-data")), Grant(Principal("group", "web"))),
        trust_directories=("/run",),
        serve=Serve(tuple(COMMAND), "configowner", 10.0, 2.5, 3, 2, 10, 5, 4096),
    )
    assert task.holder == f"socket_gate {PATH}"


def test_the_least_that_must_be_said(engine: Engine, gate: Run) -> None:
    gate(path=PATH, command=["/bin/true"], user="u", allow_users=["a"])
    (task,) = engine.tasks
    assert task.declared.serve == Serve(("/bin/true",), "u")
    assert re.fullmatch(r"update\.sock-[0-9a-f]{8}", task.declared.name)
    assert engine.options == Options(check=False, prove=True, absent=False, proof_seconds=5.0)
    gate(path=PATH, forward=BACK, allow_groups=["g"])
    (task,) = engine.tasks
    grant = Grant(Principal("group", "g"), "gate", endpoint=Endpoint(PATH))
    assert task.declared == SocketPolicy("redis.sock", BACK, allow=(grant,))


def test_two_commands_with_sockets_of_one_name_have_units_of_their_own(
    engine: Engine, gate: Run
) -> None:
    names = []
    for path in ("/run/a/x.sock", "/run/b/x.sock", "/run/a/x.sock", "/run/.é"):
        gate(path=path, command=["/bin/true"], user="u", allow_users=["a"])
        names.append(engine.tasks[0].declared.name)
    assert len(set(names)) == 3
    assert names[0] == names[2]
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", one) for one in names)


@pytest.mark.parametrize("more", [{}, {"forward": BACK}, {"command": COMMAND, "user": "u"}])
def test_a_gate_goes_away_by_its_path(engine: Engine, gate: Run, more: dict[str, Any]) -> None:
    answer = gate(path=PATH, state="absent", check=True, timeout=1.5, prove=False, **more)
    assert engine.tasks[0].holder == f"socket_gate {PATH}"
    assert engine.options == Options(check=True, prove=False, absent=True, proof_seconds=1.5)
    assert "socket" not in answer


FORWARD = {"path": PATH, "forward": BACK, "allow_users": ["a"]}
SERVE = {"path": PATH, "command": COMMAND, "user": "u", "allow_users": ["a"]}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"path": PATH, "allow_users": ["a"]}, "set forward to the path of a daemon's socket"),
        ({"path": PATH, "forward": BACK}, "Nobody is named who may come in"),
        ({**SERVE, "forward": BACK}, "mutually exclusive"),
        ({"path": PATH, "command": COMMAND, "allow_users": ["a"]}, "required together"),
        ({**FORWARD, "user": "u"}, "required together"),
        ({**FORWARD, "time_limit": 5}, "Option time_limit of /run/update.sock: it does nothing"),
        ({**FORWARD, "at_once": 5}, "Option at_once of"),
        ({**SERVE, "run_as": "u"}, "Option run_as of"),
        ({**SERVE, "lose_identity": True}, "Option lose_identity of"),
        ({**SERVE, "client_unit": "x.service"}, "Option client_unit of"),
        ({**SERVE, "path": "run/x"}, "Option path of run/x"),
        ({**SERVE, "mode": "0999"}, f"Option mode of {PATH}: "),
        ({**SERVE, "command": ["update"]}, f"Option command of {PATH}: The command does not"),
        ({**SERVE, "max_message": 0}, f"Option max_message of {PATH}: "),
        ({**SERVE, "time_limit": 0}, f"Option time_limit of {PATH}: "),
        ({**SERVE, "user": ""}, f"Option user of {PATH}: "),
        ({**SERVE, "allow_users": ["a", ""]}, f"Option allow_users[1] of {PATH}: "),
        ({**FORWARD, "forward": "/" + "x" * 107}, "Option forward of "),
        ({**FORWARD, "forward": PATH}, f"Option path of {PATH}: "),
        ({**FORWARD, "max_message": 0}, f"Option max_message of {PATH}: "),
        ({**FORWARD, "mode": "x"}, f"Option mode of {PATH}: "),
        ({**FORWARD, "mode": 0o660}, "The mode is the number 432; put it in quotes"),
        ({**FORWARD, "run_as": "root"}, f"Option run_as of {PATH}: "),
        ({**FORWARD, "client_unit": "x.service"}, f"Option client_unit of {PATH}: "),
        ({**FORWARD, "type": "dgram"}, "one of"),
        ({**FORWARD, "timeout": 0}, "Option timeout: "),
    ],
)
def test_bad_options_never_reach_the_engine(
    engine: Engine, gate: Run, options: dict[str, Any], said: str
) -> None:
    answer = gate(**options)
    assert answer["failed"]
    assert said in answer["msg"]
    assert "Traceback" not in answer["msg"]
    assert engine.tasks == []


def test_what_the_engine_refuses_is_shown_as_it_is(engine: Engine, gate: Run) -> None:
    engine.raises = AccessError("This was refused.")
    answer = gate(**SERVE)
    assert answer["failed"]
    assert answer["msg"] == "This was refused."
