"""Which files a name means: a path, a URL, or a pattern of them."""

from __future__ import annotations

import errno
import functools
import glob
import os
import pathlib
from typing import Any

from fsspec.core import split_protocol, url_to_fs
from fsspec.registry import available_protocols

from doubles_ffi.cluster.sources import Source, compression_of, look_at_local, look_at_stored


def list_files(name: str, options: dict[str, Any]) -> list[Source]:
    """Return the files that a name means; if there are none, a single one with an error."""
    local = _local_path(name)
    try:
        found = _list_local(*local) if local else _list_stored(name, options)
        if not found:
            raise FileNotFoundError(errno.ENOENT, "no file matches", name)  # noqa: TRY301
    except Exception as error:  # noqa: BLE001 (each store raises errors of its own)
        return [Source(name, error=error)]
    return found


def _local_path(name: str) -> tuple[str, str] | None:
    """Return the prefix that makes a local path a URL, and the path; None for a URL of a store."""
    if os.path.lexists(name):
        return "", name
    for prefix in ("file://", "local://"):
        if name.startswith(prefix):
            return prefix, name.removeprefix(prefix)
    first, chain, _ = name.partition("::")
    is_url = split_protocol(first)[0] is not None or (chain and first in _protocols())
    return None if is_url else ("", name)


@functools.cache
def _protocols() -> frozenset[str]:
    return frozenset(available_protocols())


def _list_local(prefix: str, path: str) -> list[Source]:
    """Return the files that a path or a pattern of paths means."""
    if not glob.has_magic(path) or os.path.lexists(path):
        return [_local_source(prefix + path, path)]
    found = sorted(glob.glob(path, recursive=True))
    return [_local_source(prefix + path, path) for path in found if not pathlib.Path(path).is_dir()]


def _local_source(name: str, path: str) -> Source:
    try:
        size, version = look_at_local(path, path)
        # Not normalized, since `link/..` may be another directory.
        path = str(pathlib.Path.cwd() / path)
    except (OSError, ValueError) as error:
        return Source(name, error=error)
    return Source(name, path, None, size, version, compression_of(path))


def _list_stored(url: str, options: dict[str, Any]) -> list[Source]:
    """Return the files in a store that a URL or a pattern of URLs means."""
    system, path = url_to_fs(url, **options)
    # A name may look like a pattern, as `http://host/file?page=1` does.
    if not glob.has_magic(path) or system.exists(path):
        return [_stored_source(url, system, path)]
    sources = []
    for found in sorted(system.glob(path)):
        # The protocol alone does not name a file in a chain such as `zip://*::archive.zip`.
        full = url.replace(path, found) if path in url else system.unstrip_protocol(found)
        sources.append(_stored_source(full, system, found))
    return [source for source in sources if not isinstance(source.error, IsADirectoryError)]


def _stored_source(name: str, system: Any, path: str) -> Source:
    try:
        size, version = look_at_stored(system, path)
    except Exception as error:  # noqa: BLE001 (each store raises errors of its own)
        return Source(name, error=error)
    # The query of a URL follows the name of its file, or contains it.
    compression = compression_of(path) or compression_of(path.partition("?")[0])
    return Source(name, path, system, size, version, compression)
