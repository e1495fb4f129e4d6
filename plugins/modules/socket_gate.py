#!/usr/bin/python

# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: socket_gate
short_description: A Unix socket that asks the kernel who is calling, and forwards or runs a command
author: unixsocket.access contributors (@unixsocket)
description:
  - Makes a socket behind which a server, the gate, learns from the kernel who has connected,
    before it reads a byte. It lets in who is in O(allow_users) or O(allow_groups), and writes a
    record about everyone to the journal.
  - With O(forward), whoever is let in is connected to the socket of a daemon, on which nothing is
    changed.
  - With O(command), each request runs one fixed command as O(user), without a shell. The request
    is on its standard input, what it writes to its standard output is the reply. So an account
    without privileges can ask for one privileged thing.
  - The socket is a C(.socket) unit, so systemd makes it, closed. Its owner, group, mode and
    access control list let in nobody else either; the gate is the second of two locks.
  - The gate is a service in a sandbox. With O(forward) it never runs as root.
version_added: 1.0.0
extends_documentation_fragment:
  - unixsocket.access._attributes
  - unixsocket.access._attributes.converging
  - unixsocket.access._attributes.actiongroup
  - unixsocket.access._run
options:
  path:
    description:
      - The absolute path where the clients connect, at most 107 bytes.
      - Its directory must exist, and nobody but root may be able to write to it or to a
        directory above it.
    type: path
    required: true
  name:
    description:
      - A name for the units of the gate, which are called C(socket-access-gate-NAME.socket) and
        C(.service), and for its records in the journal, C(SOCKET_ACCESS_NAME). With O(forward)
        a mark of the path is added to it.
      - By default it is the last part of O(path) and a mark, with O(forward) the last part of
        O(forward).
    type: str
  type:
    description:
      - The type of the socket. With V(seqpacket) each message is one request, with V(stream) all
        that a client sends until it ends its side of the connection.
      - By default it is V(stream) with O(command). With O(forward) it is found out from what
        listens there, and is V(stream) where nobody does.
    type: str
    choices: [stream, seqpacket]
  allow_users:
    description: The users who may come in, by name or id. Root is let in only where it is named.
    type: list
    elements: str
    default: []
  allow_groups:
    description: The groups whose members may come in, by name or id. What counts is which groups
      the client's process has.
    type: list
    elements: str
    default: []
  forward:
    description: The absolute path of the socket on which a daemon listens. The daemon sees the
      account of the gate instead of the client's, and gets no file descriptors.
    type: path
  command:
    description: The program that answers each request, by its absolute path, and its arguments.
      Nobody but root and O(user) may be able to replace it.
    type: list
    elements: str
  user:
    description: The user as whom O(command) runs, by name or id. No program such as C(sudo) gives it
      more rights there.
    type: str
  owner:
    description: The user who owns the socket, by name or id, root by default.
    type: str
  group:
    description: The group of the socket, by name or id, that of root by default.
    type: str
  mode:
    description:
      - The permissions of the socket for owner, group and all others, as a quoted octal number.
        To connect takes write permission.
      - By default all others get nothing. With V("0666") everyone can connect, so that the gate
        alone decides and everyone whom it refuses is in the journal.
    type: raw
  run_as:
    description:
      - With O(forward), the user as whom the gate runs, by name or id. It must be able to connect
        to O(forward), and cannot be root.
      - By default it is an account that exists only while the gate runs, with just the one group
        that O(forward) lets in, if it needs one.
    type: str
  lose_identity:
    description: With O(forward), whether it is accepted that the daemon sees the account of the
      gate, where it is a daemon that is known to ask who its client is or to take descriptors.
    type: bool
    default: false
  max_connections:
    description: How many connections the gate has at once, 1024 where nothing is given. Further
      clients wait.
    type: int
  max_connections_per_user:
    description: How many of them one user has, 256 where nothing is given. Further ones are
      refused.
    type: int
  max_message:
    description: The longest message, request or reply of V(seqpacket), and the longest request
      of O(command) over V(stream), in bytes, at most 212000. It is 65536 where nothing is given.
    type: int
  time_limit:
    description: With O(command), how long the command may run, in seconds, 30 where nothing is
      given. Then it gets C(SIGTERM), and C(SIGKILL) a second later.
    type: float
  request_seconds:
    description: With O(command), how long a client may take to send a request, or to take the
      reply, in seconds, 30 where nothing is given.
    type: float
  at_once:
    description: With O(command), how many requests are carried out at once, 8 where nothing is
      given. The others wait, and users take turns.
    type: int
  at_once_per_user:
    description: With O(command), how many of them may be one user's, one less than O(at_once)
      where nothing is given.
    type: int
  trust_directories:
    description:
      - Directories on the way to O(path) or O(forward) whose other writers are trusted.
      - A path on which somebody other than root and the socket's owner could replace the socket
        is refused. This accepts it for the directories that are named. Everyone who may write to
        them can then have another socket of his own in its place.
    type: list
    elements: path
    default: []
  client_unit:
    description:
      - With O(forward), the C(.service) unit of the system that runs the client. It must exist.
        It gets O(client_environment) by a drop-in, which works when it is started next.
    type: str
  client_environment:
    description: The environment variables that O(client_unit) gets, with their values.
    type: dict
  state:
    description:
      - V(present) puts the gate into effect.
      - V(absent) takes away all that was made for O(path). It needs no other option but this.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: unixsocket.access.socket_proxy
  - module: unixsocket.access.socket_policy
  - module: unixsocket.access.socket_probe
