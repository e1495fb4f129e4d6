# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor of what a module with the options and the answer of socket_policy can cost.

It checks its options, as socket_policy does, and answers with what the bench has put on the host: the
very answer of a run of socket_policy. With ``reload: true`` it has systemd read its units once,
because without that no new hook on a unit comes into effect (systemd.unit(5)). It does nothing else.
With ``state: absent`` it answers with nothing, so that the bench can have it packed before it measures.
"""

from __future__ import annotations

import json

from ansible.module_utils.basic import AnsibleModule

# bench.plays.ANSWER; a module of its own file cannot import it on the host.
ANSWER = "/srv/bench/answer.json"


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "prove": {"type": "bool", "default": True},
            "timeout": {"type": "float", "default": 5.0},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "sockets": {"type": "dict", "required": True},
            "purge": {"type": "bool", "default": False},
            "reload": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    if module.params["state"] == "absent":
        module.exit_json(changed=False)
    if module.params["reload"]:
        module.run_command(["systemctl", "daemon-reload"], check_rc=True)
    with open(ANSWER, encoding="utf-8") as file:
        module.exit_json(**json.load(file))


if __name__ == "__main__":
    main()
