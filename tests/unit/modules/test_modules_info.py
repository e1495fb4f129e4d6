# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""socket_info: its options, and that what it returns is what it documents, key by key."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args

from ansible_collections.unixsocket.access.plugins.module_utils._engine.census import (
    Census,
    described,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.census.values import Finding
from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.words import Numbers
from ansible_collections.unixsocket.access.plugins.modules import socket_info
from unit.census.paper import seen
from unit.modules import test_modules_carry_the_engine as carry

TYPES = {"int": int, "str": str, "bool": bool, "list": list, "dict": dict}


@pytest.fixture(autouse=True)
def _forget_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(basic, "_ANSIBLE_ARGS", None)


def run(capsys: pytest.CaptureFixture[str], check: bool = False, **options: Any) -> dict[str, Any]:
    arguments = {**options, "_ansible_check_mode": check}
    with patch_module_args(arguments), pytest.raises(SystemExit):
        socket_info.main()
    return dict(json.loads(capsys.readouterr().out))


def is_exactly(value: Any, kind: type) -> bool:
    """Tell whether a value is of a type, with bool not counted as int."""
    return isinstance(value, kind) and isinstance(value, bool) == (kind is bool)


def agrees(value: Any, documented: dict[str, Any], where: str) -> None:
    """Compare a value with what is documented of it, keys in both directions."""
    if value is None:
        return
    assert is_exactly(value, TYPES[documented["type"]]), where
    if isinstance(value, list):
        for one in value:
            assert is_exactly(one, TYPES[documented["elements"]]), where
            if isinstance(one, dict):
                all_agree(one, documented["contains"], where)
    elif isinstance(value, dict):
        all_agree(value, documented["contains"], where)


def all_agree(values: dict[str, Any], documented: dict[str, Any], where: str) -> None:
    assert set(values) == set(documented), where
    for key, value in values.items():
        agrees(value, documented[key], f"{where}.{key}")


def test_everything_returned_is_documented() -> None:
    named = Acl(6, 0, 0, ((1001, 6),), (), 6)
    census = Census(
        (seen("/run/docker.sock", named), seen("/run/systemd/notify")),
        (Finding("drift", "medium", "/s", "It drifts.", "Run it."),),
        ("Something.",),
    )
    document = described(census, Numbers())
    all_agree(document, yaml.safe_load(socket_info.RETURN), "RETURN")
    docker, notify = document["sockets"]
    assert docker["acl"] == ["user::rw-", "user:1001:rw-", "group::---", "mask::rw-", "other::---"]
    assert docker["mode"] == "0660"
    assert docker["powerful"]["what"] == "Docker"
    assert notify["by_design"]["what"]
    assert [one["path"] for one in docker["closed_by"]] == ["/run"]
    assert docker["connected"][0]["connections"] == 2
    assert json.loads(json.dumps(document)) == document


@pytest.mark.parametrize("check", [False, True])
def test_a_real_socket(tmp_path: Path, capsys: pytest.CaptureFixture[str], check: bool) -> None:
    path = f"{tmp_path}/s"
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path)
        one.listen()
        answer = run(capsys, check, paths=[path])
    assert answer["changed"] is False
    assert answer["format"] == 1
    (shown,) = answer["sockets"]
    assert (shown["socket"], shown["type"], shown["listening"]) == (path, "stream", True)


def test_all_sockets(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(b"\0unixsocket-access/info")
        one.listen()
        answer = run(capsys)
    assert "@unixsocket-access/info" in {one["socket"] for one in answer["sockets"]}


def test_it_takes_the_whole_engine_along() -> None:
    """With a part of it, it would take the engine on the host for another release."""
    engine = carry.ROOT / "plugins" / carry.ENGINE
    on_disk = {str(path.relative_to(carry.ROOT / "plugins")) for path in engine.rglob("*.py")}
    assert carry.carried(f"{carry.PLUGINS}.modules.socket_info") == on_disk


def test_what_is_no_path(capsys: pytest.CaptureFixture[str]) -> None:
    answer = run(capsys, paths=["/run/s", "s"])
    assert answer["failed"] is True
    assert answer["msg"].startswith("Option paths[1]: 's' is neither an absolute path nor")


def test_a_kernel_that_does_not_tell(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(paths: list[str] | None) -> dict[str, Any]:
        raise AccessError("The kernel does not tell.")

    monkeypatch.setattr(socket_info, "info", refuse)
    answer = run(capsys)
    assert (answer["failed"], answer["msg"]) == (True, "The kernel does not tell.")
