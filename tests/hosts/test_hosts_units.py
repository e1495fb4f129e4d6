# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kinds of units that make sockets, under a real systemd, on both Debians: what hooks must not do to them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from hosts.unit_host import SERVED, Host

ONLY_FRIEND = ["in", "EACCES", "EACCES"]
USERS = "systemctl --user -M alice@.host"


@pytest.fixture(scope="module", params=["deb12", "deb13"])
def host(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Host]:
    made = Host(request.param, tmp_path_factory.mktemp(request.param))
    yield made
    made.close()


def only_friend(path: str, unit: str | None = None, **more: Any) -> dict[str, Any]:
    declared = {"path": path, "allow": [{"user": "friend"}], "refuse": ["foe"], **more}
    return declared if unit is None else {**declared, "unit": unit}


def service(path: str, *settings: str) -> str:
    return "\n".join(
        ("[Service]", f"ExecStart=/usr/bin/python3 /opt/daemon.py {path}", *settings, "")
    )


def test_a_hook_that_waits_for_another_run_does_not_end_its_daemon(host: Host) -> None:
    host.units(short__service=service("/run/short", "Type=notify", "TimeoutStartSec=11"))
    host.must("systemctl start short")
    host.applied({"short": only_friend("/run/short", "short.service")})
    host.must(
        "flock /var/lib/socket-access sleep 14 & sleep 0.5; systemctl restart short; wait; "
        "systemctl is-active short"
    )
    host.comes_to("/run/short", ONLY_FRIEND)
    host.applied({"short": only_friend("/run/short", "short.service")}, state="absent")


def test_born_leaves_a_dynamic_user_able_to_start(host: Host) -> None:
    settings = ("DynamicUser=yes", "RuntimeDirectory=passing")
    host.units(passing__service=service("/run/passing/s", *settings))
    host.must("systemctl start passing")
    declared = {"passing": only_friend("/run/passing/s", "passing.service", born=True)}
    host.applied(declared)
    host.must("systemctl restart passing")
    assert host.outcomes("/run/passing/s") == ONLY_FRIEND
    assert host.applied(declared)["changes"] == []
    host.applied(declared, state="absent")
    assert host.must("systemctl show --property=Group --value passing") == "passing\n"


@pytest.mark.parametrize("setting", ["User=alice", "SystemCallFilter=@basic-io"])
def test_what_confines_a_socket_unit_is_not_its_hooks(host: Host, setting: str) -> None:
    host.units(
        tight__socket=f"[Socket]\nListenStream=/run/tight\n{setting}\n", tight__service=SERVED
    )
    host.must("systemctl start tight.socket")
    allow = [{"user": "friend", "method": "acl"}]
    declared = {"tight": only_friend("/run/tight", "tight.socket", strict=True, allow=allow)}
    host.applied(declared)
    host.must(
        "systemctl stop tight.service tight.socket socket-access-tight.path; systemctl start tight.socket"
    )
    assert host.outcomes("/run/tight") == ONLY_FRIEND
    host.applied(declared, state="absent")
    host.must("systemctl stop tight.service tight.socket")


def test_who_makes_a_socket_now_is_looked_up_anew(host: Host) -> None:
    host.units(old__service=service("/run/moved"), new__service=service("/run/moved"))
    host.must("systemctl start old")
    declared = {"moved": only_friend("/run/moved")}
    host.applied(declared)
    hook = "/etc/systemd/system/{}.service.d/50-socket-access-moved.conf"
    host.must(f"test -e {hook.format('old')}")
    host.must("systemctl stop old; systemctl start new")
    host.applied(declared)
    host.must(f"test -e {hook.format('new')}; ! test -e {hook.format('old')}")
    host.must("systemctl restart new")
    host.comes_to("/run/moved", ONLY_FRIEND)
    # One that is only stopped is remembered.
    host.must("systemctl stop new")
    assert host.applied(declared)["changes"] == []
    host.applied(declared, state="absent")