"""

EXAMPLES = r"""
---
- name: Let the web server ask for a change of one configuration file
  unixsocket.access.socket_gate:
    path: /run/config-update.sock
    type: seqpacket
    command: [/usr/local/bin/update-config]
    user: configowner
    allow_users: [www-data]
    time_limit: 10

- name: Let two accounts come to redis, and write down each visit
  unixsocket.access.socket_gate:
    path: /run/reports/redis.sock
    forward: /run/redis/redis-server.sock
    allow_users: [reports]
    allow_groups: [monitoring]
    max_connections_per_user: 20

- name: Take a gate away
  unixsocket.access.socket_gate:
    path: /run/config-update.sock
    state: absent
"""

RETURN = r"""
changes:
  description: Every change as a sentence. In check mode, every change that would be made.
  returned: success
  type: list
  elements: str
  sample: ["/etc/socket-access/gates/config-update.sock-1f0c2a9b.json is made."]
diff:
  description: Everything that was changed, or in check mode would be, before and after. The access
    of a socket or a directory has the form of C(getfacl).
  returned: success
  type: dict
  contains:
    before:
      description: What was there.
      type: str
      returned: always
    after:
      description: What is there now.
      type: str
      returned: always
socket:
  description: What was decided and proven.
  returned: success, with O(state=present)
  type: dict
  contains:
    path:
      description: The path of the daemon's socket with O(forward), otherwise O(path).
      returned: always
      type: str
      sample: /run/config-update.sock
    exists:
      description: Whether that socket exists.
      returned: always
      type: bool
      sample: true
    grants:
      description: Every principal that may come in.
      returned: always
      type: list
      elements: dict
      sample:
        - principal: user www-data
          method: group
          reason: >-
            It is the only client, so the socket gets its own primary group www-data, and nobody's
            membership changes.
          rejected:
            - method: reachable
              reason: Nothing else that is declared lets it connect.
          endpoint: /run/config-update.sock
          proof:
            expected: connected
            result: connected
            held: true
            message: www-data connected to /run/config-update.sock (seqpacket).
      contains:
        principal:
          description: The principal, such as V(user www-data).
          type: str
          returned: always
        method:
          description: How it gets in, V(gate) with O(forward). With O(command) how it gets past
            the permissions of the socket, which the gate makes itself.
          type: str
          returned: always
        reason:
          description: Why this method.
          type: str
          returned: always
        rejected:
          description: The methods that were not chosen, each with C(method) and C(reason).
          type: list
          elements: dict
          returned: always
        endpoint:
          description: The path where it connects, O(path).
          type: str
          returned: always
        proof:
          description:
            - What was expected of a real C(connect) and what came of it, with C(expected),
              C(result), C(held) and C(message). No command is run for it.
            - Null in check mode and with O(prove=false).
          type: dict
          returned: always
    refused:
      description: Every principal that must be refused. It is empty here.
      returned: always
      type: list
      elements: dict
      sample: []
    others:
      description: The proof, C(proof), for somebody who is not declared. It is null with
        O(forward), where C(endpoints) has it.
      returned: always
      type: dict
      sample:
        proof:
          expected: refused
          result: EACCES
          held: true
          message: >-
            uid 2147000000 could not connect to /run/config-update.sock: the permissions of the
            socket or of a directory on the way do not allow it (EACCES).
    endpoints:
      description: With O(forward), the endpoint that was made, with C(path), C(method),
        C(others) (the proof for somebody who is not declared), C(kept_by) and C(notes).
      returned: always
      type: list
      elements: dict
      sample: []
    kept_by:
      description: What puts the access into effect again when the socket is made anew.
      returned: always
      type: list
      elements: str
      sample:
        - socket-access-gate-config-update.sock-1f0c2a9b.socket makes the socket with this owner,
          group and mode, and applies the policy after each start.
    notes:
      description: What is worth knowing, in whole sentences.
      returned: always
      type: list
      elements: str
      sample: []
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.unixsocket.access.plugins.module_utils import _door

