# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures ways to a socket side by side in one run: direct, gate, socat, systemd-socket-proxyd.

measure.py [ROUNDS] [SECONDS] [FILE]

Everything runs on one pinned processor, because only then do ratios mean anything.  Brackets hold
how many times systemd-socket-proxyd's figure it is; for messages (SOCK_SEQPACKET), which that does
not know, socat's.  What is not installed is left out, and that is said.  Python is the client and
the backend for all of them.
GATE_PYTHON is the interpreter that the gate runs with, such as the distribution's own.
FILE gets the medians as JSON.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.processes import family
from kernel.gate.gates import Gate

STREAM, MESSAGES = socket.SOCK_STREAM, socket.SOCK_SEQPACKET
PROXYD = ("/usr/lib/systemd/systemd-socket-proxyd", "/lib/systemd/systemd-socket-proxyd")
BULK = 65536
Route = tuple[str, "int | None"]
# By way and row, the figures of all rounds.
Figures = dict[str, dict[str, list[float]]]


def backend(path: str, kind: int) -> None:
    """Echo what is small, swallow what is bulk, answer a half-close after bulk; in a process."""
    listener = socket.socket(socket.AF_UNIX, kind)
    listener.bind(path)
    listener.listen(4096)
    epoll = select.epoll()
    epoll.register(listener.fileno(), select.EPOLLIN)
    conns: dict[int, socket.socket] = {}
    late: list[tuple[float, socket.socket]] = []
    buffer = bytearray(1 << 18)
    while True:
        for fd, dummy in epoll.poll(0.05 if late else -1):
            if fd == listener.fileno():
                conn = listener.accept()[0]
                conns[conn.fileno()] = conn
                epoll.register(conn.fileno(), select.EPOLLIN)
                continue
            conn = conns[fd]
            try:
                count = conn.recv_into(buffer)
                if not count:
                    epoll.unregister(fd)
                    del conns[fd]
                    conn.close()
                elif buffer[:4] == b"late":
                    epoll.unregister(fd)
                    del conns[fd]
                    late.append((time.monotonic() + 1, conn))
                elif count < 1024:
                    conn.sendall(memoryview(buffer)[:count])
            except OSError:
                epoll.unregister(fd)
                conns.pop(fd).close()
        while late and late[0][0] <= time.monotonic():
            conn = late.pop(0)[1]
            try:
                conn.sendall(b"answer")
            except OSError:
                pass
            conn.close()


@contextmanager
def routes(place: Path, kind: int) -> Iterator[dict[str, Route]]:
    """Start all ways; yield the path and the process of each."""
    back = str(place / "back.sock")
    pids = [_child(lambda: backend(back, kind))]
    found: dict[str, Route] = {"direct": (back, None)}
    _wait_for(back, kind)
    gate = Gate(
        place,
        python=os.environ.get("GATE_PYTHON", sys.executable),
        type="seqpacket" if kind == MESSAGES else "stream",
        forward=back,
        max_connections=5000,
        max_connections_per_user=5000,
    )
    gate.wait_ready()
    found["gate"] = (gate.path, gate.pid)
    socat = shutil.which("socat")
    if socat:
        path = str(place / "socat.sock")
        listen = f"UNIX-LISTEN:{path},fork,backlog=4096,type={int(kind)}"
        command = [socat, "-b", str(BULK), listen, f"UNIX-CONNECT:{back},type={int(kind)}"]
        pids.append(subprocess.Popen(command, stderr=subprocess.DEVNULL).pid)
        _wait_for(path, kind)
        found["socat"] = (path, pids[-1])
    else:
        print("socat is not installed on this machine, so it is left out.")
    proxyd = next((one for one in PROXYD if os.path.exists(one)), "")
    if kind == MESSAGES:
        proxyd = ""
    elif not proxyd:
        print("systemd-socket-proxyd is not installed on this machine, so it is left out.")
    if proxyd:
        path = str(place / "proxyd.sock")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(4096)
        pids.append(_child(lambda: _activated(listener, [proxyd, "--connections-max=5000", back])))
        found["proxyd"] = (path, pids[-1])
    try:
        yield found
    finally:
        gate.close()
        for pid in reversed(pids):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _child(work: Callable[[], None]) -> int:
    pid = os.fork()
    if not pid:
        try:
            work()
        finally:
            os._exit(1)
    return pid


