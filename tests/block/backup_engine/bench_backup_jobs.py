# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of backup_engine: commands, their refusals, the queue, a record for each job."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cocotb
from surroundings import CHECK_CONDITION, DATA, GOOD, JOBS, TI_WRITE, Surroundings

from portplex.management import BackupState
from portplex.model.backup import JobCommand, JobOrder, Refusal

BACKUP, RESTORE, VERIFY = range(3)
DONE, ABORTED, PAUSED, QUEUED = BackupState.DONE, BackupState.ABORTED, BackupState.PAUSED, BackupState.QUEUED
SIZES = {0: 8 * 9, 1: 8 * 24, 2: 8 * 17, 3: 8 * 30}
STARTS = (JobCommand.START_BACKUP, JobCommand.START_RESTORE, JobCommand.START_VERIFY, JobCommand.PREPARE)


@cocotb.test()
async def each_reason_to_refuse(dut: Any) -> None:
    """Nothing is asked of cache and port, the record is as it was, and the reason is the model's."""
    s = Surroundings(dut, SIZES, absent=(2,))
    s.own_ids[0] = 0x010E00
    await s.reset()
    good = JobOrder()
    impossible = {
        replace(good, volume=2): Refusal.VOLUME,
        replace(good, volume=7): Refusal.VOLUME,
        replace(good, volume=8): Refusal.VOLUME,
        replace(good, chunk=12): Refusal.CHUNK,
        replace(good, chunk=0): Refusal.CHUNK,
        replace(good, chunk=136): Refusal.CHUNK,
        replace(good, lba=0xFFFFFFF0): Refusal.LBA,
        replace(good, port_id=0x010E00): Refusal.SELF,
        replace(good, part=(0, SIZES[1] + 1)): Refusal.VOLUME,
        replace(good, part=(9, 9)): Refusal.VOLUME,
        replace(good, part=(9, 8)): Refusal.VOLUME,
        replace(good, part=(5, 10), lba=0xFFFFFFF6): Refusal.LBA,
    }
    for command in STARTS:
        for order, reason in impossible.items():
            assert await s.command(command, 3, order) is reason
        s.usable = 0
        assert await s.command(command, 3, good) is Refusal.NO_PORT
        s.usable = 1
    assert await s.command(JobCommand.PREPARE, 3, good, kind=3) is Refusal.STATE
    assert await s.command(JobCommand.START_PREPARED, 3) is Refusal.NOTHING_PREPARED
    for command in (JobCommand.PAUSE, JobCommand.RESUME, JobCommand.ABORT):
        assert await s.command(command, 3) is Refusal.STATE
    await s.settle()
    assert s.state(3) is BackupState.IDLE and not s.operations and s.attempts[-1, 0] == 0
    assert not s.store, "a refused order got into a record"

    # another job on the volume: under way, then queued; paused ones do not count, but cannot go on meanwhile
    s.hold_completions = True
    await s.start(good, 1)
    for command in STARTS[:3]:
        assert await s.command(command, 2, good) is Refusal.CONFLICT
    assert await s.command(JobCommand.PREPARE, 2, good) is Refusal.NONE
    assert await s.command(JobCommand.START_PREPARED, 2) is Refusal.CONFLICT
    await s.until(lambda: s.completions != [], "the login")
    assert await s.command(JobCommand.PAUSE, 1) is Refusal.NONE
    s.hold_completions = False
    await s.finish(PAUSED, 1)
    assert await s.command(JobCommand.START_PREPARED, 2) is Refusal.NONE
    assert await s.command(JobCommand.RESUME, 1) is Refusal.CONFLICT
    await s.finish(DONE, 2)
    # the volume is not what it was when the job was paused
    s.dut.cfg_volume_blocks.value = sum(blocks << 32 * v for v, blocks in (SIZES | {1: 8}).items())
    s.sizes = SIZES | {1: 8}
    assert await s.command(JobCommand.RESUME, 1) is Refusal.VOLUME
    s.dut.cfg_volume_blocks.value = sum(blocks << 32 * v for v, blocks in SIZES.items())
    s.sizes = SIZES
    assert await s.command(JobCommand.RESUME, 1) is Refusal.NONE
    await s.finish(DONE, 1)


