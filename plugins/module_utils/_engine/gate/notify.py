# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What systemd hands to a service, and what it wants to hear from it.

Sources: sd_listen_fds(3), sd_notify(3), written down here because a managed host has no library
for them.
"""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping

from ..errors import AccessError

_FIRST = 3


def listening_descriptor(environment: MutableMapping[str, str]) -> int:
    """Return the one listening descriptor that was handed over; raises AccessError.

    The variables are taken out, so that nothing which is started later believes them.
    """
    pid, count = environment.pop("LISTEN_PID", ""), environment.pop("LISTEN_FDS", "")
    environment.pop("LISTEN_FDNAMES", None)
    environment.pop("LISTEN_PIDFDID", None)
    if pid != str(os.getpid()) or count != "1":
        raise AccessError(
            "A gate is started by systemd, which hands it one listening socket; "
            "start its .socket unit, and connect."
        )
    os.set_inheritable(_FIRST, False)
    return _FIRST


class Notify:
    """Tells systemd how things stand; does nothing where nobody listens."""

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        address = environment.pop("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address

    def tell(self, state: str) -> None:
        """Send assignments such as ``READY=1``, separated by line breaks."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.setblocking(False)
                sock.sendto(state.encode(), self._address)
        except OSError:
            pass
