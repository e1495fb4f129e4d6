# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""How numbers are called in messages to people."""

from __future__ import annotations

import re
from typing import Protocol


class Names(Protocol):
    """Whoever can give the names of user and group ids."""

    def user_name(self, uid: int) -> str:
        """Return the name of a user id, or the number as text."""

    def group_name(self, gid: int) -> str:
        """Return the name of a group id, or the number as text."""


class Numbers:
    """Names for where no name service is at hand: the numbers themselves."""

    def user_name(self, uid: int) -> str:
        """Return the user id as text."""
        return str(uid)

    def group_name(self, gid: int) -> str:
        """Return the group id as text."""
        return str(gid)


def permissions_in_words(permissions: int) -> str:
    """Return three permission bits as ls(1) and getfacl(1) show them."""
    return "".join(
        letter if permissions & bit else "-" for letter, bit in (("r", 4), ("w", 2), ("x", 1))
    )


def listed(items: list[str]) -> str:
    """Return items as a list in a sentence: "a", "a and b", "a, b and c"."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def setting_word(name: str) -> str:
    """Return a name as one word of a setting of systemd that takes several without quotes.

    There a backslash takes the next character as it is, and a quote is a part of the word
    (extract_first_word() without flags, as config_parse_user_group_strv_compat() calls it).
    """
    return re.sub(r"[\s\\]", r"\\\g<0>", name).replace("%", "%%")


def operand(name: str) -> tuple[str, ...]:
    """Return a name as an argument that no command takes for an option, the unit -x.service too."""
    return ("--", name) if name.startswith("-") else (name,)


def one_line(text: str) -> str:
    """Return a text that begins no line of its own, and in which nothing talks to a terminal.

    Anybody can give a file, a link or a process a name with control characters in it.
    """
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text
    )


def capital(sentence: str) -> str:
    """Return a text with its first letter in upper case, the others as they are."""
    return sentence[:1].upper() + sentence[1:]
