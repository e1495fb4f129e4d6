# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Directories that must stay closed to everybody, because what makes them insists on it."""

from __future__ import annotations

# In which a service with DynamicUser= has its directories (systemd.exec(5)). It is not started any more
# while one of them is open to a group, and an entry for anybody makes it so (systemd: mkdir_safe_label()).
_OF_SYSTEMD = ("/run/private", "/var/lib/private", "/var/cache/private", "/var/log/private")


def closed_by(path: str) -> str | None:
    """Return, as a sentence, why a directory must stay closed, or None where it may be opened."""
    if path not in _OF_SYSTEMD:
        return None
    return (
        f"{path} is where systemd keeps directories of services with DynamicUser=, and it starts none "
        "of these any more while anybody else may search it."
    )
