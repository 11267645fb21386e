# SPDX-License-Identifier: Apache-2.0
"""host_requests: requests leave in the order they came, each with the record of its task, and stay until taken."""

from __future__ import annotations

import os
import random
from collections import deque
from typing import Any

import cocotb
from clocked import Clocked, number

TASKS = int(os.environ["TASKS"])


@cocotb.test()
async def in_order_with_their_records(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    clocked = Clocked(dut)
    await clocked.start(push=0, push_op=0, push_task=0, record_write=0, record_data=0, hr_ready=0)
    records: dict[int, int] = {}
    waiting: deque[tuple[int, int]] = deque()
    taken = 0
    shown: tuple[int, int, int] | None = None
    for step in range(2500):
        share = 0.8 if step // 500 % 2 == 0 else 0.15
        # a task is opened again only when nothing of it waits
        task = rng.randrange(TASKS)
        queued = any(t == task for _, t in waiting)
        push = rng.random() < share and (not queued or task in records) and len(waiting) < 500
        opens = push and not queued
        op = 0 if opens else rng.choice((1, 2))
        dut.push.value, dut.push_op.value, dut.push_task.value = int(push), op, task
        record = rng.randrange(1 << 267)
        dut.record_write.value, dut.record_data.value = int(opens), record
        ready = rng.random() < 1 - share
        dut.hr_ready.value = int(ready)
        valid = number(dut.hr_valid)
        now = (number(dut.hr_op), number(dut.hr_task), number(dut.hr_record)) if valid else None
        assert shown is None or now == shown, "a waiting request has changed"
        if now is not None:
            assert now == (*waiting[0], records[waiting[0][1]])
        shown = now
        await clocked.clock()
        if valid and ready:
            waiting.popleft()
            shown = None
            taken += 1
        if opens:
            records[task] = record
        if push:
            waiting.append((op, task))
        assert number(dut.room)
    assert taken > 300
