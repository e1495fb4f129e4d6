# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""How ids are called in a sentence."""

from __future__ import annotations

from typing import Protocol


class Names(Protocol):
    """Something that knows the names of ids; it returns the number as text where there is none."""

    def user_name(self, uid: int) -> str: ...

    def group_name(self, gid: int) -> str: ...


class Numbers:
    """Calls every id by its number."""

    def user_name(self, uid: int) -> str:
        return str(uid)

    def group_name(self, gid: int) -> str:
        return str(gid)


NUMBERS = Numbers()


def user_called(uid: int, names: Names) -> str:
    """Return how a user is called inside a sentence."""
    name = names.user_name(uid)
    return f"uid {name}" if name.isdigit() else name


def group_called(gid: int, names: Names) -> str:
    """Return how a group is called inside a sentence."""
    return f"group {names.group_name(gid)}"
