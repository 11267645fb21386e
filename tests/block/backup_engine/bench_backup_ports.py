# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of backup_engine: the chunks of a job over two ports."""

from __future__ import annotations

from collections import Counter
from typing import Any

import cocotb
from surroundings import CHECK_CONDITION, DATA, GOOD, TI_LOGIN, TI_LOGOUT, TI_PROBE, TI_WRITE, Surroundings

from portplex.management import BackupState
from portplex.model.backup import JobCommand, JobOrder, Refusal

DONE, PAUSED = BackupState.DONE, BackupState.PAUSED
CHUNKS = 100


async def ready(dut: Any, place: int, chunks: int = CHUNKS) -> Surroundings:
    """The engine with two ports after reset, volume 1 of `chunks` chunks of 8 blocks."""
    s = Surroundings(dut, {0: 8 * 40, 1: 8 * chunks}, busy=0.1)
    s.place = place
    await s.reset()
    return s


def sent(s: Surroundings, port: int) -> int:
    """Data operations handed to a port."""
    return len([o for o in s.operations if o.op in DATA and o.port == port])


def once(s: Surroundings, blocks: int = 8 * CHUNKS) -> None:
    """Every block has been confirmed exactly once, and no byte more was sent."""
    assert set(s.confirmed.values()) == {1} and s.bytes_sent == 512 * blocks


@cocotb.test()
async def spreads_over_both_ports(dut: Any) -> None:
    s = await ready(dut, 3)
    await s.start(JobOrder())
    await s.finish(DONE)
    once(s)
    assert abs(sent(s, 0) - sent(s, 1)) < CHUNKS / 4, f"{sent(s, 0)} chunks on port 0, {sent(s, 1)} on port 1"
    ops = [(o.op, o.port) for o in s.operations if o.op not in DATA]
    assert sorted(ops) == sorted([(TI_LOGIN, 0), (TI_LOGIN, 1), (TI_PROBE, 0), (TI_LOGOUT, 0), (TI_LOGOUT, 1)]), (
        "a login on each port, one probe, a logout on each port"
    )


@cocotb.test()
async def slow_port_does_not_hold_the_other(dut: Any) -> None:
    """The other port goes on by the bitmap while one hangs; the pointer waits, and nothing is sent twice."""
    s = await ready(dut, 3)
    s.delay = lambda op, port: 6000 if port and op in DATA else 100
    await s.start(JobOrder())
    await s.finish(DONE)
    once(s)
    assert sent(s, 0) > 4 * sent(s, 1) > 0, f"{sent(s, 0)} chunks on port 0, {sent(s, 1)} on the slow one"

    s = await ready(dut, 3)
    s.device = lambda op, block, attempt, port: None if port and op in DATA else GOOD
    await s.start(JobOrder())
    await s.until(lambda: len(s.confirmed) >= 50, "50 chunks past the one that hangs")
    low = s.pointer()
    await s.steps(3000)
    assert s.pointer() == low < 8 * 50, "the pointer has passed a chunk that is not confirmed"
    s.device = lambda op, block, attempt, port: GOOD
    s.answer_all((2, 0, 0), port=1)
    await s.finish(DONE)
    once(s)


async def port_goes(dut: Any, status: int) -> None:
    """Port 1 answers everything with `status` from some moment on, and the placement leaves it."""
    s = await ready(dut, 3)
    await s.start(JobOrder())
    await s.until(lambda: s.pointer() >= 8 * 20, "some chunks")
    s.delay = lambda op, port: 200
    await s.until(lambda: [c for c in s.completions if c[1] in DATA and c[3] == 1] != [], "a chunk on port 1")
    s.device = lambda op, block, attempt, port: (status, 0, 0) if port else GOOD
    s.answer_all((status, 0, 0), port=1)
    s.move(1)
    before = sent(s, 1)
    await s.finish(DONE)
    once(s)
    assert sent(s, 1) - before <= 1, "a chunk was sent on the port that is gone"


@cocotb.test()
async def port_lost_in_mid_chunk(dut: Any) -> None:
    """What was under way on a port that goes is sent on the other one."""
    for status in (6, 7, 2):
        await port_goes(dut, status)


@cocotb.test()
async def port_that_refuses_the_device(dut: Any) -> None:
    """The device can be reached by one port only: chunks given to the other are tried again here."""
    s = await ready(dut, 3)
    s.device = lambda op, block, attempt, port: (3, 0, 0) if op == TI_LOGIN and port == 1 else GOOD
    await s.start(JobOrder())
    await s.finish(DONE)
    once(s)
    assert sent(s, 1) == 0


@cocotb.test()
async def login_tried_on_the_other_port(dut: Any) -> None:
    """The first port does not answer: login and probe go to the second."""
    s = await ready(dut, 3)
    s.device = lambda op, block, attempt, port: (2, 0, 0) if port == 0 else GOOD
    await s.start(JobOrder())
    await s.finish(DONE)
    once(s)
    assert [(o.op, o.port) for o in s.operations][:3] == [(TI_LOGIN, 0), (TI_LOGIN, 1), (TI_PROBE, 1)]


