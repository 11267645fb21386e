# SPDX-License-Identifier: Apache-2.0
"""port_fifo and cache_fifo against a Python queue: empty, full, both ends in one clock."""

from __future__ import annotations

import os
import random
from collections import deque
from typing import Any

import cocotb
from clocked import Clocked, number

TOP = os.environ["TOP"]
WIDTH = int(os.environ.get("WIDTH", "8"))
DEPTH = 1 << int(os.environ["DEPTH_LOG2"])


def look(dut: Any, model: deque[int]) -> None:
    """The outputs that say what is in the queue."""
    if TOP == "cache_fifo":
        assert number(dut.count) == len(model)
        assert number(dut.empty) == (not model) and number(dut.full) == (len(model) == DEPTH)
    else:
        assert number(dut.valid) == bool(model)
        # its promise is two more; it stops promising one early
        assert number(dut.room) == (len(model) < DEPTH - 2), f"room with {len(model)} of {DEPTH}"
    if model:
        assert number(dut.head) == model[0]


@cocotb.test()
async def equals_a_queue(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    clocked = Clocked(dut)
    await clocked.start(push=0, push_data=0, pop=0)
    model: deque[int] = deque()
    fullest = 0
    for step in range(min(6000, 40 * DEPTH + 600)):
        share = (0.9, 0.5, 0.1)[step // (2 * DEPTH + 10) % 3]
        push, pop = rng.random() < share, rng.random() < 1 - share
        if TOP != "cache_fifo":  # their users count: no pop when empty, no push when full
            pop = pop and bool(model)
            push = push and len(model) < DEPTH
        data = rng.randrange(1 << WIDTH)
        dut.push.value, dut.pop.value = int(push), int(pop)
        dut.push_data.value = data
        look(dut, model)
        await clocked.clock()
        accept = push and (len(model) < DEPTH or pop)  # a push while full is lost, unless the head leaves
        if pop and model:
            model.popleft()
        if accept:
            model.append(data)
        fullest = max(fullest, len(model))
        look(dut, model)
    assert fullest == DEPTH
    dut.push.value, dut.pop.value, dut.rst.value = 1, 0, 1
    await clocked.clock()
    dut.push.value, dut.rst.value = 0, 0
    look(dut, deque())
