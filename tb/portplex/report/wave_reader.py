# SPDX-License-Identifier: Apache-2.0
"""An FST of a run, from either simulator: which signals it has, and their changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pywellen import WaveformStream

from portplex.report.frame_boxes import Sample
from portplex.report.wave_filter import settled
from portplex.simulate import UsageError


class WaveReader:
    """`widths`: full name of each signal to its bits. `scopes`: full names of the instances."""

    def __init__(self, fst: Path) -> None:
        """UsageError when `fst` is no wave file that can be read."""
        if not fst.is_file():
            raise UsageError(f"wave file {fst}: does not exist")
        self.path = fst
        try:
            self._waves = WaveformStream(str(fst))
        except Exception as error:  # pywellen has no exception of its own
            raise UsageError(f"wave file {fst}: cannot be read ({error})") from None
        self._variables = {v.full_name: v for v in self._waves.all_vars()}
        self.widths: dict[str, int] = {name: int(v.bitwidth or 1) for name, v in self._variables.items()}
        self.scopes = {name.rpartition(".")[0] for name in self.widths}

    def scope(self, module: str, instance: str) -> str | None:
        """Full name of the instance: the top of that module, or the outermost instance of that name."""
        found = [s for s in self.scopes if s == module or s.endswith("." + instance)]
        return min(found, key=len, default=None)

    def reference(self, name: str) -> str:
        """The name as GTKWave has it: with the range when it is a vector."""
        width = self.widths[name]
        return f"{name}[{width - 1}:0]" if width > 1 else name

    def samples(self, names: Sequence[str]) -> Iterator[Sample]:
        """(time, values of `names`) once for each time at which one of them changed; what is unknown reads 0."""
        changes: list[tuple[int, int, int]] = []
        for place, name in enumerate(names):

            def note(time: int, _signal: object, value: object, place: int = place) -> None:
                changes.append((time, place, value if isinstance(value, int) else 0))

            self._waves.stream_changes(note, [self._variables[name]])
        changes.sort(key=lambda change: change[0])  # stable: the last value of a signal at a time stays the last
        return settled(changes, len(names))
