# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Endpoints in the declaration: what is right, and what each mistake says and which key it names."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import (
    Endpoint,
    Grant,
    Policy,
    PolicyError,
    Principal,
    Problem,
    SocketPolicy,
    describe,
    validate,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.keys import (
    ENDPOINT_KEYS,
    METHODS,
)
from ansible_collections.unixsocket.access.plugins.plugin_utils._merge import (
    load,
)

PATH = "/run/app/app.sock"
AT = "/run/web/app.sock"
PROXY = {"user": "www", "method": "proxy", "at": AT}
MOUNT = {"user": "www", "method": "bind_mount", "at": AT}
GATE = {"user": "www", "method": "gate", "at": AT}
# One right value for each key of an endpoint.
VALUES: dict[str, Any] = {
    "at": AT,
    "engine": "socat",
    "at_owner": "web",
    "at_group": "web",
    "at_mode": "0660",
    "run_as": "app",
    "lose_identity": True,
    "max_connections": 7,
    "max_connections_per_user": 5,
    "max_message": 1000,
    "mount_as": "alice",
    "trust_mounter": True,
    "directory_owner": "web",
    "directory_group": "web",
    "directory_mode": "0710",
    "client_unit": "web.service",
    "client_environment": {"APP_SOCKET": AT},
}
# Who mounts does so in a manager of his own.
MANAGER = {"unit": "app.service", "unit_user": "alice"}
WITH_ENDPOINT = ("proxy", "bind_mount", "gate")


