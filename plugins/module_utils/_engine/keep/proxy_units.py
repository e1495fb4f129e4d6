# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The units of a proxy: a listener of systemd's, and what forwards its connections.

Sources: socat(1), systemd-socket-proxyd(8), systemd.socket(5), systemd.service(5).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..shortcut import COMMAND
from .service_units import (
    argument,
    forwarding_sandbox,
    identity,
    lines,
    listener,
    staying,
    unit_section,
)

SOCAT, PROXYD = "socat", "systemd-socket-proxyd"
_SOCAT = "/usr/bin/socat"
PROXYD_PROGRAM = "/usr/lib/systemd/systemd-socket-proxyd"

# Seconds for the answer after one side has said all: socat's own 0.5 lose every slower reply.
_HALF_CLOSED = 86400
# Bytes for one read.  A message of SOCK_SEQPACKET that is longer would be cut without a word, so
# there it is more than the kernel lets anybody send (net.core.wmem_max, doubled: socket(7)).
_STREAM_BUFFER, _MESSAGE_BUFFER = 262_144, 1_048_576
# What connections that are left get when a proxy is stopped, in seconds.
_STOP = 5
MAX_CONNECTIONS = 512
# socat(1), ADDRESS SPECIFICATIONS: what ends, quotes or nests a part of an address.
_SPECIAL = re.compile(r"[\\,:!\"'()\[\]{}]")


class ProxyUnits(NamedTuple):
    """One proxy: clients connect to ``at`` and get to the socket ``source``.

    ``type`` is stream or seqpacket, ``user`` the account it runs as, None for one of its own that
    exists only while it runs, ``groups`` the gids by which it reaches the source; each must have a
    name on the host, or the service cannot start.  systemd-socket-proxyd knows streams only.
    ``native``: this host's socat has ACCEPT-FD (1.8); otherwise the command ``socket-access accept`` starts
    one socat for each connection.
    """

    name: str
    source: str
    at: str
    type: str = "stream"
    engine: str = SOCAT
    user: str | None = None
    groups: tuple[int, ...] = ()
    native: bool = True
    max_connections: int = MAX_CONNECTIONS

    @property
    def unit(self) -> str:
        """The name of both units, without .socket and .service."""
        return f"socket-access-proxy-{self.name}"


def socket_unit(proxy: ProxyUnits) -> str:
    """Return the .socket unit of a proxy; raises AccessError for a path that cannot be written."""
    # Not at the end, where a backslash in the name would take the next line along.
    words = f"Proxy of the socket {proxy.source} ({proxy.name})"
    return listener(words, proxy.at, proxy.type)


def service_unit(proxy: ProxyUnits) -> str:
    """Return the service of a proxy; raises AccessError for a source that it could not see."""
    start, files, tasks = _engine(proxy)
    return lines(
        *unit_section(f"Forward to the socket {proxy.source} ({proxy.name})", proxy.unit),
        "[Service]",
        *start,
        *identity(proxy.user, proxy.groups),
        *staying(_STOP),
        *forwarding_sandbox(proxy.source, dynamic=proxy.user is None, files=files, tasks=tasks),
    )


def _engine(proxy: ProxyUnits) -> tuple[list[str], int, int]:
    """Return how it is started, and how many files and tasks it needs."""
    most = proxy.max_connections
    if proxy.engine == PROXYD:
        command = f"{PROXYD_PROGRAM} --connections-max={most} {argument(proxy.source)}"
        # Two sockets and the two ends of two pipes for each connection.  It says that it is ready
        # to a newer systemd only, so Type=notify would never be done on an older one.
        return ["Type=exec", f"ExecStart={command}"], 6 * most + 64, 16
    # A process for each connection.  One too few, and socat gives up for good.
    return (
        [
            "Type=exec",
            f"ExecStart={_native(proxy) if proxy.native else _accepting(proxy)}",
            # socat's status when it is told to stop.
            "SuccessExitStatus=143",
        ],
        1024,
        most + 16,
    )


def _native(proxy: ProxyUnits) -> str:
    # -d0: it warns of each child that ends at the same time as another.
    taken = f"ACCEPT-FD:3,fork,max-children={proxy.max_connections}"
    return f"{_SOCAT} -d0 {_forwarding(proxy, taken)}"


def _accepting(proxy: ProxyUnits) -> str:
    forward = f"{_SOCAT} {_forwarding(proxy, 'FD:0')}"
    return f"{COMMAND} accept --max {proxy.max_connections} -- {forward}"


def _forwarding(proxy: ProxyUnits, taken: str) -> str:
    """Return socat's arguments, with ``taken`` for the client's side.

    shut-down: without it the client learns that the backend has said all only when it closes
    itself, which it may never do.
    """
    messages = proxy.type == "seqpacket"
    size = _MESSAGE_BUFFER if messages else _STREAM_BUFFER
    # 5 is SOCK_SEQPACKET.  A message must fit into the sender's buffer at once (unix(7)).
    large = f",sndbuf={size}" if messages else ""
    backend = f"UNIX-CONNECT:{socat_word(proxy.source)}{',type=5' if messages else ''}{large}"
    return f"-t{_HALF_CLOSED} -b{size} {taken},shut-down{large} {argument(backend)}"


def socat_word(text: str) -> str:
    """Return a text that socat takes as one part of an address, whatever is in it."""
    return _SPECIAL.sub(r"\\\g<0>", text)
