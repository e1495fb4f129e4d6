# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which unit a process belongs to, and which unit listens where, as text."""

from __future__ import annotations

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.creator import (
    addresses,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.processes import (
    unit_in,
)


@pytest.mark.parametrize(
    ("cgroups", "unit"),
    [
        ("0::/system.slice/redis-server.service\n", ("redis-server.service", None)),
        ("0::/system.slice/system-app.slice/app@web.service\n", ("app@web.service", None)),
        ("0::/init.scope\n", ("init.scope", None)),
        (
            "0::/user.slice/user-1000.slice/user@1000.service/app.slice/pipewire.service\n",
            ("pipewire.service", "user@1000.service"),
        ),
        (
            "0::/user.slice/user-1000.slice/user@1000.service/init.scope\n",
            ("init.scope", "user@1000.service"),
        ),
        ("0::/user.slice/user-1000.slice/user@1000.service\n", ("user@1000.service", None)),
        ("0::/user.slice/user-1000.slice/session-3.scope\n", ("session-3.scope", None)),
        # What runs in a container is its own manager's, and a service may have parts.
        (
            "0::/machine.slice/libpod-1a.scope/container/system.slice/redis.service\n",
            ("libpod-1a.scope", None),
        ),
        ("0::/system.slice/app.service/worker.service\n", ("app.service", None)),
        # As seen inside of a container that shares its host's groups.
        ("0::/libpod_parent/libpod-1a/system.slice/app.service\n", ("app.service", None)),
        # The first version of control groups.
        ("12:cpu:/x.service\n1:name=systemd:/system.slice/a.service\n", ("a.service", None)),
        ("0::/\n", (None, None)),
        ("", (None, None)),
    ],
)
def test_the_unit_of_a_process(cgroups: str, unit: tuple[str | None, str | None]) -> None:
    assert unit_in(cgroups) == unit


def test_what_units_listen_on() -> None:
    shown = """\
Listen=/run/dbus/system_bus_socket (Stream)
Id=dbus.socket

Id=many.socket
Listen=/run/with space (SequentialPacket)
Listen=/run/\\303\\244\\'\\"\\\\/s (Stream)
Listen=/run/datagrams (Datagram)
Listen=127.0.0.1:80 (Stream)
Listen=@abstract (Stream)

Id=none.socket
"""
    assert list(addresses(shown.splitlines())) == [
        ("dbus.socket", "/run/dbus/system_bus_socket"),
        ("many.socket", "/run/with space"),
        ("many.socket", "/run/ä'\"\\/s"),
        ("many.socket", "/run/datagrams"),
        ("many.socket", "@abstract"),
    ]
    assert list(addresses([])) == []
