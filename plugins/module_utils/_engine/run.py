# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The way of the data, from one end to the other: declared sockets in, a proven host out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from . import clients
from .converge.loop import (
    AnyResource,
    Outcome,
    Step,
    Want,
    apply_steps,
    plan_steps,
    without_holders,
)
from .converge.record import Record, RecordFile
from .errors import AccessError, Refusals
from .host.accounts import Accounts, HostNames
from .host.lock import Lock
from .host.pinned import Pin, pin
from .model.account import Credentials
from .model.chain import DIRECTORY, SOCKET, Chain
from .model.plan import SocketPlan
from .planner.plan import plan_socket
from .policy.types import Principal, SocketPolicy
from .proofs import Expectation, Proof, prove_all
from .reach import explain
from .resources.inode_access import DirectoryAccess, SocketAccess
from .resources.membership import Membership, MembershipRequest
from .strangers import stranger_here
from .survey import Survey, Surveyed, credentials_of, same_socket_twice

LOCK_SECONDS = 60.0
PROOF_SECONDS = 5.0


@dataclass(frozen=True)
class Task:
    """One socket as one holder declares it.

    ``exclusive``: named entries that are not declared go.  ``deny_all_refused``: each refused
    account gets an entry, also where nothing lets it in.  ``adds``: what this holder asked for
    earlier stays.
    """

    declared: SocketPolicy
    holder: str
    exclusive: bool = True
    deny_all_refused: bool = False
    adds: bool = False


@dataclass(frozen=True)
class Options:
    """How a run is to go: ``check`` changes nothing, ``prove`` ends with a real connect()."""

    check: bool = False
    prove: bool = True
    absent: bool = False
    lock_seconds: float = LOCK_SECONDS
    proof_seconds: float = PROOF_SECONDS


@dataclass
class Result:
    """What a run did, in the form in which a door returns it."""

    changed: bool
    changes: list[str]
    diff: dict[str, str]
    sockets: dict[str, Any]
    warnings: list[str] = field(default_factory=list)


def converge(
    tasks: Sequence[Task],
    options: Options,
    *,
    dropped: Callable[[Record], Collection[str]] = lambda record: (),
    file: RecordFile | None = None,
) -> Result:
    """Bring the host to what the tasks declare, prove it, or leave it as it was.

    ``dropped`` names, from the record, holders without a task whose requests go as well.  Raises
    Refusals with every problem found before anything was changed, and AccessError when a step or
    a proof failed and everything was put back.
    """
    if os.geteuid() != 0:
        raise AccessError(
            "Only root can read and change the access of other users' sockets; run this as root "
            "(become: true)."
        )
    file = file or RecordFile()
    lock = None
    if not options.check or os.path.isdir(file.directory):
        lock = Lock(file.directory, seconds=options.lock_seconds)
    run = _Run(tasks, options, file)
    try:
        return run.go(dropped)
    finally:
        run.close()
        if lock is not None:
            file.clear_away()
            lock.release()


