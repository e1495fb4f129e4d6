#!/usr/bin/python

# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: socket_bind_mount
short_description: Let clients connect to a Unix socket at a second path, by a bind mount
author: unixsocket.access contributors (@unixsocket)
description:
  - Makes the inode of the socket O(source) appear at a second path, so that clients reach it
    although the directories above it are, and stay, closed. A file is the place of the mount,
    in a directory that its clients may search and only root may write to.
  - Nothing stands in between, so the daemon sees the client itself, and file descriptors
    arrive. It is for the sockets that no proxy can give on, such as PipeWire in
    C(/run/user/UID).
  - The permissions of the inode hold at the second path as well. So each client in O(users) and
    O(groups) gets an entry in the socket's access control list, the owner keeps what the owner
    has, entries that others made are kept, and everyone else gets nothing.
  - Where neither O(users) nor O(groups) names anybody, the permissions of the inode stay as they
    are, and O(directory_group) and O(directory_mode) decide who finds it.
  - A daemon makes its socket anew at every start, and a mount of the old inode is dead then.
    Hooks on the unit that makes it mount after its birth and unmount before its death, and a
    C(.path) unit repairs what is stale or mounted twice.
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
      - The absolute path of the endpoint, where the clients connect, at most 107 bytes. No part
        of it may be a symbolic link.
      - Its directory is made if it is missing, what is above that must exist, and nobody but
        root may be able to write to any of them.
      - What was mounted there before the first run, also the socket itself, is neither taken over
        nor unmounted, but refused, and so is a line of somebody else for this path in
        C(/etc/fstab).
    type: path
    required: true
  type:
    description: The type of the socket. By default it is found out from what listens there.
    type: str
    choices: [stream, seqpacket, dgram]
  users:
    description: The users who may connect at O(path), by name or id.
    type: list
    elements: str
    default: []
  groups:
    description: The groups whose members may connect at O(path), by name or id.
    type: list
    elements: str
    default: []
  mount_as:
    description:
      - Who mounts. With V(root) the very inode that was looked at is mounted, and C(/etc/fstab)
        is left alone.
      - The name of a user lets that user mount by a line in C(/etc/fstab)
        (C(bind,rw,user,noauto,nofail)), so that the hook in the user's own manager does it
        without waiting for root. O(unit_user) must be the same user then, and O(trust_mounter)
        must be true.
      - Releases of util-linux may forbid users to do it. Then use V(root).
    type: str
    default: root
  trust_mounter:
    description:
      - Whether the user in O(mount_as) is trusted with every socket and file of the host.
        C(mount) follows a link that this user puts in the place of the socket with the rights
        of root, so anything can appear at O(path).
      - Every user who may search the directory of the endpoint can mount there by the same
        line, and so keep the daemon from making its socket anew until root has repaired it.
    type: bool
    default: false
  unit:
    description:
      - The unit that makes the socket, a C(.service) or a C(.socket), by its full name. It must
        exist. Its drop-in mounts and unmounts.
      - Where it is not given, it is found from the process that listens. Where nobody listens,
        the socket is watched all the same.
    type: str
  unit_user:
    description:
      - The user in whose own manager O(unit) is. Its drop-in is written to that user's
        configuration with that user's rights.
    type: str
  directory_owner:
    description: The user who owns the directory of the endpoint. It must be V(root) in the end,
      so this is for a directory that was there and belongs to somebody else. By default it
      stays as it is, and is root for a new one.
    type: str
  directory_group:
    description: The group of the directory of the endpoint, by name or id. By default it stays
      as it is, and is that of root for a new one.
    type: str
  directory_mode:
    description:
      - The mode of the directory of the endpoint, as a quoted octal number, without permission
        to write for anybody but root. By default it stays as it is, and is V(0700) for a new
        one.
      - The clients, and the user in O(mount_as), get entries to search it, unless everybody may.
    type: raw
seealso:
  - module: unixsocket.access.socket_proxy
  - module: unixsocket.access.socket_acl
  - module: unixsocket.access.socket_policy
  - module: ansible.posix.mount
"""

EXAMPLES = r"""
---
- name: Let virtual machines play sound by the desktop user's PipeWire
  unixsocket.access.socket_bind_mount:
    source: /run/user/1000/pipewire-0
    path: /srv/qemu-audio/pipewire-0
    unit: pipewire.socket
    unit_user: quantum
    users: [libvirt-qemu]
    client_unit: player.service
    client_environment:
      PIPEWIRE_RUNTIME_DIR: /srv/qemu-audio

