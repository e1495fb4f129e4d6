# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""``socket-access gate NAME``: the server of one gate, as systemd starts it."""

from __future__ import annotations

import os

from ..errors import AccessError
from ..gate import RulesFile, serve
from ..gate.notify import listening_descriptor
from ..gate.source import PLACE
from .output import Output


def run(name: str, output: Output) -> bool:
    """Serve until SIGTERM; tell whether it could begin."""
    try:
        if not name or "/" in name:
            raise AccessError(f"{name!r} is no name of a gate.")
        rules = RulesFile(PLACE.format(name))
        serve(rules, listening_descriptor(os.environ), os.environ)
    except AccessError as error:
        output.problem(name, str(error))
        return False
    return True
