# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole way on a real kernel: apply, again, undo; hostile paths; failures, kills, two at once."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine import proofs
from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import (
    AccessError,
    Refusals,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import commands
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.lock import Lock
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from ansible_collections.unixsocket.access.plugins.module_utils._engine.report import Result
from kernel.hosts import (
    ALICE,
    BOB,
    CAROL,
    CROWD,
    MALLORY,
    OTHERS,
    STAFF,
    Place,
    ended,
    everything,
    fork,
    mount,
    place_on,
    seen,
    unmount,
    with_accounts_of_its_own,
)
from kernel.trees import put


@pytest.fixture(params=["disk", "tmpfs"])
def here(request: pytest.FixtureRequest) -> Iterator[Place]:
    """A place of root's alone, on a disk's file system and on tmpfs."""
    yield from place_on(request.param)


@pytest.fixture
def home() -> Iterator[Place]:
    """A place of root's alone, where the file system does not matter."""
    yield from place_on("tmpfs")


def _notes(result: Result) -> str:
    return " ".join(result.sockets["app"]["notes"])


def _times(top: Path) -> dict[str, int]:
    return {path: one.ctime for path, one in everything(top).items()}


BORN = {
    "usual": (Acl.from_mode(0o755), 0, 0),
    "open": (Acl.from_mode(0o777), 0, STAFF),
    "closed": (Acl.from_mode(0o600), ALICE, ALICE),
    "entries": (Acl(6, 4, 0, ((BOB, 6), (CAROL, 4)), ((CROWD, 6),), 6), 0, CROWD),
    "mask-off": (Acl(6, 6, 6, ((BOB, 6),), (), 0), 0, 0),
    "mask-alone": (Acl(7, 6, 4, (), (), 4), 0, 0),
}
WANTS: dict[str, dict[str, Any]] = {
    "nobody": {},
    "entries": {"allow": [{"user": str(BOB)}, {"group": str(STAFF)}]},
    "group": {"group": str(STAFF), "allow": [{"group": str(STAFF)}], "refuse": [str(CAROL)]},
    "owner": {
        "owner": str(CAROL),
        "group": str(CROWD),
        "mode": "0640",
        "allow": [{"user": str(BOB), "method": "acl"}],
    },
    "open": {"mode": "0666", "refuse": [str(BOB), {"group": str(OTHERS)}]},
}


@pytest.mark.parametrize("wants", WANTS)
@pytest.mark.parametrize("born", BORN)
def test_four_runs_and_the_way_back(here: Place, born: str, wants: str) -> None:
    path = here.listen("s", *BORN[born])
    declared = {"app": {"path": path, **WANTS[wants]}}
    before, times = everything(here.top), _times(here.top)
    checked = here.run(declared, check=True)
    assert not os.path.exists(here.file.directory)
    assert _times(here.top) == times
    made = here.run(declared)
    assert made.changed == checked.changed
    assert made.changes == checked.changes
    assert made.diff == checked.diff
    assert bool(made.changes) == made.changed == (everything(here.top) != before)
    after, times = everything(here.top), _times(here.top)
    record = Path(here.file.path).stat()
    for check in (False, True):
        again = here.run(declared, check=check)
        assert not again.changed
        assert again.changes == []
        assert again.diff == {"before": "", "after": ""}
        assert everything(here.top) == after
        assert _times(here.top) == times
        assert Path(here.file.path).stat().st_ctime_ns == record.st_ctime_ns
    undone = here.run(declared, absent=True)
    assert undone.changed == made.changed
    assert undone.warnings == []
    assert everything(here.top) == before
    assert not os.path.exists(here.file.directory)
    assert not here.run(declared, absent=True).changed


PARENTS = {
    "closed": Acl.from_mode(0o700),
    "group-only": Acl.from_mode(0o750),
    "entries": Acl(7, 5, 0, ((ALICE, 7),), (), 5),
    "mask-off": Acl(7, 7, 0, ((ALICE, 5),), ((CROWD, 7),), 0),
}


@pytest.mark.parametrize("parent", PARENTS)
def test_four_runs_with_a_closed_parent(here: Place, parent: str) -> None:
    directory = here.directory("d")
    # A directory that ALICE might write to by an entry is not the matter here.
    put(str(directory), PARENTS[parent])
    path = here.listen("d/s", 0o777)
    declared = {
        "app": {
            "path": path,
            "trust_directories": [str(directory)],
            "allow": [{"user": str(BOB), "open_parents": [str(directory)]}],
        }
    }
    before = everything(here.top)
    assert "open_parents" in here.refusal(
        {
            "app": {
                "path": path,
                "trust_directories": [str(directory)],
                "allow": [{"user": str(BOB)}],
            }
        }
    )
    assert here.run(declared).changed
    assert here.run(declared).changed is False
    # One that was not declared can neither search nor list more than before.
    with pytest.raises(AccessError, match="refused"):
        here.run(
            {"other": {**declared["app"], "allow": [{"user": str(CAROL)}]}}, dropped=["socket app"]
        )
    assert here.run(declared, absent=True).changed
    assert everything(here.top) == before


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_DGRAM])
def test_every_type_of_socket_is_proven(home: Place, kind: int) -> None:
    path = home.listen("s", kind=kind)
    result = home.run(
        {"app": {"path": path, "allow": [{"user": str(BOB)}, {"user": str(CAROL)}]}}
    ).sockets["app"]
    assert [one["proof"]["result"] for one in result["grants"]] == ["connected"] * 2
    assert result["others"]["proof"]["result"] == "EACCES"


