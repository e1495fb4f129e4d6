# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running processes that are judged otherwise than a new one, and why."""

from __future__ import annotations

import sys
from typing import ClassVar

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.diagnose import (
    Answer,
    Cause,
    on_the_way,
    running,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.diagnose.running import (
    Asked,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.diagnose.views import View
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.mounts import Mount
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.processes import (
    Process,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.chain import Chain
from unit.reach.chains import ALICE, APP, BOB, People, chain, inode, socket_at

NOBODY = Credentials(9999, 9999)
FRESH = Credentials(ALICE, ALICE, frozenset({ALICE}))
RUN = inode("/run", 0o755)
OF_APP = chain("/run/s", RUN, socket_at("/run/s", 0o660, APP))
EMPTY = Chain("/run/s", (inode("/", 0o755), RUN), missing="/run/s", resolved="/run/s")
TMPFS = Mount(2, 1, 7, "/", "/run", kind="tmpfs")
# CAP_DAC_OVERRIDE.
ALL = 2


class _Views:
    """What each process sees of the path where that is not what everybody sees."""

    seen: ClassVar[dict[int, View]]
    unseen: ClassVar[int]

    def __init__(self, path: str) -> None:
        self.hidden = self.unseen

    def of(self, process: Process) -> View | None:
        return self.seen.get(process.pid)


@pytest.fixture(autouse=True)
def views(monkeypatch: pytest.MonkeyPatch) -> type[_Views]:
    own = type("Own", (_Views,), {"seen": {}, "unseen": 0})
    monkeypatch.setattr(sys.modules[running.__module__], "Views", own)
    return own


def process(
    pid: int,
    *gids: int,
    uid: int = ALICE,
    unit: str | None = "web.service",
    manager: str | None = None,
    started: float = 1.0,
    capabilities: int = 0,
) -> Process:
    held = frozenset({uid, *gids})
    return Process(pid, "web", uid, held, started, unit, manager, capabilities)


def asked(
    *processes: Process, way: Chain = OF_APP, fresh: Credentials = FRESH
) -> tuple[list[Answer], list[str]]:
    def causes(seen: Chain, who: Credentials) -> list[Cause]:
        return list(on_the_way(seen, who, People()))

    question = Asked(way, fresh, NOBODY, 5.0, People())
    return running(question, processes, causes, Answer(tuple(causes(way, fresh))))


def member(*gids: int) -> Credentials:
    return FRESH._replace(groups=frozenset({ALICE, *gids}))


@pytest.mark.parametrize(
    ("one", "view", "why"),
    [
        (process(7, APP), None, "They have the groups app, which"),
        (process(7, APP, BOB), None, "They have the groups app and bob, which"),
        (process(7, capabilities=ALL), None, "They have capabilities, which"),
        (
            process(7),
            View(chain("/run/s", RUN, socket_at("/run/s", 0o666)), "/", None),
            "They have a mo",
        ),
    ],
)
def test_one_that_can_although_a_new_one_cannot(
    views: type[_Views], one: Process, view: View | None, why: str
) -> None:
    views.seen = {} if view is None else {7: view}
    ((answer,), hidden) = asked(one)
    (said,) = answer.notes
    assert said.startswith(f"The process web (pid 7, web.service) can connect. {why}")
    assert said.endswith(" which a new process has not.")
    assert hidden == []


def test_nothing_is_said_of_those_who_are_judged_alike() -> None:
    assert asked(process(7)) == ([], [])
    assert asked(process(7, APP), fresh=member(APP)) == ([], [])


def test_one_that_is_refused_for_another_reason_than_a_new_one(views: type[_Views]) -> None:
    closed = chain("/run/s", inode("/run", 0o700), socket_at("/run/s", 0o660, APP))
    views.seen = {7: View(closed, "/", None)}
    ((answer,), dummy) = asked(process(7))
    assert [one.path for one in answer.causes] == ["/run", "/run/s"]
    assert answer.causes[0].text.startswith("The process web (pid 7, web.service): alice may not ")


@pytest.mark.parametrize(
    ("one", "code", "action"),
    [
        (process(7), "stale-group", "restart-unit"),
        (process(7, started=6.0), "own-groups", "drop-in"),
        # What no service starts has no drop-in to be put into.
        (process(7, started=6.0, unit=None), "own-groups", "look"),
        (process(7, started=6.0, unit="x.scope"), "own-groups", "look"),
        (process(7, started=6.0, manager="user@20.service"), "own-groups", "look"),
        (process(7, unit="x.scope"), "stale-group", "restart-process"),
        (process(7, manager="user@20.service"), "stale-group", "restart-process"),
    ],
)
def test_one_that_lacks_a_group(one: Process, code: str, action: str) -> None:
    ((answer,), dummy) = asked(one, fresh=member(APP, BOB))
    (cause,) = answer.causes
    assert (cause.code, cause.changes[0].action) == (code, action)
    # The other group would not help.
    assert "group app," in cause.text
    assert "bob" not in cause.text


@pytest.mark.parametrize(
    ("pids", "said"),
    [
        (
            (7,),
            "The process web (pid 7, web.service) runs in a mount namespace of its own, in which ",
        ),
        (
            (7, 8),
            "The processes web (pid 7, web.service) and web (pid 8, web.service) run in a mount ",
        ),
    ],
)
def test_those_that_do_not_see_it(views: type[_Views], pids: tuple[int, ...], said: str) -> None:
    view = View(EMPTY, "/", TMPFS)
    views.seen = dict.fromkeys(pids, view)
    views.unseen = 2
    ((answer,), hidden) = asked(*map(process, pids), fresh=member(APP))
    (cause,) = answer.causes
    assert (cause.code, cause.errno, answer.counts) == ("mount-namespace", "ENOENT", True)
    assert cause.text.startswith(said)
    assert cause.text.endswith(
        "an empty tmpfs is mounted at /run there (TemporaryFileSystem=, "
        "ProtectHome=tmpfs or PrivateTmp= of the unit, or a container)."
    )
    # The mount hides nothing but the directory of the socket, so the socket alone is mounted there.
    drop_in, better = cause.changes
    assert drop_in.file is not None
    assert "BindPaths=/run/s\n" in drop_in.file[1]
    assert better.text.startswith("Better still, let the daemon make its socket in a directory of")
    assert cause.path == "/run/s"
    (note,) = hidden
    assert note.startswith(
        "Mount namespaces that could not be seen: those of 2 processes (it takes"
    )


def test_roots_own_in_a_container_do_not_count(views: type[_Views]) -> None:
    views.seen = {7: View(EMPTY, "/", TMPFS)}
    root = Credentials(0, 0, frozenset({0}), 7)
    answers, hidden = asked(process(7, uid=0), process(8, uid=0, capabilities=ALL), fresh=root)
    assert [one.counts for one in answers] == [False]
    (note,) = hidden
    assert note.startswith("1 process of root in a container or a sandbox, where the path leads to")


@pytest.mark.parametrize(
    ("more", "action"),
    [
        ({}, "drop-in"),
        ({"unit": None}, "look"),
        ({"unit": "x.scope"}, "look"),
        ({"manager": "user@20.service"}, "look"),
    ],
)
def test_the_way_into_a_namespace(
    views: type[_Views], more: dict[str, str | None], action: str
) -> None:
    """Only a service of the system's manager has settings for its mounts."""
    views.seen = {7: View(EMPTY, "/", None)}
    ((answer,), dummy) = asked(process(7, **more), fresh=member(APP))
    (change,) = answer.causes[0].changes
    assert (change.action, change.value if action == "drop-in" else change.path) == (action, "/run")


def test_where_it_is_missing_for_everybody_nobody_is_told_of(views: type[_Views]) -> None:
    views.seen = {7: View(EMPTY, "/", TMPFS)}
    assert asked(process(7), way=EMPTY) == ([], [])


def test_many_processes_are_not_all_named() -> None:
    ((answer,), dummy) = asked(*(process(pid, APP) for pid in range(1, 7)))
    assert answer.notes[0].startswith("The processes web (pid 1, web.service), ")
    assert " web (pid 5, web.service) and 1 more can connect." in answer.notes[0]
    ((answer,), dummy) = asked(*(process(pid, APP) for pid in range(1, 6)))
    assert " and web (pid 5, web.service) can connect." in answer.notes[0]


@pytest.mark.parametrize(
    ("point", "unit", "action", "said"),
    [
        (
            "/run/app",
            "web.service",
            "change-unit",
            "Take /run/app out of InaccessiblePaths= of web.service, below which systemd mounts "
            "nothing, and restart it: systemctl daemon-reload; systemctl restart web.service.",
        ),
        ("/run/app", "-x.service", "change-unit", "systemctl restart -- -x.service."),
        ("/run/user", "web.service", "drop-in", "Put ProtectHome=tmpfs and BindPaths=/run into "),
        (
            "/home",
            "-x.service",
            "drop-in",
            "systemctl daemon-reload; systemctl restart -- -x.servi",
        ),
    ],
)
def test_what_a_unit_has_closed(
    views: type[_Views], point: str, unit: str, action: str, said: str
) -> None:
    cover = Mount(2, 1, 7, "/systemd/inaccessible/dir", point, kind="tmpfs")
    views.seen = {7: View(EMPTY, "/", cover)}
    ((answer,), dummy) = asked(process(7, unit=unit), fresh=member(APP))
    change = answer.causes[0].changes[0]
    assert change.action == action
    assert said in change.text
