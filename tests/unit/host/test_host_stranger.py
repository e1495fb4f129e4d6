# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ids that belong to no one."""

from __future__ import annotations

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.stranger import (
    highest_mapped,
    stranger,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
)

SPECIAL = {65534, 65535, 2**31, 2**32 - 2, 2**32 - 1}


def _nobody(dummy: int) -> bool:
    return False


def test_high_and_alone() -> None:
    who = stranger(_nobody, _nobody)
    assert 2**30 < who.uid < 2**31
    assert 2**30 < who.gid < 2**31
    assert who.groups == frozenset()


def test_taken_ids_are_left_out() -> None:
    first = stranger(_nobody, _nobody)
    taken = {first.uid, first.uid - 1}
    assert stranger(taken.__contains__, {first.gid}.__contains__) == Credentials(
        first.uid - 2, first.gid - 1
    )


@pytest.mark.parametrize("highest", [65533, 65534, 65535, 65536, 2**31, 2**32 - 1])
def test_special_ids_are_left_out(highest: int) -> None:
    who = stranger(_nobody, _nobody, highest)
    assert who.uid <= highest
    assert who.uid not in SPECIAL
    assert who.gid not in SPECIAL


def test_all_taken() -> None:
    with pytest.raises(AccessError, match="No user id that belongs to no one was found below"):
        stranger(lambda dummy: True, _nobody)
    with pytest.raises(AccessError, match="No group id that belongs to no one was found below"):
        stranger(_nobody, lambda dummy: True)


def test_this_host_has_such_ids() -> None:
    assert highest_mapped() >= 1000
