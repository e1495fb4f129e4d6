# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file system of a user's that takes every question and answers none (fuse(4)).

It is mounted as fusermount3(1) does it for a user where /etc/fuse.conf has user_allow_other.
"""

from __future__ import annotations

import ctypes
import os
import signal
import stat
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_DEVICE = os.makedev(10, 229)
_BUFFER = 1 << 17
_INIT = 26
# struct fuse_in_header and fuse_out_header up to the number of the question, fuse_init_out of 7.31.
_QUESTION, _ANSWER = struct.Struct("<IIQ"), struct.Struct("<IiQ")
_WELCOME = struct.pack("<IIIIHHIIHHI7I", 7, 31, 1 << 16, 0, 12, 9, 1 << 16, 1, 0, 0, 0, *(7 * [0]))


@contextmanager
def silent(where: Path, uid: int) -> Iterator[None]:
    """Mount it at a directory; whoever asks there waits until the end of the context."""
    device = _device()
    options = f"fd={device},rootmode=40000,user_id={uid},group_id={uid},allow_other"
    libc = ctypes.CDLL(None, use_errno=True)
    # 6: nosuid and nodev, as for every user.
    if libc.mount(b"theirs", os.fsencode(where), b"fuse", 6, options.encode()) != 0:
        raise OSError(ctypes.get_errno(), "No FUSE here", str(where))
    dummy, kind, number = _QUESTION.unpack_from(os.read(device, _BUFFER))
    assert kind == _INIT
    os.write(device, _ANSWER.pack(_ANSWER.size + len(_WELCOME), 0, number) + _WELCOME)
    server = os.fork()
    if server == 0:
        # A question that was taken cannot even be ended by SIGKILL any more.
        while os.read(device, _BUFFER):
            pass
        os._exit(0)
    os.close(device)
    try:
        yield
    finally:
        os.kill(server, signal.SIGKILL)
        os.waitpid(server, 0)
        libc.umount2(os.fsencode(where), 2)


def _device() -> int:
    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/fuse"
        os.mknod(path, stat.S_IFCHR | 0o600, _DEVICE)
        return os.open(path, os.O_RDWR | os.O_CLOEXEC)
