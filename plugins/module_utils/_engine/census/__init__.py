# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Which sockets are there, who made them, who is connected, who can connect, and what is wrong."""

from __future__ import annotations

from .describe import described
from .judged import SomebodyElse
from .look import look
from .values import Census, Managed
from .words import finding_in_words, in_words

__all__ = (
    "Census",
    "Managed",
    "SomebodyElse",
    "described",
    "finding_in_words",
    "in_words",
    "look",
)
