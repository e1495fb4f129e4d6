# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done as it was declared, though hardly meant so, is told."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import cast

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine import doubts
from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.record import (
    Entry,
    Record,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.endpoints import take_apart
from ansible_collections.unixsocket.access.plugins.module_utils._engine.environments import (
    creator_shown,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.pinned import Pin
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.shown import Shown
from ansible_collections.unixsocket.access.plugins.module_utils._engine.keep.parts import (
    Creator,
    NoHook,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import Access
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from ansible_collections.unixsocket.access.plugins.module_utils._engine.proofs import (
    Expectation,
    Proof,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.prove import (
    Attempt,
    Outcome,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.report import Seen
from ansible_collections.unixsocket.access.plugins.module_utils._engine.survey import Surveyed
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import Task
from unit.planner.facts import chain, declare, facts_of

MINE = {"socket app"}


def seen(
    missing: bool = False,
    unit: str = "app.service",
    path: str = "",
    holder: str = "socket app",
    active: bool = True,
) -> Seen:
    """Return the socket app as a run sees it, whose unit is running."""
    declared = declare("user nginx")._replace(unit=unit)
    declared = declared._replace(path=path) if path else declared
    parts = take_apart(Task(declared, holder))
    there = chain(Access(0, 0, Acl.from_mode(0o660)))
    facts = facts_of(declared, chain() if missing else there)
    if path:
        facts = facts._replace(chain=facts.chain._replace(path=path, resolved=path))
    one = Surveyed(declared, facts, cast(Pin, None))
    seen = Seen(parts, None, parts.here, one)
    seen.creator = Creator(unit, active=active)
    return seen


def record(path: str, *holders: str) -> Record:
    """Return a record in which these asked for the socket."""
    return Record({f"socket:{path}": Entry({}, {}, {key: {} for key in holders})})


def two_names(one: Seen, *holders: str) -> list[str]:
    """Return what is told of one socket with these holders in the record."""
    known = record(one.one.facts.chain.resolved, *holders)
    return list(doubts.under_two_names([one], known, MINE))


def test_a_socket_that_was_renamed_in_the_declaration() -> None:
    (told,) = two_names(seen(), "socket app", "socket cache")
    assert told.startswith("The socket /run/app/app.sock, declared as app, is also kept by cache, ")
    assert "purge (socket_policy_purge: true)" in told


def test_what_nobody_doubts() -> None:
    assert two_names(seen(), "socket app") == []
    # A module for one socket adds to what a declaration says, and is meant to.
    assert two_names(seen(), "socket app", "socket_acl /run/app/app.sock") == []
    assert two_names(seen(holder="socket_acl /run/app/app.sock"), "socket cache") == []
    kept = seen()
    kept.task = kept.task._replace(kept=True)
    assert two_names(kept, "socket app", "socket cache") == []


def test_a_path_at_which_the_running_daemon_does_not_listen(tmp_path: Path) -> None:
    real, wrong = str(tmp_path / "app.sock"), str(tmp_path / "ap.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(real)
        (told,) = doubts.doubts([seen(True, path=wrong)], Record(), MINE)
    assert told.startswith(
        f"The socket {wrong} does not exist, although app.service, which is declared to make it, "
        f"is running (beside it there is {real}). "
    )
    assert told.endswith("each start of app.service waits 10 seconds for it.")


def test_a_unit_without_a_hook_waits_for_nothing(tmp_path: Path) -> None:
    one = seen(True, path=str(tmp_path / "app.sock"))
    assert one.creator is not None
    one.creator = one.creator._replace(no_hook=NoHook("has a root directory", "Take it away."))
    (told,) = doubts.doubts([one], Record(), MINE)
    assert told.endswith("is running. Compare the path with the settings of the daemon.")


def test_a_name_beside_it_forges_no_line(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "x\nall is well"))
        (told,) = doubts.doubts([seen(True, path=str(tmp_path / "a"))], Record(), MINE)
    assert f"(beside it there is {tmp_path}/x\\nall is well)" in told


def proof(path: str, errno: str | None) -> Proof:
    """Return what connect() said to www-data."""
    who = Credentials(33, 33)
    wanted = Expectation("app", path, None, "user www-data", who, True)
    return Proof(wanted, Outcome(Attempt(path, who), errno is None, errno, "What it said."), None)


def test_a_path_that_the_running_daemon_has_left(tmp_path: Path) -> None:
    old, new = str(tmp_path / "app.sock"), str(tmp_path / "app2.sock")
    with socket.socket(socket.AF_UNIX) as one, socket.socket(socket.AF_UNIX) as other:
        one.bind(old)
        other.bind(new)
        told = doubts.doubts([seen(path=old)], Record(), MINE, [proof(old, "ECONNREFUSED")])
    (sentence,) = told
    assert sentence.startswith(
        f"Nobody listens at the socket {old}, which is a file that was left behind, although "
        f"app.service, which is declared to make it, is running (beside it there is {new}). "
    )


@pytest.mark.parametrize("errno", [None, "EACCES", "ENOENT"])
def test_a_path_at_which_somebody_may_well_listen(errno: str | None) -> None:
    one = seen(path="/run/app.sock")
    assert doubts.doubts([one], Record(), MINE, [proof("/run/app.sock", errno)]) == []
    # A daemon that is down leaves its file as well.
    down = seen(path="/run/app.sock", active=False)
    assert doubts.doubts([down], Record(), MINE, [proof("/run/app.sock", "ECONNREFUSED")]) == []


def test_a_socket_that_may_well_be_missing() -> None:
    assert doubts.doubts([seen()], Record(), MINE) == []
    # systemd makes it when the unit is started, and another check looks at its addresses.
    assert doubts.doubts([seen(True, "app.socket")], Record(), MINE) == []
    assert doubts.doubts([seen(True, active=False)], Record(), MINE) == []


@pytest.mark.parametrize("active", [True, False])
def test_whether_the_unit_runs_is_what_was_shown_of_it(active: bool) -> None:
    found = creator_shown(seen().task, "app.service", None, Shown("app.service", True, active))
    assert found.active == active
