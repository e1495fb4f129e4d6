# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is declared of the unit that creates a socket, and of its hook."""

from __future__ import annotations

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import (
    Policy,
    PolicyError,
    Problem,
    SocketPolicy,
    describe,
    validate,
)


def declaration(**keys: object) -> dict[str, object]:
    return {"app": {"path": "/run/app/app.sock", **keys}}


def the_socket(**keys: object) -> SocketPolicy:
    (socket,) = validate(declaration(**keys)).sockets
    return socket


def the_problem(**keys: object) -> Problem:
    with pytest.raises(PolicyError) as caught:
        validate(declaration(**keys))
    (problem,) = caught.value.problems
    return problem


def test_everything_of_a_service() -> None:
    socket = the_socket(unit="app.service", born=True, strict="yes", deadline="2.5")
    assert (socket.unit, socket.unit_user) == ("app.service", None)
    assert (socket.born, socket.strict, socket.deadline) == (True, True, 2.5)
    assert validate(describe(Policy((socket,)))).sockets == (socket,)


def test_nothing_is_declared() -> None:
    socket = the_socket()
    assert (socket.unit, socket.unit_user, socket.deadline) == (None, None, None)
    assert (socket.born, socket.strict) == (False, False)


@pytest.mark.parametrize(
    "name",
    [
        "app.service",
        "app.socket",
        "app@web.service",
        "dbus-org.example.Thing1.service",
        r"run-user\x2dapp.socket",
        "a:b_c.service",
        "a" * 247 + ".service",
    ],
)
def test_good_units(name: str) -> None:
    assert the_socket(unit=name).unit == name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("app", "not the full name"),
        ("app.timer", "not the full name"),
        ("app.mount", "not the full name"),
        ("../app.service", "not the full name"),
        ("a b.service", "not the full name"),
        ("app.service\n", "not the full name"),
        (".service", "not the full name"),
        ("", "full name"),
        ("a" * 248 + ".service", "not the full name"),
        ("app@.service", "is a template"),
        ("app@.socket", "is a template"),
        (1, "full name"),
        (["app.service"], "full name"),
    ],
)
def test_bad_units(name: object, words: str) -> None:
    problem = the_problem(unit=name)
    assert problem.key == "unit"
    assert words in problem.message


@pytest.mark.parametrize("value", [0.1, 1, 600, "10", "0.5"])
def test_good_deadlines(value: object) -> None:
    assert the_socket(unit="app.service", deadline=value).deadline == float(str(value))


@pytest.mark.parametrize(
    "value",
    [0, 0.05, -1, 601, "", "soon", "10s", True, None, [], float("nan"), float("inf"), 10**400],
)
def test_bad_deadlines(value: object) -> None:
    problem = the_problem(unit="app.service", deadline=value)
    assert problem.key == "deadline"
    assert "number" in problem.message


@pytest.mark.parametrize(
    ("key", "value"),
    [("unit_user", "alice"), ("strict", True), ("born", True), ("deadline", 5)],
)
def test_what_needs_a_unit(key: str, value: object) -> None:
    problem = the_problem(**{key: value})
    assert problem.key == key
    assert f"{key} does nothing without unit" in problem.message


@pytest.mark.parametrize(
    ("key", "value"),
    [("unit_user", "alice"), ("strict", True), ("born", True), ("deadline", 5)],
)
@pytest.mark.parametrize("unit", [{"unti": "app.service"}, {"unit": "app"}, {"service": "app"}])
def test_a_unit_that_is_misspelt_is_one_mistake(
    key: str, value: object, unit: dict[str, object]
) -> None:
    assert the_problem(**{key: value}, **unit).key == next(iter(unit))


@pytest.mark.parametrize("user", [{"unti_user": "alice"}, {"unit_user": "a b"}])
def test_a_user_of_the_unit_who_is_misspelt_is_one_mistake(user: dict[str, object]) -> None:
    grant = {"user": "bob", "at": "/run/x/s", "mount_as": "alice", "trust_mounter": True}
    assert the_problem(unit="app.service", allow=[grant], **user).key == next(iter(user))


@pytest.mark.parametrize("key", ["unit_user", "strict", "born", "deadline"])
def test_what_has_no_use_beside_serve_is_one_mistake(key: str) -> None:
    value: object = {"unit_user": "alice", "deadline": 5}.get(key, True)
    serve = {"command": ["/bin/true"], "user": "alice"}
    assert "has no use beside serve" in the_problem(serve=serve, **{key: value}).message
    assert the_problem(serve={**serve, "user": "a b"}, **{key: value}).key == "serve.user"


def test_a_directory_above_an_endpoint_that_is_refused_is_no_mistake() -> None:
    grant = {"user": "bob", "at": "/srv/x/s", "method": "proxi"}
    problem = the_problem(allow=[grant], trust_directories=["/srv/x"])
    assert problem.key == "allow[0].method"


@pytest.mark.parametrize(("key", "value"), [("born", True), ("deadline", 5)])
def test_what_a_socket_unit_has_by_itself(key: str, value: object) -> None:
    problem = the_problem(unit="app.socket", **{key: value})
    assert problem.key == key
    assert f"{key} does nothing for app.socket" in problem.message


def test_what_a_socket_unit_can_have() -> None:
    socket = the_socket(unit="app.socket", unit_user="alice", strict=True)
    assert (socket.unit_user, socket.strict) == ("alice", True)


def test_a_user_manager_gives_no_group() -> None:
    problem = the_problem(unit="app.service", unit_user="alice", born=True)
    assert problem.key == "born"
    assert "born cannot be had for app.service" in problem.message
    assert the_socket(unit="app.service", unit_user="alice", deadline=3).deadline == 3.0


@pytest.mark.parametrize("key", ["born", "strict"])
@pytest.mark.parametrize("unit", [{}, {"unit": "app.socket"}])
def test_what_is_off_needs_nothing(key: str, unit: dict[str, object]) -> None:
    assert getattr(the_socket(**unit, **{key: False}), key) is False


@pytest.mark.parametrize("key", ["born", "strict"])
def test_switches_are_booleans(key: str) -> None:
    problem = the_problem(unit="app.service", **{key: "sometimes"})
    assert problem.key == key


@pytest.mark.parametrize(
    ("key", "right"), [("service", "unit"), ("daemon", "unit"), ("timeout", "deadline")]
)
def test_other_words_for_them(key: str, right: str) -> None:
    problem = the_problem(**{key: "x"})
    assert problem.message.endswith(f"Did you mean {right}?")
