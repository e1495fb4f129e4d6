# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of docs/performance.md: ratios, tables, pictures, and runs that did not do their part."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from bench import figures, load, page, plays, plot, sums

ROOT = Path(__file__).resolve().parents[3]
RESULTS = json.loads((ROOT / "tests" / "bench" / "results.json").read_text(encoding="utf-8"))
SVG = "{http://www.w3.org/2000/svg}"


def answer(changed: bool, *held: bool | None) -> dict[str, Any]:
    """What socket_policy answers, as far as it is looked at."""
    grants = [{"proof": None if one is None else {"held": one}} for one in held]
    return {"changed": changed, "sockets": {"app": {"grants": grants}}}


@dataclass
class Task:
    name: str
    seconds: float
    result: dict[str, Any] = field(default_factory=dict)

    @property
    def hosts(self) -> dict[str, Any]:
        return {"host": self.result}


def runs(*measured: Task) -> list[list[Any]]:
    tasks = [Task("calm", 9), Task("ping", 1), *measured, Task("give back", 7), Task("calm", 9)]
    return figures.runs([*tasks, Task("ping", 3)], figures.grants)


def test_a_run_is_beside_the_pings_right_before_and_after_it() -> None:
    found = runs(Task("2, first, proven", 4, answer(True, True, True)))
    assert found == [["2", "first, proven", 4, 2]]


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("1, first, proven", answer(False, True)),
        ("1, second, proven", answer(True, True)),
        ("1, first, proven", answer(True, None)),
        ("1, first, proven", answer(True, False)),
        ("1, first, not proven", answer(True, True)),
        ("2, first, proven", answer(True, True)),
    ],
)
def test_a_run_that_did_not_do_what_its_name_says_ends_it(
    name: str, result: dict[str, Any]
) -> None:
    with pytest.raises(SystemExit, match="did not do what its name says"):
        runs(Task(name, 4, result))


def test_the_floor_gives_the_answer_of_the_first_run_and_no_other() -> None:
    first = Task("1, first, proven", 4, {**answer(True, True), "action": "socket_policy"})
    floor = Task("1, floor, proven", 2, {**answer(True, True), "action": "bench_floor"})
    found = runs(first, Task("answer", 5), Task("ping", 1), floor)
    assert [row[1:3] for row in found] == [["first, proven", 4], ["floor, proven", 2]]
    assert figures.answers([first, floor]).keys() == {"1, proven"}
    floor.result["changes"] = ["One more."]
    with pytest.raises(SystemExit, match="1, floor, proven"):
        runs(first, floor)


def test_what_is_measured_is_between_pings_and_a_host_that_was_changed_is_calm_first() -> None:
    for least in (None, {"reload": True}):
        tasks = plays.runs("5", plays.grants(5), (False, True), least)
        names = [one["name"] for one in tasks]
        names.append("calm")
        names.append("ping")
        for place, name in enumerate(names):
            if name.startswith("5, "):
                assert names[place - 1] == "ping"
                after = [one for one in names[place + 1 :] if one not in figures.UNMEASURED]
                assert after[0] == "ping"
            if name in ("give back", "5, first, proven", "5, first, not proven"):
                assert "calm" in names[place + 1 : place + 3]
        floors = [one["bench_floor"] for one in tasks if ", floor, " in one["name"]]
        assert [one["reload"] for one in floors] == ([True] * 2 if least else [])


def test_a_loop_takes_what_all_sizes_up_to_it_took() -> None:
    done = {"results": [{"changed": True}]}
    tasks = [
        Task("ping", 1),
        Task("loop 1, file", 2, done),
        Task("loop 1, acl", 3, done),
        Task("ping", 2),
        Task("loop 5, acl", 10, done),
        Task("ping", 3),
    ]
    assert figures.loops(tasks, [1, 5]) == [[1, 5, 2], [5, 15, 2]]
    tasks[4].result = {"results": [{"changed": True}, {"changed": False}]}
    with pytest.raises(SystemExit, match="loop 5, acl"):
        figures.loops(tasks, [1, 5])


def test_packing_is_what_the_first_task_took_longer() -> None:
    seconds = {"ping, packed": 5, "ping": 1, "policy, packed": 8, "policy": 2}
    assert figures.packing([Task(name, one) for name, one in seconds.items()]) == [4, 6]


