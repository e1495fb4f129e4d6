# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every test that docs/security.md names for a promise is there, and every promise names one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "security.md"
NAMED = re.compile(r"`((?:tests|extensions)/[^`]*?)::([^`]+)`")
CLAUSES = range(1, 9)


def rows(text: str) -> list[str]:
    """Return the rows of the two tables, without their heads."""
    proofs = text.partition("## What proves it")[2].partition("\n## ")[0]
    lines = [line for line in proofs.splitlines() if line.startswith("|")]
    return [line for line in lines if not re.match(r"\|(?:-|[^|]*\|[^|]*\| tests \|$)", line)]


def is_there(path: str, name: str) -> bool:
    """Tell whether a file has the test: a function of Python, or a task of a scenario."""
    file = ROOT / path
    if not file.is_file():
        return False
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".py":
        return re.search(rf"^ *def {re.escape(name)}\(", text, re.M) is not None
    return re.search(rf"^ *- name: {re.escape(name)}$", text, re.M) is not None


ROWS = rows(PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", ROWS, ids=[row.split("|")[1].strip()[:60] for row in ROWS])
def test_every_promise_names_tests_that_are_there(row: str) -> None:
    named = NAMED.findall(row.split("|")[3])
    assert named
    # Nothing else stands in that column, so no name is overlooked for its form.
    assert len(named) == row.split("|")[3].count("`") / 2
    for path, name in named:
        assert is_there(path, name), f"{path}::{name}"


def test_every_clause_has_a_row() -> None:
    for number in CLAUSES:
        assert any(row.startswith(f"| {number}. ") for row in ROWS), number


def test_a_wrong_name_is_noticed() -> None:
    here = "tests/unit/docs/test_named_tests.py"
    assert is_there(here, "test_a_wrong_name_is_noticed")
    assert not is_there(here, "test_a_wrong_name")
    assert not is_there("tests/unit/docs/none.py", "test_a_wrong_name_is_noticed")
    scenario = "extensions/molecule/lifecycle/verify.yml"
    assert is_there(scenario, "Run on a full disk and on a read-only one")
    assert not is_there(scenario, "Run on a full disk")


def test_the_tests_of_hostile_hosts_are_all_named() -> None:
    """A test against an attack or a fault that nobody finds in the table is a promise not made."""
    told = {name for row in ROWS for dummy, name in NAMED.findall(row)}
    for file in (*ROOT.glob("tests/*/hostile/test_*.py"),):
        found = re.findall(r"^def (test_\w+)\(", file.read_text(encoding="utf-8"), re.M)
        # Those that show that another one can fail are told by that one.
        missing = [name for name in found if name not in told and "would_be" not in name]
        assert [name for name in missing if name != "test_the_reader_would_see_it"] == []
