# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends a million random messages to four gates, as root: fuzz.py [MESSAGES] [SEED]

The same as the kernel tests do with fewer: no crash, no wrong allow, no leak.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kernel.gate.fuzzing import attack


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 1_000_000_000
    print(f"seed {seed}")
    for kind in ("stream", "seqpacket"):
        for does, share in (("forward", 0.45), ("command", 0.05)):
            with tempfile.TemporaryDirectory(prefix="gate-fuzz-") as place:
                Path(place).chmod(0o755)
                begun, messages = time.monotonic(), int(count * share)
                attack(Path(place), kind, does, random.Random(seed), messages)
                took = time.monotonic() - begun
                print(f"{kind} {does}: {messages:,} messages in {took:.0f} s, all well", flush=True)


if __name__ == "__main__":
    main()