def test_drop_ins_that_take_back_what_ours_says_are_named(host: Host) -> None:
    host.units(
        edited__socket="[Socket]\nListenStream=/run/edited\n",
        edited__service=SERVED,
        emptied__service=service("/run/emptied"),
    )
    for unit, text in (
        ("edited.socket", "[Socket]\nSocketMode=0666\n"),
        ("emptied.service", "[Service]\nExecStartPost=\nRestart=always\n"),
    ):
        host.put(f"/etc/systemd/system/{unit}.d/override.conf", text)
        host.put(f"/etc/systemd/system/{unit}.d/40-before.conf", text)
    host.must("systemctl daemon-reload; systemctl start edited.socket emptied")
    declared = {
        "edited": only_friend("/run/edited", "edited.socket"),
        "emptied": only_friend("/run/emptied", "emptied.service"),
    }
    for dummy in range(2):
        found = host.applied(declared)["sockets"]
        for name, key in (("edited", "SocketMode="), ("emptied", "ExecStartPost=")):
            (note,) = found[name]["notes"]
            assert "override.conf is read after" in note
            assert f"sets {key} otherwise" in note
            assert len(found[name]["kept_by"]) == 1
            assert note in host.must(f"socket-access status | grep '^{name} '")
    host.must("rm /etc/systemd/system/*.d/override.conf; systemctl daemon-reload")
    found = host.applied(declared)["sockets"]
    assert [(one["notes"], len(one["kept_by"])) for one in found.values()] == [([], 2), ([], 2)]
    host.applied(declared, state="absent")


def test_a_service_that_does_not_make_its_socket_itself(host: Host) -> None:
    host.units(
        activated__socket="[Socket]\nListenStream=/run/activated\n", activated__service=SERVED
    )
    host.must("systemctl start activated.socket")
    declared = only_friend("/run/activated", "activated.service")
    (note,) = host.applied({"activated": declared})["sockets"]["activated"]["notes"]
    assert note.startswith("activated.socket makes the socket /run/activated before")
    declared["unit"] = "activated.socket"
    assert host.applied({"activated": declared})["sockets"]["activated"]["notes"] == []
    host.applied({"activated": declared}, state="absent")


def test_one_service_is_not_born_for_two_sockets(host: Host) -> None:
    host.units(both__service=service("/run/first"))
    host.must("systemctl start both; groupadd -f one; groupadd -f two")
    declared = {
        name: {
            "path": f"/run/{name}",
            "unit": "both.service",
            "born": True,
            "group": group,
            "mode": "0660",
        }
        for name, group in (("first", "one"), ("second", "two"))
    }
    host.applied(declared)
    notes = host.applied(declared)["sockets"]["first"]["notes"]
    assert any("sets Group= otherwise" in one and "leave born out at one" in one for one in notes)
    host.applied(declared, state="absent")


def test_a_service_with_directories_is_born_for_its_own_group_only(host: Host) -> None:
    host.must("groupadd -f one; groupadd -f two; usermod -G one friend")
    settings = ("User=alice", "Group=one", "RuntimeDirectory=grouped", "RuntimeDirectoryMode=0770")
    host.units(grouped__service=service("/run/grouped/s", *settings))
    host.must("systemctl start grouped")
    more = {"born": True, "mode": "0660", "trust_directories": ["/run/grouped"]}
    grouped = only_friend("/run/grouped/s", "grouped.service", group="two", **more)
    assert "has RuntimeDirectory=" in host.policy({"grouped": grouped})["msg"]
    grouped["group"] = "one"
    assert host.applied({"grouped": grouped})["changes"] != []
    assert host.applied({"grouped": grouped})["changes"] == []
    host.must("systemctl stop socket-access-grouped.path; systemctl restart grouped")
    assert host.outcomes("/run/grouped/s") == ONLY_FRIEND
    assert host.must("stat -c '%G %a' /run/grouped") == "one 770\n"
    host.applied({"grouped": grouped}, state="absent")
    host.must("gpasswd -d friend one; systemctl stop grouped")


def test_a_socket_unit_makes_what_its_links_lead_to(host: Host) -> None:
    host.units(
        linked__socket="[Socket]\nListenStream=/run/linked/s\nSymlinks=/run/by-link\nRemoveOnStop=yes\n",
        linked__service=SERVED,
    )
    host.must("mkdir -p /run/real; ln -sfn real /run/linked")
    # As long as the unit is down, its links are not there.
    for path in ("/run/by-link", "/run/real/s"):
        declared = {"linked": only_friend(path, "linked.socket")}
        host.applied(declared)
        host.must("systemctl start linked.socket")
        assert host.outcomes("/run/real/s") == ONLY_FRIEND
        host.must("systemctl stop linked.socket linked.service")
        host.applied(declared, state="absent")
    said = host.policy({"linked": only_friend("/run/elsewhere", "linked.socket")})["msg"]
    assert "does not make the socket /run/elsewhere" in said