class _Run:
    """One run: the pins it holds and the names it looked up."""

    def __init__(self, tasks: Sequence[Task], options: Options, file: RecordFile) -> None:
        self.tasks = tasks
        self.options = options
        self.file = file
        self.record = file.load()
        self.names = HostNames()
        self.accounts = Accounts()
        self.survey = Survey(self.accounts, self.names, check=options.check)
        self.stranger = stranger_here()
        self.pins: list[Pin] = []

    def close(self) -> None:
        for one in self.pins:
            one.close()

    def go(self, dropped: Callable[[Record], Collection[str]]) -> Result:
        self.holders = {task.holder for task in self.tasks} | set(dropped(self.record))
        seen: list[tuple[Task, Surveyed]] = []
        plans: list[SocketPlan] = []
        if not self.options.absent:
            seen = self._look()
            plans = self._plan(seen)
        self._refuse()
        wants = [
            want for (task, one), plan in zip(seen, plans) for want in self._wants(task, one, plan)
        ]
        steps = plan_steps(wants, self.holders, self.record, self._recorded)
        self._refuse()
        if self.options.check:
            outcome = Outcome(steps, any(step.changes for step in steps))
            return self._result(outcome, seen, plans, [], self._stale(steps)[0])
        outcome = apply_steps(steps, self.record, self.file)
        try:
            proofs = self._prove(seen, plans) if self.options.prove else []
            stale, restarted = self._stale(steps)
        except AccessError as error:
            raise outcome.rollback(str(error)) from error
        except BaseException as error:
            outcome.rollback(repr(error))
            raise
        result = self._result(outcome, seen, plans, proofs, stale)
        result.changes += [f"Unit {unit} was restarted." for unit in restarted]
        result.changed = result.changed or bool(restarted)
        return result

    def _refuse(self) -> None:
        if self.survey.problems:
            raise Refusals(tuple(self.survey.problems))

    def _look(self) -> list[tuple[Task, Surveyed]]:
        recorded = [
            key.partition(":")[2] for key in self.record.entries if key[:10] == "directory:"
        ]
        seen = []
        for task in self.tasks:
            one = self.survey.look(task.declared, recorded)
            if one is not None:
                self.pins.append(one.pin)
                seen.append((task, one))
        self.survey.problems += same_socket_twice(one for _, one in seen)
        return seen

    def _plan(self, seen: Sequence[tuple[Task, Surveyed]]) -> list[SocketPlan]:
        plans = []
        for task, one in seen:
            facts = replace(one.facts, chain=self._chain_without_us(one))
            plan, problems = plan_socket(
                one.declared,
                facts,
                self.names,
                self.stranger,
                exclusive=task.exclusive,
                deny_all_refused=task.deny_all_refused,
            )
            plans.append(plan)
            self.survey.problems += [
                problem for problem in problems if problem not in self.survey.problems
            ]
        return plans

    def _chain_without_us(self, one: Surveyed) -> Chain:
        """Return the chain as it would be had the holders of this run never asked for anything."""
        planned = {}
        for component in one.facts.chain.components:
            for kind in (SocketAccess, DirectoryAccess):
                resource = kind(component.path, one.pin.descriptor(component.path), self.names)
                if resource.key in self.record.entries:
                    access = without_holders(resource, self.record, self.holders)
                    if access is not None:
                        planned[component.path] = access
        return one.facts.chain.with_access(planned)

    def _wants(self, task: Task, one: Surveyed, plan: SocketPlan) -> list[Want]:
        wants = []
        leaf = one.facts.chain.leaf
        if plan.access is not None and leaf is not None:
            resource = SocketAccess(leaf.path, one.pin.descriptor(leaf.path), self.names)
            wants.append(Want(resource, task.holder, plan.access, task.adds))
        for path, request in plan.searches.items():
            directory = DirectoryAccess(path, one.pin.descriptor(path), self.names)
            wants.append(Want(directory, task.holder, request, task.adds))
        for user, group in plan.memberships:
            asked = MembershipRequest(time.time(), _restarts(one.declared, user))
            wants.append(Want(Membership(user, group), task.holder, asked, task.adds))
        return wants

    def _recorded(self, key: str) -> AnyResource:
        """Make the resource of a recorded key, for what is undone."""
        kind, _, rest = key.partition(":")
        if kind == "member":
            user, _, group = rest.rpartition(":")
            return Membership(user, group)
        made = SocketAccess if kind == "socket" else DirectoryAccess
        for one in self.pins:
            if one.descriptor(rest) is not None:
                return made(rest, one.descriptor(rest), self.names)
        try:
            held = pin(rest)
        except (AccessError, OSError) as error:
            raise AccessError(f"{rest} cannot be looked at: {error}") from error
        self.pins.append(held)
        leaf = held.chain.leaf
        if leaf is None or leaf.kind != (SOCKET if made is SocketAccess else DIRECTORY):
            # What was changed is gone, and with it all that there was to undo.
            return made(rest, None, self.names)
        resource = made(rest, held.descriptor(leaf.path), self.names)
        requests = map(resource.request_from_json, self.record.entries[key].requests.values())
        trusted = {name for request in requests for name in request.trusted}
        problem = self.survey.unsafe(held.chain, trusted)
        if problem:
            self.survey.problems.append(problem)
        return resource

    def _prove(
        self, seen: Sequence[tuple[Task, Surveyed]], plans: Sequence[SocketPlan]
    ) -> list[Proof]:
        accounts = Accounts()
        expectations = [
            expectation
            for (_, one), plan in zip(seen, plans)
            if one.facts.chain.leaf is not None
            for expectation in _expectations(one.declared, plan, accounts, self.stranger)
        ]
        proofs = prove_all(expectations, seconds=self.options.proof_seconds, names=self.names)
        failed = [self._failure(proof) for proof in proofs if proof.held is False]
        if failed:
            raise AccessError("\n".join(failed))
        return proofs

    def _failure(self, proof: Proof) -> str:
        wanted = proof.expectation
        verb = "connect to" if wanted.connects else "be refused at"
        said = (
            f"The proof failed: {wanted.label} must {verb} {wanted.path}, but: {proof.outcome.text}"
        )
        if not wanted.connects:
            return said
        held = pin(wanted.path)
        try:
            return " ".join([said, *explain(held.chain, wanted.who, self.names)[-1:]])
        finally:
            held.close()

    def _stale(self, steps: Sequence[Step]) -> tuple[list[clients.Stale], list[str]]:
        """Return the processes whose groups are old, and the units that were restarted for it."""
        left: list[clients.Stale] = []
        restarted: list[str] = []
        for step in steps:
            resource = step.resource
            if not isinstance(resource, Membership) or (step.entry is None and not step.changes):
                continue
            user = self.accounts.user(resource.user)
            group = self.accounts.group(resource.group)
            if user is None or group is None:
                continue
            stale = clients.stale_processes(
                user.name, user.uid, group.name, group.gid, member=bool(step.target)
            )
            asked = self._restart_since(step)
            if asked is not None and stale and not self.options.check:
                units, _ = clients.restart_units(stale, asked)
                restarted += units
                stale = clients.stale_processes(
                    user.name, user.uid, group.name, group.gid, member=bool(step.target)
                )
            left += stale
        return left, restarted

    def _restart_since(self, step: Step) -> float | None:
        """Return since when the groups are as they are, if units may be restarted for it."""
        entry = step.entry or self.record.entries.get(step.resource.key)
        if entry is None:
            return None
        requests = [step.resource.request_from_json(data) for data in entry.requests.values()]
        if not any(request.restart for request in requests):
            return None
        return time.time() if step.entry is None else min(one.since for one in requests)

    def _result(
        self,
        outcome: Outcome,
        seen: Sequence[tuple[Task, Surveyed]],
        plans: Sequence[SocketPlan],
        proofs: Sequence[Proof],
        stale: Sequence[clients.Stale],
    ) -> Result:
        absentees = [sentence for _, one in seen for sentence in one.absentees]
        sockets = {}
        for (task, one), plan in zip(seen, plans):
            own = [proof for proof in proofs if proof.expectation.socket == one.declared.name]
            sockets[task.declared.name] = _socket_result(one, plan, own)
        return Result(
            outcome.changed or bool(absentees),
            outcome.changes,
            outcome.diff,
            sockets,
            [*absentees, *outcome.notes, *clients.in_words(stale)],
        )