def test_what_is_told_of_each_grant(home: Place) -> None:
    path = home.listen("s")
    declared = {
        "app": {
            "path": path,
            "group": str(STAFF),
            "allow": [{"user": str(BOB)}, {"group": str(STAFF)}, {"user": "root"}],
            "refuse": [str(CAROL)],
        }
    }
    told = home.run(declared).sockets["app"]
    assert told["path"] == path
    assert told["exists"] is True
    assert [(one["principal"], one["method"]) for one in told["grants"]] == [
        (f"user {BOB}", "acl"),
        (f"group {STAFF}", "group"),
        ("user root", "reachable"),
    ]
    assert all(one["proof"]["held"] for one in told["grants"])
    assert all(one["endpoint"] == path and one["reason"] for one in told["grants"])
    assert {one["method"] for one in told["grants"][0]["rejected"]} == {
        "reachable",
        "native",
        "group",
    }
    assert told["refused"][0]["proof"]["result"] == "EACCES"
    assert any(f"id {BOB}" in note for note in told["notes"])
    checked = home.run(declared, check=True).sockets["app"]
    assert [one["proof"] for one in checked["grants"]] == [None] * 3


def test_drift_is_healed(here: Place) -> None:
    path = here.listen("s")
    declared = {"app": {"path": path, "allow": [{"user": str(BOB)}, {"user": str(CAROL)}]}}
    here.run(declared)
    wanted = seen(path)
    drifts: list[Callable[[], object]] = [
        # What nobody declared, as the owner's x here, is left as others changed it.
        lambda: os.chmod(path, 0o766),
        lambda: os.chmod(path, 0o700),
        lambda: put(path, Acl.from_mode(0o777)),
        lambda: put(path, Acl(7, 0, 0, ((MALLORY, 6),), (), 6)),
    ]
    for drift in drifts:
        drift()
        assert seen(path) != wanted
        assert here.run(declared, check=True).changed
        healed = here.run(declared)
        assert healed.changed
        assert healed.changes
        assert seen(path) == wanted
        assert not here.run(declared).changed


def test_what_others_did_meanwhile_is_what_undo_gives_back(here: Place) -> None:
    """What would be there without us: everyone was let in by somebody else, and a user was."""
    path = here.listen("s", 0o755)
    declared = {"app": {"path": path, "allow": [{"user": str(BOB)}]}}
    here.run(declared)
    os.chmod(path, 0o767)
    put(path, Acl.from_bytes(seen(path).acl or b"")._replace(users=((BOB, 6), (MALLORY, 6))))
    assert here.run(declared).changed
    here.run(declared, absent=True)
    assert Acl.from_bytes(seen(path).acl or b"") == Acl(7, 5, 7, ((MALLORY, 6),), (), 7)


@pytest.mark.parametrize("mode", [0o600, 0o700, 0o755, 0o777])
def test_a_daemon_that_changes_the_mode_of_its_directory(here: Place, mode: int) -> None:
    directory = here.directory("d", 0o700)
    path = here.listen("d/s", 0o777)
    grant = {"user": str(BOB), "open_parents": [str(directory)]}
    declared = {"app": {"path": path, "allow": [grant], "trust_directories": [str(directory)]}}
    here.run(declared)
    directory.chmod(mode)
    here.run(declared, absent=True)
    # As if nobody had ever had an entry there: what the daemon did is all that is left.
    assert seen(directory).acl is None
    assert seen(directory).mode & 0o070 == mode & 0o070
    assert not os.path.exists(here.file.directory)


def test_a_socket_made_anew(here: Place) -> None:
    path = here.listen("s", 0o755)
    declared = {"app": {"path": path, "allow": [{"user": str(BOB)}, {"user": str(CAROL)}]}}
    here.run(declared)
    here.again(path, 0o777, ALICE, ALICE)
    reborn = seen(path)
    assert here.run(declared).changed
    assert here.run(declared).changed is False
    here.run(declared, absent=True)
    assert seen(path) == reborn


def test_a_socket_that_is_gone(home: Place) -> None:
    path = home.listen("s")
    declared = {"app": {"path": path, "allow": [{"user": str(BOB)}]}}
    home.run(declared)
    os.unlink(path)
    told = home.run(declared)
    assert told.sockets["app"]["exists"] is False
    assert "does not exist yet" in _notes(told)
    # It is away, and what it was is remembered until nobody asks for it.
    assert list(home.record.entries) == [f"socket:{path}"]
    assert not home.run(declared, absent=True).changed
    assert not os.path.exists(home.file.directory)


