# SPDX-License-Identifier: Apache-2.0
"""exchange_status: sequence initiative and bytes moved of every task, against a model of the commands' histories."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from typing import Any

import cocotb
from clocked import Clocked, number

TASKS = int(os.environ["TASKS"])
WAIT, SEND, RECEIVE, RESPOND = 1, 2, 3, 4
CMND, WAITING, DATA, ABTS = 8, 9, 10, 11


@dataclass
class Task:
    """A command as its host sees it."""

    state: int = WAIT
    moved: int = 0  # bytes of finished bursts
    burst: tuple[int, int] = (0, 0)  # relative offset and length of the one under way
    asked: bool = False
    received: int = 0


def context(state: int, initiator: bool, done: int = 0) -> int:
    return int(initiator) << 65 | 1 << 64 | state << 60 | done << 115


@cocotb.test()
async def histories_of_commands(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    clocked = Clocked(dut)
    strobes = ("created", "burst", "asked")
    fields = ("created_row", "burst_row", "burst_offset", "burst_length", "asked_row", "row", "row_context", "progress")
    await clocked.start(**dict.fromkeys((*strobes, *fields, "progress_fresh"), 0))
    tasks = [Task() for _ in range(TASKS)]
    for row in range(TASKS):
        dut.created.value, dut.created_row.value = 1, row
        await clocked.clock()
    dut.created.value = 0
    seen = set()
    for _ in range(4000):
        row = rng.randrange(TASKS)
        task = tasks[row]
        if task.state == WAIT:
            if task.burst[1] and rng.random() < 0.3:  # the command ends, another one takes the row
                dut.created.value, dut.created_row.value = 1, row
                tasks[row] = task = Task()
            else:
                task.state = rng.choice((SEND, RECEIVE))
                task.burst = (
                    rng.getrandbits(32 if rng.random() < 0.1 else 20),
                    rng.choice((4, 65536, rng.randrange(1, 65537))),
                )
                task.asked, task.received = False, 0
                dut.burst.value, dut.burst_row.value = 1, row
                dut.burst_offset.value, dut.burst_length.value = task.burst
        elif task.state == RECEIVE and not task.asked:
            task.asked = True
            dut.asked.value, dut.asked_row.value = 1, row
        elif task.state == RECEIVE and task.received < task.burst[1] and rng.random() < 0.7:
            task.received += rng.randrange(1, task.burst[1] - task.received + 1)
        else:
            task.state = WAIT
            task.moved = sum(task.burst)
        await clocked.clock()
        for strobe in strobes:
            getattr(dut, strobe).value = 0
        # the question: row, one clock later its context and progress
        dut.row.value = asked_row = rng.randrange(TASKS)
        await clocked.clock()
        task = tasks[asked_row]
        if rng.random() < 0.1:
            state, done = rng.choice((CMND, WAITING, DATA, ABTS)), rng.randrange(65537)
            dut.row_context.value = context(state, True, done)
            want = (state in (CMND, DATA), done)
        else:
            dut.row_context.value = context(task.state, False, rng.getrandbits(17))
            fresh = task.received == 0
            dut.progress_fresh.value = int(fresh)
            dut.progress.value = rng.getrandbits(41) << 17 | (rng.getrandbits(17) if fresh else task.received)
            state = task.state
            moved = {WAIT: task.moved, SEND: task.burst[0], RECEIVE: task.burst[0] + task.received}[state]
            want = (not (state == RECEIVE and task.asked), moved & 0xFFFFFFFF)
        await clocked.clock()
        # still the same row: what it read stays
        assert (bool(number(dut.initiative)), number(dut.bytes)) == want, (asked_row, state)
        seen.add((state, want[0]))
    assert len(seen) >= 6, seen
