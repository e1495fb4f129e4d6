# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said of a socket, told by what was seen of it; the catalogue."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.census.catalogue import (
    BY_DESIGN,
    DEAD_BY_DESIGN,
    POWERFUL,
    known,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.census.findings import (
    of_dead,
    of_socket,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.census.judged import (
    reach_of_abstract,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.census.polkit import (
    asks_polkit,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.census.units import (
    _services,
)
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
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.chain import STICKY
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.words import Numbers
from unit.census.paper import DAEMON, MANAGER, seen


def _said(one: Seen) -> list[tuple[str, str]]:
    return [(found.code, found.severity) for found in of_socket(one, Numbers(), {})]


def test_open_to_everyone() -> None:
    assert _said(seen()) == []
    assert _said(seen(root=True)) == [("world-connectable-root", "medium")]
    assert _said(seen(root=None)) == []
    assert _said(seen(root=True, reach=Reach(False, "Because."))) == []
    # Where nobody can tell who serves it, what is known to be as good as root counts as that.
    for root, wanted in (
        (True, [("world-connectable-privileged", "high")]),
        (None, [("world-connectable-privileged", "high")]),
        (False, []),
    ):
        assert _said(seen("/run/docker.sock", root=root)) == wanted


@pytest.mark.parametrize(
    ("setting", "wanted"),
    [
        (None, []),
        ('#auth_unix_rw = "none"\n', []),
        ('auth_unix_rw = "sasl"\n', []),
        ('auth_unix_ro = "none"\n', []),
        ('auth_unix_rw = "none"\n', [("world-connectable-privileged", "high")]),
        ("  auth_unix_rw='none' # all\n", [("world-connectable-privileged", "high")]),
    ],
)
@pytest.mark.parametrize("daemon", ["libvirtd", "virtqemud"])
def test_libvirt_asks_polkit_unless_it_is_told_not_to(
    tmp_path: Path, daemon: str, setting: str | None, wanted: list[tuple[str, str]]
) -> None:
    if setting is not None:
        (tmp_path / f"{daemon}.conf").write_text(setting)
    name = f"/run/libvirt/{'libvirt' if daemon == 'libvirtd' else daemon}-sock"
    asks = asks_polkit(name, str(tmp_path))
    assert _said(seen(name, Acl.from_mode(0o666), root=True, owner=0, asks_polkit=asks)) == wanted


def test_nobody_else_is_said_to_ask_polkit(tmp_path: Path) -> None:
    for name in ("/run/docker.sock", "/run/libvirt/libvirt-admin-sock", "/tmp/libvirt-sock"):
        assert not asks_polkit(name, str(tmp_path))


def test_a_directory_of_the_one_who_serves_the_socket() -> None:
    """systemd makes the socket of avahi-daemon for root, in a directory of avahi's."""
    whose = {"owner": 0, "directory_owner": 1000}
    assert _said(seen(**whose)) == []
    assert _said(seen(processes=(), **whose)) == [("writable-directory", "medium")]
    other = DAEMON._replace(uid=1001)
    assert _said(seen(processes=(other,), **whose)) == [("writable-directory", "medium")]


def test_what_is_known_counts_in_a_directory_of_root_s() -> None:
    """An X server may be a user's own; one that began as root in somebody's directory is not known."""
    path = "/run/dbus/system_bus_socket"
    assert _said(seen(path, root=True, owner=1000)) == []
    found = _said(seen(path, root=True, owner=1000, directory_owner=1000))
    assert found == [("world-connectable-root", "medium")]


@pytest.mark.parametrize(
    ("creator", "processes", "said"),
    [
        ("mpd.socket", (MANAGER,), "what mpd.socket starts for it begins as root"),
        ("mpd.socket", (), "what mpd.socket starts for it begins as root"),
        ("mpd.socket", (MANAGER, DAEMON), "mpd.socket, which serves it, runs as root"),
        ("init.scope", (MANAGER,), "init.scope, which serves it, runs as root"),
        ("app.service", (DAEMON,), "app.service, which serves it, runs as root"),
        (None, (DAEMON,), "app (pid 12), which serves it, runs as root"),
        (None, (), "its daemon, which serves it, runs as root"),
    ],
)
def test_a_service_that_waits_is_not_said_to_run(
    creator: str | None, processes: tuple[Process, ...], said: str
) -> None:
    made = None if creator is None else Creator(creator)
    (found,) = of_socket(seen(root=True, creator=made, processes=processes), Numbers(), {})
    assert f"/run/app.sock, and {said}." in found.message
    assert "Declare who may connect to /run/app.sock in " in found.remedy
    assert found.remedy.endswith("chmod o-rwx /run/app.sock.")


@pytest.mark.parametrize(
    ("name", "processes", "said", "remedy"),
    [
        ("mine", (DAEMON,), "app (pid 12) listens on the abstract name @mine,", "SO_PEERCRED"),
        ("mine", (), "A daemon that cannot be seen listens on the abstract name", "SO_PEERCRED"),
        ("/containerd-shim/1", (), "is as good as root", "Update its daemon, or let it listen on"),
    ],
)
def test_an_abstract_name(
    name: str, processes: tuple[Process, ...], said: str, remedy: str
) -> None:
    listener = UnixSocket(1, "stream", LISTEN, b"\0" + name.encode())
    one = Seen(f"@{name}", listener, Place(None), processes=processes, reach=reach_of_abstract())
    (found,) = of_socket(one._replace(root=True), Numbers(), {})
    assert said in found.message
    assert remedy in found.remedy


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        ("as declared", []),
        ("missing", []),
        ("unknown", []),
        ("differs", [("drift", "medium")]),
        ("hook missing", [("hook-missing", "medium")]),
        ("membership missing", [("membership-missing", "medium")]),
    ],
)
def test_what_is_declared(state: str, wanted: list[tuple[str, str]]) -> None:
    changes, way = ("Its mode goes from 0666 to 0660.",), "socket-access apply app"
    managed = Managed("app", "socket app", (), state, changes, remedy=way)
    one = seen(managed=(managed,))
    assert _said(one) == wanted
    for found in of_socket(one, Numbers(), {}):
        assert "Its mode goes" in found.message
        assert "socket-access apply app" in found.remedy


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        ("incomplete", [("declared-gone", "medium")]),
        ("differs", [("declared-gone", "medium"), ("drift", "medium")]),
    ],
)
def test_somebody_who_is_gone(state: str, wanted: list[tuple[str, str]]) -> None:
    way = "socket-access apply --hook app"
    gone = "User anna does not exist on this host any more; create it again."
    managed = Managed("app", "socket app", (), state, ("Its entry goes.",), (gone,), way)
    one = seen(managed=(managed,))
    assert _said(one) == wanted
    first, *others = of_socket(one, Numbers(), {})
    assert gone in first.message
    # A run of the playbook would be refused.
    assert [found.remedy for found in others] == [f"On the host: {way}."] * len(others)


