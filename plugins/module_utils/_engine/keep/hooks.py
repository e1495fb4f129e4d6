# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The hooks of one socket: which files the host gets, and which unit is started.

Sources: systemd.socket(5), systemd.service(5), systemd.path(5), systemd.exec(5).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..errors import AccessError
from ..model.access import Access, AccessRequest
from ..model.logins import login_of
from ..model.words import Names, setting_word
from ..shortcut import COMMAND
from ..task import Task, compiled
from .births import born_mode
from .mount_hooks import has_mounts, mount_files, mount_lines
from .parts import POLICIES, UNITS, Creator, KeptFile, drop_in_of, start_at_boot, units_of
from .service_units import described, escaped, lines, whole


class Hooks(NamedTuple):
    """All files, the unit to start, and in words what keeps the socket as declared."""

    files: tuple[KeptFile, ...]
    unit: str
    said: tuple[str, ...]


def hooks(
    task: Task,
    creator: Creator | None,
    request: AccessRequest,
    planned: Access | None,
    names: Names,
    home: str | None,
) -> Hooks:
    """Return what keeps the access of one socket.

    ``creator`` is None where nobody knows which unit makes the socket, ``planned`` is the access
    that it shall have, None where that is not known before it exists.  ``home`` is the home
    directory of the owner of the creator's manager.
    """
    mode = born_mode(request, planned)
    name = task.declared.name
    watch = f"socket-access-{name}"
    files = [
        KeptFile(f"{POLICIES}/{name}.json", compiled(task).decode(), unit_file=False),
        KeptFile(f"{UNITS}/{watch}.service", _service(task)),
        KeptFile(f"{UNITS}/{watch}.path", _path(task), restarts=f"{watch}.path"),
        start_at_boot("paths.target", f"{watch}.path"),
        *_at_login(task),
    ]
    said = [f"{watch}.path applies the policy again when the socket is made anew or changed."]
    if creator is None:
        said.append(
            "The unit that makes the socket is not known, so nothing waits for the policy when it "
            "is started; declare it as unit."
        )
    else:
        files.append(_drop_in(task, creator, request, mode, names, home))
        files += mount_files(task, creator, home)
        said.append(_in_words(task, creator))
    return Hooks(tuple(files), f"{watch}.path", tuple(said))


def _service(task: Task) -> str:
    # mount(8), with which a user mounts what fstab says, gets its rights by being set-user-ID.
    mounts = has_mounts(task)
    return lines(
        *described(f"Apply the access policy of the socket {task.declared.name}"),
        # The command itself stops correcting when a daemon fights back, and says so.
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        "Type=oneshot",
        f"ExecStart={COMMAND} apply --hook --watched {task.declared.name}",
        "TimeoutStartSec=120",
        f"NoNewPrivileges={'no' if mounts else 'yes'}",
        "CapabilityBoundingSet=CAP_CHOWN CAP_FOWNER CAP_FSETID CAP_DAC_OVERRIDE "
        "CAP_DAC_READ_SEARCH CAP_SYS_PTRACE" + " CAP_SYS_ADMIN CAP_SETUID CAP_SETGID" * mounts,
        "RestrictAddressFamilies=AF_UNIX AF_NETLINK",
        "RestrictNamespaces=yes",
        "RestrictRealtime=yes",
        "LockPersonality=yes",
        "SystemCallArchitectures=native",
    )


def _path(task: Task) -> str:
    watched = [task.declared.path]
    for grant in task.declared.allow:
        watched += [name for name in grant.open_parents if name not in watched]
    return lines(
        *described(f"Watch the socket {task.declared.name}"),
        "",
        "[Path]",
        *(f"PathChanged={whole(path)}" for path in watched),
    )


def _at_login(task: Task) -> list[KeptFile]:
    """Return what watches anew when the directory of a login has come, if the socket is in one.

    It is made first and mounted on afterwards, of which nobody is told (inotify(7)), so that systemd
    would go on watching what lies below the mount.
    """
    login = login_of(task.declared.path)
    if login is None:
        return []
    name = task.declared.name
    content = lines("[Service]", f"ExecStartPost=-systemctl try-restart socket-access-{name}.path")
    return [KeptFile(drop_in_of(f"user-runtime-dir@{login[1]}.service", name), content)]


