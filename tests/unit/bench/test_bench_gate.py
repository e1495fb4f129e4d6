# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data plane is measured with the Python of a host, which has no packages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MEASURE = Path(__file__).resolve().parents[2] / "bench" / "gate" / "measure.py"


def test_it_needs_no_packages() -> None:
    code = f"import runpy; runpy.run_path({str(MEASURE)!r})"
    done = subprocess.run(
        [sys.executable, "-IS", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
