# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roles take what their argument specs promise to take.

Ansible checks an option against its spec and hands on what was written: "no" from a command line or
from an INI inventory stays a text, which is true in a condition, and "a,b" is no list yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = sorted((Path(__file__).resolve().parents[3] / "roles").iterdir())


def _read(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8")) or {}


def _options(role: Path) -> dict[str, Any]:
    specs = _read(role / "meta" / "argument_specs.yml")["argument_specs"].values()
    return {name: option for spec in specs for name, option in spec["options"].items()}


def _of_type(role: Path, kind: str) -> list[str]:
    return [name for name, option in _options(role).items() if option.get("type") == kind]


def _tasks(role: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(role.glob("tasks/*.yml")):
        for task in _read(file):
            yield from [task, *task.get("block", []), *task.get("always", [])]


def _conditions(role: Path) -> Iterator[str]:
    for task in _tasks(role):
        when = task.get("when", [])
        yield from [when] if isinstance(when, str) else when


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_the_spec_has_what_the_tasks_use(role: Path) -> None:
    options = _options(role)
    used = set()
    for file in [*role.glob("tasks/*.yml"), *role.glob("vars/*.yml")]:
        for text in _texts(_read(file)):
            used |= set(re.findall(rf"(?<![\w.]){role.name}_\w+", text))
    assert used - {f"{role.name}_result"} - {role.name} == set(options) - _by_the_lookup(role)
    defaults = role / "defaults" / "main.yml"
    assert {name: option["default"] for name, option in options.items() if "default" in option} == (
        _read(defaults) if defaults.exists() else {}
    )


def _by_the_lookup(role: Path) -> set[str]:
    return {"socket_policy_sockets"} & set(_options(role))


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_the_spec_has_no_key_that_ansible_does_not_show(role: Path) -> None:
    # ansible-doc 2.18 and 2.19 call another one, such as attributes, deprecated; later ones drop it.
    known = {"short_description", "description", "version_added", "author", "seealso", "options"}
    specs = _read(role / "meta" / "argument_specs.yml")["argument_specs"]
    assert {key for one in specs.values() for key in one} - known == set()


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_conditions_take_a_text_for_a_boolean(role: Path) -> None:
    for condition in _conditions(role):
        for name in _of_type(role, "bool"):
            assert not re.search(rf"\b{name}\b(?! \| bool\b)", condition), condition


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_nothing_is_added_to_what_may_be_a_text(role: Path) -> None:
    lists = [name for name, one in _options(role).items() if one.get("elements") == "str"]
    for file in role.glob("tasks/*.yml"):
        for text in _texts(_read(file)):
            for name in lists:
                assert not re.search(rf"\b{name} \+|\+ {name}\b", text), text


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_a_loop_leaves_its_variable_to_whoever_loops_over_the_role(role: Path) -> None:
    for task in filter(lambda one: "loop" in one, _tasks(role)):
        assert task["loop_control"]["loop_var"].startswith(f"__{role.name}_"), task["name"]
