# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules of a zip file are imported as Python does it, but compiled once."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils import _engine
from ansible_collections.unixsocket.access.plugins.module_utils._engine.once import Archive

ROOT = Path(str(_engine.__file__)).parent
FILES = {
    "some/__init__.py": "",
    "some/engine/__init__.py": "",
    "some/engine/leaf.py": "from .room import x\n",
    "some/engine/room/__init__.py": "x = 7\n",
    "some/engine/bad.py": "# A comment.\nraise ValueError('x')\n",
    "other/leaf.py": "",
}


@pytest.fixture
def archive(tmp_path: Path) -> str:
    path = tmp_path / "module.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in FILES.items():
            opened.writestr(name, content)
    return str(path)


def run(archive: str, code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process that imports from the archive, with Python's importer behind ours."""
    start = (
        "import builtins, sys, types\n"
        f"sys.path.insert(0, {archive!r})\n"
        # The engine itself is not to be imported there.
        f"source = open({str(ROOT / 'once.py')!r}).read()\n"
        "once = types.ModuleType('once'); exec(source, once.__dict__)\n"
        f"once.install('some.engine', {archive!r}, '/kept/engine.zip/engine')\n"
    )
    return subprocess.run(
        [sys.executable, "-IS", "-c", start + code], capture_output=True, text=True, check=False
    )


def test_each_module_is_compiled_once(archive: str) -> None:
    code = (
        "seen = []\n"
        "real = builtins.compile\n"
        "def counted(source, name, *rest, **more):\n"
        "    seen.append(name)\n"
        "    return real(source, name, *rest, **more)\n"
        "builtins.compile = counted\n"
        "import some.engine.leaf\n"
        "print(sum(name.endswith('leaf.py') for name in seen), some.engine.leaf.x)\n"
    )
    done = run(archive, code)
    assert done.stdout.split() == ["1", "7"], done.stderr


def test_what_was_compiled_is_there_to_be_kept(archive: str) -> None:
    done = run(archive, "import some.engine.leaf\nprint(once.codes)\n")
    assert done.returncode == 0, done.stderr
    for name in ("leaf.py", "room/__init__.py"):
        assert f"{name}': <code object <module> at" in done.stdout
        assert f'file "/kept/engine.zip/engine/{name}"' in done.stdout
    assert "bad.py" not in done.stdout


def test_it_is_as_python_imports_it(archive: str) -> None:
    said = (
        "import some.engine.leaf as leaf, some.engine.room as room\n"
        "print([leaf.__file__, leaf.__name__, leaf.__package__, leaf.__spec__.origin, leaf.__doc__])\n"
        "print([room.__file__, room.__name__, room.__package__, list(room.__path__)])\n"
    )
    ours = run(archive, said)
    pythons = run(archive, f"sys.meta_path.pop(0)\n{said}")
    assert ours.stdout == pythons.stdout, ours.stderr
    assert ours.stdout.count(archive) == 4


def test_a_traceback_shows_the_line(archive: str) -> None:
    # As loggers and Python from 3.13 on show it; older ones show only what they find as a file.
    code = "import traceback\ntry:\n import some.engine.bad\nexcept ValueError:\n traceback.print_exc()\n"
    done = run(archive, code)
    assert "/kept/engine.zip/engine/bad.py" in done.stderr
    assert "raise ValueError('x')" in done.stderr


def test_what_is_imported_late_needs_no_file(archive: str) -> None:
    """Ansible's wrapper removes the zip file, which may happen while a child still runs."""
    done = run(
        archive,
        f"import os, some.engine; os.unlink({archive!r})\nimport some.engine.leaf as s; print(s.x)\n",
    )
    assert done.stdout.strip() == "7", done.stderr


def test_others_are_not_its_matter(archive: str) -> None:
    finder = Archive("some.engine", archive, "/kept")
    for name in ("some", "some.engine", "other.leaf", "some.enginery", "some.engine.none"):
        assert finder.find_spec(name) is None
    with pytest.raises(ImportError, match=r"no module some\.engine\.none"):
        finder.get_source("some.engine.none")
