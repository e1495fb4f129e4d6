# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever is declared becomes a policy or a PolicyError, and a policy describes itself."""

from __future__ import annotations

import dataclasses
import json
import string

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import (
    Grant,
    Policy,
    PolicyError,
    Principal,
    SocketPolicy,
    describe,
    load,
    validate,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.keys import (
    GRANT_KEYS,
    METHODS,
    SOCKET_KEYS,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.values import TYPES

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(), max_size=12),
    st.sampled_from(["/run/a", "0660", "nginx", "acl", "stream", "root", "@a", "-x", "\ud800", ""]),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)
# Nearly right declarations reach deeper than arbitrary ones do.
WORDS = st.sampled_from([*SOCKET_KEYS, *GRANT_KEYS, "x", "\n", ""])
ITEM = st.one_of(JSON, st.dictionaries(st.sampled_from([*GRANT_KEYS, "usr"]), JSON, max_size=3))
VALUE = st.one_of(JSON, st.lists(ITEM, max_size=4))
NEARLY = st.dictionaries(
    st.one_of(st.sampled_from(["app", "web"]), st.text(max_size=4)),
    st.one_of(JSON, st.dictionaries(WORDS, VALUE, max_size=6)),
    max_size=3,
)


def check_error(error: PolicyError) -> None:
    """Every problem is one printable line that names its variable."""
    lines = str(error).splitlines()
    assert error.problems
    assert len(lines) == len(error.problems)
    for line in lines:
        assert line.startswith("In socket_policy_sockets")
        assert line.endswith((".", "?"))
        line.encode("utf-8")


@given(st.one_of(JSON, NEARLY))
def test_any_declaration_is_a_policy_or_a_policy_error(declaration: object) -> None:
    """No traceback, whatever comes in."""
    try:
        policy = validate(declaration)
    except PolicyError as error:
        check_error(error)
    else:
        assert validate(describe(policy)) == policy


@given(
    st.dictionaries(
        st.sampled_from(["socket_policy_sockets", "socket_policy_sockets__a"]),
        st.one_of(JSON, NEARLY),
    )
)
def test_any_fragments_are_a_policy_or_a_policy_error(fragments: dict[str, object]) -> None:
    """The same through the merge."""
    try:
        load(fragments)
    except PolicyError as error:
        check_error(error)


def test_very_deep_values() -> None:
    """A value may be deeper than Python's stack."""
    deep: object = "x"
    for dummy in range(5000):
        deep = [deep]
    for part in (deep, {"app": deep}, {"app": {"allow": deep}}, {"app": {"path": deep}}):
        for fragments in ({"socket_policy_sockets": part}, {"socket_policy_sockets__a": part}):
            try:
                load(fragments)
            except PolicyError as error:
                check_error(error)
            else:
                raise AssertionError("the deep value was taken for a right one")


IDS = st.integers(1, 2**32 - 2).map(str)
ACCOUNTS = st.one_of(
    IDS, st.from_regex(r"\A[a-z_][a-z0-9_.@\\$-]{0,8}\Z").filter(lambda name: name != "root")
)
PRINCIPALS = st.builds(Principal, st.sampled_from(["user", "group"]), ACCOUNTS)
COMPONENTS = st.text(string.ascii_letters + ".- é%@", min_size=1, max_size=8).filter(
    lambda part: part not in (".", "..")
)


def ancestors(path: str) -> list[str]:
    """Return the directories above a path."""
    parts = path.split("/")[1:-1]
    return ["/", *("/" + "/".join(parts[: n + 1]) for n in range(len(parts)))]


@st.composite
def grants(draw: st.DrawFn, principal: Principal, path: str) -> Grant:
    """Draw a right grant for this principal."""
    method = draw(st.sampled_from(list(METHODS)))
    restart = principal.kind == "user" and method != "acl" and draw(st.booleans())
    parents = draw(st.lists(st.sampled_from(ancestors(path)), unique=True, max_size=3))
    return Grant(principal, method, tuple(parents), restart)


@st.composite
def sockets(draw: st.DrawFn, name: str) -> SocketPolicy:
    """Draw a right socket; its path is its own, because its name is in it."""
    path = "/" + "/".join([name, *draw(st.lists(COMPONENTS, max_size=4))])
    owner = draw(st.none() | ACCOUNTS)
    principals = [
        who
        for who in draw(st.lists(PRINCIPALS, unique=True, max_size=6))
        if who != Principal("user", owner or "")
    ]
    cut = draw(st.integers(0, len(principals)))
    directories = draw(st.lists(st.sampled_from(ancestors(path)), unique=True, max_size=3))
    return SocketPolicy(
        name,
        path,
        draw(st.none() | st.sampled_from(TYPES)),
        owner,
        draw(st.none() | ACCOUNTS),
        draw(st.none() | st.integers(0, 0o777)),
        tuple(draw(grants(who, path)) for who in principals[:cut]),
        tuple(principals[cut:]),
        tuple(directories),
    )


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Draw any right policy."""
    names = draw(st.sets(st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,9}\Z"), max_size=4))
    return Policy(tuple(draw(sockets(name)) for name in sorted(names)))


@given(policies())
def test_a_policy_is_what_it_describes(policy: Policy) -> None:
    """There and back again, also through JSON, with nothing but JSON's types."""
    declaration = describe(policy)
    assert validate(declaration) == policy
    assert validate(json.loads(json.dumps(declaration))) == policy
    assert describe(validate(declaration)) == declaration


def test_every_key_of_the_table_is_a_field() -> None:
    """A row more needs a field more, and the other way round."""
    fields = {field.name for field in dataclasses.fields(SocketPolicy)}
    assert fields == {"name", *SOCKET_KEYS}
    fields = {field.name for field in dataclasses.fields(Grant)}
    assert fields == {"principal", *GRANT_KEYS} - {"user", "group"}


def test_the_description_has_every_key() -> None:
    """A key that describe() forgets would be lost on its way to the host."""
    grant = Grant(Principal("user", "a"), "group", ("/",), True)
    refused = (Principal("group", "b"),)
    kept = ("a.service", "u", True, True, 2.5)
    socket = SocketPolicy("s", "/s", "dgram", "o", "g", 0, (grant,), refused, ("/",), *kept)
    described = describe(Policy((socket,)))["s"]
    assert described.keys() == SOCKET_KEYS.keys()
    assert described["allow"][0].keys() == GRANT_KEYS.keys() - {"group"}
    assert described["mode"] == "0000"
