# SPDX-License-Identifier: Apache-2.0
"""task_queues against Python queues: each empty and full, a push and a pop in one clock, of one queue and of two."""

from __future__ import annotations

import os
import random
from collections import deque
from typing import Any

import cocotb
from clocked import Clocked, number

QUEUES, TASKS = int(os.environ["QUEUES"]), int(os.environ["TASKS"])


def look(dut: Any, models: list[deque[int]]) -> None:
    """Which queues hold something, and the head of the one that is asked for."""
    assert number(dut.head_valid) == sum(bool(model) << queue for queue, model in enumerate(models))
    model = models[number(dut.head_queue)]
    if model:
        assert number(dut.head_task) == model[0]


async def pushes_and_pops(clocked: Clocked, models: list[deque[int]], steps: int, rng: random.Random) -> None:
    """A queue at a time is filled and emptied, the others are met now and then."""
    dut = clocked.dut
    fullest = [0] * QUEUES
    for step in range(steps):
        phase = step // (2 * TASKS + 10)
        share = (0.9, 0.5, 0.1)[phase % 3]
        to, of = (phase // 3 % QUEUES if rng.random() < 0.9 else rng.randrange(QUEUES) for _ in range(2))
        # the user counts: no pop when empty, no push when full
        push = rng.random() < share and len(models[to]) < TASKS
        pop = rng.random() < 1 - share and bool(models[of])
        task = rng.randrange(256)
        dut.push.value, dut.push_queue.value, dut.push_task.value = int(push), to, task
        dut.pop.value, dut.head_queue.value = int(pop), of
        await clocked.clock()
        if pop:
            models[of].popleft()
        if push:
            models[to].append(task)
        fullest[to] = max(fullest[to], len(models[to]))
        look(dut, models)
    assert fullest == [TASKS] * QUEUES


@cocotb.test()
async def equal_queues(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    clocked = Clocked(dut)
    await clocked.start(push=0, push_queue=0, push_task=0, pop=0, head_queue=0)
    steps = min(12000, 60 * TASKS * QUEUES + 600)
    for _ in range(2):  # again after a reset of queues that hold something, in the clock of a push
        models: list[deque[int]] = [deque() for _ in range(QUEUES)]
        await pushes_and_pops(clocked, models, steps, rng)
        for queue in range(QUEUES):
            dut.push.value, dut.push_queue.value, dut.pop.value = 1, queue, 0
            if len(models[queue]) < TASKS:
                await clocked.clock()
        dut.rst.value = 1
        await clocked.clock()
        dut.push.value, dut.rst.value = 0, 0
        look(dut, [deque() for _ in range(QUEUES)])