@pytest.mark.parametrize("path", ["/run/grün", "/run/it's"])
def test_a_socket_unit_that_forgets_its_socket_is_refused(host: Host, path: str) -> None:
    """To read its units again is what each run asks of systemd."""
    host.units(odd__socket=f"[Socket]\nListenStream={path}\n", odd__service=SERVED)
    host.must("systemctl start odd.socket")
    assert host.outcomes(path)[0] == "in"
    for unit in ("odd.socket", None):
        said = host.policy({"odd": only_friend(path, unit)})["msg"]
        assert f"closes the socket {path} of odd.socket" in said
    host.must("systemctl stop odd.service; systemctl daemon-reload")
    assert host.outcomes(path)[0] == "ECONNREFUSED"
    host.must("systemctl stop odd.socket")


def test_what_a_users_manager_makes_is_given_back_as_it_was(host: Host) -> None:
    host.put(f"{host.home}/.config/systemd/user/own.socket", "[Socket]\nListenStream=/run/own/s\n")
    host.put(f"{host.home}/.config/systemd/user/own.service", SERVED)
    host.must(f"chown -R alice: {host.home}; install -d -o alice -g alice /run/own")
    host.must("loginctl enable-linger alice; systemctl start user@$(id -u alice)")
    host.must(f"{USERS} start own.socket")
    more = {"unit_user": "alice", "trust_directories": ["/run/own"]}
    declared = {"own": only_friend("/run/own/s", "own.socket", **more)}
    host.applied(declared)
    # The system's manager alone can give it to the group, and what was born before it did so is no
    # other than what this policy made of it.
    host.must("systemctl stop socket-access-own.path")
    host.must(f"{USERS} stop own.service own.socket; {USERS} start own.socket")
    host.applied(declared)
    assert host.outcomes("/run/own/s") == ONLY_FRIEND

    nobodys = {"own": only_friend("/run/own/s", "none.service", **more)}
    assert "does not exist in the manager of user alice" in host.policy(nobodys)["msg"]

    host.must("systemctl stop user@$(id -u alice)")
    host.applied(declared, "--check")
    assert host.must("systemctl is-active user@$(id -u alice) || :") != "active\n"
    host.applied(declared, state="absent")
    assert host.must("stat -c '%a %U %G' /run/own/s") == "666 alice alice\n"
    host.must("loginctl disable-linger alice")


@pytest.mark.parametrize("mode", ["000", "555"])
def test_no_user_keeps_a_run_from_its_end(host: Host, mode: str) -> None:
    units = f"{host.home}/.config/systemd/user"
    host.put(f"{units}/hers.socket", "[Socket]\nListenStream=/run/hers/s\nSocketMode=0666\n")
    host.put(f"{units}/hers.service", SERVED)
    host.units(roots__service=service("/run/roots"))
    host.must(f"chown -R alice: {host.home}; install -d -o alice -g alice /run/hers")
    host.must("loginctl enable-linger alice; systemctl start roots user@$(id -u alice)")
    host.must(f"{USERS} daemon-reload; {USERS} start hers.socket")
    declared = {
        "roots": only_friend("/run/roots"),
        "hers": only_friend(
            "/run/hers/s", "hers.socket", unit_user="alice", trust_directories=["/run/hers"]
        ),
    }
    hook = f"{units}/hers.socket.d/50-socket-access-hers.conf"
    host.must(
        f"install -d -o alice -g alice {units}/hers.socket.d; chmod {mode} {units}/hers.socket.d"
    )
    # Check mode foresees that only the rest is changed.
    checked = host.applied(declared, "--check")
    assert [hook in one for one in checked["changes"]] == [False] * len(checked["changes"])
    # She can neither keep the run from closing the sockets ...
    for anew in (True, False):
        result = host.applied(declared)
        assert (result["changes"] != []) is anew
        (warned,) = (one for one in result["warnings"] if "in the hands of user alice" in one)
        assert hook in warned
        for path in ("/run/roots", "/run/hers/s"):
            assert host.outcomes(path) == ONLY_FRIEND
    assert host.applied(declared, "--check")["changes"] == []
    host.must(f"chmod 755 {units}/hers.socket.d")
    assert [hook in one for one in host.applied(declared)["changes"]] == [True]
    # ... nor from giving them back, and what is left then is taken away by the next run.
    host.must(f"chmod {mode} {units}/hers.socket.d")
    host.applied(declared, state="absent")
    assert host.must("stat -c %a /run/roots /run/hers/s") == "777\n666\n"
    host.must(f"chmod 755 {units}/hers.socket.d; test -e {hook}")
    host.applied(declared, state="absent")
    host.must(f"! test -e {hook}; ! test -e /var/lib/socket-access")
    host.must(f"{USERS} stop hers.socket hers.service; systemctl stop roots")
    host.must(f"loginctl disable-linger alice; rm -r {host.home}/.config")


