# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gate runs for each request: who, sleep SECONDS, fail, or long BYTES."""

from __future__ import annotations

import os
import sys
import time

verb, dummy, value = sys.stdin.read().partition(" ")
if verb == "sleep":
    time.sleep(float(value))
    print("slept")
elif verb == "fail":
    print("half", flush=True)
    print("This is what went wrong.", file=sys.stderr)
    sys.exit(7)
elif verb == "long":
    print("x" * int(value))
else:
    names = ("UID", "GID", "PID", "USER")
    peer = [os.environ["SOCKET_ACCESS_PEER_" + name] for name in names]
    print(os.geteuid(), os.getcwd(), sorted(os.environ) == sorted(set(os.environ)), *peer)
