# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a survey says of principals that are not there, and how often."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any, cast

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.accounts import (
    Accounts,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.words import Numbers
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import validate
from ansible_collections.unixsocket.access.plugins.module_utils._engine.survey import (
    Survey,
    Surveyed,
)
from unit.run.test_run_serving import Known


def look(survey: Survey, path: Path, *, served: bool = False, **keys: Any) -> Surveyed:
    (policy,) = validate({"app": {"path": str(path), **keys}}).sockets
    found = survey.look(policy, (), served=served)
    assert found is not None
    found.pin.close()
    return found


def of_survey(*, check: bool = False, hook: bool = False) -> Survey:
    return Survey(cast(Accounts, Known()), Numbers(), check=check, hook=hook)


GONE = {"owner": "gone", "allow": [{"user": "nginx"}], "refuse": ["lost"]}


def test_each_of_them_is_told_of_once(tmp_path: Path) -> None:
    survey = of_survey(check=True)
    first = look(survey, tmp_path / "s", **GONE)
    assert [said.split(",")[0] for said in first.absentees] == ["User gone", "User lost"]
    assert all(
        "check mode assumes that an earlier task will create it." in said
        for said in first.absentees
    )
    # So they are at an endpoint of the same socket.
    assert look(survey, tmp_path / "e", served=True, **GONE).absentees == []
    # Another socket is another matter.
    assert len(look(survey, tmp_path / "t", **GONE).absentees) == 2
    assert not any("gone" in problem for problem in survey.problems)


def test_what_is_left_of_the_declaration(tmp_path: Path) -> None:
    found = look(of_survey(check=True), tmp_path / "s", **GONE)
    assert [str(grant.principal) for grant in found.declared.allow] == ["user nginx"]
    assert found.declared.refuse == ()
    assert found.facts.owner is None
    assert [client.label for client in found.facts.allowed] == ["user nginx"]
    assert found.facts.refused == ()


@pytest.mark.parametrize(("check", "hook"), [(False, False), (True, False), (False, True)])
def test_who_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: bool, hook: bool
) -> None:
    """A run refuses it, check mode lets it pass, and for a hook it is no reason to stop."""
    survey = of_survey(check=check, hook=hook)
    monkeypatch.setattr(survey, "unsafe", lambda chain, trusted, owner=None: None)
    found = look(survey, tmp_path / "s", refuse=["lost"])
    told = [said for said in survey.problems if said.startswith("User lost, declared for ")]
    assert len(told) == (not check and not hook)
    assert len(found.absentees) == (check or hook)
    # What would follow from the whole declaration is judged where it is all there.
    assert found.sure == (check or hook)
    if told:
        assert told[0].endswith("; create it first, correct the name, or give its numeric id.")
    if hook:
        assert found.absentees[0].endswith("exist on this host any more, so it gets nothing.")


def test_a_path_that_is_not_safe_is_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    survey = of_survey(check=True)
    monkeypatch.setattr(survey, "unsafe", lambda chain, trusted, owner=None: "It is not safe.")
    found = look(survey, tmp_path / "s")
    assert (found.fit, found.sure, survey.problems) == (False, False, ["It is not safe."])
    assert found.notes == []
    monkeypatch.setattr(survey, "unsafe", lambda chain, trusted, owner=None: None)
    found = look(survey, tmp_path / "s")
    assert (found.fit, found.sure) == (True, True)
    (note,) = found.notes
    assert f"The socket {tmp_path}/s does not exist yet ({tmp_path}/s is missing)" in note
    (tmp_path / "s").touch()
    found = look(survey, tmp_path / "s")
    assert (found.fit, found.sure) == (False, False)
    assert survey.problems[-1].startswith(f"{tmp_path}/s is a regular file, a pipe or a device")


def test_to_whom_a_socket_will_belong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes an endpoint makes it root's; a daemon makes what it likes."""
    owners = []
    survey = of_survey(check=True)
    monkeypatch.setattr(survey, "unsafe", lambda chain, trusted, owner=None: owners.append(owner))
    for served in (True, False):
        look(survey, tmp_path / "s", served=served)
        look(survey, tmp_path / "s", served=served, owner="app")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(f"{tmp_path}/s")
    look(survey, tmp_path / "s", served=True)
    assert owners == [0, 100, None, 100, None]


def test_an_id_that_nobody_has_is_used_as_it_is(tmp_path: Path) -> None:
    found = look(of_survey(), tmp_path / "s", allow=[{"user": "4242"}, {"group": "4343"}])
    assert [note.split(",")[0] for note in found.notes[:2]] == [
        "No user on this host has the id 4242",
        "No group on this host has the id 4343",
    ]
    assert len(found.facts.allowed) == 2
