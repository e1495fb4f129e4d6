# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run is put together from: promises, proofs, and the processes that must begin anew."""

from __future__ import annotations

import os
from typing import cast

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine import clients, proofs
from ansible_collections.unixsocket.access.plugins.module_utils._engine.endpoints import take_apart
from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import (
    AccessError,
    Refusals,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import commands
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.accounts import (
    Accounts,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.pinned import Pin
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.processes import (
    Process,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import Access
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
    Group,
    User,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.chain import Chain
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.words import Numbers
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import (
    Endpoint,
    Grant,
    SocketPolicy,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.proofs import (
    Expectation,
    Proof,
    is_held,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.prove import (
    Attempt,
    Outcome,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.report import Seen
from ansible_collections.unixsocket.access.plugins.module_utils._engine.run import converge
from ansible_collections.unixsocket.access.plugins.module_utils._engine.survey import (
    Surveyed,
    credentials_of,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import Options, Task
from unit.planner.facts import (
    GROUPS,
    PATH,
    STRANGER,
    USERS,
    chain,
    declare,
    facts_of,
    plan,
    principal,
)

WHO = Credentials(33, 33)
ATTEMPT = Attempt(PATH, WHO)


class Known:
    """The accounts of the host on paper."""

    def user(self, name: str) -> User | None:
        return USERS.get(name)

    def group(self, name: str) -> Group | None:
        return GROUPS.get(name)


def test_only_root_may_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(AccessError, match="become: true"):
        converge([], Options())


def test_refusals_come_as_one_message() -> None:
    assert str(Refusals(("One.", "Two."))) == "One.\nTwo."


@pytest.mark.parametrize(
    ("error", "grant", "refusal"),
    [
        (None, True, False),
        ("EACCES", False, True),
        # Nobody listens: that permissions are enough is known, that it works is not.
        ("ECONNREFUSED", None, False),
        ("EAGAIN", None, False),
        ("EPROTOTYPE", False, False),
        ("ENOENT", None, None),
        ("ENOTDIR", False, False),
        ("ELOOP", False, False),
    ],
)
def test_what_an_outcome_proves(
    error: str | None, grant: bool | None, refusal: bool | None
) -> None:
    outcome = Outcome(ATTEMPT, error is None, error, "Words.")
    assert is_held(True, outcome) is grant
    assert is_held(False, outcome) is refusal


def test_no_answer_proves_nothing_good() -> None:
    outcome = Outcome(ATTEMPT, False, None, "Words.", answered=False)
    assert is_held(True, outcome) is False
    assert is_held(False, outcome) is False


@pytest.mark.parametrize(
    ("connects", "error", "told"),
    [
        (True, None, ("connected", "connected")),
        (True, "EACCES", ("connected", "EACCES")),
        (False, "EACCES", ("refused", "EACCES")),
        (False, None, ("refused", "connected")),
    ],
)
def test_a_proof_as_it_is_told(connects: bool, error: str | None, told: tuple[str, str]) -> None:
    expectation = Expectation("app", PATH, None, "user nginx", WHO, connects)
    outcome = Outcome(ATTEMPT, error is None, error, "Words.")
    proof = Proof(expectation, outcome, is_held(connects, outcome))
    assert proof.as_dict() == {
        "expected": told[0],
        "result": told[1],
        "held": connects == (error is None),
        "message": "Words.",
    }


def test_who_is_let_in_against_the_will_of_the_declaration() -> None:
    expectation = Expectation("app", "/no/such/socket", None, "user nobody", WHO, False)
    proof = Proof(expectation, Outcome(ATTEMPT, True, None, "uid 33 connected."), False)
    assert proofs.failure(proof, Numbers()) == (
        "The proof failed: user nobody must be refused at /no/such/socket, but: uid 33 connected."
    )


def test_ten_failures_are_told_and_the_others_are_counted() -> None:
    expectation = Expectation("app", PATH, None, "user nobody", WHO, False)
    failed = Proof(expectation, Outcome(ATTEMPT, True, None, "uid 33 connected."), False)
    others = [failed._replace(held=held) for held in (True, None)]
    assert len(proofs.failures([*others, *[failed] * 10], Numbers())) == 10
    said = proofs.failures([*others, *[failed] * 12], Numbers())
    assert said[9:] == [proofs.failure(failed, Numbers()), "2 more proofs failed."]


@pytest.mark.parametrize(
    ("modes", "helps"),
    [
        ((0o755, 0o666), " Nothing on the way refuses."),
        ((0o755, 0o600), " What would help: Give uid 33 an entry: setfacl -m u:33:rw {0}."),
        (
            (0o700, 0o600),
            " All of it together would help: 1. Give uid 33 an entry: setfacl -m u:33:x {1}. 2. Give "
            "uid 33 an entry: setfacl -m u:33:rw {0}.",
        ),
        # It was replaced meanwhile, by a link to itself.
        (None, ""),
    ],
)
def test_what_would_help_somebody_who_is_not_let_in(
    monkeypatch: pytest.MonkeyPatch, modes: tuple[int, int] | None, helps: str
) -> None:
    def walked(path: str) -> Chain:
        if modes is None:
            raise AccessError("Too many links.")
        above, leaf = (Access(0, 0, Acl.from_mode(mode)) for mode in modes)
        return chain(leaf, directory=above)

    monkeypatch.setattr(proofs, "walked", walked)
    expectation = Expectation("app", PATH, None, "user nginx", WHO, True)
    proof = Proof(expectation, Outcome(ATTEMPT, False, "EACCES", "No."), False)
    assert proofs.failure(proof, Numbers()) == (
        f"The proof failed: user nginx must connect to {PATH}, but: No."
        + helps.format(PATH, os.path.dirname(PATH))
    )


def _promised(declared: SocketPolicy) -> list[Expectation]:
    """Return what is promised of a socket that is there, at its own path and at its endpoints."""
    parts = take_apart(Task(declared, "socket app"))
    facts = facts_of(parts.here.declared)
    seen = Seen(parts, None, parts.here, Surveyed(parts.here.declared, facts, cast(Pin, None)))
    if not seen.untouched:
        seen.plan = plan(parts.here.declared)
    return list(seen.promises(cast(Accounts, Known()), STRANGER))


def test_what_a_plan_promises() -> None:
    found = _promised(declare("user nginx", "group staff", refuse=("user carol",)))
    assert [(one.label, one.who, one.connects) for one in found] == [
        ("user nginx", USERS["nginx"].credentials, True),
        ("group staff", Credentials(STRANGER.uid, 500), True),
        ("user carol", USERS["carol"].credentials, False),
        ("somebody who is not declared", STRANGER, False),
    ]
    assert {one.path for one in found} == {PATH}
    (anybody,) = _promised(declare(mode=0o666))
    assert anybody.connects


def test_what_a_mount_promises() -> None:
    mounted = Grant(principal("user nginx"), "bind_mount", endpoint=Endpoint("/srv/app"))
    found = _promised(declare("user alice", mounted, refuse=("user carol",)))
    assert [(one.label, one.path, one.connects) for one in found] == [
        ("user alice", PATH, True),
        ("user nginx", "/srv/app", True),
        ("user carol", PATH, False),
        ("somebody who is not declared", PATH, False),
        ("somebody who is not declared", "/srv/app", False),
    ]


def test_what_nobody_touches_promises_refusals_alone() -> None:
    """Whoever connected to a socket that is only passed on goes on doing so."""
    passed_on = Grant(principal("user nginx"), "proxy", endpoint=Endpoint("/srv/app"))
    found = _promised(declare(passed_on, refuse=("user carol",)))
    assert [(one.label, one.path, one.connects) for one in found] == [("user carol", PATH, False)]


def test_what_the_endpoint_of_a_proxy_promises() -> None:
    endpoint = Endpoint("/srv/app", owner="nginx")
    grants = [
        Grant(principal(who), "proxy", endpoint=endpoint) for who in ("user nginx", "group staff")
    ]
    declared = declare("user alice", *grants, refuse=("user carol",))
    parts = take_apart(Task(declared, "socket app"))
    ((place, task),) = parts.served
    one = Surveyed(task.declared, facts_of(task.declared), cast(Pin, None))
    seen = Seen(parts, place, task, one)
    found = list(seen.promises(cast(Accounts, Known()), STRANGER))
    assert [(one.label, one.path, one.connects) for one in found] == [
        # Its owner, too, who needs no entry there.
        ("user nginx", "/srv/app", True),
        ("group staff", "/srv/app", True),
        ("user carol", "/srv/app", False),
        ("somebody who is not declared", "/srv/app", False),
    ]
    assert {one.socket for one in found} == {place.name}


def test_nothing_is_promised_of_what_is_not_there() -> None:
    declared = declare("user nginx", refuse=("user carol",))
    parts = take_apart(Task(declared, "socket app"))
    one = Surveyed(declared, facts_of(declared, chain(None)), cast(Pin, None))
    seen = Seen(parts, None, parts.here, one)
    seen.plan = plan(declared)
    assert not list(seen.promises(cast(Accounts, Known()), STRANGER))


def test_a_number_connects_without_groups_of_others() -> None:
    known = Known()
    who = credentials_of(known, principal("user 4242"), STRANGER)
    assert who == Credentials(4242, STRANGER.gid)
    assert credentials_of(known, principal("user gone"), STRANGER) is None
    assert credentials_of(known, principal("group gone"), STRANGER) is None


def _process(
    pid: int, unit: str | None, started: float = 1.0, manager: str | None = None
) -> Process:
    return Process(pid, "worker", 33, frozenset({33}), started, unit, manager)


def _stale(process: Process, *, keeps: bool = False) -> clients.Stale:
    return clients.Stale(process, "nginx", "staff", keeps)


@pytest.fixture
def restarted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    calls: list[tuple[str, ...]] = []
    monkeypatch.setattr(commands, "run", lambda words, **how: calls.append((words, how)[0]))
    return calls


def test_units_that_are_restarted_and_why_others_are_not(restarted: list[tuple[str, ...]]) -> None:
    units, notes = clients.restart_units(
        [
            _stale(_process(10, "nginx.service")),
            _stale(_process(11, "nginx.service")),
            # A name that systemd takes, and no option.
            _stale(_process(16, "-x.service")),
            _stale(_process(12, "session-3.scope")),
            _stale(_process(13, None)),
            _stale(_process(14, "app.service", manager="user@33.service")),
            _stale(_process(15, "own.service", started=9.0)),
        ],
        since=5.0,
    )
    assert units == ["-x.service", "nginx.service"]
    assert restarted == [("systemctl", "try-restart", "--", unit) for unit in units]
    assert [pid for pid in range(10, 16) if f"pid {pid}" in " ".join(notes)] == [12, 13, 14, 15]
    assert "session must be ended" in notes[2]
    assert "SupplementaryGroups=" in notes[3]


def test_a_restart_that_fails_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(words: tuple[str, ...], *, seconds: float, purpose: str) -> str:
        raise AccessError(f"{words[-1]} failed.")

    monkeypatch.setattr(commands, "run", fails)
    with pytest.raises(AccessError, match=r"nginx\.service failed"):
        clients.restart_units([_stale(_process(10, "nginx.service"))], since=5.0)


def test_processes_in_words() -> None:
    said = clients.in_words(
        [
            _stale(_process(10, "nginx.service")),
            _stale(_process(11, None)),
            _stale(_process(12, "old.service"), keeps=True),
        ]
    )
    assert len(said) == 2
    assert "lack the group staff" in said[0]
    assert "worker (pid 10, nginx.service) and worker (pid 11, no unit)" in said[0]
    assert "restart_clients: true" in said[0]
    assert "keep the group staff" in said[1]
    assert clients.in_words([]) == []


@pytest.mark.parametrize(("member", "expected"), [(True, [2]), (False, [1])])
def test_whose_groups_are_old(
    monkeypatch: pytest.MonkeyPatch, member: bool, expected: list[int]
) -> None:
    has = Process(1, "has", 33, frozenset({33, 500}), 1.0, None)
    lacks = Process(2, "lacks", 33, frozenset({33}), 1.0, None)
    monkeypatch.setattr(clients, "processes_of", lambda uid: [has, lacks])
    stale = clients.stale_processes("nginx", 33, "staff", 500, member=member)
    assert [one.process.pid for one in stale] == expected
    assert all(one.keeps != member for one in stale)
