# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever is declared becomes a policy or a PolicyError, and a policy describes itself."""

from __future__ import annotations

import json
import string

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import (
    Endpoint,
    Grant,
    Policy,
    PolicyError,
    Principal,
    Serve,
    SocketPolicy,
    describe,
    validate,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.keys import (
    ENDPOINT_FIELDS,
    ENDPOINT_KEYS,
    ENGINES,
    GRANT_KEYS,
    METHODS,
    SOCKET_KEYS,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.serve import (
    SERVE_KEYS,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.values import (
    MOST,
    TYPES,
)
from ansible_collections.unixsocket.access.plugins.plugin_utils._merge import (
    load,
)

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
ITEM = st.one_of(
    JSON,
    st.dictionaries(st.sampled_from([*GRANT_KEYS, "usr"]), JSON, max_size=3),
    st.fixed_dictionaries(
        {"user": st.just("nginx"), "method": st.sampled_from(list(METHODS)), "at": SCALARS},
        optional={key: JSON for key in ENDPOINT_KEYS if key != "at"},
    ),
)
SERVED = st.dictionaries(st.sampled_from([*SERVE_KEYS, "comand"]), JSON, max_size=4)
VALUE = st.one_of(JSON, st.lists(ITEM, max_size=4), SERVED)
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


FIELDS = {
    "engine": st.sampled_from(list(ENGINES)),
    "owner": ACCOUNTS,
    "group": ACCOUNTS,
    "mode": st.integers(0, 0o777),
    "run_as": ACCOUNTS,
    "lose_identity": st.booleans(),
    "max_connections": st.integers(1, MOST),
    "max_connections_per_user": st.integers(1, MOST),
    "max_message": st.integers(1, MOST),
    "mount_as": st.sampled_from(["root", "0", "mounter"]),
    "directory_owner": ACCOUNTS,
    "directory_group": ACCOUNTS,
    "directory_mode": st.integers(0, 0o777),
}
VARIABLES = st.dictionaries(
    st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_]{0,6}\Z"),
    st.text(string.printable[:95] + "é€😀", min_size=1, max_size=12),
    min_size=1,
    max_size=3,
)


@st.composite
def endpoints(draw: st.DrawFn, at: str, method: str, type_: str | None) -> Endpoint:
    """Draw a right endpoint of a method."""
    keys = [ENDPOINT_FIELDS.get(key, key) for key, own in ENDPOINT_KEYS.items() if method in own]
    fields = {key: draw(st.none() | FIELDS[key]) for key in keys if key in FIELDS}
    fields = {key: value for key, value in fields.items() if value is not None}
    if type_ == "seqpacket":
        fields.pop("engine", None)
    if fields.get("mount_as") == "mounter":
        fields["trust_mounter"] = True
    if draw(st.booleans()):
        fields["client_unit"] = "client.service"
        fields["client_environment"] = tuple(sorted(draw(VARIABLES).items()))
    return Endpoint(at, **fields)


@st.composite
def grants(
    draw: st.DrawFn, principals: list[Principal], path: str, type_: str | None
) -> list[Grant]:
    """Draw a right grant for each principal at the socket or at one of two endpoints."""
    made = []
    ends = {}
    for number in range(2):
        known = ["bind_mount"] if type_ == "dgram" else ["proxy", "bind_mount", "gate"]
        method = draw(st.sampled_from(known))
        ends[number] = (method, draw(endpoints(f"{path}-at{number}", method, type_)))
    for principal in principals:
        where = draw(st.sampled_from([None, None, 0, 1]))
        method, endpoint = draw(st.sampled_from(["auto", "group", "acl"])), None
        if where is not None:
            method, endpoint = ends[where]
        restart = principal.kind == "user" and method in ("auto", "group") and draw(st.booleans())
        parents = draw(st.lists(st.sampled_from(ancestors(path)), unique=True, max_size=3))
        if method == "bind_mount":
            parents = []
        # From the year 1 to the year 9999.
        expires = draw(st.none() | st.integers(-62_135_596_800, 253_402_300_799))
        made.append(Grant(principal, method, tuple(parents), restart, endpoint, expires))
    return made


SERVES = st.builds(
    Serve,
    st.lists(st.text(string.printable[:95], min_size=1, max_size=5), max_size=3).map(
        lambda words: ("/bin/x", *words)
    ),
    ACCOUNTS,
    st.none() | st.sampled_from([0.1, 2.5, 600.0]),
    st.none() | st.sampled_from([0.1, 2.5, 600.0]),
    *(st.none() | st.integers(1, 64) for dummy in range(5)),
)


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
    type_ = draw(st.none() | st.sampled_from(TYPES))
    allow = draw(grants(principals[:cut], path, type_))
    serve = None
    if type_ != "dgram" and all(grant.endpoint is None for grant in allow):
        serve = draw(st.none() | SERVES)
    return SocketPolicy(
        name,
        path,
        type_,
        owner,
        draw(st.none() | ACCOUNTS),
        draw(st.none() | st.integers(0, 0o777)),
        tuple(allow),
        tuple(principals[cut:]),
        tuple(directories),
        serve=serve,
        # Who mounts does so in the manager of his own that makes the socket.
        **({} if serve else {"unit": "a.service", "unit_user": "mounter"}),
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
    fields = set(SocketPolicy._fields)
    assert fields == {"name", *SOCKET_KEYS}
    fields = set(Grant._fields)
    of_the_endpoint = set(ENDPOINT_KEYS)
    assert fields == {"principal", "endpoint", *GRANT_KEYS} - {"user", "group"} - of_the_endpoint
    fields = set(Endpoint._fields)
    assert fields == {ENDPOINT_FIELDS.get(key, key) for key in ENDPOINT_KEYS}
    fields = set(Serve._fields)
    assert fields == SERVE_KEYS.keys()


def test_the_description_has_every_key() -> None:
    """A key that describe() forgets would be lost on its way to the host."""
    endpoint = Endpoint(
        *("/at", "socat", "o", "g", 0, "r", True, 1, 2, 3, "m", True, "do", "dg", 0, "c.service"),
        client_environment=(("A", "b"),),
    )
    grant = Grant(Principal("user", "a"), "group", ("/",), True, endpoint, 0)
    refused = (Principal("group", "b"),)
    serve = Serve(("/bin/x", "y"), "u", 1.0, 2.0, 3, 4, 5, 6, 7)
    kept = ("a.service", "u", True, True, 2.5, serve)
    socket = SocketPolicy("s", "/s", "dgram", "o", "g", 0, (grant,), refused, ("/",), *kept)
    described = describe(Policy((socket,)))["s"]
    assert described.keys() == SOCKET_KEYS.keys()
    assert described["allow"][0].keys() == GRANT_KEYS.keys() - {"group"}
    assert described["serve"].keys() == SERVE_KEYS.keys()
    assert described["mode"] == "0000"
    assert described["allow"][0]["at_mode"] == described["allow"][0]["directory_mode"] == "0000"