def _restarts(declared: SocketPolicy, user: str) -> bool:
    return any(
        grant.restart_clients and grant.principal == Principal("user", user)
        for grant in declared.allow
    )


def _expectations(
    declared: SocketPolicy, plan: SocketPlan, accounts: Accounts, nobody: Credentials
) -> list[Expectation]:
    """Return all that the plan promises, with identities as the host has them now."""
    asked = [(str(grant.principal), grant.principal, True) for grant in declared.allow]
    asked += [(str(principal), principal, False) for principal in declared.refuse]
    found = []
    for label, principal, connects in asked:
        who = credentials_of(accounts, principal, nobody)
        if who is not None:
            found.append((label, who, connects))
    found.append(("somebody who is not declared", nobody, plan.open_to_all))
    return [
        Expectation(declared.name, declared.path, declared.type, label, who, connects)
        for label, who, connects in found
    ]


def _socket_result(one: Surveyed, plan: SocketPlan, proofs: Sequence[Proof]) -> dict[str, Any]:
    by_label = {proof.expectation.label: proof.as_dict() for proof in proofs}
    return {
        "path": one.declared.path,
        "exists": one.facts.chain.leaf is not None,
        "grants": [
            {
                "principal": str(grant.principal),
                "method": choice.method,
                "reason": choice.reason,
                "rejected": [vars(rejected) for rejected in choice.rejected],
                "endpoint": one.declared.path,
                "proof": by_label.get(str(grant.principal)),
            }
            for grant, choice in zip(one.declared.allow, plan.choices)
        ],
        "refused": [
            {"principal": str(principal), "proof": by_label.get(str(principal))}
            for principal in one.declared.refuse
        ],
        "others": {"proof": by_label.get("somebody who is not declared")},
        "notes": [*one.notes, *plan.notes],
    }
