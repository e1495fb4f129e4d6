#!/usr/bin/python

# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: socket_probe
short_description: Prove who can connect to a Unix socket, and explain why somebody cannot
author: unixsocket.access contributors (@unixsocket)
description:
  - Makes a real C(connect) as each principal, with exactly the user and group ids that a new
    process of it would have, and fails unless each of them is let in or refused as expected.
  - Where somebody is not let in, the answer explains why. It shows the way to the socket component
    by component with the rule that decides; who listens there, and of which type; stale mounts; the
    running processes of the user that lack a group or see something else at the path; and what a
    security module is asked. It ends with the smallest change that would help, and with the
    declaration that makes it.
  - It changes nothing. A connection is closed at once, unless O(send) or O(expect) is given. It
    starts a socket-activated service, and some daemons log it.
version_added: 1.0.0
extends_documentation_fragment:
  - unixsocket.access._attributes
attributes:
  check_mode:
    support: full
    details:
      - It connects in check mode as well, for to ask is all it does.
  diff_mode:
    support: N/A
    details:
      - It changes nothing.
  idempotent:
    support: full
  safe_file_operations:
    support: full
options:
  path:
    description: The absolute path of the socket.
    type: path
    required: true
  type:
    description: The type of the socket. By default it is found out from what listens there.
    type: str
    choices: [stream, seqpacket, dgram]
  can_connect:
    description:
      - Who must be able to connect. Each item is the name or id of a user, or a dictionary with
        one of C(user) and C(group).
      - A group stands for a process that is in this group only and belongs to no user of the
        host.
    type: list
    elements: raw
    default: []
  cannot_connect:
    description:
      - Who must be refused for lack of permission, in the same form.
      - Where the socket does not exist nobody is refused, so that is a failure as well.
    type: list
    elements: raw
    default: []
  observe:
    description: Who is only asked about, in the same form. Whatever comes of it is no failure.
    type: list
    elements: raw
    default: []
  send:
    description: What to send, as UTF-8, once connected as one of O(can_connect). With
      V(seqpacket) it is one message.
    type: str
  finish:
    description:
      - Whether to say after O(send) that this was all, by closing the sending direction of the
        connection. A server that takes everything up to there for one request, such as a gate
        that runs a command on a V(stream) socket, answers only then.
    type: bool
    default: false
  expect:
    description:
      - What the reply must contain, as UTF-8. Reading stops as soon as it does.
      - Without O(send) it is waited for right after the connection, as for a server that
        greets.
    type: str
  timeout:
    description: How long one attempt may take, in seconds, the reply included.
    type: float
    default: 5.0
seealso:
  - module: unixsocket.access.socket_policy
"""

EXAMPLES = r"""
---
- name: Prove that nginx is let in and others are not
  unixsocket.access.socket_probe:
    path: /run/app/app.sock
    can_connect: [www-data, {group: monitoring}]
    cannot_connect: [nobody]

- name: Prove that the database answers the application
  unixsocket.access.socket_probe:
    path: /run/redis/redis-server.sock
    can_connect: [app]
    send: "PING\r\n"
    expect: "+PONG"

- name: Prove that the update server answers the web server
  unixsocket.access.socket_probe:
    path: /run/config-update.sock
    can_connect: [www-data]
    cannot_connect: [nobody]
    send: '{"verb": "show"}'
    expect: '"ok": true'

- name: Ask who could connect, and go on whatever the answer is
  unixsocket.access.socket_probe:
    path: /run/app/app.sock
    observe: [www-data, nobody]
  register: asked

- name: Show why one of them could not
  ansible.builtin.debug:
    msg: "{{ asked.connections[1].explanation }}"

- name: Show what to declare for it
  ansible.builtin.debug:
    msg: "{{ asked.connections[1].declaration }}"
