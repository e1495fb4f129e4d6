# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""One round of a run: look at the host, plan, compare, apply; and prove what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from . import ending
from .choosing import Choosing, chosen, undecided
from .converge.loop import Outcome, apply_steps
from .converge.record import Record, RecordFile
from .converge.steps import AnyResource, Step, Want, plan_steps
from .doubts import doubts, under_two_names
from .endpoints import Parts, Place, holders_of, maker_of, method_by, service_of, take_apart
from .errors import AccessError, Refusals
from .faults import looking_at
from .host.accounts import Accounts, HostNames
from .host.pinned import Pin
from .host.starting import starting
from .keep.births import births
from .made import endpoints_made, with_endpoints_gone
from .making import HOOKED, INODES, KEPT, MOUNTS, Making
from .model.access import Access, AccessRequest
from .planner.plan import plan_socket
from .policy.types import SocketPolicy
from .recorded import chain_without_us, planned_access, recorded_inode
from .report import Result, Seen, result_of
from .resources.inode_access import DirectoryAccess, SocketAccess
from .resources.membership import Membership, MembershipRequest
from .strangers import stranger_here
from .survey import Survey, same_socket_twice
from .task import Options, Task

if TYPE_CHECKING:  # pragma: no cover
    from .proofs import Proof

_ACCOUNTS = frozenset({"member"})


