# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The generated units of proxies and gates, as text."""

from __future__ import annotations

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate import bulk
from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate.rules import (
    FINISH_SECONDS,
)
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
    socat_word,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.keep.service_units import (
    argument,
)

PROXY = ProxyUnits("redis", "/run/redis/redis.sock", "/run/reports/redis.sock")
FORWARD = GateUnits("redis", "/run/redis-gate.sock", forward="/run/redis/redis.sock")
SERVE = GateUnits("update", "/run/update.sock", type="seqpacket", user="configowner")


def value(unit: str, key: str) -> str:
    """Return the one value of a key."""
    found = [line.partition("=")[2] for line in unit.splitlines() if line.startswith(f"{key}=")]
    assert len(found) == 1, (key, found)
    return found[0]


def test_every_unit_says_who_manages_it() -> None:
    first = "# Managed by the Ansible collection unixsocket.access; do not edit.\n"
    for made in (
        proxy_units.socket_unit(PROXY),
        proxy_units.service_unit(PROXY),
        gate_units.socket_unit(FORWARD),
        gate_units.service_unit(FORWARD),
        gate_units.service_unit(SERVE),
    ):
        assert made.startswith(first)
        assert made.endswith("\n")
        assert "PrivateUsers" not in made
        assert "[Install]" not in made


def test_an_endpoint_is_born_closed_and_no_flood_shuts_it() -> None:
    unit = proxy_units.socket_unit(PROXY)
    assert value(unit, "ListenStream") == "/run/reports/redis.sock"
    assert value(unit, "SocketMode") == "0600"
    assert value(unit, "TriggerLimitIntervalSec") == "0"
    assert value(unit, "RemoveOnStop") == "yes"
    assert value(unit, "Backlog") == "4096"


def test_messages_get_a_listener_for_messages() -> None:
    unit = gate_units.socket_unit(SERVE)
    assert value(unit, "ListenSequentialPacket") == "/run/update.sock"
    assert "ListenStream" not in unit


@pytest.mark.parametrize("at", ["/run/x ", "/run/x\\"])
def test_a_name_that_systemd_would_shorten_is_refused(at: str) -> None:
    with pytest.raises(AccessError, match="choose another name"):
        proxy_units.socket_unit(PROXY._replace(at=at))


def test_percents_of_the_endpoint_are_no_specifiers() -> None:
    unit = proxy_units.socket_unit(PROXY._replace(at="/run/%n $HOME", source="/run/%h"))
    assert value(unit, "ListenStream") == "/run/%%n $HOME"
    assert "%%h" in value(unit, "Description")


def test_a_service_is_never_locked_out_and_never_runs_as_root() -> None:
    unit = proxy_units.service_unit(PROXY)
    assert value(unit, "StartLimitIntervalSec") == "0"
    assert value(unit, "Restart") == "always"
    assert value(unit, "DynamicUser") == "yes"
    assert value(unit, "Requires") == "socket-access-proxy-redis.socket"
    assert "SupplementaryGroups" not in unit
    declared = proxy_units.service_unit(PROXY._replace(user="www-data", groups=(33, 4)))
    assert value(declared, "User") == "www-data"
    assert value(declared, "SupplementaryGroups") == "33 4"
    assert "DynamicUser" not in declared


def test_a_new_socat_accepts_by_itself() -> None:
    assert value(proxy_units.service_unit(PROXY), "ExecStart") == (
        "/usr/bin/socat -d0 -t86400 -b262144 ACCEPT-FD:3,fork,max-children=512,shut-down "
        '"UNIX-CONNECT:/run/redis/redis.sock"'
    )


def test_an_old_socat_is_started_for_each_connection() -> None:
    assert value(proxy_units.service_unit(PROXY._replace(native=False)), "ExecStart") == (
        "/usr/local/sbin/socket-access accept --max 512 -- "
        '/usr/bin/socat -t86400 -b262144 FD:0,shut-down "UNIX-CONNECT:/run/redis/redis.sock"'
    )


def test_messages_fit_into_one_read_and_one_write() -> None:
    start = value(proxy_units.service_unit(PROXY._replace(type="seqpacket")), "ExecStart")
    assert " -b1048576 " in start
    assert start.endswith(',type=5,sndbuf=1048576"')
    assert start.count("sndbuf=1048576") == 2


