# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The method for grants at another path of a socket that leave it open: what the host has decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .errors import AccessError
from .host import socat
from .host.accounts import Accounts, HostNames
from .host.listening import listener_at
from .host.pinned import walked
from .host.systemctl import is_running
from .methods import proxy
from .methods.identity import lost_by_proxy
from .model.account import ROOT
from .model.chain import Chain
from .model.facts import PlaceFacts
from .model.plan import Choice
from .planner.elsewhere import choose_place
from .policy.endpoint_keys import GATE, PROXY, is_managed
from .policy.types import Grant
from .strangers import stranger_here
from .task import Task

# linux/capability.h
_SYS_ADMIN = 21


class Placing:
    """The choices of one run; ``before`` tells which method an earlier run has made at a path."""

    def __init__(
        self, accounts: Accounts, names: HostNames, before: Callable[[Task, str], str | None]
    ) -> None:
        self._accounts = accounts
        self._names = names
        self._before_at = before
        self._socat: bool | None = None

    def settle(self, task: Task) -> tuple[Task, list[str]]:
        """Return the task with a method for each grant at another path, and why some have none."""
        places: dict[str, list[Grant]] = {}
        for grant in task.declared.allow:
            if grant.method == "auto" and grant.endpoint is not None:
                places.setdefault(grant.endpoint.at, []).append(grant)
        try:
            chain = walked(task.declared.path)
        except (AccessError, OSError):
            # The survey meets the same, and tells it.
            return task, []
        chosen: dict[str, Choice] = {}
        problems = []
        for at, grants in places.items():
            facts = self._at(task, at, grants, chain)
            try:
                chosen[at] = choose_place(task.declared, grants, facts)
            except AccessError as error:
                problems.append(str(error))
        allow = tuple(
            grant._replace(method=chosen[grant.endpoint.at].method)
            if grant.method == "auto" and grant.endpoint and grant.endpoint.at in chosen
            else grant
            for grant in task.declared.allow
        )
        declared = task.declared._replace(allow=allow)
        return task._replace(declared=declared, settled=tuple(chosen.items())), problems

    def _at(self, task: Task, at: str, grants: Sequence[Grant], chain: Chain) -> PlaceFacts:
        declared, leaf = task.declared, chain.leaf
        type_ = declared.type
        if type_ is None and leaf is not None:
            found = listener_at(leaf)
            type_ = None if found is None else found.type
        owner = leaf.access.uid if leaf is not None else None
        if declared.owner is not None:
            user = self._accounts.user(declared.owner)
            owner = None if user is None else user.uid
        clients = [grant.principal for grant in grants if grant.principal.kind == "user"]
        users = [(who, self._accounts.user(who.name)) for who in clients]
        return PlaceFacts(
            type_,
            lost_by_proxy(chain.resolved) or lost_by_proxy(chain.path),
            chain.components[-1].acl_support,
            tuple(str(who) for who, user in users if user and user.uid == owner != ROOT),
            {} if is_managed(declared) else self._accountless(grants[0], chain),
            _may_mount(),
            is_running(),
            self._has_socat(),
            self._before_at(task, at),
        )

    def _accountless(self, grant: Grant, chain: Chain) -> dict[str, str]:
        """Return why a proxy or a gate has no account that may connect, as the socket is now."""
        if grant.endpoint is None:
            return {}
        endpoint = grant.endpoint._replace(lose_identity=True)
        user = None
        if endpoint.run_as is not None:
            user = self._accounts.user(endpoint.run_as)
            if user is None:
                return {}
        found = {}
        for method in (PROXY, GATE):
            asked = proxy.demand(method, endpoint, chain, user, stranger_here(), self._names)
            if asked.problems:
                found[method] = " ".join(asked.problems)
        return found

    def _has_socat(self) -> bool:
        if self._socat is None:
            try:
                self._socat = socat.look() is not None
            except AccessError:
                self._socat = False
        return self._socat


def _may_mount() -> bool:
    """Tell whether this process has the capability that mount(2) asks for (capabilities(7))."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) >> _SYS_ADMIN & 1)
    return True
