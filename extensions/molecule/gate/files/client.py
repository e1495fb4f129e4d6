# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What callers do at gates. Run as root: client.py WHAT [ARGUMENT...]; prints JSON, what came of it."""

from __future__ import annotations

import contextlib
import grp
import json
import os
import pwd
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import connect

REDIS, MESSAGE, ECHO = (f"/run/gates/{name}.sock" for name in ("redis", "message", "echo"))
ASK, UPDATE = "/run/gates/ask.sock", "/run/config-update.sock"
SEQPACKET = socket.SOCK_SEQPACKET
PATIENCE = 30.0


class As:
    """A process of a user that does one thing after the other, and keeps its groups meanwhile."""

    def __init__(self, user: str, groups: list[int] | None = None) -> None:
        mine, its = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            mine.close()
            connect.become(user, groups)
            with its.makefile("rw") as line:
                for asked in line:
                    name, *arguments = json.loads(asked)
                    line.write(json.dumps(ACTS[name](*arguments)) + "\n")
                    line.flush()
            os._exit(0)
        its.close()
        self.line = mine.makefile("rw")
        mine.close()

    def begin(self, act: Callable[..., Any], *arguments: Any) -> None:
        self.line.write(json.dumps([act.__name__, *arguments]) + "\n")
        self.line.flush()

    def result(self) -> Any:
        return json.loads(self.line.readline())

    def __call__(self, act: Callable[..., Any], *arguments: Any) -> Any:
        self.begin(act, *arguments)
        return self.result()

    def end(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self.line.close()
        os.waitpid(self.pid, 0)


def once(user: str, act: Callable[..., Any], *arguments: Any, groups: Any = None) -> Any:
    process = As(user, groups)
    try:
        return process(act, *arguments)
    finally:
        process.end()


@contextlib.contextmanager
def connected(path: str, kind: int) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, kind) as sock:
        sock.settimeout(PATIENCE)
        sock.connect(path)
        yield sock


def stream(path: str, request: str, least: int = 1) -> str:
    """Send all of it and return what comes back until the end, or at least so many bytes."""
    try:
        with connected(path, socket.SOCK_STREAM) as sock:
            sock.sendall(request.encode())
            if least == 1:
                sock.shutdown(socket.SHUT_WR)
            got = b""
            while part := sock.recv(65536):
                got += part
                if 1 < least <= len(got):
                    break
            return got.decode()
    except OSError as error:
        return type(error).__name__


def bulk(path: str, size: int) -> int:
    """Return how many bytes come back of a value that redis is given and asked for."""
    key = "*3\r\n$3\r\nSET\r\n$4\r\nbulk\r\n"
    ask = "*2\r\n$6\r\nGETDEL\r\n$4\r\nbulk\r\n"
    around = len(f"+OK\r\n${size}\r\n\r\n")
    return len(stream(path, f"{key}${size}\r\n{'x' * size}\r\n{ask}", size + around)) - around


def message(path: str, request: str) -> str:
    try:
        with connected(path, SEQPACKET) as sock:
            sock.send(request.encode())
            return sock.recv(1 << 18).decode()
    except OSError as error:
        return type(error).__name__


def same(path: str, *sizes: int) -> list[int]:
    """Return which messages came back as they were, all on one connection."""
    came = []
    with connected(path, SEQPACKET) as sock:
        for size in sizes:
            sent = os.urandom(size)
            try:
                sock.send(sent)
                if sock.recv(1 << 18) == sent:
                    came.append(size)
            except OSError:
                break
    return came


def pass_descriptor(path: str, kind: int) -> str:
    try:
        with connected(path, kind) as sock, open("/dev/null", "rb") as file:
            socket.send_fds(sock, [b"take this"], [file.fileno()])
            return sock.recv(65536).decode()
    except OSError as error:
        return type(error).__name__


def send_nothing(path: str) -> str:
    with connected(path, SEQPACKET) as sock:
        sock.send(b"")
        return sock.recv(65536).decode()


def stay_silent(path: str) -> float:
    """Return after how many seconds somebody who never sends is sent away."""
    begun = time.monotonic()
    with connected(path, socket.SOCK_STREAM) as sock:
        sock.recv(1)
        return time.monotonic() - begun


def hold(path: str, number: int) -> int:
    """Have so many idle connections; they end with the process."""
    for dummy in range(number):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(path)
        HELD.append(sock)
    return number


