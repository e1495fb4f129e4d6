# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Why a unit cannot be what makes a declared socket, or cannot have the hook that is declared."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from .errors import AccessError
from .host.pinned import walked
from .host.shown import Shown
from .keep.parts import DEADLINE
from .model.chain import Chain
from .model.words import listed
from .policy.types import SocketPolicy
from .task import LOCK_SECONDS

# What systemd writes down in C's way when it reads its units again, and does not know afterwards
# (measured: 252, 257).
_FORGOTTEN = re.compile(r"""[^ -~]|["'\\]""")
# Seconds for what a hook does itself, on a slow host.
_WORK = 10.0


def unfit(declared: SocketPolicy, unit: Shown, group: str, chain: Chain) -> Iterator[str]:
    """Yield a sentence for each reason; ``group`` is the unit's own, ``chain`` leads to the socket."""
    if declared.born and unit.directories and not (declared.group and declared.group == group):
        keys = listed([f"{name}=" for name in unit.directories])
        yield (
            f"The unit {unit.name} has {keys}, and with born systemd would give that to the "
            f"group of the socket {declared.path} as well, for its clients to read or write; "
            "leave born out: then the socket is closed as soon as the daemon has made it."
        )
    if unit.name.endswith(".socket"):
        if unit.listens and not _makes(unit, declared.path, chain):
            yield (
                f"The unit {unit.name} does not make the socket {declared.path}; it listens on "
                f"{listed(sorted(unit.listens))}. Declare the unit that makes it."
            )
        elif unit.listens and _FORGOTTEN.search(declared.path):
            yield (
                f"systemd closes the socket {declared.path} of {unit.name} whenever it reads its units "
                "again (systemctl daemon-reload), which a run makes it do, because the path has "
                "quotes, a backslash or something that is not ASCII; let the unit listen on another "
                "path."
            )
    elif (declared.deadline or DEADLINE) >= unit.timeout:
        yield (
            f"The hook of {unit.name} may wait {declared.deadline or DEADLINE:g} seconds for "
            f"the socket {declared.path}, but systemd gives the whole start of this unit "
            f"{unit.timeout:g} seconds; declare a shorter deadline."
        )


def short_start(declared: SocketPolicy, unit: Shown) -> float | None:
    """Return how long systemd lets a hook run, None where that is long enough for any."""
    longest = (declared.deadline or DEADLINE) + LOCK_SECONDS + _WORK
    return unit.timeout if unit.timeout < longest else None


def made_by_another(
    declared: SocketPolicy, unit: Shown, chain: Chain, show: Callable[[Sequence[str]], list[Shown]]
) -> list[str]:
    """Return what there is to say where a .socket unit that starts a declared service makes the socket.

    ``show`` asks the manager about units.
    """
    sockets = [name for name in unit.triggered_by if name.endswith(".socket")]
    if declared.unit is None or not sockets:
        return []
    try:
        makers = [one.name for one in show(sockets) if _makes(one, declared.path, chain)]
    except AccessError:
        return []  # What there is to say of such a manager is said elsewhere.
    return [
        f"{maker} makes the socket {declared.path} before {unit.name} is started, as its own settings "
        f"have it until socket-access-{declared.name}.path applies the policy; declare unit: {maker}, "
        "and it is made as it shall be."
        for maker in makers
    ]


def _makes(unit: Shown, path: str, chain: Chain) -> bool:
    """Tell whether one of the addresses of a .socket unit is the path, or leads to where it does."""
    made = {*unit.listens, *unit.symlinks}
    if made & {path, chain.resolved}:
        return True
    return any(_end(one) == chain.resolved for one in made if one.startswith("/"))


def _end(path: str) -> str | None:
    try:
        return walked(path).resolved
    except (AccessError, OSError):
        # A user's own manager may name what it likes.
        return None