"""

RETURN = r"""
connections:
  description: One item for each principal, in the order of O(can_connect), O(cannot_connect)
    and O(observe).
  returned: when the principals exist
  type: list
  elements: dict
  contains:
    principal:
      description: The principal, such as V(user nginx).
      type: str
      returned: always
    expected:
      description: What was expected, V(connected) or V(refused), or null for one of O(observe).
      type: str
      returned: always
    connected:
      description: Whether C(connect) succeeded.
      type: bool
      returned: always
    refused:
      description: Whether the kernel refused it for lack of permission (C(EACCES)).
      type: bool
      returned: always
    errno:
      description: The name of the error, null if there was none.
      type: str
      returned: always
    held:
      description: Whether the answer is the expected one.
      type: bool
      returned: always
    message:
      description: The answer as a sentence.
      type: str
      returned: always
    explanation:
      description: Why, in words, line by line, and what would help. Empty where the principal is
        let in, unless it was to be refused.
      type: list
      elements: str
      returned: always
    cause:
      description: What the kernel meets first, as a stable word such as V(search-other),
        V(dead-socket) or V(stale-group); null where nothing stands in the way. All of them are in
        the collection's C(docs/explain.md).
      type: str
      returned: always
    changes:
      description: What would help, all of it together.
      type: list
      elements: dict
      returned: always
      contains:
        action:
          description: What kind of change it is, as a stable word such as V(acl-entry).
          type: str
          returned: always
        text:
          description: The change as a sentence.
          type: str
          returned: always
        path:
          description: The path that it is about, null for none.
          type: str
          returned: always
        value:
          description: What belongs to the action, such as a unit, a group, or another path.
          type: str
          returned: always
        file:
          description: A file to write first, with C(path) and C(content), null for none.
          type: dict
          returned: always
        commands:
          description: Commands to run then, word by word.
          type: list
          elements: list
          returned: always
        instead:
          description: Another change that would do as well, in the same form, null for none.
          type: dict
          returned: always
    declaration:
      description: What to declare in C(socket_policy_sockets), so that it is let in, or kept out if
        that was expected. Null where no declaration would help.
      type: dict
      returned: always
    type:
      description: The type of the socket that was found, null if unknown.
      type: str
      returned: always
    reply:
      description: What the server answered, at most 64 KiB, null if nothing was asked. Control characters
        other than line ends and tabs are shown as C(\\x1b).
      type: str
      returned: always
    seconds:
      description: How long the attempt took.
      type: float
      returned: always
  sample:
    - principal: user www-data
      expected: connected
      connected: true
      refused: false
      errno:
      held: true
      message: www-data connected to /run/app/app.sock (stream).
      explanation: []
      cause:
      changes: []
      declaration:
      type: stream
      reply:
      seconds: 0.000098
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.unixsocket.access.plugins.module_utils import _door
from ansible_collections.unixsocket.access.plugins.module_utils._engine.probe import (
    CONNECTS,
    EITHER,
    REFUSED,
    Answer,
    Question,
    ask,
)

_EXPECTED = {"can_connect": CONNECTS, "cannot_connect": REFUSED, "observe": EITHER}


def main() -> t.NoReturn:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "type": {"type": "str", "choices": ["stream", "seqpacket", "dgram"]},
            **{name: {"type": "list", "elements": "raw", "default": []} for name in _EXPECTED},
            "send": {"type": "str"},
            "expect": {"type": "str"},
            "finish": {"type": "bool", "default": False},
            "timeout": {"type": "float", "default": 5.0},
        },
        supports_check_mode=True,
    )
    if not any(module.params[name] for name in _EXPECTED):
        module.warn(
            f"Nobody is named, so nothing was tried at {module.params['path']}; name users in "
            "can_connect, cannot_connect or observe."
        )
    answers = _door.answer(module, lambda: _ask(module))
    connections = [one.as_dict() for one in answers]
    failures = [one.failure() for one in answers if not one.held]
    if failures:
        _door.fail(module, "\n".join(failures), connections=connections)
    _door.end(module, {"changed": False, "connections": connections})


def _ask(module: AnsibleModule) -> list[Answer]:
    params = module.params
    path = _door.one_socket(module, {}, {}).path
    questions = [
        Question(principal, expected)
        for option, expected in _EXPECTED.items()
        for principal in _door.principals(module, params[option], option)
    ]
    return ask(
        path,
        questions,
        kind=params["type"],
        send=_encoded(params["send"]),
        expect=_encoded(params["expect"]),
        finish=params["finish"],
        seconds=params["timeout"],
    )


def _encoded(text: str | None) -> bytes | None:
    return None if text is None else text.encode("utf-8", "surrogateescape")


if __name__ == "__main__":
    main()
