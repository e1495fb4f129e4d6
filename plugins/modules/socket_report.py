#!/usr/bin/python

# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The work is done by the action plugin of the same name, on the controller.

from __future__ import annotations

DOCUMENTATION = r"""
module: socket_report
short_description: Write what all hosts answered about their sockets into one report, and judge it
version_added: 1.0.0
author: unixsocket.access contributors (@unixsocket)
description:
  - Puts the registered results of M(unixsocket.access.socket_info), and of
    M(unixsocket.access.socket_policy) in check mode, of all hosts of a play into one document,
    C(report.json), and into one page, C(report.html), in a directory on the controller.
  - Fails if an assertion about the document does not hold, after everything was written.
  - Give it to one host only (C(run_once)). The role P(unixsocket.access.socket_audit#role) does
    that, and asks the hosts.
  - A play that runs in batches (C(serial)) is refused, because no batch has the answers of all hosts.
extends_documentation_fragment:
  - unixsocket.access._attributes
attributes:
  action:
    description: Indicates this has a corresponding action plugin so some parts of the options can
      be executed on the controller.
    support: full
  check_mode:
    support: partial
    details:
      - It writes the report in check mode as well, because to write it is all it does, and no host
        is touched. Files of earlier reports are removed as well.
  diff_mode:
    support: partial
    details:
      - It tells the files of earlier reports that are removed, and not what is different in the
        report; O(baseline) does that.
  idempotent:
    support: full
    details:
      - The files are always written anew, so that they tell when the hosts were last looked at.
        It is a change only if something else is different, other than what holds for a moment
        (process ids, inode numbers, open connections).
  platform:
    platforms: posix
  safe_file_operations:
    support: full
    details:
      - Each file is replaced in one step.
options:
  directory:
    description: The directory on the controller that the files are written to. It is made if it is
      missing. A relative path starts where Ansible was started.
    type: path
    required: true
  formats:
    description:
      - What is written. V(json) is C(report.json) and always written, V(html) is C(report.html),
        V(sarif) is C(report.sarif) in version 2.1.0, V(junit) is C(report.junit.xml).
      - What an earlier run wrote into O(directory) in a format that is not named any more is
        removed, so that nobody takes it for a part of this report. A file of the same name that does
        not come from this module stays, and so does a link.
    type: list
    elements: str
    choices: [json, html, sarif, junit]
    default: [json, html]
  mode:
    description: The mode of the files. They say where a host can be attacked.
    type: raw
    default: '0640'
  baseline:
    description: The C(report.json) of an earlier run. What is different since then becomes a part
      of the report. It may be the very file that is replaced.
    type: path
  assertions:
    description: What must hold.
    type: list
    elements: dict
    default: []
    suboptions:
      that:
        description: A JMESPath expression over the document. It holds unless it gives what is
          false in JMESPath, which is null, false, and an empty text, list or object.
        type: str
        required: true
      message:
        description: What is said if it does not hold.
        type: str
  validate_only:
    description: Whether only to find out if O(assertions) and O(baseline) can be used, so that a
      mistake is reported before any host is asked.
    type: bool
    default: false
  sockets_from:
    description: The name of the variable in which each host has its result of
      M(unixsocket.access.socket_info).
    type: str
    default: socket_audit_sockets
  declared_from:
    description: The name of the variable in which a host has its result of
      M(unixsocket.access.socket_policy), run in check mode.
    type: str
    default: socket_audit_declared
  proofs_from:
    description: The name of the variable in which a host has its results of
      M(unixsocket.access.socket_probe), run in a loop whose items have the key C(path).
    type: str
    default: socket_audit_proofs
requirements:
  - jmespath on the controller, for O(assertions)
notes:
  - It asks for the variables of all hosts of the play, those included that have failed. Such a host
    is listed without an answer.
seealso:
  - module: unixsocket.access.socket_info
  - plugin: unixsocket.access.query
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: Look at all sockets of each host
  unixsocket.access.socket_info:
  register: socket_audit_sockets
  ignore_unreachable: true

- name: Write one report of all hosts
  unixsocket.access.socket_report:
    directory: /srv/audit
    formats: [json, html, sarif]
    assertions:
      - that: length(hosts[].findings[?severity == 'high'][]) == `0`
        message: A host has a finding of high severity.
  run_once: true
  delegate_to: localhost
  become: false
"""

RETURN = r"""
files:
  description: The files that were written, by format.
  returned: unless O(validate_only)
  type: dict
  sample:
    json: /srv/audit/report.json
    html: /srv/audit/report.html
removed:
  description: The files of earlier reports that were removed, because their formats are not in
    O(formats) any more.
  returned: unless O(validate_only)
  type: list
  elements: str
  sample: [/srv/audit/report.html]
summary:
  description: How many hosts, sockets and findings there are, as in the document.
  returned: unless O(validate_only)
  type: dict
  sample:
    hosts: {all: 3, ok: 2, partial: 0, failed: 0, unreachable: 1}
    sockets: 71
    findings: {all: 4, high: 1, medium: 1, low: 2}
    declared: 2
    differing: 0
    proofs: {all: 6, held: 6, failed: 0}
assertions:
  description: Each assertion, whether it C(held), what its expression C(gave), the C(error)
    where it could not be evaluated, and what it is C(broken_by), which is what alone makes it fail.
  returned: unless O(validate_only)
  type: list
  elements: dict
  sample:
    - that: length(hosts[].findings[?severity == 'high'][]) == `0`
      message: A host has a finding of high severity.
      held: false
      gave: false
      error:
      broken_by:
        - "web1: high world-connectable-privileged, /run/docker.sock: Everyone on this host can
          connect to /run/docker.sock of Docker, and whoever can do that is as good as root: [...]"
silent:
  description: The names of the hosts that gave no answer.
  returned: unless O(validate_only)
  type: list
  elements: str
  sample: [db3]
"""
