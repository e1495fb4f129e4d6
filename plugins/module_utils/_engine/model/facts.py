# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What was found out about one declared socket before anything is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Union

from .account import Group, User
from .chain import Chain

Account = Union[User, Group]


@dataclass(frozen=True)
class PrincipalFacts:
    """An account that is declared; ``primary`` is the primary group of a user."""

    label: str
    account: Account
    primary: Group | None = None


@dataclass(frozen=True)
class SocketFacts:
    """The chain to the socket, and the accounts in the order of the declaration.

    ``directories`` maps each declared parent directory to its path with all links resolved;
    ``trusted`` are the resolved paths of those whose other writers the declaration accepts.
    """

    chain: Chain
    owner: User | None
    group: Group | None
    allowed: tuple[PrincipalFacts, ...]
    refused: tuple[PrincipalFacts, ...]
    directories: Mapping[str, str] = field(default_factory=dict)
    trusted: tuple[str, ...] = ()
