# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The path is swapped before each single system call of a run, in turn, and stays so or goes back.

The race of test_kernel_attacks.py meets the moments that the scheduler gives it; this meets each.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import inode
from kernel.hostile.steps import before_each
from kernel.hosts import BOB, Place, exchange
from kernel.test_kernel_attacks import SCENES, Scene, place

__all__ = ["place"]

# The calls that look a name up; what goes through a descriptor cannot be led anywhere.
NAMES = ("open", "stat", "readlink", "getxattr", "setxattr", "chmod", "chown")
# How many calls long the swap lasts; what is swapped back in time is the harder one to notice.
LASTS = {"stays": 10_000, "flickers": 1, "flickers slowly": 4}


def declared(scene: Scene) -> dict[str, Any]:
    trusted = {"trust_directories": [scene.trusted]} if scene.trusted else {}
    allow = [{"user": str(BOB), "method": "acl"}]
    return {"app": {"path": scene.path, "mode": "0600", "allow": allow, **trusted}}


def swapped_before_each(
    scene: Scene, swap: tuple[str, str], lasts: int, run: Callable[[], object]
) -> Iterator[int]:
    """Run again and again, each time with the swap before a later call, until there is none."""
    reached = [0]
    for moment in range(1000):
        swapped, reached[0] = False, 0

        def act(number: int, dummy: str, moment: int = moment) -> None:
            nonlocal swapped
            if number == moment or (swapped and number == moment + lasts):
                exchange(*swap)
                swapped = not swapped
            reached[0] = number

        with before_each(act, NAMES):
            try:
                run()
            except AccessError:
                pass
        if swapped:
            exchange(*swap)
        yield moment
        if reached[0] < moment:
            return


@pytest.mark.parametrize("make", SCENES, ids=[one.__name__[1:] for one in SCENES])
def test_a_swap_before_any_call_gains_nothing(place: Place, make: Callable[[Place], Scene]) -> None:
    scene = make(place)
    before, wanted = scene.seen(), declared(scene)
    each = list(itertools.product(scene.swaps, LASTS))
    # A third of all pairs, so that each swap and each length has its turn with each scene.
    for swap, lasts in each[SCENES.index(make) % 3 :: 3]:
        moments = 0
        for moment in swapped_before_each(
            scene, swap, LASTS[lasts], lambda: place.run(wanted, prove=False)
        ):
            assert scene.seen() == before, (swap, lasts, moment)
            place.run(wanted, absent=True)
            moments += 1
        assert moments > 20
    place.run(wanted, prove=False)
    for moment in swapped_before_each(
        scene, swap, LASTS[lasts], lambda: place.run(wanted, absent=True)
    ):
        assert scene.seen() == before, ("undo", swap, lasts, moment)
        place.run(wanted, prove=False)
    place.run(wanted, absent=True)
    assert scene.seen() == before


def test_a_change_by_name_would_be_caught(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the name in the place of the descriptor, one of the moments is the attacker's."""
    scene = SCENES[0](place)
    before, wanted = scene.seen(), declared(scene)
    monkeypatch.setattr(inode, "magic_link", lambda fd: scene.path)

    def run() -> None:
        try:
            place.run(wanted, prove=False)
        except OSError as error:
            raise AccessError(str(error)) from error

    caught = (
        scene.seen() != before
        for dummy in swapped_before_each(scene, scene.swaps[0], LASTS["stays"], run)
    )
    assert any(caught)
