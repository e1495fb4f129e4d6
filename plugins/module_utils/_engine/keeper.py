# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Keeping a grant on this host: who makes the socket, and the hooks as resources.

Nothing is kept where systemd does not run; then the result says so.
"""

from __future__ import annotations

import pwd
from collections.abc import Sequence
from typing import Any

from .converge.record import Record
from .converge.steps import AnyResource, Want
from .endpoints import Place, method_by
from .engine_place import judged
from .environments import creator_shown
from .errors import AccessError
from .host import installed, theirs
from .host.accounts import Accounts
from .host.atomic_file import Unflushed
from .host.listening import is_deserted
from .host.shown import Shown
from .host.systemctl import Unanswered, is_silent
from .host.systemd import Manager
from .keep.client_environment import client_file
from .keep.hooks import Hooks, hooks, without_hook
from .keep.parts import Creator, KeptFile, Served
from .model.access import Access, AccessRequest
from .model.chain import Chain
from .model.words import Names, listed
from .overridden import overridden
from .remembered import found_anew, kept_before, maker, with_found_units
from .resources.engine_install import EngineInstall
from .resources.file import ManagedFile
from .resources.unit import UnitState, memory_of
from .survey import Finder, Surveyed
from .task import Task
from .unfit_units import made_by_another, short_start, unfit

# The ids of those that are there only while their service runs (systemd: DYNAMIC_UID_MIN, DYNAMIC_UID_MAX).
_DYNAMIC = range(0xEF00, 0xFFF0)


class Keeper(Finder):
    """The hooks of one run; ``problems`` collects what makes a declared unit unfit."""

    def __init__(self, accounts: Accounts, names: Names, record: Record, *, check: bool) -> None:
        super().__init__(check=check)
        self._made = {
            directory
            for key, entry in record.entries.items()
            if key.startswith(("file:", "file@"))
            for directory in entry.before["missing"]
        }
        self.doubts: list[str] = []
        self._judged = False
        self._accounts = accounts
        self._names = names
        self._managers: dict[str | None, Manager] = {}
        self._unflushed = Unflushed()
        self._active: dict[str, bool] = {}

    def find_creators(
        self, seen: Sequence[tuple[Task, Surveyed]]
    ) -> list[tuple[Task, Creator | None]]:
        """Return each task, with the unit that was found if none is declared, and its creator."""
        tasks = with_found_units(seen)
        shown = self._show(tasks)
        anew = found_anew(tasks, seen, shown)
        if anew != tasks:
            tasks, shown = anew, self._show(anew)
        creators: list[tuple[Task, Creator | None]] = []
        for task, (dummy, one) in zip(tasks, seen):
            unit, user = maker(task)
            known = None if unit is None else shown.get((unit, user))
            if unit is not None and known is None and task.declared.unit is not None:
                one.notes.append(self._manager_is_down(task, unit, user))
            if task.served or (task.kept and method_by(unit)):
                # It is ours, and may be about to be made.
                creators.append((task, Creator(str(unit))))
                continue
            if known is not None and not known.exists:
                if task.declared.unit is None:
                    unit, task = None, task._replace(found_unit=None, found_user=None)
                else:
                    self._missing(task, one, known)
            elif known is not None:
                group = self._group_without_us(task, known) if task.declared.born else ""
                self.problems += unfit(task.declared, known, group, one.facts.chain)
                show = self._manager(user).show
                one.notes += made_by_another(task.declared, known, one.facts.chain, show)
                seconds = short_start(task.declared, known) if user is None else None
                task = task._replace(start_seconds=seconds, unit_group=group)
            creators.append((task, self._creator(task, unit, user, known)))
        return creators

    def _creator(
        self, task: Task, unit: str | None, user: str | None, known: Shown | None
    ) -> Creator | None:
        if unit is None:
            return None
        creator = creator_shown(task, unit, user, known)
        owner = None if user is None else self._accounts.user(user)
        if owner is None:
            return creator
        return creator._replace(uid=owner.uid, gid=owner.credentials.gid)

    def _group_without_us(self, task: Task, unit: Shown) -> str:
        """Return the group with which the unit runs, or ran before a drop-in of ours changed it."""
        old = kept_before(task)
        if old is not None and old.declared.born:
            return old.unit_group
        if unit.group or not unit.user:
            return "" if unit.dynamic and self._is_passing(unit.group) else unit.group
        user = self._accounts.user(unit.user)
        return "" if user is None else self._names.group_name(user.credentials.gid)

    def _is_passing(self, name: str) -> bool:
        """Tell whether a group is there only while its service runs with it as its own group."""
        group = self._accounts.group(name)
        return group is None or group.gid in _DYNAMIC

    def keep(
        self,
        task: Task,
        one: Surveyed,
        creator: Creator | None,
        request: AccessRequest,
        planned: Access | None,
    ) -> tuple[list[Want], Hooks]:
        """Return what the host needs so that the socket stays as it shall be."""
        home = None
        if creator is not None and creator.user is not None:
            home = self._home(task, one, creator.user)
        kept = hooks(task, creator, request, planned, self._names, home)
        later = overridden(task, creator, kept.files)
        if later:
            kept = kept._replace(said=kept.said[:1])
        one.notes += [*without_hook(task, creator), *later]
        one.overridden += later
        wants = [self._engine(task.holder)]
        wants += [
            Want(self._file(file), task.holder, file.content.encode())
            for file in kept.files
            # A user who is not there was told of already.
            if file.user is None or self._accounts.user(file.user)
        ]
        unit = self._unit(kept.unit, self._active.get(kept.unit, False))
        wants.append(Want(unit, task.holder, True))
        return wants, kept

    def serve(self, served: Served, holder: str, chain: Chain | None = None) -> list[Want]:
        """Return what the host needs so that an endpoint is there; ``chain`` leads to it."""
        wants = [self._engine(holder)]
        wants += [Want(self._file(file), holder, file.content.encode()) for file in served.files]
        active = self._active.get(served.unit)
        lost = chain is not None and is_deserted(chain)
        unit = self._unit(served.unit, active, makes=served.path, lost=lost)
        wants.append(Want(unit, holder, True))
        return wants

    def start(self, units: Sequence[str]) -> None:
        """Make sure that services run, for a connect() tells only that somebody listens.

        Raises AccessError that names those that cannot be started.
        """
        manager = self._manager(None)
        failed = manager.start(units)
        if failed:
            raise AccessError(
                f"{listed(failed)} cannot be started, so nothing is passed on there; systemctl "
                f"status {failed[0]} and the journal tell why."
            )

    def wait_for_nothing(self) -> None:
        """Let units that are started from now on come up after this run.

        Their hooks wait for its lock, and nothing else sets what they start as it was.
        """
        for manager in self._managers.values():
            manager.waits = False

    def tell_clients(self, places: Sequence[Place], one: Surveyed, holder: str) -> list[Want]:
        """Return what tells the clients of endpoints where these are."""
        files = {place: client_file(place.name, place.endpoint) for place in places}
        told = {place: file for place, file in files.items() if file is not None}
        units = [str(place.endpoint.client_unit) for place in told]
        for place, unit in zip(told, self._manager(None).show(units)):
            if unit.exists:
                one.notes.append(f"{unit.name} finds {place.endpoint.at} when it is started next.")
            else:
                self._without_client(unit.name, place.endpoint.at, one)
        return [Want(self._file(file), holder, file.content.encode()) for file in told.values()]

    def look_for_clients(self, units: Sequence[str], at: str, one: Surveyed) -> None:
        """Tell of the clients of an endpoint that are not there any more."""
        for unit in self._manager(None).show(units):
            if not unit.exists:
                self._without_client(unit.name, at, one)

    def _without_client(self, unit: str, at: str, one: Surveyed) -> None:
        sentence = f"The unit {unit}, declared as the client of {at}, does not exist on this host"
        way_out = "install what brings it, or correct the name in client_unit."
        self.lacks(one, sentence, "install", way_out)

    def recorded(self, kind: str, rest: str) -> AnyResource:
        """Make the resource of a recorded key, for what is undone."""
        if kind == "engine":
            return EngineInstall()
        if kind == "unit":
            return self._unit(rest)
        name = kind.partition("@")[2] or None
        return self._file(KeptFile(rest, "", unit_file="/systemd/" in rest, user=name))

    def _engine(self, holder: str) -> Want:
        if not self._judged:
            refused, self.doubts = judged(installed.Place(), self._accounts, self._names)
            self.problems += refused
            self._judged = True
        return Want(EngineInstall(), holder, installed.version())

    def _unit(self, name: str, active: bool | None = None, **more: Any) -> UnitState:
        return UnitState(name, self._manager(None), memory_of(name), active, **more)

    def _file(self, file: KeptFile) -> ManagedFile:
        writer = None if file.user is None else self._accounts.user(file.user)
        if file.user is not None and writer is None:
            raise AccessError(f"User {file.user} is gone, and with it the rights to {file.path}.")
        manager = self._manager(file.user) if file.unit_file else None
        return ManagedFile(
            file.path,
            manager=manager,
            restarts=file.restarts,
            writer=writer,
            at_home=writer is None or theirs.has_home(writer),
            made=self._made,
            unflushed=self._unflushed,
        )

    def _manager(self, user: str | None) -> Manager:
        return self._managers.setdefault(user, Manager(user))

    def _show(self, tasks: Sequence[Task]) -> dict[tuple[str, str | None], Shown]:
        """Ask each manager once, and the system's about the units that watch as well."""
        wanted = [(unit, user) for unit, user in map(maker, tasks) if unit is not None]
        watches = [f"socket-access-{task.declared.name}.path" for task in tasks]
        shown: dict[tuple[str, str | None], Shown] = {}
        for user in sorted({None, *(user for dummy, user in wanted)}, key=str):
            manager = self._manager(user)
            units = [unit for unit, owner in wanted if owner == user]
            if user is not None and not manager.is_up():
                continue
            try:
                answer = manager.show([*units, *(watches if user is None else ())])
            except Unanswered:
                continue  # What is said of a manager that does not run tells of it.
            shown.update(((one.name, user), one) for one in answer)
        self._active = {name: unit.active for (name, owner), unit in shown.items() if owner is None}
        return shown

    def _home(self, task: Task, one: Surveyed, name: str) -> str:
        try:
            return pwd.getpwnam(name).pw_dir
        except KeyError:
            sentence = (
                f"User {name}, in whose manager the unit of the socket {task.declared.path} is "
                "declared, does not exist on this host"
            )
            self.lacks(one, sentence, "create", "create the user, or correct unit_user.")
            return f"/home/{name}"

    def _missing(self, task: Task, one: Surveyed, unit: Shown) -> None:
        user = task.declared.unit_user
        where, other = (
            ("on this host", "declare unit_user if it is a unit of a user's own manager")
            if user is None
            else (f"in the manager of user {user}", "leave unit_user out if it is the system's")
        )
        sentence = (
            f"The unit {unit.name}, declared for the socket {task.declared.path}, does not exist "
            f"{where}"
        )
        way_out = (
            f"install what brings it, correct the name, {other}, or leave unit out: then the socket is "
            "watched all the same."
        )
        self.lacks(one, sentence, "install", way_out)

    def _manager_is_down(self, task: Task, unit: str, user: str | None) -> str:
        kept = f"the hook of {unit} for {task.declared.path} works from"
        if is_silent(user):
            return f"The manager of user {user} gives no answer, so {kept} its next start on."
        return (
            f"The manager of user {user} does not run, so {kept} the next login on; loginctl "
            f"enable-linger {user} starts it without one."
        )