def echoes_through_held() -> list[str]:
    found = []
    for sock in HELD:
        sock.settimeout(PATIENCE)
        sock.send(b"still here")
        found.append(sock.recv(100).decode())
    return found


def flood(path: str, seconds: float) -> int:
    """Ask as fast as it goes, from four processes; return how often the reply was right."""
    count = 0
    pipes = []
    for dummy in range(4):
        reading, writing = os.pipe()
        if os.fork() == 0:
            end = time.monotonic() + seconds
            right = 0
            while time.monotonic() < end:
                right += "x" in stream(path, "long 3")
            os.write(writing, str(right).encode())
            os._exit(0)
        os.close(writing)
        pipes.append(reading)
    for reading in pipes:
        count += int(os.read(reading, 100))
        os.close(reading)
        os.wait()
    return count


HELD: list[socket.socket] = []
ACTS = {
    act.__name__: act
    for act in (stream, message, same, pass_descriptor, send_nothing, stay_silent, hold)
}
ACTS.update((act.__name__, act) for act in (bulk, echoes_through_held, flood))


def main_pid(name: str) -> int:
    """Return the process of the gate whose unit's name begins like that."""
    units = f"socket-access-gate-{name}*.service"
    shown = subprocess.run(
        ["systemctl", "show", "--property=MainPID", "--value", units],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(shown.stdout.split()[0])


def resident(name: str) -> int:
    """Return the memory of a gate, in KiB."""
    with open(f"/proc/{main_pid(name)}/status", encoding="ascii") as file:
        return int(re.findall(r"VmRSS:\s+(\d+)", file.read())[0])


def records(since: float, *matches: str, least: int = 1) -> list[dict[str, str]]:
    """Return what the journal has of gates since then; a caller can be gone before that is said."""
    ends = time.monotonic() + PATIENCE
    while True:
        subprocess.run(["journalctl", "--sync"], check=False)
        shown = subprocess.run(
            ["journalctl", "--output=json", f"--since=@{since:.6f}", "--no-pager", *matches],
            capture_output=True,
            text=True,
            check=True,
        )
        found = [json.loads(line) for line in shown.stdout.splitlines()]
        if len(found) >= least or time.monotonic() > ends:
            return found
        time.sleep(0.1)


def who() -> dict[str, object]:
    """Everyone at every gate."""
    users = ("app", "reports", "visitor", "helper", "www-data", "nobody", "root")
    show = '{"verb": "show"}'
    found: dict[str, object] = {}
    for name, act, arguments, good in (
        ("redis", stream, (REDIS, "PING\r\n"), "+PONG\r\n"),
        ("message", message, (MESSAGE, "hello"), "hello"),
        ("echo", stream, (ECHO, "hello"), "hello"),
        ("ask", stream, (ASK, "who"), "0"),
        ("update", message, (UPDATE, show), '{"ok": true'),
    ):
        answers = {user: once(user, act, *arguments) for user in users}
        found[name] = [
            user
            for user in users
            if answers[user].startswith(good)
            or (name == "ask" and re.match(r"\d+ / True \d+ \d+ \d+ " + user, answers[user]))
        ]
    return found


def limits() -> dict[str, object]:
    return {
        "bulk": once("reports", bulk, REDIS, 8 << 20),
        "messages": once("app", same, MESSAGE, 1, 4096, 65536, 100000),
        "message too long": once("app", same, MESSAGE, 100, 100001, 5),
        "descriptor to a daemon": once("app", pass_descriptor, MESSAGE, SEQPACKET),
        "descriptor to a daemon's stream": once("app", pass_descriptor, ECHO, socket.SOCK_STREAM),
        "descriptor to a command": once("www-data", pass_descriptor, UPDATE, SEQPACKET),
        "request too long": once("www-data", message, UPDATE, "x" * 2049),
        "request empty": once("www-data", send_nothing, UPDATE),
        "failed": once("app", stream, ASK, "fail"),
        "too late": once("app", stream, ASK, "sleep 20"),
        "long": len(once("app", stream, ASK, "long 1000000")),
        "wrong type": once("app", message, ECHO, "x"),
    }


def refused_requests() -> list[str]:
    """Return what the update server says to requests that it must refuse."""
    wrong = (
        "", " ", "{", "[]", "null", "1", '"show"', "{}", '{"verb": "drop"}', '{"verb": "show", "x": 1}',
        '{"verb": "set", "key": "maintenance"}', '{"verb": "set", "key": "maintenance", "value": 1}',
        '{"verb": "set", "key": "maintenance", "value": "true"}',
        '{"verb": "set", "key": "items_per_page", "value": true}',
        '{"verb": "set", "key": "items_per_page", "value": 1e400}',
        '{"verb": "set", "key": "items_per_page", "value": NaN}',
        '{"verb": "set", "key": "items_per_page", "value": 201}',
        '{"verb": "set", "key": "items_per_page", "value": 5, "value": 6}',
        '{"verb": "set", "key": "../../etc/passwd", "value": 1}',
        '{"verb": "set", "key": ["banner"], "value": "x"}',
        '{"verb": "set", "key": "banner", "value": "two\\nlines"}',
        '{"verb": "set", "key": "banner", "value": "' + "x" * 201 + '"}',
        '{"verb": "set", "key": "banner", "value": "\\ud800"}',
        "[" * 2000,
    )  # fmt: skip
    return [once("www-data", message, UPDATE, one) for one in wrong if one]


def namespaces() -> dict[str, object]:
    """Callers in other user and process namespaces: the kernel tells the gate who they are here."""
    ask = "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); "
    ask += "s.send(b'hello'); sys.stdout.write(s.recv(9).decode())"
    found: dict[str, object] = {}
    for name, user, options in (
        ("its own users, as root there", "app", ["--user", "--map-root-user"]),
        ("its own users, unmapped", "app", ["--user"]),
        ("its own processes", "app", ["--pid", "--fork"]),
        ("both", "app", ["--user", "--map-root-user", "--pid", "--fork"]),
        ("root of its own users", "visitor", ["--user", "--map-root-user"]),
        ("root without its rights", "root", ["--user"]),
    ):
        begun = time.time()
        groups = ["--clear-groups"] if user == "visitor" else ["--init-groups"]
        account = pwd.getpwnam(user)
        way = ["unshare", *options]
        ids = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", *groups]
        # Root makes the process namespace, and the user himself that of users.
        order = [*ids, *way] if "--user" in options else [*way, *ids]
        done = subprocess.run(
            [*order, "python3", "-c", ask, ECHO], capture_output=True, text=True, check=False
        )
        (seen,) = records(begun, "SOCKET_ACCESS_NAME=" + NAMES["echo"])
        found[name] = {
            "answer": done.stdout,
            "who": pwd.getpwuid(int(seen["PEER_UID"])).pw_name,
            "pid": int(seen["PEER_PID"]) > 0,
            "verdict": seen["VERDICT"],
        }
    return found


def groups() -> dict[str, object]:
    """A member of a group that may come in, and what is left of it when he is no member any more."""
    gid = grp.getgrnam("monitoring").gr_gid
    before = As("visitor")
    found: dict[str, object] = {"a member": before(stream, ECHO, "hello")}
    subprocess.run(["gpasswd", "--delete", "visitor", "monitoring"], check=True, stdout=2)
    try:
        found["a process from before"] = before(stream, ECHO, "hello")
        found["a process from after"] = once("visitor", stream, ECHO, "hello")
    finally:
        subprocess.run(["gpasswd", "--add", "visitor", "monitoring"], check=True, stdout=2)
        before.end()
    found["a process from after that"] = once("visitor", stream, ECHO, "hello")
    many = [*range(70000, 70300), gid]
    found["300 groups, the right one among them"] = once(
        "visitor", stream, ECHO, "hello", groups=many
    )
    found["300 others"] = once("visitor", stream, ECHO, "hello", groups=many[:-1])
    return found


def silent() -> dict[str, object]:
    process = As("app")
    process.begin(stay_silent, ASK)
    begun = time.monotonic()
    right = once("app", stream, ASK, "long 3") == "xxx\n"
    meanwhile = time.monotonic() - begun
    seconds = process.result()
    process.end()
    return {"seconds": seconds, "others": right, "meanwhile": meanwhile}


def idle() -> dict[str, object]:
    before = resident("echo")
    process = As("app")
    held = process(hold, ECHO, 1000)
    begun = time.monotonic()
    right = once("visitor", stream, ECHO, "hello")
    seconds = time.monotonic() - begun
    after = resident("echo")
    process.end()
    return {"held": held, "other": right, "seconds": seconds, "before": before, "after": after}


def flooded() -> dict[str, object]:
    process = As("app")
    process.begin(flood, ASK, 4.0)
    time.sleep(1)
    took = []
    right = 0
    for dummy in range(5):
        begun = time.monotonic()
        right += once("reports", stream, ASK, "long 3") == "xxx\n"
        took.append(round(time.monotonic() - begun, 3))
    count = process.result()
    process.end()
    return {"flood": count, "right": right, "longest": max(took)}


def journal() -> dict[str, object]:
    """What the journal says of one caller of each kind."""
    begun = time.time()
    once("app", stream, ECHO, "hello")
    once("helper", stream, ECHO, "hello")
    once("www-data", message, UPDATE, '{"verb": "show"}')
    once("app", stream, ASK, "fail")
    fields = ("SOCKET_ACCESS_NAME", "PEER_UID", "PEER_COMM", "BYTES_IN", "BYTES_OUT", "VERDICT")
    fields += ("REASON", "EXIT_STATUS", "PRIORITY", "SYSLOG_IDENTIFIER", "MESSAGE")
    found = records(begun, "SYSLOG_IDENTIFIER=socket-access", least=5)
    return {
        "records": [{key: one.get(key) for key in fields} for one in found],
        "complete": all({"PEER_GID", "PEER_PID", "PEER_UNIT"} <= one.keys() for one in found),
        "seconds": [float(one["SECONDS"]) for one in found if "SECONDS" in one],
    }


def stopped() -> dict[str, object]:
    """systemctl stop while a request is being carried out."""
    process = As("app")
    process.begin(stream, ASK, "sleep 2")
    time.sleep(1)
    begun = time.monotonic()
    subprocess.run(["systemctl", "stop", "socket-access-gate-ask.service"], check=True)
    took = time.monotonic() - begun
    reply = process.result()
    process.end()
    # Its socket is there all the same, so the next caller starts it again.
    return {"reply": reply, "took": took, "next": once("app", stream, ASK, "long 3")}


def backend() -> dict[str, object]:
    """The daemon behind a gate goes away and comes back."""
    process = As("app")
    process(hold, ECHO, 2)
    found: dict[str, object] = {"before": process(echoes_through_held)}
    pid = main_pid("echo")
    subprocess.run(["systemctl", "stop", "echo.service"], check=True)
    begun = time.time()
    found["down"] = once("app", stream, ECHO, "hello")
    found["reasons"] = sorted(
        {one["REASON"] for one in records(begun, "SOCKET_ACCESS_NAME=" + NAMES["echo"])}
    )
    subprocess.run(["systemctl", "start", "echo.service"], check=True)
    found["again"] = once("app", stream, ECHO, "hello")
    found["the same gate"] = main_pid("echo") == pid
    process.end()
    return found


def reread(rules: str) -> dict[str, object]:
    """The rules change while somebody is connected: visitor comes, app goes."""
    process = As("app")
    process(hold, ECHO, 3)
    # connect() returns before the gate has looked at who calls (unix(7)).
    process(echoes_through_held)
    pid = main_pid("echo")
    with open(rules, encoding="utf-8") as file:
        before = file.read()
    changed = {**json.loads(before), "users": ["nobody"], "groups": []}
    found: dict[str, object] = {}
    for text in (json.dumps(changed), before):
        with open(rules + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(rules + ".new", rules)
        time.sleep(1.2)
        found[f"new callers {len(found) // 2}"] = [
            once(user, stream, ECHO, "hello") for user in ("app", "nobody")
        ]
        found[f"held {len(found) // 2}"] = process(echoes_through_held)
    process.end()
    found["the same gate"] = main_pid("echo") == pid
    return found


def names() -> dict[str, str]:
    found = {}
    for file in os.listdir("/etc/socket-access/gates"):
        found[file.partition(".")[0]] = file[: -len(".json")]
    return found


if __name__ == "__main__":
    NAMES = names()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    signal.alarm(120)
    does: dict[str, Callable[..., Any]] = {
        one.__name__: one
        for one in (who, limits, refused_requests, namespaces, groups, silent, idle, flooded)
    }
    does.update((one.__name__, one) for one in (journal, stopped, backend, reread))
    print(json.dumps(does[sys.argv[1]](*sys.argv[2:])))
