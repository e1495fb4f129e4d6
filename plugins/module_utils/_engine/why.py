# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Why somebody cannot connect to a socket: everything that this host can tell about it."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection

from .census.people import groups_changed
from .census.places import identities
from .diagnose import (
    Answer,
    Cause,
    Change,
    Explanation,
    Proposal,
    Relation,
    Sockets,
    by_declaration,
    confinements,
    declared_whole,
    doubled,
    in_order,
    listening_apart,
    made_by,
    modules,
    mount_causes,
    not_to_join,
    on_the_way,
    other_name,
    proposal,
    refusal,
    relation,
    running,
    socket_causes,
    start_of,
)
from .diagnose.declared import missing_source, notes
from .diagnose.running import Asked
from .diagnose.walked import DANGLING, MISSING, MISSING_DIRECTORY
from .errors import AccessError
from .faults import in_words
from .host import mounts
from .host.accounts import Accounts, HostNames
from .host.creator import creator_of
from .host.pinned import chain_of
from .host.processes import processes_of
from .model.account import Credentials
from .model.chain import DIRECTORY, SOCKET, Chain
from .model.words import capital
from .policy import Principal
from .prove import Attempt, Outcome, prove
from .reach.walk import NOT_A_SOCKET
from .runtime import policies
from .strangers import stranger_here
from .survey import Survey, credentials_of

_NOT_THERE = (MISSING, MISSING_DIRECTORY, DANGLING)


def explain(
    path: str,
    principal: Principal,
    *,
    kind: str | None = None,
    outcome: Outcome | None = None,
    keep_out: bool = False,
) -> Explanation:
    """Return why somebody cannot connect to a path, or that nothing stands in the way.

    ``kind`` is the type that the client asks for; by default the declared one, if any.  ``outcome``
    is what the kernel said to a new process that tried, where one did.  ``keep_out``: it shall not
    be able to.  Raises AccessError for a principal or a path about which nothing can be said.
    """
    return _Why(path, principal, kind, outcome, keep_out).explanation()


def try_it(path: str, principal: Principal, kind: str | None, seconds: float = 5.0) -> Outcome:
    """Connect as a new process of somebody, and return what the kernel said."""
    names, nobody = HostNames(), stranger_here()
    who = credentials_of(Accounts(), principal, nobody)
    if who is None:
        raise _unknown(principal)
    (outcome,) = prove([Attempt(path, who, kind)], seconds=seconds, names=names)
    return outcome


def _unknown(principal: Principal) -> AccessError:
    return AccessError(
        f"{capital(str(principal))} does not exist on this host; correct the name, or give a "
        "numeric id."
    )


