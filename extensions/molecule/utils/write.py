# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes files, all of them in one trip: a play calls write() at the end of this text."""

from __future__ import annotations

import os


def write(rows: list[tuple[str, str, str, str]]) -> None:
    """Each row is a name, a place, a mode and the content; a place with a slash at its end is a directory."""
    for name, place, mode, content in rows:
        path = place + os.path.basename(name) if place.endswith("/") else place
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        os.chmod(path, int(mode, 8))
