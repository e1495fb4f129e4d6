# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Whether JSON from a file of this host has the form that was written, and where it has not.

Such files are root's own, and may be edited, cut, or put back from another host all the same.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, Callable

from .words import listed

Form = Callable[[Any], None]

# (uid_t) -1 is nobody's (chown(2)).
_LAST_ID = 0xFFFFFFFE
_LONGEST = 60


class Unfit(ValueError):
    """The data has another form; the message says where, and what was expected there."""

    def __init__(self, said: str, where: str = "") -> None:
        self.said = said
        self.where = where
        super().__init__(f"{where.lstrip('.') or 'it'} {said}")


def anything(value: Any) -> None:
    """What is looked at elsewhere."""


def text(value: Any) -> None:
    """A text that can be a part of a path or an argument of a program."""
    if not isinstance(value, str) or "\0" in value or not _is_bytes(value):
        raise _unfit(value, "a text")


def path(value: Any) -> None:
    """An absolute path."""
    text(value)
    if not value.startswith("/"):
        raise _unfit(value, "an absolute path")


def flag(value: Any) -> None:
    """True or false."""
    if not isinstance(value, bool):
        raise _unfit(value, "true or false")


def number(value: Any) -> None:
    """A number that is one, of a size with which can be reckoned."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e15:
        raise _unfit(value, "a number")


def whole(least: int, most: int) -> Form:
    """A whole number between these two, both included."""
    wanted = str(least) if least == most else f"a whole number from {least} to {most}"

    def check(value: Any) -> None:
        fits = isinstance(value, int) and not isinstance(value, bool)
        if not fits or not least <= value <= most:
            raise _unfit(value, wanted)

    return check


def one_of(words: Collection[str]) -> Form:
    """One of these words."""

    def check(value: Any) -> None:
        if not isinstance(value, str) or value not in words:
            raise _unfit(value, f"one of {listed(sorted(words))}")

    return check


def maybe(form: Form) -> Form:
    """The same, or nothing."""

    def check(value: Any) -> None:
        if value is not None:
            form(value)

    return check


def many(form: Form) -> Form:
    """A list."""

    def check(value: Any) -> None:
        if not isinstance(value, list):
            raise _unfit(value, "a list")
        for index, one in enumerate(value):
            _within(f"[{index}]", form, one)

    return check


def each(form: Callable[[str, Any], None]) -> Form:
    """An object with any keys; the form is that of a key and its value together."""

    def check(value: Any) -> None:
        for name, one in _object(value).items():
            try:
                form(name, one)
            except Unfit as error:
                raise Unfit(error.said, _step(name) + error.where) from None

    return check


def table(key: Form, form: Form) -> Form:
    """An object with any keys of one form, and values of another."""

    def both(name: str, value: Any) -> None:
        key(name)
        form(value)

    return each(both)


def keys(needed: Mapping[str, Form], more: Mapping[str, Form] | None = None) -> Form:
    """An object with these keys, and some of the others; they are looked at in this order."""
    known = {**needed, **(more or {})}

    def check(value: Any) -> None:
        found = _object(value)
        for name, form in known.items():
            if name in found:
                _within(_step(name), form, found[name])
            elif name in needed:
                raise Unfit(f"has no {name}")
        for name in found:
            if name not in known:
                raise Unfit("is nothing that is known here", _step(name))

    return check


account_id = whole(0, _LAST_ID)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _unfit(value, "an object")
    return value


def _within(step: str, form: Form, value: Any) -> None:
    try:
        form(value)
    except Unfit as error:
        raise Unfit(error.said, step + error.where) from None


def _step(name: str) -> str:
    return f".{name}" if name.isidentifier() and name.isascii() else f"[{_shown(name)}]"


def _unfit(value: Any, wanted: str) -> Unfit:
    return Unfit(f"is {_shown(value)}, where {wanted} is expected")


def _shown(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    shown = json.dumps(value)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}..."


def _is_bytes(value: str) -> bool:
    """Tell whether a text is one of bytes: a lone surrogate stands for one in Python (PEP 383)."""
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True
