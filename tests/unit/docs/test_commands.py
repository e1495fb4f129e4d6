# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every Ansible command of the documentation is one that Ansible takes.

Looked for on ``console`` blocks and in the pipelines of ``yaml`` blocks: the options are parsed by
the command's own parser, playbooks of this collection and the variables that are set must exist.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip(
    "ansible.cli",
    reason="the engine's tests also run on Pythons that no ansible-core supports as a controller",
)

import yaml
from ansible.cli import CLI
from ansible.cli.adhoc import AdHocCLI
from ansible.cli.doc import DocCLI
from ansible.cli.galaxy import GalaxyCLI
from ansible.cli.inventory import InventoryCLI
from ansible.cli.playbook import PlaybookCLI
from ansible.cli.pull import PullCLI

from unit.docs.pages import BLOCKS, ROOT, Block

COMMANDS: dict[str, type[CLI]] = {
    "ansible": AdHocCLI,
    "ansible-doc": DocCLI,
    "ansible-galaxy": GalaxyCLI,
    "ansible-inventory": InventoryCLI,
    "ansible-playbook": PlaybookCLI,
    "ansible-pull": PullCLI,
}
COLLECTION = "unixsocket.access."


def _texts(value: Any) -> Iterator[str]:
    """Yield all strings of a document."""
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else value:
        if not isinstance(value, str):
            yield from _texts(item) if isinstance(item, (str, dict, list)) else ()


def _lines(block: Block) -> Iterator[str]:
    if block.language in ("console", "sh"):
        yield from block.text.replace("\\\n", " ").splitlines()
    elif block.language == "ini":
        # The value of ExecStart= and its siblings.
        for line in block.text.replace("\\\n", " ").splitlines():
            yield line.partition("=")[2] if line.startswith("Exec") else ""
    elif block.language == "yaml":
        for text in _texts(yaml.safe_load(block.text)):
            yield from text.splitlines()


def _commands() -> Iterator[tuple[Block, list[str]]]:
    for block in BLOCKS:
        for line in _lines(block):
            if not re.match(r"\S*\bansible(-\w+)?\s", line):
                continue
            for part in line.split(" && "):
                words = shlex.split(part, comments=True)
                words[0] = words[0].rpartition("/")[2]
                if words[0] in COMMANDS:
                    yield block, words


FOUND = list(_commands())


def test_there_are_commands() -> None:
    assert len(FOUND) > 20
    assert {words[0] for dummy, words in FOUND} >= {"ansible-playbook", "ansible-pull", "ansible"}
    assert any(block.language == "yaml" for block, dummy in FOUND)


@pytest.mark.parametrize(("block", "words"), FOUND, ids=[str(block) for block, dummy in FOUND])
def test_ansible_takes_the_command(block: Block, words: list[str]) -> None:
    command = COMMANDS[words[0]](words)
    command.init_parser()
    assert command.parser is not None
    options = vars(command.parser.parse_args(words[1:]))
    for playbook in options.get("args") or [] if words[0] == "ansible-playbook" else []:
        if playbook.startswith(COLLECTION):
            assert (ROOT / "playbooks" / f"{playbook.removeprefix(COLLECTION)}.yml").exists()
    for given in options.get("extra_vars") or []:
        names = {re.sub("^(socket_policy_sockets)__.+", r"\1", one) for one in _variables(given)}
        assert names <= _known(), f"{block}: {given}"


def _variables(given: str) -> set[str]:
    """Return the names that one -e sets; a file is the reader's own."""
    if given.startswith("@"):
        return set()
    value = yaml.safe_load(given) if given.startswith("{") else None
    return set(value) if value else {word.partition("=")[0] for word in shlex.split(given)}


def _known() -> set[str]:
    """Return the variables of the roles and playbooks."""
    names = {"socket_policy_hosts", "socket_audit_hosts"}
    for file in ROOT.glob("roles/*/meta/argument_specs.yml"):
        specs = yaml.safe_load(file.read_text(encoding="utf-8"))["argument_specs"]
        names.update(name for spec in specs.values() for name in spec["options"])
    return names
