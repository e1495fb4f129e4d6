# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ways to be refused, each planted for real: what the kernel says, and what is to be named."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import validate
from ansible_collections.unixsocket.access.plugins.module_utils._engine.run import converge
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import (
    Options,
    Task,
    compiled,
)
from kernel.explain.world import (
    ALICE,
    BOB,
    CREW,
    DOCKER,
    Client,
    World,
    client,
    directory,
    fresh_client,
    join,
    listen,
)
from kernel.hosts import mount

PATH = "/run/app/app.sock"
_CAP_DAC_OVERRIDE = 1


@dataclass
class Way:
    """What was planted: who asks for what, and what is true about it.

    ``actions`` are those of the changes that are to be proposed; there are none where nothing on
    the host can change it.  ``running`` is asked in place of a new process where there is one:
    called after a restart, it is the process of then.  ``wait`` is what time, or the daemon, does.
    ``declared``: the declaration that is proposed lets in as well.
    """

    cause: str
    errno: str
    actions: tuple[str, ...]
    path: str = PATH
    user: str = "alice"
    kind: str | None = None
    running: Callable[[], Client] | None = None
    wait: Callable[[], None] | None = None
    declared: bool = False
    says: str = ""
    instead: str | None = None
    afterwards: bool = True


def _permissions(cause: str, says: str = "", instead: str | None = None, **how: object) -> Way:
    return Way(cause, "EACCES", ("acl-entry",), declared=True, says=says, instead=instead)


def mode(world: World) -> Way:
    world.keep(listen(PATH, 0o660))
    return _permissions("other", "no entry matches alice")


def closed_parent(world: World) -> Way:
    directory("/run/app", 0o750)
    world.keep(listen(PATH, 0o666))
    return _permissions("search-other", "may not search the directory /run/app")


def closed_parent_and_socket(world: World) -> Way:
    directory("/run/app", 0o750)
    world.keep(listen(PATH, 0o660))
    way = _permissions("search-other")
    way.actions = ("acl-entry", "acl-entry")
    return way


def acl_denies_the_user(world: World) -> Way:
    join("alice", "crew")
    world.keep(listen(PATH, Acl(6, 6, 0, ((ALICE, 0),), (), 6), gid=CREW))
    return _permissions("named-user", "for a named user no group counts")


def acl_denies_the_group(world: World) -> Way:
    join("alice", "crew")
    world.keep(listen(PATH, Acl(6, 6, 6, (), ((CREW, 4),), 6)))
    return _permissions("named-group", "group crew")


def acl_mask(world: World) -> Way:
    world.keep(listen(PATH, Acl(6, 6, 0, ((ALICE, 6),), (), 4)))
    return _permissions("mask", "the mask (r--) takes it away")


def acl_off(world: World) -> Way:
    world.keep(listen(PATH, Acl(6, 6, 0, ((ALICE, 6),), (), 0)))
    return _permissions("acl-off", "switches the whole ACL off")


def acl_mask_of_the_parent(world: World) -> Way:
    directory("/run/app", Acl(7, 5, 0, ((ALICE, 1),), (), 4))
    world.keep(listen(PATH, 0o666))
    return _permissions("search-mask", "but the mask (r--) takes it away")


def owner_class(world: World) -> Way:
    world.keep(listen(PATH, 0o466, uid=ALICE, gid=CREW))
    return Way("owner", "EACCES", ("owner-mode",), declared=True, says="alice is the owner")


def owner_class_of_the_parent(world: World) -> Way:
    directory("/run/app", 0o655, uid=ALICE)
    world.keep(listen(PATH, 0o666))
    return Way("search-owner", "EACCES", ("owner-mode",))


def group_class(world: World) -> Way:
    join("alice", "crew")
    world.keep(listen(PATH, 0o646, gid=CREW))
    return _permissions("group", "what others may does not count for a member")


def group_of_one_person(world: World) -> Way:
    """Nobody is told to join the group that is bob's alone."""
    world.keep(listen(PATH, 0o660, uid=BOB, gid=BOB))
    return _permissions("other")


def supplementary_group(world: World) -> Way:
    world.keep(listen(PATH, 0o660, gid=CREW))
    return _permissions("other", instead="join-group")


def powerful_group(world: World) -> Way:
    """Nor one that is as good as root, which opens much more than a socket."""
    world.keep(listen(PATH, 0o660, gid=DOCKER))
    return _permissions("other")


