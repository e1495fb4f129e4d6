# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all tests of gates have."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def spot() -> Iterator[Path]:
    """A directory in which every user may connect.

    Not one of pytest's: their parent is closed again whenever root starts pytest somewhere else.
    """
    path = Path(tempfile.mkdtemp(prefix="ua-", dir="/var/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)
