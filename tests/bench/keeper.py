# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the processes of the bench together, so that their processor time can be told from others'.

What a process leaves behind goes to its nearest ancestor that is a "child subreaper" (prctl(2)): the
masters of ssh's connections, conmon, and with conmon its whole container. Their time is the keeper's
once it has waited for them, so the keeper and what lives below it have all that the bench ever took.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

# prctl(2), linux/prctl.h
PR_SET_CHILD_SUBREAPER = 36


def keep() -> int:
    """Go on in a child, and return the pid of its keeper, which ends as the child ends."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
    keeper = os.getpid()
    # None is lost that comes before the keeper knows what to do with it.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))
    child = os.fork()
    if not child:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return keeper
    # The child removes its containers before it ends, and the keeper must not end before that.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, dummy: os.kill(child, number))
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            sys.exit(code if code >= 0 else 128 - code)
