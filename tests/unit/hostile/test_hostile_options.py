# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No string of a declaration says more in a unit, in fstab or in a file of ours than its value.

The keys come from the tables of the declaration: a new one is tried as soon as it is there.  What
its checker lets through is rendered into every file of every method, and must leave all of them
with the settings, words, fields and names that a harmless value gives them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine import serving
from ansible_collections.unixsocket.access.plugins.module_utils._engine.endpoints import take_apart
from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import socat
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.accounts import (
    Accounts,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.pinned import Pin
from ansible_collections.unixsocket.access.plugins.module_utils._engine.keep.client_environment import (
    client_file,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.keep.ends import end_files
from ansible_collections.unixsocket.access.plugins.module_utils._engine.keep.hooks import hooks
from ansible_collections.unixsocket.access.plugins.module_utils._engine.keep.parts import (
    Creator,
    KeptFile,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import (
    Access,
    AccessRequest,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
    Group,
    User,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.chain import (
    DIRECTORY,
    SOCKET,
    Chain,
    Component,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.facts import (
    SocketFacts,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.fstab import (
    parse,
    unescape,
    user_line,
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
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.endpoint_keys import (
    ENDPOINT_FIELDS,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.keys import (
    GRANT_KEYS,
    SOCKET_KEYS,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.problems import (
    Origins,
    Place,
    Wrong,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.serve import (
    SERVE_KEYS,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.table import Row
from ansible_collections.unixsocket.access.plugins.module_utils._engine.survey import Surveyed
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import Task
from unit.hostile.as_systemd import shape, unsafe

TABLES: Mapping[str, Mapping[str, Row]] = {
    "socket": SOCKET_KEYS,
    "grant": GRANT_KEYS,
    "serve": SERVE_KEYS,
}
KEYS = [(table, key) for table, rows in TABLES.items() for key in rows]

# One of these is right for every key; a kind of value that is new needs a line here.
SAMPLES: list[Any] = [
    *("/run/app/app", "app", "app.service", "app.socket", "0640", "stream", "acl", "socat"),
    *("2031-01-01T00:00:00Z", True, 7, 2.5),
    {"app": "app"},
    {"user": "app"},
    {"command": ["/run/app/app", "app"], "user": "app"},
]

# What ends a line, a value, a word or a field somewhere, and what something is replaced for.
HOSTILE = [
    *("\n", "\r", "\0", "\x85", "\u2028", "\t", "\v", "\x1b[2J", "\\", "\\\\", "\\n", "\\040"),
    *("\nExecStart=/bin/evil", "\n[Service]\nUser=root\n", "\r\n/dev/sda1 / ext4 defaults 0 0"),
    *(
        " ",
        " /bin/evil",
        "  x ",
        " bind,rw 0 0",
        ",suid,users",
        ",x-socket-access=other",
        "#",
        "!!",
    ),
    *(
        "%",
        "%n",
        "%%",
        "%h%I",
        "$",
        "$HOME",
        "${HOME}",
        "$$",
        '"',
        "'",
        '" "',
        "' '",
        "`id`",
        "$(id)",
    ),
    *(
        ";",
        "; ",
        "&",
        "|",
        ":",
        "@",
        "=",
        "*",
        "?",
        "[",
        "]",
        "{",
        "}",
        "(",
        ")",
        "<",
        ">",
        "~",
        "-",
    ),
    *("/../../etc/evil", "/x", "..", "ö", "\u00a0", "\u202e", "\U0001f50c", "\udcff", "x" * 120),
]


class Everyone:
    """A host on paper on which every account is."""

    def user(self, name: str) -> User:
        return User(name, Credentials(1000, 1000))

    def group(self, name: str) -> Group:
        return Group(name, 1000, frozenset())


GRANTEE = Principal("user", "www")
MOMENT = 1_900_000_000


def _scene(method: str, **more: Any) -> SocketPolicy:
    """Return a declaration with everything that the method has a use for."""
    end = None
    if method in ("proxy", "gate", "bind_mount"):
        common = {"client_unit": "client.service", "client_environment": (("WHERE", "/srv"),)}
        end = Endpoint("/srv/app/app.sock", **{**common, **more})
    grant = Grant(GRANTEE, method, ("/run/app",), endpoint=end, expires=MOMENT)
    serve = Serve(("/usr/bin/true", "-x"), "writer") if method == "serve" else None
    return SocketPolicy(
        *("app", "/run/app/app.sock", "stream", "app", "app", 0o660),
        allow=(grant._replace(method="auto") if serve else grant,),
        refuse=(Principal("user", "nobody"),),
        trust_directories=("/run/app",),
        serve=serve,
        **({} if serve else {"unit": "app.service", "deadline": 5.0, "born": True}),
    )


SCENES = {
    "acl": _scene("acl"),
    "mounted by root": _scene("bind_mount", directory_owner="app", directory_group="app"),
    "mounted by a user": _scene("bind_mount", mount_as="alice", trust_mounter=True),
    "socat": _scene("proxy", run_as="runner", owner="boss", group="app"),
    "proxyd": _scene("proxy", run_as="runner", engine="systemd-socket-proxyd"),
    "gate": _scene("gate", run_as="runner"),
    "serve": _scene("serve"),
}


# --- values ---------------------------------------------------------------------------------


def checked(table: str, key: str, value: object) -> object:
    """Return what the key's checker makes of a value; raises Wrong where it is refused."""
    row, place = TABLES[table][key], Place(Origins(default="test"), "test", "app", key)
    return (row.check(value, place),) if row.listed else row.check(value, place)


def accepted(table: str, key: str) -> list[tuple[Any, object]]:
    """Return the harmless values that the key takes, as written and as checked.

    One of each kind is enough: what is a name in one sample is none in another.
    """
    found: dict[type, tuple[Any, object]] = {}
    for sample in SAMPLES:
        try:
            found.setdefault(type(sample), (sample, checked(table, key, sample)))
        except Wrong:
            continue
    return list(found.values())


def spoilt(value: Any, evil: str) -> Iterator[Any]:
    """Return the value with the evil in the middle and at the end of each text in it."""
    if isinstance(value, str):
        yield value[:2] + evil + value[2:] + evil
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from ([*value[:number], bad, *value[number + 1 :]] for bad in spoilt(item, evil))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from ({**value, key: bad} for bad in spoilt(item, evil))
            yield from (
                {bad if one == key else one: other for one, other in value.items()}
                for bad in spoilt(key, evil)
            )


def put(declared: SocketPolicy, table: str, key: str, value: Any) -> SocketPolicy | None:
    """Return the declaration with the checked value at its place, None where it has no such."""
    if table == "socket":
        return declared._replace(**{key: value})
    if table == "serve":
        serve = declared.serve and declared.serve._replace(**{key: value})
        return serve and declared._replace(serve=serve)
    (grant,) = declared.allow
    if key in ("user", "group"):
        grant = grant._replace(principal=Principal(key, value))
    elif key in Grant._fields:
        grant = grant._replace(**{key: value})
    elif grant.endpoint is None:
        return None
    else:
        name = ENDPOINT_FIELDS.get(key, key)
        grant = grant._replace(endpoint=grant.endpoint._replace(**{name: value}))
    return declared._replace(allow=(grant,))


# --- files ----------------------------------------------------------------------------------


def surveyed(declared: SocketPolicy) -> Surveyed:
    """Return the socket as a host shows it where everyone may connect."""
    seen = Chain(
        declared.path,
        (
            Component("/", DIRECTORY, Access(0, 0, Acl.from_mode(0o755))),
            Component(declared.path, SOCKET, Access(0, 0, Acl.from_mode(0o666))),
        ),
        resolved=declared.path,
    )
    return Surveyed(declared, SocketFacts(seen, None, None, (), ()), cast(Pin, None))


def rendered(declared: SocketPolicy, monkeypatch: pytest.MonkeyPatch) -> list[KeptFile]:
    """Return all files that the declaration could bring to a host; fstab is one of them."""
    parts = take_apart(Task(declared, "socket app"))
    found = [*end_files(parts.task)]
    users = [declared.unit_user, *(end.mount_as for end in _ends(declared) if end.mount_as)]
    creators = [None] + [
        Creator(unit, user, group="app")
        for unit in dict.fromkeys((declared.unit or "app.service", "app.socket"))
        for user in users
    ]
    one = surveyed(declared)
    for task in (parts.here, *(task for dummy, task in parts.served)):
        for creator in creators:
            request = AccessRequest(1000, 1000, 6, 6, 0)
            kept = hooks(task, creator, request, None, Numbers(), "/home/alice")
            found += kept.files
    for native in (True, False):
        monkeypatch.setattr(socat, "look", lambda native=native: socat.Socat("1.8", native=native))
        maker = serving.Serving(
            cast(Accounts, Everyone()), Numbers(), Credentials(65534, 65534), check=True
        )
        made = [
            maker.forward(place, one.facts.chain, one, task, None)[0]
            for place, task in parts.served
        ]
        made += [maker.command(parts.serves, declared, one)] if parts.serves else []
        for served in made:
            assert served is not None, maker.problems
            found += served.files
    for place in (*parts.mounts, *(place for place, dummy in parts.served)):
        file = client_file(place.name, place.endpoint)
        found += [file] if file else []
        if place.endpoint.mount_as:
            line = user_line(declared.path, place.endpoint.at, declared.name)
            found.append(KeptFile("/etc/fstab", line.decode("utf-8", "surrogateescape")))
    return found


def _ends(declared: SocketPolicy) -> list[Endpoint]:
    return [grant.endpoint for grant in declared.allow if grant.endpoint]


def form(file: KeptFile) -> object:
    """Return what no value may change in a file: settings and words, fields, or keys of JSON."""
    if file.path == "/etc/fstab":
        (line,) = parse(file.content.encode("utf-8", "surrogateescape"))
        # The last option is the mark, which carries the name of the socket.
        *options, mark = line.options
        return (file.content.count("\n"), len(line.raw.split(b" ")), options, mark[:16])
    if file.path.endswith(".json"):
        return json.loads(file.content).keys()
    return shape(file.content)


def judged(files: list[KeptFile], harmless: list[KeptFile], value: object = None) -> None:
    """Compare the files of a hostile value with those of a harmless one."""
    assert len(files) == len(harmless), value
    for file, model in zip(files, harmless):
        if file == model and value is not None:
            continue
        assert form(file) == form(model), (value, file.path, file.content)
        if file.unit_file and file.path != "/etc/fstab":
            assert unsafe(file.content) == [], (value, file.path)
        # In the same directory but for the name of a unit, and a name that a directory can hold.
        parts = file.path.split("/")
        assert len(parts) == len(model.path.split("/")), (value, file.path)
        assert not {"", ".", ".."} & set(parts[1:]), (value, file.path)
        assert all(len(part.encode()) <= 255 for part in parts), (value, file.path)
        assert file.path.isprintable(), (value, file.path)


# --- tests ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("table", "key"), KEYS, ids=[f"{table}-{key}" for table, key in KEYS])
def test_no_value_says_more_than_its_key(
    table: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = accepted(table, key)
    assert values, f"no value of SAMPLES is right for {key}: add one"
    for sample, good in values:
        tried: set[tuple[str, str]] = set()
        for scene in SCENES.values():
            declared = put(scene, table, key, good)
            if declared is None or not any(spoilt(sample, "")):
                continue
            harmless = rendered(declared, monkeypatch)
            judged(harmless, harmless)
            reached = reaches(scene, table, key, sample, harmless, monkeypatch)
            if reached <= tried:
                continue
            tried |= reached
            for bad in (bad for evil in HOSTILE for bad in spoilt(sample, evil)):
                try:
                    hostile = put(scene, table, key, checked(table, key, bad))
                    files = rendered(cast(SocketPolicy, hostile), monkeypatch)
                except (Wrong, AccessError):
                    # Refused in words, before any file is made of it.
                    continue
                judged(files, harmless, bad)


def reaches(
    scene: SocketPolicy,
    table: str,
    key: str,
    sample: Any,
    harmless: list[KeptFile],
    monkeypatch: pytest.MonkeyPatch,
) -> set[tuple[str, str]]:
    """Return the settings of files, and the names, in which another harmless value shows."""
    found: set[tuple[str, str]] = set()
    for other in spoilt(sample, "x"):
        try:
            changed = put(scene, table, key, checked(table, key, other))
        except Wrong:
            continue
        for file, model in zip(rendered(cast(SocketPolicy, changed), monkeypatch), harmless):
            kind = f"{model.user is None} {model.path.rpartition('/')[2]}"
            if file.path != model.path:
                found.add((kind, "name"))
            if file.path.endswith(".json") and file.content != model.content:
                found.add(("json", "content"))
                continue
            lines = zip(file.content.split("\n"), model.content.split("\n"))
            found |= {(kind, one.partition("=")[0]) for one, two in lines if one != two}
    return found


@pytest.mark.parametrize("evil", HOSTILE)
def test_no_name_of_a_socket_says_more_than_a_name(
    evil: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is the key of a dictionary, and a part of the names of files and units."""
    for name in spoilt("app", evil):
        try:
            (declared,) = validate({name: {"path": "/run/app/app.sock"}}).sockets
        except PolicyError:
            continue
        for scene in SCENES.values():
            files = rendered(scene._replace(name=declared.name), monkeypatch)
            judged(files, rendered(scene, monkeypatch), name)


@pytest.mark.parametrize("evil", HOSTILE)
def test_a_path_comes_out_of_fstab_as_it_went_in(evil: str) -> None:
    for path in spoilt("/run/app/s", evil):
        try:
            checked("grant", "at", path)
        except Wrong:
            continue
        raw = user_line(path, path, "app")
        source, target, *rest = raw.split(b" ")
        assert [unescape(one).decode() for one in (source, target)] == [path, path]
        assert rest == [b"none", b"bind,rw,user,noauto,nofail,x-socket-access=app", b"0", b"0"]


def test_the_reader_would_see_it() -> None:
    """What the tests above compare by notices each kind of injection."""
    good = "[Service]\nExecStart=/bin/x y\n"
    for bad in (
        "[Service]\nExecStart=/bin/x y\nUser=root\n",
        "[Service]\nExecStart=/bin/x y z\n",
        "[Service]\nExecStart=/bin/x y \\\nUser=app\n",
        "[Service]\rUser=root\nExecStart=/bin/x y\n",
        "[Socket]\nExecStart=/bin/x y\n",
    ):
        assert shape(bad) != shape(good)
    assert unsafe("[Service]\nExecStart=/bin/x %n\nUser=$HOME\n") == ["ExecStart=/bin/x %n"]
    assert unsafe("[Service]\nExecStart=/bin/x $HOME\nUser=%u\n") == [
        "ExecStart=/bin/x $HOME",
        "User=%u",
    ]
    assert unsafe("[Service]\nExecStart=/bin/x $$HOME %%n\n") == []
