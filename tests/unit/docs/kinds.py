# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reader would do with a YAML example of the documentation."""

from __future__ import annotations

import re
from typing import Any

import yaml

from unit.docs.pages import BLOCKS, Block

YAML = [block for block in BLOCKS if block.language == "yaml"]
_DECLARATION = re.compile(r"socket_policy_sockets(__\w+)?")


def declared(block: Block) -> dict[str, Any]:
    """Return the fragments of a declaration among a block's variables."""
    return {key: value for key, value in block.value.items() if _DECLARATION.fullmatch(key)}


def kind_of(value: Any) -> str:
    """Return what a reader would do with the block; raises AssertionError for no idea."""
    if isinstance(value, dict) and value:
        if all(_DECLARATION.fullmatch(key) or key.startswith("socket_") for key in value):
            return "variables"
        if set(value) == {"all"}:
            return "inventory"
        if set(value) == {"collections"}:
            return "requirements"
        if set(value) <= {"bugfixes", "minor_changes", "major_changes", "trivial"}:
            return "fragment"
        if set(value) == {"version", "images", "dependencies"}:
            return "environment"
        if "jobs" in value or all(
            isinstance(job, dict) and "script" in job for job in value.values()
        ):
            return "pipeline"
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        if any(item.keys() & {"run", "uses"} for item in value):
            return "pipeline"
        play = {"hosts", "import_playbook", "ansible.builtin.import_playbook"}
        return "playbook" if all(play & item.keys() for item in value) else "tasks"
    raise AssertionError("Nobody can tell what this is an example of.")


def of_kind(*kinds: str) -> list[Block]:
    found = []
    for block in YAML:
        try:
            if kind_of(block.value) in kinds:
                found.append(block)
        except (AssertionError, yaml.YAMLError):
            pass  # test_every_block_is_understood says so
    return found
