# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The real connect(), made as the very user it is about."""

from __future__ import annotations

from .run import prove
from .types import Attempt, Outcome

__all__ = [
    "Attempt",
    "Outcome",
    "prove",
]
