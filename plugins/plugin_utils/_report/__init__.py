# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The report of a fleet: what its hosts answered, judged and written down, on the controller."""

from __future__ import annotations

from .assertions import AssertionProblem, check, compiled, judged, search
from .compare import read_baseline, with_baseline
from .document import Answers, host_entry, report, told_apart
from .junit import junit
from .outdated import removed
from .page import page
from .problem import ReportError
from .sarif import sarif
from .writing import as_json, replaced

__all__ = (
    "Answers",
    "AssertionProblem",
    "ReportError",
    "as_json",
    "check",
    "compiled",
    "host_entry",
    "judged",
    "junit",
    "page",
    "read_baseline",
    "removed",
    "replaced",
    "report",
    "sarif",
    "search",
    "told_apart",
    "with_baseline",
)
