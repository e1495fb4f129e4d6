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
    # They are taken one by one below. A handler would not run before os.wait() returns, where the signal
    # comes between the last instruction and the system call (signal(7), sigwaitinfo(2)).
    known = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, known)
    child = os.fork()
    if not child:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return keeper
    while True:
        number = signal.sigwait(known)
        if number == signal.SIGTERM:
            # The child removes its containers before it ends, and the keeper must not end before that. A
            # terminal sends it the other signal itself.
            os.kill(child, number)
        elif number == signal.SIGCHLD:
            _end_with(child)


def _end_with(child: int) -> None:
    """Wait for all that have ended; end as the child did, if it is one of them."""
    # It is there to the end, so there is always somebody to wait for.
    while (ended := os.waitpid(-1, os.WNOHANG))[0]:
        if ended[0] == child:
            code = os.waitstatus_to_exitcode(ended[1])
            sys.exit(code if code >= 0 else 128 - code)