def without_acls(world: World) -> Way:
    os.mkdir("/run/app")
    mount("ramfs", Path("/run/app"))
    world.keep(listen(PATH, 0o640, gid=CREW))
    return Way("other", "EACCES", ("group-mode", "join-group"), says="keeps no ACLs", declared=True)


def writable_directory(world: World) -> Way:
    """A run refuses it unless whoever may write there is trusted, which the declaration says."""
    directory("/run/app", 0o777)
    directory("/run/app/closed")
    directory("/run/app/closed/open", 0o777)
    way = _permissions("other", "unless you trust them: /run/app, /run/app/closed/open.")
    way.path = "/run/app/closed/open/app.sock"
    world.keep(listen(way.path, 0o660))
    return way


def link_through_a_closed_directory(world: World) -> Way:
    directory("/run/closed", 0o700)
    world.keep(listen("/run/closed/app.sock", 0o666))
    directory("/run/app")
    os.symlink("/run/closed/app.sock", PATH)
    way = _permissions("search-other", "may not search the directory /run/closed")
    return way


def protected_link(world: World) -> Way:
    """fs.protected_symlinks, which whoever runs this has set."""
    world.keep(listen("/run/real/app.sock", 0o666))
    directory("/run/app", 0o1777)
    os.symlink("/run/real/app.sock", PATH)
    os.lchown(PATH, BOB, BOB)
    return Way("protected-symlink", "EACCES", ("use-path",))


def dangling_link(world: World) -> Way:
    directory("/run/app")
    os.symlink("/run/real/app.sock", PATH)
    unit = world.unit("real.socket")
    world.listens[unit] = "/run/real/app.sock"
    world.restarts[unit] = lambda: _again(world, "/run/real/app.sock")
    return Way("dangling-link", "ENOENT", ("start-unit",), says=f"symbolic link {PATH}")


def _again(world: World, path: str) -> None:
    world.keep(listen(path, 0o666))


def missing_socket(world: World) -> Way:
    """The client was told another name than the daemon."""
    world.keep(listen("/run/app/app-server.sock", 0o666))
    world.keep(listen("/run/app/zzz", 0o666))
    return Way("missing", "ENOENT", ("use-path",), says=f"{PATH} does not exist")


def missing_directory(world: World) -> Way:
    unit = world.unit("app.service")
    world.directories[unit] = "app"
    world.restarts[unit] = lambda: _again(world, PATH)
    return Way("missing-directory", "ENOENT", ("start-unit",), says="/run/app does not exist")


def not_a_socket(world: World) -> Way:
    directory("/run/app")
    Path(PATH).touch(0o666)
    os.chmod(PATH, 0o666)
    world.keep(listen("/run/app/app2.sock", 0o666))
    return Way("not-a-socket", "ECONNREFUSED", ("use-path",))


def a_directory(world: World) -> Way:
    """The client names the directory, as some daemons want it and others do not."""
    directory("/run/app", 0o777)
    world.keep(listen(PATH, 0o666))
    return Way("not-a-socket", "ECONNREFUSED", ("use-path",), path="/run/app")


def not_a_directory(world: World) -> Way:
    world.keep(listen("/run/app", 0o666))
    return Way("not-a-directory", "ENOTDIR", ("use-path",), afterwards=False)


def dead_socket(world: World) -> Way:
    listen(PATH, 0o666).close()
    unit = world.unit("app.service")
    world.directories[unit] = "app"
    world.restarts[unit] = lambda: _again(world, PATH)
    return Way("dead-socket", "ECONNREFUSED", ("start-unit",), says=f"Nobody listens at {PATH}")


def bound_only(world: World) -> Way:
    one = world.keep(listen(PATH, 0o666, backlog=None))
    return Way("not-listening", "ECONNREFUSED", ("wait",), wait=one.listen)


def shut_down(world: World) -> Way:
    one = world.keep(listen(PATH, 0o666))
    one.shutdown(socket.SHUT_RD)
    unit = world.unit("app.service")
    world.directories[unit] = "app"
    world.restarts[unit] = lambda: _again(world, PATH)
    return Way("shut-down", "ECONNREFUSED", ("start-unit",))


def wrong_type(world: World) -> Way:
    world.keep(listen(PATH, 0o666))
    return Way("wrong-type", "EPROTOTYPE", ("use-type",), kind="seqpacket")


