# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""All demands on one socket become one request, checked against the kernel's rules beforehand."""

from __future__ import annotations

from ..errors import AccessError
from ..methods import acl, bind_mount, group
from ..model.access import CONNECT, Access, AccessRequest, merge, wanted_socket
from ..model.account import ROOT, Credentials, User
from ..model.acl import EXECUTE, WRITE
from ..model.chain import DIRECTORY, Chain
from ..model.closed import closed_by
from ..model.facts import PrincipalFacts, SocketFacts
from ..model.plan import Choice, Demand, SocketPlan
from ..model.words import Names, capital
from ..policy.endpoint_keys import BIND_MOUNT
from ..policy.types import SocketPolicy
from ..reach import judge
from ..reach.walk import findings, in_words
from .choose import choose
from .ways_out import at_another_path, past, without_acl


def plan_socket(
    declared: SocketPolicy,
    facts: SocketFacts,
    names: Names,
    stranger: Credentials,
    *,
    exclusive: bool = True,
    deny_all_refused: bool = False,
) -> tuple[SocketPlan, list[str]]:
    """Return the plan for one socket, and every problem as a whole sentence.

    ``exclusive`` drops named entries that are not declared.  ``deny_all_refused`` makes an entry
    for each refused account, also for one that nothing lets in.  With a problem the plan must not
    be carried out.
    """
    return _Planner(declared, facts, names, stranger, exclusive).plan(deny_all_refused)


