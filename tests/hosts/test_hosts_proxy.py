# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The generated units of proxies and gates under a real systemd, on both Debians."""

from __future__ import annotations

import io
import os
import re
import subprocess
import tarfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import sources
from ansible_collections.unixsocket.access.plugins.module_utils._engine.keep import (
    gate_units,
    proxy_units,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.keep.gate_units import (
    GateUnits,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.keep.proxy_units import (
    PROXYD,
    ProxyUnits,
)

HOST = Path(__file__).parents[1] / "tools" / "host"
PEER = Path(__file__).with_name("proxy_peer.py")
UNITS = "/etc/systemd/system"
MOST_EXPOSED = 1.5
# What a shell, systemd or socat could take for something else.
HOSTILE = (
    "a b",
    "%n%h%%",
    "$HOME ${HOME} $$",
    "a:b,c=d,type=5",
    "a!!b",
    "\"a\" 'b'",
    "\\n\\a\\x20",
    "(a[b{c)d]e}",
    "# ; -x",
    "é€😀",
)
COMMAND_AT = "/usr/local/sbin/socket-access"
COMMAND = """\
#!/usr/bin/python3 -IS
import sys
sys.path.insert(0, "/usr/local/lib/socket-access")
from socket_access.runtime import accept
sys.exit(accept.main(sys.argv[2:]))
"""


class Box:
    """A host in a container, with this engine's acceptor."""

    def __init__(self, image: str) -> None:
        self.name = f"{os.environ.get('UNIXSOCKET_HOSTS_PREFIX', 'usa-')}units-{image}"
        # Only there do the sandboxes of units work.
        subprocess.run([HOST, "up", "--mount", image, self.name], check=True, capture_output=True)
        self.native = image != "deb12"
        kept = ("__init__.py", "shortcut.py", "errors.py", "runtime")
        library = "/usr/local/lib/socket-access/socket_access"
        self.put(
            {
                "/opt/peer.py": PEER.read_text(encoding="utf-8"),
                COMMAND_AT: COMMAND,
                **{
                    f"{library}/{name}": content.decode()
                    for name, content in sources.sources().items()
                    if name.split("/")[0] in kept
                },
            }
        )

    def run(self, *command: str, fails: bool = False) -> str:
        """Run a command there; return all that it said."""
        done = subprocess.run(
            ["podman", "exec", self.name, *command],
            stdin=subprocess.DEVNULL,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=120,
        )
        assert fails or done.returncode == 0, done.stdout
        return done.stdout

    def put(self, files: Mapping[str, str]) -> None:
        """Write files, by their paths."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for path, content in files.items():
                data = content.encode()
                member = tarfile.TarInfo(path.lstrip("/"))
                member.size, member.mode = len(data), 0o755 if path == COMMAND_AT else 0o644
                archive.addfile(member, io.BytesIO(data))
        command = ["podman", "exec", "--interactive", self.name, "tar", "--extract", "-C", "/"]
        subprocess.run(command, input=packed.getvalue(), check=True, timeout=120)

    def peer(self, what: str, *paths: str) -> str:
        """Return what a client says of endpoints."""
        return self.run("timeout", "60", "python3", "/opt/peer.py", what, *paths).strip()

    def backends(self, backends: Mapping[str, tuple[str, str]]) -> None:
        """Start backends, path and kind by their names, as units backend-NAME."""
        units, paths = {}, []
        for name, (path, kind) in backends.items():
            command = ("/usr/bin/python3", "/opt/peer.py", "backend", path, kind)
            quoted = " ".join(proxy_units.argument(word) for word in command)
            units[f"backend-{name}.service"] = f"[Service]\nExecStart={quoted}\n"
            paths.append(path)
        self.write(units)
        self.run("systemctl", "restart", *units)
        self.run("python3", "/opt/peer.py", "wait", *paths)

    def write(self, units: Mapping[str, str]) -> None:
        """Write units and tell systemd."""
        self.put({f"{UNITS}/{name}": text for name, text in units.items()})
        self.run("systemctl", "daemon-reload")

    def start(self, *proxies: ProxyUnits) -> None:
        """Write the units of proxies and start their listeners."""
        units = {}
        for one in proxies:
            units[f"{one.unit}.socket"] = proxy_units.socket_unit(one)
            units[f"{one.unit}.service"] = proxy_units.service_unit(one)
        self.write(units)
        self.run("systemctl", "restart", *(f"{one.unit}.socket" for one in proxies))

    def state(self, unit: str) -> str:
        """Return what systemd says of a unit."""
        return self.run("systemctl", "is-active", unit, fails=True).strip()


@pytest.fixture(scope="module", params=["deb12", "deb13"])
def box(request: pytest.FixtureRequest) -> Iterator[Box]:
    """A host with backends of all kinds."""
    box = Box(request.param)
    box.run("mkdir", "-p", "/srv/t", "/srv/e")
    kinds = ("stream", "seqpacket", "late", "first")
    box.backends({kind: (f"/srv/t/{kind}", kind) for kind in kinds})
    yield box
    subprocess.run([HOST, "down", box.name], check=True, capture_output=True)


@pytest.fixture(scope="module")
def engines(box: Box) -> tuple[str, ...]:
    """Each way to forward; ``accept`` is socat as if it were an old one."""
    return ("socat", "accept", PROXYD) if box.native else ("accept", PROXYD)


def proxy(box: Box, name: str, kind: str, engine: str = "socat", most: int = 512) -> ProxyUnits:
    """Return a proxy for a backend of the box."""
    return ProxyUnits(
        f"{name}-{engine}",
        f"/srv/t/{kind}",
        f"/srv/e/{name}-{engine}",
        type="seqpacket" if kind == "seqpacket" else "stream",
        engine=PROXYD if engine == PROXYD else "socat",
        native=box.native and engine == "socat",
        max_connections=most,
    )


def test_units_are_well_made_and_hardly_exposed(box: Box) -> None:
    source = "/srv/t/stream"
    proxies = [
        *(proxy(box, "exposed", "stream", engine) for engine in ("socat", "accept", PROXYD)),
        proxy(box, "exposed-messages", "seqpacket"),
        ProxyUnits("exposed-home", "/home/u/s", "/srv/e/1", native=box.native),
        ProxyUnits("exposed-user", "/tmp/s", "/srv/e/2", native=box.native, user="www-data"),
        ProxyUnits("exposed-device", "/dev/s", "/srv/e/3", native=box.native, groups=(33,)),
    ]
    gates = [
        GateUnits("exposed", "/srv/e/4", forward=source),
        GateUnits("exposed-serve", "/srv/e/5", type="seqpacket", user="www-data"),
        GateUnits("exposed-root", "/srv/e/6", user="root"),
    ]
    texts = {}
    for one in proxies:
        texts[f"{one.unit}.socket"] = proxy_units.socket_unit(one)
        texts[f"{one.unit}.service"] = proxy_units.service_unit(one)
    for gate in gates:
        texts[f"{gate.unit}.socket"] = gate_units.socket_unit(gate)
        texts[f"{gate.unit}.service"] = gate_units.service_unit(gate)
    box.write(texts)
    assert box.run("systemd-analyze", "verify", *(f"{UNITS}/{name}" for name in texts)) == ""
    for name in texts:
        if not name.endswith(".service"):
            continue
        for how in (("--offline=yes", f"{UNITS}/{name}"), (name,)):
            said = box.run("systemd-analyze", "security", "--no-pager", *how)
            found = re.search(r"Overall exposure level for .*: ([0-9.]+) ", said)
            assert found, said
            print(f"{box.name}: {name} {how[0]}: {found[1]}")
            # A command may need what nobody knows beforehand.
            serves = name.removesuffix(".service").endswith(("-serve", "-root"))
            assert float(found[1]) <= (4.0 if serves else MOST_EXPOSED)


@pytest.mark.parametrize("account", ["root", "0"])
def test_a_command_of_root_s_may_become_another_account(box: Box, account: str) -> None:
    """With User=root systemd 257 takes CAP_SETUID from a service that has a filter and no new rights."""
    gate = GateUnits(f"becomes-{account}", f"/srv/e/becomes-{account}", user=account)
    become = "/usr/bin/setpriv --reuid=33 --regid=33 --clear-groups /usr/bin/id -u"
    box.write(
        {
            f"{gate.unit}.socket": gate_units.socket_unit(gate),
            f"{gate.unit}.service": gate_units.service_unit(gate),
            f"{gate.unit}.service.d/once.conf": "[Service]\nType=oneshot\nRestart=no\nExecStart=\n"
            f"ExecStart={become}\n",
        }
    )
    box.run("systemctl", "start", f"{gate.unit}.service")
    assert box.run("journalctl", "-o", "cat", f"_SYSTEMD_UNIT={gate.unit}.service") == "33\n"


def test_streams(box: Box, engines: tuple[str, ...]) -> None:
    for engine in engines:
        one = proxy(box, "stream", "stream", engine)
        box.start(one)
        assert box.run("stat", "-c", "%U %G %a", one.at) == "root root 600\n"
        assert box.state(f"{one.unit}.service") == "inactive"
        assert box.peer("echo", one.at) == "True"
        assert box.state(f"{one.unit}.service") == "active"
        if engine != PROXYD:
            # It drops clients whenever the backend's backlog is full; the backend's holds one.
            assert box.peer("burst", one.at) == "500", engine


def test_answers_after_one_side_has_said_all(box: Box, engines: tuple[str, ...]) -> None:
    for engine in engines:
        late, first = proxy(box, "late", "late", engine), proxy(box, "first", "first", engine)
        for one in (late, first):
            box.start(one)
        # systemd-socket-proxyd closes both ways at once: known, and why it is not the default.
        assert box.peer("half", late.at) == str(engine != PROXYD), engine
        assert box.peer("first", first.at) == "True", engine


def test_messages_stay_whole(box: Box, engines: tuple[str, ...]) -> None:
    for engine in engines[:-1]:
        one = proxy(box, "messages", "seqpacket", engine)
        box.start(one)
        assert box.peer("messages", one.at) == "True", engine


@pytest.mark.parametrize("most", [1, 3])
def test_more_clients_than_there_may_be_wait(box: Box, engines: tuple[str, ...], most: int) -> None:
    for engine in engines[:-1]:
        one = proxy(box, f"crowd{most}", "stream", engine, most)
        box.start(one)
        assert box.peer("crowd", one.at) == "200", engine


def test_the_backend_may_come_and_go(box: Box, engines: tuple[str, ...]) -> None:
    proxies = [proxy(box, "gone", "gone", engine) for engine in engines]
    box.backends({"gone": ("/srv/t/gone", "stream")})
    box.start(*proxies)
    for one in proxies:
        assert box.peer("echo", one.at) == "True"
    box.run("systemctl", "stop", "backend-gone")
    for one in proxies:
        # More often than a unit may be started by systemd's defaults.
        assert box.peer("refused", one.at) == "30"
    box.run("rm", "/srv/t/gone")
    for one in proxies:
        assert box.peer("echo", one.at) == "False"
        assert box.state(f"{one.unit}.service") == box.state(f"{one.unit}.socket") == "active"
    box.backends({"gone": ("/srv/t/gone", "stream")})
    for one in proxies:
        assert box.peer("echo", one.at) == "True"


def test_a_service_that_dies_comes_back_and_stop_ends_both(
    box: Box, engines: tuple[str, ...]
) -> None:
    for engine in engines:
        one = proxy(box, "dies", "stream", engine)
        box.start(one)
        for dummy in range(3):
            assert box.peer("echo", one.at) == "True"
            box.run("systemctl", "kill", "--signal=KILL", f"{one.unit}.service")
        assert box.peer("echo", one.at) == "True"
        started = time.monotonic()
        box.run("systemctl", "stop", f"{one.unit}.socket")
        assert time.monotonic() - started < 4
        assert box.state(f"{one.unit}.service") == box.state(f"{one.unit}.socket") == "inactive"
        assert one.at.rsplit("/", 1)[1] not in box.run("ls", "/srv/e").split()


def test_no_name_is_misread(box: Box, engines: tuple[str, ...]) -> None:
    paths = []
    for number, name in enumerate(HOSTILE):
        source = f"/srv/t/{number}/{name}"
        paths.append(f"{source}{'x' * (107 - len(source.encode()))}")
        assert len(paths[-1].encode()) == 107
    box.run("mkdir", "-p", *(f"/srv/t/{number}" for number in range(len(HOSTILE))))
    box.backends({str(number): (path, "stream") for number, path in enumerate(paths)})
    proxies = [
        ProxyUnits(
            f"named-{number}-{engine}",
            source,
            f"/srv/e/{number}-{engine}{HOSTILE[number]}",
            engine=PROXYD if engine == PROXYD else "socat",
            native=engine == "socat",
        )
        for number, source in enumerate(paths)
        for engine in engines
    ]
    box.start(*proxies)
    answers = box.peer("echo", *(one.at for one in proxies)).split()
    assert dict(zip((one.at for one in proxies), answers)) == {one.at: "True" for one in proxies}
