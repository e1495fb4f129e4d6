#!/usr/bin/python

# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: socket_info
short_description: Tell which Unix sockets a host has, who can reach them, and what is wrong
author: unixsocket.access contributors (@unixsocket)
description:
  - Lists all Unix sockets of the host's network namespace that take connections or datagrams, by
    path and by abstract name, as the kernel itself knows them.
  - For each it tells owner, permissions and closed directories on the way, the unit and the
    processes that serve it, who is connected right now, which users and groups can connect, and
    which declaration manages it.
  - RV(findings) names what is wrong, each with a severity and a remedy.
  - It changes nothing and connects to nothing. A socket that comes or goes meanwhile is no error.
version_added: 1.0.0
extends_documentation_fragment:
  - unixsocket.access._attributes
attributes:
  check_mode:
    support: full
    details:
      - It does the same in check mode.
  diff_mode:
    support: N/A
    details:
      - It changes nothing.
  idempotent:
    support: full
  safe_file_operations:
    support: full
options:
  paths:
    description:
      - The sockets to tell of, each an absolute path or, with C(@) before it, an abstract name.
      - By default all of them, and socket files below C(/run) and at declared paths at which
        nobody listens.
    type: list
    elements: str
notes:
  - Run it as root (C(become)). What cannot be seen with fewer rights is named in RV(unseen).
  - Who can connect is judged from owners, permissions and access control lists. Security modules
    such as SELinux and AppArmor may refuse more.
  - Sockets of containers with a network namespace of their own are not listed.
seealso:
  - module: unixsocket.access.socket_probe
  - module: unixsocket.access.socket_policy
"""

EXAMPLES = r"""
---
- name: Look at all sockets of a host
  unixsocket.access.socket_info:
  register: seen

- name: Refuse a host on which something is badly wrong
  ansible.builtin.assert:
    that: bad | length == 0
    fail_msg: "{{ bad | map(attribute='message') | join(' ') }}"
  vars:
    bad: "{{ seen.findings | selectattr('severity', 'eq', 'high') }}"

- name: Look at one socket, and at an abstract name
  unixsocket.access.socket_info:
    paths:
      - /run/redis/redis-server.sock
      - '@/org/kernel/linux/storage/multipathd'
  register: redis

- name: Show who is connected to it right now
  ansible.builtin.debug:
    msg: "{{ redis.sockets[0].connected | map(attribute='user') | unique }}"
"""

RETURN = r"""
format:
  description: The number of this format. It goes up with a change that a reader could stumble
    over; keys that are added do not change it.
  returned: success
  type: int
  sample: 1