def app(*allow: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {"app": {"path": PATH, "allow": list(allow), **keys}}


def problems_of(declaration: object) -> tuple[Problem, ...]:
    with pytest.raises(PolicyError) as caught:
        validate(declaration)
    return caught.value.problems


def the_problem(*allow: dict[str, Any], **keys: Any) -> Problem:
    problems = problems_of(app(*allow, **keys))
    assert len(problems) == 1, [str(problem) for problem in problems]
    return problems[0]


def the_socket(*allow: dict[str, Any], **keys: Any) -> SocketPolicy:
    (socket,) = validate(app(*allow, **keys)).sockets
    return socket


def everything_of(method: str) -> dict[str, Any]:
    """Return a grant with every key that the method has a use for."""
    keys = [key for key, methods in ENDPOINT_KEYS.items() if method in methods]
    return {"user": "www", "method": method, **{key: VALUES[key] for key in keys}}


def test_every_key_of_an_endpoint_has_a_value_here() -> None:
    assert VALUES.keys() == ENDPOINT_KEYS.keys()
    assert set(METHODS) == {"auto", "group", "acl", *WITH_ENDPOINT}


def test_a_proxy_with_everything() -> None:
    (grant,) = the_socket(everything_of("proxy")).allow
    assert grant == Grant(
        Principal("user", "www"),
        "proxy",
        endpoint=Endpoint(
            AT,
            "socat",
            "web",
            "web",
            0o660,
            "app",
            True,
            7,
            client_unit="web.service",
            client_environment=(("APP_SOCKET", AT),),
        ),
    )


def test_a_bind_mount_with_everything() -> None:
    (grant,) = the_socket(everything_of("bind_mount"), **MANAGER).allow
    assert grant.endpoint == Endpoint(
        AT,
        mount_as="alice",
        trust_mounter=True,
        directory_owner="web",
        directory_group="web",
        directory_mode=0o710,
        client_unit="web.service",
        client_environment=(("APP_SOCKET", AT),),
    )


def test_a_gate_with_everything() -> None:
    (grant,) = the_socket(everything_of("gate")).allow
    assert grant.endpoint == Endpoint(
        AT,
        None,
        "web",
        "web",
        0o660,
        "app",
        True,
        7,
        5,
        1000,
        client_unit="web.service",
        client_environment=(("APP_SOCKET", AT),),
    )


@pytest.mark.parametrize("method", WITH_ENDPOINT)
def test_everything_comes_back_from_its_description(method: str) -> None:
    policy = validate(app(everything_of(method), **MANAGER))
    (described,) = describe(policy)["app"]["allow"]
    assert described == everything_of(method)
    assert validate(describe(policy)) == policy


@pytest.mark.parametrize("method", WITH_ENDPOINT)
def test_what_is_not_said_is_not_described(method: str) -> None:
    grant = {"user": "www", "method": method, "at": AT}
    assert describe(validate(app(grant)))["app"]["allow"] == [grant]


def test_a_mode_of_nothing_is_described() -> None:
    grant = {**PROXY, "at_mode": "0000"}
    assert describe(validate(app(grant)))["app"]["allow"] == [grant]


@pytest.mark.parametrize("method", WITH_ENDPOINT)
def test_an_endpoint_has_a_path(method: str) -> None:
    problem = the_problem({"user": "ok"}, {"user": "www", "method": method})
    assert problem.key == "allow[1].at"
    assert f"The key is missing, and the method {method} lets the principal" in problem.message


@pytest.mark.parametrize("key", ENDPOINT_KEYS)
@pytest.mark.parametrize("method", METHODS)
def test_a_key_without_use_is_refused_and_names_the_methods(method: str, key: str) -> None:
    grant = {"user": "www", "method": method, key: VALUES[key]}
    if (method, key) == ("auto", "at"):
        return
    if method in WITH_ENDPOINT:
        grant["at"] = AT
    if key.startswith("client_") and method in ENDPOINT_KEYS[key]:
        grant.update({both: VALUES[both] for both in ("client_unit", "client_environment")})
    if method in ENDPOINT_KEYS[key]:
        if key == "trust_mounter":
            grant["mount_as"] = "alice"
        if key == "mount_as":
            grant["trust_mounter"] = True
        the_socket(grant, **MANAGER)
        return
    problem = the_problem(grant)
    assert problem.key == f"allow[0].{key}"
    assert f"{key} does nothing with the method {method}; remove the key" in problem.message
    for other in ENDPOINT_KEYS[key]:
        assert other in problem.message


@pytest.mark.parametrize("key", ENDPOINT_KEYS)
def test_auto_takes_every_key_of_an_endpoint(key: str) -> None:
    grant = {"user": "www", "at": AT, key: VALUES[key]}
    if key.startswith("client_"):
        grant.update({both: VALUES[both] for both in ("client_unit", "client_environment")})
    if key in ("mount_as", "trust_mounter"):
        grant.update({"mount_as": "alice", "trust_mounter": True})
    (found,) = the_socket(grant, **MANAGER).allow
    assert (found.method, found.endpoint is None) == ("auto", False)
    assert validate(describe(validate(app(grant, **MANAGER)))) == validate(app(grant, **MANAGER))


def test_auto_has_nothing_to_choose_if_no_method_has_a_use_for_all_keys() -> None:
    problem = the_problem({"user": "www", "at": AT, "engine": "socat", "directory_group": "www"})
    assert problem.key == "allow[0].directory_group"
    assert "No method has a use for engine and directory_group together" in problem.message
    problem = the_problem({"user": "www", "at": AT, "engine": "socat", "max_message": 9})
    assert "engine and max_message" in problem.message


def test_auto_at_another_path_is_checked_for_what_it_may_become() -> None:
    at = {"user": "www", "at": AT}
    assert "root's rights" in the_problem({**at, "run_as": "root"}).message
    assert (
        "does nothing for the user www at another path"
        in the_problem({**at, "restart_clients": True}).message
    )
    assert "mount_as names a user" in the_problem({**at, "mount_as": "alice"}).message
    # Only a bind mount goes through the inode, and the host knows what it chooses.
    the_socket(at, owner="www")
    the_socket(at, type="dgram")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("at", "run/x", "is not an absolute path"),
        ("at", "@x", "abstract socket"),
        ("at", "/run/x/../y", "write '/run/y'"),
        ("at", "/" + "x" * 107, "107"),
        ("at", "/", "the root directory"),
        ("at", ["/run/x"], "The value is a list"),
        ("engine", "nc", "use socat or systemd-socket-proxyd"),
        ("engine", "Socat", "Did you mean socat?"),
        ("at_owner", "a b", "contains ' '"),
        ("at_group", "", "The text is empty"),
        ("at_mode", 432, 'such as "0660"'),
        ("at_mode", "4755", "more than the permission bits"),
        ("run_as", "a:b", "contains ':'"),
        ("lose_identity", "perhaps", "write true or false"),
        ("max_connections", 0, "out of range"),
        ("max_connections", 212_001, "from 1 to 212000"),
        ("max_connections", True, "write a whole number"),
        ("max_connections", "ten", "write a whole number"),
        ("max_connections", 1.5, "write a whole number"),
        ("client_unit", "web", "is not the full name"),
        ("client_unit", "web.socket", "is not a .service unit"),
        ("client_unit", "web@.service", "is a template"),
        ("client_environment", ["A=1"], "write a dictionary"),
        ("client_environment", {"1A": "x"}, "is not the name of a variable"),
        ("client_environment", {"A B": "x"}, "is not the name of a variable"),
        ("client_environment", {5: "x"}, "is not the name of a variable"),
    ],
)
def test_values_of_a_proxy(key: str, value: object, said: str) -> None:
    problem = the_problem({**PROXY, key: value})
    assert problem.key == f"allow[0].{key}"
    assert said in problem.message