_LIMITS = ("max_connections", "max_connections_per_user", "max_message")
# What each of the two uses alone has; the second part of a pair is the key that it becomes.
_OF_COMMAND = ("command", "user", "time_limit", "request_seconds", "at_once", "at_once_per_user")
_OF_FORWARD = {
    "run_as": "run_as",
    "lose_identity": "lose_identity",
    "client_unit": "client_unit",
    "client_environment": "client_environment",
}
_AT = {"at_owner": "owner", "at_group": "group", "at_mode": "mode"}


def main() -> t.NoReturn:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "name": {"type": "str"},
            "type": {"type": "str", "choices": ["stream", "seqpacket"]},
            "allow_users": {"type": "list", "elements": "str", "default": []},
            "allow_groups": {"type": "list", "elements": "str", "default": []},
            "forward": {"type": "path"},
            "command": {"type": "list", "elements": "str"},
            "user": {"type": "str"},
            "owner": {"type": "str"},
            "group": {"type": "str"},
            "mode": _door.MODE,
            "run_as": {"type": "str"},
            "lose_identity": {"type": "bool", "default": False},
            **{limit: {"type": "int"} for limit in _LIMITS},
            "time_limit": {"type": "float"},
            "request_seconds": {"type": "float"},
            "at_once": {"type": "int"},
            "at_once_per_user": {"type": "int"},
            "trust_directories": {"type": "list", "elements": "path", "default": []},
            "client_unit": {"type": "str"},
            "client_environment": {"type": "dict"},
            **_door.run_options(),
        },
        mutually_exclusive=[("forward", "command")],
        required_together=[("command", "user")],
        supports_check_mode=True,
    )
    params = module.params
    if params["state"] == "present":
        _check(module)
    declared = _command(module) if params["forward"] is None else _forward(module)
    _door.run_one(module, _door.Task(declared, f"socket_gate {params['path']}"), ("endpoints",))


def _check(module: AnsibleModule) -> None:
    """Refuse what no gate can be made of; a gate that goes away needs its path alone."""
    params = module.params
    path = params["path"]
    if params["forward"] is None and params["command"] is None:
        _door.fail(
            module,
            f"Nothing is said of what happens behind {path}; set forward to the path of a daemon's "
            "socket, or command and user to what answers each request.",
        )
    if not _who(module):
        _door.fail(
            module,
            f"Nobody is named who may come in at {path}; name at least one user or group in "
            "allow_users or allow_groups.",
        )
    use, others = ("forward", _OF_COMMAND) if params["forward"] else ("command", tuple(_OF_FORWARD))
    vain = [option for option in others if params[option] not in (None, False, {})]
    if vain:
        _door.fail(
            module,
            f"Option {vain[0]} of {path}: it does nothing with {use}; remove it.",
        )


def _who(module: AnsibleModule) -> list[_door.Client]:
    """Return everyone whom the options name, each once."""
    found: dict[tuple[str, str], _door.Client] = {}
    for kind, option in (("user", "allow_users"), ("group", "allow_groups")):
        for index, name in enumerate(module.params[option]):
            found.setdefault((kind, name), _door.Client(kind, name, f"{option}[{index}]"))
    return list(found.values())


def _forward(module: AnsibleModule) -> _door.SocketPolicy:
    """Return the daemon's socket as declared with this gate as its endpoint."""
    params = module.params
    keys = {**_AT, **_OF_FORWARD, **{limit: limit for limit in _LIMITS}}
    name = params["name"] or _door.readable(params["forward"]).lstrip("._-") or "socket"
    return _door.one_endpoint(module, "gate", _who(module), keys, source="forward", name=name)


def _command(module: AnsibleModule) -> _door.SocketPolicy:
    """Return the socket as declared with the command that answers at it."""
    params = module.params
    serve = {key: params[key] for key in (*_OF_COMMAND, *_LIMITS) if params[key] is not None}
    who = _who(module)
    called = {f"serve.{key}": key for key in serve}
    for index, one in enumerate(who):
        called.update(dict.fromkeys((f"allow[{index}].{one.kind}", f"allow[{index}]"), one.option))
    keys = {"allow": [{one.kind: one.name} for one in who], **({"serve": serve} if serve else {})}
    own = ("type", "owner", "group", "mode", "trust_directories")
    name = params["name"] or _door.marked(params["path"])
    return _door.one_socket(module, {"path": params["path"], **keys}, called, own=own, name=name)


if __name__ == "__main__":
    main()
