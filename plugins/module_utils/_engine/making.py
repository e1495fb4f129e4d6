# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What keeps sockets and makes endpoints, loaded where a round needs it.

A hook needs nothing of it, and most policies have no endpoints; to load it all takes as long as a
quarter of what a hook does.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from .converge.record import Record
from .host.accounts import Accounts
from .host.systemctl import is_running
from .model.account import Credentials
from .model.words import Names
from .task import Options

if TYPE_CHECKING:  # pragma: no cover
    from .keeper import Keeper
    from .mounting import Mounting
    from .remaking import Remaking
    from .serving import Serving

# The kinds of resources that decide who can connect, that keep sockets as they are, and that mounts are of.
INODES = frozenset({"socket", "directory"})
KEPT = frozenset({"file", "unit", "engine"})
MOUNTS = frozenset({"endpoint", "target", "fstab", "mount"})
# What a hook of the host may touch: the line of fstab stays as the last whole run left it.
HOOKED = frozenset({"endpoint", "target", "mount"})


class Making:
    """The keeper of one round, and its mounts, proxies and gates.

    ``systemd`` tells whether the host runs it, ``keeps`` whether this round makes what keeps sockets.
    """

    def __init__(
        self,
        accounts: Accounts,
        names: Names,
        nobody: Credentials,
        record: Record,
        options: Options,
    ) -> None:
        self.systemd = is_running()
        self.keeps = self.systemd and not options.hook
        self._accounts = accounts
        self._names = names
        self._nobody = nobody
        self._record = record
        self._options = options

    @cached_property
    def keeper(self) -> Keeper:
        """What keeps sockets as they are, and what ends grants."""
        from .keeper import Keeper

        return Keeper(self._accounts, self._names, self._record, check=self._options.check)

    @cached_property
    def mounting(self) -> Mounting:
        """What makes bind mounts."""
        from .mounting import Mounting

        return Mounting(self._accounts, self._names, self._record, self._options)

    @cached_property
    def serving(self) -> Serving:
        """What makes the units of proxies and gates."""
        from .serving import Serving

        return Serving(self._accounts, self._names, self._nobody, check=self._options.check)

    @cached_property
    def remaking(self) -> Remaking:
        """What makes endpoints by what the record has of them."""
        from .remaking import Remaking

        return Remaking(self._record, self.keeper, self.serving)

    @property
    def problems(self) -> list[str]:
        """Why something cannot be kept or made."""
        used = vars(self)
        return [
            problem
            for name in ("keeper", "serving", "mounting")
            if name in used
            for problem in used[name].problems
        ]

    @property
    def doubts(self) -> list[str]:
        """What is doubtful about what keeps sockets."""
        return self.keeper.doubts if "keeper" in vars(self) else []

    def wait_for_nothing(self) -> None:
        """Let units that are started from now on come up after this run."""
        if "keeper" in vars(self):
            self.keeper.wait_for_nothing()