def wrong_type_of_a_datagram(world: World) -> Way:
    world.keep(listen(PATH, 0o666, kind="dgram"))
    return Way("wrong-type", "EPROTOTYPE", ("use-type",), kind="stream")


def full_queue(world: World) -> Way:
    one = world.keep(listen(PATH, 0o666, backlog=1))
    for dummy in range(2):
        world.keep(socket.socket(socket.AF_UNIX)).connect(PATH)

    def accept() -> None:
        for dummy in range(2):
            world.keep(one.accept()[0])

    return Way(
        "queue-full",
        "EAGAIN",
        ("wait",),
        wait=accept,
        says="2 connections wait to be accepted, and no more than 2 may",
    )


def taken_datagram(world: World) -> Way:
    one = world.keep(listen(PATH, 0o666, kind="dgram"))
    other = world.keep(listen("/run/app/other", 0o666, kind="dgram"))
    one.connect("/run/app/other")

    def disconnect() -> None:
        other.close()
        listen(PATH, 0o666, kind="dgram").detach()

    return Way("peer-taken", "EPERM", ("wait",), wait=disconnect)


def _bound(source: str, target: str) -> None:
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if not os.path.exists(target):
        Path(target).touch()
    subprocess.run(["mount", "--bind", source, target], check=True)


def stale_mount(world: World) -> Way:
    listen("/run/app/app.sock", 0o666).close()
    _bound("/run/app/app.sock", "/run/client/app.sock")
    world.keep(listen("/run/app/app.sock", 0o666))
    return Way(
        "stale-mount",
        "ECONNREFUSED",
        ("mount-again",),
        path="/run/client/app.sock",
        says="is the mount of a socket at which nobody listens any more",
    )


def doubled_mount(world: World) -> Way:
    """The one above is stale, and hides the one below, which would do."""
    listen("/run/old/app.sock", 0o666).close()
    world.keep(listen("/run/app/app.sock", 0o666))
    _bound("/run/app/app.sock", "/run/client/app.sock")
    _bound("/run/old/app.sock", "/run/client/app.sock")
    os.unlink("/run/old/app.sock")
    return Way(
        "doubled-mount",
        "ECONNREFUSED",
        ("unmount",),
        path="/run/client/app.sock",
        says="2 mounts are stacked",
    )


def stale_mount_without_a_daemon(world: World) -> Way:
    """There is nothing yet that could be mounted in its place."""
    listen(PATH, 0o666).close()
    _bound(PATH, "/run/client/app.sock")
    way = Way("stale-mount", "ECONNREFUSED", ("mount-again",), path="/run/client/app.sock")
    way.says, way.afterwards = "start the daemon, and mount its socket there again", False
    return way


def mounted_on_itself(world: World) -> Way:
    """The daemon cannot remove its own name any more, and so does not come up."""
    listen(PATH, 0o666).close()
    _bound(PATH, PATH)
    unit = world.unit("app.service")
    world.directories[unit] = "app"
    world.restarts[unit] = lambda: _again(world, PATH)
    way = Way("stale-mount", "ECONNREFUSED", ("unmount", "start-unit"))
    way.cause, way.says = "doubled-mount", "is mounted on itself"
    return way


def stopped_behind_a_mount(world: World) -> Way:
    """Nobody declares it, and the unit is found by what is mounted there."""
    listen(PATH, 0o666).close()
    _bound(PATH, "/run/client/app.sock")
    unit = world.unit("app.service")
    world.directories[unit] = "app"
    world.restarts[unit] = lambda: _again(world, PATH)
    return Way(
        "stale-mount",
        "ECONNREFUSED",
        ("mount-again",),
        path="/run/client/app.sock",
        says=f"systemctl restart {unit}; mount --bind {PATH} /run/client/app.sock.",
    )


def stale_mount_of_a_directory(world: World) -> Way:
    """RuntimeDirectory= is made anew at each start."""
    listen(PATH, 0o666).close()
    os.mkdir("/run/client")
    subprocess.run(["mount", "--bind", "/run/app", "/run/client"], check=True)
    os.unlink(PATH)
    os.rmdir("/run/app")
    world.keep(listen(PATH, 0o666))
    return Way(
        "stale-mount",
        "ENOENT",
        ("mount-again",),
        path="/run/client/app.sock",
        says="/run/client is the mount of a directory that was removed since",
    )


