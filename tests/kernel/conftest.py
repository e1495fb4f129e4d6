# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Root's own tests: a real kernel, on a file system on disk and on tmpfs."""

from __future__ import annotations

import os
import random
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PROTECTED_SYMLINKS = Path("/proc/sys/fs/protected_symlinks")


@pytest.fixture(autouse=True, scope="session")
def _many_descriptors() -> None:
    """What a login may open at once is less than the connections of some tests (getrlimit(2))."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@pytest.fixture(autouse=True)
def _as_root() -> None:
    if os.geteuid() != 0:
        pytest.fail("The kernel's tests change owners and connect as other users: run as root.")


@pytest.fixture(params=["disk", "tmpfs"])
def place(request: pytest.FixtureRequest) -> Iterator[Path]:
    """An empty directory that everyone may search, on that kind of file system."""
    path = Path(tempfile.mkdtemp(prefix="ua-", dir=_directory_on(request.param)))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def rng() -> random.Random:
    """Chance with a seed that is printed; SEED=... repeats a run."""
    seed = int(os.environ.get("SEED") or time.time_ns() % 1_000_000_000)
    print(f"SEED={seed}")
    return random.Random(seed)


@pytest.fixture(params=["0", "1"])
def protected_symlinks(request: pytest.FixtureRequest) -> Iterator[str]:
    """The kernel with fs.protected_symlinks off and on; put back afterwards."""
    before = PROTECTED_SYMLINKS.read_text().strip()
    if before != request.param:
        PROTECTED_SYMLINKS.write_text(request.param)
    yield request.param
    if before != request.param:
        PROTECTED_SYMLINKS.write_text(before)


def _directory_on(kind: str) -> str:
    for directory in ("/dev/shm",) if kind == "tmpfs" else ("/var/tmp", "/tmp"):
        if (_file_system(directory) == "tmpfs") == (kind == "tmpfs"):
            return directory
    pytest.fail(f"No directory on {kind} was found for the tests.")


def _file_system(directory: str) -> str:
    """Return the type of the file system a directory is on (proc_pid_mountinfo(5))."""
    best, found = "", ""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, dummy, right = line.partition(" - ")
        point = left.split()[4]
        inside = directory == point or directory.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, found = point, right.split()[0]
    return found
