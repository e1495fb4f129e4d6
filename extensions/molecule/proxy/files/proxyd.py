# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three sockets in /run/proxyd, for the owner and the group alone.

message.sock    seqpacket: every message comes back as it is
echo.sock       stream: everything comes back at once
late.sock       stream: the length and the SHA-256 of all, a while after the client has sent its last byte
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket

DIRECTORY = "/run/proxyd"
# Longer than socat waits by itself after one side has finished (its option -t, 0.5 s).
LATE = 1.5
# More than the kernel lets one message have (socket(7), wmem_default).
LONGEST = 1 << 20
# How many may wait to be let in (listen(2)): fewer than come at once.
BACKLOG = 100


def listener(name: str, kind: int) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, kind)
    # Before bind(2) it is the mode that the inode is born with (unix(7)).
    os.fchmod(made.fileno(), 0o660)
    made.bind(f"{DIRECTORY}/{name}.sock")
    made.listen(BACKLOG)
    made.setblocking(False)
    return made


async def messages(made: socket.socket) -> None:
    loop = asyncio.get_running_loop()

    async def answer(client: socket.socket) -> None:
        with client:
            client.setblocking(False)
            while message := await loop.sock_recv(client, LONGEST):
                await loop.sock_sendall(client, message)

    running = set()
    while True:
        client, dummy = await loop.sock_accept(made)
        task = asyncio.create_task(answer(client))
        running.add(task)
        task.add_done_callback(running.discard)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        data = await reader.read()
        await asyncio.sleep(LATE)
        writer.write(f"{len(data)} {hashlib.sha256(data).hexdigest()}\n".encode())
        await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


def ready() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])


async def main() -> None:
    os.umask(0)
    servers = [
        await asyncio.start_unix_server(
            answer, sock=listener(name, socket.SOCK_STREAM), backlog=BACKLOG
        )
        for name, answer in (("echo", echo), ("late", late))
    ]
    made = listener("message", socket.SOCK_SEQPACKET)
    ready()
    await asyncio.gather(messages(made), *(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(main())