@pytest.mark.parametrize("name", ["s", "later/s", "later/deeper/s"])
def test_a_socket_that_does_not_exist_yet_is_no_error(home: Place, name: str) -> None:
    path = str(home.top / name)
    times = _times(home.top)
    for check in (True, False):
        result = home.run({"app": {"path": path, "allow": [{"user": str(BOB)}]}}, check=check)
        assert not result.changed
        assert result.sockets["app"]["exists"] is False
        assert path in _notes(result)
    assert _times(home.top) == times


def test_two_holders_of_one_socket(here: Place) -> None:
    path = here.listen("s")
    before = everything(here.top)
    policy = {"app": {"path": path, "allow": [{"user": str(BOB)}, {"user": str(CAROL)}]}}
    single = {"app": {"path": path, "allow": [{"user": str(ALICE), "method": "acl"}]}}
    adds: dict[str, Any] = {"holder": "socket_acl ", "exclusive": False, "adds": True}
    here.run(policy)
    of_policy = seen(path)
    assert here.run(single, **adds).changed
    assert not here.run(single, **adds).changed
    assert not here.run(policy).changed
    here.run(policy, absent=True)
    here.run(policy)
    here.run(single, absent=True, **adds)
    assert seen(path) == of_policy
    here.run(policy, absent=True)
    assert everything(here.top) == before


def test_a_holder_that_adds_keeps_the_parents_it_opened(here: Place) -> None:
    directory = here.directory("d", 0o700)
    path = here.listen("d/s")
    before = everything(here.top)
    how: dict[str, Any] = {"holder": "socket_acl ", "exclusive": False, "adds": True}
    one = {"user": str(ALICE), "method": "acl", "open_parents": [str(directory)]}
    here.run({"app": {"path": path, "allow": [one]}}, **how)
    here.run({"app": {"path": path, "allow": [{**one, "user": str(BOB)}]}}, **how)
    here.run({"app": {"path": path, "refuse": [str(CAROL)]}}, deny_all_refused=True, **how)
    again = here.run({"app": {"path": path, "allow": [one]}}, **how)
    assert not again.changed
    assert Acl.from_bytes(seen(directory).acl or b"").users == ((ALICE, 1), (BOB, 1))
    here.run({"app": {"path": path}}, absent=True, **how)
    assert everything(here.top) == before


def test_two_holders_that_contradict_each_other(home: Place) -> None:
    path = home.listen("s")
    home.run({"app": {"path": path, "mode": "0640"}})
    after = seen(path)
    with pytest.raises(AccessError) as caught:
        home.run({"app": {"path": path, "mode": "0660"}}, holder="socket_mode ", exclusive=False)
    assert "socket app" in str(caught.value)
    assert "socket_mode app" in str(caught.value)
    assert seen(path) == after


def test_one_grant_less(here: Place) -> None:
    path = here.listen("s")
    both = {"path": path, "allow": [{"user": str(BOB)}, {"user": str(CAROL)}]}
    here.run({"app": both})
    less = here.run({"app": {**both, "allow": [{"user": str(BOB), "method": "acl"}]}})
    assert less.changed
    assert Acl.from_bytes(seen(path).acl or b"").users == ((BOB, 6),)


def test_a_socket_that_is_no_longer_declared_is_purged(home: Place) -> None:
    one, two = home.listen("one"), home.listen("two")
    before = seen(one)
    home.run({"one": {"path": one}, "two": {"path": two}})
    home.run({"two": {"path": two}}, dropped=["socket one", "socket two"])
    assert seen(one) == before
    assert list(home.record.entries) == [f"socket:{two}"]


# --- hostile paths ---------------------------------------------------------------------------


def _writable(place: Place, mode: int = 0o777, uid: int = 0, gid: int = 0) -> Path:
    return place.directory("w", mode, uid, gid)


def _planted_link(place: Place) -> tuple[str, str]:
    victim = place.listen("victim", 0o600)
    os.symlink(victim, _writable(place, 0o1777) / "s")
    return f"{place.top}/w/s", "symbolic link"


def _link_of_a_user(place: Place) -> tuple[str, str]:
    victim = place.listen("victim", 0o600)
    link = place.top / "s"
    os.symlink(victim, link)
    os.lchown(link, MALLORY, MALLORY)
    return str(link), "not to root"


def _link_on_the_way(place: Place) -> tuple[str, str]:
    place.directory("real")
    place.listen("real/s")
    os.symlink(place.top / "real", _writable(place, 0o755, MALLORY) / "d")
    return f"{place.top}/w/d/s", "symbolic link"


def _hard_link(place: Place) -> tuple[str, str]:
    path = place.listen("s")
    os.link(path, place.top / "other")
    return path, "2 hard links"


