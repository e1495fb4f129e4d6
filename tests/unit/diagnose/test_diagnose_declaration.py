# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lines that are proposed for the inventory, and what is declared already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.unixsocket.access.plugins.module_utils._engine.diagnose import (
    Cause,
    Change,
    Proposal,
    proposal,
    refusal,
    relation,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.diagnose.declared import (
    Declared,
    by_declaration,
    declared_whole,
    missing_source,
    notes,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.holders import (
    name_for,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import (
    Principal,
    validate,
)
from unit.reach.chains import ALICE, APP, BOB, ROOT, People, acl, chain, inode, socket_at

NOBODY = Credentials(9999, 9999)
USER = Principal("user", "alice")
CAUSE = Cause("other", "EACCES", "/run/app.sock", "No.", (Change("acl-entry", "Do."),))


def declared(**keys: Any) -> Declared:
    (policy,) = validate({"app": {"path": "/run/app.sock", **keys}}).sockets
    return Declared("app", policy)


def sockets(proposed: Proposal | None) -> Any:
    """What is proposed, after a way through YAML and through the policy's own checks."""
    assert proposed is not None
    found = yaml.safe_load(proposed.yaml)["socket_policy_sockets"]
    assert found == proposed.sockets
    validate(found)
    return found


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/run/redis/redis-server.sock", "redis-server"),
        ("/run/app.socket", "app"),
        ("/run/user/1000/pipewire-0", "pipewire-0"),
        ("/run/gunicorn/control", "gunicorn"),
        ("/run/s", "s"),
        ("/run/postgresql/.s.PGSQL.5432", "s.PGSQL.5432"),
        ("/run/a b/\udcff.sock", "socket"),
        ("/run/" + "x" * 90, "x" * 64),
    ],
)
def test_names(path: str, name: str) -> None:
    assert name_for(path) == name


def test_yaml_takes_nothing_for_something_else() -> None:
    entry = {
        "path": "/run/a b",
        "mode": "0660",
        "group": "no",
        "allow": [{"user": "4711"}, {"user": "on"}, {"group": "a:b", "open_parents": ["/run/#x"]}],
        "refuse": ["0x10", "~", "-", "é"],
    }
    proposed = Proposal({"app": entry})
    found = yaml.safe_load(proposed.yaml)["socket_policy_sockets"]["app"]
    assert found == entry


@pytest.mark.parametrize("name", ["1000", "on", "null", "0x10", "2024-01-01", "1e3", "app"])
def test_a_name_is_a_name(name: str) -> None:
    """A socket below /run/user/1000 may be named after its directory."""
    proposed = Proposal({name: {"path": "/run/app.sock"}})
    assert list(yaml.safe_load(proposed.yaml)["socket_policy_sockets"]) == [name]


def test_who_is_in_stays_in() -> None:
    held = acl(0o660, {BOB: 6, 40: 0}, {ALICE: 6}, mask=6)
    way = chain("/run/app.sock", inode("/run", 0o755), socket_at("/run/app.sock", held, ROOT, APP))
    found = sockets(proposal(way, [CAUSE], USER, None, People(), NOBODY))
    assert found == {
        "app": {
            "path": "/run/app.sock",
            "group": "app",
            "mode": "0660",
            "allow": [{"user": "bob"}, {"group": "alice"}, {"user": "alice"}],
            "refuse": ["40"],
        }
    }


@pytest.mark.parametrize(
    ("mode", "named", "mask", "out"),
    [
        (0o606, (6, 0), 6, [{"group": "alice"}, "alice"]),
        (0o606, (6, 6), 4, ["bob", {"group": "alice"}, "alice"]),
        (0o606, (6, 0), 0, ["alice"]),
        # Nobody comes in with all others.
        (0o600, (0, 0), 6, ["bob", "alice"]),
    ],
)
def test_whom_the_list_keeps_out_stays_out(
    mode: int, named: tuple[int, int], mask: int, out: list[Any]
) -> None:
    held = acl(mode, {BOB: named[0]}, {ALICE: named[1]}, mask=mask)
    way = chain("/run/app.sock", inode("/run", 0o755), socket_at("/run/app.sock", held, ROOT, APP))
    found = refusal(way, USER, None, People(), NOBODY)
    assert sockets(found)["app"]["refuse"] == out
    assert found is not None
    (note,) = found.notes
    assert ("all others go on getting in" in note) == (mode == 0o606)
    assert ("closed to everyone who is not named" in note) == (mode == 0o600)


