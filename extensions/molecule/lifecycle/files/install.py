# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The users, units and daemons of the scenario, made and removed in one go.

install.py install     makes and starts all, and keeps a snapshot
install.py remove      takes all away
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

LIFE = os.path.dirname(os.path.abspath(__file__))
UNITS = "/etc/systemd/system"
REDIS = "/etc/redis/redis.conf"
# A container may not make the user namespace that Debian's unit asks for.
REDIS_DROP_IN = f"{UNITS}/redis-server.service.d/life.conf"
OWNER = "life-carol"
MADE_AT_BOOT = "/etc/tmpfiles.d/life-own.conf"
USERS = ("life-daemon", "life-alice", "life-bob", "life-dave", "life-mallory")
LISTEN = "unixsocket /run/redis/redis-server.sock\n"

# Services with their own rights for the directory, and options of daemon.py.
SERVICES: dict[str, tuple[str, str]] = {
    "life-late": ("0755", "--umask 0022 --late 0777"),
    "life-hup-wide": ("0755", "--umask 0000 --again"),
    "life-hup-narrow": ("0755", "--umask 0077 --again"),
    "life-closed": ("0700", "--umask 0077"),
    "life-nounit": ("0755", "--umask 0077"),
    "life-born": ("0755", ""),
    # These are started by what tests them.
    "life-fight": ("0755", "--umask 0022 --fight 0777"),
    "life-mute": ("0755", "--mute"),
    "life-strict": ("0755", "--mute"),
    "life-gone": ("0755", "--umask 0077"),
}
LATER = ("life-fight", "life-mute", "life-strict", "life-gone")
AGAIN = "Restart=on-failure\n"
SOCKETS = ("life-socket-group", "life-socket-acl")
OWN_SERVICE, OWN_SOCKET = "life-own-service", "life-own-socket"


def run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def write(path: str, text: str, owner: str = "root") -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    user = pwd.getpwnam(owner)
    os.chown(path, user.pw_uid, user.pw_gid)


def service(path: str, options: str, more: str, target: str = "multi-user.target") -> str:
    return f"""[Service]
ExecStart=/usr/bin/python3 {LIFE}/daemon.py {path} {options}
ExecReload=/bin/kill -HUP $MAINPID
{more}
[Install]
WantedBy={target}
"""


def socket(path: str) -> str:
    return f"[Socket]\nListenStream={path}\n\n[Install]\nWantedBy=sockets.target\n"


def write_units(daemons: list[dict[str, Any]]) -> None:
    as_daemon = "User=life-daemon\n"
    for name, (mode, options) in SERVICES.items():
        more = f"{as_daemon}RuntimeDirectory={name}\nRuntimeDirectoryMode={mode}\n"
        more += "" if name in LATER else AGAIN
        write(f"{UNITS}/{name}.service", service(f"/run/{name}/socket", options, more))
    for name in SOCKETS:
        path = f"/run/{name}/socket"
        write(f"{UNITS}/{name}.socket", socket(path))
        write(
            f"{UNITS}/{name}.service",
            f"[Unit]\nRequires={name}.socket\n" + service(path, "", as_daemon + AGAIN),
        )
    own, target = f"/home/{OWNER}/.config/systemd/user", "default.target"
    write(
        f"{own}/{OWN_SERVICE}.service",
        service("/run/life-own/service", "--umask 0022", AGAIN, target),
        OWNER,
    )
    write(f"{own}/{OWN_SOCKET}.socket", socket("/run/life-own/socket"), OWNER)
    text = f"[Unit]\nRequires={OWN_SOCKET}.socket\n" + service(
        "/run/life-own/socket", "", AGAIN, target
    )
    write(f"{own}/{OWN_SOCKET}.service", text, OWNER)
    run("chown", "-R", f"{OWNER}:", f"/home/{OWNER}")
    write(MADE_AT_BOOT, f"d /run/life-own 0755 {OWNER} {OWNER}\n")
    write(REDIS_DROP_IN, "[Service]\nPrivateUsers=no\n")
    write(php_drop_in(daemons), "[Service]\nTimeoutStopSec=5\n")
    paths = " ".join(daemon["path"] for daemon in daemons)
    write(
        f"{UNITS}/life-clients.service",
        f"""[Unit]
Description=Clients that try to connect from the first moment of a boot on
DefaultDependencies=no

[Service]
ExecStart=/usr/bin/python3 {LIFE}/clients.py watch /var/lib/life/boot.json {paths}

[Install]
WantedBy=sysinit.target
""",
    )