@pytest.mark.parametrize("value", ["", 5, None, "a\nb", "a\0", "\ud800"])
def test_values_of_variables(value: object) -> None:
    grant = {**PROXY, "client_unit": "w.service", "client_environment": {"A": value}}
    problem = the_problem(grant)
    assert problem.key is not None
    assert problem.key.startswith("allow[0].client_environment")
    assert problem.key.endswith("A")


def test_variables_have_an_order_of_their_own() -> None:
    one, other = {"B": "1", "A": "2"}, {"A": "2", "B": "1"}
    grants = [
        {**PROXY, "client_unit": "w.service", "client_environment": env} for env in (one, other)
    ]
    assert the_socket(grants[0]) == the_socket(grants[1])


@pytest.mark.parametrize(
    ("key", "right"),
    [
        ("endpoint", "at"),
        ("listen", "at"),
        ("max_children", "max_connections"),
        ("runas", "run_as"),
        ("mounter", "mount_as"),
        ("client_env", "client_environment"),
    ],
)
def test_what_others_call_it(key: str, right: str) -> None:
    problem = the_problem({"user": "www", "method": "acl", key: "x"})
    assert problem.key == f"allow[0].{key}"
    assert problem.message.endswith(f"Did you mean {right}?")


@pytest.mark.parametrize(("key", "right"), [("owner", "at_owner"), ("mode", "at_mode")])
def test_owner_and_mode_of_an_endpoint(key: str, right: str) -> None:
    problem = the_problem({**PROXY, key: "0660" if key == "mode" else "web"})
    assert problem.key == f"allow[0].{key}"
    assert "to the socket, beside allow" in problem.message
    assert right in problem.message


# --- rules between the values -----------------------------------------------------------------


@pytest.mark.parametrize("grant", [PROXY, MOUNT, GATE])
def test_the_endpoint_is_not_the_socket(grant: dict[str, Any]) -> None:
    problem = the_problem({**grant, "at": PATH})
    assert problem.key == "allow[0].at"
    assert f"{PATH} is the socket itself; write another path" in problem.message


@pytest.mark.parametrize("at", [f"{PATH}/x", "/run/app", "/run"])
def test_neither_lies_below_the_other(at: str) -> None:
    problem = the_problem({**PROXY, "at": at})
    assert problem.key == "allow[0].at"
    assert "one lies below the other" in problem.message


def test_a_name_that_only_begins_alike_is_another() -> None:
    assert the_socket({**PROXY, "at": f"{PATH}.web"}).allow[0].endpoint == Endpoint(f"{PATH}.web")


def test_grants_share_an_endpoint() -> None:
    socket = the_socket(PROXY, {**PROXY, "user": "other"})
    assert [grant.endpoint for grant in socket.allow] == [Endpoint(AT)] * 2


@pytest.mark.parametrize(
    "other", [{**PROXY, "user": "b", "at_mode": "0600"}, {**GATE, "user": "b"}]
)
def test_what_is_said_of_one_endpoint_is_the_same(other: dict[str, Any]) -> None:
    problem = the_problem({"user": "ok"}, PROXY, other)
    assert problem.key == "allow[2]"
    assert f"The endpoint {AT} is declared here and in allow[1] with different" in problem.message


