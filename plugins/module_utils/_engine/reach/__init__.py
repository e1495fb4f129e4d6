# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Who can connect to a socket, why somebody cannot, and whether root may act on its path.

Pure functions over a ``Chain``: the kernel's own rules, component by component, without I/O.
"""

from __future__ import annotations

from .safety import other_writers, unfit_leaf, unsafe_step
from .walk import Refusal, judge, refusals

__all__ = [
    "Refusal",
    "judge",
    "other_writers",
    "refusals",
    "unfit_leaf",
    "unsafe_step",
]
