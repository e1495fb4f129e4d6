# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Running the host's own tools, without a shell and in a plain environment."""

from __future__ import annotations

import os

from ..errors import AccessError
from ..faults import in_words
from ..model.words import one_line

_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class TooLate(AccessError):
    """A tool did not end in time, and was killed."""


def is_program(path: str) -> bool:
    """Tell whether there is a program at a path."""
    return os.path.isfile(path) and os.access(path, os.X_OK)


def run(arguments: tuple[str, ...], *, seconds: float, purpose: str) -> str:
    """Run a tool and return its standard output.

    ``purpose`` finishes the sentence "It was called to ...".  Raises AccessError when the tool is
    missing or fails, and TooLate when it takes longer than ``seconds``.
    """
    import subprocess

    try:
        # The engine runs without AnsibleModule on the host, too.
        done = subprocess.run(  # pylint: disable=ansible-bad-function
            arguments,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            env={"PATH": _PATH, "LC_ALL": "C"},
            check=False,
        )
    except FileNotFoundError as error:
        raise AccessError(
            f"The tool {arguments[0]} is missing on this host; it was called to {purpose}."
        ) from error
    except OSError as error:
        raise AccessError(
            f"The tool {arguments[0]} cannot be started, which was called to {purpose}: "
            f"{in_words(error)}"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise TooLate(
            f"{' '.join(arguments)} did not end within {seconds:g} seconds; it was called to "
            f"{purpose}."
        ) from error
    if done.returncode != 0:
        # What a user's own manager says is that user's to choose.
        said = one_line(" ".join((done.stderr or done.stdout).split())) or "nothing"
        raise AccessError(
            f"{' '.join(arguments)} failed with exit status {done.returncode} and said: {said}; "
            f"it was called to {purpose}."
        )
    return done.stdout
