# SPDX-License-Identifier: Apache-2.0
"""Backup job: which chunks may be under way, where the backup pointer may stand (seed figure 7, I1 and I2)."""

from __future__ import annotations

from dataclasses import dataclass, field


class RuleBroken(AssertionError):
    """Something happened that a backup job must not do; the message says what and where, in blocks."""


@dataclass(slots=True)
class BackupJob:
    """One job over `capacity` blocks in chunks of `chunk` blocks, at most `slots` of them under way at once."""

    capacity: int
    chunk: int
    slots: int
    copy_pointer: int = 0
    under_way: dict[int, int] = field(default_factory=dict)  # first block: blocks
    good: dict[int, int] = field(default_factory=dict)
    observed: int = 0

    def raise_copy_pointer(self, blocks: int) -> None:
        """The console writes the copy pointer: beyond the capacity counts as the capacity, a lower value is ignored."""
        self.copy_pointer = max(self.copy_pointer, min(blocks, self.capacity))

    def started(self, block: int, blocks: int) -> None:
        """A chunk is asked of the cache. Asking again for one that is under way is a retry."""
        if self.under_way.get(block) == blocks:
            return
        if block % self.chunk or block in self.under_way or block in self.good:
            raise RuleBroken(f"chunk at block {block}: not the beginning of a chunk that is still to be saved")
        if block >= self.low_water_mark + self.slots * self.chunk:
            raise RuleBroken(f"chunk at block {block} is too far beyond {self.low_water_mark}")
        expected = min(self.chunk, self.capacity - block)
        if blocks != expected:
            raise RuleBroken(f"chunk at block {block} has {blocks} blocks, {expected} expected")
        if block + blocks > self.copy_pointer:
            raise RuleBroken(f"chunk {block}+{blocks} reaches beyond copy pointer {self.copy_pointer}")
        if len(self.under_way) == self.slots:
            raise RuleBroken(f"chunk at block {block} is number {self.slots + 1} under way, {self.slots} allowed")
        self.under_way[block] = blocks

    def confirmed(self, block: int) -> None:
        """The device has answered GOOD for the chunk that begins at `block`."""
        if block not in self.under_way:
            raise RuleBroken(f"GOOD for block {block}, which is not under way")
        self.good[block] = self.under_way[block]

    def ended(self, block: int) -> None:
        """The cache has the chunk's segments back."""
        if block in self.good:
            self.under_way.pop(block)

    @property
    def low_water_mark(self) -> int:
        """First block not yet confirmed: the most the backup pointer may be."""
        block = 0
        while block in self.good:
            block += self.good[block]
        return block

    def observe(self, backup_pointer: int, copy_pointer: int) -> None:
        """One reading of both pointers (I1, and I2's half that concerns the pointer)."""
        if backup_pointer < self.observed:
            raise RuleBroken(f"backup pointer went back from {self.observed} to {backup_pointer}")
        if not backup_pointer <= copy_pointer <= self.capacity:
            raise RuleBroken(f"backup pointer {backup_pointer}, copy pointer {copy_pointer}, capacity {self.capacity}")
        if backup_pointer > self.low_water_mark:
            raise RuleBroken(f"backup pointer {backup_pointer} is beyond what is confirmed, {self.low_water_mark}")
        self.observed = backup_pointer
