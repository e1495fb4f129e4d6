# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The methods that make another path: whose rights a proxy gets, and who finds a bind mount."""

from __future__ import annotations

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.methods import bind_mount
from ansible_collections.unixsocket.access.plugins.module_utils._engine.methods.identity import (
    lost_by_proxy,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.methods.proxy import (
    Account,
    ProxyDemand,
    demand,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import (
    Access,
    AccessRequest,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
    User,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.chain import Chain
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.plan import Demand
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.words import Numbers
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.types import Endpoint
from ansible_collections.unixsocket.access.plugins.module_utils._engine.reach import judge
from unit.planner.facts import (
    PATH,
    STRANGER,
    USERS,
    chain,
    client,
    declare,
    facts_of,
)

AT = Endpoint("/srv/app")


def socket(mode: int, gid: int = 500, uid: int = 100, **how: Access) -> Chain:
    return chain(Access(uid, gid, Acl.from_mode(mode)), **how)


def of(
    seen: Chain, run_as: str | None = None, endpoint: Endpoint = AT, method: str = "proxy"
) -> ProxyDemand:
    user = None if run_as is None else USERS[run_as]
    return demand(method, endpoint, seen, user, STRANGER, Numbers())


def problem_of(seen: Chain, run_as: str | None = None, endpoint: Endpoint = AT) -> str:
    (problem,) = of(seen, run_as, endpoint).problems
    return problem


# --- the account ------------------------------------------------------------------------------


def test_an_account_without_a_group_where_everyone_may_connect() -> None:
    assert of(socket(0o666)) == ProxyDemand(Account(None, ()))


def test_an_account_with_the_one_group_that_is_let_in() -> None:
    assert of(socket(0o660)) == ProxyDemand(Account(None, (500,)))


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o650])
def test_a_group_that_may_not_write_lets_nobody_connect(mode: int) -> None:
    """connect(2) needs write permission (unix(7))."""
    said = problem_of(socket(mode))
    assert "has no account that may connect to the socket" in said
    assert "Declare run_as" in said
    assert said.endswith("such as the daemon's own, 100.")


def test_a_mask_takes_the_group_its_right() -> None:
    acl = Acl.from_mode(0o660)._replace(users=((33, 6),), mask=4)
    assert "has no account" in problem_of(chain(Access(100, 500, acl)))
    open_mask = acl._replace(mask=6)
    assert of(chain(Access(100, 500, open_mask))).account == Account(None, (500,))


def test_roots_group_is_never_given_away() -> None:
    said = problem_of(socket(0o660, gid=0))
    assert "has no account that may connect" in said
    # As a member of group root it could, which it must never be.
    assert "uid 2000000 may not connect to the socket" in said


def test_everyone_may_but_the_group_may_not() -> None:
    """Who is in no group of the socket's is one of the others."""
    assert of(socket(0o606)) == ProxyDemand(Account(None, ()))


def test_a_closed_directory_above_is_not_opened_by_the_sockets_group() -> None:
    closed = Access(100, 100, Acl.from_mode(0o700))
    for mode in (0o666, 0o660):
        said = problem_of(socket(mode, directory=closed))
        assert "has no account that may connect" in said
        assert "/run/app" in said


def test_a_directory_of_the_same_group_is_no_obstacle() -> None:
    own = Access(100, 500, Acl.from_mode(0o750))
    assert of(socket(0o660, directory=own)).account == Account(None, (500,))
    assert (
        of(socket(0o666, directory=own)).account == Account(None, (500,))
        or of(socket(0o666, directory=own)).problems
    )


def test_a_socket_that_is_not_there_yet() -> None:
    found = of(chain())
    assert found.account == Account()
    assert not found.problems
    (note,) = found.notes
    assert f"The socket {PATH} does not exist yet" in note
    assert "declare run_as" in note


def test_the_account_may_do_what_is_needed_and_no_more() -> None:
    """Whatever the access: an account that is chosen gets in, and belongs to no other group."""
    for mode in range(0o1000):
        for gid in (0, 500):
            for parent in (0o755, 0o750, 0o700):
                directory = Access(100, 500, Acl.from_mode(parent))
                seen = socket(mode, gid, directory=directory)
                found = of(seen)
                groups = found.account.groups
                who = Credentials(STRANGER.uid, STRANGER.gid, frozenset(groups))
                assert found.problems or judge(seen, who).allowed
                assert set(groups) <= {gid} - {0}
                # A group is given only where nobody gets in without it.
                assert not groups or not judge(seen, STRANGER).allowed


def test_a_gate_is_called_a_gate() -> None:
    for seen, run_as in ((socket(0o600), None), (socket(0o600), "carol"), (_pipewire(), None)):
        (said,) = of(seen, run_as, method="gate").problems
        assert "gate at /srv/app" in said or "gate" in said.split(":")[0]
        assert "proxy at" not in said


def test_the_account_that_is_offered_is_one_that_may_be_declared() -> None:
    """Never root, which run_as refuses."""
    assert "such as the daemon's own, 100." in problem_of(socket(0o600))
    assert "daemon's own" not in problem_of(socket(0o600, uid=0))


# --- a declared account -----------------------------------------------------------------------


def test_a_declared_account_is_judged() -> None:
    assert of(socket(0o660), "alice") == ProxyDemand(Account("alice"))
    assert of(socket(0o600), "app") == ProxyDemand(Account("app"))
    said = problem_of(socket(0o660), "carol")
    assert "runs as user carol, who would be refused at the socket" in said
    assert "Name an account in run_as that may connect." in said


def test_a_declared_account_behind_a_closed_directory() -> None:
    closed = Access(100, 100, Acl.from_mode(0o700))
    assert "/run/app" in problem_of(socket(0o666, directory=closed), "nginx")
    assert of(socket(0o666, directory=closed), "app").account == Account("app")


def test_a_declared_account_where_nothing_is_yet() -> None:
    assert of(chain(), "alice") == ProxyDemand(Account("alice"))


def test_another_name_of_root_is_root() -> None:
    toor = User("toor", Credentials(0, 0))
    found = demand("proxy", AT, socket(0o666), toor, STRANGER, Numbers())
    (said,) = found.problems
    assert "would run as root, because toor has the user id 0" in said


# --- what a proxy takes away ------------------------------------------------------------------

ASKING = [
    ("/run/dbus/system_bus_socket", "D-Bus"),
    ("/run/user/1000/bus", "D-Bus"),
    ("/run/user/1000/pipewire-0", "PipeWire"),
    ("/run/user/1000/pipewire-0-manager", "PipeWire"),
    ("/run/user/1000/wayland-1", "Wayland"),
    ("/tmp/.X11-unix/X0", "X11"),
    ("/run/user/1000/pulse/native", "PulseAudio"),
    ("/run/libvirt/libvirt-sock", "libvirt"),
    ("/var/run/virtqemud-sock", "libvirt"),
    ("/var/run/postgresql/.s.PGSQL.5432", "PostgreSQL"),
    ("/run/mysqld/mysqld.sock", "MariaDB"),
    ("/var/lib/mysql/mysql.sock", "MariaDB"),
    ("/run/mariadb/mariadb.sock", "MariaDB"),
    ("/run/snapd.socket", "snapd"),
    ("/run/cups/cups.sock", "CUPS"),
    ("/run/user/1000/gnupg/S.gpg-agent", "key agent"),
    ("/run/user/1000/gnupg/S.gpg-agent.ssh", "key agent"),
    ("/run/user/1000/keyring/ssh", "key agent"),
    ("/run/user/1000/openssh_agent", "SSH agent"),
    ("/tmp/ssh-abc/agent.123", "SSH agent"),
    ("/run/systemd/private", "systemd"),
    ("/run/systemd/notify", "systemd"),
    ("/run/systemd/journal/stdout", "systemd"),
    ("/run/systemd/resolve/io.systemd.Resolve", "systemd"),
    ("/run/spire-agent/public/api.sock", "SPIRE"),
    ("/run/nscd/socket", "directory service"),
    ("/var/lib/sss/pipes/nss", "directory service"),
    ("/run/sssd/pipe", "directory service"),
]
NOT_ASKING = [
    "/run/redis/redis-server.sock",
    "/run/php/php8.2-fpm.sock",
    "/run/app/app.sock",
    "/run/gunicorn.sock",
    "/run/mybus",
    "/run/pipewire-0.sock",
    "/run/virt/app.sock",
    "/srv/s.PGSQL.5432",
    "/run/memcached/mysqlish.sock",
    "/run/wayland-proxy/app.sock",
    "/run/nscdx/socket",
    "/run/docker.sock",
]


@pytest.mark.parametrize(("path", "daemon"), ASKING)
def test_daemons_that_ask_who_is_calling(path: str, daemon: str) -> None:
    said = lost_by_proxy(path)
    assert said is not None
    assert daemon in said
    assert "proxy" in said


@pytest.mark.parametrize("path", NOT_ASKING)
def test_daemons_that_do_not(path: str) -> None:
    assert lost_by_proxy(path) is None


def _pipewire(path: str = "/run/app/pipewire-0") -> Chain:
    seen = socket(0o666)
    leaf = seen.components[-1]._replace(path=path)
    return Chain(path, (*seen.components[:-1], leaf), resolved=path)


def test_what_a_proxy_would_take_away_is_refused() -> None:
    said = problem_of(_pipewire())
    assert (
        "PipeWire takes file descriptors from its clients, which no proxy or gate passes on" in said
    )
    assert "Use the method acl or bind_mount, or declare lose_identity: true" in said


def test_it_is_refused_by_either_name() -> None:
    """By the one that is declared, and by the one that a link leads to."""
    seen = _pipewire()
    behind_a_link = seen._replace(path="/srv/audio")
    assert "PipeWire" in problem_of(behind_a_link)
    behind_a_name = seen._replace(resolved="/srv/audio")
    assert "PipeWire" in problem_of(behind_a_name)


def test_whoever_wants_that_may_have_it() -> None:
    assert of(_pipewire(), endpoint=Endpoint("/srv/app", lose_identity=True)) == ProxyDemand()


# --- bind mounts ------------------------------------------------------------------------------


def test_a_mounted_inode_lets_in_by_an_entry() -> None:
    declared = declare()
    clients = [client("user nginx"), client("group staff")]
    found = bind_mount.demand(declared, facts_of(declared), clients)
    assert found == Demand(AccessRequest(users={33: 6}, groups={500: 6}))
    assert bind_mount.demand(declared, facts_of(declared), []) == Demand()


def test_a_socket_for_all_needs_no_entries() -> None:
    declared = declare(mode=0o666)
    assert bind_mount.demand(declared, facts_of(declared), [client("user nginx")]) == Demand()
    closed = declare(mode=0o664)
    assert bind_mount.demand(closed, facts_of(closed), [client("user nginx")]) != Demand()


def test_the_directory_is_searched_by_its_clients_alone() -> None:
    clients = [client("user nginx"), client("group staff")]
    assert bind_mount.directory(clients, None, None, None, None) == AccessRequest(
        users={33: 1}, groups={500: 1}
    )


def test_who_mounts_finds_the_target() -> None:
    clients = [client("user nginx")]
    found = bind_mount.directory(clients, USERS["alice"], None, None, None)
    assert found.users == {33: 1, 1001: 1}


def test_root_and_the_owner_need_no_entry() -> None:
    clients = [client("user nginx"), client("user root"), client("user alice")]
    found = bind_mount.directory(clients, USERS["root"], 33, 500, None)
    assert found == AccessRequest(uid=33, gid=500, users={1001: 1})


def test_owner_group_and_mode_as_declared() -> None:
    found = bind_mount.directory([], None, 33, 500, 0o715)
    assert found == AccessRequest(33, 500, 7, 1, 5)
    assert bind_mount.directory([], None, None, None, 0) == AccessRequest(
        user_obj=0, group_obj=0, other=0
    )
