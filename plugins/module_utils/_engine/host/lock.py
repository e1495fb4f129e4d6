# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""One run at a time on a host: a lock that the kernel gives up with the process (flock(2))."""

from __future__ import annotations

import fcntl
import os
import time

from ..errors import AccessError
from ..faults import in_words

# A pause is a quarter of the time waited so far, so that hundreds that wait leave the processor to
# the one that works, and nobody waits much longer than needed.
_SHORTEST, _LONGEST = 0.02, 0.5


class Lock:
    """An exclusive lock on a directory for root alone, so nobody else can hold it.

    The directory is made when it is missing, and may be removed by whoever holds the lock: then
    those who wait make a new one.
    """

    def __init__(self, directory: str, *, seconds: float) -> None:
        """Wait at most ``seconds`` for the lock; raises AccessError when another run keeps it."""
        started = time.monotonic()
        while True:
            try:
                os.makedirs(directory, mode=0o700, exist_ok=True)
                self._fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise AccessError(
                    f"The directory {directory}, in which this host keeps what was there before, "
                    f"cannot be used: {in_words(error)} Nothing was changed."
                ) from error
            if self._acquired(directory):
                return
            os.close(self._fd)
            waited = time.monotonic() - started
            if waited >= seconds:
                raise AccessError(
                    f"Another run on this host has held {directory} for more than {seconds:g} "
                    "seconds; wait until it has ended and run again."
                )
            pause = min(max(waited / 4, _SHORTEST), _LONGEST)
            time.sleep(min(pause, seconds - waited))

    def _acquired(self, directory: str) -> bool:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return os.path.samestat(os.fstat(self._fd), os.stat(directory))
        except (BlockingIOError, FileNotFoundError):
            return False

    def release(self) -> None:
        """Let the next run go on."""
        os.close(self._fd)


def is_held(path: str) -> bool:
    """Tell whether a run holds the lock of a directory, or of a file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
