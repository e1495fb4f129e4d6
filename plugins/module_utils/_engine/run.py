# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The way of the data, from one end to the other: declared sockets in, a proven host out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from . import clients, keeper
from .converge.loop import Outcome, apply_steps
from .converge.record import NoRecord, Record, RecordFile
from .converge.steps import AnyResource, Step, Want, plan_steps, without_holders
from .errors import AccessError, Refusals
from .host.accounts import Accounts, HostNames
from .host.lock import Lock
from .host.pinned import Pin, pin
from .keep.hooks import Creator, births
from .model.access import Access, AccessRequest, wanted_socket
from .model.chain import DIRECTORY, SOCKET, Chain
from .model.plan import SocketPlan
from .planner.plan import plan_socket
from .proofs import Proof, failure, prove_all
from .reach import unfit_leaf
from .report import Result, expectations, socket_result
from .resources.inode_access import DirectoryAccess, SocketAccess
from .resources.membership import Membership, MembershipRequest
from .strangers import stranger_here
from .survey import Survey, Surveyed, same_socket_twice
from .task import Options, Task

_INODES = frozenset({"socket", "directory"})
_ACCOUNTS = frozenset({"member"})


def converge(
    tasks: Sequence[Task],
    options: Options,
    *,
    dropped: Callable[[Record], Collection[str]] = lambda record: (),
    file: RecordFile | None = None,
    still: Callable[[], bool] = lambda: True,
) -> Result:
    """Bring the host to what the tasks declare, prove it, or leave it as it was.

    ``dropped`` names, from the record, holders without a task whose requests go as well.  ``still``
    is asked once nobody else can run: if it says no, nothing is done.  Raises
    Refusals with every problem found before anything was changed, and AccessError when a step or
    a proof failed and everything was put back.
    """
    if os.geteuid() != 0 and not options.unprivileged:
        raise AccessError(
            "Only root can read and change the access of other users' sockets; run this as root "
            "(become: true)."
        )
    file = file or (NoRecord() if options.unprivileged else RecordFile())
    # Whatever the caller's is, what is made for a host can be read there (umask(2)).
    umask = os.umask(0o022)
    lock = None
    try:
        if not options.unprivileged and (not options.check or os.path.isdir(file.directory)):
            lock = Lock(file.directory, seconds=options.lock_seconds)
        if not still():
            return Result(False, [], {}, {})
        run = _Run(tasks, options, file)
        try:
            result = run.go(dropped)
        finally:
            run.close()
    finally:
        os.umask(umask)
        if lock is not None:
            file.clear_away()
            lock.release()
    # A unit that is restarted may have a hook of ours, which must get the lock.
    clients.begin_anew(run.steps, run.record, result, restart=not options.check)
    return result


