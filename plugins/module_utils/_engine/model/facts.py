# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What was found out about one declared socket before anything is decided."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, Union

from .account import Group, User
from .chain import Chain

Account = Union[User, Group]


class PrincipalFacts(NamedTuple):
    """An account that is declared; ``primary`` is the primary group of a user.

    ``before`` is the method by which an earlier run lets it in at the socket itself.
    """

    label: str
    account: Account
    primary: Group | None = None
    before: str | None = None

    def is_also(self, other: PrincipalFacts) -> bool:
        """Tell whether the other one is the same user by another name or number."""
        mine, theirs = self.account, other.account
        users = isinstance(mine, User) and isinstance(theirs, User)
        return users and self is not other and mine == theirs._replace(name=mine.name)


class SocketFacts(NamedTuple):
    """The chain to the socket, and the accounts in the order of the declaration.

    ``directories`` maps each declared parent directory to its path with all links resolved;
    ``trusted`` are the resolved paths of those whose other writers the declaration accepts.
    ``unit`` makes the socket, as far as is known, and ``private`` are the directories on the way
    that are somebody's own: a home, or the runtime directory of a user.
    """

    chain: Chain
    owner: User | None
    group: Group | None
    allowed: tuple[PrincipalFacts, ...]
    refused: tuple[PrincipalFacts, ...]
    directories: Mapping[str, str] = MappingProxyType({})
    trusted: tuple[str, ...] = ()
    unit: str | None = None
    private: frozenset[str] = frozenset()


class PlaceFacts(NamedTuple):
    """What decides by which method an endpoint is made.

    ``type`` is declared or listens there, None where neither is known.  ``lost`` tells in words
    what the daemon loses behind a proxy.  ``acl_support``: the socket's file system keeps entries.
    ``owners`` are the clients who own the socket, in words.  ``no_account`` tells, for a proxy and
    for a gate, why there is no account with which it could connect.  ``can_mount``: this process
    may mount; ``systemd``: it runs on this host; ``socat`` is there.  ``before`` is the method that
    an earlier run used there.
    """

    type: str | None = None
    lost: str | None = None
    acl_support: bool = True
    owners: tuple[str, ...] = ()
    no_account: Mapping[str, str] = MappingProxyType({})
    can_mount: bool = True
    systemd: bool = True
    socat: bool = True
    before: str | None = None