def test_a_task_of_a_module_has_no_name_to_tell() -> None:
    name, holder = "socket_mode-app.sock-1a2b3c4d", "socket_mode /run/app.sock"
    one = seen(managed=(Managed(name, holder, (), "differs", (), ("User anna is gone.",)),))
    first, second = (found.message for found in of_socket(one, Numbers(), {}))
    task = "the task socket_mode of /run/app.sock"
    assert first == f"What {task} declares of /run/app.sock names what is gone. User anna is gone."
    assert second == f"/run/app.sock is not as {task} declares it."


@pytest.mark.parametrize(
    ("special", "severity", "what"),
    [
        (0, "medium", "could put a socket of their own in the place of /run/app.sock"),
        (STICKY, "low", "could take the name /run/app.sock while its daemon does not run"),
    ],
)
def test_what_others_could_do_in_a_directory(special: int, severity: str, what: str) -> None:
    one = seen()
    assert one.chain is not None
    top, above, leaf = one.chain.components
    open_one = above._replace(access=above.access._replace(acl=Acl.from_mode(0o777)))
    parts = (top, open_one._replace(special=special), leaf)
    (found,) = of_socket(one._replace(chain=one.chain._replace(components=parts)), Numbers(), {})
    assert (found.code, found.severity) == ("writable-directory", severity)
    assert found.message == (
        "In the directory /run, through which /run/app.sock is reached, everyone may write, and "
        f"{what}."
    )