@cocotb.test()
async def jobs_wait_in_the_order_of_their_start(dut: Any) -> None:
    s = Surroundings(dut, SIZES)
    await s.reset()
    orders = {
        5: (BACKUP, JobOrder(volume=3, chunk=16, port_id=0x010301, lun=1, lba=0)),
        0: (RESTORE, JobOrder(volume=1, chunk=128, port_id=0x010302, lun=2, lba=77)),
        7: (VERIFY, JobOrder(volume=0, chunk=8, port_id=0x010303, lun=3, lba=1 << 20)),
        2: (BACKUP, JobOrder(volume=2, chunk=24, port_id=0x010301, lun=4, lba=4096)),
    }
    for number, (kind, order) in orders.items():
        await s.start(order, number, kind=kind)
    assert [s.state(n) for n in (0, 7, 2)] == [QUEUED] * 3
    assert await s.command(JobCommand.PAUSE, 7) is Refusal.NONE  # the last but one steps back
    assert s.state(7) is PAUSED
    assert await s.command(JobCommand.RESUME, 7) is Refusal.NONE
    await s.until(lambda: len(s.begun) == 4, "the last job", 100_000)
    await s.finish(DONE, 7)
    assert s.begun == [5, 0, 2, 7]
    for number in orders:
        s.check_settled(number)
        assert s.state(number) is DONE and s.pointer(number) == SIZES[orders[number][1].volume]
    assert s.events == {"done": 4, "failed": 0}


@cocotb.test()
async def all_jobs_in_the_queue(dut: Any) -> None:
    """Every job is queued, one behind the other; some leave from any place and stand behind all others after it."""
    s = Surroundings(dut, {volume: 8 * (3 + volume) for volume in range(JOBS)}, busy=0)
    s.delay = lambda op, port: 10
    await s.reset()
    for _ in range(6):
        s.hold_completions = True
        numbers = s.rng.sample(range(JOBS), JOBS)
        for number in numbers:
            await s.start(JobOrder(volume=number, port_id=0x010300 + number), number, kind=s.rng.randrange(3))
        await s.until(lambda: s.completions != [], "the login of the first")
        for number in s.rng.choices(numbers[1:], k=s.rng.randrange(6)):
            assert await s.command(JobCommand.PAUSE, number) is Refusal.NONE
            assert await s.command(JobCommand.RESUME, number) is Refusal.NONE
            assert len(s.queue) == JOBS - 1
        order = [numbers[0], *s.queue]
        s.hold_completions = False
        await s.finish(DONE, order[-1])
        assert s.begun[-JOBS:] == order


@cocotb.test()
async def nothing_is_lost_in_one_clock(dut: Any) -> None:
    """Jobs as short and as fast as they can be, so that an order, the copy pointer, a chunk, the end of a job and the
    begin of the next come in the same clock: each has its effect, and the store is told."""
    s = Surroundings(dut, {volume: 8 * (1 + volume) for volume in range(JOBS)}, busy=0)
    s.delay = lambda op, port: 3
    await s.reset()
    for _ in range(60):
        numbers = s.rng.sample(range(1, JOBS), 3)
        for number in numbers:
            await s.start(JobOrder(volume=number, copied=0), number)
        job, copied = s.current, 0
        while s.queue or s.current is not None:
            if s.current is not job:
                job, copied = s.current, 0
            if s.rng.random() < 0.15:
                copied += s.rng.randrange(1, 9)
                await s.copy_pointer(copied)
            elif s.rng.random() < 0.4:
                assert await s.command(JobCommand.PREPARE, 0, JobOrder(lba=s.rng.getrandbits(20))) is Refusal.NONE
                if s.rng.random() < 0.2:
                    both = (0, 0 if s.current is None else s.current.number)
                    await s.until(lambda both=both: all(map(s.recorded, both)), "the records", 2000)  # type: ignore[misc]
            else:
                await s.step()
        await s.settle()
        for number in numbers:
            s.check_settled(number)
            assert s.state(number) is DONE


