# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put the guides where Sphinx looks for them: pages.py PLACE.

antsibull-docs knows guides in reStructuredText only, ``docs/docsite/rst``; each of those names one in
Markdown, which takes its place here.  (To include it there would lose the links between guides.)
Links that lead out of ``docs`` are changed: the built site has pages of its own for roles, and
everything else is in the repository.  Beside them goes the inventory of what is
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
LABEL = "ansible_collections.unixsocket.access.docsite."
# The target of a link on a page of docs that leads out of it.
OUTWARDS = re.compile(r"(?<=\]\()\.\./(?P<path>[^)#\s]+)(?P<anchor>#[^)\s]*)?(?=\))")
ROLE = re.compile(r"roles/(?P<name>\w+)(/README\.md)?/?")


def _target(link: re.Match[str]) -> str:
    role = ROLE.fullmatch(link["path"])
    if role:
        return f"../{role['name']}_role.rst"
    return REPOSITORY + link["path"] + (link["anchor"] or "")


HEADING = re.compile(r"([-~])\1+")
PLUGIN = re.compile(r"    (?P<page>(?P<name>\w+)_(module|filter|lookup|role))")


def _captioned(index: str) -> str:
    """Give the lists of the first page their headings, and plugins their short names.

    The navigation at the side of every page is made of them.
    """
    lines = index.splitlines()
    title = ""
    captioned = []
    for number, line in enumerate(lines):
        if HEADING.fullmatch(line):
            title = lines[number - 1]
        plugin = PLUGIN.fullmatch(line)
        captioned.append(f"    {plugin['name']} <{plugin['page']}>" if plugin else line)
        # One that lists nothing is followed by its option, and then by the next thing.
        if line == ".. toctree::" and any(
            one.startswith("    ") for one in lines[number + 3 :][:2]
        ):
            captioned.append(f"    :caption: {title}")
    return "\n".join(captioned) + "\n"


def main(place: Path) -> None:
    docsite = place / "rst" / "docsite"
    for page in ROOT.glob("docs/*.md"):
        text = OUTWARDS.sub(_target, page.read_text(encoding="utf-8"))
        (docsite / f"{page.stem}.rst").unlink()
        (docsite / page.name).write_text(f"({LABEL}{page.stem})=\n\n{text}", encoding="utf-8")
    shutil.copy(ROOT / "docs" / "report.schema.json", docsite)
    shutil.copytree(ROOT / "docs" / "images", docsite / "images", dirs_exist_ok=True)
    shutil.copytree(HERE / "static", place / "static", dirs_exist_ok=True)
    index = place / "rst" / "index.rst"
    index.write_text(_captioned(index.read_text(encoding="utf-8")), encoding="utf-8")
    # The form of an inventory: four lines of text, the rest compressed.
    lines = (HERE / "ansible.txt").read_bytes().splitlines(keepends=True)
    inventory = b"".join(lines[:4]) + zlib.compress(b"".join(lines[4:]))
    (place / "ansible.inv").write_bytes(inventory)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