def _activated(listener: socket.socket, command: list[str]) -> None:
    os.dup2(listener.fileno(), 3)
    os.set_inheritable(3, True)
    os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
    os.execv(command[0], command)


def _wait_for(path: str, kind: int) -> None:
    for dummy in range(500):
        try:
            connect(path, kind).close()
            return
        except OSError:
            time.sleep(0.01)
    raise SystemExit(f"{path} did not come up.")


def connect(path: str, kind: int = STREAM) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, kind)
    sock.settimeout(10)
    sock.connect(path)
    sock.settimeout(None)
    return sock


def _connects(path: str, kind: int, seconds: float) -> int:
    count, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        sock = socket.socket(socket.AF_UNIX, kind)
        sock.connect(path)
        sock.send(b"x")
        sock.recv(1)
        sock.close()
        count += 1
    return count


def connects(path: str, kind: int, clients: int, seconds: float) -> float:
    """Return connections a second: connect, one byte there and back, close."""
    pids, pipes = [], []
    for dummy in range(clients):
        reader, writer = os.pipe()

        def work(end: int = writer) -> None:
            os.write(end, b"%d" % _connects(path, kind, seconds))
            os._exit(0)

        pids.append(_child(work))
        os.close(writer)
        pipes.append(reader)
    total = 0
    for pid, reader in zip(pids, pipes):
        total += int(os.read(reader, 99) or 0)
        os.close(reader)
        os.waitpid(pid, 0)
    return total / seconds