@cocotb.test()
async def abort_in_any_clock_of_the_end(dut: Any) -> None:
    """A job that was paused is aborted while it ends: the abort is taken, and the job has been aborted in the end. The
    copy pointer is its own up to the last clock."""
    s = Surroundings(dut, SIZES, busy=0)
    s.delay = lambda op, port: 2
    await s.reset()
    late = 0
    for clocks in range(30):
        await s.start(JobOrder(volume=3, chunk=128, copied=0), 2)
        await s.until(lambda: s.state(2) is BackupState.TRANSFER, "the transfer")
        assert await s.command(JobCommand.PAUSE, 2) is Refusal.NONE
        for blocks in range(clocks):
            await s.copy_pointer(blocks)
        late += s.state(2) is PAUSED
        assert await s.command(JobCommand.ABORT, 2) is Refusal.NONE
        await s.finish(ABORTED, 2)
    assert 5 < late < 28, f"{late} of 30 jobs had ended before the abort"


@cocotb.test()
async def queued_jobs_can_be_taken_back(dut: Any) -> None:
    s = Surroundings(dut, SIZES)
    await s.reset()
    s.hold_completions = True
    for number in (0, 1, 2, 3):
        await s.start(JobOrder(volume=number), number)
    await s.until(lambda: s.completions != [], "the login of the first")
    assert await s.command(JobCommand.ABORT, 2) is Refusal.NONE
    assert s.state(2) is ABORTED
    assert await s.command(JobCommand.ABORT, 0) is Refusal.NONE
    s.hold_completions = False
    await s.finish(DONE, 3)
    assert s.begun == [0, 1, 3] and s.state(0) is ABORTED and s.state(1) is DONE
    assert {o.job for o in s.operations if o.op in DATA} == {1, 3}
    for number in range(4):
        s.check_settled(number)


@cocotb.test()
async def paused_job_lets_the_next_go(dut: Any) -> None:
    """A job in trouble steps aside; when it goes on it waits behind the others, and sends only what is missing."""
    s = Surroundings(dut, SIZES)
    await s.reset()
    s.device = lambda op, block, attempt, port: CHECK_CONDITION if s.current is s.jobs[0] and block == 40 else GOOD
    await s.start(JobOrder(volume=1), 0)
    await s.start(JobOrder(volume=3), 4)
    await s.until(lambda: s.state(0) is PAUSED, "the trouble", 100_000)
    s.device = lambda op, block, attempt, port: GOOD
    await s.start(JobOrder(volume=2), 6)
    assert await s.command(JobCommand.RESUME, 0) is Refusal.NONE
    await s.finish(DONE, 0)
    assert s.begun == [0, 4, 6, 0]
    assert set(s.confirmed.values()) == {1} and s.bytes_sent == 512 * (SIZES[1] + SIZES[2] + SIZES[3])


@cocotb.test()
async def records_while_another_job_works(dut: Any) -> None:
    """The store follows the job under way through its states, and a job that waits meanwhile keeps what is its own."""
    s = Surroundings(dut, SIZES)
    await s.reset()
    s.device = lambda op, block, attempt, port: CHECK_CONDITION if block == 40 else GOOD
    await s.start(JobOrder(volume=1, ports=1), 3)
    await s.finish(PAUSED, 3)
    assert s.jobs[3].model.bitmap, "no chunk beyond the bad one is good"
    s.device = lambda op, block, attempt, port: GOOD
    s.hold_completions = True
    await s.start(JobOrder(volume=2, copied=64), 6, kind=RESTORE)
    await s.until(lambda: s.completions != [] and s.recorded(6), "the record of the login")
    assert s.state(6) is BackupState.LOGIN
    assert await s.command(JobCommand.RESUME, 3) is Refusal.NONE
    await s.until(lambda: s.recorded(3), "the record of the job that is queued")
    assert s.state(3) is QUEUED
    s.hold_completions = False
    await s.until(lambda: s.pointer(6) >= 8, "a chunk")
    s.hold_completions = True
    await s.until(lambda: not s.answers and s.recorded(6), "the record of the transfer")
    assert s.state(6) is BackupState.TRANSFER
    await s.copy_pointer(100)
    await s.until(lambda: s.recorded(6), "the record of the copy pointer")
    assert s.copied(6) == 100
    assert await s.command(JobCommand.PAUSE, 6) is Refusal.NONE
    await s.until(lambda: s.recorded(6), "the record of the pause")
    assert s.state(6) is BackupState.PAUSING
    s.hold_completions = False
    await s.finish(DONE, 3)
    await s.finish(PAUSED, 6)