@cocotb.test()
async def logins_lost_one_after_the_other(dut: Any) -> None:
    """Both ports lose their login, the second while that of the first is asked for again, whose answer comes in any
    clock after: one login more on each port."""
    s = await ready(dut, 3, chunks=640)
    s.busy = 0.0
    s.delay = lambda op, port: 30
    await s.start(JobOrder())

    def hangs(operations: tuple[int, ...], port: int) -> bool:
        return any(c[1] in operations and c[3] == port and c[4] is None for c in s.completions)

    def at_work(operation: int, port: int) -> bool:
        return any(c[1] == operation and c[3] == port for c in s.completions)

    def asked() -> list[int]:
        return [o.port for o in s.operations if o.op == TI_LOGIN]

    for round_ in range(3 * 18):
        s.device = lambda op, block, attempt, port: None if op in DATA else GOOD
        await s.until(lambda: hangs(DATA, 0) and hangs(DATA, 1), "data on both ports")
        logins = Counter(asked())
        assert logins == {0: round_ + 1, 1: round_ + 1}, f"logins {logins} before round {round_}"
        s.device = lambda op, block, attempt, port: None if op == TI_LOGIN else GOOD
        s.move(1)
        s.answer_all((7, 0, 0), port=0)
        await s.until(lambda: hangs((TI_LOGIN,), 0), "a login on port 0")
        s.move(3)
        s.answer_all((7, 0, 0), port=1)
        await s.until(lambda: not any(at_work(op, 1) for op in DATA), "the loss on port 1")
        await s.steps(8 + round_ % 18)  # the slot of port 1 waits two ticks of 8 clocks
        s.device = lambda op, block, attempt, port: GOOD
        s.answer_all(GOOD)
        await s.until(lambda: not at_work(TI_LOGIN, 0), "the login on port 0")
        await s.until(lambda wanted=2 * round_ + 4: len(asked()) >= wanted, "both logins")
        low = s.pointer()
        await s.until(lambda low=low: s.pointer() >= low + 8 * 6, "the chunks that were sent again")
    await s.finish(DONE)
    once(s, 8 * 640)


@cocotb.test()
async def moved_100_times(dut: Any) -> None:
    """The placement goes back and forth 100 times during a job: each block is sent exactly once."""
    s = await ready(dut, 1, chunks=400)
    await s.start(JobOrder())
    moves = 0
    while s.state() is not DONE:
        await s.steps(s.rng.randrange(20, 200))
        s.move(s.place ^ 3)
        moves += 1
    await s.finish(DONE)
    assert moves >= 100, f"moved only {moves} times"
    once(s, 8 * 400)
    assert len([o for o in s.operations if o.op in DATA]) == 400, "a move made a chunk be sent again"
    assert sent(s, 0) > 50 and sent(s, 1) > 50
    assert [o.op for o in s.operations].count(TI_PROBE) == 1


@cocotb.test()
async def waits_for_an_allowed_port(dut: Any) -> None:
    """The mask of the job: other ports get nothing; with none of its own it waits, pausable, with no port active."""
    s = await ready(dut, 3)
    await s.start(JobOrder(ports=2))
    await s.until(lambda: s.pointer() >= 8 * 20, "some chunks")
    assert int(dut.job_mask.value) == 2
    s.move(1)
    await s.steps(2000)
    count = len(s.operations)
    await s.steps(2000)
    assert len(s.operations) == count and s.state() is BackupState.TRANSFER
    assert int(dut.backup_active.value) == 0
    assert await s.command(JobCommand.PAUSE) is Refusal.NONE
    await s.finish(PAUSED)
    assert await s.command(JobCommand.RESUME) is Refusal.NONE
    await s.steps(2000)
    assert s.state() is BackupState.LOGIN
    s.move(2)
    await s.finish(DONE)
    once(s)
    assert sent(s, 0) == 0
    assert {o.port for o in s.operations} == {1}


@cocotb.test()
async def own_id_of_any_port(dut: Any) -> None:
    s = await ready(dut, 3)
    s.own_ids = [0x010E00, 0x020E00]
    for own in s.own_ids:
        assert await s.command(JobCommand.START_BACKUP, 0, JobOrder(port_id=own)) is Refusal.SELF
    s.usable = 1
    assert await s.command(JobCommand.START_BACKUP, 0, JobOrder(ports=2)) is Refusal.NO_PORT
    assert await s.command(JobCommand.START_BACKUP, 0, JobOrder(ports=3)) is Refusal.NONE
    await s.finish(DONE)


@cocotb.test()
async def anything_may_happen(dut: Any) -> None:
    """Ports come and go, devices fail, the console pauses and goes on: pointers, bitmaps and records are always right,
    and no block is confirmed twice."""
    s = await ready(dut, 3, chunks=150)

    def device(op: int, block: int, attempt: int, port: int) -> tuple[int, int, int]:
        bad = s.rng.choice((CHECK_CONDITION, (2, 0, 0), (6, 0, 0), (7, 0, 0), (4, 8, 0)))
        return bad if s.rng.random() < 0.25 else GOOD

    s.device = device
    s.staging = lambda block, attempt: s.rng.random() < 0.1
    await s.start(JobOrder(volume=1), 0)
    await s.start(JobOrder(volume=0, ports=1), 1, kind=1)
    while any(s.state(number) is not DONE for number in (0, 1)):
        assert s.now < 600_000, "the jobs do not come to their end"
        await s.steps(s.rng.randrange(1, 300))
        s.move(s.rng.choice((1, 2, 3, 3, 0)))
        number = s.rng.randrange(2)
        if s.state(number) is PAUSED:
            await s.until(lambda n=number: s.recorded(n), "its record", 2000)
            s.check_settled(number)
            await s.command(JobCommand.RESUME, number)
        elif s.rng.random() < 0.1:
            await s.command(JobCommand.PAUSE, number)
    await s.settle()
    s.check_settled(0)
    s.check_settled(1)
    once(s, 8 * (150 + 40))
    assert len(s.begun) > 4 and [o.op for o in s.operations].count(TI_WRITE) > 150
