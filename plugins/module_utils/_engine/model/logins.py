# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Directories of logins: /run/user/UID, which comes and goes with the sessions of its user.

user-runtime-dir@UID.service mounts a file system of its own there (pam_systemd(8)), on whatever
somebody else has made in its place, which is then out of reach.
"""

from __future__ import annotations

import re

from .account import ROOT
from .words import Names

_LOGIN = re.compile(r"(/run/user/([0-9]+))(?:/.*)?")


def login_of(path: str) -> tuple[str, int] | None:
    """Return the directory of the login that a path is in, and the user id; None for any other."""
    found = _LOGIN.fullmatch(path)
    return None if found is None else (found[1], int(found[2]))


def not_to_be_made(path: str, missing: str | None, names: Names) -> str | None:
    """Return why a directory must not be made, or given away, for the mount of an endpoint.

    ``missing`` is what does not exist of it.  A user's own directory of a login is never one: it
    belongs to that user.
    """
    login = login_of(path)
    if login is None or (path != login[0] and missing != login[0]):
        return None
    directory, uid = login
    user = names.user_name(uid)
    if uid != ROOT:
        return (
            f"{path} cannot be the directory of an endpoint, for {directory} comes and goes with the "
            f"logins of user {user}, belongs to that user, and is not made or changed by anybody "
            "else; declare an endpoint elsewhere, in a directory of root's below /run or /srv for "
            "example."
        )
    if missing is None:
        return None
    return (
        f"{path} cannot be made, for {directory} comes and goes with the logins of user {user}, "
        "and is missing now; keep it there (loginctl enable-linger root), or declare an endpoint "
        "elsewhere, in a directory of root's below /run or /srv for example."
    )


def to_be_made_first(directory: str, at: str, missing: str, names: Names) -> str:
    """Return what to do about a missing directory, in which the endpoint ``at`` shall be."""
    login = login_of(directory)
    sentence = f"The directory {directory} of the endpoint {at} does not exist"
    if login is None or missing != login[0]:
        return f"{sentence}; make it first, with the permissions that its clients need."
    user = names.user_name(login[1])
    return (
        f"{sentence}, for {login[0]} comes and goes with the logins of user {user}; keep it there "
        f"(loginctl enable-linger {user}), or declare an endpoint elsewhere."
    )
