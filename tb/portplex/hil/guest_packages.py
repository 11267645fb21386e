# SPDX-License-Identifier: Apache-2.0
"""Debian packages for the guest: downloaded with the system's own apt-get, unpacked with dpkg, nothing installed, no
root needed."""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path

from portplex.simulate import UsageError

_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_NEEDED, _DT_STRTAB = 1, 5


class Packages:
    """Packages in `folder`, unpacked under `root`. What `folder` holds already is used as it is."""

    def __init__(self, folder: Path, root: Path) -> None:
        for tool in ("apt-get", "dpkg"):
            if shutil.which(tool) is None:
                raise UsageError(
                    f"{tool} is not here: the guest is made of Debian packages; build it on Debian or Ubuntu"
                )
        architecture = _output("dpkg", "--print-architecture").strip()
        if architecture != "amd64":
            raise UsageError(f"dpkg's architecture is {architecture!r}: the guest's packages are for amd64")
        self.folder = folder
        self.root = root
        self.versions: dict[str, str] = {}
        folder.mkdir(parents=True, exist_ok=True)
        root.mkdir(parents=True, exist_ok=True)

    def add(self, names: Iterable[str]) -> None:
        """Unpack packages; those that `folder` lacks are downloaded first. UsageError when that is not possible."""
        new = sorted(set(names) - set(self.versions))
        self._download([name for name in new if self._file(name) is None])
        for name in new:
            package = self._file(name)
            if package is None:
                raise UsageError(f"package {name}: apt-get has downloaded it under another name")
            _output("dpkg", "-x", str(package), str(self.root))
            self.versions[name] = self._field(package, "Version")

    def depends(self, name: str) -> list[str]:
        """Names in the Depends and Pre-Depends of a package that was added; of alternatives the first."""
        package = self._file(name)
        assert package is not None, name
        fields = ",".join(self._field(package, field) for field in ("Pre-Depends", "Depends"))
        return [
            match.group() for item in fields.split(",") if (match := re.match(r"[a-z0-9][a-z0-9.+-]+", item.strip()))
        ]

    def add_libraries(self, programs: Iterable[Path], more: Iterable[str] = ()) -> list[Path]:
        """Every shared library that `programs` (paths under `root`) and the names in `more` need, in order of name.
        Packages named lib… are added, from dependency to dependency, until all are found."""
        searched: set[str] = set()
        while True:
            found, missing = self._libraries(programs, more)
            if not missing:
                return sorted(found)
            wanted = {d for name in self.versions if name not in searched for d in self.depends(name)}
            searched |= set(self.versions)
            wanted = {name for name in wanted if re.match(r"lib|zlib", name)} - set(self.versions)
            if not wanted:
                raise UsageError(f"no package holds the libraries {', '.join(sorted(missing))}")
            self.add(wanted)

    def _libraries(self, programs: Iterable[Path], more: Iterable[str]) -> tuple[set[Path], set[str]]:
        found: set[Path] = set()
        missing: set[str] = set()
        queue = [name for program in programs for name in needed(program)] + list(more)
        seen: set[str] = set()
        # Anywhere: a package may keep its libraries in a folder of its own.
        files = {path.name: path for path in sorted(self.root.rglob("*.so*"))}
        while queue:
            name = queue.pop()
            if name in seen:
                continue
            seen.add(name)
            path = files.get(name)
            if path is None:
                missing.add(name)
            else:
                found.add(path)
                queue += needed(path)
        return found, missing

    def _file(self, name: str) -> Path | None:
        return next(iter(sorted(self.folder.glob(f"{name}_*.deb"))), None)

    def _field(self, package: Path, field: str) -> str:
        return _output("dpkg-deb", "-f", str(package), field).strip()

    def _download(self, names: list[str]) -> None:
        if not names:
            return
        done = self._apt("download", *names)
        if done.returncode and os.geteuid() == 0:
            self._apt("update")  # a fresh machine has no package lists
            done = self._apt("download", *names)
        if done.returncode:
            reason = next((line for line in done.stderr.splitlines() if line.startswith("E:")), done.stderr.strip())
            raise UsageError(
                f"apt-get download {' '.join(names)} failed ({reason}); it needs Debian's package lists"
                " (apt-get update) and a network"
            )

    def _apt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", *arguments]
        return subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}
        )


def needed(path: Path) -> list[str]:
    """DT_NEEDED of an ELF file (64 bits, little-endian): the shared libraries it asks the loader for. [] for others."""
    data = path.read_bytes()
    if data[:6] != b"\x7fELF\x02\x01":
        return []
    at, size, count = (struct.unpack_from(kind, data, where)[0] for kind, where in (("<Q", 32), ("<H", 54), ("<H", 56)))
    headers = [struct.unpack_from("<IIQQQQ", data, at + size * n) for n in range(count)]
    loads = [(address, offset, length) for kind, _, offset, address, _, length in headers if kind == _PT_LOAD]
    entries: list[tuple[int, int]] = []
    for kind, _, offset, _, _, length in headers:
        if kind == _PT_DYNAMIC:
            entries += struct.iter_unpack("<QQ", data[offset : offset + length])
    table = next((value for tag, value in entries if tag == _DT_STRTAB), 0)
    strings = next(
        (table - address + offset for address, offset, length in loads if address <= table < address + length), 0
    )
    starts = [strings + value for tag, value in entries if tag == _DT_NEEDED]
    return [data[start : data.index(0, start)].decode() for start in starts]


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise UsageError(f"{' '.join(command)} failed: {done.stderr.strip()}")
    return done.stdout
