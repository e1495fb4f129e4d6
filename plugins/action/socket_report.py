# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action C(unixsocket.access.socket_report): one report of all hosts, on the controller."""

from __future__ import annotations

import json
import os
import typing as t
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.unixsocket.access.plugins.plugin_utils import _report

_FORMATS = ("json", "html", "sarif", "junit")
_FILES = {
    "html": "report.html",
    "sarif": "report.sarif",
    "junit": "report.junit.xml",
    "json": "report.json",
}
_TEMPLATE = ("roles", "socket_audit", "templates", "report.html.j2")
_OPTIONS = {
    "directory": {"type": "path", "required": True},
    "formats": {
        "type": "list",
        "elements": "str",
        "choices": list(_FORMATS),
        "default": ["json", "html"],
    },
    # As a text, the number that YAML makes of 0660 would be another mode.
    "mode": {"type": "raw", "default": "0640"},
    "baseline": {"type": "path"},
    "assertions": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"that": {"type": "str", "required": True}, "message": {"type": "str"}},
    },
    "validate_only": {"type": "bool", "default": False},
    "sockets_from": {"type": "str", "default": "socket_audit_sockets"},
    "declared_from": {"type": "str", "default": "socket_audit_declared"},
    "proofs_from": {"type": "str", "default": "socket_audit_proofs"},
}


class ActionModule(ActionBase):
    """Reads what the play registered for all its hosts; connects to none."""

    _requires_connection = False
    _supports_check_mode = True
    TRANSFERS_FILES = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None
    ) -> dict[str, t.Any]:
        """Return what was written, or a failure that names every assertion that does not hold."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        dummy, options = ActionBase.validate_argument_spec(self, argument_spec=_OPTIONS)
        try:
            _whole(task_vars or {})
            result.update(_answer(options, task_vars or {}))
        except _report.ReportError as error:
            raise AnsibleActionFail(str(error)) from None
        return result


def _whole(variables: Mapping[str, t.Any]) -> None:
    """Refuse a part of the hosts: it would be judged, and take the baseline's place, as all."""
    hosts, batch = variables["ansible_play_hosts"], variables["ansible_play_batch"]
    if not set(hosts) <= set(batch):
        raise _report.ReportError(
            f"This play runs in batches by serial: this one has {len(batch)} of its {len(hosts)} "
            "hosts, and a report is one of all of them. Audit them in a play of their own without "
            "serial, which a playbook may have beside one with it; forks says how many hosts are "
            "asked at once."
        )


def _answer(options: Mapping[str, t.Any], variables: Mapping[str, t.Any]) -> dict[str, t.Any]:
    if not options["directory"].strip():
        raise _report.ReportError("directory: it is empty; name where the report shall be.")
    mode = _mode(options["mode"])
    given = [
        {key: value for key, value in one.items() if value is not None}
        for one in options["assertions"]
    ]
    assertions = _report.check(given, "assertions")
    baseline = None
    if options["baseline"]:
        baseline = _report.read_baseline(os.path.abspath(options["baseline"]))
    if options["validate_only"]:
        return {"changed": False}
    document = _document(options, variables)
    if baseline is not None:
        document = _report.with_baseline(document, baseline)
    document["assertions"] = _report.judged(document, assertions)
    directory = os.path.abspath(options["directory"])
    formats = {"json", *options["formats"]}
    known = {name: os.path.join(directory, file) for name, file in _FILES.items()}
    files = {name: path for name, path in known.items() if name in formats}
    changed = not all(map(os.path.exists, files.values())) or _differs(files["json"], document)
    for name, path in files.items():
        _report.replaced(path, _content(name, document), mode)
    removed = _report.removed({name: known[name] for name in known.keys() - files.keys()})
    answer = {
        "changed": changed or bool(removed),
        "files": files,
        "removed": sorted(removed),
        "diff": [_gone(path) for path in sorted(removed)],
        "summary": document["summary"],
        "assertions": document["assertions"],
        "silent": [
            host["name"] for host in document["hosts"] if host["state"] in ("failed", "unreachable")
        ],
    }
    failed = [one for one in document["assertions"] if not one["held"]]
    if failed:
        answer |= {"failed": True, "msg": "\n".join([*map(_said, failed), _see(files)])}
    return answer


def _mode(text: object) -> int:
    # A number is what YAML made of digits without quotes, and no mode that anybody meant.
    try:
        mode = int(text, 8) if isinstance(text, str) and len(text) >= 3 else -1
    except ValueError:
        mode = -1
    if not 0o400 <= mode <= 0o777:
        raise _report.ReportError(
            f"mode: {text!r} is no mode of a file that its owner can read; write it as a quoted "
            "octal number, such as '0640'."
        )
    return mode


def _document(options: Mapping[str, t.Any], variables: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the document in JSON's own types, free of whatever Ansible makes of them."""
    hosts = variables["hostvars"]
    entries = []
    for name in variables["ansible_play_hosts_all"]:
        # Not through templates: no answer of a host may be taken for one, and there are megabytes.
        own = hosts.raw_get(name)
        answers = _report.Answers(
            *(own.get(options[f"{one}_from"]) for one in ("sockets", "declared", "proofs"))
        )
        entries.append(json.loads(json.dumps(_report.host_entry(name, answers))))
    now = datetime.now(timezone.utc).replace(microsecond=0, tzinfo=None)
    return _report.report(entries, f"{now.isoformat()}Z")


def _content(name: str, document: dict[str, t.Any]) -> Iterable[str]:
    if name == "html":
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        return _report.page(document, os.path.join(root, *_TEMPLATE))
    if name == "sarif":
        return json.JSONEncoder(indent=1).iterencode(_report.sarif(document))
    if name == "junit":
        return _report.junit(document)
    return _report.as_json(document)


def _differs(path: str, document: dict[str, t.Any]) -> bool:
    """Tell whether the last report says something else."""
    try:
        with open(path, encoding="utf-8") as file:
            return _report.told_apart(json.load(file)) != _report.told_apart(document)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return True


def _gone(path: str) -> dict[str, str]:
    return {"before_header": path, "before": "of an earlier report\n", "after": ""}


def _said(one: Mapping[str, t.Any]) -> str:
    if one["error"]:
        return f"{one['message']} (The expression {one['that']} failed: {one['error']})"
    gave = json.dumps(one["gave"])
    gave = gave if len(gave) <= 500 else f"{gave[:500]} ..."
    said = f"{one['message']} ({one['that']} gave {gave}.)"
    return "\n".join([said, *(f"  {sentence}" for sentence in one["broken_by"])])


def _see(files: Mapping[str, str]) -> str:
    return f"The whole report is in {files.get('html', files['json'])}."
