# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What a census finds, as values."""

from __future__ import annotations

import os
from typing import NamedTuple

from ..host.creator import Creator
from ..host.sock_diag import UnixSocket
from ..model.chain import Chain, Component
from ..model.holders import task_of

HIGH, MEDIUM, LOW = "high", "medium", "low"
# The unit of systemd's own processes.
MANAGER = "init.scope"


class Finding(NamedTuple):
    """Something that is wrong with one socket: a whole sentence, and what to do about it.

    ``code`` is stable, ``severity`` is "high", "medium" or "low", ``socket`` is how the socket is
    called in the census, which is its path or its abstract name after "@".
    """

    code: str
    severity: str
    socket: str
    message: str
    remedy: str


class Process(NamedTuple):
    """A process that holds a socket, or is connected to one.

    ``exe`` is None where the program cannot be seen, ``unit`` outside of systemd; ``unit_user`` is
    the owner of the manager that runs the unit, None for the system's.  ``connections`` is how many
    of its sockets are connected.
    """

    pid: int
    name: str
    exe: str | None
    uid: int
    user: str
    unit: str | None
    unit_user: str | None = None
    connections: int = 0


class Reach(NamedTuple):
    """Who can connect, as far as permissions decide.

    ``users`` and ``groups`` are those who can although not everyone can, ``refused_users`` and
    ``refused_groups`` those who cannot although everyone else can.  A group stands for somebody
    who is in that group and is none of the users of the host.  ``reason`` is about everyone else.
    """

    everyone: bool
    reason: str
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    refused_users: tuple[str, ...] = ()
    refused_groups: tuple[str, ...] = ()
    closed_by: tuple[Component, ...] = ()


class Managed(NamedTuple):
    """A declared socket of this host; ``paths`` are its own and those of its endpoints.

    ``state`` is in the words of ``socket-access status``, ``changes`` what a run would change, ``remedy``
    the command for that, and ``gone`` what the declaration names and the host has no more.
    """

    name: str
    holder: str
    paths: tuple[str, ...]
    state: str
    changes: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    remedy: str | None = None

    @property
    def called(self) -> str:
        """What it is called by who declared it, which for a module's task is no name."""
        return task_of(self.holder) or self.name


class Place(NamedTuple):
    """Where a socket is: by which path it is found now, None where there is none.

    ``note`` is a sentence where that is not simply what bind(2) was called with.
    """

    path: str | None
    note: str | None = None


class Seen(NamedTuple):
    """One socket, and all that was found out about it.

    ``listener`` is None where nobody listens, ``chain`` where the socket has no path here.
    ``root`` tells whether root's processes serve it, None where nobody can tell; ``asks_polkit``
    whether its daemon leaves it to polkit what those who connect may do.
    """

    name: str
    listener: UnixSocket | None
    place: Place
    chain: Chain | None = None
    processes: tuple[Process, ...] = ()
    creator: Creator | None = None
    connected: tuple[Process, ...] = ()
    connections: int = 0
    reach: Reach | None = None
    mounted_at: tuple[str, ...] = ()
    managed: tuple[Managed, ...] = ()
    root: bool | None = None
    asks_polkit: bool = False

    @property
    def bound(self) -> str | None:
        """What bind(2) was called with, as text; an abstract name after "@"."""
        return None if self.listener is None else name_of(self.listener)

    @property
    def abstract(self) -> bool:
        """Tell whether it has a name without a path, and so without permissions (unix(7))."""
        return is_abstract(self.listener)

    @property
    def autobound(self) -> bool:
        """Tell whether the kernel chose the name: five hexadecimal digits (unix(7), Autobind)."""
        name = None if self.listener is None else self.listener.name
        return (
            self.abstract
            and name is not None
            and len(name) == 6
            and all(digit in b"0123456789abcdef" for digit in name[1:])
        )


class Census(NamedTuple):
    """All sockets, what is wrong with them, and whole sentences about what could not be seen."""

    sockets: tuple[Seen, ...]
    findings: tuple[Finding, ...]
    unseen: tuple[str, ...]


def is_abstract(one: UnixSocket | None) -> bool:
    """Tell whether a socket has an abstract name."""
    return one is not None and one.abstract


def name_of(one: UnixSocket) -> str | None:
    """Return the name of a socket as text: a path, or "@" and an abstract name; None for none.

    Zero bytes within an abstract name are shown as "@", as ss(8) does.
    """
    if not one.name:
        return None
    if is_abstract(one):
        return os.fsdecode(one.name.replace(b"\0", b"@"))
    return os.fsdecode(one.name.split(b"\0", 1)[0])
