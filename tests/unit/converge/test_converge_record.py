# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record: what was saved is loaded, what cannot be understood is an error that says so."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.record import (
    Entry,
    Record,
    RecordFile,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl

ACCESS = {"uid": 0, "gid": 0, "acl": Acl(7, 5, 5).to_bytes().hex()}
ASKED = {"users": {}, "groups": {}, "exclusive": True, "trusted": []}
ENTRY = Entry(ACCESS, ACCESS, {"socket app": ASKED}, "1:2")

_text = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20)
_entries = st.builds(
    Entry,
    before=st.booleans(),
    applied=st.booleans(),
    requests=st.dictionaries(_text, st.booleans(), max_size=3),
    identity=st.none() | _text,
    births=st.lists(st.booleans(), max_size=2),
    pending=st.booleans(),
)


@pytest.fixture
def file(tmp_path: Path) -> RecordFile:
    return RecordFile(str(tmp_path))


@given(
    st.dictionaries(_text.map("unit:{}".format), _entries, max_size=4),
    st.dictionaries(_text, _text, max_size=2),
)
def test_what_is_saved_is_loaded(
    tmp_path_factory: pytest.TempPathFactory, entries: dict[str, Entry], ended: dict[str, str]
) -> None:
    file = RecordFile(str(tmp_path_factory.mktemp("record")))
    file.save(Record(entries, ended))
    assert file.load() == Record(entries, ended)


def test_a_host_that_was_never_touched(file: RecordFile) -> None:
    assert file.load() == Record()
    file.save(Record())
    assert os.listdir(file.directory) == []


def test_an_empty_record_leaves_no_trace(file: RecordFile) -> None:
    file.save(Record({"socket:/a": ENTRY}))
    file.save(Record())
    assert os.listdir(file.directory) == []
    file.clear_away()
    assert not os.path.exists(file.directory)


def test_what_a_kill_left_beside_a_record_is_cleared_away_with_it_only(file: RecordFile) -> None:
    file.save(Record({"socket:/a": ENTRY}))
    Path(f"{file.path}.new").write_text("")
    file.clear_away()
    assert sorted(os.listdir(file.directory)) == ["record.json", "record.json.new"]
    os.unlink(file.path)
    file.clear_away()
    assert not os.path.exists(file.directory)


def test_what_is_not_ours_is_not_cleared_away(file: RecordFile) -> None:
    Path(file.directory, "theirs").write_text("")
    file.clear_away()
    assert os.listdir(file.directory) == ["theirs"]


def test_the_file_is_for_its_owner_alone_and_says_who_writes_it(file: RecordFile) -> None:
    before = os.umask(0)
    try:
        file.save(Record({"socket:/a": ENTRY}))
    finally:
        os.umask(before)
    assert os.stat(file.path).st_mode & 0o777 == 0o600
    data = json.loads(Path(file.path).read_text())
    assert "unixsocket.access" in data["managed_by"]
    assert list(data["entries"]) == ["socket:/a"]


def test_holders(file: RecordFile) -> None:
    two = Entry(None, None, {"two": 1, "three": 2})
    assert Record({"a": ENTRY, "b": two}).holders() == {"socket app", "two", "three"}
    assert Record({}, {"user www at /a until x": "four"}).holders() == {"four"}


def _with_entry(**changed: object) -> str:
    entry = {**ENTRY._asdict(), **changed}
    return json.dumps({"format": 1, "entries": {"socket:/a": entry}})


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "null",
        "[]",
        "7",
        "{}",
        '{"format": 2, "entries": {}}',
        '{"format": 1}',
        '{"format": 1, "entries": []}',
        '{"format": 1, "entries": {"a": 3}}',
        '{"format": 1, "entries": {"a": {"before": 1}}}',
        '{"format": 1, "entries": {"a": {"before": 1, "applied": 1, "requests": {}, "odd": 1}}}',
        _with_entry(requests=None),
        _with_entry(requests=["socket app"]),
        "\udcff",
    ],
)
def test_what_cannot_be_understood_is_left_as_it_is(file: RecordFile, content: str) -> None:
    data = os.fsencode(content)
    Path(file.path).write_bytes(data)
    with pytest.raises(AccessError) as caught:
        file.load()
    said = str(caught.value)
    assert file.path in said
    assert "nothing was changed" in said
    assert "backup" in said
    assert Path(file.path).read_bytes() == data
