# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The errors of connect(2) on a Unix socket in whole sentences.

Sources: unix(7), connect(2), path_resolution(7), Linux ``net/unix/af_unix.c``.
"""

from __future__ import annotations

# How much of an answer a sentence shows.
_LONGEST = 200
_BECAUSE = {
    "EACCES": "the permissions of the socket or of a directory on the way do not allow it",
    "ENOENT": "the path does not exist: its daemon does not run, or makes its socket elsewhere",
    "ECONNREFUSED": (
        "nobody listens there, although the permissions are enough: its daemon does not run and "
        "left the file behind, or the path is no socket, or a mount that went stale"
    ),
    "EAGAIN": (
        "the queue of its daemon stayed full for {seconds:g} seconds, although the permissions "
        "are enough: the daemon is busy or hangs"
    ),
    "ENOTDIR": "something on the way is not a directory",
    "ELOOP": "there are too many symbolic links on the way",
    "ENAMETOOLONG": "a name in it is longer than the file system allows",
    "EINVAL": "the path is not one that the kernel takes",
    "EPERM": "the socket talks to one other socket only, or a security module forbids it",
    "ECONNRESET": "the daemon closed the connection at once",
    "EMFILE": "the process has no file descriptor left",
    "ENFILE": "the host has no file descriptor left",
    "ENOMEM": "the host has no memory left",
    "ENOBUFS": "the host has no memory left for sockets",
    "ENOTCONN": "the connection was gone at once",
    "ESTALE": "the file system does not know the file any more",
    "EIO": "the file system reports an input/output error",
    "EROFS": "the path is a file on a read-only file system and not a socket",
    "ETIMEDOUT": "the file system did not answer in time",
}


def connected(
    user: str,
    path: str,
    found: str,
    as_expected: bool | None,
    trouble: str | None,
    reply: bytes = b"",
    expect: bytes = b"",
) -> str:
    """Return the sentence for a connection that was made, and for what was said on it."""
    text = f"{user} connected to {path} ({found})"
    if as_expected is None:
        return f"{text}."
    if as_expected:
        return f"{text} and got the expected answer."
    why = f": {trouble}" if trouble else ""
    if not reply:
        return f"{text}, but got no answer, and not the expected {_shown(expect)}{why}."
    return f"{text}, but got {_shown(reply)} and not the expected answer {_shown(expect)}{why}."


def _shown(said: bytes) -> str:
    text = said.decode("utf-8", "backslashreplace")
    return repr(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...")


def failed(user: str, path: str, error: str, wanted: str | None, seconds: float) -> str:
    """Return the sentence for an error of connect(2), which is given by its name."""
    if error == "EPROTOTYPE":
        because = (
            f"the socket is not of type {wanted}, although the permissions are enough"
            if wanted
            else "the socket is neither stream nor seqpacket nor dgram"
        )
    else:
        because = _BECAUSE.get(error, "") or _plain(error)
    return f"{user} could not connect to {path}: {because.format(seconds=seconds)} ({error})."


def unanswered(user: str, path: str, why: str) -> str:
    """Return the sentence for an attempt to which the kernel gave no answer."""
    return f"Whether {user} can connect to {path} could not be proven: {why}."


def _plain(error: str) -> str:
    import errno
    import os

    number = getattr(errno, error, None)
    return os.strerror(number) if isinstance(number, int) else "the kernel gave this error"