def test_one_principal_at_several_places() -> None:
    """The socket itself, one endpoint and another are three places."""
    other = {**GATE, "at": "/run/web/gate.sock"}
    socket = the_socket({"user": "www", "method": "acl"}, PROXY, other)
    assert [grant.method for grant in socket.allow] == ["acl", "proxy", "gate"]


def test_one_principal_granted_twice_at_one_place() -> None:
    problem = the_problem(PROXY, {**PROXY, "open_parents": ["/run/web"]})
    assert problem.key == "allow[1]"
    assert "The user www is granted here and in allow[0] with different keys" in problem.message


@pytest.mark.parametrize("grant", [PROXY, GATE])
def test_datagrams_are_not_passed_on(grant: dict[str, Any]) -> None:
    problem = the_problem(grant, type="dgram")
    assert problem.key == "allow[0].method"
    assert f"A {grant['method']} cannot pass on datagrams" in problem.message
    the_socket(MOUNT, type="dgram")


def test_proxyd_knows_streams_alone() -> None:
    problem = the_problem({**PROXY, "engine": "systemd-socket-proxyd"}, type="seqpacket")
    assert problem.key == "allow[0].engine"
    assert "use the engine socat" in problem.message
    the_socket({**PROXY, "engine": "systemd-socket-proxyd"}, type="stream")
    the_socket(PROXY, type="seqpacket")


@pytest.mark.parametrize("grant", [PROXY, GATE])
@pytest.mark.parametrize("who", ["root", 0, "0", "000"])
def test_nothing_is_passed_on_as_root(grant: dict[str, Any], who: object) -> None:
    problem = the_problem({**grant, "run_as": who})
    assert problem.key == "allow[0].run_as"
    assert "never runs as root" in problem.message


@pytest.mark.parametrize("grant", [PROXY, MOUNT, GATE])
@pytest.mark.parametrize("key", ["client_unit", "client_environment"])
def test_unit_and_environment_of_the_client_go_together(grant: dict[str, Any], key: str) -> None:
    problem = the_problem({**grant, key: VALUES[key]})
    (other,) = {"client_unit", "client_environment"} - {key}
    assert problem.key == f"allow[0].{key}"
    assert f"{key} does nothing without {other}; write both, or neither." in problem.message


@pytest.mark.parametrize("who", ["root", 0, "0"])
def test_root_mounts_anything(who: object) -> None:
    the_socket({**MOUNT, "mount_as": who})


def test_who_mounts_has_the_unit_in_a_manager_of_his_own() -> None:
    grant = {**MOUNT, "mount_as": "alice", "trust_mounter": True}
    problem = the_problem(grant)
    assert problem.key == "allow[0].mount_as"
    assert "declare unit and unit_user, or mount_as: root" in problem.message
    problem = the_problem(grant, unit="app.service")
    assert problem.key == "allow[0].mount_as"
    problem = the_problem(grant, unit="app.service", unit_user="bob")
    assert problem.key == "allow[0].mount_as"
    assert "in the manager of user bob" in problem.message
    assert "declare mount_as: bob, or mount_as: root" in problem.message
    the_socket(grant, **MANAGER)


def test_who_mounts_could_mount_something_else() -> None:
    problem = the_problem({**MOUNT, "mount_as": "alice"}, **MANAGER)
    assert problem.key == "allow[0].mount_as"
    assert "User alice can put a symbolic link in the place of the socket" in problem.message
    assert "Declare mount_as: root" in problem.message
    assert "trust_mounter: true" in problem.message


@pytest.mark.parametrize("more", [{}, {"mount_as": "root"}, {"mount_as": 0}])
def test_root_needs_no_trust(more: dict[str, Any]) -> None:
    problem = the_problem({**MOUNT, **more, "trust_mounter": True}, **MANAGER)
    assert problem.key == "allow[0].trust_mounter"
    assert "does nothing where root mounts; remove the key" in problem.message


def test_a_trusted_directory_leads_to_the_socket_or_to_an_endpoint() -> None:
    directories = ["/", "/run", "/run/app", "/run/web"]
    assert the_socket(PROXY, trust_directories=directories).trust_directories == tuple(directories)
    problem = the_problem(PROXY, trust_directories=["/srv"])
    assert problem.key == "trust_directories[0]"
    assert "/srv is not a directory above the socket" in problem.message
    assert "/run/web" in problem.message


