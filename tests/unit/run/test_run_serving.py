# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What makes an endpoint on a host, and what keeps it from being made."""

from __future__ import annotations

import json
from typing import cast

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine import serving
from ansible_collections.unixsocket.access.plugins.module_utils._engine.endpoints import (
    Parts,
    Place,
    take_apart,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import commands, socat
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.accounts import (
    Accounts,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.listening import (
    Listener,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.pinned import Pin
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import Access
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
    Group,
    User,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.chain import (
    DIRECTORY,
    OTHER,
    SOCKET,
    Chain,
    Component,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.facts import (
    PrincipalFacts,
    SocketFacts,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.words import Numbers
from ansible_collections.unixsocket.access.plugins.module_utils._engine.overflow import (
    never_let_in,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import (
    Endpoint,
    Grant,
    Serve,
    SocketPolicy,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.survey import Surveyed
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import (
    Task,
    compiled,
    from_compiled,
)
from unit.planner.facts import GROUPS, PATH, STRANGER, USERS, chain, principal

AT = "/srv/app"
OPEN = Access(100, 500, Acl.from_mode(0o666))
ROOTS = Access(0, 0, Acl.from_mode(0o755))
THERE = Component("/srv", DIRECTORY, ROOTS)


class Known:
    """The accounts of the host on paper."""

    def user(self, name: str) -> User | None:
        return USERS.get(name)

    def group(self, name: str) -> Group | None:
        by_id = {str(one.gid): one for one in GROUPS.values()}
        # A number that no group has is a group without a name.
        nameless = Group(name, int(name), frozenset(), known=False) if name.isdigit() else None
        return GROUPS.get(name) or by_id.get(name) or nameless


def make(*, check: bool = False) -> serving.Serving:
    return serving.Serving(cast(Accounts, Known()), Numbers(), STRANGER, check=check)


def surveyed(declared: SocketPolicy, seen: Chain) -> Surveyed:
    one = Surveyed(declared, SocketFacts(seen, None, None, (), ()), cast(Pin, None))
    one.notes.append("A note.")
    return one


def parts_of(method: str = "proxy", type_: str | None = None, **fields: object) -> Parts:
    endpoint = Endpoint(AT, **fields)
    grant = Grant(principal("user nginx"), method, endpoint=endpoint)
    return take_apart(Task(SocketPolicy("app", PATH, type_, allow=(grant,)), "socket app"))


def forward(
    one: serving.Serving,
    parts: Parts,
    access: Access | None = OPEN,
    before: Task | None = None,
) -> tuple[serving.Served | None, Surveyed]:
    ((place, task),) = parts.served
    seen = chain(access)
    source = surveyed(parts.task.declared, seen)
    served, dummy = one.forward(place, seen, source, task, before)
    return served, source


def texts(served: serving.Served | None) -> dict[str, str]:
    assert served is not None
    return {file.path.rpartition("/")[2]: file.content for file in served.files}


@pytest.fixture(autouse=True)
def host(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host with both engines, on which nothing listens."""
    monkeypatch.setattr(socat, "look", lambda: socat.Socat("1.8.0.3", native=True))
    monkeypatch.setattr(commands, "is_program", lambda path: True)
    monkeypatch.setattr(serving, "listener_at", lambda leaf: None)


def no_socat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socat, "look", lambda: None)


def listens(monkeypatch: pytest.MonkeyPatch, type_: str) -> None:
    listener = Listener(*(type_ if name == "type" else 1 for name in Listener._fields))
    monkeypatch.setattr(serving, "listener_at", lambda leaf: listener)


# --- what is made -----------------------------------------------------------------------------


@pytest.mark.parametrize("engine", [None, "socat", "systemd-socket-proxyd"])
def test_a_proxy(engine: str | None) -> None:
    one, parts = make(), parts_of(engine=engine, max_connections=7)
    ((place, dummy),) = parts.served
    served, dummy = forward(one, parts)
    assert one.problems == []
    stem = f"socket-access-proxy-{place.name}"
    found = texts(served)
    assert found.keys() == {f"{stem}.socket", f"{stem}.service", f"50-{stem}.conf"}
    assert f"ListenStream={AT}\n" in found[f"{stem}.socket"]
    assert "SocketMode=0600\n" in found[f"{stem}.socket"]
    assert "DynamicUser=yes\n" in found[f"{stem}.service"]
    assert "SupplementaryGroups" not in found[f"{stem}.service"]
    program = "systemd-socket-proxyd" if engine == "systemd-socket-proxyd" else "socat"
    assert program in found[f"{stem}.service"]
    assert "7" in found[f"{stem}.service"]
    assert served is not None
    assert served.unit == f"{stem}.socket"
    restarts = {file.restarts for file in served.files}
    assert restarts == {f"{stem}.socket", f"{stem}.service", None}


def test_a_gate_with_its_rules() -> None:
    one, parts = make(), parts_of("gate", max_message=9)
    ((place, dummy),) = parts.served
    served, dummy = forward(one, parts, Access(100, 500, Acl.from_mode(0o660)))
    found = texts(served)
    stem = f"socket-access-gate-{place.name}"
    assert found.keys() == {
        *(f"{stem}.socket", f"{stem}.service", f"50-{stem}.conf"),
        f"{place.name}.json",
    }
    assert f"gate {place.name}\n" in found[f"{stem}.service"]
    assert "SupplementaryGroups=500\n" in found[f"{stem}.service"]
    rules = json.loads(found[f"{place.name}.json"])
    assert (rules["forward"], rules["users"], rules["max_message"]) == (PATH, ["nginx"], 9)
    assert served is not None
    (file,) = (file for file in served.files if file.path.endswith(".json"))
    assert file.path == f"/etc/socket-access/gates/{place.name}.json"
    # The server reads it again by itself.
    assert (file.unit_file, file.restarts) == (False, None)


def test_a_group_without_a_name() -> None:
    """A unit with such a group would not start (systemd.exec(5), SupplementaryGroups=)."""
    one, parts = make(), parts_of("gate")
    served, dummy = forward(one, parts, Access(100, 4711, Acl.from_mode(0o660)))
    assert served is None
    assert len(one.problems) == 1
    assert "the id 4711 and no name" in one.problems[0]


def test_what_was_found_holds_while_the_socket_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run while the daemon is down must not take the proxy's way to the socket."""
    parts = parts_of("proxy")
    ((place, task),) = parts.served
    closed = chain(Access(100, 500, Acl.from_mode(0o660)))
    fields = Listener._fields
    listens = Listener(*("seqpacket" if name == "type" else 1 for name in fields))
    monkeypatch.setattr(serving, "listener_at", lambda leaf: listens)
    dummy, found = make().forward(
        place, closed, surveyed(parts.task.declared, closed), task, before=None
    )
    assert (found.found_type, found.found_groups) == ("seqpacket", (500,))
    kept = from_compiled(compiled(found), "app.json")
    again, source = forward(make(), parts, access=None, before=kept)
    for name, text in texts(again).items():
        assert ("SupplementaryGroups=500\n" in text) == name.endswith(".service")
        assert ("ListenSequentialPacket=" in text) == name.endswith(".socket")
    assert source.notes == ["A note."]


def test_what_was_found_may_be_gone_meanwhile() -> None:
    parts = parts_of("proxy")
    before = Task(SocketPolicy("app", PATH), "socket app", found_groups=(4711,))
    one = make()
    served, dummy = forward(one, parts, access=None, before=before)
    assert served is None
    (said,) = one.problems
    assert "the id 4711 and no name" in said


def test_the_account_is_in_the_unit() -> None:
    one = make()
    served, dummy = forward(one, parts_of(run_as="app"), Access(100, 100, Acl.from_mode(0o600)))
    (service,) = (text for name, text in texts(served).items() if name.endswith(".service"))
    assert "User=app\n" in service
    assert "DynamicUser" not in service


@pytest.mark.parametrize("native", [True, False])
def test_an_older_socat_gets_an_acceptor(monkeypatch: pytest.MonkeyPatch, native: bool) -> None:
    monkeypatch.setattr(socat, "look", lambda: socat.Socat("1", native=native))
    (service,) = (
        text
        for name, text in texts(forward(make(), parts_of())[0]).items()
        if name.endswith(".service")
    )
    assert ("socket-access accept" in service) is not native


@pytest.mark.parametrize(
    ("declared", "found", "key"),
    [
        (None, None, "ListenStream"),
        (None, "seqpacket", "ListenSequentialPacket"),
        ("seqpacket", None, "ListenSequentialPacket"),
        ("stream", "seqpacket", "ListenStream"),
    ],
)
def test_the_type_is_as_declared_or_as_found(
    monkeypatch: pytest.MonkeyPatch, declared: str | None, found: str | None, key: str
) -> None:
    if found is not None:
        listens(monkeypatch, found)
    for method in ("proxy", "gate"):
        served, dummy = forward(make(), parts_of(method, declared))
        (text,) = (text for name, text in texts(served).items() if name.endswith(".socket"))
        assert f"{key}={AT}\n" in text


# --- what is not made -------------------------------------------------------------------------


def test_proxyd_cannot_do_what_listens_there(monkeypatch: pytest.MonkeyPatch) -> None:
    listens(monkeypatch, "seqpacket")
    one = make()
    served, dummy = forward(one, parts_of(engine="systemd-socket-proxyd"))
    assert served is None
    (said,) = one.problems
    assert f"A seqpacket socket listens at {PATH}" in said
    assert "use the engine socat" in said


@pytest.mark.parametrize("method", ["proxy", "gate"])
def test_datagrams_that_nobody_declared(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """The type is seen on the host alone; it is refused in a sentence."""
    listens(monkeypatch, "dgram")
    one = make()
    served, dummy = forward(one, parts_of(method))
    assert served is None
    (said,) = one.problems
    assert PATH in said
    assert "dgram" in said or "datagram" in said


def test_a_host_without_socat(monkeypatch: pytest.MonkeyPatch) -> None:
    no_socat(monkeypatch)
    one = make()
    dummy, source = forward(one, parts_of())
    assert one.problems == [
        f"The proxy at {AT} needs socat, which is not installed; install the package socat, or "
        "declare engine: systemd-socket-proxyd."
    ]
    assert source.absentees == []


def test_check_mode_on_a_host_without_socat(monkeypatch: pytest.MonkeyPatch) -> None:
    no_socat(monkeypatch)
    one = make(check=True)
    served, source = forward(one, parts_of())
    assert one.problems == []
    assert source.absentees == [
        f"The proxy at {AT} needs socat, which is not installed yet; check mode assumes that an "
        "earlier task will install it."
    ]
    # As one that takes a listening descriptor.
    assert not any("socket-access accept" in text for text in texts(served).values())


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize(
    ("method", "keys", "said"),
    [
        ("proxy", {}, "needs socat"),
        ("proxy", {"engine": "socat", "run_as": "app"}, "needs socat"),
        ("proxy", {"engine": "systemd-socket-proxyd", "run_as": "app"}, None),
        ("gate", {}, None),
        ("gate", {"run_as": "gone"}, "User gone, as whom the gate at /srv/app shall run, does not"),
    ],
)
def test_what_an_endpoint_needs_besides_a_socket_that_cannot_be_looked_at(
    monkeypatch: pytest.MonkeyPatch,
    check: bool,
    method: str,
    keys: dict[str, str],
    said: str | None,
) -> None:
    no_socat(monkeypatch)
    one, parts = make(check=check), parts_of(method, **keys)
    ((place, task),) = parts.served
    own = surveyed(task.declared, FREE)
    one.look_for(place, own)
    told, others = (own.absentees, one.problems) if check else (one.problems, own.absentees)
    assert len(told) == (said is not None)
    assert all(str(said) in sentence for sentence in told)
    assert others == []


@pytest.mark.parametrize("check", [False, True])
def test_a_host_without_the_proxy_of_systemd(
    monkeypatch: pytest.MonkeyPatch, *, check: bool
) -> None:
    monkeypatch.setattr(commands, "is_program", lambda path: False)
    one = make(check=check)
    served, source = forward(one, parts_of(engine="systemd-socket-proxyd"))
    assert served is not None
    lacks = f"The proxy at {AT} needs /usr/lib/systemd/systemd-socket-proxyd, which is not there"
    assert one.problems == ([] if check else [f"{lacks}; declare engine: socat, or install it."])
    assert [said.startswith(f"{lacks} yet") for said in source.absentees] == [True] * check


def test_other_programs_need_no_socat(monkeypatch: pytest.MonkeyPatch) -> None:
    no_socat(monkeypatch)
    for parts in (parts_of(engine="systemd-socket-proxyd"), parts_of("gate")):
        one = make()
        served, dummy = forward(one, parts)
        assert served is not None
        assert one.problems == []


def test_an_account_that_nobody_has() -> None:
    one = make()
    served, source = forward(one, parts_of(run_as="gone"))
    assert served is None
    (said,) = one.problems
    assert f"User gone, as whom the proxy at {AT} shall run, does not exist on this host" in said
    assert source.absentees == []


def test_check_mode_for_an_account_that_nobody_has() -> None:
    one = make(check=True)
    served, source = forward(one, parts_of(run_as="gone"))
    assert served is not None
    assert one.problems == []
    (said,) = source.absentees
    assert "does not exist on this host yet; check mode assumes" in said


def test_an_account_that_may_not_connect() -> None:
    one = make()
    served, dummy = forward(one, parts_of(run_as="carol"), Access(100, 500, Acl.from_mode(0o660)))
    assert served is None
    assert "runs as user carol, who would be refused" in one.problems[0]


def test_a_socket_that_is_not_there_yet_is_told() -> None:
    one = make()
    served, source = forward(one, parts_of(), None)
    assert served is not None
    assert one.problems == []
    assert any(f"The socket {PATH} does not exist yet" in note for note in source.notes)


# --- the place of an endpoint -----------------------------------------------------------------


def checked(seen: Chain, *, ours: bool = False, check: bool = False) -> tuple[list[str], Surveyed]:
    one, parts = make(check=check), parts_of()
    ((place, task),) = parts.served
    own = surveyed(task.declared, seen)
    one.check_place(place, own, ours)
    return one.problems, own


def at_end(kind: str) -> Chain:
    return Chain(AT, (THERE, Component(AT, kind, OPEN)), resolved=AT)


FREE = Chain(AT, (THERE,), missing=AT, resolved=AT)
NO_PARENT = Chain(AT, (), missing="/srv", resolved=AT)


def test_a_free_place() -> None:
    problems, own = checked(FREE)
    assert problems == []
    # That it is not there yet is no news.
    assert (own.notes, own.absentees) == ([], [])


def test_a_place_in_no_directory() -> None:
    problems, dummy = checked(NO_PARENT)
    (said,) = problems
    assert f"The directory /srv of the endpoint {AT} does not exist; make it first" in said


def test_check_mode_for_a_place_in_no_directory() -> None:
    problems, own = checked(NO_PARENT, check=True)
    assert problems == []
    (said,) = own.absentees
    assert f"The directory /srv of the endpoint {AT} does not exist yet; check mode" in said
    assert own.notes == []


@pytest.mark.parametrize("check", [False, True])
def test_the_place_of_somebody_else(check: bool) -> None:
    problems, dummy = checked(at_end(SOCKET), check=check)
    (said,) = problems
    assert f"There is a socket at {AT} already, which does not come from this collection" in said
    assert "write another path, or stop what made it and remove it" in said


def test_our_own_place() -> None:
    problems, dummy = checked(at_end(SOCKET), ours=True)
    assert problems == []


# --- a command for each request ---------------------------------------------------------------


def test_a_command_and_its_rules(tmp_path: object) -> None:
    one = make()
    place = Place("app", "gate", Endpoint(PATH), ())
    serve = Serve(("/bin/sh", "-c", "true"), "app", at_once=3)
    declared = SocketPolicy("app", PATH, serve=serve)
    served = one.command(place, declared, surveyed(declared, chain(OPEN)))
    assert one.problems == []
    found = texts(served)
    assert f"ListenStream={PATH}\n" in found["socket-access-gate-app.socket"]
    assert "User=app\n" in found["socket-access-gate-app.service"]
    assert json.loads(found["app.json"])["command"] == ["/bin/sh", "-c", "true"]
    assert one.command(place, declared._replace(serve=None), surveyed(declared, chain())) is None


def test_a_command_of_nobody_or_of_nothing() -> None:
    place = Place("app", "gate", Endpoint(PATH), ())
    for serve, said in (
        (Serve(("/bin/sh",), "gone"), "User gone, as whom the command of"),
        (Serve(("/no/such/program",), "app"), "The command /no/such/program"),
    ):
        declared = SocketPolicy("app", PATH, serve=serve)
        one = make()
        one.command(place, declared, surveyed(declared, chain(OPEN)))
        assert said in one.problems[0]
        one, own = make(check=True), surveyed(declared, chain(OPEN))
        one.command(place, declared, own)
        assert one.problems == []
        assert said in own.absentees[0]
        assert "check mode assumes" in own.absentees[0]


def program(access: Access, directory: Access = ROOTS, kind: str = OTHER) -> Chain:
    parts = (Component("/", DIRECTORY, ROOTS), Component("/opt", DIRECTORY, directory))
    return Chain("/opt/up", (*parts, Component("/opt/up", kind, access)), resolved="/opt/up")


MINE = Access(USERS["app"].uid, 500, Acl.from_mode(0o755))


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (program(ROOTS), None),
        (program(MINE), None),
        (program(MINE, MINE), None),
        (program(ROOTS._replace(acl=Acl.from_mode(0o757))), "everyone may write to /opt/up."),
        (program(MINE._replace(acl=Acl.from_mode(0o775))), "the members of group 500 may write to"),
        # By a mask, nobody but the owner writes.
        (program(MINE._replace(acl=Acl(7, 7, 5, (), (), 5))), None),
        (program(MINE._replace(acl=Acl(7, 7, 5, (), (), 7))), "the members of group 500 may write"),
        (program(ROOTS._replace(acl=Acl(7, 5, 5, ((1003, 6),), (), 7))), "uid 1003 may write to"),
        (
            program(ROOTS._replace(acl=Acl(7, 5, 5, (), ((600, 6),), 7))),
            "the members of group 600 ",
        ),
        (program(ROOTS._replace(acl=Acl(7, 5, 5, ((MINE.uid, 7),), (), 7))), None),
        (program(ROOTS._replace(uid=1003)), "/opt/up belongs to uid 1003."),
        (program(ROOTS, kind=DIRECTORY), "/opt/up is a directory."),
        (program(ROOTS, ROOTS._replace(uid=1003)), "the directory /opt belongs to uid 1003"),
    ],
)
def test_who_else_can_replace_the_command(
    monkeypatch: pytest.MonkeyPatch, seen: Chain, why: str | None
) -> None:
    monkeypatch.setattr(serving, "walked", lambda path: seen)
    place = Place("app", "gate", Endpoint(PATH), ())
    declared = SocketPolicy("app", PATH, serve=Serve(("/opt/up",), "app"))
    one = make()
    one.command(place, declared, surveyed(declared, chain(OPEN)))
    assert len(one.problems) == (why is not None)
    if why is not None:
        assert one.problems[0].startswith(
            f"The command /opt/up would run as app for whoever may ask at {PATH}, but others than "
            "root and app can replace it: "
        )
        assert why in one.problems[0]


def test_a_command_that_nobody_can_look_at(monkeypatch: pytest.MonkeyPatch) -> None:
    def walked(path: str) -> Chain:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(serving, "walked", walked)
    place = Place("app", "gate", Endpoint(PATH), ())
    declared = SocketPolicy("app", PATH, serve=Serve(("/opt/up",), "app"))
    one = make()
    one.command(place, declared, surveyed(declared, chain(OPEN)))
    (said,) = one.problems
    assert said.startswith("The command /opt/up cannot be looked at: ")


@pytest.mark.parametrize(
    ("command", "run"),
    [
        (["/opt/up"], ["/opt/up"]),
        (["/opt/up", "/etc/app.conf"], ["/opt/up"]),
        (["/bin/sh", "/opt/up.sh", "/x"], ["/bin/sh", "/opt/up.sh"]),
        (["/usr/bin/python3.11", "-I", "/opt/up.py"], ["/usr/bin/python3.11", "/opt/up.py"]),
        (["/usr/bin/env", "sh"], ["/usr/bin/env"]),
    ],
)
def test_the_script_of_an_interpreter_is_run_as_well(command: list[str], run: list[str]) -> None:
    assert serving.programs(command) == run


@pytest.mark.parametrize(
    ("label", "account", "said"),
    [
        ("user nobody", User("nobody", Credentials(65534, 500)), "its id, 65534,"),
        ("user old", User("old", Credentials(90, 65534)), "the id of its primary group, 65534,"),
        ("group nogroup", Group("nogroup", 65534), "its id, 65534,"),
        ("user 65534", User("65534", Credentials(65534, 65534), known=False), "its id, 65534,"),
        ("user 90", User("90", Credentials(90, 65534), known=False), None),
        ("user app", User("app", Credentials(90, 500, frozenset({65534}))), None),
        ("group app", Group("app", 500), None),
    ],
)
def test_whom_a_gate_never_lets_in(label: str, account: User | Group, said: str | None) -> None:
    """A proof would say that they connect, which is so, until the gate sends them away."""
    facts = SocketFacts(chain(OPEN), None, None, (PrincipalFacts(label, account),), ())
    one = Surveyed(parts_of().task.declared, facts, cast(Pin, None))
    told = list(never_let_in(Place("app", "gate", Endpoint(AT), ()), one))
    assert len(told) == bool(said)
    if said:
        assert f"at {AT} would never let {label} in, because {said}" in told[0]
    assert not list(never_let_in(Place("app", "proxy", Endpoint(AT), ()), one))
