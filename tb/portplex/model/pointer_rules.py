# SPDX-License-Identifier: Apache-2.0
"""Invariants I1 and I2: where the pointers of a backup may stand (figure 7 of the source document)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class PointerRules:
    """Check each observation of a backup job's pointers, in blocks.

    `capacity` is the size of the volume; `confirmed(blocks)` says whether the backup device has answered GOOD for every
    block below that number (for a restore: whether every block below it was read back). `history` keeps (time in words,
    backup pointer, copy pointer) whenever one of them moved.
    """

    capacity: int
    confirmed: Callable[[int], bool]
    history: list[tuple[int, int, int]] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=lambda: Counter(compared=0, failed=0))

    def observe(self, time: int, backup_pointer: int, copy_pointer: int) -> None:
        """One reading of both pointers, the backup pointer read first."""
        self.counts["compared"] += 1
        if backup_pointer > copy_pointer:
            self._violate(f"I1 at word {time}: backup_pointer {backup_pointer} is beyond copy_pointer {copy_pointer}")
        if copy_pointer > self.capacity:
            self._violate(f"I1 at word {time}: copy_pointer {copy_pointer} is beyond the capacity {self.capacity}")
        if self.history:
            _, last_backup, last_copy = self.history[-1]
            if backup_pointer < last_backup:
                self._violate(f"I1 at word {time}: backup_pointer went back from {last_backup} to {backup_pointer}")
            if copy_pointer < last_copy:
                self._violate(f"I1 at word {time}: copy_pointer went back from {last_copy} to {copy_pointer}")
            if (backup_pointer, copy_pointer) == (last_backup, last_copy):
                return
        if not self.confirmed(backup_pointer):
            self._violate(
                f"I2 at word {time}: backup_pointer is {backup_pointer}, but not every block below it was answered GOOD"
            )
        self.history.append((time, backup_pointer, copy_pointer))

    def _violate(self, text: str) -> None:
        self.counts["failed"] += 1
        self.violations.append(text)