class Round:
    """One round: the pins it holds, the names it looked up, and what it found and planned."""

    def __init__(
        self, tasks: Sequence[Task], options: Options, file: RecordFile, choosing: Choosing
    ) -> None:
        self.options = options
        self.choosing = choosing
        self.file = file
        self.record = choosing.record()
        self.parts = [take_apart(task) for task in tasks]
        self.names = HostNames()
        self.accounts = Accounts()
        self.stranger = stranger_here()
        check = options.check
        self.survey = Survey(self.accounts, self.names, check=check, hook=options.hook)
        self.making = Making(self.accounts, self.names, self.stranger, self.record, options)
        self.seen: list[Seen] = []
        self.steps: list[Step] = []
        self.pins: list[Pin] = []

    def close(self) -> None:
        """Let go of everything that is held."""
        while self.pins:
            self.pins.pop().close()

    @property
    def made_sockets(self) -> bool:
        """Tell whether this round made sockets that were not there when it looked."""
        return any(step.makes_sockets for step in self.steps)

    def apply(self, dropped: Callable[[Record], Collection[str]]) -> Outcome:
        """Do everything up to the proof; in check mode return what would be done."""
        options = self.options
        known = self.record.holders()
        self.holders = set(dropped(self.record))
        for parts in self.parts:
            self.holders |= holders_of(parts.task, known)
        wants: list[Want] = []
        if not options.absent:
            self.seen = self._look()
            self._plan()
            wants = self._wanted()
        kinds = INODES if options.hook else INODES | _ACCOUNTS | KEPT
        if not options.unprivileged:
            kinds |= HOOKED if options.hook else MOUNTS
        # With a mistake what is wanted no more is not known, so only what is wanted is compared.
        kinds = frozenset() if self._problems() else kinds
        try:
            steps = plan_steps(wants, self.holders, self.record, self._recorded, kinds)
            self.steps = with_endpoints_gone(steps)
        except Refusals as error:
            self.survey.problems += error.messages
        self._refuse()
        if not options.hook and any(step.narrows for step in self.steps):
            from .shut_out import shut_out

            also = (self.choosing.moving, self.pins, self.stranger, self.names)
            self.choosing.shut_out += shut_out(self.seen, self.steps, *also)
        if options.check:
            return Outcome(self.steps, any(step.changes for step in self.steps))
        names = [one.name for one in self._made_by_us()] if self.made_sockets else ()
        ended = ending.remembered(self.record.ended, self.holders, self.parts)
        with starting(names):
            return apply_steps(
                self.steps, self.record, self.file, self.making.wait_for_nothing, ended
            )

    def _made_by_us(self) -> list[SocketPolicy]:
        """Return every socket that a unit of ours makes."""
        declared = [seen.task.declared for seen in self.seen]
        return [one for one in declared if method_by(one.unit) is not None]

    def prove(self) -> list[Proof]:
        """Make every connect() that was promised; raises AccessError when one is not kept."""
        from .proofs import failures, prove_all

        accounts = Accounts()
        promised = [
            expectation
            for seen in self.seen
            for expectation in seen.promises(accounts, self.stranger)
        ]
        proofs = prove_all(promised, seconds=self.options.proof_seconds, names=self.names)
        failed = failures(proofs, self.names)
        if failed:
            failed += under_two_names(self.seen, self.record, self.holders)
            raise AccessError("\n".join(failed))
        if self.making.keeps:
            self.making.keeper.start([service_of(str(one.unit)) for one in self._made_by_us()])
        return proofs

    def result(self, outcome: Outcome, proofs: Sequence[Proof]) -> Result:
        """Return what was declared, decided, done and proven."""
        doubted = list(self.making.doubts)
        if not self.options.hook:
            doubted = doubts(self.seen, self.record, self.holders, proofs) + doubted
            doubted = [*self.choosing.shut_out, *doubted]
        return result_of(outcome, self.seen, proofs, doubted)

    def _problems(self) -> list[str]:
        finders = (self.choosing, self.survey, self.making)
        return [problem for finder in finders for problem in finder.problems]

    def _refuse(self) -> None:
        problems = self._problems()
        if problems:
            raise Refusals(tuple(dict.fromkeys(problems)))

    def _look(self) -> list[Seen]:
        recorded = [
            key.partition(":")[2] for key in self.record.entries if key[:10] == "directory:"
        ]
        found = []
        for parts in self.parts:
            tasks: list[tuple[Task, Place | None]] = [(parts.here, None)]
            if not self.options.hook:
                tasks += [(task, place) for place, task in parts.served]
            for task, place in tasks:
                with looking_at(f"The socket {task.declared.path}"):
                    one = self.survey.look(task.declared, recorded, served=task.served)
                if one is not None:
                    one.fit = one.fit and not undecided(task.declared)
                    self.pins.append(one.pin)
                    found.append(Seen(parts, place, task, one))
        self.survey.problems += same_socket_twice(seen.one for seen in found)
        return found

    def _plan(self) -> None:
        if self.making.keeps:
            managed = self._managed()
            creators = self.making.keeper.find_creators([(seen.task, seen.one) for seen in managed])
            for seen, (task, creator) in zip(managed, creators):
                seen.task, seen.creator = task, creator
        for seen in self.seen:
            if seen.untouched or not seen.one.fit:
                continue
            with looking_at(f"The socket {seen.one.declared.path}"):
                chain = chain_without_us(seen.one, self.record, self.holders, self.names)
                facts = self.choosing.facts(seen.task, seen.one.facts, seen.creator, chain)
            seen.plan, problems = plan_socket(
                seen.task.called(seen.one.declared),
                facts,
                self.names,
                self.stranger,
                exclusive=seen.task.exclusive,
                deny_all_refused=seen.task.deny_all_refused,
            )
            seen.task = seen.task._replace(chosen=chosen(seen.one.declared, seen.plan))
            self.survey.problems += problems
            seen.one.sure = seen.one.sure and not problems

    def _managed(self) -> list[Seen]:
        return [seen for seen in self.seen if not seen.untouched or seen.parts.mounts]

    def _wanted(self) -> list[Want]:
        """Return all that is wanted: of inodes and accounts, and of what keeps them so."""
        keep = self.making.keeps
        if not self.making.systemd and not self.options.hook:
            for seen in self._managed():
                seen.one.notes.append(
                    "This host does not run systemd, so nothing keeps the access when the daemon "
                    "is started anew; run again then."
                )
        wants = [] if self.options.hook else ending.wants(self.parts, self.making)
        for seen in self.seen:
            try:
                wants += self._of(seen, keep)
            except AccessError as error:
                self.survey.problems.append(str(error))
        return wants

    def _of(self, seen: Seen, keep: bool) -> Iterator[Want]:
        """Return what is wanted of one socket or endpoint."""
        place = seen.place or seen.parts.serves
        if place is not None and not self.options.hook:
            # Before the hooks, which keep what is found here.
            yield from self._of_endpoint(seen, place)
        elif place is None and not self.options.unprivileged:
            yield from self.making.mounting.wants(seen) if seen.parts.mounts else ()
            if keep:
                holder = seen.task.holder
                yield from self.making.keeper.tell_clients(seen.parts.mounts, seen.one, holder)
                made = seen.task.kept and method_by(seen.task.declared.unit)
                yield from self.making.remaking.wants(seen, made) if made else ()
        request = seen.plan.access
        if request is not None:
            planned = planned_access(seen.one, request, self.record, self.holders, self.names)
            chain = seen.one.facts.chain
            born = births(seen.creator, request, planned, seen.task, chain) if keep else None
            yield from self._of_inodes(seen, born)
            yield from self._hooks(seen, request, planned) if keep else ()
        elif seen.untouched and seen.parts.mounts and keep:
            yield from self._hooks(seen, AccessRequest(), None)

    def _hooks(self, seen: Seen, request: AccessRequest, planned: Access | None) -> list[Want]:
        wants, hooks = self.making.keeper.keep(seen.task, seen.one, seen.creator, request, planned)
        seen.kept = hooks.said
        return wants

    def _of_endpoint(self, seen: Seen, place: Place) -> Iterator[Want]:
        """Return what makes the endpoint of a proxy or a gate."""
        from .overflow import never_let_in
        from .remembered import kept_before

        serving = self.making.serving
        if not self.making.systemd:
            serving.no_units(place)
            return
        ours = place.endpoint.at in endpoints_made(self.record)
        serving.check_place(place, seen.one, ours)
        serving.problems += never_let_in(place, seen.one)
        holder = maker_of(seen.task, place.method)
        yield from self.making.keeper.tell_clients([place], seen.one, holder)
        if seen.parts.serves is not None:
            served = serving.command(place, seen.task.declared, seen.one)
        else:
            source = self._here(seen.parts)
            if source is None or not source.one.fit:
                serving.look_for(place, seen.one)
                return
            chain, access = source.one.facts.chain, source.plan.access
            if access is not None and chain.leaf is not None:
                planned = planned_access(source.one, access, self.record, self.holders, self.names)
                if planned is not None:
                    chain = chain.with_access({chain.leaf.path: planned})
            before = kept_before(seen.task)
            served, seen.task = serving.forward(place, chain, source.one, seen.task, before)
        if served is not None:
            yield from self.making.keeper.serve(served, holder, seen.one.facts.chain)

    def _here(self, parts: Parts) -> Seen | None:
        """Return the socket itself, None where it cannot be looked at."""
        found = (seen for seen in self.seen if seen.parts is parts and seen.place is None)
        return next(found, None)

    def _of_inodes(self, seen: Seen, born: Sequence[Access] | None) -> list[Want]:
        one, plan, task = seen.one, seen.plan, seen.task
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
        if kind.partition("@")[0] in KEPT:
            return self.making.keeper.recorded(kind, rest)
        if kind in MOUNTS:
            return self.making.mounting.recorded(kind, rest)
        if kind == "member":
            user, dummy, group = rest.rpartition(":")
            return Membership(user, group)
        return recorded_inode(key, self.record, self.names, self.survey, self.pins)
