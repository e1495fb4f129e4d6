# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The host's socat: whether there is one, and whether it takes connections from systemd itself."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from ..errors import AccessError
from .commands import run

PROGRAM = "/usr/bin/socat"
_VERSION = re.compile(r"^socat version (\d+(?:\.\d+)*)", re.MULTILINE)
_ACCEPT_FD = re.compile(r"^\s*ACCEPT-FD:", re.IGNORECASE | re.MULTILINE)
_SECONDS = 10.0


class Socat(NamedTuple):
    """A socat: its version as it says it, and whether it has the address ACCEPT-FD."""

    version: str
    native: bool


def look(program: str = PROGRAM) -> Socat | None:
    """Return the host's socat, None where it is missing; raises AccessError if it cannot run."""
    if not os.path.exists(program):
        return None
    said = run((program, "-V"), seconds=_SECONDS, purpose="learn the version of socat")
    found = _VERSION.search(said)
    if found is None:
        raise AccessError(
            f"{program} does not say which version of socat it is; install the package socat."
        )
    # The version alone does not tell: it can be built without this address.
    addresses = run((program, "-h"), seconds=_SECONDS, purpose="learn which addresses socat has")
    return Socat(found.group(1), bool(_ACCEPT_FD.search(addresses)))
