# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""One socket as one holder declares it: what a run is asked to do, on either end of the wire."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .errors import AccessError
from .model.form import (
    account_id,
    anything,
    flag,
    keys,
    many,
    maybe,
    number,
    one_of,
    path,
    table,
    text,
    whole,
)
from .model.holders import name_for, task_of
from .model.plan import Choice
from .policy import Grant, Policy, PolicyError, SocketPolicy, describe, validate
from .shortcut import MANAGED

LOCK_SECONDS = 60.0
PROOF_SECONDS = 5.0

_FORMAT = 1
_KEPT = {
    "exclusive": flag,
    "deny_all_refused": flag,
    "adds": flag,
    "found_unit": maybe(text),
    "found_user": maybe(text),
    "unit_group": text,
    "leave_inode": flag,
    "found_type": maybe(one_of(("stream", "seqpacket", "dgram"))),
    "found_groups": maybe(many(account_id)),
    "chosen": maybe(table(text, text)),
    "source": maybe(path),
    "start_seconds": maybe(number),
}
_FORM = keys(
    {"format": whole(_FORMAT, _FORMAT), "holder": text, "declaration": anything},
    {"managed_by": text, **_KEPT},
)


class Task(NamedTuple):
    """A declared socket, and who asks for it.

    ``exclusive``: named entries that are not declared go.  ``deny_all_refused``: each refused
    account gets an entry, also where nothing lets it in.  ``adds``: what this holder asked for
    earlier stays.  ``found_unit`` and ``found_user`` are the unit that was seen to make the socket,
    and the owner of its manager, where none is declared.  ``unit_group`` is the group with which a
    unit runs that is to get another one (born).  ``leave_inode``: nothing is done at the socket
    itself.  ``found_type`` and ``found_groups`` are what an endpoint was made by, for while its socket
    is away.  ``served``: a unit of ours makes it.  ``kept``: the host has it from an earlier run.
    ``settled`` are the methods that were chosen on this host for paths of endpoints, ``chosen`` those
    at the socket itself by principal, ``ended`` grants whose time is over, which ``declared`` has no
    more.  ``source`` is the socket that an endpoint of ours gives on.  ``start_seconds`` is how long
    systemd lets a hook run before it ends the start of the unit that waits for it.
    """

    declared: SocketPolicy
    holder: str
    exclusive: bool = True
    deny_all_refused: bool = False
    adds: bool = False
    found_unit: str | None = None
    found_user: str | None = None
    unit_group: str = ""
    leave_inode: bool = False
    found_type: str | None = None
    found_groups: Sequence[int] | None = None
    chosen: Mapping[str, str] | None = None
    source: str | None = None
    start_seconds: float | None = None
    served: bool = False
    kept: bool = False
    settled: tuple[tuple[str, Choice], ...] = ()
    ended: tuple[Grant, ...] = ()

    @property
    def declared_alone(self) -> SocketPolicy:
        """The declaration as a person writes it, without the unit that is ours."""
        return self.declared._replace(unit=None) if self.declared.serve else self.declared

    def called(self, declared: SocketPolicy) -> SocketPolicy:
        """Return it with a name that a person knows, which that of a module's task is not."""
        made_up = task_of(self.holder) is not None
        return declared._replace(name=name_for(declared.path)) if made_up else declared


class Options(NamedTuple):
    """How a run is to go: ``check`` changes nothing, ``prove`` ends with a real connect().

    ``hook``: the run is one of the host's own, at the start of a daemon; it touches inodes alone,
    and leaves out principals that are gone instead of leaving everything as it is.
    ``watched``: it follows a change, which may not be the last one.  ``unprivileged``: it has only
    the rights of the user whose manager runs it.
    """

    check: bool = False
    prove: bool = True
    absent: bool = False
    hook: bool = False
    watched: bool = False
    unprivileged: bool = False
    lock_seconds: float = LOCK_SECONDS
    proof_seconds: float = PROOF_SECONDS


def compiled(task: Task) -> bytes:
    """Return a task in the form in which the host keeps it, for its hooks to run again."""
    data = {
        "managed_by": MANAGED,
        "format": _FORMAT,
        "holder": task.holder,
        **{name: getattr(task, name) for name in _KEPT},
        "declaration": describe(Policy((task.declared_alone,))),
    }
    return (json.dumps(data, indent=1) + "\n").encode()


def from_compiled(content: bytes, file: str, like: SocketPolicy | None = None) -> Task:
    """Return the task that a host keeps in the file ``file``.

    Its declaration is ``like``, where the file says the same: what was checked already is not
    checked again.  Raises AccessError when the file cannot be understood.
    """
    try:
        data = json.loads(content)
        _FORM(data)
        declared = like
        if declared is None or describe(Policy((declared,))) != data["declaration"]:
            (declared,) = validate(data["declaration"]).sockets
        kept = {name: data[name] for name in _KEPT if name in data}
        return Task(declared, data["holder"], kept=True, **kept)
    except (ValueError, RecursionError, PolicyError) as error:
        said = "; ".join(str(error).splitlines())
        raise AccessError(
            f"The policy {file} cannot be understood ({said}); run its playbook again."
        ) from error
