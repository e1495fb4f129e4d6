# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients do behind a proxy. Each prints JSON, and is run as the user who it is about.

client.py messages PATH SIZE...     sends messages and tells which came back as they were
client.py late PATH SIZE            sends so many bytes, finishes sending, and waits for the answer
client.py many PATH NUMBER          has so many connections at once, all of which are to be answered
client.py meanwhile PATH USER COMMAND...
                                    runs a command, and counts what USER gets who tries to connect
                                    all the while; this one is run as root
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import resource
import select
import socket
import subprocess
import sys
import time
from collections import Counter

import connect

PATIENCE = 60.0
AFTERWARDS = 500


def messages(path: str, *sizes: str) -> dict[str, object]:
    came_back = {}
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        client.settimeout(PATIENCE)
        client.connect(path)
        for size in map(int, sizes):
            sent = os.urandom(size)
            client.send(sent)
            got = client.recv(1 << 20)
            came_back[str(size)] = "the same" if got == sent else f"{len(got)} bytes"
    return came_back


def late(path: str, size: str) -> dict[str, object]:
    data = os.urandom(int(size))
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(path)
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while part := client.recv(4096):
            answer += part
    expected = f"{len(data)} {hashlib.sha256(data).hexdigest()}\n"
    return {"answer": answer.decode(), "right": answer.decode() == expected}


def many(path: str, number: str) -> dict[str, object]:
    wanted = int(number)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, wanted + 64), hard))
    begun = time.monotonic()
    results: Counter[str] = Counter()
    waiting: dict[int, tuple[socket.socket, bytes, bytes]] = {}
    poll = select.poll()
    for index in range(wanted):
        client = socket.socket(socket.AF_UNIX)
        client.setblocking(False)
        try:
            client.connect(path)
        except OSError as error:
            results[errno.errorcode[error.errno or 0]] += 1
            client.close()
            continue
        waiting[client.fileno()] = (client, f"{index:08}".encode(), b"")
        poll.register(client, select.POLLIN)
    # Nobody says a word before all are connected.
    connected = len(waiting)
    for fd, (client, sent, dummy) in list(waiting.items()):
        try:
            client.send(sent)
        except OSError as error:
            results[errno.errorcode[error.errno or 0]] += 1
            poll.unregister(fd)
            del waiting[fd]
    kept = []
    while waiting and time.monotonic() < begun + PATIENCE:
        for fd, _event in poll.poll(1000):
            client, sent, got = waiting[fd]
            try:
                part = client.recv(64)
            except OSError as error:
                part, reason = b"", errno.errorcode[error.errno or 0]
            else:
                reason = "closed"
            got += part
            if part and got != sent:
                waiting[fd] = (client, sent, got)
                continue
            results["answered" if got == sent else reason] += 1
            # All stay connected until the last is answered.
            kept.append(client)
            poll.unregister(fd)
            del waiting[fd]
    if waiting:
        results["no answer"] = len(waiting)
    return {
        "connected": connected,
        "results": dict(results),
        "seconds": round(time.monotonic() - begun, 2),
    }


def meanwhile(path: str, user: str, *command: str) -> dict[str, object]:
    watcher = connect.Process(user, lambda ends: _watch(path, ends))
    status = subprocess.run(command, check=False).returncode
    watcher.end()
    return {"status": status, "results": watcher.result()}


def _watch(path: str, ends: connect.Ends) -> dict[str, int]:
    """Try all the time, and so many times more where the command has come to its end."""
    results: Counter[str] = Counter()
    left = AFTERWARDS
    while left:
        left -= ends()
        results[connect.attempt(path, patience=0)] += 1
        time.sleep(0.0002)
    return results


if __name__ == "__main__":
    does = {"messages": messages, "late": late, "many": many, "meanwhile": meanwhile}[sys.argv[1]]
    print(json.dumps(does(*sys.argv[2:])))
