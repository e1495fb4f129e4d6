# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sockets on paper, for tests of what is said about them."""

from __future__ import annotations

from typing import Any

from ansible_collections.unixsocket.access.plugins.module_utils._engine.census.values import (
    Managed,
    Place,
    Process,
    Reach,
    Seen,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.creator import Creator
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.sock_diag import (
    LISTEN,
    UnixSocket,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import Access
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.chain import (
    DIRECTORY,
    SOCKET,
    Chain,
    Component,
)

DAEMON = Process(12, "app", "/usr/bin/app", 1000, "app", "app.service")
MANAGER = Process(1, "systemd", "/usr/lib/systemd/systemd", 0, "root", "init.scope")
CLIENT = Process(34, "web", None, 33, "www-data", "x.service", "alice", connections=2)
APP = Managed("app", "socket app", ("/run/app.sock",), "as declared")


def seen(
    path: str = "/run/app.sock",
    acl: Acl | None = None,
    *,
    owner: int = 1000,
    directory_owner: int = 0,
    **values: Any,
) -> Seen:
    """A socket that everyone can connect to, with one client."""
    access = Access(0, 0, Acl.from_mode(0o755))
    closed = Component("/run", DIRECTORY, access._replace(uid=directory_owner))
    leaf = Component(
        path, SOCKET, Access(owner, owner, acl or Acl.from_mode(0o666)), 0, None, 5, 50
    )
    usual: dict[str, Any] = {
        "chain": Chain(path, (Component("/", DIRECTORY, access), closed, leaf), resolved=path),
        "processes": (DAEMON,),
        "creator": Creator("app.service"),
        "connected": (CLIENT,),
        "connections": 2,
        "reach": Reach(True, "Because.", closed_by=(closed,)),
        "managed": (APP,),
        "root": False,
    }
    listener = UnixSocket(1, "stream", LISTEN, path.encode() + b"\0", 5, 50)
    return Seen(path, **{"listener": listener, "place": Place(path), **usual, **values})