def _as_a_unit(
    world: World, name: str, start: Callable[[str], Client]
) -> tuple[str, Callable[[], Client]]:
    unit = world.unit(name)
    world.run(unit, lambda: start(unit))
    return unit, lambda: world.clients[unit]


def setting(unit: str, key: str) -> list[str]:
    """Return the words of a setting in the drop-ins of a unit, as systemd reads them."""
    found: list[str] = []
    for file in Path(f"/etc/systemd/system/{unit}.d").glob("*.conf"):
        for line in file.read_text().splitlines():
            if line.startswith(f"{key}="):
                found += line.partition("=")[2].split()
    return found


def stale_group(world: World) -> Way:
    world.keep(listen(PATH, 0o660, gid=CREW))
    unit, running = _as_a_unit(world, "shop.service", lambda unit: fresh_client("alice", unit=unit))
    join("alice", "crew")
    os.utime("/etc/group")
    return Way("stale-group", "EACCES", ("restart-unit",), running=running, says=f"{unit})")


def groups_of_the_unit(world: World) -> Way:
    join("alice", "crew")
    os.utime("/etc/group", (0, 0))
    world.keep(listen(PATH, 0o660, gid=CREW))

    def start(unit: str) -> Client:
        groups = {"crew": CREW}
        return client(
            groups=[groups[name] for name in setting(unit, "SupplementaryGroups")], unit=unit
        )

    dummy, running = _as_a_unit(world, "shop.service", start)
    return Way("own-groups", "EACCES", ("drop-in",), running=running)


def hidden_by_a_namespace(world: World) -> Way:
    world.keep(listen("/run/apps/app/app.sock", 0o666))

    def start(unit: str) -> Client:
        def inside() -> None:
            paths = setting(unit, "BindPaths")
            for number, path in enumerate(paths):
                os.mkdir(f"/mnt/kept{number}")
                subprocess.run(["mount", "--bind", path, f"/mnt/kept{number}"], check=True)
            mount("tmpfs", Path("/run/apps"))
            for number, path in enumerate(paths):
                os.mkdir(path)
                subprocess.run(["mount", "--move", f"/mnt/kept{number}", path], check=True)

        return fresh_client("alice", unit=unit, inside=inside)

    dummy, running = _as_a_unit(world, "shop.service", start)
    return Way(
        "mount-namespace",
        "ENOENT",
        ("drop-in",),
        path="/run/apps/app/app.sock",
        running=running,
        says="an empty tmpfs is mounted at /run/apps there",
    )


def inaccessible_to_a_unit(world: World) -> Way:
    """ProtectHome=yes, below which systemd makes no mount (drop_inaccessible of its namespace.c)."""
    directory("/run/systemd/inaccessible/dir", 0)
    world.keep(listen("/run/user/shared/app.sock", 0o666))

    def start(unit: str) -> Client:
        def inside() -> None:
            if setting(unit, "ProtectHome") != ["tmpfs"]:
                subprocess.run(
                    ["mount", "--bind", "/run/systemd/inaccessible/dir", "/run/user"], check=True
                )
                return
            (path,) = setting(unit, "BindPaths")
            os.mkdir("/mnt/kept")
            subprocess.run(["mount", "--bind", path, "/mnt/kept"], check=True)
            mount("tmpfs", Path("/run/user"))
            os.mkdir(path)
            subprocess.run(["mount", "--move", "/mnt/kept", path], check=True)

        return fresh_client("alice", unit=unit, inside=inside)

    dummy, running = _as_a_unit(world, "shop.service", start)
    return Way(
        "mount-namespace",
        "EACCES",
        ("drop-in",),
        path="/run/user/shared/app.sock",
        running=running,
        says="ProtectHome=",
    )


def before_in_a_namespace(world: World) -> Way:
    """The socket was mounted into the namespace, and its daemon has made another one since."""
    listen(PATH, 0o666).close()

    def start(unit: str) -> Client:
        def inside() -> None:
            _bound(PATH, "/mnt/kept")
            mount("tmpfs", Path("/run/app"))
            _bound("/mnt/kept", PATH)

        return fresh_client("alice", unit=unit, inside=inside)

    dummy, running = _as_a_unit(world, "shop.service", start)
    world.keep(listen(PATH, 0o666))
    return Way("mount-namespace", "ECONNREFUSED", ("restart-unit",), running=running)


