# SPDX-License-Identifier: Apache-2.0
"""The array's clock and the time supervisor (seed figures 9 and 10): when a prepared job is started.

Times are whole seconds since 1970-01-01 00:00 UTC, 0 to `LAST_SECOND`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

SCHEDULES = 4
JOBS = 8
LAST_SECOND = 0xFFFFFFFF
ASKED = 0x100  # last answer: the engine has been asked and has not answered
TABLE_650, TABLE_660 = 0x090, 0x0A0  # words of the store, four an entry


class Field(IntEnum):
    """What is written of an entry."""

    CONTROL = 0  # bit 0 enabled, bits 3:1 operation, bits 10:8 job
    DUE = 1
    PERIOD = 2


def control(job: int, *, enabled: bool = True, operation: int = 0) -> int:
    """A control word."""
    return job << 8 | operation << 1 | int(enabled)


def next_due(due: int, period: int, now: int) -> int | None:
    """First time after `now` of a row that begins at `due`; None: there is no other, or none the clock reaches."""
    if period == 0:
        return None
    following = due + period * ((now - due) // period + 1)
    return following if following <= LAST_SECOND else None


@dataclass(slots=True)
class ArrayClock:
    """Seconds counted from ticks; the last second stays."""

    seconds: int = 0
    ticks: int = 0

    def tick(self, ticks_per_second: int) -> None:
        """One tick; `ticks_per_second` may have changed since the last one, 0 counts as 1."""
        self.ticks += 1
        if self.ticks >= ticks_per_second:
            self.ticks = 0
            self.seconds = min(self.seconds + 1, LAST_SECOND)

    def set(self, seconds: int) -> None:
        """The console sets the clock; the second begins anew."""
        self.seconds, self.ticks = seconds, 0


@dataclass(slots=True)
class Entry:
    """One schedule."""

    enabled: bool = False
    job: int = 0
    period: int = 0
    due: int = 0
    last: int = 0
    answer: int = 0


class TimeSupervisor:
    """Entries, what may fire now, and the one start whose answer is awaited."""

    def __init__(self, schedules: int = SCHEDULES) -> None:
        self.entries = [Entry() for _ in range(schedules)]
        self.pending: int | None = None

    def write(self, entry: int, field: int, value: int, now: int) -> bool:
        """Set a field of an entry; False, and nothing changed, where that is refused."""
        if entry >= len(self.entries):
            return False
        this = self.entries[entry]
        if field == Field.CONTROL:
            if value & ~control(JOBS - 1) or (value & 1 and this.due <= now):
                return False
            this.enabled, this.job = bool(value & 1), value >> 8
        elif field == Field.DUE:
            if this.enabled and value <= now:
                return False
            this.due = value
        elif field == Field.PERIOD:
            this.period = value
        else:
            return False
        return True

    def due(self, now: int) -> list[int]:
        """Entries that fire at `now`; one at a time, and none while an answer is awaited."""
        if self.pending is not None:
            return []
        return [number for number, entry in enumerate(self.entries) if entry.enabled and entry.due <= now]

    def fire(self, number: int, now: int) -> int:
        """An entry that is due goes to its next time and asks; the job it starts."""
        if number not in self.due(now):
            raise ValueError(f"entry {number} is not due at {now}: {self.entries[number]}, pending {self.pending}")
        entry = self.entries[number]
        following = next_due(entry.due, entry.period, now)
        if following is None:
            entry.enabled = False
        else:
            entry.due = following
        entry.last, entry.answer, self.pending = now, ASKED, number
        return entry.job

    def answer(self, refused: int) -> None:
        """The engine answers what was asked: 0 taken, else the reason."""
        if self.pending is None:
            raise ValueError("an answer, and nothing was asked")
        self.entries[self.pending].answer = refused
        self.pending = None

    def words(self) -> dict[int, int]:
        """Tables 650 and 660, word by word."""
        found = {}
        for number, entry in enumerate(self.entries):
            found[TABLE_650 + 4 * number] = control(entry.job, enabled=entry.enabled)
            found[TABLE_650 + 4 * number + 1] = entry.period
            found[TABLE_660 + 4 * number] = entry.due
            found[TABLE_660 + 4 * number + 1] = entry.last
            found[TABLE_660 + 4 * number + 2] = entry.answer
        return found

    def restore(self, words: dict[int, int]) -> None:
        """After a reset the entries come from the store; a control word that could not have been written is off. An
        answer that was awaited will not come."""
        self.pending = None
        for number, entry in enumerate(self.entries):
            word = words[TABLE_650 + 4 * number]
            entry.enabled = bool(word & 1) and not word & ~control(JOBS - 1)
            entry.job = word >> 8 & JOBS - 1
            entry.period = words[TABLE_650 + 4 * number + 1]
            entry.due = words[TABLE_660 + 4 * number]
            entry.last = words[TABLE_660 + 4 * number + 1]
            entry.answer = words[TABLE_660 + 4 * number + 2] & 0x1FF