- name: Let one user connect to a daemon whose directory stays closed
  unixsocket.access.socket_bind_mount:
    source: /run/app/private/app.sock
    path: /run/app-shop/app.sock
    unit: app.service
    users: [shop]

- name: Leave the permissions of the socket alone, and let a group find it
  unixsocket.access.socket_bind_mount:
    source: /run/user/1000/pipewire-0
    path: /srv/sound/pipewire-0
    unit: pipewire.socket
    unit_user: quantum
    directory_group: audio
    directory_mode: "0750"

- name: Take an endpoint away
  unixsocket.access.socket_bind_mount:
    source: /run/app/private/app.sock
    path: /run/app-shop/app.sock
    state: absent
"""

RETURN = r"""
changes:
  description: Every change as a sentence. In check mode, every change that would be made.
  returned: success
  type: list
  elements: str
  sample: ["/run/app/private/app.sock is mounted on /run/app-shop/app.sock by root."]
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
      sample: /run/app/private/app.sock
    exists:
      description: Whether the socket exists. If it does not, there was nothing to mount
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
          method: bind_mount
          reason: The declaration names this method.
          rejected: []
          endpoint: /run/app-shop/app.sock
          proof:
            expected: connected
            result: connected
            held: true
            message: shop connected to /run/app-shop/app.sock (stream).
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
      description: The proof, C(proof), for somebody who is not declared, at O(source).
      returned: always
      type: dict
      sample:
        proof:
          expected: refused
          result: EACCES
          held: true
          message: >-
            uid 2147000000 could not connect to /run/app/private/app.sock: the permissions of the
            socket or of a directory on the way do not allow it (EACCES).
    endpoints:
      description: The endpoint that was made, with C(path), C(method), C(others) (the proof for
        somebody who is not declared), C(kept_by) and C(notes).
      returned: always
      type: list
      elements: dict
      sample:
        - path: /run/app-shop/app.sock
          method: bind_mount
          others:
            proof:
              expected: refused
              result: EACCES
              held: true
              message: >-
                uid 2147000000 could not connect to /run/app-shop/app.sock: the permissions of the
                socket or of a directory on the way do not allow it (EACCES).
          kept_by: []
          notes: []
    kept_by:
      description: What puts the access to O(source) into effect again when the socket is made anew, in
        sentences.
      returned: always
      type: list
      elements: str
      sample:
        - socket-access-socket_bind_mount-app.sock-1f0c2a9b.path applies the policy again when the
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

# Keys of a grant, and the options that they come from.
_KEYS = {
    "mount_as": "mount_as",
    "trust_mounter": "trust_mounter",
    "directory_owner": "directory_owner",
    "directory_group": "directory_group",
    "directory_mode": "directory_mode",
    "client_unit": "client_unit",
    "client_environment": "client_environment",
}


def main() -> t.NoReturn:
    module = AnsibleModule(
        argument_spec={
            **_door.endpoint_options(["stream", "seqpacket", "dgram"]),
            "mount_as": {"type": "str", "default": "root"},
            "trust_mounter": {"type": "bool", "default": False},
            "unit": {"type": "str"},
            "unit_user": {"type": "str"},
            "directory_owner": {"type": "str"},
            "directory_group": {"type": "str"},
            "directory_mode": _door.MODE,
        },
        supports_check_mode=True,
    )
    params = module.params
    named = _door.clients(module)
    who = named or _of_the_directory(module)
    if not who and params["state"] == "present":
        _door.fail(
            module,
            f"Nobody is named who may connect at {params['path']}; name at least one user or group "
            "in users or groups, or say in directory_group or directory_mode who may search its "
            "directory.",
        )
    own = ("type", "trust_directories", "unit", "unit_user")
    declared = _door.one_endpoint(module, "bind_mount", who, _KEYS, own=own)
    holder = f"socket_bind_mount {params['path']}"
    task = _door.Task(declared, holder, exclusive=False, leave_inode=not named)
    _door.run_one(module, task, ("endpoints",))


def _of_the_directory(module: AnsibleModule) -> list[_door.Client]:
    """Return for whom the directory of the endpoint alone decides, and who can prove that."""
    group, mode = module.params["directory_group"], module.params["directory_mode"]
    if group and group not in ("root", "0") and _door.gives(mode, 0o010):
        return [_door.Client("group", group, "directory_group")]
    # All others, whom only root can stand for.
    return [] if mode is None else [_door.Client("user", "root", "directory_mode")]


if __name__ == "__main__":
    main()
