# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Which unit made a socket, told by the processes that hold its listening descriptor."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing
from functools import lru_cache, partial
from typing import NamedTuple

from ..errors import AccessError
from ..model.chain import Component
from . import listening, sock_diag, systemctl
from .pinned import pin
from .processes import unit_of
from .shown import address

_SECONDS = 30.0
_MANAGER = "init.scope"


class Creator(NamedTuple):
    """A .service or .socket unit; ``user`` is the owner of its manager, None for the system's."""

    unit: str
    user: str | None = None


class Holder(NamedTuple):
    """A process with the descriptor: its unit, and the owner of the manager that runs it.

    ``user`` is None for the system's manager.
    """

    unit: str
    user: str | None

    @property
    def is_manager(self) -> bool:
        return self.unit == _MANAGER


def creator_of(leaf: Component) -> Creator | None:
    """Return the unit whose process listens at the end of a walk.

    None where nobody listens, or somebody whom no unit of this host runs: a session, a container.
    """
    return creators_of([leaf]).get((leaf.device, leaf.inode))


def creators_of(leaves: Iterable[Component]) -> dict[tuple[int, int], Creator]:
    """Return the same for many by device and inode (stat(2)); all processes are looked at once."""
    listening_there = _find(leaves)
    holders = _holders({one.socket for one in listening_there.values()})
    # Each manager is asked once, and only where it holds one of the sockets.
    units = lru_cache(maxsize=None)(socket_units)
    found = {}
    for place, one in listening_there.items():
        creator = creator_among(holders.get(one.socket, ()), partial(_socket_unit, units, place))
        if creator is not None:
            found[place] = creator
    return found


def creator_among(
    holders: Iterable[Holder], socket_unit: Callable[[str | None], str | None]
) -> Creator | None:
    """Return the creator of a socket that these processes hold.

    ``socket_unit`` gives the .socket unit of the manager of a user, or of the system's, that
    listens there.
    """
    holders = list(holders)
    for holder in holders:
        if holder.is_manager:
            unit = socket_unit(holder.user)
            if unit is not None:
                return Creator(unit, holder.user)
    # A manager may also just keep the descriptor for a service (FileDescriptorStoreMax=).
    for holder in holders:
        if holder.unit.endswith(".service"):
            return Creator(holder.unit, holder.user)
    return None


def _find(leaves: Iterable[Component]) -> dict[tuple[int, int], listening.Listener]:
    """Look in one's own network namespace first, then in those of all processes."""
    missing = {(one.device, one.inode): one for one in leaves}
    found = {}
    seen = set()
    for pid in (None, *_processes()):
        if not missing:
            break
        try:
            namespace = sock_diag.network_of(pid)
            if namespace in seen:
                continue
            seen.add(namespace)
            there = listening.listeners(pid)
        except OSError:
            continue
        for place, leaf in tuple(missing.items()):
            one = listening.among(there, leaf)
            if one is not None:
                found[place] = one
                del missing[place]
    return found


def _processes() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def _holders(sockets: Collection[int]) -> dict[int, list[Holder]]:
    """Return who has each socket open, each unit once."""
    wanted = {f"socket:[{number}]": number for number in sockets}
    found: dict[int, dict[Holder, None]] = {}
    for pid in _processes() if wanted else ():
        try:
            held = _open_of(pid, wanted)
            unit, manager = unit_of(pid) if held else (None, None)
        except OSError:
            continue  # It has ended meanwhile, or is not ours to look at.
        if unit is not None:
            holder = Holder(unit, user_of_manager(manager))
            for number in held:
                found.setdefault(number, {})[holder] = None
    return {number: list(holders) for number, holders in found.items()}


def _open_of(pid: int, wanted: Mapping[str, int]) -> set[int]:
    directory = f"/proc/{pid}/fd"
    found = set()
    for name in os.listdir(directory):
        try:
            number = wanted.get(os.readlink(f"{directory}/{name}"))
        except FileNotFoundError:
            continue
        if number is not None:
            found.add(number)
    return found


def user_of_manager(manager: str | None) -> str | None:
    """Return the name of the user whose manager ``user@UID.service`` is."""
    if manager is None:
        return None
    uid = manager.partition("@")[2].partition(".")[0]
    try:
        return pwd.getpwuid(int(uid)).pw_name
    except (KeyError, ValueError):
        return uid


def _socket_unit(
    units: Callable[[str | None], list[tuple[str, str]]], place: tuple[int, int], user: str | None
) -> str | None:
    """Return the .socket unit of a manager that listens at a path with this device and inode."""
    for unit, path in units(user):
        try:
            with closing(pin(path)) as held:
                leaf = held.chain.leaf
        except (AccessError, OSError):
            continue  # A user's own manager may name what it likes.
        if leaf is not None and (leaf.device, leaf.inode) == place:
            return unit
    return None


def socket_units(user: str | None = None) -> list[tuple[str, str]]:
    """Return unit and address of all that the .socket units of a manager listen on.

    An address is a path or, with "@" before it, an abstract name.  There are none where the manager is gone.
    """
    try:
        text = systemctl.call(
            user,
            # Without --all a pattern leaves out what is not active (systemctl(1)).
            *("show", "--all", "*.socket", "--property=Id,Listen"),
            seconds=_SECONDS,
            purpose="learn which unit makes a socket",
        )
    except AccessError:
        return []  # The manager is gone, or none is there that could be asked.
    return list(addresses(text.splitlines()))


def addresses(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield unit and address; a unit is a block of lines that ends with an empty one.

    Id may stand before or after Listen.
    """
    unit, found = "", []
    for line in (*lines, ""):
        key, dummy, value = line.partition("=")
        if key == "Id":
            unit = value
        elif key == "Listen":
            listens = address(value)
            if listens.startswith(("/", "@")):
                found.append(listens)
        elif not line:
            yield from ((unit, one) for one in found)
            unit, found = "", []
