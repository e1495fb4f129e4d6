# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What docs/fleet.md says of pull, done with this machine in check mode."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from unit.docs.kinds import kind_of
from unit.docs.pages import BLOCKS, Block

ON_PAGE = [block for block in BLOCKS if block.page.name == "fleet.md"]
PLACE = "/var/lib/socket-policy-pull"
SIGNERS = "/etc/socket-policy-pull.signers"
REPOSITORY = "https://git.example.com/policy.git"
DECLARED = "socket_policy_sockets: {app: {path: /run/pulled/app.sock, refuse: [daemon]}}"
# A fragment of the host's group, which "localhost" would not have.
FRAGMENT = "socket_policy_sockets__web: {app: {allow: [{user: nobody}]}}"


def _the(blocks: list[Block]) -> Block:
    assert len(blocks) == 1, list(map(str, blocks))
    return blocks[0]


class Repository:
    """The repository, and a host that takes it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.origin = directory / "origin"
        self.checkout = directory / "checkout"
        self.key = directory / "key"
        self.git("init", "--quiet", "--initial-branch", "main", str(self.origin), cwd=directory)
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key)], check=True
        )
        public = self.key.with_suffix(".pub").read_text()
        (directory / "signers").write_text(f"admin@example.com {public}")
        inventory = _the([one for one in ON_PAGE if _kind(one) == "inventory"]).text
        # What a repository names for ansible-pull is beside its inventory.
        first = next(one for one in ON_PAGE if "unixsocket.access.apply" in one.text)
        self.commit(
            {
                "hosts.yml": inventory.replace("web1.example.com", platform.node()),
                "local.yml": first.text,
                "group_vars/all.yml": DECLARED,
                "group_vars/web.yml": FRAGMENT,
            },
            "--gpg-sign",
        )

    def git(self, *words: str, cwd: Path | None = None) -> None:
        own = {"user.name": "a", "user.email": "a@example.com", "gpg.format": "ssh"}
        own["user.signingkey"] = str(self.key)
        configured = [word for name, value in own.items() for word in ("-c", f"{name}={value}")]
        subprocess.run(["git", *configured, *words], cwd=cwd or self.origin, check=True)

    def commit(self, files: dict[str, str], *words: str) -> None:
        for name, content in files.items():
            (self.origin / name).parent.mkdir(exist_ok=True)
            (self.origin / name).write_text(f"{content}\n")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "It changes", *words)

    def run(self, text: str) -> tuple[int, str]:
        """Run what the page says, with the names of here."""
        for theirs, here in {
            PLACE: str(self.checkout),
            SIGNERS: str(self.directory / "signers"),
            REPOSITORY: str(self.origin),
            "/opt/ansible/bin": str(Path(sys.executable).parent),
            "%H": platform.node(),
        }.items():
            text = text.replace(theirs, here)
        done = subprocess.run(
            ["sh", "-ec", text],
            cwd=self.directory,
            env={
                **os.environ,
                "HOME": str(self.directory),
                "ANSIBLE_HOME": str(self.directory / "home"),
                # A user's own default: at first there is no inventory that could have the host.
                "ANSIBLE_HOST_PATTERN_MISMATCH": "warning",
                "NO_COLOR": "1",
            },
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        return done.returncode, done.stdout + done.stderr


def _kind(block: Block) -> str:
    return kind_of(block.value) if block.language == "yaml" else ""


def _unit(*, verified: bool) -> str:
    units = [one for one in ON_PAGE if one.language == "ini" and "ExecStart=" in one.text]
    text = _the([one for one in units if ("verif" in one.text) == verified]).text
    starts = re.findall(r"^ExecStart=(.*)$", text.replace("\\\n", " "), flags=re.M)
    return "\n".join(re.sub(r"(/ansible-\w+)", r"\1 --check -v", start) for start in starts)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def _runs(repository: Repository, start: str) -> None:
    status, said = repository.run(start)
    assert status == 0, said
    recap = next(line for line in said.splitlines() if re.match(r"\S+ +: ok=", line))
    assert recap.startswith(platform.node())
    assert "user nobody" in said


def test_a_host_takes_what_is_declared_for_it(repository: Repository) -> None:
    _runs(repository, _unit(verified=False))
    _runs(repository, _unit(verified=False))


def test_an_unsigned_commit_runs_nothing(repository: Repository) -> None:
    for block in ON_PAGE:
        if block.language == "console" and "git init" in block.text:
            status, said = repository.run(block.text)
            assert status == 0, said
    start = _unit(verified=True)
    _runs(repository, start)
    evidence = repository.directory / "ran"
    pipe = f"{{{{ lookup('ansible.builtin.pipe', 'touch {evidence}; echo {sys.executable}') }}}}"
    repository.commit({"group_vars/all.yml": f'ansible_python_interpreter: "{pipe}"'})
    # The first run could leave in the checkout what the second one takes for its inventory.
    for dummy in range(2):
        status, said = repository.run(start)
        assert status != 0, said
        assert "signature" in said
        assert not evidence.exists(), "An unsigned commit has run a program as root."
    repository.commit({"group_vars/all.yml": DECLARED}, "--gpg-sign")
    _runs(repository, start)
