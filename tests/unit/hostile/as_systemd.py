# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A unit file as systemd reads it: what a hostile value would have to change.

Sources: systemd.syntax(7); parse_line() and read_line_full() of systemd (LF, CR and NUL end a line,
an odd backslash at its end continues it); systemd.service(5), COMMAND LINES.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_ENDS = re.compile("[\n\r\0]")
# Settings whose value is a list of words with quotes, and those in which a quote is nothing special
# (systemd's extract_first_word() without flags).
_LISTS = ("Environment", "Wants", "Requires", "After", "BindsTo")
_PLAIN_LISTS = ("SupplementaryGroups",)


def settings(text: str) -> list[tuple[str, str, str]]:
    """Return every setting of a unit file as its section, key and raw value, in order."""
    found, section = [], ""
    for line in _logical(text):
        if line.startswith("["):
            section = line
        else:
            key, dummy, value = line.partition("=")
            found.append((section, key.strip(), value.strip()))
    return found


def shape(text: str) -> list[tuple[str, str, int]]:
    """Return what a value may never change: all settings in order, and how many words each has."""
    return [(section, key, len(words(key, value))) for section, key, value in settings(text)]


def words(key: str, value: str) -> list[str]:
    """Return the words of a value, or the value itself where it is one whatever is in it."""
    if not (key.startswith("Exec") or key in _LISTS + _PLAIN_LISTS):
        return [value]
    quotes = "" if key in _PLAIN_LISTS else "\"'"
    found: list[str] = []
    rest = value.strip()
    while rest:
        word, rest = _word(rest, quotes)
        found.append(word)
    return found


def unsafe(text: str) -> list[str]:
    """Return the settings in which systemd would replace something that nobody meant to be."""
    bad = []
    for dummy, key, value in settings(text):
        # $MAINPID is the one variable that the collection itself uses.
        left = value.replace("%%", "").replace("$MAINPID", "")
        if key.startswith("Exec"):
            left = left.replace("$$", "")
            if "$" in left:
                bad.append(f"{key}={value}")
        if "%" in left:
            bad.append(f"{key}={value}")
    return bad


def _logical(text: str) -> Iterator[str]:
    continued = ""
    for raw in _ENDS.split(text):
        # Comments are left out before anything is continued.
        if (raw.strip() == "" and not continued) or raw.strip().startswith(("#", ";")):
            continue
        backslashes = len(raw) - len(raw.rstrip("\\"))
        if backslashes % 2:
            continued += f"{raw[:-1]} "
            continue
        line, continued = (continued + raw).strip(), ""
        if line:
            yield line
    if continued:
        yield continued.strip()


def _word(text: str, quotes: str) -> tuple[str, str]:
    """Return the first word, unquoted, and what follows it."""
    word, quote, at = "", "", 0
    while at < len(text):
        one = text[at]
        if one == "\\":
            word += text[at + 1 : at + 2]
            at += 2
            continue
        if quote:
            if one == quote:
                quote = ""
            else:
                word += one
        elif one in quotes:
            quote = one
        elif one in " \t":
            break
        else:
            word += one
        at += 1
    if quote:
        raise ValueError(f"a quote is left open in {text!r}")
    return word, text[at:].strip()
