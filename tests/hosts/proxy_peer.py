# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of proxies do on a host: backends that answer, clients that ask.

Copied to a host and run there: peer.py backend PATH stream|seqpacket|late, or peer.py WHAT PATH.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
import threading
import time

SIZES = (1, 8192, 8193, 100_000, 200_000)


def backend(path: str, kind: str) -> None:
    """Answer with what was said; ``late``: two seconds after all was said; ``first``: and close."""
    number = socket.SOCK_SEQPACKET if kind == "seqpacket" else socket.SOCK_STREAM
    listener = socket.socket(socket.AF_UNIX, number)
    if os.path.lexists(path):
        os.unlink(path)
    listener.bind(path)
    os.chmod(path, 0o777)
    listener.listen(1)
    while True:
        threading.Thread(target=answer, args=(listener.accept()[0], kind), daemon=True).start()


def answer(client: socket.socket, kind: str) -> None:
    """Serve one client."""
    with client:
        if kind == "seqpacket":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        said = b""
        while part := client.recv(1 << 20):
            said += part
            if kind != "late":
                client.sendall(part)
            if kind == "first":
                return
        if kind == "late":
            time.sleep(2)
            client.sendall(said)


def wait(path: str) -> bool:
    """Wait until a backend listens."""
    for dummy in range(200):
        with socket.socket(socket.AF_UNIX) as client:
            # EPROTOTYPE is a listener, too: one for messages.
            if client.connect_ex(path) in (0, errno.EPROTOTYPE):
                return True
        time.sleep(0.05)
    raise TimeoutError(path)


def connect(path: str, number: int = socket.SOCK_STREAM) -> socket.socket:
    """Return a connection that waits at most 20 seconds for anything."""
    client = socket.socket(socket.AF_UNIX, number)
    client.settimeout(20)
    client.connect(path)
    return client


def received(client: socket.socket) -> bytes:
    """Return all that comes until the other side has said all."""
    said = b""
    while part := client.recv(1 << 16):
        said += part
    return said


def echo(path: str) -> bool:
    """Tell whether a backend answers."""
    with connect(path) as client:
        try:
            client.sendall(b"hello")
            return client.recv(10) == b"hello"
        except OSError:
            return False


def refused(path: str) -> int:
    """Connect 30 times; return how often nobody answered."""
    return sum(not echo(path) for dummy in range(30))


def half(path: str) -> bool:
    """Tell whether an answer comes two seconds after all was said."""
    with connect(path) as client:
        client.sendall(b"q" * 100_000)
        client.shutdown(socket.SHUT_WR)
        return len(received(client)) == 100_000


def first(path: str) -> bool:
    """Tell whether the client learns at once that the backend has said all."""
    with connect(path) as client:
        client.settimeout(3)
        client.sendall(b"hello")
        return received(client) == b"hello"


def messages(path: str) -> bool:
    """Tell whether messages of all sizes come back whole."""
    with connect(path, socket.SOCK_SEQPACKET) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        for size in SIZES:
            said = os.urandom(size)
            client.send(said)
            if client.recv(1 << 20) != said:
                return False
    return True


def burst(path: str) -> int:
    """Connect 500 times at once without waiting; return how many were answered."""
    clients = []
    for dummy in range(500):
        client = socket.socket(socket.AF_UNIX)
        client.setblocking(False)
        client.connect(path)
        clients.append(client)
    for client in clients:
        client.setblocking(True)
        client.settimeout(60)
        client.sendall(b"x")
    answered = sum(client.recv(1) == b"x" for client in clients)
    for client in clients:
        client.close()
    return answered


def crowd(path: str) -> int:
    """Connect 200 times, 8 at a time, which is more than the proxy serves; count the answers."""
    answered = [0] * 8

    def many(number: int) -> None:
        for dummy in range(25):
            answered[number] += echo(path)

    threads = [threading.Thread(target=many, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(answered)


if __name__ == "__main__":
    if sys.argv[1] == "backend":
        backend(sys.argv[2], sys.argv[3])
    for endpoint in sys.argv[2:]:
        print(globals()[sys.argv[1]](endpoint))