def another_root(world: World) -> Way:
    world.keep(listen(PATH, 0o666))

    def start(unit: str) -> Client:
        def inside() -> None:
            os.makedirs("/mnt/root/run", exist_ok=True)
            for path in setting(unit, "BindPaths"):
                os.makedirs(f"/mnt/root{path}", exist_ok=True)
                subprocess.run(["mount", "--bind", path, f"/mnt/root{path}"], check=True)
            os.chroot("/mnt/root")
            os.chdir("/")

        return fresh_client("alice", unit=unit, inside=inside)

    dummy, running = _as_a_unit(world, "shop.service", start)
    return Way(
        "mount-namespace",
        "ENOENT",
        ("drop-in",),
        running=running,
        says="the root directory there is /mnt/root",
    )


def root_without_its_capability(world: World) -> Way:
    world.keep(listen(PATH, 0o600, uid=ALICE))
    one = client(0, (), 0, world.unit("shop.service"), without=_CAP_DAC_OVERRIDE)
    world.clients["root"] = one
    return Way(
        "lacks-capability",
        "EACCES",
        ("acl-entry",),
        user="root",
        running=lambda: one,
    )


def _keep_policy(name: str, declared: dict[str, object]) -> None:
    (policy,) = validate({name: declared}).sockets
    os.makedirs("/etc/socket-access", exist_ok=True)
    Path(f"/etc/socket-access/{name}.json").write_bytes(
        compiled(Task(policy, f"socket_policy {name}"))
    )


def not_as_declared(world: World) -> Way:
    world.keep(listen(PATH, 0o600))
    _keep_policy("app", {"path": PATH, "allow": [{"user": "alice", "method": "acl"}]})
    return Way("other", "EACCES", ("apply-policy",), says="socket-access apply app")


def declared_elsewhere(world: World) -> Way:
    world.keep(listen(PATH, 0o600))
    world.keep(listen("/run/alice/app.sock", 0o600, uid=ALICE))
    os.chmod("/run/alice", 0o755)
    _keep_policy(
        "app",
        {
            "path": PATH,
            "allow": [{"user": "alice", "method": "proxy", "at": "/run/alice/app.sock"}],
        },
    )
    return Way("other", "EACCES", ("use-path",), says="at /run/alice/app.sock: connect there")


def dead_and_closed(world: World) -> Way:
    """What is started makes another inode, so what is set on this one comes after it."""
    listen(PATH, 0o660).close()
    unit = world.unit("app.service")
    world.directories[unit] = "app"
    world.restarts[unit] = lambda: world.keep(listen(PATH, 0o660)).fileno()
    return Way("other", "EACCES", ("start-unit", "acl-entry"), says=f"Nobody listens at {PATH}")


def misspelt(world: World) -> Way:
    """The daemon runs and listens beside it, so to start it anew would end connections in vain."""
    world.keep(listen("/run/app/ap.sock", 0o666))
    unit = world.unit("app.service")
    world.directories[unit] = "app"
    return Way("missing", "ENOENT", ("use-path",), instead="start-unit")


def unlike_anything_there(world: World) -> Way:
    """What else listens in a directory that many daemons share is no advice."""
    world.keep(listen("/run/database.sock", 0o666))
    return Way("missing", "ENOENT", ("start",), path="/run/web.sock", afterwards=False)


def private_to_its_daemon(world: World) -> Way:
    """The daemon listens at that very name, below a directory of its own sandbox."""
    directory("/run/app")
    world.keep(listen("/run/app/app2.sock", 0o666))
    unit = world.unit("app.service")
    kept = []

    def inside() -> None:
        mount("tmpfs", Path("/run/app"))
        kept.append(listen(PATH, 0o666))

    world.run(unit, lambda: client(0, (), 0, unit=unit, inside=inside))
    says = f"{unit}) listens at {PATH} in mounts of its own"
    return Way("missing", "ENOENT", ("listen-elsewhere",), says=says, afterwards=False)


def declared_through_a_link(world: World) -> Way:
    """A declaration names what is above the path that it has, and not where the links lead."""
    return _behind_a_link(world, "/run/closed")


def declared_below_a_link(world: World) -> Way:
    """What the link passes has no name in that path, so the path without links is declared."""
    return _behind_a_link(world, "/run/closed/in")


