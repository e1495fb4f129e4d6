# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every declaration of the documentation is put into effect on a host, and undone."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import sources
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import (
    describe,
)
from ansible_collections.unixsocket.access.plugins.plugin_utils._merge import (
    load,
)
from unit.docs.kinds import declared, of_kind

HOST = Path(__file__).parents[1] / "tools" / "host"
PEER = Path(__file__).with_name("examples_peer.py")
EACH = {
    "fresh": "changed",
    "check": "changed",
    "real": "changed",
    "again": "unchanged",
    "check again": "unchanged",
    "undone": "changed",
}


def _names(value: Any) -> Iterator[str]:
    """Yield every path in a declaration."""
    if isinstance(value, dict):
        for one in value.values():
            yield from _names(one)
    elif isinstance(value, list):
        for one in value:
            yield from _names(one)
    elif isinstance(value, str) and value.startswith("/"):
        yield value


def _packed() -> list[tuple[list[str], dict[str, Any]]]:
    """Return declarations that have nothing in common as one, with where they stand."""
    packs: list[tuple[list[str], dict[str, Any], set[str]]] = []
    for block in of_kind("variables"):
        sockets = {} if block.refused else describe(load(declared(block)))
        if not sockets:
            continue
        names = {*sockets, *_names(sockets)}
        for where, together, taken in packs:
            if not names & taken:
                where.append(str(block))
                together.update(sockets)
                taken |= names
                break
        else:
            packs.append(([str(block)], dict(sockets), names))
    return [(where, together) for where, together, dummy in packs]


PACKS = _packed()


@pytest.fixture(scope="module")
def answers() -> Iterator[list[dict[str, list[Any]]]]:
    """Run all of them on one host."""
    name = f"{os.environ.get('UNIXSOCKET_HOSTS_PREFIX', 'usa-')}examples"
    subprocess.run([HOST, "up", "--mount", "deb13", name], check=True, capture_output=True)
    files = {f"_engine/{path}": content for path, content in sources.sources().items()}
    files["peer.py"] = PEER.read_bytes()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as packed:
        for path, content in files.items():
            member = tarfile.TarInfo(f"opt/examples/{path}")
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    inside = ["podman", "exec", "--interactive", name]
    subprocess.run([*inside, "tar", "-x", "-C", "/"], input=archive.getvalue(), check=True)
    done = subprocess.run(
        [*inside, "timeout", "300", "python3", "/opt/examples/peer.py"],
        input=json.dumps([sockets for dummy, sockets in PACKS]).encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    yield json.loads(done.stdout)
    subprocess.run([HOST, "down", name], check=True, capture_output=True)


def test_there_are_examples() -> None:
    assert sum(len(where) for where, dummy in PACKS) > 30


@pytest.mark.parametrize("number", range(len(PACKS)), ids=lambda number: " ".join(PACKS[number][0]))
def test_examples_are_applied_and_undone(number: int, answers: list[dict[str, list[Any]]]) -> None:
    said = answers[number]
    became = {run: what for run, (what, dummy) in said.items()}
    assert became == EACH, json.dumps(said, indent=1)
