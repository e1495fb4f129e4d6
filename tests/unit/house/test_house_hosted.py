# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosted workflows leave out nothing that ``make test`` runs, and run nothing that is not pinned."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml", reason="a host has no PyYAML, and no workflows")

ROOT = Path(__file__).resolve().parents[3]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
COMMIT = re.compile(r"[\w./-]+@[0-9a-f]{40}")


def jobs(file: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"])


def of_steps(file: Path, key: str) -> dict[str, list[str]]:
    """Return what the steps of each job have under a key."""
    return {
        name: [step[key] for step in job.get("steps", ()) if key in step]
        for name, job in jobs(file).items()
    }


CI = ROOT / ".github/workflows/ci.yml"


def test_every_stage_of_a_test_has_a_job() -> None:
    (said,) = re.findall(
        r"^all=\((.+)\)$", (ROOT / "tests/tools/test").read_text(encoding="utf-8"), re.MULTILINE
    )
    runs = of_steps(CI, "run")
    for stage in said.split():
        found = [
            name
            for name, commands in runs.items()
            if any(re.match(rf"(make |tests/tools/){stage}\b", one) for one in commands)
        ]
        assert found == [stage]


def test_the_one_check_waits_for_every_job() -> None:
    found = jobs(CI)
    needed = {need for job in found.values() for need in [*job.get("needs", ())]}
    needed |= {job["needs"] for job in found.values() if isinstance(job.get("needs"), str)}
    assert set(found) - needed == {"all"}
    assert set(found["all"]["needs"]) == set(found) - {"all", "scenarios"}


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: str(file.name))
def test_what_a_job_runs_is_there(file: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for commands in of_steps(file, "run").values():
        for command in commands:
            for targets in re.findall(r"^make ([a-z ]+)", command, re.MULTILINE):
                assert all(f"\n{target}: " in makefile for target in targets.split())
            for tool in re.findall(r"\b(tests/[\w./-]+)", command):
                assert (ROOT / tool).exists()


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: str(file.name))
def test_actions_of_others_are_pinned_to_a_commit(file: Path) -> None:
    used = [one for actions in of_steps(file, "uses").values() for one in actions]
    others = [one for one in used if not one.startswith("./")]
    assert others
    assert [one for one in others if not COMMIT.fullmatch(one)] == []
