#!/usr/bin/python

# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: socket_acl
short_description: Let users and groups connect to a Unix socket by POSIX ACL entries
author: unixsocket.access contributors (@unixsocket)
description:
  - Puts all entries of a Unix socket into effect at once, and can make them the only ones.
  - The ACL is read and written by the module itself, so the package C(acl) is not needed on the
    host. What it leaves equals what C(setfacl -m) leaves, the mask included. One thing differs,
    an entry that refuses somebody never comes with an empty mask, because Linux ignores the
    whole ACL then.
  - A socket with entries is closed to everyone else. All others get nothing unless O(mode) says
    so.
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
  entries:
    description: Who may connect, and who must be refused.
    type: list
    elements: dict
    default: []
    suboptions:
      user:
        description: A user, by name or id. The owner of the socket cannot have an entry, the
          kernel would not ask it.
        type: str
      group:
        description: A group, by name or id.
        type: str
      permissions:
        description:
          - V(rw) lets connect, V(none) refuses.
          - A user with V(none) is refused whatever the user's groups may do. A group with
            V(none) is refused as far as no other group of the same user is let in.
        type: str
        choices: [rw, none]
        default: rw
  exclusive:
    description:
      - Whether named entries that are not in O(entries) go, and the owning group gets nothing
        unless O(mode) or O(group) says so.
      - Otherwise entries that are there are kept, those of earlier runs of this module, too.
    type: bool
    default: false
  mode:
    description:
      - The permissions of owner, owning group and all others, as a quoted octal number. The
        mask follows the entries.
      - By default the owner can connect, the owning group keeps what it has, and all others get
        nothing.
    type: raw
  open_parents:
    description:
      - Directories on the way to the socket that are closed, and in which each one who may
        connect gets an entry to search (V(x)), so neither to list nor to write.
      - Whoever may search a directory can reach every socket in it whose own permissions allow
        it.
    type: list
    elements: path
    default: []
seealso:
  - module: unixsocket.access.socket_mode
  - module: unixsocket.access.socket_policy
  - module: ansible.posix.acl
"""

EXAMPLES = r"""
---
- name: Let one user and one group connect to the database, and nobody else
  unixsocket.access.socket_acl:
    path: /run/redis/redis-server.sock
    exclusive: true
    entries:
      - user: www-data
      - group: monitoring

- name: Let a group in, but not this one member of it
  unixsocket.access.socket_acl:
    path: /run/redis/redis-server.sock
    entries:
      - group: monitoring
      - user: intern
        permissions: none

- name: Let a user through a closed directory to the socket
  unixsocket.access.socket_acl:
    path: /run/app/private/app.sock
    open_parents: [/run/app/private]
    entries:
      - user: www-data

- name: Give the socket back the access it had
  unixsocket.access.socket_acl:
    path: /run/redis/redis-server.sock
    state: absent
"""

RETURN = r"""
changes:
  description: Every change as a sentence. In check mode, every change that would be made.
  returned: success
  type: list
  elements: str
  sample: ["/run/app/app.sock: user:nginx changes from no entry to rw-."]
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
          method: acl
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
        - socket-access-socket_acl-app.sock-1f0c2a9b.path applies the policy again when the
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
            "entries": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "user": {"type": "str"},
                    "group": {"type": "str"},
                    "permissions": {"type": "str", "choices": ["rw", "none"], "default": "rw"},
                },
                "mutually_exclusive": [("user", "group")],
                "required_one_of": [("user", "group")],
            },
            "exclusive": {"type": "bool", "default": False},
            "mode": _door.MODE,
            "open_parents": {"type": "list", "elements": "path", "default": []},
        },
        supports_check_mode=True,
    )
    params = module.params
    declared = _door.one_socket(
        module,
        {
            "allow": [
                {**_principal(entry), "method": "acl", "open_parents": params["open_parents"]}
                for entry in params["entries"]
                if entry["permissions"] == "rw"
            ],
            "refuse": [
                _principal(entry) for entry in params["entries"] if entry["permissions"] == "none"
            ],
        },
        _options(params["entries"]),
    )
    task = _door.Task(
        declared,
        f"socket_acl {declared.path}",
        exclusive=params["exclusive"],
        deny_all_refused=True,
        adds=not params["exclusive"],
    )
    _door.run_one(module, task)


def _options(entries: list[dict[str, str | None]]) -> dict[str, str]:
    """Return the option that each key comes from: entries become items of two lists."""
    called: dict[str, str] = {}
    counted = {"allow": 0, "refuse": 0}
    for index, entry in enumerate(entries):
        key = "allow" if entry["permissions"] == "rw" else "refuse"
        place = f"{key}[{counted[key]}]"
        counted[key] += 1
        called[f"{place}.open_parents"] = "open_parents"
        called.update(dict.fromkeys((f"{place}.user", f"{place}.group"), f"entries[{index}]"))
        called[place] = f"entries[{index}]"
    return called


def _principal(entry: dict[str, str | None]) -> dict[str, str]:
    return {kind: name for kind in ("user", "group") if (name := entry[kind])}


if __name__ == "__main__":
    main()