def test_the_recap_names_every_host_once() -> None:
    line = "{} : ok=1    changed={}    unreachable=0    failed={}    skipped=0\n"
    good = line.format("a", 1, 0) + line.format("b", 1, 0)
    figures.recap(good, 2, True)
    for wrong, hosts, changed in (
        (good, 3, True),
        (good, 2, False),
        (line.format("a", 1, 1), 1, True),
    ):
        with pytest.raises(SystemExit):
            figures.recap(wrong, hosts, changed)


def test_loops_and_policy_have_the_same_entries() -> None:
    for size, sockets in ((1, 1), (5, 1), (20, 1), (100, 5), (400, 20)):
        declared = plays.grants(size)
        wanted = {
            (one["path"], grant["user"]) for one in declared.values() for grant in one["allow"]
        }
        assert len(declared) == plays.sockets(size) == sockets
        tasks = plays.entry_loops([1, size] if size > 1 else [1])
        looped = [item for task in tasks if "ansible.posix.acl" in task for item in task["loop"]]
        assert {(item["path"], item["user"]) for item in looped} == wanted
        assert len(looped) == len(wanted) == size
        files = [item for task in tasks if "ansible.builtin.file" in task for item in task["loop"]]
        assert sorted(files) == sorted(one["path"] for one in declared.values())


def part(**seconds: float) -> dict[str, Any]:
    """The part "grants" with the same seconds by both ways, and pings of one second."""
    whats = {"first": sums.FIRST_PROVEN, "second": sums.SECOND_PROVEN}
    if "floor" in seconds:
        whats |= {"floor": sums.FLOOR, "floor proven": sums.FLOOR_PROVEN}
    rows = [
        [way, "systemd", str(size), what, seconds.get(called, 1.0), 1.0]
        for way in sums.WAYS
        for size in (5, 400)
        for called, what in {"plain": sums.FIRST, "again": sums.SECOND, **whats}.items()
    ]
    return {"runs": rows, "loops": [["ssh", 400, seconds.get("loop", 420.0), 1.0]], "packing": []}


@pytest.mark.parametrize(
    ("seconds", "missed"),
    [
        ({}, ""),
        ({"plain": 1.15, "first": 1.5}, ""),
        ({"plain": 1.16, "first": 1.5}, "not proven, first run: at most 1.15"),
        ({"first": 1.51}, "proven, first run: at most 1.5"),
        ({"second": 1.01}, "second run no slower than the first, proven"),
        ({"loop": 49.9}, "50 times faster"),
    ],
)
def test_a_target_is_missed_by_what_the_page_shows(seconds: dict[str, float], missed: str) -> None:
    text = page.targets({"grants": part(**seconds)})
    assert text.count("| missed |") == bool(missed)
    said = [line for line in text.splitlines() if line.startswith("- Missed")]
    assert len(said) == bool(missed)
    assert all(missed in line and "Why: " in line for line in said)


def fleet(**plays_of: list[float]) -> dict[str, Any]:
    """The part "hosts" with plays on 10 hosts that took so many seconds."""
    return {
        "runs": [[10, what, one, 60, 60] for what, listed in plays_of.items() for one in listed]
    }


def test_a_missed_target_in_pings_is_told_beside_its_floor() -> None:
    text = page.targets({"grants": part(plain=3.0, floor=1.5)})
    assert "| SSH 3.00, podman 3.00 | SSH 1.50 (2.00), podman 1.50 (2.00) | missed |" in text
    assert (
        "takes 1.50 pings over SSH and 1.50 pings over podman, so no module that does this" in text
    )
    text = page.targets({"grants": part(plain=3.0, floor=1.15)})
    assert "takes 1.15 pings over SSH and 1.15 pings over podman, which is within the tar" in text
    assert "floor" not in page.targets({"grants": part(plain=3.0)})


def test_the_fleet_tells_noise_from_effect() -> None:
    once = fleet(ping=[10.0], first=[19.0], second=[20.0])
    assert "| SSH 1.05 |" in page.targets({"hosts": once})
    assert "Each of the two plays ran once" in page.targets({"hosts": once})
    within = page.targets({"hosts": fleet(ping=[10.0], first=[18.0, 20.0], second=[19.5])})
    assert "took 1.80 to 2.00 s for each host, the second 1.95 s, which is within that" in within
    above = page.targets({"hosts": fleet(ping=[10.0], first=[18.0, 20.0], second=[21.0])})
    assert "is not within that" in above
    assert "Missed: 10 hosts: second run" not in page.targets(
        {"hosts": fleet(ping=[10.0], first=[18.0, 20.0], second=[19.0])}
    )
    floor = fleet(ping=[10.0], first=[20.0], second=[20.0], floor=[12.0])
    assert "| SSH 2.00 | SSH 1.20 (1.67) | missed |" in page.targets({"hosts": floor})


