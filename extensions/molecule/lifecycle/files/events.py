# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to daemons, and who could connect meanwhile.

events.py one        one event after the other for one daemon after the other
events.py wiped      all daemons stopped, their part of /run wiped and made anew, all started
events.py booted     reads what the clients saw while the host was booting
events.py restart    restarts all daemons, and looks at nothing

The daemons are in daemons.json, beside this file.  Prints JSON: "rows", one for each daemon and
event, with the windows in milliseconds, and "problems", in sentences.
"""

from __future__ import annotations

import glob
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from clients import Log, Watchers, probe

DECLARED = {"root": "ok", "life-alice": "ok", "life-bob": "EACCES", "life-mallory": "EACCES"}
STRANGERS = ("life-bob", "life-mallory")
BOOT_LOG = "/var/lib/life/boot.json"
PATIENCE = 60.0
# Milliseconds.  Three seconds are far more than one hook needs, a second look at what a .path unit has
# missed included; ten are its deadline.  Where all daemons
# start at once, their hooks wait for each other, and give up after a minute.
WIDEST, NARROWEST, AT_ONCE = 3000.0, 10000.0, 60000.0


@dataclass(frozen=True)
class Daemon:
    """A daemon of this scenario.

    ``renews`` where a reload makes the socket anew, ``never_wider`` where it is to be born as declared.
    """

    name: str
    path: str
    unit: str
    hook: str
    user: str | None = None
    reload: bool = False
    renews: bool = False
    package: str | None = None
    never_wider: bool = False
    settles: float = 0.3

    def systemctl(self, *arguments: str) -> str:
        scope = [] if self.user is None else ["--user", "-M", f"{self.user}@.host"]
        return run("systemctl", *scope, *arguments)

    @property
    def service(self) -> str:
        return self.unit.replace(".socket", ".service")

    @property
    def units(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.unit, self.service)))


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout


def restart(daemon: Daemon) -> None:
    daemon.systemctl("restart", *daemon.units)


def reload(daemon: Daemon) -> None:
    daemon.systemctl("reload", daemon.service)


def kill(daemon: Daemon) -> None:
    """As a crash; Restart= starts it again, or else the administrator."""
    daemon.systemctl("kill", "--signal=KILL", daemon.service)
    if daemon.systemctl("show", "--property=Restart", daemon.service).strip() == "Restart=no":
        while (
            daemon.systemctl("show", "--property=ActiveState", daemon.service)
            == "ActiveState=active\n"
        ):
            time.sleep(0.01)
        daemon.systemctl("start", daemon.service)


def stop_and_start(daemon: Daemon) -> None:
    daemon.systemctl("stop", *daemon.units)
    time.sleep(0.05)
    daemon.systemctl("start", *daemon.units)


def install_again(daemon: Daemon) -> None:
    (package,) = glob.glob(f"/opt/packages/{daemon.package}")
    run("env", "DEBIAN_FRONTEND=noninteractive", "dpkg", "--force-confold", "--install", package)


EVENTS: tuple[tuple[str, Callable[[Daemon], None], Callable[[Daemon], bool]], ...] = (
    ("restart", restart, lambda daemon: True),
    ("reload", reload, lambda daemon: daemon.reload),
    ("kill -9", kill, lambda daemon: True),
    ("stop, start", stop_and_start, lambda daemon: True),
    ("package installed again", install_again, lambda daemon: daemon.package is not None),
)


def one_by_one(daemons: list[Daemon]) -> tuple[list[dict[str, object]], list[str]]:
    rows, problems = [], []
    for event, cause, concerns in EVENTS:
        for daemon in filter(concerns, daemons):
            problems += differs(f"before {event}", [daemon])
            watchers = Watchers([daemon.path])
            watchers.start()
            before = changed(daemon.path)
            cause(daemon)
            wait([daemon], before if comes_later(event, daemon) else None)
            log = watchers.stop()
            problems += differs(f"after {event}", [daemon])
            row, wrong = judge(event, daemon, log, WIDEST, NARROWEST)
            rows.append(row)
            problems += wrong
    return rows, problems


def wiped(daemons: list[Daemon]) -> tuple[list[dict[str, object]], list[str]]:
    """What a reboot does to sockets and to the directories that they are in."""
    problems = differs("before /run was wiped", daemons)
    watchers = Watchers(daemon.path for daemon in daemons)
    watchers.start()
    for daemon in daemons:
        daemon.systemctl("stop", *daemon.units)
    for directory in {*(os.path.dirname(daemon.path) for daemon in daemons), "/run/socket-access"}:
        shutil.rmtree(directory, ignore_errors=True)
    run("systemd-tmpfiles", "--create")
    for user in sorted({daemon.user for daemon in daemons}, key=str):
        units = [unit for daemon in daemons if daemon.user == user for unit in daemon.units]
        next(daemon for daemon in daemons if daemon.user == user).systemctl("start", *units)
    wait(daemons, None)
    return all_at_once("/run wiped", daemons, watchers.stop(), problems)


def booted(daemons: list[Daemon]) -> tuple[list[dict[str, object]], list[str]]:
    wait(daemons, None)
    run("systemctl", "stop", "life-clients.service")
    with open(BOOT_LOG, encoding="utf-8") as file:
        log = json.load(file)
    return all_at_once("host restarted", daemons, log, [])


def restart_all(daemons: list[Daemon]) -> tuple[list[dict[str, object]], list[str]]:
    for daemon in daemons:
        restart(daemon)
    time.sleep(max(daemon.settles for daemon in daemons))
    return [], []


def all_at_once(
    event: str, daemons: list[Daemon], log: Log, problems: list[str]
) -> tuple[list[dict[str, object]], list[str]]:
    rows = []
    for daemon in daemons:
        row, wrong = judge(event, daemon, log, AT_ONCE, AT_ONCE)
        rows.append(row)
        problems += wrong
    return rows, problems + differs(f"after {event}", daemons)


def differs(when: str, daemons: list[Daemon]) -> list[str]:
    found = probe(daemon.path for daemon in daemons)
    return [
        f"{daemon.name}, {when}: {found[daemon.path]}, {state(daemon.path)}"
        for daemon in daemons
        if found[daemon.path] != DECLARED
    ]


def state(path: str) -> str:
    done = subprocess.run(
        ["ls", "-ld", os.path.dirname(path), path], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def comes_later(event: str, daemon: Daemon) -> bool:
    """Tell whether systemctl(1) does not wait for the new socket that an event leads to."""
    if event == "kill -9":
        return daemon.unit == daemon.service
    return event == "reload" and daemon.renews


def changed(path: str) -> int | None:
    try:
        return os.stat(path).st_ctime_ns
    except OSError:
        return None


def wait(daemons: list[Daemon], before: int | None) -> None:
    """Wait until all is as declared, and some time more for what comes late.

    ``before`` is when the socket that is to go changed last, which is as declared still.
    """
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        paths = [daemon.path for daemon in daemons]
        if before is not None and changed(paths[0]) == before:
            time.sleep(0.01)
        elif all(one == DECLARED for one in probe(paths).values()):
            break
        else:
            time.sleep(0.03)
    time.sleep(max(daemon.settles for daemon in daemons))


def judge(
    event: str, daemon: Daemon, log: Log, widest: float, narrowest: float
) -> tuple[dict[str, object], list[str]]:
    """Return the windows of one daemon, and what is wrong with them.

    Wider: how long a stranger could connect.  Narrower: how long the declared one was refused while
    the daemon listened.  Down: how long nobody listened.
    """
    up = spans(log, "root", daemon.path, "ok")
    wider = {who: length(spans(log, who, daemon.path, "ok")) for who in STRANGERS}
    refused = spans(log, "life-alice", daemon.path, "EACCES")
    narrower = length(both(up, refused))
    seen = log["root"][daemon.path]
    row = {
        "event": event,
        "daemon": daemon.name,
        "hook": daemon.hook,
        "wider": round(max(wider.values()), 1),
        "narrower": round(narrower, 1),
        "down": round(length([(one[0], one[1]) for one in seen]) - length(up), 1),
    }
    problems = []
    limit = 0.0 if daemon.never_wider else widest
    for who, milliseconds in wider.items():
        if milliseconds > limit or (daemon.never_wider and spans(log, who, daemon.path, "ok")):
            problems.append(
                f"{daemon.name}, {event}: {who} could connect for {milliseconds:.1f} ms"
            )
    if narrower >= narrowest:
        problems.append(f"{daemon.name}, {event}: life-alice was refused for {narrower:.1f} ms")
    return row, problems


def spans(log: Log, who: str, path: str, result: str) -> list[tuple[float, float]]:
    return [(one[0], one[1]) for one in log[who][path] if one[2] == result]


def length(of: list[tuple[float, float]]) -> float:
    return sum(end - begin for begin, end in of) * 1000


def both(
    some: list[tuple[float, float]], others: list[tuple[float, float]]
) -> list[tuple[float, float]]:
    pairs = [(max(a[0], b[0]), min(a[1], b[1])) for a in some for b in others]
    return [(begin, end) for begin, end in pairs if begin < end]


def main() -> None:
    beside = os.path.dirname(os.path.abspath(__file__))
    with open(f"{beside}/daemons.json", encoding="utf-8") as file:
        daemons = [Daemon(**one) for one in json.load(file)]
    what = {
        "one": one_by_one,
        "wiped": wiped,
        "booted": booted,
        "restart": restart_all,
    }
    chosen = [one for one in daemons if not sys.argv[2:] or one.name in sys.argv[2:]]
    rows, problems = what[sys.argv[1]](chosen)
    print(
        json.dumps({"rows": rows, "problems": problems, "daemons": [asdict(one) for one in chosen]})
    )


if __name__ == "__main__":
    main()