@cocotb.test()
async def prepared_jobs(dut: Any) -> None:
    """A prepared job waits for its start, can be started again and again, and is forgotten with an abort or a start."""
    s = Surroundings(dut, SIZES)
    await s.reset()
    for kind in (BACKUP, RESTORE, VERIFY):
        order = JobOrder(volume=1, chunk=16, lba=kind, copied=100)
        assert await s.command(JobCommand.PREPARE, 4, order, kind=kind) is Refusal.NONE
        await s.settle()
        s.check_settled(4)
        assert s.state(4) is BackupState.PREPARED and s.current is None
        assert await s.command(JobCommand.START_PREPARED, 4) is Refusal.NONE
        await s.until(lambda: s.pointer(4) == 96, "what is copied")
        await s.copy_pointer(SIZES[1])
        await s.finish(DONE, 4)
        assert await s.command(JobCommand.START_PREPARED, 4) is Refusal.NONE  # all of the image is there now
        await s.finish(DONE, 4)
    assert await s.command(JobCommand.PREPARE, 4, JobOrder()) is Refusal.NONE
    assert await s.command(JobCommand.ABORT, 4) is Refusal.NONE
    assert await s.command(JobCommand.START_PREPARED, 4) is Refusal.NOTHING_PREPARED
    assert await s.command(JobCommand.PREPARE, 4, JobOrder()) is Refusal.NONE
    await s.start(JobOrder(chunk=128), 4)
    await s.finish(DONE, 4)
    assert await s.command(JobCommand.START_PREPARED, 4) is Refusal.NOTHING_PREPARED


@cocotb.test()
async def jobs_of_a_part_of_the_volume(dut: Any) -> None:
    """Any first and last block, any place on the device, also one below the place in the volume; pause and go on."""
    s = Surroundings(dut, SIZES)
    await s.reset()
    size = SIZES[3]
    paused = 0
    parts = [(0, 1), (1, 2), (size - 1, size), (0, size), (7, 9), (3, 200), (128, 136)]
    for kind in (BACKUP, RESTORE, VERIFY):
        for first, end in [*parts, *(sorted(s.rng.sample(range(size), 2)) for _ in range(6))]:
            place = s.rng.choice((0, first, 1 << 31, 0xFFFFFFFF - end + first))
            pause = s.rng.random() < 0.7 and end - first > 16
            chunk = s.rng.choice((8, 16) if pause else (8, 16, 128))  # with few chunks a job ends before it is paused
            order = JobOrder(volume=3, chunk=chunk, lba=(place - first) % (1 << 32), part=(first, end))
            await s.start(order, 6, kind=kind)
            if pause:
                await s.until(lambda at=first: s.pointer(6) > at, "a chunk")  # type: ignore[misc]
                await s.command(JobCommand.PAUSE, 6)
                await s.until(lambda: s.state(6) in (DONE, PAUSED), "the pause, or the end")
                if s.state(6) is PAUSED:
                    paused += 1
                    assert await s.command(JobCommand.RESUME, 6) is Refusal.NONE
            await s.finish(DONE, 6)
            assert s.pointer(6) == end
    assert paused > 5