def test_socket_proxyd_forwards_streams() -> None:
    unit = proxy_units.service_unit(PROXY._replace(engine=PROXYD, max_connections=1000))
    assert value(unit, "ExecStart") == (
        '/usr/lib/systemd/systemd-socket-proxyd --connections-max=1000 "/run/redis/redis.sock"'
    )
    assert int(value(unit, "LimitNOFILE")) > 6000


def test_there_is_a_task_for_each_connection() -> None:
    unit = proxy_units.service_unit(PROXY._replace(max_connections=2000))
    assert int(value(unit, "TasksMax")) > 2000


def test_a_gate_has_a_task_for_each_thread_that_carries_bulk() -> None:
    assert int(value(gate_units.service_unit(FORWARD), "TasksMax")) > bulk.MOST + 2


@pytest.mark.parametrize(
    ("source", "key", "expected"),
    [
        ("/run/redis/redis.sock", "ProtectHome", "yes"),
        ("/home/app/app.sock", "ProtectHome", "read-only"),
        ("/root/app.sock", "ProtectHome", "read-only"),
        ("/run/user/1000/app.sock", "ProtectHome", "read-only"),
        ("/var/run/user/1000/app.sock", "ProtectHome", "read-only"),
        ("/homes/app.sock", "ProtectHome", "yes"),
        ("/tmp/app.sock", "PrivateTmp", "no"),
        ("/var/tmp/app/app.sock", "PrivateTmp", "no"),
        ("/run/tmp/app.sock", "PrivateTmp", "yes"),
        ("/dev/app.sock", "PrivateDevices", "no"),
        ("/dev/shm/app.sock", "PrivateDevices", "yes"),
    ],
)
def test_the_sandbox_leaves_the_source_in_sight(source: str, key: str, expected: str) -> None:
    proxy = PROXY._replace(source=source, user="app")
    assert value(proxy_units.service_unit(proxy), key) == expected
    gate = FORWARD._replace(forward=source, user="app")
    assert value(gate_units.service_unit(gate), key) == expected


def test_a_dynamic_user_cannot_see_the_hosts_tmp() -> None:
    with pytest.raises(AccessError, match="declare as run_as an account"):
        proxy_units.service_unit(PROXY._replace(source="/tmp/app.sock"))


def test_quoting_for_systemd() -> None:
    assert argument('a b"c\\d%e$f') == '"a b\\"c\\\\d%%e$$f"'


def test_quoting_for_socat() -> None:
    assert socat_word("/a,b:c!!d\"e'f(g[h{i\\j k%$") == (
        "/a\\,b\\:c\\!\\!d\\\"e\\'f\\(g\\[h\\{i\\\\j k%$"
    )


def test_both_quotings_are_applied_to_a_source() -> None:
    start = value(proxy_units.service_unit(PROXY._replace(source="/run/a,b%c")), "ExecStart")
    assert start.endswith('"UNIX-CONNECT:/run/a\\\\,b%%c"')


def test_a_gate_that_forwards_sees_who_asks() -> None:
    unit = gate_units.service_unit(FORWARD)
    assert value(unit, "ExecStart") == "/usr/local/sbin/socket-access gate redis"
    assert value(unit, "Type") == "notify"
    assert value(unit, "RestrictAddressFamilies") == "AF_UNIX"
    assert int(value(unit, "TimeoutStopSec")) > FINISH_SECONDS
    assert "ProcSubset" not in unit
    assert "ProtectProc" not in unit
    assert int(value(unit, "LimitNOFILE")) >= 2 * FORWARD.max_connections + 256


def test_a_gate_that_serves_may_write_what_its_account_may() -> None:
    unit = gate_units.service_unit(SERVE)
    assert value(unit, "User") == "configowner"
    assert value(unit, "CapabilityBoundingSet") == ""
    assert value(unit, "UMask") == "0022"
    for key in ("ProtectSystem", "ProtectHome", "PrivateTmp", "PrivateDevices", "DynamicUser"):
        assert key not in unit
    root = gate_units.service_unit(SERVE._replace(user="root"))
    assert "CAP_DAC_OVERRIDE" in value(root, "CapabilityBoundingSet")


def test_nobody_runs_a_command_by_accident() -> None:
    with pytest.raises(ValueError, match="needs the account"):
        gate_units.service_unit(SERVE._replace(user=None))
