# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes /etc/shop/settings.json for whoever asks: a request on standard input, a reply on standard output.

It runs as the account that owns the file, once for each request, started by a gate (docs/gate.md).  The gate
has asked the kernel who is calling; what may be asked for is decided here.  Whoever asks may be anything that
runs as www-data, so nothing of a request is believed: verbs and keys are fixed, every value has a type and a
range, and no part of a request becomes a path, a command or a format.

Requests:  {"verb": "show"}   {"verb": "set", "key": "maintenance", "value": true}
Replies:   {"ok": true, "settings": {...}}   {"ok": false, "error": "..."}
"""

from __future__ import annotations

import fcntl
import json
import os
import sys

PLACE = "/etc/shop/settings.json"
LONGEST = 2048


def is_number(value: object) -> bool:
    # For JSON true is no number, for Python it is one.
    return isinstance(value, int) and not isinstance(value, bool)


# Every key that may be set, and what its value may be.
KEYS = {
    "maintenance": lambda value: isinstance(value, bool),
    "items_per_page": lambda value: is_number(value) and 1 <= value <= 200,
    "banner": lambda value: isinstance(value, str) and len(value) <= 200 and value.isprintable(),
}


class Refused(Exception):
    """A request that is not carried out; the text is for whoever asked."""


def read_request(data):
    """Return the verb, and the key and the value of a change."""
    if len(data) > LONGEST:
        raise Refused("The request is too long.")
    try:
        request = json.loads(data.decode("utf-8"), object_pairs_hook=no_key_twice)
    except (ValueError, RecursionError):
        raise Refused("The request is not JSON.") from None
    if not isinstance(request, dict):
        raise Refused("The request is not an object.")
    verb = request.pop("verb", None)
    if verb == "show" and not request:
        return "show", None, None
    if verb == "set" and request.keys() == {"key", "value"}:
        key, value = request["key"], request["value"]
        if not isinstance(key, str) or key not in KEYS:
            raise Refused("There is no such key.")
        if not KEYS[key](value):
            raise Refused("The key cannot have this value.")
        return "set", key, value
    raise Refused("There is no such verb, or it takes other keys.")


def no_key_twice(pairs):
    """Two readers of one object must not see two different values."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def read_settings():
    with open(PLACE, encoding="utf-8") as file:
        return json.load(file)


def write_settings(settings):
    """Replace the file: whoever reads it sees the old one or the new one, and never half of one."""
    beside = PLACE + ".new"
    fd = os.open(
        beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644
    )
    with open(fd, "w", encoding="utf-8") as file:
        json.dump(settings, file, indent=2, sort_keys=True)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, PLACE)
    directory = os.open(os.path.dirname(PLACE), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    os.fsync(directory)
    os.close(directory)


def main():
    who = os.environ.get("SOCKET_ACCESS_PEER_USER", "nobody")
    try:
        verb, key, value = read_request(sys.stdin.buffer.read(LONGEST + 1))
        # One change at a time, however many run at once.
        lock = os.open(os.path.dirname(PLACE), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_EX)
        settings = read_settings()
        if verb == "set" and settings.get(key) != value:
            settings[key] = value
            write_settings(settings)
            # Standard error goes to the journal, beside the gate's own record of who asked.
            print(f"{who} set {key} to {json.dumps(value)}.", file=sys.stderr)
        reply = {"ok": True, "settings": settings}
    except Refused as why:
        print(f"{who} was refused: {why}", file=sys.stderr)
        reply = {"ok": False, "error": str(why)}
    # Any other error ends with its trace in the journal and a status of 1, which the gate passes on.
    print(json.dumps(reply))


if __name__ == "__main__":
    main()