def _regular_file(place: Place) -> tuple[str, str]:
    (place.top / "s").write_text("")
    return f"{place.top}/s", "a regular file, a pipe or a device and not a socket"


def _pipe(place: Place) -> tuple[str, str]:
    os.mkfifo(place.top / "s")
    return f"{place.top}/s", "not a socket"


def _device(place: Place) -> tuple[str, str]:
    os.mknod(place.top / "s", 0o20600, os.makedev(1, 3))
    return f"{place.top}/s", "not a socket"


def _directory(place: Place) -> tuple[str, str]:
    place.directory("s")
    return f"{place.top}/s", "not a socket"


def _file_on_the_way(place: Place) -> tuple[str, str]:
    (place.top / "f").write_text("")
    return f"{place.top}/f/s", "not a directory"


def _round_links(place: Place) -> tuple[str, str]:
    os.symlink("b", place.top / "a")
    os.symlink("a", place.top / "b")
    return f"{place.top}/a", "more than 40 symbolic links"


def _directory_of_a_user(place: Place) -> tuple[str, str]:
    place.directory("w", 0o755, MALLORY)
    return place.listen("w/s"), f"belongs to uid {MALLORY}"


def _directory_of_a_group(place: Place) -> tuple[str, str]:
    place.directory("w", 0o775, 0, CROWD)
    return place.listen("w/s"), f"the members of group {CROWD}"


def _directory_by_entry(place: Place) -> tuple[str, str]:
    put(str(place.directory("w")), Acl(7, 5, 5, ((MALLORY, 7),), (), 7))
    return place.listen("w/s"), f"uid {MALLORY} may write to the directory"


def _sticky_directory(place: Place) -> tuple[str, str]:
    _writable(place, 0o1777)
    return place.listen("w/s"), "everyone may write to the directory"


def _higher_up(place: Place) -> tuple[str, str]:
    _writable(place, 0o777)
    place.directory("w/d")
    return place.listen("w/d/s"), "everyone may write to the directory"


REFUSED = [
    _planted_link,
    _link_of_a_user,
    _link_on_the_way,
    _hard_link,
    _regular_file,
    _pipe,
    _device,
    _directory,
    _file_on_the_way,
    _round_links,
    _directory_of_a_user,
    _directory_of_a_group,
    _directory_by_entry,
    _sticky_directory,
    _higher_up,
]


@pytest.mark.parametrize("hostile", REFUSED, ids=[one.__name__[1:] for one in REFUSED])
def test_a_hostile_path_is_refused(home: Place, hostile: Callable[[Place], Any]) -> None:
    path, said = hostile(home)
    for check in (True, False):
        message = home.refusal({"app": {"path": path, "allow": [{"user": str(BOB)}]}}, check=check)
        assert path in message
        assert said in message
        assert "Traceback" not in message
        assert message[0] == path[0] or message[0].isupper()
        assert message.rstrip().endswith(".")


def test_a_link_that_leads_nowhere_is_no_socket_yet(home: Place) -> None:
    os.symlink("nowhere", home.top / "s")
    told = home.run({"app": {"path": f"{home.top}/s"}})
    assert told.sockets["app"]["exists"] is False
    assert not told.changed


def test_a_link_of_root_in_a_directory_of_root_is_followed(home: Place) -> None:
    path = home.listen("real")
    os.symlink("real", home.top / "s")
    home.run({"app": {"path": f"{home.top}/s", "allow": [{"user": str(BOB)}]}})
    assert list(home.record.entries) == [f"socket:{path}"]


def test_two_names_for_one_socket(home: Place) -> None:
    path = home.listen("s")
    os.symlink("s", home.top / "t")
    said = home.refusal({"one": {"path": path}, "two": {"path": f"{home.top}/t"}})
    assert "declared twice" in said
    assert "one and two" in said


@pytest.mark.parametrize(
    "make", [_directory_of_a_user, _directory_of_a_group, _sticky_directory, _directory_by_entry]
)
def test_a_directory_that_is_trusted(home: Place, make: Callable[[Place], Any]) -> None:
    path, dummy = make(home)
    before = everything(home.top)
    declared = {"app": {"path": path, "trust_directories": [os.path.dirname(path)]}}
    assert home.run(declared).changed
    home.run(declared, absent=True)
    assert everything(home.top) == before


def test_undo_in_a_directory_that_others_got_meanwhile(home: Place) -> None:
    directory = home.directory("d")
    path = home.listen("d/s")
    declared = {"app": {"path": path}}
    home.run(declared)
    after = seen(path)
    directory.chmod(0o777)
    with pytest.raises(Refusals, match="everyone may write"):
        home.run(declared, absent=True)
    assert seen(path) == after
    # What is to be undone is not forgotten.
    assert home.record.entries