def test_what_is_declared_already_gets_one_line() -> None:
    way = chain("/run/app.sock", inode("/run", 0o755), socket_at("/run/app.sock", 0o600))
    known = relation([declared(allow=[{"user": "bob"}])], ["/run/app.sock"], USER, ["alice"])
    found = sockets(proposal(way, [CAUSE], USER, known, People(), NOBODY))
    assert found == {"app": {"path": "/run/app.sock", "allow": [{"user": "alice"}]}}


def test_a_wrong_type_that_is_declared() -> None:
    way = chain("/run/app.sock", inode("/run", 0o755), socket_at("/run/app.sock", 0o666))
    cause = Cause(
        "wrong-type",
        "EPROTOTYPE",
        "/run/app.sock",
        "No.",
        (Change("use-type", "", None, "stream"),),
    )
    known = relation([declared(type="dgram")], ["/run/app.sock"], USER, [])
    found = sockets(proposal(way, [cause], USER, known, People(), NOBODY))
    assert found == {"app": {"path": "/run/app.sock", "type": "stream"}}
    assert proposal(way, [cause], USER, None, People(), NOBODY) is None


def test_the_owner_gets_in_by_the_mode() -> None:
    way = chain("/run/app.sock", inode("/run", 0o755), socket_at("/run/app.sock", 0o440, ALICE))
    cause = CAUSE._replace(code="owner")
    found = sockets(proposal(way, [cause], USER, None, People(), NOBODY))
    assert found == {"app": {"path": "/run/app.sock", "mode": "0640"}}
    # No mode of the socket opens the directory.
    search = CAUSE._replace(code="search-other", path="/run")
    assert proposal(way, [search, cause], USER, None, People(), NOBODY) is None


def test_without_entries_the_group_gets_in() -> None:
    way = chain("/run/app.sock", inode("/run", 0o755), socket_at("/run/app.sock", 0o640, ROOT, APP))
    cause = CAUSE._replace(changes=(Change("group-mode", "Do."), Change("join-group", "Do.")))
    found = sockets(proposal(way, [cause], USER, None, People(), NOBODY))
    assert found == {
        "app": {
            "path": "/run/app.sock",
            "group": "app",
            "mode": "0660",
            "allow": [{"user": "alice", "method": "group"}],
        }
    }
    assert proposal(way, [cause, CAUSE], USER, None, People(), NOBODY) is None
    search = cause._replace(code="search-other", path="/run")
    assert proposal(way, [search], USER, None, People(), NOBODY) is None


def test_keeping_somebody_out() -> None:
    way = chain("/run/app.sock", inode("/run", 0o755), socket_at("/run/app.sock", 0o666, ROOT, APP))
    found = sockets(refusal(way, USER, None, People(), NOBODY))
    assert found == {
        "app": {"path": "/run/app.sock", "group": "app", "mode": "0666", "refuse": ["alice"]}
    }
    mine = chain("/run/app.sock", inode("/run", 0o755), socket_at("/run/app.sock", 0o666, ALICE))
    assert refusal(mine, USER, None, People(), NOBODY) is None
    # A declaration that lets in as well would contradict itself.
    known = relation([declared(allow=[{"user": "alice"}])], ["/run/app.sock"], USER, [])
    assert refusal(way, USER, known, People(), NOBODY) is None
    known = relation([declared(allow=[{"user": "bob"}])], ["/run/app.sock"], USER, [])
    found = sockets(refusal(way, USER, known, People(), NOBODY))
    assert found == {"app": {"path": "/run/app.sock", "refuse": ["alice"]}}