class _Why:
    def __init__(
        self,
        path: str,
        principal: Principal,
        kind: str | None,
        outcome: Outcome | None,
        keep_out: bool,
    ) -> None:
        self.names = HostNames()
        self.accounts = Accounts()
        self.nobody = stranger_here()
        self.notes: list[str] = []
        self.outcome = outcome
        self.keep_out = keep_out
        who = credentials_of(self.accounts, principal, self.nobody)
        if who is None:
            raise _unknown(principal)
        self.principal = principal
        found = [] if principal.kind == "group" else processes_of(who.uid)
        self.processes = [one for one in found if one.pid != os.getpid()]
        self.who = who
        self.chain = chain_of(path)
        self.paths = tuple(dict.fromkeys((path, self.chain.resolved)))
        self.known = identities(self.chain.resolved)
        self.relation = self._relation()
        declared = None if self.relation is None else self.relation.declared.policy
        self.kind = kind or (None if declared is None else declared.type)
        self.sockets = Sockets()
        self.table = mounts.read()
        self._start: list[Change | None] = []

    def explanation(self) -> Explanation:
        leaf = self.chain.leaf
        served = self.sockets.at(self.known) if self.known else None
        causes = self.causes(self.chain, self.who)
        causes = [*causes, *self._by_a_module(causes)]
        new = Answer(tuple(self._by_declaration(causes)))
        found, hidden = self._running(new)
        changes = in_order(
            change
            for answer in (new, *found)
            if answer.counts
            for cause in answer.causes
            for change in cause.changes
        )
        proposed = self._proposal(new)
        self.notes += doubled(self.chain, self.table) if served is not None else []
        self.notes += [*hidden, *self.sockets.unseen]
        creator = None
        if served is not None and leaf is not None:
            creator = creator_of(leaf)
        return Explanation(
            self.chain.path,
            self.principal,
            self.who,
            self.kind,
            self.chain,
            new,
            tuple(found),
            _reason(new, found),
            changes,
            served,
            creator,
            tuple(confinements(self.processes)),
            proposed,
            tuple(dict.fromkeys(self.notes)),
        )

    def _by_declaration(self, causes: list[Cause]) -> list[Cause]:
        """Put what the declaration asks for in the place of changes to single inodes."""
        known = self.relation
        if known is None or not causes:
            return causes
        self.notes += notes(known, self.paths, causes)
        if missing_source(known, self.paths) is None:
            return by_declaration(causes, known, self.paths, self.principal)
        start = self.start()
        return [one._replace(changes=() if start is None else (start,)) for one in causes]

    def causes(self, chain: Chain, who: Credentials) -> list[Cause]:
        """Return all that stands in the way of somebody, in the kernel's order."""
        own = chain is self.chain
        found = list(
            on_the_way(
                chain,
                who,
                self.names,
                as_group=self.principal.kind == "group",
                not_to_join=not_to_join(chain, who, self.names, self.relation),
            )
        )
        if own and any(one.code in _NOT_THERE for one in found):
            stale = list(mount_causes(chain, self.sockets, self.table, None))
            found = [one for one in found if one.code not in _NOT_THERE or not stale] + stale
            return [self._made_by(one) for one in found]
        leaf = chain.leaf
        if leaf is None or leaf.kind != SOCKET:
            return [self._made_by(one) for one in found] if own else found
        seen = (leaf.device, leaf.inode & 0xFFFFFFFF)
        one = self.sockets.at(self.known if seen in self.known else {seen})
        start = self.start() if one is None or one.deaf else None
        if own and one is None:
            mounted = list(mount_causes(chain, self.sockets, self.table, start, self.relation))
            if mounted:
                return [*found, *mounted]
        return [*found, *socket_causes(leaf.path, one, self.kind, start)]

    def start(self) -> Change | None:
        """Return what would start the daemon; asked for once, and only if it is needed."""
        if not self._start:
            known = self.relation
            unit, user = (None, None) if known is None else known.maker(self.paths)
            self._start.append(start_of(self.paths, unit, user))
        return self._start[0]

    def _made_by(self, cause: Cause) -> Cause:
        """Put in what makes the missing thing, where that is known, or another name for it."""
        if cause.code not in (*_NOT_THERE, NOT_A_SOCKET):
            return cause
        apart = listening_apart(cause, self.chain.resolved, self.sockets)
        if apart is not None:
            return apart
        other = other_name(self.chain, self.sockets)
        start = None if cause.code == NOT_A_SOCKET else self.start()
        return made_by(cause, self.chain, start, other)

    def _running(self, new: Answer) -> tuple[list[Answer], list[str]]:
        if self.principal.kind == "group" or self.keep_out:
            return [], []
        asked = Asked(self.chain, self.who, self.nobody, groups_changed(), self.names)
        judge: Callable[[Chain, Credentials], list[Cause]] = self.causes
        return running(asked, self.processes, judge, new)

    def _by_a_module(self, causes: list[Cause]) -> list[Cause]:
        """Return the cause that is left where the kernel refused what permissions allow."""
        outcome = self.outcome
        if outcome is None or outcome.connected or causes or outcome.errno is None:
            return []
        if outcome.errno not in ("EACCES", "EPERM"):
            self.notes.append(
                f"A moment ago the kernel answered {outcome.errno}; what that came from is gone."
            )
            return []
        active = modules()
        which = f"active are {', '.join(active)}" if active else "see /sys/kernel/security/lsm"
        return [
            Cause(
                "security-module",
                outcome.errno,
                self.chain.path,
                f"Permissions let {self.principal} in, and the kernel refused all the same: a "
                f"security module or a BPF program did ({which}). Its refusals are in the kernel's "
                "log or the audit log.",
            )
        ]

    def _relation(self) -> Relation | None:
        kept, recorded = [], policies.recorded()
        try:
            known = policies.names()
        except (AccessError, OSError) as error:
            known = []
            self.notes.append(in_words(error))
        for name in known:
            try:
                task = policies.load(name, recorded=recorded)
                kept.append((name, task.holder, task.declared, task.source))
            except (AccessError, OSError) as error:
                self.notes.append(in_words(error))
        gids = {self.who.gid, *self.who.groups}
        groups = {text for gid in gids for text in (str(gid), self.names.group_name(gid))}
        return relation(declared_whole(kept), self.paths, self.principal, groups)

    def _proposal(self, new: Answer) -> Proposal | None:
        if new.connects != self.keep_out:
            return None
        return self._proposed(new, ()) and self._proposed(new, self._trusted())

    def _proposed(self, new: Answer, trusted: tuple[str, ...]) -> Proposal | None:
        known, names, nobody = self.relation, self.names, self.nobody
        if self.keep_out:
            return refusal(self.chain, self.principal, known, names, nobody, trusted)
        return proposal(self.chain, new.causes, self.principal, known, names, nobody, trusted)

    def _trusted(self) -> tuple[str, ...]:
        """Return the directories that a run accepts only if they are declared as trusted."""
        survey = Survey(self.accounts, self.names, check=True)
        trusted: list[str] = []
        reason = survey.unsafe(self.chain, ())
        for one in self.chain.components:
            if reason is None:
                break
            if one.kind == DIRECTORY:
                without = survey.unsafe(self.chain, (*trusted, one.path))
                if without != reason:
                    trusted.append(one.path)
                    reason = without
        if trusted:
            self.notes.append(
                "Others than root and the socket's owner may write on the way to it, so a run "
                f"refuses it unless you trust them: {', '.join(trusted)}."
            )
        return tuple(trusted)


def _reason(new: Answer, found: Collection[Answer]) -> str:
    for answer in (new, *found):
        if answer.causes and answer.counts:
            return answer.causes[0].text
    return "Nothing on the way refuses."
