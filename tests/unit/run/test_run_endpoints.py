# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A declared socket taken apart: names of endpoints, the tasks that they are, and what is untouched."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ansible_collections.unixsocket.access.plugins.module_utils._engine.endpoints import (
    holders_of,
    maker_of,
    service_of,
    take_apart,
    unit_of,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import (
    Endpoint,
    Grant,
    Policy,
    Principal,
    Serve,
    SocketPolicy,
    validate,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import (
    Task,
    compiled,
    from_compiled,
)
from unit.policy.test_policy_properties import policies

WWW, DB = Principal("user", "www"), Principal("group", "db")
# What systemd.unit(5) allows in a name, and what a policy may be called.
UNIT = re.compile(r"[A-Za-z0-9:_.\\@-]{1,248}\.socket")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def socket(*allow: Grant, name: str = "app", **fields: object) -> SocketPolicy:
    return SocketPolicy(name, "/run/app/app.sock", allow=allow, **fields)


def task(*allow: Grant, **fields: object) -> Task:
    return Task(socket(*allow, **fields), "socket app")


def end(who: Principal = WWW, method: str = "proxy", at: str = "/srv/a", **fields: object) -> Grant:
    return Grant(who, method, endpoint=Endpoint(at, **fields))


def name_of(at: str, name: str = "app") -> str:
    ((place, dummy),) = take_apart(task(end(at=at), name=name)).served
    return place.name


def test_a_socket_without_endpoints_is_what_it_was() -> None:
    whole = task(Grant(WWW), Grant(DB, "acl"), mode=0o600)
    parts = take_apart(whole)
    assert parts.here == whole
    assert (parts.mounts, parts.served, parts.serves, parts.untouched) == ((), (), None, False)


def test_a_name_is_the_same_on_every_run() -> None:
    """Units and files of an earlier version must be found again."""
    assert name_of("/srv/a") == "app.a-ad8e48e6"


def test_names_tell_what_differs() -> None:
    ats = ["/srv/a", "/srv/b", "/a", "/srv/a/a", "/srv/a b", "/srv/a_b", "/srv/" + "x" * 90]
    found = {name_of(at, name) for at in ats for name in ("app", "web", "app.a")}
    assert len(found) == 3 * len(ats)


def test_long_names_that_begin_alike_differ() -> None:
    names = ["n" * 63 + end for end in "ab"]
    ats = ["/" + "y" * 100 + end for end in "ab"]
    assert len({name_of(at, name) for at in ats for name in names}) == 4


def test_units_are_called_after_the_endpoint() -> None:
    ((place, derived),) = take_apart(task(end(method="gate"))).served
    assert unit_of(place) == f"socket-access-gate-{place.name}.socket"
    assert service_of(unit_of(place)) == f"socket-access-gate-{place.name}.service"
    assert derived.declared.unit == unit_of(place)


PATHS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40).map(
    lambda text: "/" + text.replace("/", "-")
)


