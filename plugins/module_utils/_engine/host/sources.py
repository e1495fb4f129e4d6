# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The sources of the running engine, wherever they came from: a module's zip, a checkout, a host."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from .. import shortcut
from ..errors import AccessError

_OWN = __name__.rpartition(".")[0].rpartition(".")[0]


def sources() -> dict[str, bytes]:
    """Return all files of the engine's own package, from where it came into this process."""
    archive = _archive()
    return _from_loaders(_OWN) if archive is None else _from_zip(_OWN, archive)


def key() -> str:
    """Return the key of the running engine's sources."""
    archive = _archive()
    if archive is None:
        return key_of(_from_loaders(_OWN))
    import zipfile

    with zipfile.ZipFile(archive) as opened:
        return shortcut.key_inside(opened, _OWN)


def key_of(files: Mapping[str, bytes]) -> str:
    """Return the key of the sources, by their name in the package."""
    import zlib

    return shortcut.key(
        shortcut.row(name, zlib.crc32(content), len(content)) for name, content in files.items()
    )


def _archive() -> str | None:
    """Return the zip file that the package came in, also where the compiled copy of it runs."""
    return getattr(sys.modules[_OWN].__loader__, "archive", None)


def _from_zip(package: str, archive: str) -> dict[str, bytes]:
    import zipfile

    inside = shortcut.inside(package)
    with zipfile.ZipFile(archive) as opened:
        return {
            name[len(inside) :]: opened.read(name)
            for name in opened.namelist()
            if name.startswith(inside) and name.endswith(".py")
        }


def _from_loaders(package: str) -> dict[str, bytes]:
    import importlib.util
    import pkgutil

    names = {package: True}
    for found in pkgutil.walk_packages(sys.modules[package].__path__, f"{package}."):
        names[found.name] = found.ispkg
    files = {}
    for name, is_package in names.items():
        spec = importlib.util.find_spec(name)
        source: str | bytes | None = None
        if spec is not None and spec.loader is not None and hasattr(spec.loader, "get_source"):
            source = spec.loader.get_source(name)
        if source is None:
            raise AccessError(
                f"The source of {name} cannot be found, so the engine cannot be installed on this "
                "host; install the collection with its sources."
            )
        inside = name[len(package) + 1 :].replace(".", "/")
        path = f"{inside}/__init__.py".lstrip("/") if is_package else f"{inside}.py"
        # A loader of Ansible's own, on a controller, returns bytes.
        files[path] = source if isinstance(source, bytes) else source.encode()
    return files
