# SPDX-License-Identifier: Apache-2.0
"""Where the processor time of a served array and its guest goes, by perf."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

RATE = 199  # samples a second
STOP_SECONDS = 30


def simulation(session: int) -> int:
    """Process of the simulator in a session."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        text = entry.read_text()
        if "(array_bench)" in text and int(text.split(") ")[1].split()[3]) == session:
            return int(entry.parent.name)
    raise RuntimeError("the simulator is not there")


def part(dso: str) -> str:
    """Whose code a library of the simulator's process is."""
    if dso == "array_bench":
        return "RTL model"
    if dso.startswith("[kernel"):
        return "kernel (sockets, files)"
    if "cocotb" in dso or "pygpi" in dso or "libgpi" in dso:
        return "cocotb, VPI"
    return "harness (Python, its C library)"


class CpuProfile:
    """Samples processes while the block lasts. `shares` afterwards: part of all samples by what they were in."""

    def __init__(self, processes: Mapping[str, int], folder: Path) -> None:
        """`processes`: `simulation`, whose time is told apart by library, and others by name."""
        self.shares: dict[str, float] = {}
        self._processes = processes
        self._folder = folder
        self._perf: dict[str, subprocess.Popen[bytes]] = {}

    @staticmethod
    def possible() -> bool:
        return shutil.which("perf") is not None

    def __enter__(self) -> CpuProfile:
        for name, pid in self._processes.items():
            command = ["perf", "record", "-q", "-F", str(RATE), "-p", str(pid), "-o", str(self._data(name))]
            self._perf[name] = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for perf in self._perf.values():
            perf.terminate()
        for perf in self._perf.values():
            perf.wait(STOP_SECONDS)
        if kind is None:
            self._count()

    def _data(self, name: str) -> Path:
        return self._folder / f"perf.{name}.data"

    def _count(self) -> None:
        samples: Counter[str] = Counter()
        for name in self._processes:
            command = ["perf", "report", "-i", str(self._data(name)), "--stdio", "-q", "-F", "sample,dso"]
            text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            for line in text.splitlines():
                if line.strip():
                    count, dso = line.split(None, 1)
                    samples[part(dso.strip()) if name == "simulation" else name] += int(count)
        total = samples.total()
        if not total:
            raise RuntimeError("perf has seen nothing")
        self.shares = {what: count / total for what, count in samples.most_common()}

    def __str__(self) -> str:
        return ", ".join(f"{what} {100 * share:.1f} %" for what, share in self.shares.items())
