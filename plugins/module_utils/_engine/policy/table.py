# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The reading of dictionaries by a table: one row for each key that may be written."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Callable, NamedTuple, NoReturn

from .nearest import kind, listing, nearest, show
from .problems import Place, Problem, Wrong

Checker = Callable[[object, Place], object]


class Row(NamedTuple):
    """A key: its checker, and what its value is, in words that follow "write".

    ``listed``: the value is a list, ``check`` is for one item, and the lists of several variables
    add up.  ``also`` are other words by which people call it.
    """

    check: Checker
    words: str
    listed: bool = False
    required: bool = False
    also: tuple[str, ...] = ()


class Item(NamedTuple):
    """A checked item of a list, with its place for later messages."""

    value: object
    place: Place


class Values(dict[str, object]):
    """The good values of a dictionary by their keys.

    ``doubtful`` are keys that are meant by what was refused, so nobody can say that they are missing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.doubtful: set[str] = set()


def mapping(value: object, place: Place, wanted: str) -> Mapping[object, object]:
    """Return the value if it is a dictionary; ``wanted`` says what to write instead."""
    if not isinstance(value, Mapping):
        place.wrong(f"The value is {kind(value)}; write {wanted}.")
    return value


def items(value: object, place: Place, row: Row) -> list[object]:
    """Return the items if the value is a list."""
    if not isinstance(value, (list, tuple)):
        hint = ", or leave the key out" if value is None else ""
        place.wrong(f"The value is {kind(value)}; write {row.words}{hint}.")
    return list(value)


def read(
    declared: Mapping[object, object],
    place: Place,
    rows: Mapping[str, Row],
    elsewhere: Mapping[str, str] | None = None,
    repeats: Collection[str] = (),
) -> tuple[Values, list[Problem]]:
    """Check a dictionary by its table; return the good values and every problem.

    The value of a listed key is a list of ``Item``, in which equal ones collapse unless the key is
    one that ``repeats``.  ``elsewhere`` maps keys that belong somewhere
    else to where that is, in words.
    """
    values = Values()
    problems: list[Problem] = []
    for key, value in declared.items():
        row = rows.get(key) if isinstance(key, str) else None
        meant = str(key) if row is not None else _meant(key, rows, elsewhere or {})
        known = len(problems)
        try:
            if row is None:
                _unknown(key, place, rows, elsewhere or {}, meant)
            elif row.listed:
                checked, found = _read_list(value, place.at(str(key)), row, key in repeats)
                values[str(key)] = checked
                problems += found
            else:
                values[str(key)] = row.check(value, place.at(str(key)))
        except Wrong as wrong:
            problems += wrong.problems
        if meant is not None and len(problems) > known:
            values.doubtful.add(meant)
    for key, row in rows.items():
        if row.required and key not in values.doubtful and key not in declared:
            problems.append(place.at(key).problem(f"The key is missing; write {row.words}."))
    return values, problems


def _read_list(
    value: object, place: Place, row: Row, repeats: bool
) -> tuple[list[Item], list[Problem]]:
    """Check every item; equal ones collapse into the first, unless the list repeats them."""
    checked: list[Item] = []
    problems: list[Problem] = []
    seen: set[object] = set()
    for index, item in enumerate(items(value, place, row)):
        try:
            good = row.check(item, place.item(index))
        except Wrong as wrong:
            problems += wrong.problems
            continue
        if repeats or good not in seen:
            seen.add(good)
            checked.append(Item(good, place.item(index)))
    return checked, problems


def _meant(key: object, rows: Mapping[str, Row], elsewhere: Mapping[str, str]) -> str | None:
    """Return the key that somebody may have meant by one that no row has."""
    if not isinstance(key, str) or key in elsewhere:
        return None
    word = key.strip().lower().replace("-", "_")
    also = next((name for name, row in rows.items() if word in row.also), None)
    return also or nearest(key, rows)


def _unknown(
    key: object,
    place: Place,
    rows: Mapping[str, Row],
    elsewhere: Mapping[str, str],
    meant: str | None,
) -> NoReturn:
    """Refuse a key that no row has, with the nearest right one."""
    if not isinstance(key, str):
        place.wrong(f"A key is {kind(key)}; the keys here are {listing(rows)}.")
    where = place.at(key)
    if key in elsewhere:
        where.wrong(f"There is no key {show(key)} here; it belongs {elsewhere[key]}.")
    hint = f" Did you mean {meant}?" if meant else ""
    where.wrong(f"There is no key {show(key)} here; the keys are {listing(rows)}.{hint}")