def round_trips(path: str, kind: int, seconds: float) -> tuple[float, float]:
    """Return the median and the 99th percentile in microseconds of 64 bytes there and back."""
    clock, data, times = time.perf_counter, b"x" * 64, []
    with connect(path, kind) as sock:
        send, receive = sock.send, sock.recv
        end = clock() + seconds
        begun = clock()
        while begun < end:
            send(data)
            receive(64)
            after = clock()
            times.append(after - begun)
            begun = after
    times.sort()
    return times[len(times) // 2] * 1e6, times[len(times) * 99 // 100] * 1e6


def bulk(path: str, kind: int, seconds: float, pid: int | None) -> tuple[float, float]:
    """Return gigabytes a second of 64 KiB writes, and the processor's seconds for each."""
    data, sent = b"\0" * BULK, 0
    before, begun = _spent(pid), time.perf_counter()
    with connect(path, kind) as sock:
        while time.perf_counter() - begun < seconds:
            for dummy in range(64):
                sock.sendall(data)
            sent += 64 * BULK
    taken = time.perf_counter() - begun
    return sent / taken / 1e9, (_spent(pid) - before) / sent * 1e9


def _spent(pid: int | None) -> float:
    """Return the processor's seconds of a process, its threads and its children, ended ones too."""
    if pid is None:
        return 0.0
    ticks = 0
    for one in family(pid):
        try:
            text = Path(f"/proc/{one}/stat").read_text()
        except OSError:
            continue
        # utime, stime and those of children that were waited for (proc_pid_stat(5)).
        ticks += sum(map(int, text.rpartition(")")[2].split()[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def idle_memory(path: str, pid: int | None) -> float:
    """Return the proportional memory in MB with 1,000 connections at rest."""
    socks = []
    for dummy in range(1000):
        sock = connect(path)
        sock.sendall(b"x")
        sock.recv(1)
        socks.append(sock)
    total = 0
    for one in family(pid) if pid is not None else []:
        try:
            text = Path(f"/proc/{one}/smaps_rollup").read_text()
        except OSError:
            continue
        total += next(int(row.split()[1]) for row in text.splitlines() if row.startswith("Pss:"))
    for sock in socks:
        sock.close()
    time.sleep(0.5)
    return total / 1000


def burst(path: str) -> int:
    """Return how many of 500 connections at once fail or get no byte back."""
    socks, failed = [], 0
    for dummy in range(500):
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        try:
            sock.connect(path)
            socks.append(sock)
        except OSError:
            failed += 1
    for sock in socks:
        try:
            sock.settimeout(20)
            sock.sendall(b"x")
            failed += sock.recv(1) != b"x"
        except OSError:
            failed += 1
        sock.close()
    return failed


def late_reply(path: str) -> str:
    """Tell whether a reply one second after the half-close arrives."""
    with connect(path) as sock:
        sock.settimeout(5)
        sock.sendall(b"late")
        sock.shutdown(socket.SHUT_WR)
        try:
            return "kept" if sock.recv(99) == b"answer" else "lost"
        except OSError:
            return "lost"


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 1.0
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    place = Path(tempfile.mkdtemp(prefix="gate-bench-"))
    place.chmod(0o755)
    found = {
        "streams": streams(place, rounds, seconds),
        "messages": messages(place, rounds, seconds),
    }
    shutil.rmtree(place)
    if len(sys.argv) > 3:
        Path(sys.argv[3]).write_text(json.dumps(found), encoding="utf-8")


def _rates(ways: dict[str, Route], kind: int, seconds: float, figures: Figures) -> None:
    """Measure one thing for all ways, then the next: what else the machine does hits all of them."""
    for clients, row in ((1, "connects/s, 1 client"), (8, "connects/s, 8 clients")):
        for name, (path, _pid) in ways.items():
            found = connects(path, kind, clients, seconds)
            figures.setdefault(name, {}).setdefault(row, []).append(found)
    for name, (path, _pid) in ways.items():
        half, most = round_trips(path, kind, seconds)
        figures[name].setdefault("64 B p50, µs", []).append(half)
        figures[name].setdefault("64 B p99, µs", []).append(most)
    for name, (path, pid) in ways.items():
        rate, spent = bulk(path, kind, seconds, pid)
        figures[name].setdefault("GB/s, 64 KiB", []).append(rate)
        figures[name].setdefault("CPU s/GB", []).append(spent)


def messages(place: Path, rounds: int, seconds: float) -> dict[str, dict[str, float | str]]:
    """Measure the ways for messages, SOCK_SEQPACKET."""
    figures: Figures = {}
    spot = place / "messages"
    spot.mkdir()
    with routes(spot, MESSAGES) as ways:
        for dummy in range(rounds):
            _rates(ways, MESSAGES, seconds, figures)
    print()
    table("messages", figures, {}, "socat")
    return medians(figures, {})


def streams(place: Path, rounds: int, seconds: float) -> dict[str, dict[str, float | str]]:
    """Measure the ways for streams."""
    figures: Figures = {}
    words: dict[str, dict[str, str]] = {}
    spot = place / "streams"
    spot.mkdir()
    with routes(spot, STREAM) as ways:
        for dummy in range(rounds):
            _rates(ways, STREAM, seconds, figures)
        threads = []
        for name, (path, pid) in ways.items():
            one = figures[name]
            one.setdefault("failed of a burst of 500", []).append(burst(path))
            one.setdefault("MB, 1,000 idle", []).append(idle_memory(path, pid))

            def ask(name: str = name, path: str = path) -> None:
                words.setdefault(name, {})["reply after a half-close"] = late_reply(path)

            threads.append(threading.Thread(target=ask))
            threads[-1].start()
        for thread in threads:
            thread.join()
    table("streams", figures, words, "proxyd")
    return medians(figures, words)


def medians(
    figures: Figures, words: dict[str, dict[str, str]]
) -> dict[str, dict[str, float | str]]:
    """Return by way and row one figure or word."""
    return {
        name: {**{row: round(median(each), 4) for row, each in rows.items()}, **words.get(name, {})}
        for name, rows in figures.items()
    }


def table(title: str, figures: Figures, words: dict[str, dict[str, str]], to: str) -> None:
    """Print medians, and in brackets how many times that of one way they are."""
    names = list(figures)
    print(f"{title:26}" + "".join(f"{name:>20}" for name in names))
    for row in figures["direct"]:
        cells = ""
        for name in names:
            value = median(figures[name][row])
            base = median(figures[to][row]) if to in figures else 0.0
            ratio = f"({value / base:.2f})" if base else ""
            cells += f"{value:>12,.{0 if value >= 100 else 2}f} {ratio:>7}"
        print(f"{row:26}{cells}")
    for row in next(iter(words.values()), {}):
        print(f"{row:26}" + "".join(f"{words[name][row]:>12}{'':8}" for name in names))


if __name__ == "__main__":
    main()
