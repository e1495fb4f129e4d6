# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put the guides where Sphinx looks for them: pages.py PLACE.

They are read as they are, but for links that lead out of ``docs``: the built site has pages of its
own for roles, and everything else is in the repository.  Beside them goes the inventory of what is
referred to in Ansible's documentation, so that building asks nothing of the network.
"""

from __future__ import annotations

import re
import shutil
import sys
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
REPOSITORY = "https://github.com/unixsocket/access/blob/main/"
# The target of a link on a page of docs that leads out of it.
OUTWARDS = re.compile(r"(?<=\]\()\.\./(?P<path>[^)#\s]+)(?P<anchor>#[^)\s]*)?(?=\))")
ROLE = re.compile(r"roles/(?P<name>\w+)(/README\.md)?/?")


def _target(link: re.Match[str]) -> str:
    role = ROLE.fullmatch(link["path"])
    if role:
        return f"../{role['name']}_role.rst"
    return REPOSITORY + link["path"] + (link["anchor"] or "")


def main(place: Path) -> None:
    docsite = place / "rst" / "docsite"
    docsite.mkdir(parents=True, exist_ok=True)
    for page in ROOT.glob("docs/*.md"):
        text = OUTWARDS.sub(_target, page.read_text(encoding="utf-8"))
        (docsite / page.name).write_text(text, encoding="utf-8")
    shutil.copy(ROOT / "docs" / "report.schema.json", docsite)
    shutil.copytree(ROOT / "docs" / "images", docsite / "images", dirs_exist_ok=True)
    # The form of an inventory: four lines of text, the rest compressed.
    lines = (HERE / "ansible.txt").read_bytes().splitlines(keepends=True)
    inventory = b"".join(lines[:4]) + zlib.compress(b"".join(lines[4:]))
    (place / "ansible.inv").write_bytes(inventory)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
