#!/usr/bin/python

# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: socket_mode
short_description: Let clients connect to a Unix socket by its group and mode
author: unixsocket.access contributors (@unixsocket)
description:
  - Sets owner, group and mode of a Unix socket and, where several users need it, their
    membership in its group.
  - For one client in O(members) and no O(group), the socket gets that user's own primary group,
    so nobody's membership changes and no process has to be restarted.
  - The socket is written through one descriptor that was pinned while its path was checked, so
    whoever swaps the path gains nothing.
  - Named ACL entries that the socket has are kept, and its mask follows them. O(mode) is what
    it says for owner, owning group and all others, although C(ls) shows the mask in the place
    of the group.
  - A daemon makes its socket anew at every start. Hooks on the unit that makes it and a
    C(.path) unit, which use the module's own code that is installed on the host, put the access
    into effect again each time. RV(socket.kept_by) tells which.
version_added: 1.0.0
extends_documentation_fragment:
  - unixsocket.access._attributes
  - unixsocket.access._attributes.converging
  - unixsocket.access._attributes.actiongroup
  - unixsocket.access._run
  - unixsocket.access._run.socket
options:
  mode:
    description:
      - The permissions of the socket, as a quoted octal number. To connect takes write
        permission.
    type: raw
    default: "0660"
  members:
    description:
      - The users who shall be able to connect. Each becomes a member of the socket's group, if
        it is not yet.
      - With more than one of them, O(group) must be set.
    type: list
    elements: str
    default: []
  restart_clients:
    description:
      - Whether to restart the units of running processes whose groups are not what the group
        list says now.
      - Without it the result names them in a warning.
    type: bool
    default: false
seealso:
  - module: unixsocket.access.socket_acl
  - module: unixsocket.access.socket_policy
  - module: ansible.builtin.file
"""

EXAMPLES = r"""
---
- name: Let nginx, and nobody else, connect to the application
  unixsocket.access.socket_mode:
    path: /run/app/app.sock
    members: [www-data]

- name: Let two users connect as members of one group, and restart what runs without it
  unixsocket.access.socket_mode:
    path: /run/app/app.sock
    owner: app
    group: app-clients
    mode: "0660"
    members: [www-data, monitoring]
    restart_clients: true

- name: Give the socket back the access it had
  unixsocket.access.socket_mode:
    path: /run/app/app.sock
    state: absent
"""

RETURN = r"""
changes:
  description: Every change as a sentence. In check mode, every change that would be made.
  returned: success
  type: list
  elements: str
  sample: ["/run/app/app.sock: group changes from app to nginx."]
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
  description: What was decided and proven for the socket.
  returned: success, with O(state=present)
  type: dict
  contains:
    path:
      description: The path of the socket.
      returned: always
      type: str
      sample: /run/app/app.sock
    exists:
      description: Whether the socket exists. If it does not, there was nothing to give access
        to yet.
      returned: always
      type: bool
      sample: true
    grants:
      description: Every principal that may connect.
      returned: always
      type: list
      elements: dict
      sample:
        - principal: user nginx
          method: group
          reason: The declaration names this method.
          rejected: []
          endpoint: /run/app/app.sock
          proof:
            expected: connected
            result: connected
            held: true
            message: nginx connected to /run/app/app.sock (stream).
      contains:
        principal:
          description: The principal, such as V(user nginx).
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
          description: The methods that were not chosen, each with C(method) and C(reason).
          type: list
          elements: dict
          returned: always
        endpoint:
          description: The path where it connects.
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
      description: Every principal that must be refused, with C(principal) and C(proof) as
        above.
      returned: always
      type: list
      elements: dict
      sample: []
    others:
      description: The proof for somebody who is not declared at all.
      returned: always
      type: dict
      sample:
        proof:
          expected: refused
          result: EACCES
          held: true
          message: >-
            uid 2147000000 could not connect to /run/app/app.sock: the permissions of the
            socket or of a directory on the way do not allow it (EACCES).
    kept_by:
      description: What puts the access into effect again when the socket is made anew, in
        sentences.
      returned: always
      type: list
      elements: str
      sample:
        - socket-access-socket_mode-app.sock-1f0c2a9b.path applies the policy again when the
          socket is made anew or changed.
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


def main() -> t.NoReturn:
    module = AnsibleModule(
        argument_spec={
            **_door.socket_options(),
            "mode": {**_door.MODE, "default": "0660"},
            "members": {"type": "list", "elements": "str", "default": []},
            "restart_clients": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    params = module.params
    declared = _door.one_socket(
        module,
        {
            "allow": [
                {"user": member, "method": "group", "restart_clients": params["restart_clients"]}
                for member in params["members"]
            ],
        },
        {
            f"allow[{index}]{key}": option
            for index in range(len(params["members"]))
            for key, option in (
                (".restart_clients", "restart_clients"),
                (".user", f"members[{index}]"),
                ("", f"members[{index}]"),
            )
        },
    )
    holder = f"socket_mode {declared.path}"
    _door.run_one(module, _door.Task(declared, holder, exclusive=False))


if __name__ == "__main__":
    main()
