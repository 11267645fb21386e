# SPDX-License-Identifier: Apache-2.0
"""The judge of backup jobs notices each thing a job must not do, and lets a good one pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from portplex.management import BackupState
from portplex.model.backup import BackupJob, JobCommand, JobOrder, JobRecord, JobWorld, Refusal, RuleBroken, refusal


def job() -> BackupJob:
    """Chunks 0, 1 and 3 of 8 blocks are good, 2 is under way; 80 of 100 blocks are copied."""
    found = BackupJob(100, 8, 4, copy_pointer=80)
    for block in (0, 8, 16, 24):
        found.started(block, 8)
    for block in (0, 8, 24):
        found.sent(block)
        found.confirmed(block)
        found.ended(block)
    found.sent(16)
    found.observe(16, 80)
    return found


def record(backup: int = 16, bitmap: int = 8) -> JobRecord:
    return JobRecord.from_words([2, 1, backup, 80, 100, 0x010203, 5, 0, 0, 0, 8, 0, bitmap, 0, 0, 0])


@pytest.mark.fast
def test_good_job() -> None:
    good = job()
    assert (good.low_water_mark, good.bitmap) == (16, 8)
    good.check_record(record())
    good.check_record(record(8, 8))  # an older pointer
    good.check_record(record(8, 8 | 2))  # with a newer bitmap
    assert list(record(16, 1 << 3 | 1 << 63).saved()) == [0, 8, 24, 63 * 8]
    good.drained()
    good.started(16, 8)
    good.confirmed(16)
    good.ended(16)
    assert (good.low_water_mark, good.bitmap) == (32, 0)


@pytest.mark.fast
def test_job_of_a_part() -> None:
    part = BackupJob(30, 8, 4, copy_pointer=30, first=5)
    for block, blocks in ((5, 8), (13, 8), (21, 8), (29, 1)):
        part.started(block, blocks)
    for block in (5, 29):
        part.confirmed(block)
    assert (part.low_water_mark, part.bitmap) == (13, 1 << 3)
    saved = JobRecord.from_words([2, 1, 13, 30, 30, 0x010203, 5, 0, 0, 0, 8, 0, 1 << 3, 0, 0, 5])
    part.check_record(saved)
    assert list(saved.saved()) == [5, 29]


FAULTS: dict[str, Callable[[BackupJob], None]] = {
    "not the beginning": lambda j: j.started(36, 8),
    "still to be saved": lambda j: j.started(0, 8),
    "8 expected": lambda j: j.started(32, 16),
    "beyond copy pointer": lambda j: j.started(80, 8),
    "number 5 under way": lambda j: [j.started(block, 8) for block in (32, 40, 48, 56)] and None,
    "too far beyond": lambda j: (replace(j, capacity=4000, copy_pointer=4000)).started(16 + 64 * 8, 8),
    "sent again": lambda j: j.sent(24),
    "was not asked": lambda j: j.sent(32),
    "not under way": lambda j: j.confirmed(32),
    "went back": lambda j: j.observe(8, 80),
    "copy pointer 8,": lambda j: j.observe(16, 8),
    "copy pointer 108,": lambda j: j.observe(16, 108),
    "beyond what is confirmed": lambda j: j.observe(24, 80),
    "block 16 is saved": lambda j: j.check_record(record(24, 8)),
    "block 32 is saved": lambda j: j.check_record(record(16, 16)),
    "block 512 is saved": lambda j: j.check_record(record(16, 1)),
    "backup pointer 88,": lambda j: j.check_record(record(88, 0)),
    "another job": lambda j: j.check_record(replace(record(), capacity=104)),
}


@pytest.mark.fast
@pytest.mark.parametrize("text", FAULTS)
def test_each_fault_is_noticed(text: str) -> None:
    with pytest.raises(RuleBroken, match=text):
        FAULTS[text](job())


@pytest.mark.fast
def test_refusals() -> None:
    world = JobWorld(
        states={0: BackupState.TRANSFER, 1: BackupState.PAUSED, 2: BackupState.DONE},
        orders={0: JobOrder(volume=0), 1: JobOrder(volume=1), 2: JobOrder(volume=1)},
        capacities={0: 64, 1: 128, 2: 128},
        prepared={2},
        volumes={0: 64, 1: 128},
        own_ids={0x010E00},
        usable=1,
    )

    def ask(command: JobCommand, number: int, order: JobOrder | None = None, **changes: object) -> Refusal:
        order = JobOrder() if order is None else order
        return refusal(command, number, order, replace(world, **changes))  # type: ignore[arg-type]

    start = JobCommand.START_BACKUP
    assert ask(start, 2) is Refusal.NONE
    assert ask(start, 0) is Refusal.STATE and ask(start, 1) is Refusal.STATE and ask(start, 9) is Refusal.STATE
    assert ask(start, 2, JobOrder(volume=5)) is Refusal.VOLUME
    for part, reason in {(0, 129): Refusal.VOLUME, (7, 7): Refusal.VOLUME, (100, 128): Refusal.NONE}.items():
        assert ask(start, 2, JobOrder(part=part)) is reason
    assert ask(start, 2, JobOrder(part=(2, 5), lba=0xFFFFFFFE)) is Refusal.NONE  # blocks 0 to 2 of the device
    assert ask(start, 2, JobOrder(part=(1, 5), lba=0xFFFFFFFB)) is Refusal.LBA
    assert ask(start, 2, JobOrder(chunk=4)) is Refusal.CHUNK
    assert ask(start, 2, JobOrder(lba=0xFFFFFFFF)) is Refusal.LBA
    assert ask(start, 2, JobOrder(port_id=0x010E00)) is Refusal.SELF
    assert ask(start, 2, JobOrder(volume=0)) is Refusal.CONFLICT
    assert ask(JobCommand.PREPARE, 2, JobOrder(volume=0)) is Refusal.NONE
    assert ask(start, 2, JobOrder(ports=2)) is Refusal.NO_PORT and ask(start, 2, usable=0) is Refusal.NO_PORT
    assert ask(JobCommand.START_PREPARED, 2) is Refusal.NONE
    assert ask(JobCommand.START_PREPARED, 2, prepared=set()) is Refusal.NOTHING_PREPARED
    assert ask(JobCommand.RESUME, 1) is Refusal.NONE and ask(JobCommand.RESUME, 0) is Refusal.STATE
    assert ask(JobCommand.RESUME, 1, volumes={1: 64}) is Refusal.VOLUME
    assert ask(JobCommand.PAUSE, 0) is Refusal.NONE and ask(JobCommand.PAUSE, 1) is Refusal.STATE
    assert ask(JobCommand.ABORT, 1) is Refusal.NONE and ask(JobCommand.ABORT, 2) is Refusal.STATE
