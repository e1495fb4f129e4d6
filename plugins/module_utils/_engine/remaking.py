# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What makes the endpoint of a proxy or a gate, for a run that has the host's own policy of it alone.

Such a policy says who may connect there, and not by which program and as whom that is passed on.  The
record does: it has every file of the units as the last whole run wanted it.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator, Sequence

from .converge.record import Record
from .converge.steps import Want
from .endpoints import maker_of, service_of
from .host import socat
from .keep.parts import UNITS, KeptFile, Served
from .keeper import Keeper
from .report import Seen
from .serving import Serving

_USER = re.compile(r"^User=(.*)$", re.MULTILINE)
_GROUPS = re.compile(r"^SupplementaryGroups=(.*)$", re.MULTILINE)
_PROGRAM = re.compile(rf"^ExecStart=.*{re.escape(socat.PROGRAM)} ", re.MULTILINE)


class Remaking:
    """The endpoints of one run of which the host keeps a policy, and that is all that it was told."""

    def __init__(self, record: Record, keeper: Keeper, serving: Serving) -> None:
        self._keeper = keeper
        self._serving = serving
        self._files: dict[str, list[tuple[str, str]]] = {}
        for key, entry in record.entries.items():
            kind, dummy, path = key.partition(":")
            for holder, content in entry.requests.items() if kind == "file" else ():
                self._files.setdefault(holder, []).append((path, content))

    def wants(self, seen: Seen, method: str) -> list[Want]:
        """Return what makes the endpoint, nothing where the record does not tell that."""
        unit, at = str(seen.task.declared.unit), seen.task.declared.path
        holder = maker_of(seen.task, method)
        files = tuple(self._recorded(holder, unit))
        if not files:
            return []
        self._look(files, service_of(unit), method, seen)
        return self._keeper.serve(Served(files, unit, at), holder, seen.one.facts.chain)

    def _recorded(self, holder: str, unit: str) -> Iterator[KeptFile]:
        own = (unit, service_of(unit))
        for path, content in self._files.get(holder, ()):
            directory, dummy, name = path.rpartition("/")
            yield KeptFile(
                path,
                base64.b64decode(content).decode(),
                unit_file=path.startswith(f"{UNITS}/"),
                restarts=name if directory == UNITS and name in own else None,
            )

    def _look(self, files: Sequence[KeptFile], service: str, method: str, seen: Seen) -> None:
        """Tell of what the files of an endpoint name and the host has no more."""
        at, clients = seen.task.declared.path, []
        for file in files:
            directory, dummy, name = file.path.rpartition("/")
            if directory.endswith(".service.d"):
                clients.append(os.path.basename(directory)[: -len(".d")])
            if name != service:
                continue
            for user in _USER.findall(file.content):
                what = f"the {method} at {at} shall run"
                self._serving.known(user.replace("%%", "%"), what, seen.one)
            for gids in _GROUPS.findall(file.content):
                self._look_for_groups(gids.split(), f"the {method} at {at}", seen)
            if _PROGRAM.search(file.content) and not os.path.exists(socat.PROGRAM):
                self._serving.without_socat(at, seen.one)
        if clients:
            self._keeper.look_for_clients(clients, at, seen.one)

    def _look_for_groups(self, gids: Sequence[str], what: str, seen: Seen) -> None:
        for gid in gids:
            if self._serving.has_no_name(gid):
                # systemd starts no service with it (systemd.exec(5)).
                sentence = (
                    f"The group with the id {gid}, by which {what} gets to the socket behind it, "
                    "has no name on this host"
                )
                way_out = "create it again, or run the playbook."
                self._serving.lacks(seen.one, sentence, "create", way_out)