def test_a_mask() -> None:
    named = Acl(6, 0, 0, ((1001, 6),), ((1002, 4),), 4)
    (found,) = of_socket(seen(acl=named), Numbers(), {})
    assert (found.code, found.severity) == ("acl-masked", "medium")
    assert "user 1001" in found.message
    assert found.remedy.endswith(" setfacl -m m::rw /run/app.sock.")
    assert "1002" not in found.message
    (off,) = of_socket(seen(acl=Acl(6, 0, 0, ((1001, 0),), (), 0)), Numbers(), {})
    assert "switches the whole list off" in off.message
    assert _said(seen(acl=Acl(6, 0, 0, ((1001, 6),), (), 6))) == []
    one = seen()
    assert one.chain is not None
    top, above, leaf = one.chain.components
    held = above.access._replace(acl=Acl(7, 0, 0, ((1001, 1),), ((1002, 5),), 4))
    parts = (top, above._replace(access=held), leaf)
    (found,) = of_socket(one._replace(chain=one.chain._replace(components=parts)), Numbers(), {})
    assert found.message.startswith(
        "The access control list of /run, which is on the way to /run/app.sock, names user 1001 and "
        "group 1002, but its mask takes that away, as chmod(1) on it does,"
    )
    assert found.remedy.endswith(" setfacl -m m::x /run.")


def test_a_dead_one_that_is_declared_matters_more() -> None:
    assert of_dead(seen()).severity == "medium"
    assert of_dead(seen(managed=())).severity == "low"


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("/run/docker.sock", "Docker"),
        ("/run/containerd/containerd.sock", "containerd"),
        ("/run/podman/podman.sock", "root's Podman"),
        ("/run/libvirt/libvirt-sock", "libvirt"),
        ("/run/libvirt/libvirt-sock-ro", None),
        ("/var/snap/lxd/common/lxd/unix.socket", "LXD or Incus"),
        ("/run/systemd/private", "systemd"),
        ("/run/user/1000/podman/podman.sock", None),
        ("/run/crio/crio.sock", "CRI-O"),
        ("/run/buildkit/buildkitd.sock", "BuildKit"),
    ],
)
def test_what_is_as_good_as_root(name: str, what: str | None) -> None:
    found = known(name, POWERFUL)
    assert (None if found is None else found.what) == what


@pytest.mark.parametrize(
    "name",
    [
        "/run/systemd/notify",
        "/run/systemd/journal/socket",
        "/run/systemd/journal/stdout",
        "/run/systemd/journal/dev-log",
        "/run/dbus/system_bus_socket",
        "/run/systemd/userdb/io.systemd.DynamicUser",
        "/run/systemd/resolve/io.systemd.Resolve",
        "/run/systemd/io.systemd.Hostname",
        "/run/snapd.socket",
        "@/tmp/.X11-unix/X0",
        # Stock Debian: what rsyslog makes in the directories of daemons that chroot(2).
        "/var/lib/haproxy/dev/log",
        "/var/spool/postfix/dev/log",
        "/run/dovecot/auth-userdb",
        "/run/dovecot/indexer",
    ],
)
def test_what_is_open_by_design(name: str) -> None:
    assert known(name, BY_DESIGN)
    assert not known(name, POWERFUL)


def test_the_catalogue() -> None:
    for one in (*POWERFUL, *BY_DESIGN, *DEAD_BY_DESIGN):
        assert one.what
        assert not one.why.endswith(".")
        for pattern in one.patterns:
            assert re.match(r"[/@]", pattern)
            # Names are real paths, and this is a link everywhere.
            assert not pattern.startswith("/var/run/"), pattern


def test_what_a_socket_unit_starts() -> None:
    shown = [
        {"Id": "a.socket", "Triggers": "a.service", "Accept": "no"},
        {"Id": "b.socket", "Triggers": "", "Accept": "yes"},
        {"Id": "c.socket", "Triggers": "", "Accept": "no"},
    ]
    assert _services(shown) == {
        "a.socket": "a.service",
        "b.socket": "b@any.service",
        "c.socket": "c.service",
    }
