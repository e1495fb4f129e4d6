# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A record that is good JSON of another form is told from a good one when it is loaded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.forms import KINDS
from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.record import (
    RecordFile,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.systemd import Manager
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import (
    Access,
    AccessRequest,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
    User,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.words import Numbers
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.base import (
    Resource,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.bind_mount import (
    BindMount,
    MountRequest,
    MountState,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.endpoint_directory import (
    EndpointDirectory,
    EndpointState,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.engine_install import (
    EngineInstall,
    EngineState,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.file import (
    FileState,
    ManagedFile,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.fstab_line import (
    FstabLine,
    FstabState,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.inode_access import (
    DirectoryAccess,
    SocketAccess,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.membership import (
    Membership,
    MembershipRequest,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.mount_state import (
    ABSENT,
    CURRENT,
    FOREIGN,
    STALE,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.target_file import (
    TargetFile,
    TargetState,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.unit import (
    Running,
    UnitState,
)

ANNA = User("anna", 1001, Credentials(1001, 1001, frozenset()))
OPEN = Access(0, 7, Acl(7, 6, 0, ((1001, 6),), ((1002, 4),), 6))
ASKED = AccessRequest(0, 7, 6, 6, 0, {1001: 6}, {1002: 4}, exclusive=True, trusted=("/srv",))
NOBODYS = AccessRequest()
# Each kind of resource, with states and requests that it writes.
WRITTEN: list[tuple[Resource[Any, Any], list[Any], list[Any]]] = [
    (SocketAccess("/run/a.sock", None, Numbers()), [OPEN], [ASKED, NOBODYS]),
    (DirectoryAccess("/run/\udcff", None, Numbers()), [OPEN], [ASKED, NOBODYS]),
    (
        EndpointDirectory("/srv/a", Numbers()),
        [EndpointState(None), EndpointState(OPEN)],
        [ASKED, NOBODYS],
    ),
    (TargetFile("/srv/a/s"), [TargetState(None), TargetState(0)], [True]),
    (
        BindMount("/srv/a/s", "/run/a.sock"),
        [
            *(MountState(what) for what in (ABSENT, STALE, FOREIGN)),
            MountState(CURRENT, 2, "anna", ("nosuid",)),
        ],
        [MountRequest("/run/a.sock"), MountRequest("/run/a.sock", "anna")],
    ),
    (FstabLine("/srv/a/s"), [FstabState(), FstabState((b"\xff x",), missing=True)], [b"/a /b"]),
    (
        ManagedFile("/etc/a.json"),
        [FileState(None, missing=("/etc",)), FileState(b"\xff", 0o4755)],
        [b"{}"],
    ),
    (ManagedFile("/home/anna/a", writer=ANNA), [FileState(None)], [b"{}"]),
    (UnitState("a.path", Manager()), [Running(True), Running(False)], [True]),
    (EngineInstall(), [EngineState("1.0.0"), EngineState(None, missing=("/a",))], ["1.0.0 abc"]),
    (Membership("anna", "staff"), [True, False], [MembershipRequest(1.5e9, True)]),
]
RESOURCES = {resource.key: resource for resource, dummy, dummy_too in WRITTEN}
WRONG: list[Any] = [
    None,
    True,
    7,
    -1,
    10**30,
    1.5,
    1e400,
    float("nan"),
    "",
    "abc",
    "a\0b",
    "\ud800",
]
WRONG += [[], [7], {}, {"a": 7}, "/elsewhere"]


def written() -> dict[str, Any]:
    """Return a record with an entry of each kind, as the resources write it."""
    entries = {
        resource.key: {
            "before": resource.state_to_json(states[0]),
            "applied": resource.state_to_json(states[-1]),
            "requests": {
                f"socket {number}": resource.request_to_json(request)
                for number, request in enumerate(requests)
            },
            "identity": "1:2",
            "pending": False,
            "births": [resource.state_to_json(state) for state in states],
        }
        for resource, states, requests in WRITTEN
    }
    return {"managed_by": "us", "format": 1, "entries": entries, "ended": {"a until b": "socket 1"}}


def places(data: Any, *above: Any) -> Iterator[tuple[Any, ...]]:
    """Yield the way to each value in a document."""
    yield above
    inner = enumerate(data) if isinstance(data, list) else ()
    for step, one in data.items() if isinstance(data, dict) else inner:
        yield from places(one, *above, step)


def ways(key: str) -> list[tuple[Any, ...]]:
    """Return the ways to all values of the entry of this key, or to all that are in no entry."""
    found = places(written())
    return [way for way in found if (way[1] if way[:1] == ("entries",) and way[1:] else "") == key]


def changed(way: tuple[Any, ...], *value: Any) -> Any:
    """Return the record with another value at one place, or with none."""
    data = written()
    if not way:
        return value[0]
    inner: Any = data
    for step in way[:-1]:
        inner = inner[step]
    if value:
        inner[way[-1]] = value[0]
    else:
        del inner[way[-1]]
    return data


def reads_all(file: RecordFile) -> None:
    """Read a record as the resources do."""
    for key, entry in file.load().entries.items():
        resource = RESOURCES[key]
        for state in (entry.before, entry.applied, *entry.births):
            resource.in_words(resource.state_from_json(state))
        for request in entry.requests.values():
            resource.request_from_json(request)


def problem(file: RecordFile, data: Any) -> str | None:
    """Return what is said of a record, None of one that can be read; it stays as it is."""
    content = json.dumps(data)
    Path(file.path).write_text(content)
    try:
        reads_all(file)
    except AccessError as error:
        said = str(error)
    else:
        return None
    assert said.startswith(f"The record {file.path} cannot be understood (")
    assert "\n" not in said
    assert Path(file.path).read_text() == content
    return said


@pytest.fixture
def file(tmp_path: Path) -> RecordFile:
    return RecordFile(str(tmp_path))


def test_what_every_kind_of_resource_writes_is_of_its_form(file: RecordFile) -> None:
    Path(file.path).write_text(json.dumps(written()))
    reads_all(file)
    assert {key.partition(":")[0].partition("@")[0] for key in RESOURCES} == set(KINDS)


@pytest.mark.parametrize("key", ["", *RESOURCES], ids=repr)
def test_another_value_at_any_place_is_told_or_can_be_read(file: RecordFile, key: str) -> None:
    for way in ways(key):
        said = [problem(file, changed(way, value)) for value in WRONG]
        assert any(said), way


@pytest.mark.parametrize("key", ["", *RESOURCES], ids=repr)
def test_a_key_that_is_missing_at_any_place(file: RecordFile, key: str) -> None:
    for way in ways(key):
        if way and isinstance(way[-1], str):
            said = problem(file, changed(way))
            assert said is None or f" has no {way[-1]})" in said


@pytest.mark.parametrize(
    ("way", "value", "said"),
    [
        ((), [], "it is a list, where an object is expected"),
        (("format",), 2, "format is 2, where 1 is expected"),
        (("entries",), [], "entries is a list, where an object is expected"),
        (("entries", "gadget:/a"), {}, 'entries["gadget:/a"] is of no kind that is known here'),
        (("entries", "unit@anna:a"), {}, 'entries["unit@anna:a"] is of no kind that is known here'),
        (
            ("entries", "socket:/run/a.sock", "before", "uid"),
            float("nan"),
            'entries["socket:/run/a.sock"].before.uid is NaN, where a whole number from 0 to '
            "4294967294 is expected",
        ),
        (
            ("entries", "unit:a.path", "odd"),
            1,
            'entries["unit:a.path"].odd is nothing that is known here',
        ),
        (
            ("entries", "socket:a"),
            {},
            'entries["socket:a"] is "a", where an absolute path is expected',
        ),
        (
            ("entries", "mount:/srv/a/s", "births", 3, "lacks"),
            "nosuid",
            'entries["mount:/srv/a/s"].births[3].lacks is "nosuid", where a list is expected',
        ),
    ],
)
def test_it_says_where_and_what(
    file: RecordFile, way: tuple[Any, ...], value: Any, said: str
) -> None:
    Path(file.path).write_text(json.dumps(changed(way, value)))
    with pytest.raises(AccessError) as caught:
        file.load()
    assert str(caught.value) == (
        f"The record {file.path} cannot be understood ({said}), so nothing was changed; restore it "
        "from a backup, or move it away to give up what it remembers."
    )


def test_one_that_is_nested_without_end(file: RecordFile) -> None:
    Path(file.path).write_text('{"format": 1, "entries": ' + "[" * 200_000)
    with pytest.raises(AccessError, match=r"record.json cannot be understood"):
        file.load()