def test_a_users_manager_that_cannot_be_asked_keeps_no_run_from_its_end(host: Host) -> None:
    host.put(f"{host.home}/.config/systemd/user/mute.service", service("/run/mute/s"))
    host.must(f"chown -R alice: {host.home}; install -d -o alice -g alice /run/mute")
    host.must("loginctl enable-linger alice; systemctl start user@$(id -u alice)")
    host.must(f"{USERS} daemon-reload; {USERS} start mute.service")
    host.must("mv /run/user/$(id -u alice)/bus /run/user/$(id -u alice)/away")
    declared = {
        "mute": only_friend(
            "/run/mute/s", "mute.service", unit_user="alice", trust_directories=["/run/mute"]
        )
    }
    result = host.applied(declared)
    assert host.outcomes("/run/mute/s") == ONLY_FRIEND
    (told,) = (one for one in result["warnings"] if "The manager of user alice" in one)
    assert "cannot be asked (" in told
    assert "and is not asked again in this run" in told
    (note,) = (one for one in result["sockets"]["mute"]["notes"] if "The manager of user" in one)
    assert "gives no answer, so the hook of mute.service" in note
    host.applied(declared, state="absent")
    assert host.must("stat -c %a /run/mute/s") == "777\n"
    host.must("mv /run/user/$(id -u alice)/away /run/user/$(id -u alice)/bus")
    host.must(
        f"{USERS} stop mute.service; loginctl disable-linger alice; rm -r {host.home}/.config"
    )


def test_what_watches_comes_back_with_the_file_system_of_the_socket(host: Host) -> None:
    mount = "[Mount]\nWhat=tmpfs\nWhere=/mnt/data\nType=tmpfs\nOptions=mode=755\n"
    host.put("/etc/systemd/system/mnt-data.mount", mount)
    host.units(data__service=f"[Unit]\nRequiresMountsFor=/mnt/data\n{service('/mnt/data/s')}")
    host.must("systemctl start data")
    declared = {"data": only_friend("/mnt/data/s", "data.service")}
    host.applied(declared)
    host.must("systemctl stop mnt-data.mount; ! systemctl -q is-active data; systemctl start data")
    assert host.outcomes("/mnt/data/s") == ONLY_FRIEND
    host.must("systemctl is-active socket-access-data.path; chmod 777 /mnt/data/s")
    host.comes_to("/mnt/data/s", ONLY_FRIEND)
    host.applied(declared, state="absent")
    host.must("systemctl stop mnt-data.mount; rm /etc/systemd/system/mnt-data.mount")


