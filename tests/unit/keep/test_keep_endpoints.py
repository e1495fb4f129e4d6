# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the host keeps for endpoints: mounts that follow the socket, clients that find it, rules."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.unixsocket.access.plugins.module_utils._engine.endpoints import (
    Place,
    take_apart,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate.rules import from_json
from ansible_collections.unixsocket.access.plugins.module_utils._engine.keep.client_environment import (
    client_file,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.keep.gate_rules import (
    forward_rules,
    serve_rules,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.keep.hooks import hooks
from ansible_collections.unixsocket.access.plugins.module_utils._engine.keep.parts import (
    Creator,
    KeptFile,
    start_at_boot,
    units_of,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import (
    AccessRequest,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.words import Numbers
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import (
    Endpoint,
    Grant,
    PolicyError,
    Principal,
    Serve,
    SocketPolicy,
    validate,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.keys import (
    ENDPOINT_KEYS,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.values import MOST
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import Task

COMMAND = "/usr/local/sbin/socket-access"
WWW = Principal("user", "www")
SYSTEM, USERS_OWN = "/etc/systemd/system", "/home/alice/.config/systemd/user"
# What a unit says once, in one line, without a name for it.
Lines = list[str]


def task(*ends: Endpoint) -> Task:
    grants = tuple(
        Grant(Principal("user", f"u{number}"), "bind_mount", endpoint=one)
        for number, one in enumerate(ends)
    )
    return Task(SocketPolicy("app", "/run/app/app.sock", allow=(Grant(WWW), *grants)), "socket app")


def files_of(task: Task, creator: Creator | None) -> dict[str, KeptFile]:
    """Return all files of the hooks, in a home of alice's."""
    found = hooks(task, creator, AccessRequest(), None, Numbers(), "/home/alice")
    return {file.path: file for file in found.files}


def sections(text: str) -> dict[str, Lines]:
    """Return the lines of each section, comments left out."""
    found: dict[str, Lines] = {}
    current: Lines = []
    for line in text.splitlines():
        if line.startswith("["):
            current = found.setdefault(line[1:-1], [])
        elif line and not line.startswith("#"):
            current.append(line)
    return found


def drop_in(creator: Creator, *ends: Endpoint) -> dict[str, Lines]:
    """Return the drop-in of the unit that makes the socket."""
    top = units_of(creator.user, "/home/alice")
    path = f"{top}/{creator.unit}.d/50-socket-access-app.conf"
    return sections(files_of(task(*ends), creator)[path].content)


def executed(said: Lines, key: str) -> Lines:
    return [line.partition("=")[2] for line in said if line.startswith(f"{key}=")]


BY_ROOT, BY_ALICE = Endpoint("/srv/a"), Endpoint("/srv/a", mount_as="alice")
SOCKET, SERVICE = Creator("app.socket"), Creator("app.service")
OWN_SOCKET, OWN_SERVICE = Creator("app.socket", "alice"), Creator("app.service", "alice")


def test_a_socket_of_the_systems_manager() -> None:
    """The policy mounts, after the birth; the unmount comes before systemd removes the socket."""
    found = drop_in(SOCKET, BY_ROOT)
    assert found.keys() == {"Unit", "Socket"}
    assert executed(found["Socket"], "ExecStartPost") == [f"-+{COMMAND} apply --hook app"]
    assert executed(found["Socket"], "ExecStopPre") == [f"-+{COMMAND} unmount app"]


def test_a_service_of_the_systems_manager() -> None:
    found = drop_in(SERVICE, BY_ROOT)
    assert found.keys() == {"Unit", "Service"}
    assert executed(found["Service"], "ExecStartPost") == [f"-+{COMMAND} apply --hook --wait app"]
    for key in ("ExecStop", "ExecStopPost"):
        assert executed(found["Service"], key) == [f"-+{COMMAND} unmount app"]


def test_a_socket_of_a_users_manager_where_the_user_mounts() -> None:
    found = drop_in(OWN_SOCKET, BY_ALICE)
    assert found.keys() == {"Socket"}
    assert executed(found["Socket"], "ExecStartPost") == [
        f"-{COMMAND} apply --hook app",
        '-/usr/bin/mount "/srv/a"',
    ]
    assert executed(found["Socket"], "ExecStopPre") == ['-/usr/bin/umount "/srv/a"']
    assert f"{USERS_OWN}/socket-access-mount-app.service" not in files_of(
        task(BY_ALICE), OWN_SOCKET
    )


def test_a_service_of_a_users_manager_where_the_user_mounts() -> None:
    """Its sandbox forbids mount(8) its rights, so a unit beside it mounts and goes with it."""
    found = drop_in(OWN_SERVICE, BY_ALICE)
    assert found["Unit"] == ["Wants=socket-access-mount-app.service"]
    assert [line.partition("=")[0] for line in found["Service"]] == ["ExecStartPost"]
    file = files_of(task(BY_ALICE), OWN_SERVICE)[f"{USERS_OWN}/socket-access-mount-app.service"]
    assert (file.user, file.unit_file) == ("alice", True)
    said = sections(file.content)
    assert said["Unit"][1:] == ["BindsTo=app.service", "After=app.service"]
    assert said["Service"] == [
        "Type=oneshot",
        "RemainAfterExit=yes",
        'ExecStart=-/usr/bin/mount "/srv/a"',
        'ExecStop=-/usr/bin/umount "/srv/a"',
    ]


@pytest.mark.parametrize("creator", [OWN_SOCKET, OWN_SERVICE])
def test_a_users_manager_where_root_mounts(creator: Creator) -> None:
    """Nothing of root's can run there; the unit that watches mounts."""
    for end in (BY_ROOT, Endpoint("/srv/a", mount_as="root"), Endpoint("/srv/a", mount_as="bob")):
        assert drop_in(creator, end) == drop_in(creator)
        assert files_of(task(end), creator).keys() == files_of(task(), creator).keys()


@pytest.mark.parametrize("creator", [SOCKET, SERVICE, OWN_SOCKET, OWN_SERVICE, None])
@pytest.mark.parametrize("end", [BY_ROOT, BY_ALICE])
def test_no_key_is_one_that_systemd_ignores(creator: Creator | None, end: Endpoint) -> None:
    """ExecStopPre= is a key of .socket units alone (systemd.socket(5), systemd.service(5))."""
    for file in files_of(task(end), creator).values():
        if not file.unit_file:
            continue
        for section, said in sections(file.content).items():
            keys = {line.partition("=")[0] for line in said}
            if section != "Socket":
                assert "ExecStopPre" not in keys, file.path
            else:
                assert "ExecStop" not in keys, file.path
                assert not keys & {"UMask", "Group"}, file.path


def test_several_mounts_of_one_socket() -> None:
    ends = (BY_ALICE, BY_ALICE, Endpoint("/srv/b", mount_as="alice"), Endpoint("/srv/c"))
    found = drop_in(OWN_SOCKET, *ends)
    assert executed(found["Socket"], "ExecStartPost")[1:] == [
        '-/usr/bin/mount "/srv/a"',
        '-/usr/bin/mount "/srv/b"',
    ]


def test_a_name_reaches_mount_as_it_is() -> None:
    found = drop_in(OWN_SOCKET, Endpoint('/srv/a b"%n\\$X', mount_as="alice"))
    assert executed(found["Socket"], "ExecStopPre") == ['-/usr/bin/umount "/srv/a b\\"%%n\\\\$$X"']


@pytest.mark.parametrize("end", [None, BY_ROOT])
def test_who_watches_may_mount_only_where_something_is_mounted(end: Endpoint | None) -> None:
    ends = () if end is None else (end,)
    service = files_of(task(*ends), SOCKET)[f"{SYSTEM}/socket-access-app.service"].content
    assert ("CAP_SYS_ADMIN" in service) == (end is not None)
    assert ("CAP_SETUID" in service) == (end is not None)
    assert f"NoNewPrivileges={'yes' if end is None else 'no'}\n" in service


def test_what_starts_at_boot() -> None:
    file = start_at_boot("sockets.target", "socket-access-proxy-x.socket")
    assert file.path == f"{SYSTEM}/sockets.target.d/50-socket-access-proxy-x.conf"
    assert sections(file.content) == {"Unit": ["Wants=socket-access-proxy-x.socket"]}


# --- the client's environment -----------------------------------------------------------------


def read_by_systemd(text: str) -> list[str]:
    """Read words in double quotes as systemd does (systemd.syntax(7), then systemd.unit(5))."""
    words, current, inside, at = [], "", False, 0
    while at < len(text):
        one = text[at]
        if one == "\\":
            at += 1
            current += text[at]
            assert text[at] in '\\"', "no other escape is written"
        elif one == '"':
            inside = not inside
        elif one == " " and not inside:
            words.append(current)
            current = ""
        else:
            current += one
        at += 1
    assert not inside
    words.append(current)
    assert not any("%" in word.replace("%%", "") for word in words)
    return [word.replace("%%", "%") for word in words]


def client(*pairs: tuple[str, str]) -> KeptFile:
    file = client_file(
        "app.a-1", Endpoint("/srv/a", client_unit="web.service", client_environment=pairs)
    )
    assert file is not None
    return file


def test_a_client_is_told_where_its_socket_is() -> None:
    file = client(("A", "/srv/a"), ("B", "x y"))
    assert file.path == f"{SYSTEM}/web.service.d/50-socket-access-app.a-1.conf"
    assert sections(file.content) == {"Service": ['Environment="A=/srv/a"', 'Environment="B=x y"']}
    assert (file.user, file.unit_file, file.restarts) == (None, True, None)


def test_a_client_without_a_unit_is_told_nothing() -> None:
    assert client_file("app.a-1", Endpoint("/srv/a")) is None


@pytest.mark.parametrize(
    "value", ['a"b', "a\\", "\\n", "100%", "%n", "$HOME", "'a' 'b'", " a ", "#;", "é€😀", "=="]
)
def test_a_value_reaches_the_client_as_it_is(value: str) -> None:
    (line,) = sections(client(("A", value)).content)["Service"]
    assert read_by_systemd(line.partition("=")[2]) == [f"A={value}"]


@given(st.text(st.sampled_from(string.printable[:95] + "é€😀\u00a0"), min_size=1))
def test_any_value_reaches_the_client_as_it_is(value: str) -> None:
    (line,) = sections(client(("A", value)).content)["Service"]
    assert read_by_systemd(line.partition("=")[2]) == [f"A={value}"]


# --- the rules of a gate ----------------------------------------------------------------------


def place(*who: Principal, **fields: object) -> Place:
    endpoint = Endpoint("/srv/a", **fields)
    grants = tuple(Grant(one, "gate", endpoint=endpoint) for one in who)
    return Place("app.a-1", "gate", endpoint, grants)


def test_rules_that_forward() -> None:
    who = (WWW, Principal("group", "db"), Principal("user", "33"))
    rules = json.loads(forward_rules(place(*who, max_connections=7), "stream", "/run/app/app.sock"))
    assert "Managed by" in rules.pop("about")
    assert rules == {
        "name": "app.a-1",
        "path": "/srv/a",
        "type": "stream",
        "users": ["www", "33"],
        "groups": ["db"],
        "forward": "/run/app/app.sock",
        "max_connections": 7,
    }


def test_rules_that_run_a_command() -> None:
    serve = Serve(("/bin/x", "", "a b"), "app", 1.5, 2.0, 3, 2, 9, 8, 7)
    rules = json.loads(serve_rules(place(WWW), "seqpacket", serve))
    assert "Managed by" in rules.pop("about")
    assert rules == {
        "name": "app.a-1",
        "path": "/srv/a",
        "type": "seqpacket",
        "users": ["www"],
        "groups": [],
        "command": ["/bin/x", "", "a b"],
        "time_limit": 1.5,
        "request_seconds": 2.0,
        "at_once": 3,
        "at_once_per_user": 2,
        "max_connections": 9,
        "max_connections_per_user": 8,
        "max_message": 7,
    }


def test_what_is_not_said_is_left_to_the_server() -> None:
    plain = {"about", "name", "path", "type", "users", "groups"}
    assert json.loads(forward_rules(place(WWW), "stream", "/x")).keys() == {*plain, "forward"}
    serve = serve_rules(place(WWW), "stream", Serve(("/bin/x",), "app"))
    assert json.loads(serve).keys() == {*plain, "command"}


def test_nobody_means_nobody() -> None:
    rules = from_json(json.loads(forward_rules(place(), "stream", "/x")))
    assert (rules.users, rules.groups) == (frozenset(), frozenset())


def test_names_and_ids_mean_to_the_server_what_they_mean_in_the_declaration() -> None:
    who = (Principal("user", "33"), Principal("user", "www"), Principal("group", "4294967294"))
    rules = from_json(
        json.loads(forward_rules(place(*who), "stream", "/x")),
        {"www": 1000}.get,
        dict[str, int]().get,
    )
    assert rules.users == {33, 1000}
    assert rules.groups == {4294967294}


LIMITS = ["max_connections", "max_connections_per_user", "max_message"]
SERVE_LIMITS = [*LIMITS, "at_once", "at_once_per_user", "time_limit", "request_seconds"]


def test_all_limits_are_tried() -> None:
    assert set(LIMITS) == {key for key in ENDPOINT_KEYS if key.startswith("max_")}


@pytest.mark.parametrize("key", LIMITS)
@pytest.mark.parametrize("value", [1, MOST])
def test_a_server_takes_every_limit_that_can_be_declared(key: str, value: int) -> None:
    grant = {"user": "www", "method": "gate", "at": "/srv/a", key: value}
    (declared,) = validate({"app": {"path": "/run/a", "allow": [grant]}}).sockets
    ((one, dummy),) = take_apart(Task(declared, "h")).served
    rules = from_json(json.loads(forward_rules(one, "stream", "/run/a")))
    assert getattr(rules, key) == value


@pytest.mark.parametrize("key", SERVE_LIMITS)
@pytest.mark.parametrize("value", [0.1, 1, 600, 10_000, MOST])
def test_a_server_takes_every_limit_of_a_command(key: str, value: float) -> None:
    """Or the declaration is refused, and not the start of the unit."""
    serve = {"command": ["/bin/x"], "user": "app", key: value}
    try:
        (declared,) = validate({"app": {"path": "/run/a", "serve": serve}}).sockets
    except PolicyError:
        return
    assert declared.serve is not None
    rules = from_json(json.loads(serve_rules(place(WWW), "stream", declared.serve)))
    assert getattr(rules, key) == value
