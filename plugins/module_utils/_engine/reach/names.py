# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""How ids are called in a sentence."""

from __future__ import annotations

from ..model.words import Names, Numbers

NUMBERS = Numbers()


def user_called(uid: int, names: Names) -> str:
    """Return how a user is called inside a sentence."""
    name = names.user_name(uid)
    return f"uid {name}" if name.isdigit() else name


def group_called(gid: int, names: Names) -> str:
    """Return how a group is called inside a sentence."""
    return f"group {names.group_name(gid)}"
