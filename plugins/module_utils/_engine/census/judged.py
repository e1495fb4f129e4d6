# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Who can connect, judged once for each kind of identity that makes a difference on the way."""

from __future__ import annotations

from collections.abc import Callable

from ..model.account import ROOT, Credentials
from ..model.chain import SYMLINK, Chain, Component
from ..model.words import Names, capital
from ..reach.walk import SEARCH_PERMISSION, findings, in_words
from .people import People
from .values import Reach

_Shape = tuple[object, ...]
_Answers = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...]]
_ABSTRACT = (
    "An abstract name has no owner and no permissions, so every process in the network namespace "
    "can connect."
)


def reach_of_abstract() -> Reach:
    """Return who can connect to an abstract name."""
    return Reach(True, _ABSTRACT)


class SomebodyElse:
    """Names in which the one who stands for everyone else has no number."""

    def __init__(self, names: Names, stranger: Credentials) -> None:
        self._names = names
        self._uid = stranger.uid
        self.group_name = names.group_name

    def user_name(self, uid: int) -> str:
        """Return the name of a user."""
        return "somebody else" if uid == self._uid else self._names.user_name(uid)


class Judges:
    """Judges chains for the same people; sockets whose ways are alike share one answer.

    The kernel compares user ids with the owner and the named users of what is on the way, and
    groups with the groups there, and nothing else of an identity.  So all users who differ in none
    of that get the same answer.
    """

    def __init__(self, people: People, names: Names) -> None:
        self._people = people
        self._names = names
        self._known: dict[_Shape, _Answers] = {}

    def reach(self, chain: Chain) -> Reach:
        """Return who can connect to what the chain leads to."""
        stranger = self._people.stranger
        found = findings(chain, stranger)
        deciding = next((one for one in found if not one.allowed), found[-1])
        closed = [
            one.component
            for one in found
            if one.permission == SEARCH_PERMISSION and not one.allowed and one.ruling is not None
        ]
        everyone = deciding.allowed
        users, groups, refused_users, refused_groups = self._answers(chain, everyone)
        return Reach(
            everyone,
            capital(in_words(deciding, chain, stranger, SomebodyElse(self._names, stranger))),
            users,
            groups,
            refused_users,
            refused_groups,
            tuple(closed),
        )

    def _answers(self, chain: Chain, everyone: bool) -> _Answers:
        if any(one.kind == SYMLINK for one in chain.components):
            return self._judge(chain, everyone)
        key = _shape(chain)
        if key not in self._known:
            self._known[key] = self._judge(chain, everyone)
        return self._known[key]

    def _judge(self, chain: Chain, everyone: bool) -> _Answers:
        uids, gids = _named(chain.components)
        stranger = self._people.stranger
        judged: dict[Credentials, bool] = {}

        def passes(who: Credentials) -> bool:
            groups = frozenset(gid for gid in (who.gid, *who.groups) if gid in gids)
            alike = Credentials(who.uid if who.uid in uids else stranger.uid, stranger.gid, groups)
            if alike not in judged:
                judged[alike] = all(one.allowed for one in findings(chain, alike))
            return judged[alike]

        users = {user.name: user.credentials for user in self._people.users}
        known = {user.uid for user in self._people.users}
        for uid in sorted(uids - known - {ROOT}):
            users[self._names.user_name(uid)] = Credentials(uid, stranger.gid)
        groups = {
            self._names.group_name(gid): Credentials(stranger.uid, gid) for gid in sorted(gids)
        }
        differing_users = _those(users, passes, everyone)
        differing_groups = _those(groups, passes, everyone)
        if everyone:
            return (), (), differing_users, differing_groups
        return differing_users, differing_groups, (), ()


def _those(
    people: dict[str, Credentials], passes: Callable[[Credentials], bool], everyone: bool
) -> tuple[str, ...]:
    """Return who is judged otherwise than everyone else."""
    return tuple(name for name, who in people.items() if passes(who) != everyone)


def _named(components: tuple[Component, ...]) -> tuple[set[int], set[int]]:
    """Return the user and group ids that are compared with a process on the way."""
    uids, gids = {ROOT}, set()
    for one in components:
        uids.add(one.access.uid)
        gids.add(one.access.gid)
        uids.update(uid for uid, dummy in one.access.acl.users)
        gids.update(gid for gid, dummy in one.access.acl.groups)
    return uids, gids


def _shape(chain: Chain) -> _Shape:
    return (
        chain.missing is None,
        chain.blocked is None,
        *((one.kind, one.access, one.special) for one in chain.components),
    )