@pytest.mark.parametrize(
    ("keys", "action", "value"),
    [
        ({"allow": [{"user": "alice"}]}, "apply-policy", "app"),
        ({"allow": [{"group": "staff"}]}, "apply-policy", "app"),
        ({"allow": [{"user": "bob"}]}, "acl-entry", None),
        ({"refuse": ["alice"]}, "declare", "app"),
        (
            {"allow": [{"user": "alice", "method": "proxy", "at": "/run/x/app.sock"}]},
            "use-path",
            "/run/x/app.sock",
        ),
    ],
)
def test_the_declaration_comes_first(keys: dict[str, Any], action: str, value: str | None) -> None:
    known = relation([declared(**keys)], ["/run/app.sock"], USER, ["alice", "staff"])
    (cause,) = by_declaration([CAUSE], known, ["/run/app.sock"], USER)
    assert (cause.changes[0].action, cause.changes[0].value) == (action, value)
    assert (cause.code, cause.text) == (CAUSE.code, CAUSE.text)


@pytest.mark.parametrize("more", [{}, {"method": "bind_mount", "at": "/run/more/app.sock"}])
def test_who_is_let_in_at_the_socket_is_not_promised_an_endpoint(more: dict[str, str]) -> None:
    """The host is as it is declared there, and to apply it again would help nobody."""
    ends = ["/run/x/app.sock"]
    grants = [
        {"user": "alice", **more},
        {"user": "bob", "method": "proxy", "at": ends[0]},
        {"group": "staff", "method": "proxy", "at": ends[0]},
    ]
    known = relation([declared(allow=grants)], ends, USER, ["alice"])
    (cause,) = by_declaration([CAUSE], known, ends, USER)
    at = more.get("at", "/run/app.sock")
    assert (cause.changes[0].action, cause.changes[0].value) == ("use-path", at)
    # A group of the user's has a grant there.
    known = relation([declared(allow=grants)], ends, USER, ["alice", "staff"])
    (cause,) = by_declaration([CAUSE], known, ends, USER)
    assert (cause.changes[0].action, cause.changes[0].value) == ("apply-policy", "app")


def test_what_a_run_does_not_mend_stays_to_be_done() -> None:
    """It sets all permissions, and starts no daemon."""
    known = relation([declared(allow=[{"user": "alice"}])], ["/run/app.sock"], USER, [])
    assert known is not None
    dead = Cause("dead-socket", "ECONNREFUSED", "/run/app.sock", "No.", (Change("start", "Do."),))
    found = by_declaration([CAUSE, CAUSE, dead], known, ["/run/app.sock"], USER)
    assert [[one.action for one in cause.changes] for cause in found] == [
        ["apply-policy"],
        [],
        ["start"],
    ]
    assert by_declaration([dead, CAUSE], known, ["/run/app.sock"], USER) == [dead, CAUSE]


def test_an_endpoint_of_a_declared_socket() -> None:
    one = declared(allow=[{"user": "bob", "method": "proxy", "at": "/run/x/app.sock"}])
    known = relation([one], ["/run/x/app.sock"], USER, [])
    assert known is not None
    way = chain(
        "/run/x/app.sock",
        inode("/run", 0o755),
        inode("/run/x", 0o755),
        socket_at("/run/x/app.sock", 0o600),
    )
    found = sockets(proposal(way, [CAUSE], USER, known, People(), NOBODY))
    assert found["app"]["allow"] == [{"user": "alice", "method": "proxy", "at": "/run/x/app.sock"}]
    assert relation([one], ["/run/other"], USER, []) is None


def kept_apart(path: str = "/run/app-web.sock") -> tuple[str, str, Any, str]:
    """Return what a host keeps of the endpoint of a proxy in front of app."""
    unit = "socket-access-proxy-app.x.socket"
    (policy,) = validate(
        {"app.x": {"path": path, "unit": unit, "allow": [{"user": "bob"}], "refuse": ["carol"]}}
    ).sockets
    return "app.x", f"socket app at {path}", policy, "/run/app.sock"