def test_undo_of_what_became_a_hard_link(home: Place) -> None:
    """Who may write to a trusted directory must not have another socket given what ours had."""
    home.directory("w", 0o777)
    path = home.listen("w/s", 0o777)
    declared = {"app": {"path": path, "mode": "0660", "trust_directories": [f"{home.top}/w"]}}
    home.run(declared)
    victim = home.listen("victim", 0o660)
    before = seen(victim)
    os.unlink(path)
    os.link(victim, path)
    with pytest.raises(AccessError, match="hard links"):
        home.run(declared, absent=True)
    assert seen(victim) == before


def test_a_directory_of_the_socket_s_own_user_is_safe(home: Place) -> None:
    home.directory("w", 0o755, MALLORY)
    path = home.listen("w/s", uid=MALLORY)
    assert home.run({"app": {"path": path, "allow": [{"user": str(BOB)}]}}).changed


# --- accounts -------------------------------------------------------------------------------


def test_accounts_that_do_not_exist(home: Place) -> None:
    path = home.listen("s")
    declared = {
        "app": {
            "path": path,
            "owner": "no-such-owner",
            "allow": [{"user": "no-such-user"}, {"group": "no-such-group"}],
            "refuse": ["no-such-other"],
        }
    }
    said = home.refusal(declared)
    for name in ("owner", "user", "group", "other"):
        assert f"no-such-{name}" in said
    assert said.count(path) == 4
    assert "create it first" in said
    times = _times(home.top)
    checked = home.run(declared, check=True)
    assert checked.changed
    assert sum("does not exist on this host yet" in one for one in checked.warnings) == 4
    assert _times(home.top) == times


# --- failures -------------------------------------------------------------------------------


def _allow(path: str, *who: int) -> dict[str, Any]:
    return {"app": {"path": path, "allow": [{"user": str(one)} for one in who]}}


