# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hides a path from a process, told from the mounts that systemd leaves."""

from __future__ import annotations

import os

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.diagnose import (
    on_the_way,
    views,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.diagnose.views import (
    View,
    Views,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.mounts import (
    Mount,
    covering,
    name_of,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.processes import (
    process,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.chain import Chain
from unit.reach.chains import ALICE, People, inode

CHAIN = Chain("/tmp/s", ())


@pytest.mark.parametrize(
    ("root", "cover", "said"),
    [
        (
            "/",
            Mount(2, 1, 7, "/systemd-private-1f-shop.service-x/tmp", "/tmp", kind="tmpfs"),
            "/tmp is another one there (PrivateTmp= of the unit)",
        ),
        (
            "/",
            Mount(2, 1, 7, "/systemd/inaccessible/dir", "/run/app", kind="tmpfs"),
            "/run/app is another one there (InaccessiblePaths=, ProtectHome= or the like of the "
            "unit)",
        ),
        ("/", Mount(2, 1, 7, "/", "/run", kind="tmpfs"), "an empty tmpfs is mounted at /run there"),
        ("/", Mount(2, 1, 7, "/a", "/run", kind="ext4"), "/a of a file system of type ext4"),
        ("/", Mount(2, 1, 7, "/a", "/run", kind="tmpfs"), "/a of a file system of type tmpfs is"),
        (
            "/",
            Mount(2, 1, 7, "/", "/run", kind="ext4"),
            "/ of a file system of type ext4 is mounted",
        ),
        ("/", None, "other things are mounted there"),
        ("/srv/root", None, "the root directory there is /srv/root (RootDirectory= of the unit"),
    ],
)
def test_why(root: str, cover: Mount | None, said: str) -> None:
    assert View(CHAIN, root, cover).why().startswith(said)


@pytest.mark.parametrize(
    ("path", "missing", "resolved", "code"),
    [
        ("/run/app.sock", "/run/app.sock", "/run/app.sock", "missing"),
        ("/run/app/app.sock", "/run/app", "/run/app/app.sock", "missing-directory"),
        # No link is to blame for a name that is not in the normal form of the path.
        ("/run/x/../app.sock", "/run/x", "/run/x/../app.sock", "missing-directory"),
    ],
)
def test_what_is_missing(path: str, missing: str, resolved: str, code: str) -> None:
    parts = (inode("/", 0o755), inode("/run", 0o755))
    way = Chain(path, parts, missing=missing, resolved=resolved)
    (cause,) = on_the_way(way, Credentials(ALICE, ALICE), People())
    assert (cause.code, cause.errno, cause.path) == (code, "ENOENT", missing)


def test_a_process_that_sees_the_same() -> None:
    me = process(os.getpid())
    assert me is not None
    assert Views("/tmp").of(me) is None


@pytest.mark.parametrize(
    ("error", "hidden"),
    [
        (PermissionError(13, "Permission denied"), 1),
        (AccessError("/ is a file system of user id 1000."), 1),
        (FileNotFoundError(2, "No such file or directory"), 0),
    ],
)
def test_a_process_whose_view_is_hidden(
    monkeypatch: pytest.MonkeyPatch, error: Exception, hidden: int
) -> None:
    me = process(os.getpid())
    assert me is not None
    seen = Views("/tmp")

    def key(pid: int | str) -> views.Key:
        raise error

    monkeypatch.setattr(views, "_key", key)
    assert seen.of(me) is None
    assert seen.hidden == hidden


def test_a_process_that_has_ended() -> None:
    me = process(os.getpid())
    assert me is not None
    gone = type(me)(2**22 + 1, "x", 0, frozenset(), 0.0, None)
    assert Views("/tmp").of(gone) is None


def test_names_of_what_is_mounted() -> None:
    table = [
        Mount(1, 0, 7, "/", "/"),
        Mount(2, 1, 8, "/", "/run"),
        Mount(3, 2, 8, "/app/s", "/run/client/s"),
        Mount(4, 2, 8, "/old/s", "/run/client/s", deleted=True),
        Mount(5, 1, 9, "/@/x", "/x"),
    ]
    assert name_of(table, table[2]) == "/run/app/s"
    assert name_of(table, table[3]) is None
    assert name_of(table, table[4]) is None
    assert covering(table, "/run/client/s") is table[3]
    assert covering(table, "/run/other") is table[1]
    assert covering(table, "/runner") is table[0]
