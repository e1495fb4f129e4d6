# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes ``ansible_collections.unixsocket.access`` importable from any checkout, anywhere.

With ansible-core beside it, through Ansible's own collection loader, as on a controller; without
it, as plain namespace packages, so that the engine's tests run on every Python that a target has.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAME = "ansible_collections.unixsocket.access"


def _tree() -> Path:
    """The directory whose ``ansible_collections/unixsocket/access`` is this checkout."""
    for entry in os.environ.get("ANSIBLE_COLLECTIONS_PATH", "").split(os.pathsep):
        place = Path(entry, "ansible_collections", "unixsocket", "access")
        if entry and place.exists() and place.samefile(ROOT):
            return Path(entry)
    tree = Path(tempfile.mkdtemp(prefix="unixsocket-access-tests-"))
    atexit.register(shutil.rmtree, tree, ignore_errors=True)
    place = tree / "ansible_collections" / "unixsocket"
    place.mkdir(parents=True)
    (place / "access").symlink_to(ROOT)
    return tree


def _with_ansible() -> bool:
    try:
        from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder
    except ImportError:
        return False
    tree = str(_tree())
    others = [
        entry
        for entry in os.environ.get("ANSIBLE_COLLECTIONS_PATH", "").split(os.pathsep)
        if entry and entry != tree
    ]
    _AnsibleCollectionFinder(paths=[tree, *others])._install()
    return True


def _without_ansible() -> None:
    parent = ""
    for part in NAME.split("."):
        full = f"{parent}.{part}" if parent else part
        module = types.ModuleType(full)
        module.__path__ = [str(ROOT)] if full == NAME else []
        sys.modules[full] = module
        if parent:
            setattr(sys.modules[parent], part, module)
        parent = full


if NAME not in sys.modules and not _with_ansible():
    _without_ansible()

try:
    from hypothesis import configuration, settings
except ImportError:
    pass  # The property tests import it themselves and say what is missing.
else:
    # A slow machine is not the code's fault. A failing example is printed, not stored: nothing is
    # written into the checkout.
    configuration.set_hypothesis_home_dir(str(Path(tempfile.gettempdir(), "unixsocket-hypothesis")))
    settings.register_profile("house", deadline=None, database=None, print_blob=True)
    settings.load_profile("house")
