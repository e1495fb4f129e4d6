# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every YAML example of the documentation is read by what a reader would give it to.

Declarations go to the policy, plays and tasks to ``ansible-playbook --syntax-check`` and their
options to the modules' documentation, inventories to ``ansible-inventory``.  A declaration after
``<!-- refused -->`` must be refused, with the messages of the ``text`` block that follows it.
What declarations do on a host is shown by tests/hosts/test_hosts_examples.py.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip(
    "ansible.cli",
    reason="the engine's tests also run on Pythons that no ansible-core supports as a controller",
)

import yaml

from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import (
    PolicyError,
)
from ansible_collections.unixsocket.access.plugins.plugin_utils._merge import (
    load,
)
from unit.docs.kinds import YAML, declared, kind_of, of_kind
from unit.docs.pages import FENCE, PAGES, ROOT, Block, anchors

COLLECTION = "unixsocket.access."


class Controller:
    """Ansible's commands, of this very Python, with this very collection."""

    def __init__(self, tree: Path) -> None:
        place = tree / "ansible_collections" / "unixsocket"
        place.mkdir(parents=True)
        (place / "access").symlink_to(ROOT)
        self.environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(tree),
            "ANSIBLE_HOME": str(tree / "home"),
            # A play for hosts that only the reader has is right here.
            "ANSIBLE_HOST_PATTERN_MISMATCH": "ignore",
            "LC_ALL": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.environment.pop("ANSIBLE_CONFIG", None)

    def run(self, command: str, *arguments: str) -> str:
        """Return what a command printed; it must succeed."""
        done = subprocess.run(
            [sys.executable, "-m", "ansible", command, *arguments],
            env=self.environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def options(self, modules: set[str]) -> dict[str, set[str]]:
        """Return the documented options of modules of this collection."""
        names = sorted(COLLECTION + module for module in modules)
        documented = json.loads(self.run("doc", "--json", *names))
        return {
            name.removeprefix(COLLECTION): set(entry["doc"]["options"])
            for name, entry in documented.items()
        }


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Controller:
    """Ansible with nothing but this collection."""
    return Controller(tmp_path_factory.mktemp("collections"))


def _plays(block: Block) -> list[dict[str, Any]]:
    if kind_of(block.value) == "playbook":
        return list(block.value)
    return [{"name": "Example", "hosts": "all", "tasks": block.value}]


@pytest.mark.parametrize("block", YAML, ids=str)
def test_every_block_is_understood(block: Block) -> None:
    assert kind_of(block.value)


def test_there_are_examples() -> None:
    assert len(of_kind("variables")) > 10
    assert len(of_kind("playbook", "tasks")) > 3


@pytest.mark.parametrize(
    "block", [block for block in of_kind("variables") if not block.refused], ids=str
)
def test_declarations_are_right(block: Block) -> None:
    load(declared(block))


@pytest.mark.parametrize("block", [block for block in YAML if block.refused], ids=str)
def test_mistakes_are_refused_in_these_words(block: Block) -> None:
    follows = FENCE.search(block.after)
    assert follows is not None
    assert follows["language"] == "text"
    with pytest.raises(PolicyError) as refusal:
        load(block.value)
    assert str(refusal.value).split() == follows["text"].split()


def test_plays_and_tasks_are_accepted_by_ansible(controller: Controller, tmp_path: Path) -> None:
    files = []
    for block in of_kind("playbook", "tasks"):
        file = tmp_path / (str(block).replace("/", "_").replace(":", "_") + ".yml")
        file.write_text(json.dumps(_plays(block)), encoding="utf-8")
        files.append(str(file))
    controller.run("playbook", "--inventory", "localhost,", "--syntax-check", *files)


def test_inventories_are_accepted_by_ansible(controller: Controller, tmp_path: Path) -> None:
    files = [ROOT / "examples" / "web" / "hosts.yml"]
    for number, block in enumerate(of_kind("inventory")):
        files.append(tmp_path / f"{number}.yml")
        files[-1].write_text(block.text, encoding="utf-8")
    for file in files:
        hosts = json.loads(controller.run("inventory", "--inventory", str(file), "--list"))
        assert len(hosts) > 2, f"{file} has no group with a host"


def test_options_are_those_of_the_modules(controller: Controller) -> None:
    used = [
        (block, name.removeprefix(COLLECTION), task[name])
        for block in of_kind("playbook", "tasks")
        for task in _tasks(_plays(block))
        for name in task
        if name.startswith(COLLECTION)
    ]
    assert used
    documented = controller.options({name for dummy, name, dummy in used})
    for block, name, options in used:
        assert options.keys() <= documented[name], f"{block}: options of {name}"
        if isinstance(options.get("sockets"), dict):
            load({"socket_policy_sockets": options["sockets"]})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_repository_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, dummy, anchor = target.partition("#")
        if "://" in target:
            continue
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file), target


def test_the_readme_shows_what_the_demo_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "tests" / "demo")
    import report

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for when in ("before", "after"):
        style = report.Style(utf8=True, colours=False)
        assert report.table(report.expected(when), style) in readme


def test_the_sample_inventory_declares_what_the_demo_expects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(ROOT / "tests" / "demo")
    import report

    fragments: dict[str, object] = {}
    for file in (ROOT / "examples" / "web" / "group_vars").glob("*.yml"):
        fragments.update(yaml.safe_load(file.read_text(encoding="utf-8")))
    policy = load(fragments)
    assert {socket.name for socket in policy.sockets} == report.EXPECTED["after"].keys()


def _tasks(plays: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for play in plays:
        for section in ("pre_tasks", "tasks", "post_tasks", "handlers"):
            yield from play.get(section, [])