def test_a_login_that_mounts_over_what_is_watched(host: Host) -> None:
    """systemd sees the directory of a login before that is mounted, and nothing of the mount."""
    host.put(f"{host.home}/.config/systemd/user/late.socket", "[Socket]\nListenStream=%t/late\n")
    host.put(f"{host.home}/.config/systemd/user/late.service", SERVED)
    login = host.must("id -u alice | sed 's|^|/run/user/|'").strip()
    here, manager = f"{login}/late", f"user@{login[10:]}.service"
    host.must(f"chown -R alice: {host.home}; loginctl enable-linger alice")
    host.must(f"systemctl start {manager}; {USERS} start late.socket")
    grant = {"user": "friend", "method": "bind_mount", "at": "/srv/late/s", "mount_as": "root"}
    declared = {"late": only_friend(here, "late.socket", unit_user="alice", allow=[grant])}
    host.applied(declared)
    assert host.outcomes("/srv/late/s") == ONLY_FRIEND
    host.must(f"systemctl stop {manager} user-runtime-dir@{login[10:]}.service; ! test -e {login}")
    # Nor shall a run that is still going on, or a second look, find it by chance.
    going = (
        "systemctl list-units --all --plain --no-legend 'socket-access-late*' | grep -v '[.]path'"
    )
    host.must(f"sleep 1; while {going} | grep -q -e activating -e ' active '; do sleep 0.2; done")
    # As a login does it, but for the time that passes until it is mounted on.
    host.must(f"mkdir {login}; sleep 1; systemctl start {manager}; {USERS} start late.socket")
    host.comes_to("/srv/late/s", ONLY_FRIEND)
    assert host.applied(declared)["changes"] == []
    host.applied(declared, state="absent")
    host.must("! ls /etc/systemd/system/user-runtime-dir@*")
    host.must(f"{USERS} stop late.socket; loginctl disable-linger alice; rm -r {host.home}/.config")


@pytest.mark.parametrize("removed", ["yes", "no"])
def test_what_starts_a_stopped_socket_of_a_users_manager_is_told(host: Host, removed: str) -> None:
    settings = f"ListenStream=/run/front/s\nRemoveOnStop={removed}\n"
    host.put(f"{host.home}/.config/systemd/user/front.socket", f"[Socket]\n{settings}")
    host.put(f"{host.home}/.config/systemd/user/front.service", SERVED)
    host.must(f"chown -R alice: {host.home}; install -d -o alice -g alice /run/front")
    host.must("loginctl enable-linger alice; systemctl start user@$(id -u alice)")
    host.must(f"{USERS} daemon-reload; {USERS} start front.socket")
    front, at = "/run/front/s", "/srv/front/s"
    declared = only_friend(
        front, "front.socket", unit_user="alice", trust_directories=["/run/front"]
    )
    declared["allow"] = [{"user": "friend", "method": "bind_mount", "at": at}]
    host.applied({"front": declared})
    assert host.outcomes(at)[0] == "in"
    restart = "systemctl --user -M alice@.host restart front.socket"
    start = restart.replace("restart", "start")
    for stop in (f"{USERS} stop front.socket front.service", "systemctl stop user@$(id -u alice)"):
        host.must(stop)
        assert host.outcomes(at)[0] != "in"
        said = host.must("socket-access status || :")
        assert (f"What makes it is started by: {start}." in said) is (removed == "yes"), said
        asked = host.must(f"socket-access explain --json {at} friend || :")
        explained = json.loads(asked)
        commands = [words for one in explained["changes"] for words in one["commands"]]
        assert restart.split() in commands, asked
        assert (["loginctl", "enable-linger", "alice"] in commands) is ("user@" in stop)
        host.must("; ".join(shlex.join(words) for words in commands))
        host.comes_to(at, ONLY_FRIEND)
    host.applied({"front": declared}, state="absent")
    host.must(f"{USERS} stop front.socket front.service; loginctl disable-linger alice")
    host.must(f"rm -r {host.home}/.config /run/front")


def test_the_private_directories_of_systemd_stay_closed(host: Host) -> None:
    settings = ("DynamicUser=yes", "RuntimeDirectory=inner", "RuntimeDirectoryPreserve=yes")
    host.units(inner__service=service("/run/inner/s", *settings))
    host.must("systemctl start inner")
    said = host.policy({"inner": only_friend("/run/inner/s", "inner.service")})["msg"]
    assert "open_parents" not in said
    assert "/run/private is where systemd keeps directories of services with DynamicUser=" in said
    allow = [{"user": "friend", "open_parents": ["/run/private"]}]
    declared = {"inner": only_friend("/run/private/inner/s", "inner.service", allow=allow)}
    assert "cannot be opened for user friend" in host.policy(declared)["msg"]
    host.must("systemctl restart inner")
