# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What makes endpoints, loaded where a run has some: most policies have none.

To load and compile it takes as long as a tenth of such a policy's run (``make bench``).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from .converge.record import Record
from .host.accounts import Accounts
from .model.account import Credentials
from .model.words import Names
from .task import Options

if TYPE_CHECKING:  # pragma: no cover
    from .mounting import Mounting
    from .serving import Serving

# The kinds of resources that mounts are made of.
MOUNTS = frozenset({"endpoint", "target", "fstab", "mount"})
# What a hook of the host may touch: the line of fstab stays as the last whole run left it.
HOOKED = frozenset({"endpoint", "target", "mount"})


class Making:
    """The mounts, proxies and gates of one round."""

    def __init__(
        self,
        accounts: Accounts,
        names: Names,
        nobody: Credentials,
        record: Record,
        options: Options,
    ) -> None:
        self._accounts = accounts
        self._names = names
        self._nobody = nobody
        self._record = record
        self._options = options

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

    @property
    def problems(self) -> list[str]:
        """Why endpoints cannot be made."""
        used = vars(self)
        return [
            problem
            for name in ("serving", "mounting")
            if name in used
            for problem in used[name].problems
        ]
