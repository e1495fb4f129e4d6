# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What modules answer after a real run has the keys that their documentation has, each of them."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.unixsocket.access.plugins.module_utils import _door
from kernel.hosts import ALICE, BOB, CAROL, STAFF, Place

MODULES = "ansible_collections.unixsocket.access.plugins.modules"
DECLARED = {
    "refuse": [str(CAROL)],
    "allow": [
        {"user": str(ALICE), "method": "acl"},
        {"group": str(STAFF)},
        {"user": str(BOB), "expires": "2020-01-01"},
    ],
}


@pytest.fixture
def place() -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="socket-access-test-", dir="/var/lib") as base:
        top = Path(base, "top")
        top.mkdir()
        Path(base).chmod(0o755)
        made = Place(top, Path(base, "record"))
        yield made
        made.close()


def _returned(module: str) -> dict[str, Any]:
    return dict(yaml.safe_load(importlib.import_module(f"{MODULES}.{module}").RETURN))


@pytest.mark.parametrize("prove", [True, False])
@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(
    "module", ["socket_mode", "socket_acl", "socket_bind_mount", "socket_proxy", "socket_gate"]
)
def test_a_module_of_one_socket(place: Place, module: str, check: bool, prove: bool) -> None:
    path = place.listen("s", 0o600)
    result = place.run({"app": {"path": path, **DECLARED}}, check=check, prove=prove)
    documented = _returned(module)["socket"]["contains"]
    told = _door.of_one(result.sockets["app"], documented.keys() & {"endpoints"})
    assert set(told) == set(documented)
    assert told["grants"]
    for grant in told["grants"]:
        assert set(grant) == set(documented["grants"]["contains"])


@pytest.mark.parametrize("check", [True, False])
def test_a_whole_declaration(place: Place, check: bool) -> None:
    path = place.listen("s", 0o600)
    told = place.run({"app": {"path": path, **DECLARED}}, check=check).sockets["app"]
    sample = _returned("socket_policy")["sockets"]["sample"]["app"]
    assert set(told) == set(sample)
    for key in ("grants", "ended", "refused"):
        assert [set(one) for one in told[key]] == [set(sample[key][0])] * len(told[key])
        assert told[key]


@pytest.mark.parametrize("module", ["mode", "acl", "bind_mount", "proxy", "gate", "policy"])
def test_a_failure_promises_nothing(module: str) -> None:
    # It has its message alone.
    for name, one in _returned(f"socket_{module}").items():
        assert one["returned"].startswith("success"), name
