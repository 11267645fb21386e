# SPDX-License-Identifier: Apache-2.0
"""Arithmetic of the priority table 670 (seed figure 11): the share of the wire each kind of work gets."""

from __future__ import annotations

from dataclasses import dataclass

FRAME_OVERHEAD_WORDS = 15  # SOF, 6 header words, CRC, EOF, 6 fill words
WORD_BYTES = 4


@dataclass(frozen=True, slots=True)
class PriorityTable:
    """`quantum` in bytes, `online_time` in clocks (words of wire time)."""

    backup_first: bool
    quantum: int
    online_time: int

    def quantum_words(self, payload_bytes: int = 2048) -> float:
        """Wire time of a quantum, in words, when backup frames carry `payload_bytes` each (multiple of 4)."""
        frame = payload_bytes // WORD_BYTES + FRAME_OVERHEAD_WORDS
        return self.quantum / payload_bytes * frame

    def backup_share(self, payload_bytes: int = 2048) -> float:
        """Share of wire time that backup gets, 0 to 1, in both modes: a period is one quantum and one online time. In
        mode backup first this holds while an online request always waits; otherwise backup gets what online leaves."""
        words = self.quantum_words(payload_bytes)
        return words / (words + self.online_time) if words else 0.0


FRAME_BYTES = 2048
LEAST_FRAMES = 4  # of the kind that gets less, in a period


def precedence_table(percent: int, *, backup_first: bool) -> PriorityTable:
    """The table in which backup has `percent` (1 to 99) of the wire time, in full frames. The kind that gets less has
    four frames a period: shorter turns could not be kept, longer ones let the other wait. ValueError for another."""
    if not 1 <= percent <= 99:
        raise ValueError(f"percent={percent}: the backup's share of the line must be 1 to 99")
    rest = 100 - percent
    frames = max(LEAST_FRAMES, -(-LEAST_FRAMES * percent // rest))
    words = frames * (FRAME_BYTES // WORD_BYTES + FRAME_OVERHEAD_WORDS)
    return PriorityTable(backup_first, frames * FRAME_BYTES, round(words * rest / percent))