def php_drop_in(daemons: list[dict[str, Any]]) -> str:
    """With the first version of cgroups systemd may not hear that the last worker is gone."""
    unit = next(daemon["unit"] for daemon in daemons if daemon["name"] == "php-fpm")
    return f"{UNITS}/{unit}.d/life.conf"


def names(daemons: list[dict[str, Any]], user: str | None) -> list[str]:
    units = [daemon["unit"] for daemon in daemons if daemon.get("user") == user]
    return units + [
        unit.replace(".socket", ".service") for unit in units if unit.endswith(".socket")
    ]


def install(daemons: list[dict[str, Any]]) -> None:
    run("groupadd", "--system", "life-readers")
    for name in USERS:
        run("useradd", "--system", "--user-group", "--shell", "/usr/sbin/nologin", name)
    run("useradd", "--create-home", "--user-group", OWNER)
    os.makedirs("/var/lib/life", exist_ok=True)
    write_units(daemons)
    with open(REDIS, "a", encoding="utf-8") as file:
        file.write(LISTEN)
    run("systemd-tmpfiles", "--create", MADE_AT_BOOT)
    run("loginctl", "enable-linger", OWNER)
    run("systemctl", "daemon-reload")
    run("systemctl", "--quiet", "enable", "life-clients.service")
    run("systemctl", "--quiet", "enable", "--now", *names(daemons, None))
    private = f"/run/user/{pwd.getpwnam(OWNER).pw_uid}/systemd/private"
    wait(f"The user's manager's {private}", partial(os.path.exists, private))
    run(
        "systemctl",
        "--user",
        "-M",
        f"{OWNER}@.host",
        "--quiet",
        "enable",
        "--now",
        *names(daemons, OWNER),
    )
    for daemon in daemons:
        wait(daemon["path"], partial(os.path.exists, daemon["path"]))
    (late,) = (daemon["path"] for daemon in daemons if daemon["name"] == "late")
    wait(f"The late mode of {late}", lambda: os.stat(late).st_mode & 0o777 == 0o777)
    run("/usr/bin/python3", f"{LIFE}/snapshot.py", "take", "/var/lib/life/before.json")
    # It is gone again before anything is compared.
    run("groupadd", "--system", "life-gone")


def wait(what: str, is_there: Callable[[], bool]) -> None:
    for dummy in range(600):
        if is_there():
            return
        time.sleep(0.05)
    raise SystemExit(f"{what} did not come.")


def remove(daemons: list[dict[str, Any]]) -> None:
    units = [*names(daemons, None), *(f"{name}.service" for name in LATER), "life-clients.service"]
    subprocess.run(["systemctl", "--quiet", "disable", "--now", *units], check=True)
    subprocess.run(["systemctl", "reset-failed"], check=False)
    run("loginctl", "disable-linger", OWNER)
    # With the first version of cgroups nobody tells systemd in a container that the manager has ended.
    run("systemctl", "--no-block", "stop", f"user@{pwd.getpwnam(OWNER).pw_uid}.service")
    while (
        subprocess.run(["pgrep", "--uid", OWNER], check=False, stdout=subprocess.DEVNULL).returncode
        == 0
    ):
        time.sleep(0.05)
    for name in (*SERVICES, *SOCKETS, "life-clients"):
        for kind in ("service", "socket"):
            if os.path.exists(f"{UNITS}/{name}.{kind}"):
                os.unlink(f"{UNITS}/{name}.{kind}")
    for path in (REDIS_DROP_IN, php_drop_in(daemons)):
        shutil.rmtree(os.path.dirname(path))
    os.unlink(MADE_AT_BOOT)
    with open(REDIS, encoding="utf-8") as file:
        text = file.read()
    write(REDIS, text.replace(LISTEN, ""), "redis")
    for directory in ("/run/life-own", "/var/lib/life"):
        shutil.rmtree(directory)
    for name in USERS:
        run("userdel", name)
    subprocess.run(["userdel", "--remove", OWNER], check=True, stderr=subprocess.DEVNULL)
    run("groupdel", "life-readers")
    subprocess.run(["groupdel", "life-gone"], check=False, stderr=subprocess.DEVNULL)
    run("systemctl", "daemon-reload")
    shutil.rmtree(LIFE)


def main() -> None:
    with open(f"{LIFE}/daemons.json", encoding="utf-8") as file:
        daemons = json.load(file)
    {"install": install, "remove": remove}[sys.argv[1]](daemons)


if __name__ == "__main__":
    main()
