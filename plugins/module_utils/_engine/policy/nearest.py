# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Words for messages: the nearest right word, and a value as a person would recognise it.

Used for errors only, so the modules it needs are imported when an error is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that looks most like the word, or None when none does."""
    import difflib

    plain = word.strip().lower().replace("-", "_")[:100]
    matches = difflib.get_close_matches(plain, list(candidates), n=1, cutoff=0.6)
    return matches[0] if matches else None


def listing(words: Iterable[str], last: str = "and") -> str:
    """Return the words as a phrase: "a", "a and b", "a, b and c"."""
    *others, final = words
    return f"{', '.join(others)} {last} {final}" if others else final


def kind(value: object) -> str:
    """Return what a value of the declaration is, in YAML's words."""
    if value is None:
        return "empty (null)"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, (int, float)):
        return f"the number {show(value)}"
    if isinstance(value, str):
        return f"the text {show(value)}"
    if isinstance(value, Mapping):
        return "a dictionary"
    if isinstance(value, (list, tuple)):
        return "a list"
    return f"a value of the type {type(value).__name__}"


def label(word: str) -> str:
    """Return a word as it is, or in quotes if it could be mistaken for a part of a sentence."""
    fit = word.isprintable() and 0 < len(word) <= 120 and " " not in word
    return word if fit else show(word)


def show(value: object) -> str:
    """Return a short, printable form of a value; never fails, whatever the value is."""
    import reprlib

    shortener = reprlib.Repr()
    shortener.maxstring = shortener.maxother = shortener.maxlong = 120
    try:
        shown = shortener.repr(value)
    except ValueError:  # int to text is limited in length, sys.set_int_max_str_digits
        return "a very long number"
    return shown if len(shown) <= 200 else f"{shown[:197]}..."