def _before_the_proof(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    real = proofs.prove_all

    def late(*arguments: Any, **options: Any) -> Any:
        happens()
        return real(*arguments, **options)

    monkeypatch.setattr(proofs, "prove_all", late)


def test_a_directory_that_closes_before_the_proof(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = here.directory("d")
    path = here.listen("d/s")
    before = seen(path)
    _before_the_proof(monkeypatch, lambda: directory.chmod(0o700))
    with pytest.raises(AccessError) as caught:
        here.run(_allow(path, BOB, CAROL))
    said = str(caught.value)
    assert f"The proof failed: user {BOB} must connect to {path}" in said
    assert f"setfacl -m u:{BOB}:x {directory}" in said
    assert "Everything this run had changed was put back." in said
    assert seen(path) == before
    assert not os.path.exists(here.file.directory)


def test_a_socket_that_opens_before_the_proof(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    path = here.listen("s")
    before = seen(path)
    here.run(_allow(path, BOB, CAROL))
    record, after = here.record, seen(path)
    _before_the_proof(monkeypatch, lambda: os.chmod(path, 0o666))
    with pytest.raises(AccessError, match="somebody who is not declared must be refused"):
        here.run(_allow(path, ALICE, BOB, CAROL))
    monkeypatch.undo()
    assert here.record == record
    assert seen(path) == after
    here.run({"app": {"path": path}}, absent=True)
    assert seen(path) == before


def test_a_failed_proof_of_an_unchanged_run_changes_nothing(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = here.directory("d")
    path = here.listen("d/s")
    here.run(_allow(path, BOB, CAROL))
    record, after = here.record, seen(path)
    _before_the_proof(monkeypatch, lambda: directory.chmod(0o700))
    with pytest.raises(AccessError, match="The proof failed"):
        here.run(_allow(path, BOB, CAROL))
    assert here.record == record
    assert (seen(path), seen(path).ctime) == (after, after.ctime)


def test_a_daemon_that_does_not_listen(home: Place) -> None:
    path = home.listen("s")
    home.listeners.pop().close()
    told = home.run(_allow(path, BOB, CAROL)).sockets["app"]
    assert told["exists"]
    assert [one["proof"]["held"] for one in told["grants"]] == [None, None]
    assert told["others"]["proof"]["held"] is True


def test_too_many_entries_for_the_file_system(here: Place) -> None:
    path = here.listen("s")
    before = seen(path)
    declared = _allow(path, *range(80000, 80700))
    if _is_tmpfs(here):
        here.run(declared, prove=False)
        here.run(declared, absent=True)
    else:
        # ext4 keeps about 500 entries (ENOSPC).
        with pytest.raises(AccessError) as caught:
            here.run(declared, prove=False)
        assert f"The socket {path} could not be changed" in str(caught.value)
        assert "make room on that file system, and run again." in str(caught.value)
        assert "put back" in str(caught.value)
    assert seen(path) == before
    assert not os.path.exists(here.file.directory)


def _is_tmpfs(place: Place) -> bool:
    return os.stat(place.top).st_dev != os.stat("/var/lib").st_dev


@pytest.fixture
def mounted(home: Place) -> Iterator[Callable[[str, str], Path]]:
    """Mount a file system below the place."""
    points: list[Path] = []

    def make(kind: str, options: str = "") -> Path:
        point = home.directory(f"m{len(points)}")
        mount(kind, point, options)
        points.append(point)
        return point

    yield make
    for point in points:
        unmount(point)


def test_a_file_system_without_acls(home: Place, mounted: Callable[..., Path]) -> None:
    point = mounted("ramfs")
    point.chmod(0o755)
    path = home.listen(point / "s")
    said = home.refusal({"app": {"path": path, "allow": [{"user": str(BOB), "method": "acl"}]}})
    assert path in said
    assert "keeps no POSIX ACLs" in said
    assert "method group" in said
    before = seen(path)
    declared = {
        "app": {"path": path, "group": str(STAFF), "allow": [{"group": str(STAFF)}]},
    }
    told = home.run(declared)
    assert told.sockets["app"]["grants"][0]["proof"]["held"]
    assert not home.run(declared).changed
    home.run(declared, absent=True)
    assert seen(path) == before


def test_a_closed_parent_without_acls(home: Place, mounted: Callable[..., Path]) -> None:
    point = mounted("ramfs")
    point.chmod(0o700)
    path = home.listen(point / "s")
    grant = {"group": str(STAFF), "method": "group", "open_parents": [str(point)]}
    said = home.refusal({"app": {"path": path, "allow": [grant]}})
    assert f"{point}, on the way" in said
    assert "keeps no POSIX ACLs" in said


def test_a_read_only_file_system(home: Place, mounted: Callable[..., Path]) -> None:
    point = mounted("tmpfs", "mode=0755")
    path = home.listen(point / "s")
    subprocess.run(["mount", "-o", "remount,ro", str(point)], check=True)
    said = home.refusal(_allow(path, BOB, CAROL))
    assert path in said
    assert "Read-only file system" in said
    assert "put back" in said
    assert "/proc/self/fd" not in said


def test_a_read_only_place_for_the_record(home: Place, mounted: Callable[..., Path]) -> None:
    path = home.listen("s")
    before = seen(path)
    point = mounted("tmpfs", "ro")
    home.file = type(home.file)(str(point / "record"))
    with pytest.raises(AccessError) as caught:
        home.run(_allow(path, BOB, CAROL))
    assert str(point) in str(caught.value)
    assert "Read-only file system" in str(caught.value)
    assert (seen(path), seen(path).ctime) == (before, before.ctime)
    # To look is still possible.
    assert home.run(_allow(path, BOB, CAROL), check=True).changed


def test_no_space_for_the_record(home: Place, mounted: Callable[..., Path]) -> None:
    path = home.listen("s")
    before = seen(path)
    point = mounted("tmpfs", "size=16k")
    home.file = type(home.file)(str(point / "record"))
    (point / "fill").write_bytes(b"x" * 16384)
    with pytest.raises(AccessError) as caught:
        home.run(_allow(path, BOB, CAROL))
    said = str(caught.value)
    assert "No space left on device" in said
    assert home.file.path in said
    assert (seen(path), seen(path).ctime) == (before, before.ctime)
    assert not os.path.exists(home.file.directory)
    (point / "fill").unlink()
    assert home.run(_allow(path, BOB, CAROL)).changed
    home.run(_allow(path), absent=True)
    assert seen(path) == before


def test_no_space_for_a_larger_record(home: Place, mounted: Callable[..., Path]) -> None:
    """What is recorded already is not lost, and can be undone on the full disk."""
    one, two = home.listen("one"), home.listen("two")
    first, second = seen(one), seen(two)
    point = mounted("tmpfs", "size=24k")
    home.file = type(home.file)(str(point / "record"))
    home.run(_allow(one, BOB, CAROL))
    record, after = home.record, seen(one)
    (point / "fill").write_bytes(b"x" * 12288)
    many = {"two": {"path": two, "allow": [{"user": str(80000 + n)} for n in range(300)]}}
    with pytest.raises(AccessError, match="No space left"):
        home.run(many, prove=False)
    assert home.record == record
    assert (seen(one), seen(two)) == (after, second)
    home.run({"app": {"path": one}}, absent=True)
    assert seen(one) == first


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("", ""),
        ('"uid": 0', '"uid": "root"'),
        ('"gid": 0', '"gid": NaN'),
        ('"users": {', '"users": {"bob": 6, '),
        ('"requests": {', '"requests": [], "others": {'),
        ('"entries": {', '"entries": {"socket:/run/other": [], '),
    ],
)
@pytest.mark.parametrize("how", [{"check": True}, {}, {"absent": True}], ids=str)
def test_a_record_that_cannot_be_understood(
    home: Place, there: str, instead: str, how: dict[str, bool]
) -> None:
    path = home.listen("s")
    home.run(_allow(path, BOB, CAROL))
    after, written = seen(path), Path(home.file.path).read_text()
    content = written.replace(there, instead, 1) if there else "{"
    assert content != written
    Path(home.file.path).write_text(content)
    with pytest.raises(AccessError, match=r"^The record .* cannot be understood \(.*; restore it"):
        home.run(_allow(path, BOB, ALICE), **how)
    assert Path(home.file.path).read_text() == content
    assert (seen(path), seen(path).ctime) == (after, after.ctime)
    # The lock was given back.
    Lock(home.file.directory, seconds=0).release()


# --- kills ----------------------------------------------------------------------------------

_CALLS = ("chmod", "chown", "setxattr", "rename", "unlink", "fsync", "fchmod", "rmdir", "mkdir")


def _killed_at(number: int, work: Callable[[], object]) -> bool:
    """Do the work in a child that kills itself before its system call of this number."""

    def inside() -> None:
        left = number

        def deadly(real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **options: Any) -> Any:
                nonlocal left
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1
                return real(*arguments, **options)

            return call

        for name in _CALLS:
            setattr(os, name, deadly(getattr(os, name)))
        work()

    status = ended(fork(inside))
    assert status in (0, -signal.SIGKILL)
    return status != 0


@pytest.mark.parametrize("first", ["apply", "undo"])
def test_a_kill_before_any_system_call(home: Place, first: str) -> None:
    directory = home.directory("d", 0o700)
    one, two = home.listen("d/one", 0o777), home.listen("two", 0o755, ALICE, ALICE)
    parents = [str(directory)]
    declared = {
        "one": {"path": one, "allow": [{"user": str(BOB), "open_parents": parents}]},
        "two": {"path": two, "owner": str(CAROL), "allow": [{"group": str(STAFF)}]},
    }
    before = everything(home.top)
    home.run(declared, prove=False)
    wanted = everything(home.top)
    if first == "apply":
        home.run(declared, absent=True)
    points = 0
    while True:
        died = _killed_at(points, lambda: home.run(declared, absent=first == "undo", prove=False))
        if first == "apply" and points % 2:
            # The next run heals what the kill left.
            home.run(declared)
            assert everything(home.top) == wanted, points
            assert not home.run(declared).changed
        home.run(declared, absent=True)
        assert everything(home.top) == before, points
        assert not os.path.exists(home.file.directory)
        if not died:
            break
        points += 1
        if first == "undo":
            home.run(declared, prove=False)
    print(f"{first}: killed at {points} points")
    assert points > 12


def test_after_a_kill_nothing_is_open_that_was_closed_and_shall_be(home: Place) -> None:
    """The state that a kill leaves lets nobody in who may neither before nor after."""
    path = home.listen("s", 0o606, ALICE, STAFF)
    declared = {"app": {"path": path, "owner": str(CAROL), "allow": [{"user": str(BOB)}]}}
    refused = {"app": {"path": path, "refuse": [str(MALLORY)], "mode": "0606"}}
    points = 0
    while _killed_at(points, lambda: home.run(declared, prove=False)):
        left = seen(path)
        # Only those may be let in by entry who were or will be: BOB; by class: the owners.
        if left.mode & 0o002:
            assert left.uid == ALICE, points
        home.run(declared, absent=True)
        points += 1
    assert points > 5
    home.run(refused)


# --- memberships ----------------------------------------------------------------------------


def _people() -> None:
    for words in (
        ("groupadd", "-g", str(STAFF), "ua-staff"),
        ("groupadd", "-g", str(ALICE), "ua-alice"),
        *(
            (
                "useradd",
                "-l",
                "-M",
                "-N",
                "-u",
                str(uid),
                "-g",
                str(ALICE if uid == ALICE else 100),
                name,
            )
            for name, uid in (("ua-alice", ALICE), ("ua-bob", BOB), ("ua-carol", CAROL))
        ),
        ("gpasswd", "--add", "ua-carol", "ua-staff"),
    ):
        subprocess.run(words, check=True, capture_output=True)


def _sleeping_bob() -> None:
    os.setgroups([])
    os.setgid(100)
    os.setuid(BOB)
    time.sleep(60)


def _group_file() -> str:
    return Path("/etc/group").read_text() + Path("/etc/gshadow").read_text()


def test_memberships(home: Place) -> None:
    path = home.listen("s")
    before = seen(path)
    grants = [{"user": f"ua-{name}", "method": "group"} for name in ("alice", "bob", "carol")]
    declared = {"app": {"path": path, "group": "ua-staff", "allow": grants}}

    def work() -> dict[str, Any]:
        _people()
        files = [_group_file()]
        checked = home.run(declared, check=True)
        files.append(_group_file())
        sleeper = fork(_sleeping_bob)
        time.sleep(0.1)
        made = home.run(declared)
        files.append(_group_file())
        again = home.run(declared)
        less = home.run({"app": {**declared["app"], "allow": grants[:1]}})
        os.kill(sleeper, signal.SIGKILL)
        ended(sleeper)
        undone = home.run(declared, absent=True)
        files.append(_group_file())
        return {
            "files": files,
            "runs": [vars(one) for one in (checked, made, again, less, undone)],
            "sleeper": sleeper,
        }

    told = with_accounts_of_its_own(work)
    checked, made, again, less, undone = told["runs"]
    files = told["files"]
    assert files[0] == files[1] == files[3] != files[2]
    assert [one["changed"] for one in told["runs"]] == [True, True, False, True, True]
    joined = "User ua-bob becomes a member of group ua-staff."
    assert joined in made["changes"]
    assert made["changes"] == checked["changes"]
    # Carol was a member before, and stays one.
    assert not any("ua-carol" in one for one in made["changes"] + undone["changes"])
    # Bob's running process does not have the group, and its number is told.
    assert any(f"pid {told['sleeper']}" in one for one in made["warnings"])
    assert any(f"pid {told['sleeper']}" in one for one in again["warnings"])
    assert "User ua-bob is no longer a member of group ua-staff." in less["changes"]
    proofs = [one["proof"]["result"] for one in made["sockets"]["app"]["grants"]]
    assert proofs == ["connected"] * 3
    assert seen(path) == before


def test_the_only_client_s_own_group(home: Place) -> None:
    path = home.listen("s")

    def work() -> list[Any]:
        _people()
        groups = _group_file()
        made = home.run({"app": {"path": path, "allow": [{"user": "ua-alice"}]}})
        assert _group_file() == groups
        crowded = home.run({"app": {"path": path, "allow": [{"user": "ua-bob"}]}})
        try:
            home.run({"app": {"path": path, "allow": [{"user": "ua-bob", "method": "group"}]}})
        except AccessError as error:
            return [made.sockets["app"], crowded.sockets["app"], str(error)]
        raise AssertionError("The group users has other members.")

    made, crowded, said = with_accounts_of_its_own(work)
    assert made["grants"][0]["method"] == "group"
    assert "ua-alice" in made["grants"][0]["reason"]
    assert crowded["grants"][0]["method"] == "acl"
    assert "ua-carol would get in, too" in said


def test_a_refused_member_of_the_allowed_group(home: Place) -> None:
    path = home.listen("s")

    def work() -> Any:
        _people()
        grants = [{"user": "ua-bob", "method": "group"}]
        declared = {"path": path, "group": "ua-staff", "allow": grants, "refuse": ["ua-carol"]}
        return home.run({"app": declared}).sockets["app"]

    told = with_accounts_of_its_own(work)
    assert told["grants"][0]["proof"]["result"] == "connected"
    assert told["refused"][0]["proof"]["result"] == "EACCES"
    acl = Acl.from_bytes(seen(path).acl or b"")
    assert acl.users == ((CAROL, 0),)
    assert acl.mask == 6


def test_a_tool_that_fails_takes_all_back(home: Place) -> None:
    path = home.listen("s")
    before = seen(path)

    def work() -> list[str]:
        _people()
        # In this child only: no tool is found any more.
        commands._PATH = "/nowhere"
        grants = [{"user": f"ua-{name}", "method": "group"} for name in ("alice", "bob")]
        try:
            home.run({"app": {"path": path, "group": "ua-staff", "allow": grants}})
        except AccessError as error:
            return [str(error)]
        raise AssertionError("It worked without a tool.")

    (said,) = with_accounts_of_its_own(work)
    assert "gpasswd is missing on this host" in said
    assert "put back" in said
    assert seen(path) == before
    assert not os.path.exists(home.file.directory)


# --- two at once ----------------------------------------------------------------------------


def test_runs_wait_for_each_other(here: Place) -> None:
    paths = [here.listen(f"s{number}") for number in range(6)]
    before = everything(here.top)

    def work(number: int) -> Callable[[], object]:
        declared = {
            f"s{number}": {
                "path": paths[number],
                "allow": [{"user": str(BOB)}, {"user": str(CAROL)}],
            }
        }
        return lambda: [here.run(declared, lock_seconds=30, prove=False) for dummy in range(3)]

    children = [fork(work(number)) for number in range(6)]
    assert [ended(pid) for pid in children] == [0] * 6
    assert set(here.record.entries) == {f"socket:{path}" for path in paths}
    assert len({seen(path) for path in paths}) == 1
    declared = {f"s{number}": {"path": path} for number, path in enumerate(paths)}
    children = [
        fork(lambda name=name, one=one: here.run({name: one}, absent=True, lock_seconds=30))
        for name, one in declared.items()
    ]
    assert [ended(pid) for pid in children] == [0] * 6
    assert everything(here.top) == before
    assert not os.path.exists(here.file.directory)


def test_a_run_that_waits_in_vain(home: Place) -> None:
    path = home.listen("s")
    before = seen(path)
    lock = Lock(home.file.directory, seconds=0)
    started = time.monotonic()
    with pytest.raises(AccessError) as caught:
        home.run(_allow(path, BOB), lock_seconds=0.3)
    assert 0.3 <= time.monotonic() - started < 2
    assert "Another run on this host" in str(caught.value)
    assert "0.3 seconds" in str(caught.value)
    assert (seen(path), seen(path).ctime) == (before, before.ctime)
    lock.release()
    assert home.run(_allow(path, BOB)).changed
