# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The membership of a user in a group, as the group's own list names it (group(5))."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..host import accounts, commands
from .base import MEMBERS_COME, MEMBERS_GO, Resource

_SECONDS = 30.0


class MembershipRequest(NamedTuple):
    """When the membership was first asked for, in seconds since the epoch.

    A process of the user that is older cannot have the group yet (credentials(7)).  ``restart``
    tells that the units of such processes may be restarted.
    """

    since: float
    restart: bool


class Membership(Resource[bool, MembershipRequest]):
    """One user in one group; changed with gpasswd(1), which locks and replaces the files."""

    def __init__(self, user: str, group: str) -> None:
        self.user = user
        self.group = group
        self.key = f"member:{user}:{group}"

    def read(self) -> bool | None:
        return accounts.is_listed_member(self.user, self.group)

    def wanted(self, base: bool, requests: Mapping[str, MembershipRequest]) -> bool:
        return True

    def without_us(self, current: bool, before: bool, applied: bool) -> bool:
        return before if current == applied else current

    def write(self, target: bool) -> None:
        if self.read() == target:
            return
        option, verb, to = ("--add", "add", "to") if target else ("--delete", "remove", "from")
        commands.run(
            ("gpasswd", option, self.user, "--", self.group),
            seconds=_SECONDS,
            purpose=f"{verb} the user {self.user} {to} the group {self.group}",
        )

    def place(self, current: bool, target: bool) -> int:
        return MEMBERS_COME if target else MEMBERS_GO

    def in_words(self, state: bool | None) -> str:
        verb = "is" if state else "is not"
        return f"user {self.user} {verb} listed in group {self.group}\n"

    def changes(self, current: bool, target: bool) -> list[str]:
        if target:
            return [f"User {self.user} becomes a member of group {self.group}."]
        return [f"User {self.user} is no longer a member of group {self.group}."]

    def merge(
        self, old: MembershipRequest, new: MembershipRequest, *, adds: bool
    ) -> MembershipRequest:
        return MembershipRequest(old.since, new.restart)

    def state_to_json(self, state: bool) -> Any:
        return state

    def state_from_json(self, data: Any) -> bool:
        return bool(data)

    def request_to_json(self, request: MembershipRequest) -> Any:
        return request._asdict()

    def request_from_json(self, data: Any) -> MembershipRequest:
        return MembershipRequest(**data)