def _behind_a_link(world: World, place: str) -> Way:
    directory("/run/closed", 0o700)
    world.keep(listen(f"{place}/app.sock", 0o600))
    os.symlink(place, "/run/app")
    _keep_policy("app", {"path": PATH, "allow": [{"user": "bob", "method": "acl"}]})
    way = _permissions("search-other", "may not search the directory /run/closed")
    way.actions = ("acl-entry", "acl-entry")
    return way


def mounted_for_somebody_else(world: World) -> Way:
    """A mount opens its directory for those who are granted there."""
    world.keep(listen(PATH, 0o600))
    grant = {"user": "bob", "method": "bind_mount", "at": "/run/ends/app.sock"}
    declared = {"path": PATH, "allow": [grant]}
    (policy,) = validate({"app": declared}).sockets
    converge([Task(policy, "socket_policy")], Options(prove=True, proof_seconds=5.0))
    _keep_policy("app", declared)
    way = _permissions("search-other")
    way.actions, way.path = ("acl-entry", "acl-entry"), "/run/ends/app.sock"
    return way


def mount_of_a_socket_that_is_gone(world: World) -> Way:
    """Nothing is to be made at the endpoint itself, where the path would be missed."""
    directory("/run/ends")
    world.keep(listen("/run/ends/app2.sock", 0o666))
    unit = world.unit("app.service")
    world.restarts[unit] = lambda: _again(world, PATH)
    grant = {"user": "alice", "method": "bind_mount", "at": "/run/ends/app.sock"}
    _keep_policy("app", {"path": PATH, "unit": unit, "allow": [grant]})
    says = f"{PATH} does not exist, so nothing is mounted at /run/ends/app.sock."
    way = Way("missing", "ENOENT", ("start-unit",), says=says, afterwards=False)
    way.path = "/run/ends/app.sock"
    return way


def group_of_a_declared_client(world: World) -> Way:
    """It is the socket's group for as long as nobody else is in it."""
    with open("/etc/passwd", "a", encoding="ascii") as file:
        file.write("service:x:732:732::/:/bin/false\n")
    with open("/etc/group", "a", encoding="ascii") as file:
        file.write("service:x:732:\n")
    os.utime("/etc/group", (0, 0))
    world.keep(listen(PATH, 0o660, gid=732))
    _keep_policy("app", {"path": PATH, "allow": [{"user": "service", "method": "group"}]})
    return _permissions("other")


def private_directory(world: World) -> Way:
    directory("/run/user/73002", 0o700, uid=BOB, gid=BOB)
    world.keep(listen("/run/user/73002/sound", 0o600, uid=BOB, gid=BOB))
    way = Way("search-other", "EACCES", ("offer-elsewhere", "acl-entry"))
    way.path, way.afterwards, way.declared = "/run/user/73002/sound", False, True
    return way


WAYS: dict[str, Callable[[World], Way]] = {
    one.__name__: one
    for one in (
        mode,
        closed_parent,
        closed_parent_and_socket,
        acl_denies_the_user,
        acl_denies_the_group,
        acl_mask,
        acl_off,
        acl_mask_of_the_parent,
        owner_class,
        owner_class_of_the_parent,
        group_class,
        group_of_one_person,
        supplementary_group,
        powerful_group,
        without_acls,
        private_directory,
        writable_directory,
        link_through_a_closed_directory,
        protected_link,
        dangling_link,
        missing_socket,
        missing_directory,
        not_a_socket,
        a_directory,
        not_a_directory,
        dead_socket,
        bound_only,
        shut_down,
        wrong_type,
        wrong_type_of_a_datagram,
        full_queue,
        taken_datagram,
        stale_mount,
        doubled_mount,
        stopped_behind_a_mount,
        stale_mount_without_a_daemon,
        mounted_on_itself,
        stale_mount_of_a_directory,
        stale_group,
        groups_of_the_unit,
        hidden_by_a_namespace,
        inaccessible_to_a_unit,
        before_in_a_namespace,
        another_root,
        root_without_its_capability,
        not_as_declared,
        declared_elsewhere,
        dead_and_closed,
        misspelt,
        unlike_anything_there,
        private_to_its_daemon,
        declared_through_a_link,
        declared_below_a_link,
        mounted_for_somebody_else,
        mount_of_a_socket_that_is_gone,
        group_of_a_declared_client,
    )
}
