# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A page through which the shop's settings are seen and changed.

It runs as www-data, which may not write to them.  Who may use the page is for the web server to ask.
"""

from __future__ import annotations

import json
import socket

GATE = "/run/config-update.sock"


def ask(request):
    """Send one request to the gate and return the reply."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as gate:
        gate.settimeout(15)
        gate.connect(GATE)
        gate.send(json.dumps(request).encode())
        reply = gate.recv(65536).decode()
    if reply.startswith("socket-access: error: "):
        return {"ok": False, "error": reply.strip()}
    return json.loads(reply)


def application(environ, start_response):
    try:
        if environ["REQUEST_METHOD"] == "POST":
            size = min(int(environ.get("CONTENT_LENGTH") or 0), 4096)
            change = json.loads(environ["wsgi.input"].read(size))
            reply = ask({"verb": "set", "key": change["key"], "value": change["value"]})
        else:
            reply = ask({"verb": "show"})
    except (OSError, ValueError, KeyError, TypeError):
        reply = {"ok": False, "error": "The settings cannot be reached."}
    status = "200 OK" if reply["ok"] else "400 Bad Request"
    start_response(status, [("Content-Type", "application/json")])
    return [json.dumps(reply).encode() + b"\n"]
