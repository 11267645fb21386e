# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of backup_engine: one job on one port."""

from __future__ import annotations

from typing import Any

import cocotb
from surroundings import (
    CHECK_CONDITION,
    GOOD,
    RELEASE,
    RELEASE_DIRTY,
    RELEASE_DISCARD,
    SLOTS,
    TI_LOGIN,
    TI_LOGOUT,
    TI_PROBE,
    TI_READ,
    TI_VERIFY,
    TI_WRITE,
    Surroundings,
)

from portplex.management import BackupState
from portplex.model.backup import JobCommand, JobOrder, Refusal

BACKUP, RESTORE, VERIFY = range(3)
DONE, FAILED, ABORTED, PAUSED = BackupState.DONE, BackupState.FAILED, BackupState.ABORTED, BackupState.PAUSED
BUSY, TASK_SET_FULL = (4, 0x08, 0), (4, 0x28, 0)
MISCOMPARE = (4, 2, 0x0E1D00)


async def ready(dut: Any, blocks: int = 8 * 24, **settings: Any) -> Surroundings:
    """The engine after reset, volume 1 of `blocks` blocks."""
    s = Surroundings(dut, {1: blocks}, **settings)
    await s.reset()
    return s


@cocotb.test()
async def saves_a_volume(dut: Any) -> None:
    for capacity, chunk in ((8 * 40, 16), (8 * 13, 128), (8 * 33, 24), (8, 8), (8 * 150, 8)):
        s = await ready(dut, capacity)
        await s.start(JobOrder(chunk=chunk, copied=capacity + 1000))  # beyond the end counts as the end
        await s.finish(DONE)
        assert s.pointer() == capacity and s.error() == 0
        assert [o.op for o in s.operations[:2]] == [TI_LOGIN, TI_PROBE] and s.operations[-1].op == TI_LOGOUT
        assert {op for op, _ in s.released} == {RELEASE}
        assert s.most_under_way == min(SLOTS, -(-capacity // chunk)), "chunks are not under way side by side"
        assert set(s.confirmed.values()) == {1} and s.bytes_sent == 512 * capacity
        assert s.events == {"done": 1, "failed": 0}


@cocotb.test()
async def copy_pointer_holds_back(dut: Any) -> None:
    s = await ready(dut, 8 * 20)
    await s.start(JobOrder(chunk=16, copied=0))
    for value, expected in ((0, 0), (15, 0), (16, 16), (70, 64), (40, 64), (8 * 20 - 1, 144)):
        await s.copy_pointer(value)
        await s.until(lambda e=expected: s.pointer() == e, f"pointer {expected}")
        await s.steps(400)
        assert s.pointer() == expected and s.state() is BackupState.TRANSFER
    await s.copy_pointer(8 * 20)
    await s.finish(DONE)


@cocotb.test()
async def failed_chunk_is_retried(dut: Any) -> None:
    s = await ready(dut)
    s.device = lambda op, block, attempt, port: (
        CHECK_CONDITION if op == TI_WRITE and block % 24 == 0 and attempt <= 3 else GOOD
    )
    s.staging = lambda block, attempt: block == 64 and attempt <= 2
    await s.start(JobOrder())
    await s.finish(DONE)
    assert s.error() == 0
    assert s.attempts[TI_WRITE, 24] == 4 and s.attempts[-1, 64] == 3


@cocotb.test()
async def lost_login_is_renewed(dut: Any) -> None:
    s = await ready(dut, 8 * 12)
    s.device = lambda op, block, attempt, port: (6, 0, 0) if op == TI_WRITE and block == 32 and attempt == 1 else GOOD
    await s.start(JobOrder())
    await s.finish(DONE)
    assert [o.op for o in s.operations].count(TI_LOGIN) == 2


@cocotb.test()
async def failed_chunk_pauses_the_job(dut: Any) -> None:
    """What is good beyond the chunk stays in the bitmap and is not sent again."""
    s = await ready(dut)
    s.device = lambda op, block, attempt, port: CHECK_CONDITION if op == TI_WRITE and block == 40 else GOOD
    await s.start(JobOrder())
    await s.finish(PAUSED)
    assert s.attempts[TI_WRITE, 40] == 4, "one try and three retries"
    assert s.pointer() == 40 and s.error() == 0x0204 and s.sense() == 0x030C00
    assert s.operations[-1].op == TI_LOGOUT and s.events == {"done": 0, "failed": 1}
    beyond = s.jobs[0].model.bitmap
    assert beyond, "nothing was good beyond the chunk that failed"
    s.device = lambda op, block, attempt, port: GOOD
    assert await s.command(JobCommand.RESUME) is Refusal.NONE
    await s.finish(DONE)
    assert s.error() == 0 and s.sense() == 0
    assert set(s.confirmed.values()) == {1} and s.bytes_sent == 512 * 8 * 24
    assert [o.op for o in s.operations].count(TI_PROBE) == 1, "the size was asked before"


@cocotb.test()
async def window_of_64_chunks(dut: Any) -> None:
    """A chunk that the device keeps holds the pointer; the others go on for 64 chunks, no further."""
    s = await ready(dut, 8 * 200, busy=0.05)
    s.device = lambda op, block, attempt, port: None if op == TI_WRITE and block == 16 else GOOD
    await s.start(JobOrder())
    await s.until(lambda: len(s.confirmed) == 65, "65 chunks")
    await s.steps(1500)
    assert len(s.confirmed) == 65 and s.pointer() == 16, "2 chunks below the one that hangs, 63 beyond it"
    s.answer_all(GOOD)
    await s.finish(DONE)
    assert s.bytes_sent == 512 * 8 * 200


@cocotb.test()
async def failed_staging_pauses_the_job(dut: Any) -> None:
    s = await ready(dut)
    s.staging = lambda block, attempt: block == 80
    await s.start(JobOrder())
    await s.finish(PAUSED)
    assert s.pointer() == 80 and s.error() == 0x20 and s.attempts[-1, 80] == 4
    s.staging = lambda block, attempt: False
    assert await s.command(JobCommand.RESUME) is Refusal.NONE
    await s.finish(DONE)
    assert s.bytes_sent == 512 * 8 * 24


@cocotb.test()
async def login_that_fails(dut: Any) -> None:
    """Refused: the job could not begin. Not answered: it is paused. Either way nothing more is asked, no logout."""
    for result, tries, state in (((3, 0, 0), 1, FAILED), ((2, 0, 0), 4, PAUSED), ((6, 0, 0), 4, PAUSED)):
        s = await ready(dut, 64)
        s.device = lambda op, block, attempt, port, r=result: r
        await s.start(JobOrder())
        await s.finish(state)
        assert s.error() == result[0] and s.pointer() == 0 and s.events == {"done": 0, "failed": 1}
        assert [o.op for o in s.operations] == [TI_LOGIN] * tries
        s.device = lambda op, block, attempt, port: GOOD
        if state is PAUSED:
            assert await s.command(JobCommand.RESUME) is Refusal.NONE
        else:
            await s.start(JobOrder())
        await s.finish(DONE)


@cocotb.test()
async def refused_login_of_a_job_that_goes_on(dut: Any) -> None:
    """What has been saved is not lost when the device refuses the login later."""
    s = await ready(dut)
    s.device = lambda op, block, attempt, port: CHECK_CONDITION if op == TI_WRITE and block == 40 else GOOD
    await s.start(JobOrder())
    await s.finish(PAUSED)
    s.device = lambda op, block, attempt, port: (3, 0, 0) if op == TI_LOGIN else GOOD
    assert await s.command(JobCommand.RESUME) is Refusal.NONE
    await s.finish(PAUSED)
    assert s.error() == 3 and s.pointer() == 40
    s.device = lambda op, block, attempt, port: GOOD
    assert await s.command(JobCommand.RESUME) is Refusal.NONE
    await s.finish(DONE)


@cocotb.test()
async def device_has_to_be_large_enough(dut: Any) -> None:
    s = await ready(dut)
    s.device = lambda op, block, attempt, port: (4, 2, 0x052100) if op == TI_PROBE else GOOD
    await s.start(JobOrder())
    await s.finish(FAILED)
    assert s.error() == 0x021A and s.sense() == 0x052100 and s.pointer() == 0
    assert [o.op for o in s.operations] == [TI_LOGIN, TI_PROBE, TI_LOGOUT]
    # busy at first; then the power-on unit attention; and a device that does not know VERIFY
    for answers in ((BUSY, BUSY, GOOD), ((4, 2, 0x062900), GOOD), ((7, 0, 0), GOOD), ((4, 2, 0x052000),)):
        s = await ready(dut)
        s.device = lambda op, block, attempt, port, a=answers: a[attempt - 1] if op == TI_PROBE else GOOD
        await s.start(JobOrder())
        await s.finish(DONE)
        assert s.attempts[TI_PROBE, -1] == len(answers)
    s = await ready(dut)
    s.device = lambda op, block, attempt, port: BUSY if op == TI_PROBE else GOOD
    await s.start(JobOrder())
    await s.finish(PAUSED)
    assert s.error() == 0x0804 and s.attempts[TI_PROBE, -1] == 4


@cocotb.test()
async def device_in_trouble_pauses_the_job(dut: Any) -> None:
    """Full, busy, slow, dead: the reason is kept, and the job goes on when the trouble is over."""
    for result in ((4, 2, 0x072700), BUSY, TASK_SET_FULL, (2, 0, 0), (1, 0, 0), (6, 0, 0), (7, 0, 0), (5, 0, 0)):
        s = await ready(dut)
        s.device = lambda op, block, attempt, port, r=result: r if op == TI_WRITE and block >= 48 else GOOD
        await s.start(JobOrder())
        await s.finish(PAUSED)
        assert s.pointer() == 48
        assert s.error() == result[1] << 8 | result[0] and s.sense() == result[2]
        assert s.operations[-1].op == TI_LOGOUT
        s.device = lambda op, block, attempt, port: GOOD
        assert await s.command(JobCommand.RESUME) is Refusal.NONE
        await s.finish(DONE)
        assert s.bytes_sent == 512 * 8 * 24 and s.events == {"done": 1, "failed": 1}


@cocotb.test()
async def abort_drains(dut: Any) -> None:
    s = await ready(dut, 8 * 64)
    await s.start(JobOrder())
    await s.until(lambda: s.pointer() >= 64, "some chunks")
    s.hold_completions = True
    await s.until(lambda: len(s.completions) == SLOTS, "all slots at the device")
    assert await s.command(JobCommand.ABORT) is Refusal.NONE
    await s.steps(300)
    assert s.state() is BackupState.TRANSFER and len(s.pinned) == SLOTS, "what the device uses must stay pinned"
    s.hold_completions = False
    await s.finish(ABORTED)
    assert s.pointer() < 8 * 64 and s.error() == 0 and s.events == {"done": 0, "failed": 0}

    await s.start(JobOrder())  # the next job starts from the beginning
    await s.finish(DONE)


@cocotb.test()
async def restores_a_volume(dut: Any) -> None:
    s = await ready(dut, 8 * 21)
    s.device = lambda op, block, attempt, port: (2, 0, 0) if op == TI_READ and block == 32 and attempt == 1 else GOOD
    await s.start(JobOrder(chunk=16), kind=RESTORE)
    await s.finish(DONE)
    assert {o.op for o in s.operations} == {TI_LOGIN, TI_PROBE, TI_READ, TI_LOGOUT}
    assert {op for op, _ in s.released} == {RELEASE_DIRTY}


@cocotb.test()
async def failed_restore_discards(dut: Any) -> None:
    s = await ready(dut, 8 * 21)
    s.device = lambda op, block, attempt, port: CHECK_CONDITION if op == TI_READ and block == 64 else GOOD
    await s.start(JobOrder(chunk=16), kind=RESTORE)
    await s.finish(PAUSED)
    assert (RELEASE_DISCARD, 64) in s.released and (RELEASE_DIRTY, 64) not in s.released
    assert s.pointer() == 64


@cocotb.test()
async def compares_a_volume(dut: Any) -> None:
    """Verify sends the data and moves the pointer like a backup; a block that differs pauses it at once."""
    s = await ready(dut)
    s.device = lambda op, block, attempt, port: BUSY if op == TI_VERIFY and block == 8 and attempt < 3 else GOOD
    await s.start(JobOrder(chunk=16), kind=VERIFY)
    await s.finish(DONE)
    assert {o.op for o in s.operations} == {TI_LOGIN, TI_PROBE, TI_VERIFY, TI_LOGOUT}
    assert {op for op, _ in s.released} == {RELEASE}

    s = await ready(dut)
    s.device = lambda op, block, attempt, port: MISCOMPARE if op == TI_VERIFY and block == 64 else GOOD
    await s.start(JobOrder(chunk=16), kind=VERIFY)
    await s.finish(PAUSED)
    assert s.attempts[TI_VERIFY, 64] == 1, "the same data would differ again"
    assert s.pointer() == 64 and s.error() == 0x0204 and s.sense() == 0x0E1D00


@cocotb.test()
async def start_while_running_is_refused(dut: Any) -> None:
    s = await ready(dut)
    await s.start(JobOrder())
    await s.until(lambda: s.pointer() > 0, "some chunks")
    other = JobOrder(lba=0, lun=0)  # a job keeps what it was started with
    assert await s.command(JobCommand.START_RESTORE, 0, other) is Refusal.STATE
    await s.finish(DONE)
    assert s.error() == 0x10000
    await s.start(other)
    await s.finish(DONE)
    assert s.error() == 0


async def interrupted(dut: Any, state: BackupState, held: int, command: JobCommand) -> None:
    """The first operation `held` keeps the job in `state` while it gets the command."""
    s = await ready(dut, 8 * 10)
    s.device = lambda op, block, attempt, port: None if op == held and attempt == 1 else GOOD
    await s.start(JobOrder())
    await s.until(lambda: s.state() is state and s.completions != [], state.name)
    await s.steps(200)
    assert s.state() is state
    taken = state is not BackupState.LOGOUT and command is not JobCommand.RESUME
    assert await s.command(command) is (Refusal.NONE if taken else Refusal.STATE)
    if taken and command is JobCommand.PAUSE:
        await s.steps(10)
        assert s.state() is BackupState.PAUSING
        assert await s.command(JobCommand.PAUSE) is Refusal.STATE
        assert await s.command(JobCommand.RESUME) is Refusal.STATE
        assert await s.command(JobCommand.START_BACKUP) is Refusal.STATE
    await s.until(lambda: not [c for c in s.completions if c[4] is not None], "what is not held")
    s.answer_all(GOOD)
    s.device = lambda op, block, attempt, port: GOOD
    end = {JobCommand.PAUSE: PAUSED, JobCommand.ABORT: ABORTED}[command] if taken else DONE
    await s.finish(end)
    assert s.error() & 0xFFFF == 0 and s.events["failed"] == 0
    if end is PAUSED:
        assert await s.command(JobCommand.PAUSE) is Refusal.STATE
        assert await s.command(JobCommand.START_BACKUP) is Refusal.STATE
        assert await s.command(JobCommand.RESUME) is Refusal.NONE
        await s.finish(DONE)
    if end is DONE:
        assert set(s.confirmed.values()) == {1} and s.bytes_sent == 512 * 8 * 10
    for refused in (JobCommand.PAUSE, JobCommand.RESUME, JobCommand.ABORT):
        assert await s.command(refused) is Refusal.STATE, f"{refused.name} of a job that has ended"


@cocotb.test()
async def pause_and_abort_in_every_state(dut: Any) -> None:
    """PAUSE, RESUME and ABORT wherever a job can be: taken or refused as the table of the model says, and the job ends
    where it should; a paused job then goes on to its end and sends nothing twice."""
    hold = {BackupState.LOGIN: TI_LOGIN, BackupState.TRANSFER: TI_WRITE, BackupState.LOGOUT: TI_LOGOUT}
    for state, held in hold.items():
        for command in (JobCommand.PAUSE, JobCommand.RESUME, JobCommand.ABORT):
            await interrupted(dut, state, held, command)


@cocotb.test()
async def abort_while_pausing_and_while_paused(dut: Any) -> None:
    s = await ready(dut)
    await s.start(JobOrder())
    await s.until(lambda: s.pointer() > 0, "some chunks")
    s.hold_completions = True
    await s.until(lambda: len(s.completions) == SLOTS, "all slots at the device")
    assert await s.command(JobCommand.PAUSE) is Refusal.NONE
    assert await s.command(JobCommand.ABORT) is Refusal.NONE
    s.hold_completions = False
    await s.finish(ABORTED)

    s.device = lambda op, block, attempt, port: CHECK_CONDITION if op == TI_WRITE and block == 40 else GOOD
    await s.start(JobOrder())
    await s.finish(PAUSED)
    assert await s.command(JobCommand.ABORT) is Refusal.NONE
    await s.finish(ABORTED)
    assert s.error() == 0x0204, "why it was paused stays to be read"


@cocotb.test()
async def paused_at_random(dut: Any) -> None:
    """Paused and gone on with at random moments, many times: every block is sent exactly once, apart from retries."""
    s = await ready(dut, 8 * 80, busy=0.1)
    await s.start(JobOrder())
    pauses = 0
    while s.state() is not DONE:
        await s.steps(s.rng.randrange(1, 600))
        if await s.command(JobCommand.PAUSE) is Refusal.NONE:
            await s.until(lambda: s.state() in (PAUSED, DONE), "the pause")
            await s.settle()
            s.check_settled(0)
            pauses += s.state() is PAUSED
            if s.state() is PAUSED:
                assert await s.command(JobCommand.RESUME) is Refusal.NONE
    await s.finish(DONE)
    assert pauses >= 10, f"only {pauses} pauses"
    assert set(s.confirmed.values()) == {1} and s.bytes_sent == 512 * 8 * 80


@cocotb.test()
async def records_may_be_read_at_any_time(dut: Any) -> None:
    """A store so slow that pointers move many times while a record is written, and readers that take word by word."""
    s = await ready(dut, 8 * 160, busy=0.6)
    s.delay = lambda op, port: 400
    s.device = lambda op, block, attempt, port: CHECK_CONDITION if block % 56 == 0 and attempt < 3 else GOOD
    await s.start(JobOrder(copied=0))
    while s.state() is not DONE:
        await s.copy_pointer(s.copied() + 16)
        await s.steps(200)
    await s.finish(DONE)
    assert s.records_read >= 50, f"only {s.records_read} records were read while they moved"
