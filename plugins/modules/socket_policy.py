#!/usr/bin/python

# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: socket_policy
short_description: Put a whole declaration of Unix socket access into effect and prove it
author: unixsocket.access contributors (@unixsocket)
description:
  - Converges any number of sockets in one run, by the methods C(group), C(acl), C(bind_mount),
    C(proxy) and C(gate), and proves every grant and every refusal by a real C(connect) as that
    principal.
  - All mistakes that can be found are reported before anything is changed. If a step or a proof
    fails, everything that the run had changed is put back.
  - A declared socket is closed to everyone who is not declared. The class of all others gets
    nothing unless the mode says so, and named ACL entries that are not declared go.
  - A daemon makes its socket anew at every start. Hooks on the unit that makes it and a
    C(.path) unit, which use the module's own code that is installed on the host, put the policy
    into effect again each time. C(kept_by) in RV(sockets) tells which.
version_added: 1.0.0
extends_documentation_fragment:
  - unixsocket.access._attributes
  - unixsocket.access._attributes.converging
  - unixsocket.access._attributes.actiongroup
  - unixsocket.access._run
options:
  sockets:
    description:
      - The declaration, a dictionary of sockets by name. P(unixsocket.access.sockets#lookup)
        merges and checks it.
      - The keys of a socket are C(path), C(type) (V(stream), V(seqpacket) or V(dgram)),
        C(owner), C(group), C(mode) (a quoted octal number), C(allow), C(refuse),
        C(trust_directories), C(unit), C(unit_user), C(born), C(strict), C(deadline) and C(serve).
        Only C(path) is required.
      - Each item of C(allow) has one of C(user) and C(group), and may have C(method) (V(auto),
        V(group), V(acl), V(bind_mount), V(proxy) or V(gate)), C(open_parents), C(restart_clients),
        and for a client that connects at another path C(at) and what belongs to it.
      - With V(auto), the default, the host chooses the least that is enough. Without C(at) that is
        nothing, V(group) or V(acl), with C(at) it is V(bind_mount), V(proxy) or V(gate). What an
        earlier run chose stays while it works; a warning says where it cannot stay.
      - C(expires) in an item of C(allow), a date and time in ISO 8601 with its zone such as
        V(2026-12-31T18:00:00+01:00), or a date (its first moment in UTC), says when the grant ends.
        A timer on the host ends it then, as if it had not been declared any more. What has ended
        already is treated as if it were not declared, with a warning.
      - Each item of C(refuse) is the name of a user, or has one of C(user) and C(group).
      - The page R(on the declaration, ansible_collections.unixsocket.access.docsite.declaration),
        C(docs/declaration.md), has every key with an example.
    type: dict
    required: true
  purge:
    description:
      - Whether sockets that an earlier run was told to manage and that O(sockets) does not name
        any more get back the access they had.
      - Only what was declared to this module is meant, not what other modules of the collection
        manage.
    type: bool
    default: false
  state:
    description:
      - V(present) puts the declaration into effect.
      - V(absent) gives every socket in O(sockets) back the access it had before it was first
        declared. What someone else changed since is left as it is, and named in a warning.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - plugin: unixsocket.access.sockets
    plugin_type: lookup
  - module: unixsocket.access.socket_probe
"""

EXAMPLES = r"""
---
- name: Put what the inventory declares into effect
  unixsocket.access.socket_policy:
    sockets: "{{ lookup('unixsocket.access.sockets') }}"
    purge: true

- name: Let nginx and the group monitoring connect to the application, and nobody else
  unixsocket.access.socket_policy:
    sockets:
      app:
        path: /run/app/app.sock
        owner: app
        group: app
        allow:
          - user: www-data
          - group: monitoring
            method: acl
        refuse: [nobody]

- name: Let a contractor connect until the first of February, which the host ends by itself
  unixsocket.access.socket_policy:
    sockets:
      app:
        path: /run/app/app.sock
        allow:
          - user: contractor
            expires: "2027-02-01"

- name: Undo it
  unixsocket.access.socket_policy:
    sockets:
      app:
        path: /run/app/app.sock
    state: absent
"""

RETURN = r"""
changes:
  description: Every change as a sentence. In check mode, every change that would be made.
  returned: success
  type: list
  elements: str
  sample: ["/run/app/app.sock: user:www-data changes from no entry to rw-."]
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
sockets:
  description:
    - What was declared, decided and proven, by the name of the socket.
    - C(proof) is null in check mode and with O(prove=false). C(ended) has the grants whose time is
      over. C(endpoints) has each path of its own that a method made, with C(path), C(method),
      C(others), C(kept_by) and C(notes).
  returned: success, empty with O(state=absent)
  type: dict
  sample:
    app:
      path: /run/app/app.sock
      exists: true
      grants:
        - principal: user www-data
          method: acl
          reason: An entry for user www-data alone gives nothing to anyone else.
          rejected:
            - method: group
              reason: A socket has one group, and 2 principals are declared.
          endpoint: /run/app/app.sock
          expires: null
          proof: {expected: connected, result: connected, held: true, message: "www-data
            connected to /run/app/app.sock (stream)."}
      ended:
        - principal: user contractor
          endpoint: /run/app/app.sock
          expires: "2026-02-01T00:00:00Z"
      refused:
        - principal: user nobody
          proof:
            expected: refused
            result: EACCES
            held: true
            message: >-
              nobody could not connect to /run/app/app.sock: the permissions of the
              socket or of a directory on the way do not allow it (EACCES).
      others:
        proof:
          expected: refused
          result: EACCES
          held: true
          message: >-
            uid 2147000000 could not connect to /run/app/app.sock: the permissions of the
            socket or of a directory on the way do not allow it (EACCES).
      endpoints: []
      kept_by:
        - socket-access-app.path applies the policy again when the socket is made anew or
          changed.
      notes: []
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.unixsocket.access.plugins.module_utils import _door
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.holders import (
    declared_name,
    holder_of,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import (
    Origins,
    validate,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.record import (
        Record,
    )


def main() -> t.NoReturn:
    module = AnsibleModule(
        argument_spec={
            **_door.run_options(),
            "sockets": {"type": "dict", "required": True},
            "purge": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    result = _door.answer(module, lambda: _converge(module))
    _door.finish(module, result, {"sockets": result.sockets})


def _converge(module: AnsibleModule) -> _door.Result:
    policy = validate(module.params["sockets"], Origins(default="the option sockets"))
    tasks = [_door.Task(declared, holder_of(declared.name)) for declared in policy.sockets]
    dropped = _declared_once if module.params["purge"] else _none
    return _door.converge(tasks, _door.options(module), dropped=dropped)


def _declared_once(record: Record) -> set[str]:
    return {holder for holder in record.holders() if declared_name(holder) is not None}


def _none(record: Record) -> set[str]:
    return set()


if __name__ == "__main__":
    main()
