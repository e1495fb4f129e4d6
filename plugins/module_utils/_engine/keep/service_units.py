# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What the units of proxies and gates have in common: the listener, quoting, and the sandbox.

Sources: systemd.socket(5), systemd.service(5), systemd.exec(5), systemd.syntax(7).
"""

from __future__ import annotations

from ..errors import AccessError
from ..shortcut import FIRST_LINE

_NAMES_OF_ROOT = ("root", "0")
# How many clients may wait to be accepted.
_BACKLOG = 4096
_LISTEN = {"stream": "ListenStream", "seqpacket": "ListenSequentialPacket"}
_HOMES = ("/home", "/root", "/run/user")
_TEMPORARY = ("/tmp", "/var/tmp")
# What PrivateDevices= leaves in /dev (systemd.exec(5)).
_KEPT_DEVICES = ("/dev/shm", "/dev/mqueue", "/dev/hugepages")


def described(text: str) -> tuple[str, ...]:
    """Return the beginning of a unit file."""
    return (
        "[Unit]",
        f"Description={escaped(text)}",
        "Documentation=https://github.com/unixsocket/access",
    )


def listener(description: str, at: str, kind: str) -> str:
    """Return the .socket unit of an endpoint of the type ``kind``, closed until it is opened.

    The hooks' drop-in says whom it belongs to and who may connect.  Raises AccessError for a path
    that systemd cannot read from a unit file.
    """
    return lines(
        *described(description),
        "",
        "[Socket]",
        f"{_LISTEN[kind]}={whole(at)}",
        "SocketMode=0600",
        f"Backlog={_BACKLOG}",
        "RemoveOnStop=yes",
        # A limit on starts would let a flood of clients close the endpoint for good; how often the
        # service is started is limited by its RestartSec=.
        "TriggerLimitIntervalSec=0",
    )


def unit_section(description: str, name: str) -> list[str]:
    """Return the section [Unit] of the service behind the .socket unit ``name``."""
    return [
        *described(description),
        # Where the .socket unit is stopped, the connections end, too.
        f"Requires={name}.socket",
        f"After={name}.socket",
        # A service that could be locked out would take its .socket unit along.
        "StartLimitIntervalSec=0",
        "",
    ]


def identity(user: str | None, groups: tuple[int, ...]) -> list[str]:
    """Return who the service runs as: a declared account, or one that exists while it runs.

    The name of the latter is what systemd makes of the unit's own: always the same, and nobody
    else's account.
    """
    others = [f"SupplementaryGroups={' '.join(map(str, groups))}"] if groups else []
    if user in _NAMES_OF_ROOT:
        # It is root without being told. With User= systemd 257 takes CAP_SETUID from a service that
        # has a filter of system calls, and NoNewPrivileges= keeps it from coming back.
        return others
    who = "DynamicUser=yes" if user is None else f"User={whole(user, 'user name')}"
    return [who, *others]


def staying(stop_seconds: int) -> list[str]:
    """Return how a service stays available, and how its connections end when it is stopped."""
    return [
        "Restart=always",
        "RestartSec=1",
        # One process that runs out of memory is not the others' end.
        "OOMPolicy=continue",
        "KillMode=mixed",
        f"TimeoutStopSec={stop_seconds}",
    ]


def forwarding_sandbox(
    source: str, *, dynamic: bool, files: int, tasks: int, sees_processes: bool = False
) -> list[str]:
    """Return the sandbox of a service that only forwards to the socket ``source``.

    ``dynamic``: it has no account of its own; ``files`` and ``tasks`` are how many it may have
    open, and run.  ``sees_processes``: it asks /proc who its peers are.  PrivateUsers= stays out:
    every unmapped peer would be 65534 (user_namespaces(7)), and some containers refuse it.
    Raises AccessError for a source that a dynamic user cannot see.
    """
    real = f"/run{source[8:]}" if source.startswith("/var/run/") else source
    temporary = _inside(real, _TEMPORARY)
    if temporary and dynamic:
        # DynamicUser= has a private /tmp and nothing can change it (systemd.exec(5)); a directory
        # that is bound into it would be the old one when the backend makes it anew.
        raise AccessError(
            f"The socket {source} is in a directory for temporary files, which a service without "
            "an account of its own cannot see; declare as run_as an account that can connect to it."
        )
    own_devices = not _inside(real, ("/dev",)) or _inside(real, _KEPT_DEVICES)
    limited = [] if sees_processes else ["ProtectProc=invisible", "ProcSubset=pid"]
    return [
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "AmbientCapabilities=",
        "RestrictAddressFamilies=AF_UNIX",
        "PrivateNetwork=yes",
        "IPAddressDeny=any",
        "ProtectSystem=strict",
        f"ProtectHome={'read-only' if _inside(real, _HOMES) else 'yes'}",
        f"PrivateTmp={'no' if temporary else 'yes'}",
        f"PrivateDevices={'yes' if own_devices else 'no'}",
        "DevicePolicy=closed",
        *_KERNEL,
        "ProtectClock=yes",
        *limited,
        "MemoryDenyWriteExecute=yes",
        *_PROCESS,
        "SystemCallFilter=~@privileged @resources",
        "RemoveIPC=yes",
        "UMask=0177",
        f"LimitNOFILE={files}",
        f"TasksMax={tasks}",
    ]


def serving_sandbox(user: str) -> list[str]:
    """Return the sandbox of a service that runs a command as ``user``.

    What the account may write, the command may write, and it may use the network: neither the file
    system nor devices are closed.  A root that is asked keeps the capabilities for files, accounts
    and signals.
    """
    return [
        "NoNewPrivileges=yes",
        f"CapabilityBoundingSet={_ROOTS if user in _NAMES_OF_ROOT else ''}",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
        *_KERNEL,
        *_PROCESS,
        "UMask=0022",
    ]


_ROOTS = (
    "CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_KILL CAP_SETFCAP "
    "CAP_SETGID CAP_SETUID"
)
_KERNEL = (
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelLogs=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
)
_PROCESS = (
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "LockPersonality=yes",
    "KeyringMode=private",
    "SystemCallArchitectures=native",
    "SystemCallErrorNumber=EPERM",
    "SystemCallFilter=@system-service",
)


def _inside(path: str, directories: tuple[str, ...]) -> bool:
    return any(path.startswith(f"{directory}/") for directory in directories)


def whole(text: str, what: str = "path") -> str:
    """Return a path, or what else it is, as the whole value of a setting.

    Raises AccessError for one that systemd would not read as it is, or that would make the next
    setting a part of this one (systemd.syntax(7)).
    """
    if text.endswith((" ", "\\")):
        raise AccessError(
            f"The {what} {text!r} ends in {text[-1]!r}, which systemd takes away from the end of a "
            "line, so no unit can name it; choose another name."
        )
    return escaped(text)


def escaped(text: str) -> str:
    """Return a text in which systemd finds no specifier (systemd.unit(5))."""
    return text.replace("%", "%%")


def argument(text: str) -> str:
    """Return one argument of ExecStart= that reaches the program as it is.

    Quotes and backslashes as in systemd.syntax(7), variables as in systemd.service(5).
    """
    quoted = escaped(text).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{quoted}"'


def assignment(name: str, value: str) -> str:
    """Return one assignment of Environment= (systemd.exec(5)), whatever is in the value."""
    quoted = escaped(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{name}={quoted}"'


def lines(*texts: str) -> str:
    """Return a whole unit file, which says in its first line who manages it."""
    return "\n".join((FIRST_LINE, *texts, ""))


def endpoints_in(content: bytes) -> list[str]:
    """Return where a .socket unit that ``listener`` wrote listens."""
    found = []
    for line in content.decode("utf-8", "surrogateescape").splitlines():
        key, dummy, value = line.partition("=")
        if key in _LISTEN.values():
            found.append(value.replace("%%", "%"))
    return found
