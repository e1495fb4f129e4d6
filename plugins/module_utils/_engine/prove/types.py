# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What is tried, and what came of it."""

from __future__ import annotations

from typing import NamedTuple

from ..model.account import Credentials

STREAM, SEQPACKET, DGRAM = "stream", "seqpacket", "dgram"
TYPES = (STREAM, SEQPACKET, DGRAM)

# sun_path holds 108 bytes, the last one for the terminating zero (unix(7)).
LONGEST_PATH = 107
LONGEST_REPLY = 65536

# What unix_find_bsd in net/unix/af_unix.c answers once the permissions were found to be enough.
_PAST_PERMISSIONS = frozenset({"ECONNREFUSED", "EPROTOTYPE", "EAGAIN"})


class Attempt(NamedTuple):
    """One connect() to an absolute path with these credentials.

    ``type`` is stream, seqpacket or dgram; None finds out what listens there.  ``send`` is sent
    once connected, and the answer is read until it contains ``expect``; with ``send`` alone, the
    first piece of an answer is read if one comes in time.  ``finish`` ends the sending direction
    (shutdown(2)), for a server that waits for the end of a request.
    """

    path: str
    who: Credentials
    type: str | None = None
    send: bytes | None = None
    expect: bytes | None = None
    finish: bool = False

    @property
    def talks(self) -> bool:
        """Tell whether something is said to the daemon, which may then look at who says it."""
        return self.send is not None or self.expect is not None


class Outcome(NamedTuple):
    """What the kernel answered to an attempt.

    ``errno`` is the name of the error of connect(2), or None where connect() succeeded and where
    there was no answer at all (``answered`` is False: the process that tried was killed, or could
    not take the identity on; ``text`` says which).  ``type`` is the type that was found, None if
    unknown.  ``reply`` holds at most 65536 bytes, ``as_expected`` is None where nothing was
    expected, ``seconds`` is the time that the attempt took.
    """

    attempt: Attempt
    connected: bool
    errno: str | None
    text: str
    type: str | None = None
    answered: bool = True
    reply: bytes | None = None
    as_expected: bool | None = None
    seconds: float = 0.0

    @property
    def refused(self) -> bool:
        """Tell whether the kernel said no for lack of permission; a dead daemon proves nothing."""
        return self.errno == "EACCES"

    @property
    def permitted(self) -> bool:
        """Tell whether permissions were enough, be there a listener or not."""
        return self.connected or self.errno in _PAST_PERMISSIONS
