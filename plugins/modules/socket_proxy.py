#!/usr/bin/python

# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: socket_proxy
short_description: Let clients connect to a Unix socket at a second path, through a proxy
author: unixsocket.access contributors (@unixsocket)
description:
  - Makes a second socket, the endpoint, which has its own owner, group, mode and access control
    list. A proxy passes on everything from there to the socket of the daemon, O(source), on
    which nothing is changed.
  - One run of the module makes one endpoint. A socket can have as many of them as are wanted,
    each with its own permissions.
  - The endpoint is a C(.socket) unit, so systemd makes it, closed, and at no moment is it wider
    than what is asked for. The proxy behind it is a confined service that never runs as root
    and starts with the first client.
  - While the daemon is down, a client's connection is closed at once. When the daemon is there
    again, so are later connections.
  - The daemon sees the account of the proxy and not that of the client, and gets no file
    descriptors. Sockets of daemons which need those, such as D-Bus, PipeWire, Wayland, libvirt
    and PostgreSQL, are refused unless O(lose_identity=true).
version_added: 1.0.0
extends_documentation_fragment:
  - unixsocket.access._attributes
  - unixsocket.access._attributes.converging
  - unixsocket.access._attributes.actiongroup
  - unixsocket.access._run
  - unixsocket.access._endpoint
options:
  path:
    description:
      - The absolute path of the endpoint, where the clients connect, at most 107 bytes.
      - Its directory must exist, and nobody but root may be able to write to it or to a
        directory above it.
    type: path
    required: true
  name:
    description:
      - A name for the units of the endpoint, which are called
        C(socket-access-proxy-NAME.ENDPOINT-MARK.socket) and C(.service).
      - By default it is the last part of O(source).
    type: str
  type:
    description: The type of the socket. By default it is found out from what listens there, and
      is V(stream) where nobody does.
    type: str
    choices: [stream, seqpacket]
  owner:
    description: The user who owns the endpoint, by name or id, root by default. Another owner
      may connect.
    type: str
  group:
    description: The group of the endpoint, by name or id, that of root by default. Its members
      may connect.
    type: str
  mode:
    description:
      - The permissions of the endpoint for owner, group and all others, as a quoted octal
        number. To connect takes write permission.
      - By default the owner can connect, O(group) can if it is given, and all others get
        nothing.
    type: raw
  users:
    description: The users who may connect at the endpoint, by name or id. Each gets an entry of
      its own in the access control list of the endpoint where nothing else lets it in.
    type: list
    elements: str
    default: []
  groups:
    description: The groups whose members may connect at the endpoint, by name or id, in the
      same way.
    type: list
    elements: str
    default: []
  engine:
    description:
      - The program that passes everything on.
      - V(socat) starts a process for each connection. It needs the package C(socat), and keeps
        the boundaries of messages. A client may say that it has sent all and still gets the
        answer.
      - V(systemd-socket-proxyd) is one process, comes with systemd, and is for streams only.
        A client that says that it has sent all gets no answer any more.
    type: str
    choices: [socat, systemd-socket-proxyd]
    default: socat
  run_as:
    description:
      - The user as whom the proxy runs, by name or id. It must be able to connect to
        O(source), and cannot be root.
      - By default it is an account that exists only while the proxy runs, with just the one
        group that O(source) lets in, if it needs one.
    type: str
  max_connections:
    description: How many connections the proxy has at once, 512 where nothing is given. Further
      clients wait.
    type: int
  lose_identity:
    description: Whether it is accepted that the daemon sees the account of the proxy in the
      place of the client's, and gets no file descriptors from clients.
    type: bool
    default: false
seealso:
  - module: unixsocket.access.socket_bind_mount
  - module: unixsocket.access.socket_acl
  - module: unixsocket.access.socket_policy
"""

EXAMPLES = r"""
---
- name: Let two users connect to redis at a path of their own
  unixsocket.access.socket_proxy:
    source: /run/redis/redis-server.sock
    path: /run/reports/redis.sock
    users: [reports, shop]

- name: Let a group in at a second endpoint, by its group and mode
  unixsocket.access.socket_proxy:
    source: /run/redis/redis-server.sock
    path: /run/monitoring/redis.sock
    name: redis-for-monitoring
    group: monitoring
    mode: "0660"
    engine: systemd-socket-proxyd

- name: Let a user be what PostgreSQL takes for the user reports
  unixsocket.access.socket_proxy:
    source: /run/postgresql/.s.PGSQL.5432
    path: /run/analysts/.s.PGSQL.5432
    users: [anna]
    run_as: reports
    lose_identity: true

- name: Take an endpoint away
  unixsocket.access.socket_proxy:
    source: /run/redis/redis-server.sock
    path: /run/reports/redis.sock
    state: absent