class _Planner:
    def __init__(
        self,
        declared: SocketPolicy,
        facts: SocketFacts,
        names: Names,
        stranger: Credentials,
        exclusive: bool,
    ) -> None:
        self.declared = declared
        self.facts = facts
        self.names = names
        self.stranger = stranger
        self.exclusive = exclusive
        self.problems: list[str] = []
        self.notes: list[str] = []
        self._choices: tuple[Choice, ...] = ()

    def plan(self, deny_all_refused: bool) -> tuple[SocketPlan, list[str]]:
        self._refuse_owner()
        choices = self._choices = tuple(
            choose(self.declared, self.facts, grant, client)
            for grant, client in zip(self.declared.allow, self.facts.allowed)
        )
        by_group = group.demand(self.declared, self.facts, self._served_by("group", choices))
        by_acl = acl.demand(self.declared, self.facts, self._served_by("acl", choices))
        mounted = bind_mount.demand(
            self.declared, self.facts, self._served_by("bind_mount", choices)
        )
        searches = self._searches()
        demands = [self._base(), by_group, by_acl, mounted]
        self.problems += [
            problem
            + (without_acl(self.declared, self.facts, choices) if demand is by_group else "")
            for demand in demands
            for problem in demand.problems
        ]
        request = self._merged(demands)
        if request is not None and not self.problems:
            refused = [
                one
                for one in self.facts.refused
                if deny_all_refused or self._gets_in(request, searches, by_group, one)
            ]
            denial = acl.refusal(self.declared, self.facts, refused)
            self.problems += denial.problems
            request = self._merged([*demands, denial])
        if request is not None and not self.problems:
            self._check(request, searches, by_group)
        plan = SocketPlan(
            choices,
            request,
            by_group.memberships,
            searches,
            bool((self.declared.mode or 0) & WRITE),
            tuple(self.notes),
        )
        return plan, self.problems

    def _served_by(self, method: str, choices: tuple[Choice, ...]) -> list[PrincipalFacts]:
        return [
            client for client, choice in zip(self.facts.allowed, choices) if choice.method == method
        ]

    def _base(self) -> Demand:
        """The declared owner, group and mode, which hold whatever the methods are."""
        mode = self.declared.mode
        facts = self.facts
        return Demand(
            AccessRequest(
                uid=None if facts.owner is None else facts.owner.uid,
                gid=None if facts.group is None else facts.group.gid,
                user_obj=None if mode is None else mode >> 6 & 7,
                group_obj=self._group_obj(mode),
                other=None if mode is None else mode & 7,
                exclusive=self.exclusive,
                trusted=facts.trusted,
            )
        )

    def _group_obj(self, mode: int | None) -> int | None:
        if mode is not None:
            return mode >> 3 & 7
        return CONNECT if self.facts.group is not None else None

    def _merged(self, demands: list[Demand]) -> AccessRequest | None:
        try:
            return merge({f"part {number}": demand.access for number, demand in enumerate(demands)})
        except AccessError as error:
            if not self.problems:
                self.problems.append(f"The socket {self.declared.path}: {error}")
            return None

    def _refuse_owner(self) -> None:
        """The owner class is tested first and alone, so an entry for the owner does nothing."""
        leaf = self.facts.chain.leaf
        uid = self.facts.owner.uid if self.facts.owner else leaf.access.uid if leaf else None
        for one in (*self.facts.allowed, *self.facts.refused):
            twin = next((other for other in self.facts.allowed if one.is_also(other)), None)
            if twin is not None and one in self.facts.refused:
                self.problems.append(
                    f"{capital(twin.label)} and {one.label} are one account, which the declaration of "
                    f"the socket {self.declared.path} both lets in and refuses; remove one of the two."
                )
            if isinstance(one.account, User) and one.account.uid == uid and uid != ROOT:
                self.problems.append(
                    f"{capital(one.label)} owns the socket {self.declared.path}, and the kernel "
                    "asks only the owner's permissions for the owner, whatever other entries say; "
                    "take this user out of allow and refuse, or declare another owner."
                )

    def _searches(self) -> dict[str, AccessRequest]:
        """Search entries on the closed parents that the declaration names."""
        total: dict[str, AccessRequest] = {}
        seen = {one.path: one for one in self.facts.chain.components}
        for grant, client in zip(self.declared.allow, self.facts.allowed):
            for name in () if grant.endpoint is not None else grant.open_parents:
                directory = seen.get(self.facts.directories.get(name, name))
                if directory is None or directory.kind != DIRECTORY:
                    self.notes.append(f"{name} does not exist yet, so it was not opened.")
                    continue
                closed = closed_by(directory.path)
                if closed is not None:
                    self.problems.append(
                        f"{name}, on the way to the socket {self.declared.path}, cannot be opened for "
                        f"{client.label}: {closed} Let the client connect at another path: "
                        f"{at_another_path(self.declared, grant)}"
                    )
                    continue
                if not directory.acl_support:
                    self.problems.append(
                        f"{name}, on the way to the socket {self.declared.path}, lies on a file "
                        f"system that keeps no POSIX ACLs, so it cannot be opened for "
                        f"{client.label} alone."
                    )
                    continue
                if isinstance(client.account, User) and client.account.uid in (
                    ROOT,
                    directory.access.uid,
                ):
                    continue
                old = total.get(directory.path, AccessRequest())
                new = acl.entries([client], EXECUTE)._replace(trusted=self.facts.trusted)
                total[directory.path] = new._replace(
                    users={**old.users, **new.users}, groups={**old.groups, **new.groups}
                )
        return total

    def _planned_chain(self, request: AccessRequest, searches: dict[str, AccessRequest]) -> Chain:
        """The chain as it will be.  Entries of other holders on parents are there already."""
        planned: dict[str, Access] = {}
        for one in self.facts.chain.components:
            if one.path in searches:
                wanted = searches[one.path]
                planned[one.path] = one.access._replace(
                    acl=one.access.acl.modified(wanted.users, wanted.groups)
                )
        leaf = self.facts.chain.leaf
        if leaf is not None:
            planned[leaf.path] = wanted_socket(leaf.access, request)
        return self.facts.chain.with_access(planned)

    def _credentials(self, one: PrincipalFacts, by_group: Demand) -> Credentials:
        """What a process of the account will have once the planned memberships are there."""
        if not isinstance(one.account, User):
            return Credentials(self.stranger.uid, one.account.gid)
        own = one.account.credentials
        if not one.account.known:
            return Credentials(own.uid, self.stranger.gid)
        joins = any(user == one.account.name for user, dummy in by_group.memberships)
        if joins and by_group.access.gid is not None:
            return own._replace(groups=own.groups | {by_group.access.gid})
        return own

    def _gets_in(
        self,
        request: AccessRequest,
        searches: dict[str, AccessRequest],
        by_group: Demand,
        one: PrincipalFacts,
    ) -> bool:
        chain = self._planned_chain(request, searches)
        return judge(chain, self._credentials(one, by_group)).allowed

    def _check(
        self, request: AccessRequest, searches: dict[str, AccessRequest], by_group: Demand
    ) -> None:
        """Foresee every grant and refusal by the kernel's rules, before anything is changed."""
        chain = self._planned_chain(request, searches)
        waiting = self._waiting()
        allowed = zip(self.declared.allow, self.facts.allowed, self._choices)
        for grant, one, choice in allowed:
            if one in waiting or grant.endpoint is not None:
                continue
            verdict = judge(chain, self._credentials(one, by_group), self.names)
            if verdict.allowed or verdict.rule == "missing":
                continue
            way_out = past(
                verdict.component, grant, choice, self.declared, self.facts, self._choices
            )
            self.problems.append(
                f"{capital(one.label)} would still be refused at {self.declared.path}: "
                f"{verdict.text}{way_out}"
            )
        if chain.leaf is None:
            return
        self._check_mounted(chain, by_group)
        for one in self.facts.refused:
            if judge(chain, self._credentials(one, by_group)).allowed:
                self.problems.append(
                    f"{capital(one.label)} is to be refused at the socket "
                    f"{self.declared.path}, but what else is declared lets it in; take it out of "
                    "refuse, or change the grant or the mode that lets it in."
                )

    def _check_mounted(self, chain: Chain, by_group: Demand) -> None:
        """Where the inode is mounted it decides alone; a proxy or a gate connects as itself."""
        for grant, one in zip(self.declared.allow, self.facts.allowed):
            if grant.endpoint is None or grant.method != BIND_MOUNT:
                continue
            who = self._credentials(one, by_group)
            last = findings(chain, who)[-1]
            if not last.allowed:
                self.problems.append(
                    f"{capital(one.label)} would still be refused at {grant.endpoint.at}, where the "
                    f"inode of {self.declared.path} decides: "
                    f"{in_words(last, chain, who, self.names)} Declare a group or a mode of the "
                    "socket that lets this client in, or leave both out for an entry of its own."
                )

    def _waiting(self) -> list[PrincipalFacts]:
        """Return whom the socket's group is to let in, where the host has no such group (yet)."""
        missing = self.declared.group is not None and self.facts.group is None
        return self._served_by("group", self._choices) if missing else []