def test_an_endpoint_is_declared_by_its_socket() -> None:
    """The host keeps it apart, under a name that nobody has written and nobody may write."""
    base = declared(allow=[{"user": "carol"}])
    (one,) = declared_whole([("app", "socket app", base.policy, None), kept_apart()])
    assert one.name == "app"
    at_socket = relation([one], ["/run/app.sock"], Principal("user", "carol"), [])
    assert at_socket is not None
    assert at_socket.grant == base.policy.allow[0]
    known = relation([one], ["/run/app-web.sock"], USER, ["alice"])
    at = chain("/run/app-web.sock", inode("/run", 0o755), socket_at("/run/app-web.sock", 0o660))
    found = proposal(at, [CAUSE], USER, known, People(), NOBODY)
    assert sockets(found) == {
        "app": {
            "path": "/run/app.sock",
            "allow": [{"user": "alice", "method": "proxy", "at": "/run/app-web.sock"}],
        }
    }
    assert found is not None
    assert "repeat the keys" in found.notes[0]


def test_who_may_connect_at_the_endpoint_is_sent_there() -> None:
    (one,) = declared_whole([kept_apart(), ("app", "socket app", declared().policy, None)])
    bob = Principal("user", "bob")
    there = relation([one], ["/run/app.sock"], bob, ["bob"])
    (cause,) = by_declaration([CAUSE], there, ["/run/app.sock"], bob)
    assert cause.changes[0].value == "/run/app-web.sock"
    # What is not as declared there is put right by the name under which it is kept.
    here = relation([one], ["/run/app-web.sock"], bob, ["bob"])
    (cause,) = by_declaration([CAUSE], here, ["/run/app-web.sock"], bob)
    assert cause.changes[0].commands == (("socket-access", "apply", "app.x"),)


def test_an_endpoint_of_a_socket_that_is_left_alone() -> None:
    """Nothing is kept of the socket itself, and all the same it is declared under its own name."""
    (one,) = declared_whole([kept_apart()])
    bob, carol = Principal("user", "bob"), Principal("user", "carol")
    socket, endpoint = ["/run/app.sock"], ["/run/app-web.sock"]
    # Somebody who has another way to it is told that way.
    (cause,) = by_declaration([CAUSE], relation([one], socket, bob, []), socket, bob)
    assert cause.changes[0].text == (
        "The declaration of app lets user bob in at /run/app-web.sock: connect there."
    )
    (cause,) = by_declaration([CAUSE], relation([one], endpoint, carol, []), endpoint, carol)
    assert cause.changes[0].text.startswith("The declaration of app refuses user carol;")
    known = relation([one], endpoint, USER, ["alice"])
    at = chain("/run/app-web.sock", inode("/run", 0o755), socket_at("/run/app-web.sock", 0o660))
    assert sockets(proposal(at, [CAUSE], USER, known, People(), NOBODY)) == {
        "app": {
            "path": "/run/app.sock",
            "allow": [{"user": "alice", "method": "proxy", "at": "/run/app-web.sock"}],
        }
    }
    assert known is not None
    assert known.maker(endpoint) == ("socket-access-proxy-app.x.socket", None)


def test_a_socket_that_is_left_alone_so_far() -> None:
    """With a grant of its own it is closed to all others, so who gets in now is written down."""
    (one,) = declared_whole([kept_apart()])
    known = relation([one], ["/run/app.sock"], USER, ["alice"])
    at = chain("/run/app.sock", inode("/run", 0o755), socket_at("/run/app.sock", 0o600))
    found = proposal(at, [CAUSE], USER, known, People(), NOBODY)
    assert sockets(found)["app"]["mode"] == "0600"
    assert found is not None
    assert "closed to everyone who is not named" in found.notes[0]