"""

RETURN = r"""
changes:
  description: Every change as a sentence. In check mode, every change that would be made.
  returned: success
  type: list
  elements: str
  sample: ["/etc/systemd/system/socket-access-proxy-redis-server.sock.redis.sock-1f0c2a9b.socket is made."]
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
  description: What was decided and proven for the socket and its endpoint.
  returned: success, with O(state=present)
  type: dict
  contains:
    path:
      description: The path of the socket itself, O(source).
      returned: always
      type: str
      sample: /run/redis/redis-server.sock
    exists:
      description: Whether the socket exists. If it does not, there was nothing to pass on to
        yet.
      returned: always
      type: bool
      sample: true
    grants:
      description: Every principal that may connect.
      returned: always
      type: list
      elements: dict
      sample:
        - principal: user shop
          method: proxy
          reason: The declaration names this method.
          rejected: []
          endpoint: /run/reports/redis.sock
          proof:
            expected: connected
            result: connected
            held: true
            message: shop connected to /run/reports/redis.sock (stream).
      contains:
        principal:
          description: The principal, such as V(user shop).
          type: str
          returned: always
        method:
          description: How it gets in.
          type: str
          returned: always
        reason:
          description: Why this method.
          type: str
          returned: always
        rejected:
          description: The methods that were not chosen. It is empty here, because the module
            is for one method.
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
              C(result), C(held) and C(message). C(held) is null where nobody listened, so that
              nothing could be proven.
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
      description: The proof, C(proof), for somebody who is not declared, at O(source). It is
        null, because nothing is done there.
      returned: always
      type: dict
      sample: {proof: null}
    endpoints:
      description: The endpoint that was made, with C(path), C(method), C(others) (the proof for
        somebody who is not declared), C(kept_by) and C(notes).
      returned: always
      type: list
      elements: dict
      sample:
        - path: /run/reports/redis.sock
          method: proxy
          others:
            proof:
              expected: refused
              result: EACCES
              held: true
              message: >-
                uid 2147000000 could not connect to /run/reports/redis.sock: the permissions of the
                socket or of a directory on the way do not allow it (EACCES).
          kept_by:
            - socket-access-redis-server.sock.redis.sock-1f0c2a9b.path applies the policy again
              when the socket is made anew or changed.
          notes: []
    kept_by:
      description: What puts the access into effect again when O(source) is made anew. It
        is empty, because nothing is done there. What keeps the endpoint is in C(endpoints).
      returned: always
      type: list
      elements: str
      sample: []
    notes:
      description: What is worth knowing, in whole sentences, such as that the socket does not
        exist yet.
      returned: always
      type: list
      elements: str
      sample: []
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.unixsocket.access.plugins.module_utils import _door

# Keys of a grant, and the options that they come from.
_KEYS = {
    "engine": "engine",
    "at_owner": "owner",
    "at_group": "group",
    "at_mode": "mode",
    "run_as": "run_as",
    "lose_identity": "lose_identity",
    "max_connections": "max_connections",
    "client_unit": "client_unit",
    "client_environment": "client_environment",
}


def main() -> t.NoReturn:
    module = AnsibleModule(
        argument_spec={
            **_door.endpoint_options(["stream", "seqpacket"]),
            "name": {"type": "str"},
            "owner": {"type": "str"},
            "group": {"type": "str"},
            "mode": _door.MODE,
            "engine": {
                "type": "str",
                "choices": ["socat", "systemd-socket-proxyd"],
                "default": "socat",
            },
            "run_as": {"type": "str"},
            "max_connections": {"type": "int"},
            "lose_identity": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    params = module.params
    who = _clients(module)
    if not who and params["state"] == "present":
        _door.fail(
            module,
            f"Nobody is named who may connect at {params['path']}; name at least one user or group "
            "in users, groups, owner or group.",
        )
    name = params["name"] or _door.readable(params["source"]).lstrip("._-") or "socket"
    declared = _door.one_endpoint(module, "proxy", who, _KEYS, name=name)
    _door.run_one(module, _door.Task(declared, f"socket_proxy {params['path']}"), ("endpoints",))


def _clients(module: AnsibleModule) -> list[_door.Client]:
    """Return everyone who is named, with the owner and the group that the mode lets in."""
    params = module.params
    found = {(one.kind, one.name): one for one in _door.clients(module)}
    for kind, option, bits in (("user", "owner", 0o200), ("group", "group", 0o020)):
        name = params[option]
        if name and name not in ("root", "0") and _door.gives(params["mode"], bits):
            found.setdefault((kind, name), _door.Client(kind, name, option))
    return list(found.values())


if __name__ == "__main__":
    main()
