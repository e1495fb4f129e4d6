# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup, with Ansible's real templating, and once in a real play."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip(
    "ansible.plugins.lookup",
    reason="the engine's tests also run on Pythons that no ansible-core supports as a controller",
)

from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible.template import Templar
from ansible.utils.display import Display

from ansible_collections.unixsocket.access.plugins.lookup.sockets import LookupModule
from ansible_collections.unixsocket.access.plugins.module_utils._engine.diagnose import Proposal

try:
    from ansible.template import trust_as_template
except ImportError:  # until ansible-core 2.18 every text is a template

    def trust_as_template(value: str) -> str:
        """Return the text as it is."""
        return value


ROOT = Path(__file__).resolve().parents[3]
MAIN = "socket_policy_sockets"
WEB = "socket_policy_sockets__web"
APP = {"app": {"path": "/run/app.sock"}}


def trusted(value: object) -> Any:
    """Return a value as it comes from an inventory: its texts are templates."""
    if isinstance(value, dict):
        return {key: trusted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [trusted(item) for item in value]
    return trust_as_template(value) if isinstance(value, str) else value


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what the lookup warns of."""
    said: list[str] = []
    monkeypatch.setattr(Display, "warning", lambda display, text: said.append(text))
    return said


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("socket_policy_sockets_web", WEB),
        ("socket_policy_socket__web", WEB),
        ("socket_policy_socket", MAIN),
        ("socket_policy_sockets_", MAIN),
    ],
)
def test_a_misspelled_variable_is_told(warned: list[str], name: str, meant: str) -> None:
    """It would be left out without a word, and what it grants or refuses with it."""
    assert looked_up({MAIN: APP, name: APP}) == looked_up({MAIN: APP})
    assert f"The variable {name} is not a part of the declaration" in warned[0]
    assert warned[0].endswith(f"Did you mean {meant}?")


def test_other_variables_are_not_told(warned: list[str]) -> None:
    looked_up({MAIN: APP, WEB: APP, "socket_policy_state": "absent", "my_socket_policy_sockets": 1})
    assert warned == []


def looked_up(variables: dict[str, object]) -> list[dict[str, Any]]:
    """Return what the lookup returns for a host with these variables."""
    known = trusted(variables)
    loader = DataLoader()
    lookup = LookupModule(loader=loader, templar=Templar(loader=loader, variables=known))
    return lookup.run([], variables=known)


def lines_of(variables: dict[str, object]) -> list[str]:
    """Return the lines of the error for variables with mistakes."""
    with pytest.raises(AnsibleError) as caught:
        looked_up(variables)
    return str(caught.value).splitlines()


def check_types(value: object) -> None:
    """Only JSON's own types, not subclasses of them that carry tags."""
    assert value.__class__ in (dict, list, str, bool)
    if isinstance(value, dict):
        for key, item in value.items():
            assert key.__class__ is str
            check_types(item)
    if isinstance(value, list):
        for item in value:
            check_types(item)


def test_variables_are_merged_and_templated() -> None:
    """All variables with the prefix count, with their templates; others are not read."""
    result = looked_up(
        {
            "who": "nginx",
            MAIN: {"app": {"path": "/run/{{ who }}/app.sock", "owner": 1000, "mode": "0660"}},
            WEB: "{{ {'app': {'allow': [{'user': who, 'open_parents': ['/run/' ~ who]}]}} }}",
            "socket_policy_sockets__a": {"app": {"refuse": ["{{ 'nobody' }}"]}},
            "socket_policy_sockets_other": 5,
            "socket_policy_state": "{{ undefined_variable }}",
        }
    )
    assert result == [
        {
            "app": {
                "path": "/run/nginx/app.sock",
                "owner": "1000",
                "mode": "0660",
                "allow": [{"user": "nginx", "method": "auto", "open_parents": ["/run/nginx"]}],
                "refuse": [{"user": "nobody"}],
            }
        }
    ]
    check_types(result)


def test_without_variables() -> None:
    """No variable is an empty declaration."""
    assert looked_up({}) == [{}]
    assert looked_up({"other": 1}) == [{}]
    assert looked_up({MAIN: {}}) == [{}]


def test_a_value_is_templated_once() -> None:
    """A text that a template gives is not a template again."""
    result = looked_up({"raw": "{{ '{{' }} x }}", MAIN: {"app": {"path": "/run/{{ raw }}"}}})
    assert result[0]["app"]["path"] == "/run/{{ x }}"


def test_booleans_of_templates() -> None:
    """Until ansible-core 2.18 a template gives a boolean as a text."""
    declared = {"app": {**APP["app"], "allow": [{"user": "a", "restart_clients": "{{ 1 == 1 }}"}]}}
    assert looked_up({MAIN: declared})[0]["app"]["allow"][0]["restart_clients"] is True


def test_a_text_of_json_is_a_dictionary() -> None:
    """All that an INI inventory can say where true is in it, and a survey, is a text."""
    declared = {"app": {**APP["app"], "allow": [{"user": "a", "restart_clients": True}]}}
    assert looked_up({MAIN: json.dumps(declared)}) == looked_up({MAIN: declared})
    assert looked_up({MAIN: " {}"}) == [{}]


@pytest.mark.parametrize("left", ["{app:{refuse:[x]}}", '{"app":'])
def test_what_is_left_of_json_where_somebody_else_has_read_it_is_told(left: str) -> None:
    (line,) = lines_of({MAIN: APP, WEB: left})
    assert line.startswith(f"In {WEB}: The value is the text {left!r}, which is no whole JSON")
    assert "loses its quotes" in line


def test_all_problems_at_once() -> None:
    """Every problem of every variable has a line of its own."""
    lines = lines_of(
        {
            MAIN: {"app": {"path": "run/app", "mode": 432}},
            WEB: {"app": {"alow": []}, "db": {"path": "/run/db", "type": "streem"}},
        }
    )
    assert len(lines) == 4
    assert lines[0].startswith(f"In {MAIN}, socket app, key path: 'run/app' is not an absolute")
    assert lines[1].startswith(f"In {MAIN}, socket app, key mode: The mode is the number 432;")
    assert lines[2].startswith(f"In {WEB}, socket app, key alow: There is no key 'alow' here;")
    assert lines[2].endswith("Did you mean allow?")
    assert lines[3].startswith(f"In {WEB}, socket db, key type: 'streem' is not a socket type")
    assert lines[3].endswith("Did you mean stream?")


def test_undefined_variables_are_named_with_where_they_are_used() -> None:
    """The variable that cannot be templated is named, and what the others say is still checked."""
    lines = lines_of(
        {
            MAIN: {"app": {"path": "{{ nowhere }}"}},
            WEB: "{{ absent.key }}",
            "socket_policy_sockets__x": {"app": {"allow": [{"user": "{{ nobody_knows }}"}]}},
            "socket_policy_sockets__y": [],
        }
    )
    assert len(lines) == 4
    for variable, missing in (
        (MAIN, "nowhere"),
        (WEB, "absent"),
        ("socket_policy_sockets__x", "nobody_knows"),
    ):
        line = next(line for line in lines if line.startswith(f"In {variable}: "))
        assert "The value cannot be templated" in line
        assert f"'{missing}' is undefined" in line
    assert lines[3].startswith("In socket_policy_sockets__y: The value is a list;")


def test_a_template_that_is_none() -> None:
    """A mistake in an expression is one line, too."""
    (line,) = lines_of({MAIN: APP, WEB: "{{ 1 | no_such_filter }}"})
    assert line.startswith(f"In {WEB}: The value cannot be templated: ")
    assert "no_such_filter" in line


@pytest.mark.parametrize(("terms", "options"), [(["x"], {}), ([], {"prefix": "x"})])
def test_terms_and_options(terms: list[str], options: dict[str, str]) -> None:
    """The lookup takes neither."""
    lookup = LookupModule(loader=DataLoader(), templar=None)
    with pytest.raises(AnsibleError, match="takes no terms and no options"):
        lookup.run(terms, variables={}, **options)


TASKS = """
- hosts: localhost
  gather_facts: false
  vars:
    who: nginx
    socket_policy_sockets:
      app:
        path: "/run/{{ who }}.sock"
        owner: "{{ nobody_said | default(omit) }}"
    socket_policy_sockets__web: "{{ {'app': {'refuse': [who], 'mode': x | default(omit)}} }}"
    socket_policy_sockets__list: {app: {refuse: ["{{ x | default(omit) }}"]}}
    socket_policy_sockets__none: "{{ x | default(omit) }}"
    socket_policy_sockets__secret:
      app:
        refuse:
          - !vault |
            SECRET
  tasks:
    - ansible.builtin.debug:
        msg: "{{ lookup('unixsocket.access.sockets') }}"
      register: looked_up
    - ansible.builtin.debug:
        msg: "{{ item }}"
      with_unixsocket.access.sockets: []
      register: looped
    - ansible.builtin.debug:
        msg: "{{ lookup('unixsocket.access.sockets') }}"
      vars:
        socket_policy_sockets__x: {app: {mode: 0660}}
        socket_policy_sockets__y: {db: {pth: /run/db}}
      register: refused
      ignore_errors: true
    - check_mode: true
      vars:
        socket_policy_sockets:
      block:
        - ansible.builtin.include_role:
            name: unixsocket.access.socket_policy
      rescue:
        - ansible.builtin.set_fact:
            empty: "{{ ansible_failed_result.msg }}"
    - ansible.builtin.copy:
        content: "{{ [looked_up.msg, looped.results[0].msg, refused.msg, empty] | to_json }}"
        dest: "{{ playbook_dir }}/result.json"
        mode: "0600"
"""


def _play(tmp_path: Path, content: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    collection = tmp_path / "ansible_collections" / "unixsocket" / "access"
    collection.parent.mkdir(parents=True)
    collection.symlink_to(ROOT)
    (tmp_path / "play.yml").write_text(content, encoding="utf-8")
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(tmp_path),
        "ANSIBLE_HOME": str(tmp_path / "home"),
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    environment.pop("ANSIBLE_CONFIG", None)
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "ansible",
            "playbook",
            "-i",
            "localhost,",
            "-c",
            "local",
            *arguments,
            "play.yml",
        ],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_in_a_real_play(tmp_path: Path) -> None:
    """By its full name, through lookup() and with_, with what is omitted and with mistakes."""
    (tmp_path / "password").write_text("password", encoding="utf-8")
    vault = VaultLib([("default", VaultSecret(b"password"))]).encrypt("hidden").decode()
    tasks = TASKS.replace("SECRET", "\n            ".join(vault.splitlines()))
    done = _play(tmp_path, tasks, "--vault-password-file", "password")
    assert done.returncode == 0, done.stdout + done.stderr
    result, looped, message, empty = json.loads(
        (tmp_path / "result.json").read_text(encoding="utf-8")
    )
    assert result == {
        "app": {
            "path": "/run/nginx.sock",
            "allow": [],
            "refuse": [{"user": "hidden"}, {"user": "nginx"}],
        }
    }
    assert looped == result
    assert (
        "In socket_policy_sockets__x, socket app, key mode: The mode is the number 432" in message
    )
    assert "In socket_policy_sockets__y, socket db, key pth: There is no key 'pth' here" in message
    assert "Did you mean path?" in message
    assert "key path" not in message
    # Ansible's own check of the role's variables would say that a NoneType is no dict.
    assert "In socket_policy_sockets: " in empty
    assert "or {} for none" in empty


def test_a_path_that_is_proposed_is_no_template(tmp_path: Path) -> None:
    """Whoever makes a socket on a host runs nothing on the controller of who declares it."""
    evil = "/run/{{ lookup('pipe', 'touch done') }}/{# s"
    declared = Proposal({"app": {"path": evil, "allow": [{"user": "{%x"}, {"user": "www"}]}})
    (tmp_path / "proposed.yml").write_text(declared.yaml, encoding="utf-8")
    task = {
        "ansible.builtin.copy": {
            "content": "{{ lookup('unixsocket.access.sockets') | to_json }}",
            "dest": "{{ playbook_dir }}/result.json",
        }
    }
    play = {"hosts": "all", "gather_facts": False, "vars_files": ["proposed.yml"], "tasks": [task]}
    done = _play(tmp_path, json.dumps([play]))
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert found["app"]["path"] == evil
    assert [one["user"] for one in found["app"]["allow"]] == ["{%x", "www"]
    assert not (tmp_path / "done").exists()
