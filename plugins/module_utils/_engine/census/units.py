# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Which unit made each socket, and as whom its service runs: few questions for all sockets."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from ..errors import AccessError
from ..host import systemctl
from ..host.creator import Creator, Holder, creator_among, socket_units
from ..host.sock_diag import UnixSocket
from .places import identities
from .values import Process, is_abstract, name_of

_SECONDS = 30.0
_PURPOSE = "learn as whom a socket's service runs"


@dataclass
class Managers:
    """What the .socket units of each manager listen on, each manager asked once."""

    _units: dict[str | None, dict[object, str]] = field(default_factory=dict)

    def creator(self, one: UnixSocket, processes: Iterable[Process]) -> Creator | None:
        """Return the unit that made a socket which these processes hold.

        Where none can be seen, the units of the system's manager are known all the same.
        """
        holders = [
            Holder(process.unit, process.unit_user)
            for process in processes
            if process.unit is not None
        ]
        if not holders:
            unit = self._unit(one, None)
            return None if unit is None else Creator(unit)
        return creator_among(holders, lambda user: self._unit(one, user))

    def _unit(self, one: UnixSocket, user: str | None) -> str | None:
        if user not in self._units:
            self._units[user] = _by_socket(socket_units(user))
        key = name_of(one) if is_abstract(one) else (one.device, one.inode)
        return self._units[user].get(key)


def _by_socket(units: Iterable[tuple[str, str]]) -> dict[object, str]:
    found: dict[object, str] = {}
    for unit, address in units:
        if address.startswith("@"):
            found.setdefault(address, unit)
        for identity in identities(address) if address.startswith("/") else ():
            found.setdefault(identity, unit)
    return found


def run_by_root(units: Collection[str]) -> dict[str, bool]:
    """Tell for each .socket unit of the system whether root runs what it starts.

    A unit about which systemd does not tell is left out.
    """
    if not units:
        return {}
    try:
        services = _services(_shown(sorted(units), "Id,Triggers,Accept"))
        shown = _shown(sorted(set(services.values())), "Id,User,DynamicUser")
    except AccessError:
        return {}
    by_root = {
        block.get("Id", ""): block.get("User", "") in ("", "root", "0")
        and block.get("DynamicUser") != "yes"
        for block in shown
    }
    return {unit: by_root[name] for unit, name in services.items() if name in by_root}


def _services(blocks: Iterable[dict[str, str]]) -> dict[str, str]:
    found = {}
    for block in blocks:
        unit = block.get("Id", "")
        base = unit[: -len(".socket")]
        if block.get("Accept") == "yes":
            # One service for each connection, and maybe none right now (systemd.socket(5)).
            found[unit] = f"{base}@any.service"
        else:
            found[unit] = (block.get("Triggers") or f"{base}.service").split()[0]
    return found


def _shown(units: Iterable[str], properties: str) -> list[dict[str, str]]:
    call = ("show", f"--property={properties}", "--", *units)
    text = systemctl.call(None, *call, seconds=_SECONDS, purpose=_PURPOSE)
    return [
        dict(line.partition("=")[::2] for line in block.splitlines())
        for block in text.strip("\n").split("\n\n")
    ]
