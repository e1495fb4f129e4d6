# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Finding out what the planner must know: paths walked and pinned, names resolved on the host.

Everything that makes a declaration unfit for this host is collected here, before any decision.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from .errors import AccessError
from .faults import in_words
from .host.accounts import Accounts
from .host.pinned import Pin, pin, walked
from .model.account import ROOT, Credentials, Group, User
from .model.chain import Chain
from .model.facts import Account, PrincipalFacts, SocketFacts
from .model.foreseen import foreseen
from .model.words import Names, capital
from .policy.types import Principal, SocketPolicy
from .reach import unfit_leaf, unsafe_step


class Surveyed:
    """The facts of one socket, its pin, and what is to be said about it.

    ``absentees`` are sentences about what does not exist, which check mode lets pass, and of
    principals a hook.  Not ``fit``: nothing may be done at the end of its path.  Not ``sure``: something of
    the declaration is wrong, so what follows from all of it must not be judged.
    """

    def __init__(self, declared: SocketPolicy, facts: SocketFacts, pin: Pin) -> None:
        self.declared = declared
        self.facts = facts
        self.pin = pin
        self.notes: list[str] = []
        # Those of the notes that tell what takes a hook of ours back.
        self.overridden: list[str] = []
        self.absentees: list[str] = []
        self.fit = True
        self.sure = True

    def expect(self, sentence: str, how: str) -> None:
        """Let check mode pass what is missing: an earlier task is to ``how`` it, such as install."""
        self.absentees.append(foreseen(f"{sentence} yet", how))


class Finder:
    """Looks at something of the host; ``problems`` collects every refusal in whole sentences."""

    def __init__(self, *, check: bool) -> None:
        self.problems: list[str] = []
        self._check = check

    def lacks(self, one: Surveyed, sentence: str, how: str, way_out: str) -> None:
        """Refuse what a run of ``one`` would need; check mode takes it that it comes until then.

        ``how`` an earlier task may bring it is one word, such as install.
        """
        if self._check:
            one.expect(sentence, how)
        else:
            self.problems.append(f"{sentence}; {way_out}")


