# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said of an endpoint in the directory of a login, which nobody but systemd makes."""

from __future__ import annotations

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.logins import (
    login_of,
    not_to_be_made,
    to_be_made_first,
)
from unit.reach.chains import People

ALICE = "/run/user/20"


@pytest.mark.parametrize(
    ("path", "login"),
    [
        (ALICE, (ALICE, 20)),
        (f"{ALICE}/pulse/native", (ALICE, 20)),
        ("/run/user", None),
        ("/run/user/alice/x", None),
        ("/srv/run/user/20", None),
        (f"{ALICE}x/y", None),
    ],
)
def test_whose_login_it_is(path: str, login: tuple[str, int] | None) -> None:
    assert login_of(path) == login


@pytest.mark.parametrize("path", [ALICE, f"{ALICE}/x", f"{ALICE}/x/y"])
def test_that_of_a_user_is_not_made(path: str) -> None:
    said = not_to_be_made(path, ALICE, People())
    assert said is not None
    assert said.startswith(f"{path} cannot be the directory of an endpoint, for {ALICE} comes and")
    assert "of user alice" in said
    assert "declare an endpoint elsewhere" in said


def test_nor_given_to_somebody_else() -> None:
    assert not_to_be_made(ALICE, None, People()) is not None
    # Whether what is below it may be one is judged as everywhere.
    assert not_to_be_made(f"{ALICE}/x", f"{ALICE}/x", People()) is None
    assert not_to_be_made(f"{ALICE}/x", None, People()) is None


def test_that_of_root_is_there_while_it_lingers() -> None:
    said = not_to_be_made("/run/user/0/x", "/run/user/0", People())
    assert said is not None
    assert "loginctl enable-linger root" in said
    for path in ("/run/user/0", "/run/user/0/x"):
        assert not_to_be_made(path, None, People()) is None


def test_elsewhere_is_elsewhere() -> None:
    assert not_to_be_made("/srv/x", "/srv/x", People()) is None


def test_a_directory_that_is_to_be_made_first() -> None:
    said = to_be_made_first("/srv/x", "/srv/x/s", "/srv/x", People())
    assert said.endswith(
        "of the endpoint /srv/x/s does not exist; make it first, with the permissions "
        "that its clients need."
    )
    said = to_be_made_first(f"{ALICE}/x", f"{ALICE}/x/s", ALICE, People())
    assert "logins of user alice; keep it there (loginctl enable-linger alice), or declare" in said
    said = to_be_made_first(f"{ALICE}/x", f"{ALICE}/x/s", f"{ALICE}/x", People())
    assert "make it first" in said
