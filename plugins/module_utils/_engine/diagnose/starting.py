# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What would make a socket that is not there or that nobody serves: its unit, or another name."""

from __future__ import annotations

import os
from collections.abc import Iterable

from ..census.places import identities
from ..errors import AccessError
from ..host import commands
from ..host.creator import socket_units
from ..host.entries import special_files
from ..host.systemd import Manager
from ..model.chain import DIRECTORY, Chain
from ..model.words import operand
from . import values
from .served import Sockets
from .values import Cause, Change

_SECONDS = 30.0
_RUN = "/run/"
_SHARED = frozenset({"/", "/run", "/tmp", "/var/tmp", "/dev/shm", "/run/lock"})
# So that one letter more or less counts and another name with the same ending does not.
_ALIKE = 0.8


def start_of(paths: Iterable[str], unit: str | None, unit_user: str | None) -> Change | None:
    """Return how the daemon is started that makes a socket at one of these paths.

    ``unit`` is the one that is declared.  Otherwise a .socket unit that listens there is looked
    for, and then a service whose RuntimeDirectory= the path is in.  None where nobody can tell.
    """
    paths = list(paths)
    if unit is None:
        unit_user = None
        unit = _listening(paths) or _with_directory(paths)
    if unit is None:
        return None
    commands: tuple[tuple[str, ...], ...] = (command_for("restart", unit, unit_user),)
    if unit_user is not None and not Manager(unit_user).is_up():
        # What is started in a session of systemctl(1) ends with it.
        commands = (("loginctl", "enable-linger", unit_user), *commands)
    words = "; ".join(" ".join(one) for one in commands)
    return Change(values.START_UNIT, f"Start what makes it: {words}.", paths[0], unit, commands)


def command_for(verb: str, unit: str, unit_user: str | None) -> tuple[str, ...]:
    """Return the call of systemctl(1) for a unit of the system, or of one user's own manager."""
    manager = () if unit_user is None else ("--user", "-M", f"{unit_user}@.host")
    return ("systemctl", *manager, verb, *operand(unit))


def _listening(paths: list[str]) -> str | None:
    return next((unit for unit, address in socket_units() if address in paths), None)


def _with_directory(paths: list[str]) -> str | None:
    """Return the service that has a directory below /run in which one of the paths is."""
    try:
        text = commands.run(
            (
                "systemctl",
                "--no-pager",
                "show",
                # Without it a pattern leaves out what does not run (systemctl(1)).
                "--all",
                "*.service",
                "--property=Id,RuntimeDirectory",
            ),
            seconds=_SECONDS,
            purpose="learn which unit makes a socket",
        )
    except AccessError:
        return None
    for block in text.split("\n\n"):
        fields = dict(line.partition("=")[::2] for line in block.splitlines())
        for name in fields.get("RuntimeDirectory", "").split():
            if any(path.startswith(f"{_RUN}{name}/") for path in paths):
                return fields.get("Id")
    return None


def made_by(cause: Cause, chain: Chain, start: Change | None, other: Change | None) -> Cause:
    """Put in what makes the missing thing, and another name first where this is a slip of it."""
    if start is not None and (other is None or not _likely(chain, other)):
        return cause._replace(changes=(start._replace(instead=other),))
    if other is not None:
        return cause._replace(changes=(other._replace(instead=start or cause.changes[0]),))
    return cause


def _likely(chain: Chain, other: Change) -> bool:
    """Tell whether another name is so similar that this one will be a mistake."""
    from difflib import SequenceMatcher

    mine, theirs = (
        os.path.splitext(os.path.basename(path))[0] for path in (chain.resolved, other.value or "")
    )
    return SequenceMatcher(None, mine, theirs).ratio() >= _ALIKE


def other_name(chain: Chain, sockets: Sockets) -> Change | None:
    """Return the socket with the most similar name that somebody serves in the same directory."""
    if chain.missing not in (None, chain.resolved):
        return None
    directory, wanted = os.path.split(chain.resolved)
    if chain.leaf is not None and chain.leaf.kind == DIRECTORY:
        directory = chain.resolved
    found = []
    try:
        for name, dummy in special_files(directory):
            if not identities(os.path.join(directory, name)).isdisjoint(sockets.files()):
                found.append(name)
    except (AccessError, OSError):
        return None
    if not found:
        return None
    from difflib import SequenceMatcher

    best = max(sorted(found), key=lambda name: SequenceMatcher(None, wanted, name).ratio())
    path = os.path.join(directory, best)
    change = Change(
        values.USE_PATH,
        f"Let the client connect to {path}, at which somebody listens.",
        chain.path,
        path,
    )
    # What else listens in a directory that many share may be anybody's.
    return change if directory not in _SHARED or _likely(chain, change) else None