class _Run:
    """One run: the pins it holds and the names it looked up."""

    def __init__(self, tasks: Sequence[Task], options: Options, file: RecordFile) -> None:
        self.tasks = tasks
        self.options = options
        self.file = file
        self.record = file.load()
        self.names = HostNames()
        self.accounts = Accounts()
        self.survey = Survey(self.accounts, self.names, check=options.check, hook=options.hook)
        self.keeper = keeper.Keeper(self.accounts, self.names, self.record, check=options.check)
        self.kept: dict[str, tuple[str, ...]] = {}
        self.steps: list[Step] = []
        self.stranger = stranger_here()
        self.pins: list[Pin] = []

    def close(self) -> None:
        for one in self.pins:
            one.close()

    def go(self, dropped: Callable[[Record], Collection[str]]) -> Result:
        self.holders = {task.holder for task in self.tasks} | set(dropped(self.record))
        seen: list[tuple[Task, Surveyed]] = []
        plans: list[SocketPlan] = []
        wants: list[Want] = []
        if not self.options.absent:
            seen = self._look()
            self._refuse()
            plans = self._plan(seen)
            self._refuse()
            wants = self._kept(seen, plans)
        self._refuse()
        kinds = _INODES if self.options.hook else _INODES | _ACCOUNTS | keeper.KINDS
        self.steps = plan_steps(wants, self.holders, self.record, self._recorded, kinds)
        self._refuse()
        if self.options.check:
            changed = any(step.changes for step in self.steps)
            return self._result(Outcome(self.steps, changed), seen, plans, [])
        outcome = apply_steps(self.steps, self.record, self.file)
        try:
            proofs = self._prove(seen, plans) if self.options.prove else []
        except AccessError as error:
            raise outcome.rollback(str(error)) from error
        except BaseException as error:
            outcome.rollback(repr(error))
            raise
        return self._result(outcome, seen, plans, proofs)

    def _kept(
        self, seen: Sequence[tuple[Task, Surveyed]], plans: Sequence[SocketPlan]
    ) -> list[Want]:
        """Return all that is wanted: of inodes and accounts, and of what keeps them so."""
        keep = self.keeper.works and not self.options.hook
        creators: Sequence[tuple[Task, Creator | None]] = [(task, None) for task, dummy in seen]
        if keep:
            creators = self.keeper.find_creators(seen)
        elif not self.options.hook:
            for dummy, one in seen:
                one.notes.append(
                    "This host does not run systemd, so nothing keeps the access when the daemon "
                    "is started anew; run again then."
                )
        self.survey.problems += self.keeper.problems
        wants: list[Want] = []
        for (dummy, one), plan, (task, creator) in zip(seen, plans, creators):
            if plan.access is None:
                continue
            planned = self._planned(one, plan.access)
            born = births(creator, plan.access, planned, task) if keep else None
            wants += self._wants(task, one, plan, born)
            if keep:
                more, hooks = self.keeper.keep(task, creator, plan.access, planned)
                wants += more
                self.kept[task.declared.name] = hooks.said
        return wants

    def _planned(self, one: Surveyed, request: AccessRequest) -> Access | None:
        """Return the access that the socket shall have; while it is away, what it had last."""
        leaf = one.facts.chain.leaf
        resource = SocketAccess(one.facts.chain.resolved, None, self.names)
        if leaf is not None:
            chain = self._chain_without_us(one)
            return None if chain.leaf is None else wanted_socket(chain.leaf.access, request)
        entry = self.record.entries.get(resource.key)
        return None if entry is None else resource.state_from_json(entry.applied)

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
        self.survey.problems += same_socket_twice(one for dummy, one in seen)
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

    def _wants(
        self, task: Task, one: Surveyed, plan: SocketPlan, born: Sequence[Access] | None
    ) -> list[Want]:
        path = one.facts.chain.resolved
        descriptor = None if one.facts.chain.leaf is None else one.pin.descriptor(path)
        resource = SocketAccess(path, descriptor, self.names)
        wants = [Want(resource, task.holder, plan.access, task.adds, born)]
        for path, request in plan.searches.items():
            directory = DirectoryAccess(path, one.pin.descriptor(path), self.names)
            wants.append(Want(directory, task.holder, request, task.adds))
        if self.options.hook:
            return wants
        for user, group in plan.memberships:
            asked = MembershipRequest(time.time(), one.declared.restarts(user))
            wants.append(Want(Membership(user, group), task.holder, asked, task.adds))
        return wants

    def _recorded(self, key: str) -> AnyResource:
        """Make the resource of a recorded key, for what is undone."""
        kind, dummy, rest = key.partition(":")
        if kind.partition("@")[0] in keeper.KINDS:
            return self.keeper.recorded(kind, rest)
        if kind == "member":
            user, dummy, group = rest.rpartition(":")
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
        if made is SocketAccess:
            problem = problem or unfit_leaf(held.chain)
        if problem:
            self.survey.problems.append(problem)
        return resource

    def _prove(
        self, seen: Sequence[tuple[Task, Surveyed]], plans: Sequence[SocketPlan]
    ) -> list[Proof]:
        accounts = Accounts()
        promised = [
            expectation
            for (dummy, one), plan in zip(seen, plans)
            if one.facts.chain.leaf is not None
            for expectation in expectations(one.declared, plan, accounts, self.stranger)
        ]
        proofs = prove_all(promised, seconds=self.options.proof_seconds, names=self.names)
        failed = [failure(proof, self.names) for proof in proofs if proof.held is False]
        if failed:
            more = f"{len(failed) - 10} more proofs failed." if len(failed) > 10 else ""
            raise AccessError("\n".join([*failed[:10], more]).rstrip())
        return proofs

    def _result(
        self,
        outcome: Outcome,
        seen: Sequence[tuple[Task, Surveyed]],
        plans: Sequence[SocketPlan],
        proofs: Sequence[Proof],
    ) -> Result:
        absentees = [sentence for dummy, one in seen for sentence in one.absentees]
        sockets = {}
        for (task, one), plan in zip(seen, plans):
            own = [proof for proof in proofs if proof.expectation.socket == one.declared.name]
            kept = self.kept.get(task.declared.name, ())
            sockets[task.declared.name] = socket_result(one, plan, own, kept)
        return Result(
            outcome.changed or bool(absentees),
            outcome.changes,
            outcome.diff,
            sockets,
            [*absentees, *outcome.notes],
        )
