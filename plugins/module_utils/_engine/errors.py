# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The one family of errors that the engine raises on purpose.

Every message is made of whole sentences which name the thing, the reason and the way out, so that
a door (a module, the command on the host) shows it as it is.
"""

from __future__ import annotations


class AccessError(Exception):
    """Something the engine refuses or cannot do; the message is meant for a person."""


class Overtaken(AccessError):
    """Somebody else changed a thing after this run looked at it, so it was not written.

    Another look decides anew.
    """


class Withheld(AccessError):
    """A user keeps a thing of his own from being read or written, so it is left as it is.

    No run gives up for that, or a user could keep it from closing, or revoking, anything else.
    """


class Refusals(AccessError):
    """Several refusals found before anything was changed, all of them reported at once."""

    def __init__(self, messages: tuple[str, ...]) -> None:
        self.messages = messages
        super().__init__("\n".join(messages))
