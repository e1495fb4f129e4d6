# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The hooks of bind mounts: mount when the socket is born, unmount before its daemon takes it away.

In the system's manager the command of this collection mounts with the rest of the policy, as root
or as a user who may.  A user's own manager mounts with that user's rights, by the line of fstab.

Sources: systemd.socket(5) (ExecStartPost=, ExecStopPre=), systemd.service(5) (ExecStop=,
ExecStopPost=; it has no ExecStopPre=), systemd.unit(5) (BindsTo=), mount(8).
"""

from __future__ import annotations

from ..shortcut import COMMAND
from ..task import Task
from .parts import Creator, KeptFile, units_of
from .service_units import argument, lines

_MOUNT, _UNMOUNT = "/usr/bin/mount", "/usr/bin/umount"


def has_mounts(task: Task) -> bool:
    """Tell whether the socket has an endpoint that is a bind mount."""
    return any(grant.method == "bind_mount" for grant in task.declared.allow)


def mount_lines(task: Task, creator: Creator) -> list[str]:
    """Return what the drop-in of the unit that makes the socket says about its mounts."""
    if not has_mounts(task) or not creator.takes_hooks:
        return []
    if creator.user is not None:
        return _of_a_user(task, creator)
    unmount = f"-+{COMMAND} unmount {task.declared.name}"
    if creator.makes_sockets_itself:
        return [f"ExecStopPre={unmount}"]
    return [f"ExecStop={unmount}", f"ExecStopPost={unmount}"]


def mount_files(task: Task, creator: Creator, home: str | None) -> list[KeptFile]:
    """Return a unit of a user's own manager that mounts beside a service.

    Most settings that confine a service of a user's manager keep mount(8) from getting its rights
    (NoNewPrivileges=, which many others imply, systemd.exec(5)), so it runs in a unit of its own.
    """
    if creator.makes_sockets_itself or not (targets := _by_user(task, creator)):
        return []
    content = lines(
        "[Unit]",
        f"Description=Mount the socket {task.declared.name} where its clients find it",
        f"BindsTo={creator.unit}",
        f"After={creator.unit}",
        "",
        "[Service]",
        "Type=oneshot",
        "RemainAfterExit=yes",
        *(f"ExecStart=-{_MOUNT} {argument(at)}" for at in targets),
        *(f"ExecStop=-{_UNMOUNT} {argument(at)}" for at in targets),
    )
    return [KeptFile(f"{units_of(creator.user, home)}/{_name(task)}", content, user=creator.user)]


def _of_a_user(task: Task, creator: Creator) -> list[str]:
    targets = _by_user(task, creator)
    if not targets:
        # Root mounts, and follows the socket by the unit that watches.
        return []
    if not creator.makes_sockets_itself:
        return ["", "[Unit]", f"Wants={_name(task)}"]
    return [
        *(f"ExecStartPost=-{_MOUNT} {argument(at)}" for at in targets),
        *(f"ExecStopPre=-{_UNMOUNT} {argument(at)}" for at in targets),
    ]


def _by_user(task: Task, creator: Creator) -> list[str]:
    """Return the endpoints that the owner of the manager mounts himself."""
    if creator.user is None:
        return []
    ends = [grant.endpoint for grant in task.declared.allow if grant.method == "bind_mount"]
    return list(dict.fromkeys(end.at for end in ends if end and end.mount_as == creator.user))


def _name(task: Task) -> str:
    return f"socket-access-mount-{task.declared.name}.service"
