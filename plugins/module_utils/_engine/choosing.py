# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What the host says before a method is chosen: for grants at another path, and of earlier choices.

Endpoints are what a task is taken apart by, so their methods are settled before anything else.
"""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .converge.record import Record, RecordFile
from .endpoints import take_apart
from .host.accounts import Accounts, HostNames
from .keep.parts import Creator
from .model.account import Group, User
from .model.acl import WRITE
from .model.chain import DIRECTORY, Chain
from .model.facts import PrincipalFacts, SocketFacts
from .model.plan import SocketPlan
from .policy.endpoint_keys import BIND_MOUNT, GATE, PROXY
from .policy.types import Grant, SocketPolicy
from .task import Task

if TYPE_CHECKING:  # pragma: no cover
    from .placing import Placing

_RUNTIME = re.compile(r"/run/user/[0-9]+")


class Choosing:
    """The choices of one run that need the host; ``problems`` collects why none could be made.

    They go by what was recorded before the run, so that every round of it finds the same.
    """

    def __init__(self, file: RecordFile) -> None:
        self.problems: list[str] = []
        # What one round tells, and the next cannot see any more: clients that will be refused.
        self.shut_out: list[str] = []
        self.moving: list[Grant] = []
        self._file = file
        self.before = file.load()
        self._is_old = False
        self._accounts = Accounts()
        self._names = HostNames()
        self._placing: Placing | None = None

    def record(self) -> Record:
        """Return the record for a round that begins: for the first one the one read already."""
        if self._is_old:
            return self._file.load()
        self._is_old = True
        return self.before

    def settle(self, task: Task) -> Task:
        """Return the task with a method for each grant at another path that has none yet."""
        if not undecided(task.declared):
            return task
        if self._placing is None:
            # Loaded where it is needed: most declarations name the method of another path.
            from .placing import Placing

            self._placing = Placing(self._accounts, self._names, self._before_at)
        task, problems = self._placing.settle(task)
        self.problems += problems
        return task

    def make_way(self, tasks: Sequence[Task]) -> tuple[list[Task], list[str]]:
        """Return the tasks without the endpoints in whose place something else stands now.

        That is what an earlier run made there by another method; the second list tells of each.
        """
        left, told = [], []
        for task in tasks:
            kept = []
            for grant in task.declared.allow:
                at = None if grant.endpoint is None else grant.endpoint.at
                before = None if at is None or task.kept else self._before_at(task, at)
                if before in (None, grant.method) or BIND_MOUNT not in (before, grant.method):
                    kept.append(grant)
                    continue
                sentence = (
                    f"The {before} at {at} of the socket {task.declared.path} is taken away first, "
                    f"and a {grant.method} is made there then."
                )
                told += [sentence] if sentence not in told else []
                self.moving.append(grant)
            without = task.declared._replace(allow=tuple(kept))
            alone = take_apart(task).untouched
            left.append(task._replace(declared=without, leave_inode=task.leave_inode or alone))
        return left, told

    def facts(
        self, task: Task, found: SocketFacts, creator: Creator | None, without_us: Chain
    ) -> SocketFacts:
        """Return what decides about a socket, as it would be without this run's holders."""
        path = found.chain.resolved
        return found._replace(
            chain=without_us,
            allowed=tuple(
                one._replace(before=self._before(task, one, path)) for one in found.allowed
            ),
            unit=None if creator is None else creator.unit,
            private=private_directories(found.chain),
        )

    def _before(self, task: Task, one: PrincipalFacts, path: str) -> str | None:
        """Return the method by which an earlier run let a principal in at the socket itself."""
        if task.kept and task.chosen is not None:
            # A hook without root's rights cannot read the record.
            return task.chosen.get(one.label)
        entry = self.before.entries.get(f"socket:{path}")
        asked = None if entry is None else entry.requests.get(task.holder)
        if not isinstance(asked, dict):
            return None
        account = one.account
        kind = "users" if isinstance(account, User) else "groups"
        own = account.uid if isinstance(account, User) else account.gid
        entries = asked.get(kind) or {}
        if int(entries.get(str(own), entries.get(own, 0))) & WRITE:
            return "acl"
        gid = asked.get("gid")
        if gid is None:
            return None
        if isinstance(account, Group):
            return "group" if account.gid == gid else None
        if account.credentials.gid == gid or self._joined(task, account, gid):
            return "group"
        return None

    def _joined(self, task: Task, user: User, gid: int) -> bool:
        group = self._names.group_name(gid)
        entry = self.before.entries.get(f"member:{user.name}:{group}")
        return entry is not None and task.holder in entry.requests

    def _before_at(self, task: Task, at: str) -> str | None:
        entry = self.before.entries.get(f"mount:{at}")
        if entry is not None and task.holder in entry.requests:
            return BIND_MOUNT
        known = self.before.holders()
        for method in (PROXY, GATE):
            if f"{task.holder} at {at} by {method}" in known:
                return method
        return None


def chosen(declared: SocketPolicy, plan: SocketPlan) -> dict[str, str]:
    """Return what was chosen at the socket itself, by principal, for the host to keep."""
    return {
        str(grant.principal): choice.method
        for grant, choice in zip(declared.allow, plan.choices)
        if grant.method == "auto" and choice.method in ("group", "acl")
    }


def undecided(declared: SocketPolicy) -> bool:
    """Tell whether a grant at another path has no method, because none could be chosen."""
    return any(one.method == "auto" and one.endpoint is not None for one in declared.allow)


def private_directories(chain: Chain) -> frozenset[str]:
    """Return the directories on the way that are somebody's own, and not for others to search."""
    found = set()
    for one in chain.components:
        if one.kind == DIRECTORY and (
            _RUNTIME.fullmatch(one.path) or _is_home(one.path, one.access.uid)
        ):
            found.add(one.path)
    return frozenset(found)


def _is_home(path: str, owner: int) -> bool:
    try:
        return path != "/" and os.path.normpath(pwd.getpwuid(owner).pw_dir) == path
    except KeyError:
        return False
