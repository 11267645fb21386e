# SPDX-License-Identifier: Apache-2.0
"""Files that are there are whole."""

from __future__ import annotations

from pathlib import Path


def write_whole(path: Path, data: bytes | str) -> None:
    """Write a file under another name and give it its own when complete; on an error nothing of it is left."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(data.encode() if isinstance(data, str) else data)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
