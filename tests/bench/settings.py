# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the environment may say: how large, and how often."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench import sums


@dataclass(frozen=True)
class Settings:
    """Sizes and rounds, by the variables that ``tests/bench/run`` explains."""

    rounds: int
    # By way, the numbers of grants, and how many entries the loops make.
    grants: dict[str, list[int]]
    loops: dict[str, int]
    endpoints: int
    hosts: list[int]
    forks: int
    fleet_grants: int
    gate: list[str]
    audit: list[str]


def read() -> Settings:
    # Chosen for less than half an hour on two processors, where a play on 200 hosts takes minutes.
    grants = _sizes("BENCH_GRANTS", "1 5 20 100 400")
    # A ping over podman takes several times that over SSH; its ends show what there is to see.
    ends = " ".join(map(str, sorted({grants[0], sums.few(grants), grants[-1]})))
    return Settings(
        rounds=int(_said("BENCH_ROUNDS", "2")),
        grants={
            "ssh": grants,
            "podman": _sizes("BENCH_GRANTS_PODMAN", ends),
        },
        loops={
            "ssh": int(_said("BENCH_LOOP", "400")),
            "podman": int(_said("BENCH_LOOP_PODMAN", "0")),
        },
        endpoints=int(_said("BENCH_ENDPOINTS", "5")),
        hosts=_sizes("BENCH_HOSTS", "1 10 50 200"),
        forks=int(_said("BENCH_FORKS", "10")),
        fleet_grants=int(_said("BENCH_FLEET_GRANTS", "20")),
        gate=_said("BENCH_GATE", "3 0.5").split(),
        audit=_said("BENCH_AUDIT", "1000 50").split(),
    )


def _sizes(name: str, default: str) -> list[int]:
    return sorted(map(int, _said(name, default).split()))


def _said(name: str, default: str) -> str:
    return os.environ.get(name) or default


def command() -> str:
    """Return the command with the variables that were set for it."""
    said = [
        f"{name}='{value}'" for name, value in sorted(os.environ.items()) if name[:6] == "BENCH_"
    ]
    return " ".join([*said, "make bench"])


@contextmanager
def say(what: str) -> Iterator[None]:
    """Tell what is being done, and then how long it took."""
    started = time.monotonic()
    print(f"  {what} ... ", end="", file=sys.stderr, flush=True)
    yield
    print(f"{time.monotonic() - started:.0f}s", file=sys.stderr, flush=True)
