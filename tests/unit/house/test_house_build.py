# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What gets into the tarball, also where somebody works in the clone that it is built from."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

pytest.importorskip("ansible.cli", reason="the tarball is built on a controller")

ROOT = Path(__file__).resolve().parents[3]
# All that is published, beside the two files that ansible-galaxy adds. A new one gets its line.
BELONGS = {
    "CHANGELOG.rst",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "changelogs",
    "docs",
    "examples",
    "meta",
    "playbooks",
    "plugins",
    "roles",
}
ADDED = {"FILES.json", "MANIFEST.json"}
# Galaxy refuses a tarball of more than 20 MB; a collection that carries that much carries junk.
MOST_BYTES = 2_000_000
DIRT = (
    ".ansible/tmp/x",
    ".github/workflows/mine.yml",
    ".idea/workspace.xml",
    ".venv/lib/python3/site.py",
    ".vscode/settings.json",
    "README.md.orig",
    "README.md~",
    "build/lib/x.py",
    "changelogs/.plugin-cache.yaml",
    "dist/unixsocket-access-0.9.0.tar.gz",
    "docs/.design.md.swp",
    "galaxy.yml.rej",
    "meta/.DS_Store",
    "plugins/module_utils/__pycache__/_door.cpython-313.pyc",
    "plugins/modules/socket_acl.py~",
    "roles/socket_acl/tasks/main.yml.rej",
    "tests/output/junit/x.xml",
    "unixsocket-access-0.9.0.tar.gz",
    "venv/bin/python",
)


def _tracked() -> list[str]:
    """What git has, or would have with the next commit."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        stdout=subprocess.PIPE,
    ).stdout.decode()
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tarball of a clone in which somebody works."""
    clone = tmp_path_factory.mktemp("clone")
    out = tmp_path_factory.mktemp("out")
    for name in _tracked():
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, clone / name)
    for name in DIRT:
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_text("This must not be published.\n", encoding="utf-8")
    subprocess.run(
        [
            str(Path(sys.executable).with_name("ansible-galaxy")),
            *("collection", "build", "--output-path", str(out), str(clone)),
        ],
        check=True,
        env={**os.environ, "ANSIBLE_LOCAL_TEMP": str(out / "tmp")},
        stdout=subprocess.DEVNULL,
    )
    (built,) = out.glob("*.tar.gz")
    return built


@pytest.fixture(scope="module")
def files(tarball: Path) -> set[str]:
    with tarfile.open(tarball) as archive:
        return {member.name for member in archive if member.isfile()}


def test_only_what_belongs_gets_into_the_tarball(files: set[str]) -> None:
    assert {name.split("/")[0] for name in files} == BELONGS | ADDED
    assert not files & set(DIRT)
    assert files - ADDED <= set(_tracked())


def test_all_that_belongs_gets_into_the_tarball(files: set[str]) -> None:
    belongs = {name for name in _tracked() if name.split("/")[0] in BELONGS}
    assert {name for name in belongs - files if not Path(name).name.startswith(".")} == set()


def test_the_tarball_is_small_and_has_no_links(tarball: Path) -> None:
    assert tarball.stat().st_size < MOST_BYTES
    with tarfile.open(tarball) as archive:
        assert [member.name for member in archive if not (member.isfile() or member.isdir())] == []
