# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all tests of gates have."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def spot(tmp_path: Path) -> Path:
    """A directory in which every user may connect."""
    for path in (tmp_path, *tmp_path.parents):
        if path.stat().st_uid == os.geteuid() and path != Path("/"):
            path.chmod(path.stat().st_mode | 0o011)
    return tmp_path