@cocotb.test()
async def the_store_has_a_record_before_it_is_another(dut: Any) -> None:
    """A store so slow that a job has ended long before its record says so. The number gets its next job, and the queue
    goes on, in the clock of the end: no record, and not table 630, says under the state of the old job what is the
    new one's."""
    s = Surroundings(dut, SIZES, busy=0.05)
    s.store_busy = 0.95
    s.delay = lambda op, port: 20
    await s.reset()
    for command in STARTS:
        await s.start(JobOrder(volume=0), 0)
        await s.start(JobOrder(volume=2, chunk=24), 1)
        await s.until(lambda: s.state(0) is DONE, "the end of job 0")
        assert await s.command(command, 0, JobOrder(volume=1, chunk=64, copied=64), kind=VERIFY) is Refusal.NONE
        if command is JobCommand.PREPARE:
            assert await s.command(JobCommand.START_PREPARED, 0) is Refusal.NONE
        await s.until(lambda: s.pointer(0) == 64, "what is copied of the new job 0")
        await s.copy_pointer(SIZES[1])
        await s.until(lambda: s.state(0) is DONE, "the end of the new job 0")
        if command is JobCommand.PREPARE:
            assert await s.command(JobCommand.START_PREPARED, 0) is Refusal.NONE
            await s.until(lambda: s.state(0) is DONE, "the end of the prepared job, the second time")
    for number in (0, 1):
        await s.finish(DONE, number)


@cocotb.test()
async def any_commands_in_any_order(dut: Any) -> None:
    """Random commands to all jobs while the device makes trouble: each is taken or refused as the model says, jobs run
    one at a time in the order of their start, and every record is right in the end."""
    s = Surroundings(dut, SIZES, busy=0.1)
    s.own_ids[0] = 0x010E00
    await s.reset()

    def device(op: int, block: int, attempt: int, port: int) -> tuple[int, int, int]:
        return s.rng.choice((CHECK_CONDITION, (2, 0, 0), (7, 0, 0))) if s.rng.random() < 0.2 else GOOD

    s.device = device
    s.delay = lambda op, port: 40
    refused = 0
    for _ in range(600):
        order = JobOrder(
            volume=s.rng.choice((0, 1, 2, 3) * 4 + (7,)),
            chunk=s.rng.choice((8, 16, 24, 64) * 4 + (12,)),
            lba=s.rng.choice((0, 1000) * 8 + (0xFFFFFFF0,)),
            port_id=s.rng.choice((0x010203, 0x010204) * 8 + (0x010E00,)),
            copied=s.rng.choice((0, 40, 0xFFFFFFFF)),
            ports=s.rng.randrange(2),
            part=s.rng.choice((None, None, None, (3, 50), (64, 72), (8, 1000))),
        )
        command = s.rng.choice(tuple(JobCommand))
        refused += await s.command(command, s.rng.randrange(JOBS), order, kind=s.rng.randrange(4)) is not Refusal.NONE
        if s.rng.random() < 0.2:
            await s.copy_pointer(s.rng.choice((64, 0xFFFFFFFF)))
        await s.steps(s.rng.randrange(400))
    assert 100 < refused < 550, f"{refused} of 600 commands were refused"
    s.device = lambda op, block, attempt, port: GOOD
    while s.queue or s.current is not None:
        await s.copy_pointer(0xFFFFFFFF)
        await s.steps(50)
        assert s.now < 1_000_000, "a job does not come to its end"
    await s.settle()
    for number, job in s.jobs.items():
        s.check_settled(number)
        if s.state(number) is DONE:
            assert s.pointer(number) == job.model.capacity
    assert len(s.begun) > 20, f"only {len(s.begun)} jobs were begun"
    assert s.events["done"] > 5 and s.events["failed"] > 0, f"{s.events}"


@cocotb.test()
async def jobs_of_other_devices(dut: Any) -> None:
    """The fields of the job under way go with every operation, whatever the registers and the other records say."""
    s = Surroundings(dut, SIZES)
    await s.reset()
    for number in range(4):
        await s.start(JobOrder(volume=number, port_id=0x010300 + number, lun=number, lba=number << 16), number)
        s._configure(JobOrder(volume=0, port_id=1, lun=9, lba=9, chunk=128))
    await s.finish(DONE, 3)
    assert [len([o for o in s.operations if o.job == n and o.op == TI_WRITE]) for n in range(4)] == [
        SIZES[n] // 8 for n in range(4)
    ]