def test_open_parents_lie_above_the_endpoint() -> None:
    the_socket({**PROXY, "open_parents": ["/run/web"]})
    problem = the_problem({**PROXY, "open_parents": ["/run/app"]})
    assert problem.key == "allow[0].open_parents"
    assert f"/run/app is not a directory above the socket {AT}" in problem.message


def test_the_directories_of_a_mounted_socket_stay_closed() -> None:
    problem = the_problem({"user": "ok"}, {**MOUNT, "open_parents": ["/run/web"]})
    assert problem.key == "allow[1].open_parents"
    assert "open_parents does nothing with the method bind_mount" in problem.message


@pytest.mark.parametrize("grant", [PROXY, MOUNT, GATE])
def test_a_group_is_needed_by_nobody_there(grant: dict[str, Any]) -> None:
    problem = the_problem({**grant, "restart_clients": True})
    assert problem.key == "allow[0].restart_clients"


def test_every_mistake_is_told_at_once() -> None:
    grant = {**PROXY, "at": PATH, "run_as": "root", "client_unit": "w.service"}
    found = {problem.key for problem in problems_of(app(grant, type="dgram"))}
    assert found == {
        "allow[0].at",
        "allow[0].method",
        "allow[0].run_as",
        "allow[0].client_unit",
    }


# --- rules between sockets --------------------------------------------------------------------


def test_the_path_of_another_socket_is_no_endpoint() -> None:
    declaration = {**app(PROXY), "web": {"path": AT}}
    (problem,) = problems_of(declaration)
    assert (problem.socket, problem.key) == ("app", "allow[0].at")
    assert f"{AT} is the path of the socket web as well" in problem.message
    assert "passing on to itself" in problem.message


def test_a_ring_of_proxies() -> None:
    declaration = {
        "a": {"path": "/run/a", "allow": [{**PROXY, "at": "/run/b"}]},
        "b": {"path": "/run/b", "allow": [{**PROXY, "at": "/run/a"}]},
    }
    assert {(one.socket, one.key) for one in problems_of(declaration)} == {
        ("a", "allow[0].at"),
        ("b", "allow[0].at"),
    }


def test_one_endpoint_of_two_sockets() -> None:
    declaration = {**app(PROXY), "web": {"path": "/run/w", "allow": [{"user": "ok"}, PROXY]}}
    (problem,) = problems_of(declaration)
    assert (problem.socket, problem.key) == ("web", "allow[1].at")
    assert f"{AT} is an endpoint of the socket app as well" in problem.message


# --- fragments --------------------------------------------------------------------------------

MAIN, WEB = "socket_policy_sockets", "socket_policy_sockets__web"


def test_endpoints_from_fragments_add_up() -> None:
    other = {**PROXY, "user": "other"}
    policy = load({MAIN: app(PROXY), WEB: {"app": {"allow": [PROXY, other]}}})
    assert policy == validate(app(PROXY, other))


def test_fragments_that_differ_about_an_endpoint() -> None:
    other = {**PROXY, "user": "other", "run_as": "web"}
    with pytest.raises(PolicyError) as caught:
        load({MAIN: app(PROXY), WEB: {"app": {"allow": [{"user": "x"}, other]}}})
    (problem,) = caught.value.problems
    assert (problem.variable, problem.key) == (WEB, "allow[1]")
    assert f"The endpoint {AT} is declared here and in allow[0]" in problem.message


def test_the_path_of_a_fragment_is_no_endpoint() -> None:
    with pytest.raises(PolicyError) as caught:
        load({MAIN: {"web": {"path": AT}}, WEB: app(PROXY)})
    (problem,) = caught.value.problems
    assert (problem.variable, problem.socket, problem.key) == (WEB, "app", "allow[0].at")


def test_a_description_is_in_order_of_the_table() -> None:
    """So that the file on the host does not change with the order of keys in the inventory."""
    one = everything_of("proxy")
    backwards = dict(reversed(one.items()))
    policies = [validate(app(grant)) for grant in (one, backwards)]
    texts = [str(describe(Policy(policy.sockets))) for policy in policies]
    assert texts[0] == texts[1]
