# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What a run does as it was told, though it is hardly what somebody meant: told as warnings."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from .converge.record import Record
from .errors import AccessError
from .keep.parts import DEADLINE
from .model.holders import declared_name, holder_of
from .model.words import listed, one_line
from .report import Seen

if TYPE_CHECKING:  # pragma: no cover
    # A hook proves nothing, and so loads nothing that proves.
    from .proofs import Proof

_MOST_NAMED = 3


def doubts(
    seen: Iterable[Seen], record: Record, holders: Collection[str], proofs: Iterable[Proof] = ()
) -> list[str]:
    """Return everything of this run that somebody should look at once more."""
    seen = list(seen)
    deserted = {one.expectation.path for one in proofs if one.outcome.errno == "ECONNREFUSED"}
    said = [*under_two_names(seen, record, holders), *_not_made(seen, deserted)]
    if any(one.one.facts.refused for one in seen):
        from .subordinate import ways_around

        said += ways_around(seen)
    return said


def under_two_names(
    seen: Iterable[Seen], record: Record, holders: Collection[str]
) -> Iterator[str]:
    """Yield a sentence for each socket that an earlier run keeps under another name.

    It was renamed in the declaration, or somebody else declares it.  ``holders`` are those of this
    run, which replaces what they asked for earlier.
    """
    for one in _declared(seen):
        path = one.task.declared.path
        entry = record.entries.get(f"socket:{one.one.facts.chain.resolved}")
        for holder in sorted(entry.requests) if entry is not None else ():
            name = declared_name(holder)
            if holder not in holders and name is not None:
                yield (
                    f"The socket {path}, declared as {one.task.declared.name}, is also kept by "
                    f"{name}, the name under which an earlier run declared it, and whom {name} "
                    "lets in still gets in. Declare it under one name; purge "
                    "(socket_policy_purge: true) takes back what is not declared any more."
                )


def _not_made(seen: Iterable[Seen], deserted: Collection[str]) -> Iterator[str]:
    """Yield a sentence for each socket that is missing although its declared service runs.

    So it is if the daemon listens elsewhere now, and a file is left of what it made before:
    ``deserted`` are the paths at which connect() met nobody.
    """
    for one in _declared(seen):
        declared, chain = one.task.declared, one.one.facts.chain
        creator = one.creator
        if declared.unit is None or creator is None:
            continue
        if chain.missing is None and declared.path not in deserted:
            continue
        if creator.makes_sockets_itself or not creator.active:
            continue
        waits = ""
        if creator.takes_hooks:
            wait = declared.deadline or DEADLINE
            waits = f"; each start of {creator.unit} waits {wait:g} seconds for it"
        yield (
            f"{_what(declared.path, chain.missing)}, although {creator.unit}, which is "
            f"declared to make it, is running{_beside(chain.resolved)}. Compare the path with the "
            f"settings of the daemon{waits}."
        )


def _declared(seen: Iterable[Seen]) -> Iterator[Seen]:
    """Yield the sockets that this run was told of by a declaration of many."""
    for one in seen:
        by_policy = one.task.holder == holder_of(one.task.declared.name)
        if one.place is None and by_policy and not one.task.kept:
            yield one


def _what(path: str, missing: str | None) -> str:
    if missing is not None:
        return f"The socket {path} does not exist"
    return f"Nobody listens at the socket {path}, which is a file that was left behind"


def _beside(path: str) -> str:
    """Return which other sockets there are in the directory, as the part of a sentence."""
    # Loaded where there is a doubt.
    from .host.entries import special_files

    directory, missing = os.path.split(path)
    try:
        found = [
            one_line(os.path.join(directory, name))
            for name, status in special_files(directory)
            if stat.S_ISSOCK(status.st_mode) and name != missing
        ]
    except (AccessError, OSError):
        return ""
    return f" (beside it there is {listed(sorted(found))})" if 0 < len(found) <= _MOST_NAMED else ""