def test_what_ran_beside_a_part_is_said_exactly_where_it_did() -> None:
    def said(**shares: float | None) -> str:
        parts = {
            name: {
                "began": "now",
                "date": "now",
                **({} if one is None else {"processors": {"others": one, "stolen": 0.01}}),
            }
            for name, one in shares.items()
        }
        return page.machine({**RESULTS, "parts": parts})

    quiet = said(gate=0.039, hosts=0.0)
    assert "something else took | gate 4.9 %, hosts 1.0 % |" in quiet
    assert "Something else ran" not in quiet
    busy = said(gate=0.04, hosts=0.0, audit=None)
    assert "something else took | gate 5.0 %, hosts 1.0 %, audit not measured |" in busy
    assert "so much of the processors' time: gate (5.0 %)." in busy
    unknown = said(gate=None)
    assert "something else took | not measured |" in unknown
    assert "Something else ran" not in unknown


def test_what_is_neither_idle_nor_the_benchs_nor_the_kernels_is_something_elses() -> None:
    before = load.machine("cpu  100 0 0 800 100 0 0 0 50 50", 1.0, 2.0)
    after = load.machine("cpu  500 100 200 1000 150 20 30 100 80 50", 4.0, 2.5)
    ticks = (2100 - 1000) / load.TICKS
    found = load.between(before, after)
    others = 1 - (250 + 100 + 50) / 1100 - (3.0 + 0.5) / ticks
    assert found == {
        "ours": round(3.0 / ticks, 3),
        "others": round(others, 3),
        "stolen": round(100 / 1100, 3),
        "idle": round(250 / 1100, 3),
    }
    fields = load.stat("7 (a ) b) S 1 7 7 0 -1 4194304 1 2 3 4 11 12 13 14 20 0 1")
    assert fields[1] == "1"
    assert fields[11:15] == ["11", "12", "13", "14"]


def test_medians_are_of_the_ratios_and_not_of_other_pings() -> None:
    found = sums.of([(2.0, 1.0), (9.0, 3.0), (4.0, 4.0)])
    assert found == sums.Median(4.0, 3.0, 2.0)


def test_a_picture_is_drawn_to_scale() -> None:
    x = plot.axis("grants", [1, 10, 100], True, [1, 10, 100])
    y = plot.axis("seconds", [0, 8], False)
    lines = [plot.Line("a & b", [(1, 0), (10, 4), (100, 8)]), plot.Line("c", [(1, 8), (100, 8)])]
    tree = ElementTree.fromstring(plot.chart("Title", "What it is", x, y, lines))
    spots = [
        (float(one.attrib["cx"]), float(one.attrib["cy"])) for one in tree.iter(f"{SVG}circle")
    ]
    assert spots[1][0] == pytest.approx((spots[0][0] + spots[2][0]) / 2, abs=0.2)
    assert spots[0][1] - spots[1][1] == pytest.approx(spots[1][1] - spots[2][1], abs=0.2)
    names = {one.text: float(one.attrib["y"]) for one in tree.iter(f"{SVG}text")}
    assert names["c"] - names["a & b"] >= 18
    assert {"grants", "seconds", "Title", "1", "10", "100"} <= names.keys()


def test_the_page_and_its_pictures_are_what_was_measured() -> None:
    text = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert page.written(text, RESULTS) == text
    for name, picture in page.pictures(RESULTS).items():
        assert (ROOT / "docs" / "images" / name).read_text(encoding="utf-8") == picture


def test_every_table_has_as_many_cells_in_each_row() -> None:
    for name, text in page.sections(RESULTS).items():
        for block in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE):
            assert len({line.count("|") for line in block.splitlines()}) == 1, name


def test_the_page_without_a_marker_is_refused() -> None:
    with pytest.raises(ValueError, match="0 times"):
        page.written("# Nothing\n", RESULTS)
