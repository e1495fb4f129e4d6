# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an explanation mentions, and what it leaves out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.diagnose import (
    Proposal,
    confinements,
    on_the_way,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.diagnose.explanation import (
    Explanation,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.diagnose.values import (
    Answer,
    Cause,
    Change,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.diagnose.words import (
    in_words,
    why,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.creator import Creator
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.processes import (
    Process,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.sock_diag import (
    LISTEN,
    UnixSocket,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.chain import Chain
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.types import (
    Principal,
)
from unit.reach.chains import ALICE, People, chain, inode

CHAIN = chain("/run/s", inode("/run", 0o755), inode("/run/s", 0o666, kind="socket"))
STALE = Cause("stale-group", "EACCES", "/run/s", "It lacks the group.")


WHO = Credentials(ALICE, ALICE)
START = Change("start", "Start it.")
DEAD = Cause("dead-socket", "ECONNREFUSED", "/run/s", "Nobody listens.", (START,))


def explained(way: Chain, *causes: Cause, **more: Any) -> list[tuple[str, str]]:
    """Return what is said where permissions and these causes stand in the way."""
    found = (*on_the_way(way, WHO, People()), *causes)
    given: dict[str, Any] = {
        "running": (),
        "reason": found[0].text if found else "",
        "changes": tuple(change for one in found for change in one.changes),
        **more,
    }
    alice = Principal("user", "alice")
    one = Explanation("/run/s", alice, WHO, None, way, Answer(found), **given)
    return list(in_words(one, People()))


def test_all_that_stands_in_the_way_and_all_that_would_help() -> None:
    closed = chain("/run/s", inode("/run", 0o750), inode("/run/s", 0o600, kind="socket"))
    proposed = Proposal({"app": {"path": "/run/s"}}, ("A note.",))
    said = explained(closed, DEAD, proposal=proposed, notes=("Also this.",))
    because = (
        "because no entry matches alice or a group of the process, and the permission of others"
    )
    search = f"alice may not search the directory /run, {because} (---) lacks x (search)."
    connect = (
        f"alice may not connect to the socket /run/s, {because} (---) lacks w (write), which "
        "connecting needs."
    )
    assert said == [
        ("bad", "User alice cannot connect to /run/s (EACCES)."),
        ("plain", search),
        ("head", "The way, as the kernel goes it for a new process:"),
        (
            "good",
            "  ok  / (directory, owner root, group root, mode 0755): by the bits of all others",
        ),
        ("bad", f"  no  /run (directory, owner root, group root, mode 0750): {search}"),
        ("bad", "      Here the kernel stops with EACCES."),
        ("bad", f"  no  /run/s (socket, owner root, group root, mode 0600): {connect}"),
        # It is another thing, at the same inode.
        ("bad", "  no  Nobody listens."),
        ("plain", "Also this."),
        ("head", "What would help, all of it together:"),
        ("code", "  1. Give alice an entry: setfacl -m u:alice:x /run."),
        ("code", "  2. Give alice an entry: setfacl -m u:alice:rw /run/s."),
        ("code", "  3. Start it."),
        ("head", "The declaration that does it, and keeps it when the daemon restarts:"),
        ("code", "  socket_policy_sockets:"),
        ("code", "    app:"),
        ("code", "      path: /run/s"),
        ("plain", "A note."),
    ]


def test_one_thing_that_permissions_do_not_show() -> None:
    said = explained(CHAIN, DEAD)
    assert said[1] == ("plain", "Nobody listens.")
    assert said[6:] == [
        ("bad", "  no  Nobody listens."),
        ("bad", "      Here the kernel stops with ECONNREFUSED."),
        ("head", "What would help:"),
        ("code", "  Start it."),
    ]


def test_two_things_that_permissions_do_not_show() -> None:
    """The kernel stops at the first one."""
    full = Cause("queue-full", "EAGAIN", "/run/s", "It is full.", (Change("wait", "Wait."),))
    assert explained(CHAIN, DEAD, full)[6:] == [
        ("bad", "  no  Nobody listens."),
        ("bad", "      Here the kernel stops with ECONNREFUSED."),
        ("bad", "  no  It is full."),
        ("head", "What would help, all of it together:"),
        ("code", "  1. Start it."),
        ("code", "  2. Wait."),
    ]


def test_running_processes_that_are_judged_otherwise() -> None:
    web = Process(7, "web", ALICE, frozenset(), 0.0, "web.service")
    restart = Change("restart-unit", "Restart it.", instead=Change("look", "End it."))
    stale = Answer((STALE._replace(changes=(restart,)),), (web,), ("It is old.",))
    other = Answer((), (web,), ("The process web can connect.",))
    said = explained(
        CHAIN, running=(stale, other, stale._replace(counts=False)), changes=(restart,)
    )
    assert said[0] == (
        "bad",
        "User alice can connect to /run/s, but not with every process that runs now (EACCES).",
    )
    assert said[4:] == [
        (
            "good",
            "  ok  /run/s (socket, owner root, group root, mode 0666): by the bits of all others",
        ),
        ("good", "Nothing on the way refuses."),
        ("head", "Running processes for which it is different:"),
        ("bad", "  no  It lacks the group."),
        ("plain", "      It is old."),
        ("good", "  ok  The process web can connect."),
        ("head", "What would help:"),
        ("code", "  Restart it."),
        ("code", "     Or: End it."),
    ]
    assert not any("unning" in text for tone, text in explained(CHAIN, running=()))


def test_who_gets_in_and_should_not() -> None:
    proposed = Proposal({"app": {"path": "/run/s", "refuse": ["alice"]}})
    served = UnixSocket(1, "stream", LISTEN)
    said = explained(CHAIN, proposal=proposed, socket=served, creator=Creator("app.service"))
    assert said[0] == ("good", "User alice can connect to /run/s.")
    assert said[1][0] == "head"
    assert said[5:7] == [
        ("good", "Nothing on the way refuses. It is a stream socket, of app.service."),
        ("head", "What would keep it out, in the declaration:"),
    ]


def test_a_membership_is_named_once() -> None:
    """The text of an entry names it."""
    joining = Change("join-group", "Join.")
    for action, told in (("acl-entry", False), ("restart-unit", True)):
        said = explained(CHAIN, DEAD, changes=(Change(action, "Do.", instead=joining),))
        assert (("code", "     Or: Join.") in said) == told


@pytest.mark.parametrize(
    ("new", "running", "mentioned"),
    [((), (), True), ((), (STALE,), False), ((STALE,), (), False)],
    ids=["nothing found", "a running process", "a new process"],
)
def test_a_filter_is_mentioned_only_where_nothing_else_was_found(
    tmp_path: Path, new: tuple[Cause, ...], running: tuple[Cause, ...], mentioned: bool
) -> None:
    """Most services have one, and it is rarely what refuses."""
    one = Process(7, "web", 1000, frozenset(), 0.0, "web.service", None, 0, True)
    said = why(
        Explanation(
            "/run/s",
            Principal("user", "web"),
            Credentials(1000, 1000),
            None,
            CHAIN,
            Answer(new),
            (Answer(running, (one,)),),
            "It is so.",
            (),
            confinement=tuple(confinements([one], proc=str(tmp_path), sys=str(tmp_path))),
        ),
        People(),
    )
    assert any("seccomp filter" in line for line in said) == mentioned
    assert said[0] == ("It is so." if new else "The way, as the kernel goes it for a new process:")
    # Whoever asks has given the answer already.
    assert not any("can connect to" in line or "cannot connect" in line for line in said)
