# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The record on the host: what was there before, what was applied, and who asked for it.

It is written before the first change and again after the last, so that a kill in between leaves
enough to heal or to undo.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from ..errors import AccessError
from ..faults import looking_at
from ..host import atomic_file
from ..model.form import Form
from ..shortcut import MANAGED
from .forms import FORMAT, KINDS, record_of

DIRECTORY = "/var/lib/socket-access"


class Entry(NamedTuple):
    """What is known of one resource; states and requests are in their JSON form.

    ``births`` are states in which hooks of ours let the thing be born.  ``pending`` is True while a
    run is putting ``applied`` into effect, so after a kill nobody can tell which part of it is
    there.
    """

    before: Any
    applied: Any
    requests: Mapping[str, Any]
    identity: str | None = None
    pending: bool = False
    births: Sequence[Any] = ()


class Record(NamedTuple):
    """All entries by the key of their resource.

    ``ended`` names grants whose time was over once, each with its holder: no clock that is set back
    gives them again.
    """

    entries: Mapping[str, Entry] = MappingProxyType({})
    ended: Mapping[str, str] = MappingProxyType({})

    def holders(self) -> set[str]:
        """Return everyone who asked for something."""
        asking = {holder for entry in self.entries.values() for holder in entry.requests}
        return asking | set(self.ended.values())


_FORM = record_of(KINDS)


class RecordFile:
    """The file in which a host keeps its record, readable by root alone."""

    def __init__(self, directory: str = DIRECTORY, form: Form = _FORM) -> None:
        self.directory = directory
        self._form = form
        self.path = os.path.join(directory, "record.json")

    def load(self) -> Record:
        """Return what was recorded; a host that was never touched has an empty record.

        Raises AccessError for a file that cannot be understood, which is left as it is.
        """
        with looking_at(f"The record {self.path}"):
            content = atomic_file.read(self.path)
        if content is None:
            return Record()
        try:
            data = json.loads(content)
            self._form(data)
        except (ValueError, RecursionError) as error:
            raise AccessError(
                f"The record {self.path} cannot be understood ({error}), so nothing was changed; "
                "restore it from a backup, or move it away to give up what it remembers."
            ) from error
        entries = {key: Entry(**entry) for key, entry in data["entries"].items()}
        return Record(entries, data.get("ended", {}))

    def save(self, record: Record) -> None:
        """Replace the record on the disk; an empty one is removed."""
        if record == Record():
            atomic_file.remove(self.path)
            return
        data: dict[str, Any] = {
            "managed_by": MANAGED,
            "format": FORMAT,
            "entries": {key: record.entries[key]._asdict() for key in sorted(record.entries)},
        }
        if record.ended:
            data["ended"] = {key: record.ended[key] for key in sorted(record.ended)}
        content = json.dumps(data, indent=1, sort_keys=False) + "\n"
        atomic_file.replace(self.path, content.encode(), 0o600)

    def clear_away(self) -> None:
        """Remove the directory when nothing is recorded any more, so that no trace is left.

        For the holder of the lock alone, since nobody else may be writing.
        """
        try:
            if not os.path.exists(self.path):
                atomic_file.remove(self.path)
            os.rmdir(self.directory)
        except OSError:
            # Missing, or something is in it: the record, or what is not ours to remove.
            pass


class NoRecord(RecordFile):
    """For a run without root's rights, which can neither read nor write what was before."""

    def load(self) -> Record:
        """Return an empty record."""
        return Record()

    def save(self, record: Record) -> None:
        """Keep nothing."""
