# SPDX-License-Identifier: Apache-2.0
"""Backup job: which chunks may be under way, where the backup pointer may stand (seed figure 7, I1 and I2), what its
record in the management information store may say, and which commands a job may refuse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from enum import IntEnum

from portplex.management import BackupState

WINDOW = 64
"""Chunks beyond the backup pointer that the bitmap of a record remembers."""


class JobCommand(IntEnum):
    """What a job of the backup engine is told."""

    START_BACKUP = 0
    START_RESTORE = 1
    START_VERIFY = 2
    PREPARE = 3
    START_PREPARED = 4
    PAUSE = 5
    RESUME = 6
    ABORT = 7


class Refusal(IntEnum):
    """Why a command was not taken (contracts, section 11)."""

    NONE = 0
    VOLUME = 0x11
    CHUNK = 0x12
    LBA = 0x13
    SELF = 0x14
    CONFLICT = 0x15
    STATE = 0x16
    NOTHING_PREPARED = 0x17
    NO_PORT = 0x19


STARTABLE = (BackupState.IDLE, BackupState.DONE, BackupState.FAILED, BackupState.ABORTED, BackupState.PREPARED)
UNDER_WAY = (BackupState.LOGIN, BackupState.TRANSFER, BackupState.LOGOUT, BackupState.PAUSING)
LEGAL = {
    JobCommand.START_BACKUP: STARTABLE,
    JobCommand.START_RESTORE: STARTABLE,
    JobCommand.START_VERIFY: STARTABLE,
    JobCommand.PREPARE: STARTABLE,
    JobCommand.START_PREPARED: STARTABLE,
    JobCommand.PAUSE: (BackupState.QUEUED, BackupState.LOGIN, BackupState.TRANSFER),
    JobCommand.RESUME: (BackupState.PAUSED,),
    JobCommand.ABORT: (
        BackupState.PREPARED,
        BackupState.QUEUED,
        BackupState.LOGIN,
        BackupState.TRANSFER,
        BackupState.PAUSED,
        BackupState.PAUSING,
    ),
}
"""States of a job in which it takes a command."""


@dataclass(frozen=True, slots=True)
class JobOrder:
    """What the console asks of a job; lengths and places in blocks, `ports` a mask (0 = any), `copied` the blocks of
    the image that exist when it is given, `part` first block and the one after the last when it is not all of the
    volume. Block b of the volume goes to block `lba` + b of the device, modulo 2**32."""

    volume: int = 1
    port_id: int = 0x010203
    lun: int = 5
    lba: int = 1000
    chunk: int = 8
    ports: int = 0
    copied: int = 0xFFFFFFFF
    part: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class JobWorld:
    """What decides, with the order, whether a command is taken: states and orders of all jobs by number, capacities of
    the jobs when they were started, jobs that are prepared, sizes of the volumes that are present, the array's own
    N_Port_IDs, and the mask of ports that the usage table lets a backup use."""

    states: Mapping[int, BackupState]
    orders: Mapping[int, JobOrder]
    capacities: Mapping[int, int]
    prepared: Set[int]
    volumes: Mapping[int, int]
    own_ids: Set[int]
    usable: int


def refusal(command: JobCommand, number: int, order: JobOrder, world: JobWorld, *, kind: int = 0) -> Refusal:
    """Whether job `number` takes the command, and why not. START_PREPARED and RESUME do not look at `order`."""
    if number not in world.states or world.states[number] not in LEGAL[command]:
        return Refusal.STATE
    if command in (JobCommand.PAUSE, JobCommand.ABORT):
        return Refusal.NONE
    if command is JobCommand.PREPARE and kind > 2:
        return Refusal.STATE
    if command is JobCommand.START_PREPARED and number not in world.prepared:
        return Refusal.NOTHING_PREPARED
    if command in (JobCommand.START_PREPARED, JobCommand.RESUME):
        order = world.orders[number]
    size = world.volumes.get(order.volume, 0)
    first, end = order.part or (0, size)
    if not size or end > size or first >= end:
        return Refusal.VOLUME
    if command is JobCommand.RESUME and not order.part and size != world.capacities[number]:
        return Refusal.VOLUME
    if not 8 <= order.chunk <= 128 or order.chunk % 8:
        return Refusal.CHUNK
    if (order.lba + first) % (1 << 32) + end - first > 0xFFFFFFFF:
        return Refusal.LBA
    if order.port_id in world.own_ids:
        return Refusal.SELF
    if command is not JobCommand.PREPARE and any(
        other.volume == order.volume and world.states[job] in (*UNDER_WAY, BackupState.QUEUED)
        for job, other in world.orders.items()
        if job != number
    ):
        return Refusal.CONFLICT
    if (order.ports and not order.ports & world.usable) or not world.usable:
        return Refusal.NO_PORT
    return Refusal.NONE


class RuleBroken(AssertionError):
    """Something happened that a backup job must not do; the message says what and where, in blocks."""


@dataclass(frozen=True, slots=True)
class JobRecord:
    """The 16 words of a job in the management information store (contracts, section 10); pointers in blocks."""

    state: int
    volume: int
    backup_pointer: int
    copy_pointer: int
    capacity: int
    port_id: int
    lun: int
    lba: int
    error: int
    kind: int
    chunk: int
    ports: int
    bitmap: int
    sense: int
    first: int = 0

    @classmethod
    def from_words(cls, words: Sequence[int]) -> JobRecord:
        """The record whose word 0 comes first."""
        fields = [*words[:12], words[12] | words[13] << 32, *words[14:16]]
        return cls(*fields)

    def saved(self) -> Iterator[int]:
        """First blocks of the chunks that are good according to pointer and bitmap."""
        yield from range(self.first, self.backup_pointer, self.chunk)
        low = (self.backup_pointer - self.first) // self.chunk
        for number in range(low, low + WINDOW):
            if self.bitmap >> number % WINDOW & 1:
                yield self.first + number * self.chunk


@dataclass(slots=True)
class BackupJob:
    """One job from block `first` to `capacity` in chunks of `chunk` blocks, at most `slots` of them under way at
    once."""

    capacity: int
    chunk: int
    slots: int
    copy_pointer: int = 0
    under_way: dict[int, int] = field(default_factory=dict)  # first block: blocks
    good: dict[int, int] = field(default_factory=dict)
    observed: int = 0
    first: int = 0

    def raise_copy_pointer(self, blocks: int) -> None:
        """The console writes the copy pointer: beyond the capacity counts as the capacity, a lower value is ignored."""
        self.copy_pointer = max(self.copy_pointer, min(blocks, self.capacity))

    def started(self, block: int, blocks: int) -> None:
        """A chunk is asked of the cache. Asking again for one that is under way is a retry."""
        if self.under_way.get(block) == blocks:
            return
        if (block - self.first) % self.chunk or block in self.under_way or block in self.good:
            raise RuleBroken(f"chunk at block {block}: not the beginning of a chunk that is still to be saved")
        if block >= self.low_water_mark + WINDOW * self.chunk:
            raise RuleBroken(f"chunk at block {block} is too far beyond {self.low_water_mark}")
        expected = min(self.chunk, self.capacity - block)
        if blocks != expected:
            raise RuleBroken(f"chunk at block {block} has {blocks} blocks, {expected} expected")
        if block + blocks > self.copy_pointer:
            raise RuleBroken(f"chunk {block}+{blocks} reaches beyond copy pointer {self.copy_pointer}")
        if len(self.under_way) == self.slots:
            raise RuleBroken(f"chunk at block {block} is number {self.slots + 1} under way, {self.slots} allowed")
        self.under_way[block] = blocks

    def sent(self, block: int) -> None:
        """The chunk that begins at `block` is handed to a port."""
        if block in self.good:
            raise RuleBroken(f"chunk at block {block} is sent again although the device has it")
        if block not in self.under_way:
            raise RuleBroken(f"chunk at block {block} is sent, but was not asked of the cache")

    def confirmed(self, block: int) -> None:
        """The device has answered GOOD for the chunk that begins at `block`."""
        if block not in self.under_way:
            raise RuleBroken(f"GOOD for block {block}, which is not under way")
        self.good[block] = self.under_way[block]

    def ended(self, block: int) -> None:
        """The cache has the chunk's segments back: it is good, or was given up."""
        self.under_way.pop(block)

    def drained(self) -> None:
        """The job has ended or is paused: what was given up may be asked for again when it goes on."""
        self.under_way.clear()

    @property
    def low_water_mark(self) -> int:
        """First block not yet confirmed: the most the backup pointer may be."""
        block = self.first
        while block in self.good:
            block += self.good[block]
        return block

    @property
    def bitmap(self) -> int:
        """The chunks that are good beyond the low-water mark, bit = chunk number mod 64."""
        low = self.low_water_mark
        return sum(1 << (block - self.first) // self.chunk % WINDOW for block in self.good if block > low)

    def observe(self, backup_pointer: int, copy_pointer: int) -> None:
        """One reading of both pointers (I1, and I2's half that concerns the pointer)."""
        if backup_pointer < self.observed:
            raise RuleBroken(f"backup pointer went back from {self.observed} to {backup_pointer}")
        self._in_order(backup_pointer, copy_pointer)
        if backup_pointer > self.low_water_mark:
            raise RuleBroken(f"backup pointer {backup_pointer} is beyond what is confirmed, {self.low_water_mark}")
        self.observed = backup_pointer

    def check_record(self, record: JobRecord) -> None:
        """A reading of the record, word 0 first, perhaps while it was being written: it may say less than is true,
        never more."""
        self._in_order(record.backup_pointer, record.copy_pointer)
        if (record.capacity, record.chunk) != (self.capacity, self.chunk):
            raise RuleBroken(f"record of another job: {record}")
        for block in record.saved():
            if block not in self.good:
                raise RuleBroken(f"the record says that block {block} is saved, the device has not confirmed it")

    def _in_order(self, backup_pointer: int, copy_pointer: int) -> None:
        if not backup_pointer <= copy_pointer <= self.capacity:
            raise RuleBroken(f"backup pointer {backup_pointer}, copy pointer {copy_pointer}, capacity {self.capacity}")
