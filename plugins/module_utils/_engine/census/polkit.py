# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Whether libvirt asks polkit about everyone who connects, as its sockets for everyone are meant.

It does unless the settings of the daemon say otherwise.  Where it was built without polkit, its
.socket units let in root alone (auth_unix_rw in libvirtd.conf).
"""

from __future__ import annotations

import os
import re

_SOCKET = re.compile(r"/run/libvirt/(libvirt|virt[a-z]+d)-sock")
_NOT_AT_ALL = re.compile(r"""^\s*auth_unix_rw\s*=\s*["']none["']""", re.MULTILINE)


def asks_polkit(name: str, directory: str = "/etc/libvirt") -> bool:
    """Tell whether the daemon behind a socket does that; of others than libvirt nothing is known."""
    found = _SOCKET.fullmatch(name)
    if found is None:
        return False
    daemon = "libvirtd" if found[1] == "libvirt" else found[1]
    try:
        with open(
            os.path.join(directory, f"{daemon}.conf"), encoding="utf-8", errors="replace"
        ) as file:
            return not _NOT_AT_ALL.search(file.read())
    except FileNotFoundError:
        return True
    except OSError:
        return False