def _drop_in(
    task: Task,
    creator: Creator,
    request: AccessRequest,
    mode: int | None,
    names: Names,
    home: str | None,
) -> KeptFile:
    path = drop_in_of(creator.unit, task.declared.name, units_of(creator.user, home))
    section = _socket_section if creator.makes_sockets_itself else _service_section
    # A file system of the socket's own that is unmounted stops what watches (systemd.path(5)).
    watch = [] if creator.user else ["[Unit]", f"Wants=socket-access-{task.declared.name}.path", ""]
    said = [*watch, *section(task, creator, request, mode, names), *mount_lines(task, creator)]
    return KeptFile(path, lines(*said), user=creator.user)


def _socket_section(
    task: Task, creator: Creator, request: AccessRequest, mode: int | None, names: Names
) -> list[str]:
    """The socket is born as it shall be, less the entries that only an ACL can hold."""
    said = ["[Socket]"]
    if creator.sockets == 1:
        # Ids, because a name that is gone would keep the unit from starting (systemd.socket(5)).
        if request.uid is not None and creator.user is None:
            said += [_comment("user", names.user_name(request.uid)), f"SocketUser={request.uid}"]
        if request.gid is not None and creator.user is None:
            said += [_comment("group", names.group_name(request.gid)), f"SocketGroup={request.gid}"]
        if mode is not None:
            said.append(f"SocketMode={mode:04o}")
    return [*said, _hook(task, creator, "apply --hook")]


def _service_section(
    task: Task, creator: Creator, request: AccessRequest, mode: int | None, names: Names
) -> list[str]:
    said = ["[Service]"]
    if task.declared.born:
        if request.gid is not None:
            said.append(f"Group={escaped(_fit(names.group_name(request.gid)))}")
            if creator.group:
                said.append(f"SupplementaryGroups={setting_word(_fit(creator.group))}")
        if mode is not None:
            said.append(f"UMask={0o777 & ~mode:04o}")
    return [*said, _hook(task, creator, "apply --hook --wait")]


def _hook(task: Task, creator: Creator, arguments: str) -> str:
    """Return the line that applies the policy; where there must be none, one that tells of that."""
    if not creator.takes_hooks:
        # In the place of a hook from before others could write there.
        return "# No hook: others than root could decide what is run in it."
    # With full privileges, because User= and the sandbox of the unit are not the hook's.
    rights = "+" if creator.user is None else ""
    return f"ExecStartPost={_prefix(task)}{rights}{COMMAND} {arguments} {task.declared.name}"


def _comment(kind: str, name: str) -> str:
    """Return a line that says whose id the next one has, whatever the name service calls him."""
    return f"# {kind} {name}" if name.isprintable() else f"# {kind} {name!r}"


def _fit(group: str) -> str:
    """Return the name of a group that a unit can name; raises AccessError for any other.

    A unit with another one is not started any more (systemd: valid_user_group_name()).
    """
    if group.strip(" ") != group or "\\" in group[-1:] or re.search(r"[:/\x00-\x1f\x7f]", group):
        raise AccessError(
            f"The group {group!r} cannot be named by a unit of systemd, which takes no blank or backslash "
            "at the end of a name, no blank at its beginning, and no colon, slash or control character "
            "in it; leave born out, or choose another group."
        )
    return group


def _prefix(task: Task) -> str:
    """A hook that fails is logged and no more, unless the declaration says that it must not."""
    return "" if task.declared.strict else "-"


def without_hook(task: Task, creator: Creator | None) -> list[str]:
    """Return why the unit that makes the socket gets no hook, where it cannot have one."""
    if creator is None or creator.no_hook is None:
        return []
    return [
        f"{creator.unit}, which makes the socket {task.declared.path}, {creator.no_hook.why}, so it "
        "gets no hook, and does not wait for the policy when it is started: "
        f"socket-access-{task.declared.name}.path applies it right afterwards. {creator.no_hook.way_out}"
    ]


def _in_words(task: Task, creator: Creator) -> str:
    if not creator.takes_hooks:
        return f"{creator.unit} gets no hook, for others than root could decide what is run in it."
    manager = "" if creator.user is None else f" of user {creator.user}"
    if creator.makes_sockets_itself:
        birth = " makes the socket with this owner, group and mode, and" * (creator.sockets == 1)
        return f"{creator.unit}{manager}{birth} applies the policy after each start."
    birth = " makes the socket with this group and mode, and" * task.declared.born
    return (
        f"{creator.unit}{manager}{birth} is started only when the policy is applied to the socket "
        "that it made."
    )
