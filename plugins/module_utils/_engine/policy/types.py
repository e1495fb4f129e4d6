# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What the inventory declares, as checked values.

Nothing here knows the host: names are as declared, and NSS resolves them there, at run time.
"""

from __future__ import annotations

from typing import NamedTuple


class Principal(NamedTuple):
    """Who: ``kind`` is "user" or "group", ``name`` is as declared (all digits: a numeric id)."""

    kind: str
    name: str

    def __str__(self) -> str:
        """Return the principal in words, such as "user nginx"."""
        return f"{self.kind} {self.name}"


class Endpoint(NamedTuple):
    """Where a principal connects when that is not the socket itself; None means: not declared.

    ``owner``, ``group`` and ``mode`` are those of the endpoint that a proxy makes.  ``engine`` and
    ``run_as`` are the proxy's program and account, and ``lose_identity`` accepts that the daemon
    sees that account in place of the client's, and gets no descriptors.  ``mount_as`` is the user
    who mounts, "root" or one who may by fstab(5), and ``trust_mounter`` accepts what
    that user could mount in place of the socket.  ``client_unit`` gets ``client_environment``,
    pairs of a variable and its value.
    """

    at: str
    engine: str | None = None
    owner: str | None = None
    group: str | None = None
    mode: int | None = None
    run_as: str | None = None
    lose_identity: bool = False
    max_connections: int | None = None
    max_connections_per_user: int | None = None
    max_message: int | None = None
    mount_as: str | None = None
    trust_mounter: bool = False
    directory_owner: str | None = None
    directory_group: str | None = None
    directory_mode: int | None = None
    client_unit: str | None = None
    client_environment: tuple[tuple[str, str], ...] = ()


class Grant(NamedTuple):
    """One principal may connect to one socket, by one method.

    ``endpoint`` is where, for the methods that make another path, None for the socket itself.
    ``expires`` is when it ends, in seconds since 1970 in UTC, None for a grant that does not.
    """

    principal: Principal
    method: str = "auto"
    open_parents: tuple[str, ...] = ()
    restart_clients: bool = False
    endpoint: Endpoint | None = None
    expires: int | None = None


class Serve(NamedTuple):
    """A command that a gate runs for each request, as ``user``; None means: not declared.

    Lengths of time are in seconds.  ``at_once`` is how many commands may run at the same time.
    """

    command: tuple[str, ...]
    user: str
    time_limit: float | None = None
    request_seconds: float | None = None
    at_once: int | None = None
    at_once_per_user: int | None = None
    max_connections: int | None = None
    max_connections_per_user: int | None = None
    max_message: int | None = None


class SocketPolicy(NamedTuple):
    """All that is declared of one socket; None means: not declared.

    ``type`` is "stream", "seqpacket" or "dgram"; ``mode`` holds permission bits, 0 to 0o777.
    ``unit`` creates the socket, in the manager of ``unit_user`` if that is declared.  ``born``: a
    service gets group and umask so that its socket is born right.  ``strict``: a hook that fails
    fails its unit.  ``deadline``: seconds that a hook waits for the daemon to listen.  ``serve``:
    the socket is made by a gate of ours, which runs a command for each request.
    """

    name: str
    path: str
    type: str | None = None
    owner: str | None = None
    group: str | None = None
    mode: int | None = None
    allow: tuple[Grant, ...] = ()
    refuse: tuple[Principal, ...] = ()
    trust_directories: tuple[str, ...] = ()
    unit: str | None = None
    unit_user: str | None = None
    born: bool = False
    strict: bool = False
    deadline: float | None = None
    serve: Serve | None = None

    def restarts(self, user: str) -> bool:
        """Tell whether units of this user may be restarted, so that they get a new group."""
        return any(
            grant.restart_clients and grant.principal == Principal("user", user)
            for grant in self.allow
        )


class Policy(NamedTuple):
    """Every declared socket of one host, sorted by name."""

    sockets: tuple[SocketPolicy, ...]
