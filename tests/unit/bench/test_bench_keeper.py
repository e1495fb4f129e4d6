# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keeper has the processor time of all that the bench starts, and ends as the bench ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[2]
# A grandchild that nobody waits for, as ssh's master and conmon are.
ORPHAN = """
import os, sys, time
from bench import keeper, load
kept_by = keeper.keep()
before = load.reading(kept_by)
read, write = os.pipe()
if not os.fork():
    os.setsid()
    if not os.fork():
        os.close(read)
        while time.process_time() < 0.3:
            pass
    os._exit(0)
os.wait()
os.close(write)
os.read(read, 1)
time.sleep(0.2)
print(load.reading(kept_by).ours - before.ours)
sys.exit(7)
"""
WAITS = """
import signal, sys
from bench import keeper
keeper.keep()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print("ready", flush=True)
signal.sigwait([signal.SIGTERM])
sys.exit(9)
"""


def started(code: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    return subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE)


def test_the_time_of_an_orphan_is_the_benchs_and_its_end_the_keepers() -> None:
    with started(ORPHAN) as process:
        told = process.communicate(timeout=30)[0]
    assert float(told) == pytest.approx(0.3, abs=0.1)
    assert process.returncode == 7


def test_who_ends_the_keeper_ends_the_bench_in_order() -> None:
    with started(WAITS) as process:
        if process.stdout is not None:
            process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 9
