# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The bind mounts of one socket as resources: directory, target, line of fstab, and the mount."""

from __future__ import annotations

from .converge.record import Record
from .converge.steps import AnyResource, Want
from .endpoints import Place
from .errors import AccessError
from .host import fstab
from .host.accounts import Accounts
from .host.mounting import PROGRAM, users_can_mount
from .host.systemd import Manager
from .methods import bind_mount
from .model.access import AccessRequest
from .model.account import Group, User
from .model.fstab import find, in_the_way, user_line
from .model.words import Names
from .policy import Endpoint
from .report import Seen
from .resources.bind_mount import BindMount, MountRequest
from .resources.endpoint_directory import EndpointDirectory
from .resources.fstab_line import FstabLine
from .resources.target_file import TargetFile
from .survey import Finder
from .task import Options

_CREATE = "create it, or correct the name."


class Mounting(Finder):
    """The mounts of one run; ``problems`` collects why one of them cannot be made."""

    def __init__(self, accounts: Accounts, names: Names, record: Record, options: Options) -> None:
        super().__init__(check=options.check)
        self._accounts = accounts
        self._names = names
        self._record = record
        self._options = options

    def wants(self, seen: Seen) -> list[Want]:
        """Return what is wanted of the host for all mounts of one socket."""
        found: list[Want] = []
        for place in seen.parts.mounts:
            try:
                if not seen.one.fit:
                    self._people(seen, place)
                    continue
                found += self._wants(seen, place)
            except AccessError as error:
                self.problems.append(str(error))
        return found

    def recorded(self, kind: str, rest: str) -> AnyResource:
        """Make the resource of a recorded key, for what is undone."""
        if kind == "endpoint":
            return EndpointDirectory(rest, self._names)
        if kind == "target":
            return TargetFile(rest)
        if kind == "fstab":
            return FstabLine(rest, manager=Manager())
        asked = next(iter(self._record.entries[f"mount:{rest}"].requests.values()))
        request = MountRequest(**asked)
        mounter = None if request.mount_as is None else self._accounts.user(request.mount_as)
        return BindMount(rest, request.source, mounter=mounter)

    def _wants(self, seen: Seen, place: Place) -> list[Want]:
        endpoint, holder, chain = place.endpoint, seen.task.holder, seen.one.facts.chain
        source, adds = chain.resolved, seen.task.adds
        by_user = endpoint.mount_as not in (None, "root", "0")
        mounter, owner, group = self._people(seen, place)
        descriptor = None if chain.leaf is None else seen.one.pin.descriptor(source)
        patient = self._options.hook and self._options.watched and mounter is not None
        mount = BindMount(
            endpoint.at,
            source,
            descriptor=descriptor,
            mounter=mounter,
            patient=patient,
            # The host keeps the policy since a run that refused what it had not mounted itself.
            known=self._options.hook,
        )
        asked = MountRequest(source, endpoint.mount_as if by_user else None)
        directory = EndpointDirectory(endpoint.at.rpartition("/")[0], self._names)
        found = [
            Want(directory, holder, self._directory(seen, place, mounter, owner, group), adds),
            Want(TargetFile(endpoint.at), holder, True),
            Want(mount, holder, asked),
        ]
        if not self._options.hook:
            self._check_lines(source, endpoint, by_user)
        if by_user and not self._options.hook:
            line = user_line(source, endpoint.at, seen.task.declared.name)
            found.append(Want(FstabLine(endpoint.at, manager=Manager()), holder, line))
        return found

    def _check_lines(self, source: str, endpoint: Endpoint, by_user: bool) -> None:
        """Refuse a file in which another line has the path, or that a user cannot mount by."""
        try:
            lines = find(fstab.read() or b"", endpoint.at, strict=by_user)
        except AccessError as error:
            if not by_user:
                return  # Root mounts without it, and which lines it has cannot be known.
            raise AccessError(
                f"{error} Until then user {endpoint.mount_as} cannot mount the socket {source} on "
                f"{endpoint.at}; declare mount_as: root for this endpoint to do without the file."
            ) from error
        problem = in_the_way(lines, source, endpoint.at, fstab.FSTAB)
        if problem is not None:
            raise AccessError(problem)

    def _cannot_mount(self, seen: Seen, place: Place) -> None:
        sentence = (
            f"User {place.endpoint.mount_as} cannot mount the socket {seen.task.declared.path} at "
            f"{place.endpoint.at}, because {PROGRAM} is missing or is not set-user-ID root"
        )
        way_out = "install the package mount, or declare mount_as: root, which needs no program."
        self.lacks(seen.one, sentence, "install", way_out)

    def _people(self, seen: Seen, place: Place) -> tuple[User | None, User | None, Group | None]:
        """Return who mounts, where that is a user, and who shall own the directory."""
        endpoint, mounter = place.endpoint, None
        if endpoint.mount_as not in (None, "root", "0"):
            mounter = self._user(endpoint.mount_as, seen, "mounts it")
            if not users_can_mount():
                self._cannot_mount(seen, place)
        owner = self._user(endpoint.directory_owner, seen, "owns the directory of an endpoint")
        return mounter, owner, self._group(endpoint.directory_group, seen)

    def _directory(
        self,
        seen: Seen,
        place: Place,
        mounter: User | None,
        owner: User | None,
        group: Group | None,
    ) -> AccessRequest:
        known = {
            str(grant.principal): one
            for grant, one in zip(seen.one.declared.allow, seen.one.facts.allowed)
        }
        return bind_mount.directory(
            [known[str(one)] for one in place.principals if str(one) in known],
            mounter,
            None if owner is None else owner.uid,
            None if group is None else group.gid,
            place.endpoint.directory_mode,
        )

    def _user(self, name: str | None, seen: Seen, what: str) -> User | None:
        user = None if name is None else self._accounts.user(name)
        if name is None or user is not None:
            return user
        sentence = (
            f"User {name}, who {what} by the declaration of the socket {seen.task.declared.path}, "
            "does not exist on this host"
        )
        self.lacks(seen.one, sentence, "create", _CREATE)
        return None

    def _group(self, name: str | None, seen: Seen) -> Group | None:
        group = None if name is None else self._accounts.group(name)
        if name is None or group is not None:
            return group
        sentence = (
            f"Group {name}, declared for the directory of an endpoint of the socket "
            f"{seen.task.declared.path}, does not exist on this host"
        )
        self.lacks(seen.one, sentence, "create", _CREATE)
        return None