sockets:
  description: The sockets, by path, those with an abstract name last.
  returned: success
  type: list
  elements: dict
  contains:
    socket:
      description: How the socket is called here and in RV(findings). It is its path as it is
        now, an abstract name after C(@), or what it was bound as where no path leads to it. A byte
        that is no UTF-8 is shown as C(\\xff), and a control character in the same way.
      type: str
      returned: always
    path:
      description: The path that leads to the socket now, with all links resolved. Null for an
        abstract name, and where no path leads to it.
      type: str
      returned: always
    bound:
      description: The name that it was bound with, which is wrong after a rename. Null where
        nobody listens.
      type: str
      returned: always
    note:
      description: A sentence where the path is not simply the one that it was bound with, or
        there is none any more, else null.
      type: str
      returned: always
    abstract:
      description: Whether it has an abstract name, which has no permissions.
      type: bool
      returned: always
    listening:
      description: Whether somebody listens there. Without that it is only a file.
      type: bool
      returned: always
    type:
      description: V(stream), V(seqpacket) or V(dgram). Null where nobody listens.
      type: str
      returned: always
    device:
      description: The device number of its file, null without a path.
      type: int
      returned: always
    inode:
      description: The inode number of its file, null without a path.
      type: int
      returned: always
    owner:
      description: The owner of its file, a number where it has no name. Null without a path.
      type: str
      returned: always
    group:
      description: The group of its file, a number where it has no name. Null without a path.
      type: str
      returned: always
    mode:
      description: The mode of its file, null without a path.
      type: str
      returned: always
      sample: '0660'
    acl:
      description: The entries of its access control list as C(getfacl) shows them, null where
        the mode says it all.
      type: list
      elements: str
      returned: always
    closed_by:
      description: The directories on the way that not everyone may search.
      type: list
      elements: dict
      returned: always
      contains:
        path:
          description: The directory.
          type: str
          returned: always
        owner:
          description: Its owner.
          type: str
          returned: always
        group:
          description: Its group.
          type: str
          returned: always
        mode:
          description: Its mode.
          type: str
          returned: always
        acl:
          description: Its access control list, null where the mode says it all.
          type: list
          elements: str
          returned: always
    mounted_at:
      description: Other paths at which the same socket is mounted.
      type: list
      elements: str
      returned: always
    unit:
      description: The systemd unit that made it, or else the one that its first process is in. Null
        for none.
      type: str
      returned: always
    unit_user:
      description: The user whose own manager runs the unit, null for the system's.
      type: str
      returned: always
    processes:
      description: The processes that hold it, systemd included where it has made it.
      type: list
      elements: dict
      returned: always
      contains: &process
        pid:
          description: The process id.
          type: int
          returned: always
        name:
          description: The name of the process.
          type: str
          returned: always
        exe:
          description: The path of its program, null where it cannot be seen.
          type: str
          returned: always
        user:
          description: Its effective user.
          type: str
          returned: always
        unit:
          description: The systemd unit that it belongs to, null for none.
          type: str
          returned: always
        unit_user:
          description: The user whose own manager runs the unit, null for the system's.
          type: str
          returned: always
    connections:
      description: How many connections are open right now, those that wait to be accepted
        included.
      type: int
      returned: always
    connected:
      description: The processes that are connected right now.
      type: list
      elements: dict
      returned: always
      contains:
        <<: *process
        connections:
          description: How many of its sockets are connected.
          type: int
          returned: always
    reach:
      description: Who can connect, as far as permissions decide. Null where no path leads to it.
      type: dict
      returned: always
      contains:
        everyone:
          description: Whether somebody can who is no user of the host and in none of its groups.
          type: bool
          returned: always
        users:
          description: The users who can connect. Empty where everyone can.
          type: list
          elements: str
          returned: always
        groups:
          description: The groups whose members can connect by being in them. Empty where everyone
            can.
          type: list
          elements: str
          returned: always
        refused_users:
          description: The users who cannot connect although everyone else can.
          type: list
          elements: str
          returned: always
        refused_groups:
          description: The groups whose members cannot connect although everyone else can.
          type: list
          elements: str
          returned: always
        reason:
          description: Why everyone can, or why everyone else cannot, as a sentence.
          type: str
          returned: always
    root:
      description: Whether root runs the daemon behind it. Null where that is not known, as for a
        daemon that systemd has not started yet and that is not open to everyone.
      type: bool
      returned: always
    powerful:
      description: Why whoever can connect is as good as root, null for a socket that is not
        known for that.
      type: dict
      returned: always
      contains: &known
        what:
          description: What makes such a socket.
          type: str
          returned: always
        why:
          description: Why it is in the catalogue.
          type: str
          returned: always
    by_design:
      description: Why it is right that everyone can connect. Null for a socket that is not known
        for that, or not open to everyone.
      type: dict
      returned: always
      contains: *known
    managed_by:
      description: The declared sockets that manage it, or one of its endpoints.
      type: list
      elements: dict
      returned: always
      contains:
        name:
          description: The name in the declaration.
          type: str
          returned: always
        holder:
          description: Who asked for it, as in the record of the host.
          type: str
          returned: always
        state:
          description: V(as declared), V(differs), V(incomplete), V(membership missing), V(hook missing),
              V(missing) or V(unknown).
          type: str
          returned: always
findings:
  description: What is wrong, the worst first.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: What kind of finding it is. C(docs/info.md) lists them.
      type: str
      returned: always
    severity:
      description: V(high), V(medium) or V(low).
      type: str
      returned: always
    socket:
      description: The socket as in RV(sockets), or the path of a mount.
      type: str
      returned: always
    message:
      description: What is wrong, in whole sentences.
      type: str
      returned: always
    remedy:
      description: What to do about it.
      type: str
      returned: always
  sample:
    - id: world-connectable-privileged
      severity: high
      socket: /run/docker.sock
      message: >-
        Everyone on this host can connect to /run/docker.sock of Docker, and whoever can do that is
        as good as root: it starts containers with any rights and any of the host's files in them.
      remedy: >-
        Declare who may connect to /run/docker.sock in socket_policy_sockets, or take the permission
        away from all others: chmod o-rwx /run/docker.sock.
unseen:
  description: Whole sentences about what could not be seen.
  returned: success
  type: list
  elements: str
  sample: []
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.unixsocket.access.plugins.module_utils import _door
from ansible_collections.unixsocket.access.plugins.module_utils._engine.runtime.info import info


def main() -> t.NoReturn:
    module = AnsibleModule(
        argument_spec={"paths": {"type": "list", "elements": "str"}}, supports_check_mode=True
    )
    paths = module.params["paths"]
    for index, path in enumerate(paths or ()):
        if not path.startswith(("/", "@")):
            _door.fail(
                module,
                f"Option paths[{index}]: {path!r} is neither an absolute path nor an abstract name; "
                'begin it with a slash, or with "@".',
            )
    found = _door.answer(module, lambda: info(paths))
    _door.end(module, {"changed": False, **found})


if __name__ == "__main__":
    main()
