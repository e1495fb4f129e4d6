# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Somebody does something before each single system call of a run, one after the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

# What changes a host; write(2) and fsync(2) are where a disk turns out to be full or broken.
CHANGES = (
    *("chmod", "chown", "setxattr", "rename", "unlink", "rmdir", "mkdir", "write"),
    *("fsync", "fchmod", "fchown"),
)
LOOKS = ("open", "stat", "lstat", "fstat", "getxattr", "readlink", "listdir", "scandir")


@contextmanager
def before_each(act: Callable[[int, str], None], names: tuple[str, ...]) -> Iterator[None]:
    """Call ``act`` with the number and the name of each of these calls, right before it is made.

    What ``act`` calls itself is neither counted nor followed.
    """
    number, acting = 0, False

    def followed(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal number, acting
            if not acting:
                acting = True
                try:
                    act(number, name)
                finally:
                    acting, number = False, number + 1
            return real(*arguments, **options)

        return call

    with ExitStack() as stack:
        for name in names:
            stack.enter_context(mock.patch.object(os, name, followed(name, getattr(os, name))))
        yield
