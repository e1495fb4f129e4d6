# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Daemons that ask the kernel who is calling, or take descriptors: a proxy would stand in between.

Behind a proxy the daemon sees the proxy's account (SO_PEERCRED, unix(7)), and no descriptor that a
client sends arrives (systemd-socket-proxyd(8), socat(1)).
"""

from __future__ import annotations

import re

_CREDENTIALS = (
    "asks the kernel who its client is and would see the account of a proxy or gate instead"
)
_DESCRIPTORS = "takes file descriptors from its clients, which no proxy or gate passes on"

# Paths where these daemons listen in Debian, Fedora and the daemons' own documentation.
_DAEMONS = (
    (r"/bus$|/system_bus_socket$", "D-Bus", _CREDENTIALS),
    (r"/pipewire-\d+(-manager)?$", "PipeWire", _DESCRIPTORS),
    (r"/wayland-\d+$", "Wayland", _DESCRIPTORS),
    (r"/\.X11-unix/X\d+$", "X11", _DESCRIPTORS),
    (r"/pulse/native$", "PulseAudio", _DESCRIPTORS),
    (r"/libvirt/|/virt[a-z]+d-sock", "libvirt", _CREDENTIALS),
    (r"/\.s\.PGSQL\.\d+$", "PostgreSQL, which by its method peer", _CREDENTIALS),
    (r"/(mysqld?|mariadb)\.sock$", "MariaDB or MySQL, which by unix_socket", _CREDENTIALS),
    (r"/snapd(-snap)?\.socket$", "snapd", _CREDENTIALS),
    (r"/cups/cups\.sock$", "CUPS", _CREDENTIALS),
    (r"/S\.gpg-agent[^/]*$|/keyring/", "a key agent", _CREDENTIALS),
    (r"/openssh_agent$|/ssh-[^/]*/agent\.", "the SSH agent", _CREDENTIALS),
    (r"/systemd/(private|notify)$|/systemd/journal/|/io\.systemd\.", "systemd", _CREDENTIALS),
    (r"/spire-agent/", "the SPIRE agent", _CREDENTIALS),
    (r"/nscd/|/sssd?/|/winbindd/", "a directory service", _CREDENTIALS),
)
_PATTERNS = tuple((re.compile(pattern), name, why) for pattern, name, why in _DAEMONS)


def lost_by_proxy(path: str) -> str | None:
    """Return, in words, which daemon listens at a path and what a proxy would take from it."""
    for pattern, name, why in _PATTERNS:
        if pattern.search(path):
            return f"{name} {why}"
    return None
