# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Which unit made a socket, told by the processes that hold its listening descriptor."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ..errors import AccessError
from . import commands, listening
from .processes import unit_of

_SECONDS = 30.0
_MANAGER = "init.scope"


@dataclass(frozen=True)
class Creator:
    """A .service or .socket unit; ``user`` is the owner of its manager, None for the system's."""

    unit: str
    user: str | None = None


@dataclass(frozen=True)
class Holder:
    """A process with the descriptor: its unit, and the owner of the manager that runs it.

    ``user`` is None for the system's manager.
    """

    unit: str
    user: str | None

    @property
    def is_manager(self) -> bool:
        return self.unit == _MANAGER


def creator_of(device: int, inode: int) -> Creator | None:
    """Return the unit whose process listens at a path with this device and inode (stat(2)).

    None where nobody listens, or somebody whom no unit of this host runs: a session, a container.
    """
    listener = _find(device, inode)
    if listener is None:
        return None
    return creator_among(_holders(listener.socket), lambda user: _socket_unit(device, inode, user))


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


def _find(device: int, inode: int) -> listening.Listener | None:
    """Look in one's own network namespace first, then in those of all processes."""
    seen = set()
    for pid in (None, *_processes()):
        try:
            namespace = listening.network_of(pid)
            if namespace in seen:
                continue
            seen.add(namespace)
            listener = listening.listener_at(device, inode, pid)
        except OSError:
            continue
        if listener is not None:
            return listener
    return None


def _processes() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def _holders(number: int) -> list[Holder]:
    """Return who has the socket open, each unit once."""
    wanted = f"socket:[{number}]"
    found: dict[Holder, None] = {}
    for pid in _processes():
        try:
            if not _has_open(pid, wanted):
                continue
            unit, manager = unit_of(pid)
        except OSError:
            continue  # It has ended meanwhile, or is not ours to look at.
        if unit is not None:
            found[Holder(unit, user_of_manager(manager))] = None
    return list(found)


def _has_open(pid: int, wanted: str) -> bool:
    directory = f"/proc/{pid}/fd"
    for name in os.listdir(directory):
        try:
            if os.readlink(f"{directory}/{name}") == wanted:
                return True
        except FileNotFoundError:
            continue
    return False


def user_of_manager(manager: str | None) -> str | None:
    """Return the name of the user whose manager ``user@UID.service`` is."""
    if manager is None:
        return None
    uid = manager.partition("@")[2].partition(".")[0]
    try:
        return pwd.getpwuid(int(uid)).pw_name
    except (KeyError, ValueError):
        return uid


def _socket_unit(device: int, inode: int, user: str | None) -> str | None:
    """Return the .socket unit of a manager that listens at a path with this device and inode."""
    for unit, path in socket_units(user):
        try:
            status = os.stat(path)
        except OSError:
            continue
        if (status.st_dev, status.st_ino) == (device, inode):
            return unit
    return None


def socket_units(user: str | None = None) -> list[tuple[str, str]]:
    """Return unit and address of all that the .socket units of a manager listen on.

    An address is a path or, with "@" before it, an abstract name.  There are none where the manager is gone.
    """
    scope = () if user is None else ("--user", "-M", f"{user}@.host")
    try:
        text = commands.run(
            ("systemctl", "--no-pager", *scope, "show", "*.socket", "--property=Id,Listen"),
            seconds=_SECONDS,
            purpose="learn which unit makes a socket",
        )
    except AccessError:
        return []  # The manager is gone, or none is there that could be asked.
    return list(_addresses(text.splitlines()))


def listening_units(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield unit and path of each address that ``systemctl show --property=Id,Listen`` names."""
    return (one for one in _addresses(lines) if one[1].startswith("/"))


def _addresses(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield unit and address; a unit is a block of lines that ends with an empty one.

    Id may stand before or after Listen.
    """
    unit, found = "", []
    for line in (*lines, ""):
        key, dummy, value = line.partition("=")
        if key == "Id":
            unit = value
        elif key == "Listen":
            address = value.rpartition(" (")[0]
            if address.startswith(("/", "@")):
                found.append(address)
        elif not line:
            yield from ((unit, address) for address in found)
            unit, found = "", []
