# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What all files of hooks have in common: where they are, for whom, and which unit is hooked."""

from __future__ import annotations

from typing import NamedTuple

from ..model.account import ROOT
from .service_units import lines

POLICIES = "/etc/socket-access"
UNITS = "/etc/systemd/system"
# Seconds in which a daemon must listen, where nothing else is declared.
DEADLINE = 10.0


class NoHook(NamedTuple):
    """Why a hook in a unit would not be root's alone, after the name of the unit, and the way out."""

    why: str
    way_out: str


class Creator(NamedTuple):
    """The unit that makes the socket.

    ``user`` is the owner of the manager that runs it, None for the system's; ``sockets`` is how
    many paths a .socket unit listens on, ``group`` the group that a service runs with.
    ``no_hook`` says why nothing may be started in it with root's rights, and the way out, where that
    is so.  ``active``: it runs.  ``uid`` and ``gid`` are the ids with which its manager binds sockets,
    ``drop_ins`` the files that change the unit.
    """

    unit: str
    user: str | None = None
    sockets: int = 1
    group: str = ""
    no_hook: NoHook | None = None
    active: bool = False
    uid: int = ROOT
    gid: int = ROOT
    drop_ins: tuple[str, ...] = ()

    @property
    def makes_sockets_itself(self) -> bool:
        """Tell whether systemd binds the socket, with the owner, group and mode it is told."""
        return self.unit.endswith(".socket")

    @property
    def takes_hooks(self) -> bool:
        """Tell whether something of ours may be started in it."""
        return self.no_hook is None


class KeptFile(NamedTuple):
    """A file that the host shall have; ``unit_file``: a manager must read it.

    ``user`` is the one in whose home it is and with whose rights it is written.  ``restarts`` is
    the unit that must be restarted when the file changes while it runs.
    """

    path: str
    content: str
    unit_file: bool = True
    user: str | None = None
    restarts: str | None = None


class Served(NamedTuple):
    """The files of one endpoint, the unit to start, and the path of the socket that it makes."""

    files: tuple[KeptFile, ...]
    unit: str
    path: str | None = None


def drop_in_of(unit: str, name: str, directory: str = UNITS) -> str:
    """Return the path of our drop-in for a unit that the socket ``name`` depends on."""
    return f"{directory}/{unit}.d/50-socket-access-{name}.conf"


def start_at_boot(target: str, unit: str) -> KeptFile:
    """Return the drop-in by which a target of systemd pulls in a unit of ours."""
    stem = unit.rpartition(".")[0]
    return KeptFile(f"{UNITS}/{target}.d/50-{stem}.conf", lines("[Unit]", f"Wants={unit}"))


def units_of(user: str | None, home: str | None) -> str:
    """Return the directory for unit files of a manager: the system's, or a user's own."""
    return UNITS if user is None else f"{home}/.config/systemd/user"
