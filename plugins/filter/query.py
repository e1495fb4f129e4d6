# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: query
version_added: 1.0.0
author: unixsocket.access contributors (@unixsocket)
short_description: Ask a report, or any other document, a question in JMESPath
description:
  - Returns what a JMESPath expression gives for a document, such as the C(report.json) of the role
    P(unixsocket.access.socket_audit#role).
options:
  _input:
    description: The document.
    type: raw
    required: true
  expression:
    description: The expression, see U(https://jmespath.org/specification.html).
    type: str
    required: true
positional: expression
requirements:
  - jmespath on the controller
seealso:
  - module: unixsocket.access.socket_report
"""

EXAMPLES = r"""
---
- name: Read the report
  ansible.builtin.set_fact:
    audit: "{{ lookup('ansible.builtin.file', 'socket-audit/report.json') | from_json }}"

- name: Show the hosts on which everyone is as good as root
  ansible.builtin.debug:
    msg: "{{ audit | unixsocket.access.query(question) }}"
  vars:
    question: hosts[?findings[?id == 'world-connectable-privileged']].name

- name: Show who can connect to redis
  ansible.builtin.debug:
    msg: "{{ audit | unixsocket.access.query(question) }}"
  vars:
    question: "hosts[].{host: name, users: sockets[?ends_with(socket, 'redis-server.sock')].reach.users[]}"
"""

RETURN = r"""
_value:
  description: What the expression gives. Null where there is nothing of that kind.
  type: raw
"""

import typing as t
from collections.abc import Callable, Mapping

from ansible.errors import AnsibleFilterError

from ansible_collections.unixsocket.access.plugins.plugin_utils import _report


class FilterModule:
    """The filters of the collection."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        """Return them by name."""
        return {"query": _query}


def _query(document: t.Any, expression: t.Any) -> t.Any:
    try:
        return _report.search(_plain(document), expression)
    except _report.ReportError as error:
        raise AnsibleFilterError(str(error)) from None


def _plain(value: t.Any) -> t.Any:
    """Return a copy of JSON's own types, the only ones that JMESPath's functions know."""
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    return value
