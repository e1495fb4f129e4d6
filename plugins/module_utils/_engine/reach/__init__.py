# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Who can connect to a socket, why somebody cannot, and whether root may act on its path.

Pure functions over a ``Chain``: the kernel's own rules, component by component, without I/O.
"""

from __future__ import annotations

from .explain import explain
from .names import NUMBERS
from .programs import replaced_by_groups, replaced_by_others
from .remedies import Remedy
from .safety import other_writers, unfit_leaf, unsafe_step
from .walk import Refusal, Verdict, judge, refusals

__all__ = [
    "NUMBERS",
    "Refusal",
    "Remedy",
    "Verdict",
    "explain",
    "judge",
    "other_writers",
    "refusals",
    "replaced_by_groups",
    "replaced_by_others",
    "unfit_leaf",
    "unsafe_step",
]