@given(PATHS, st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z"))
def test_any_name_fits_for_files_and_units(at: str, name: str) -> None:
    ((place, derived),) = take_apart(task(end(at=at), name=name)).served
    assert NAME.fullmatch(place.name)
    assert UNIT.fullmatch(unit_of(place))
    assert derived.declared.name == place.name


@given(PATHS, PATHS)
def test_no_two_endpoints_have_one_name(one: str, other: str) -> None:
    assume(one != other)
    assert name_of(one) != name_of(other)


def test_grants_at_one_path_are_one_place() -> None:
    grants = [end(), end(DB), end(WWW, at="/srv/b"), end(DB, "bind_mount", "/srv/m"), Grant(WWW)]
    parts = take_apart(task(*grants))
    assert [place.principals for place, dummy in parts.served] == [(WWW, DB), (WWW,)]
    assert [place.endpoint.at for place in parts.mounts] == ["/srv/m"]
    # What a mount needs of the inode is done at the socket itself.
    assert parts.here.declared.allow == (grants[3], grants[4])
    assert not parts.untouched


def test_an_endpoint_is_a_socket_of_its_own() -> None:
    whole = task(
        end(owner="web", group="db", mode=0o640)._replace(open_parents=("/srv",)),
        end(DB, owner="web", group="db", mode=0o640),
        end(Principal("user", "web"), owner="web", group="db", mode=0o640),
        type="seqpacket",
        owner="app",
        group="app",
        mode=0o600,
        refuse=(Principal("user", "mallory"),),
        trust_directories=("/run/app", "/srv", "/sr"),
        unit="app.service",
        unit_user="alice",
        strict=True,
        deadline=3.0,
    )
    ((place, derived),) = take_apart(whole).served
    assert derived.served
    assert derived.declared == SocketPolicy(
        place.name,
        "/srv/a",
        "seqpacket",
        "web",
        "db",
        0o640,
        # Its owner gets in by the owner's bits.
        (Grant(WWW, open_parents=("/srv",)), Grant(DB)),
        (Principal("user", "mallory"),),
        ("/srv",),
        unit_of(place),
        strict=True,
    )


@pytest.mark.parametrize(
    ("fields", "more", "untouched"),
    [
        ({}, (), True),
        ({"refuse": (Principal("user", "x"),)}, (), True),
        ({"owner": "app"}, (), False),
        ({"group": "app"}, (), False),
        ({"mode": 0}, (), False),
        ({}, (Grant(DB),), False),
        ({}, (end(DB, "bind_mount", "/srv/m"),), False),
        ({}, (end(DB, "gate", "/srv/g"),), True),
    ],
)
def test_what_is_only_passed_on_is_not_touched(
    fields: dict[str, object], more: tuple[Grant, ...], untouched: bool
) -> None:
    assert take_apart(task(end(), *more, **fields)).untouched is untouched
    assert not take_apart(task(**fields)).untouched


def test_a_socket_that_runs_a_command_is_the_place_itself() -> None:
    serve = Serve(("/bin/x",), "app")
    parts = take_apart(task(Grant(WWW), serve=serve))
    assert parts.serves is not None
    assert (parts.serves.name, parts.serves.endpoint.at) == ("app", "/run/app/app.sock")
    assert parts.serves.principals == (WWW,)
    assert parts.here.declared.unit == unit_of(parts.serves) == "socket-access-gate-app.socket"
    assert (parts.mounts, parts.served, parts.untouched) == ((), (), False)


def test_each_part_trusts_what_leads_to_it() -> None:
    parts = take_apart(task(end(), trust_directories=("/", "/run/app", "/srv", "/sr")))
    ((dummy, derived),) = parts.served
    assert parts.here.declared.trust_directories == ("/", "/run/app")
    assert derived.declared.trust_directories == ("/", "/srv")


def test_what_endpoints_asked_for_goes_with_the_socket() -> None:
    whole = task(end())
    parts = take_apart(whole)
    ((place, derived),) = parts.served
    known = {
        derived.holder,
        maker_of(whole, place.method),
        "socket apparent at /srv/a",
        "socket web",
    }
    assert holders_of(whole, known) == {"socket app", derived.holder, maker_of(whole, place.method)}


def test_what_the_host_keeps_stands_for_itself() -> None:
    """A hook of the socket must not take its endpoints away."""
    kept = from_compiled(compiled(task(end())), "app.json")
    assert holders_of(kept, {"socket app at /srv/a"}) == {"socket app"}


@settings(max_examples=30)
@given(policies())
def test_every_part_is_kept_as_it_is(policy: Policy) -> None:
    """What the host keeps of each part means the same to the hooks that read it."""
    for declared in policy.sockets:
        parts = take_apart(Task(declared, f"socket {declared.name}"))
        for part in (parts.here, *(derived for dummy, derived in parts.served)):
            if Principal("user", part.declared.owner or "") in part.declared.refuse:
                # The planner refuses that.
                continue
            back = from_compiled(compiled(part), "x.json")
            assert back.declared == part.declared_alone
            assert back.holder == part.holder


def test_a_derived_declaration_is_right_by_itself() -> None:
    declaration = {
        "app": {
            "path": "/run/app/app.sock",
            "unit": "app.service",
            "strict": True,
            "deadline": 5,
            "allow": [
                {"user": "www", "method": "proxy", "at": "/srv/a", "at_owner": "www"},
                {"group": "db", "method": "proxy", "at": "/srv/a", "at_owner": "www"},
            ],
        }
    }
    (declared,) = validate(declaration).sockets
    ((dummy, derived),) = take_apart(Task(declared, "socket app")).served
    assert from_compiled(compiled(derived), "x.json").declared == derived.declared
