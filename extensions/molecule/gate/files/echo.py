# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A daemon with two sockets that bring back what they get: echo.py STREAM SEQPACKET."""

from __future__ import annotations

import asyncio
import os
import socket
import sys


async def serve(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    while True:
        client, dummy = await loop.sock_accept(sock)
        task = asyncio.create_task(echo(client))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


async def echo(client: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    with client:
        try:
            while data := await loop.sock_recv(client, 1 << 18):
                await loop.sock_sendall(client, data)
        except ConnectionError:
            pass


async def main(stream: str, message: str) -> None:
    listening = []
    for path, kind in ((stream, socket.SOCK_STREAM), (message, socket.SOCK_SEQPACKET)):
        sock = socket.socket(socket.AF_UNIX, kind)
        sock.bind(path)
        sock.listen(4096)
        sock.setblocking(False)
        listening.append(serve(sock))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
    await asyncio.gather(*listening)


tasks: set[asyncio.Task[None]] = set()
asyncio.run(main(*sys.argv[1:]))