def test_what_is_changed_by_hand_does_not_last() -> None:
    path = ["/run/app.sock"]
    (one,) = declared_whole([("app", "socket app", declared().policy, None), kept_apart()])
    known = relation([one], path, USER, [])
    assert known is not None
    assert notes(known, path, [CAUSE]) == [
        "app is declared on this host, so what is changed at /run/app.sock by hand is taken back at "
        "once, unless socket-access-app.path is stopped."
    ]
    path = ["/run/app-web.sock"]
    known = relation([one], path, USER, [])
    assert known is not None
    (said,) = notes(known, path, [CAUSE])
    assert "unless socket-access-app.x.path is stopped." in said
    bob = relation([one], path, Principal("user", "bob"), [])
    assert bob is not None
    assert notes(bob, path, [CAUSE]) == []


def test_a_mount_whose_socket_nobody_can_look_at(tmp_path: Path) -> None:
    """That it does not exist is not said then."""
    (tmp_path / "loop").symlink_to("loop")
    grant = {"user": "alice", "method": "bind_mount", "at": "/srv/app.sock"}
    declaration = {"app": {"path": f"{tmp_path}/loop/s", "allow": [grant]}}
    (policy,) = validate(declaration).sockets
    known = relation([Declared("app", policy)], ["/srv/app.sock"], USER, [])
    assert known is not None
    assert missing_source(known, ["/srv/app.sock"]) is None


def test_a_mount_whose_socket_is_not_there() -> None:
    at = "/srv/app.sock"
    grant = {"user": "alice", "method": "bind_mount", "at": at}
    (policy,) = validate({"app": {"path": "/nowhere/app.sock", "allow": [grant]}}).sockets
    known = relation([Declared("app", policy)], [at], USER, [])
    assert known is not None
    assert missing_source(known, [at]) == "/nowhere/app.sock"
    said = "/nowhere/app.sock does not exist, so nothing is mounted at /srv/app.sock."
    assert notes(known, [at], [CAUSE]) == [said]
    there = relation([declared(allow=[grant | {"at": at}])], ["/run/app.sock"], USER, [])
    assert there is not None
    assert missing_source(there, ["/run/app.sock"]) is None


@pytest.mark.parametrize(
    ("module", "option"),
    [
        ("socket_mode", "members"),
        ("socket_acl", "entries"),
        ("socket_proxy", "users or groups"),
        ("socket_bind_mount", "users or groups"),
        ("socket_gate", "allow_users or allow_groups"),
        ("another", "the options"),
    ],
)
def test_a_task_of_a_module_is_told_by_what_its_author_wrote(module: str, option: str) -> None:
    """Its socket has a name that nobody has written, and a declaration beside it contradicts it."""
    path, kept = ["/run/app.sock"], f"{module}-app.sock-1a2b3c4d"
    policy = declared(allow=[{"user": "bob"}], refuse=["carol"]).policy._replace(name=kept)
    (one,) = declared_whole([(kept, f"{module} /run/app.sock", policy, None)])
    known = relation([one], path, USER, [])
    assert known is not None
    assert notes(known, path, [CAUSE]) == [
        f"The task {module} of /run/app.sock keeps this socket as it is, so what is changed at "
        f"/run/app.sock by hand is taken back at once, unless socket-access-{kept}.path is stopped. "
        f"Whoever shall get in belongs into {option} of that task."
    ]
    at = chain("/run/app.sock", inode("/run", 0o755), socket_at("/run/app.sock", 0o660))
    assert proposal(at, [CAUSE], USER, known, People(), NOBODY) is None
    assert refusal(at, USER, known, People(), NOBODY) is None
    for name, said in (
        ("bob", f"lets user bob in, and the host is not as it says: socket-access apply {kept}."),
        ("carol", "refuses user carol; take it out of entries there if it shall get in."),
    ):
        who = Principal("user", name)
        (cause,) = by_declaration([CAUSE], relation([one], path, who, []), path, who)
        assert cause.changes[0].text == f"The task {module} of /run/app.sock {said}"