class Survey(Finder):
    """Looks at the sockets for one run."""

    def __init__(
        self, accounts: Accounts, names: Names, *, check: bool, hook: bool = False
    ) -> None:
        super().__init__(check=check)
        self._accounts = accounts
        self._names = names
        self._hook = hook
        self._told: set[Principal] = set()

    def look(
        self, declared: SocketPolicy, directories: Iterable[str], *, served: bool = False
    ) -> Surveyed | None:
        """Return what there is to know about one declared socket.

        ``directories`` are resolved paths which shall be held as well.  ``served``: it is an
        endpoint, so what is missing was told of its socket.  None means that the path
        could not even be walked, and why is among the problems.
        """
        opened = {name for grant in declared.allow for name in grant.open_parents}
        try:
            named = {
                name: _resolved(name) for name in sorted(opened | set(declared.trust_directories))
            }
            held = pin(declared.path, {*directories, *(named[name] for name in opened)})
        except (AccessError, OSError) as error:
            self.problems.append(
                f"The socket {declared.path} cannot be looked at: {in_words(error)}"
            )
            return None
        self._told = self._told if served else set()
        seen = Surveyed(declared, SocketFacts(held.chain, None, None, (), ()), held)
        owner = self._account(seen, Principal("user", declared.owner)) if declared.owner else None
        group = self._account(seen, Principal("group", declared.group)) if declared.group else None
        grants = [(grant, self._principal(seen, grant.principal)) for grant in declared.allow]
        refused = [(one, self._principal(seen, one)) for one in declared.refuse]
        seen.declared = declared._replace(
            allow=tuple(grant for grant, found in grants if found),
            refuse=tuple(one for one, found in refused if found),
        )
        seen.facts = SocketFacts(
            held.chain,
            owner if isinstance(owner, User) else None,
            group if isinstance(group, Group) else None,
            tuple(found for dummy, found in grants if found),
            tuple(found for dummy, found in refused if found),
            named,
            tuple(sorted(named[name] for name in declared.trust_directories)),
        )
        # What makes an endpoint makes it root's, unless another owner is declared.
        self._judge_path(seen, ROOT if served and held.chain.leaf is None else None)
        return seen

    def _judge_path(self, seen: Surveyed, owner: int | None) -> None:
        chain, facts = seen.facts.chain, seen.facts
        uid = owner if facts.owner is None else facts.owner.uid
        problem = self.unsafe(chain, facts.trusted, uid) or unfit_leaf(chain)
        if problem:
            self.problems.append(problem)
            seen.fit = seen.sure = False
        elif chain.missing is not None:
            seen.notes.append(
                f"The socket {chain.path} does not exist yet ({chain.missing} is missing); run "
                "again when its daemon has made it."
            )

    def unsafe(
        self, chain: Chain, trusted: Collection[str], owner: int | None = None
    ) -> str | None:
        """Return why what the path leads to must not be acted upon, or None."""
        members = self._members(chain)
        return unsafe_step(chain, owner=owner, trusted=trusted, members=members, names=self._names)

    def _members(self, chain: Chain) -> dict[int, set[int]]:
        """Return the user ids in each group that owns something on the way."""
        members: dict[int, set[int]] = {}
        for gid in {one.access.gid for one in chain.components}:
            group = self._accounts.group(str(gid))
            if group is None or not group.known:
                continue
            users = [self._accounts.user(name) for name in group.members]
            members[gid] = {user.uid for user in users if user is not None}
        return members

    def _principal(self, seen: Surveyed, principal: Principal) -> PrincipalFacts | None:
        account = self._account(seen, principal)
        if account is None:
            return None
        primary = None
        if isinstance(account, User) and account.known:
            primary = self._accounts.group(str(account.credentials.gid))
            primary = primary if primary and primary.known else None
        return PrincipalFacts(str(principal), account, primary)

    def _account(self, seen: Surveyed, principal: Principal) -> Account | None:
        find = self._accounts.user if principal.kind == "user" else self._accounts.group
        account: Account | None = find(principal.name)
        if account is None:
            self._missing(seen, principal)
        elif not account.known:
            seen.notes.append(
                f"No {principal.kind} on this host has the id {principal.name}, which is allowed; "
                f"it is used for {seen.declared.path} as the number it is."
            )
        return account

    def _missing(self, seen: Surveyed, principal: Principal) -> None:
        if principal in self._told:
            return
        self._told.add(principal)
        sentence = (
            f"{capital(str(principal))}, declared for the socket {seen.declared.path}, does not "
            "exist on this host"
        )
        if self._hook:
            seen.absentees.append(f"{sentence} any more, so it gets nothing.")
            return
        seen.sure = seen.sure and self._check
        way_out = "create it first, correct the name, or give its numeric id."
        self.lacks(seen, sentence, "create", way_out)


def credentials_of(
    accounts: Accounts, principal: Principal, stranger: Credentials
) -> Credentials | None:
    """Return the identity with which a principal connects, as the host knows it right now.

    A group connects as somebody who is in that group and has no name; a numeric user id that
    nobody has connects without any group of others.
    """
    if principal.kind == "group":
        group = accounts.group(principal.name)
        return None if group is None else Credentials(stranger.uid, group.gid)
    user = accounts.user(principal.name)
    if user is None or user.known:
        return None if user is None else user.credentials
    return Credentials(user.uid, stranger.gid)


def same_socket_twice(seen: Iterable[Surveyed]) -> list[str]:
    """Return a problem for each socket that two names lead to."""
    first: dict[tuple[int, int], Surveyed] = {}
    problems = []
    for one in seen:
        leaf = one.facts.chain.leaf
        if leaf is None:
            continue
        other = first.setdefault((leaf.device, leaf.inode), one)
        if other is not one:
            problems.append(
                f"The sockets {other.declared.name} and {one.declared.name} are the same one, "
                f"{leaf.path}, declared twice ({other.declared.path} and {one.declared.path}); "
                "declare it once."
            )
    return problems


def _resolved(directory: str) -> str:
    leaf = walked(directory).leaf
    return directory if leaf is None else leaf.path
