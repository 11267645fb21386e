# SPDX-License-Identifier: Apache-2.0
"""array_clock against model/schedule.py: ticks, settings and seconds at random, and the end of its time."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from clocked import Clocked, number

from portplex.model.schedule import LAST_SECOND, ArrayClock


@cocotb.test()
async def counts_seconds(dut: Any) -> None:
    """Ticks come when they like, their number in a second changes, the console sets it ahead and back."""
    rng = random.Random(cocotb.RANDOM_SEED)
    clocked, model = Clocked(dut), ArrayClock()
    await clocked.start(tick=0, cfg_ticks_per_second=1, set_valid=0, set_seconds=0)
    per_second = moved = 1
    for _ in range(6000):
        if rng.random() < 0.01:
            per_second = rng.choice((0, 1, 2, 3, 7, rng.randint(1, 60), 65_535))
        tick, set_now = rng.random() < 0.6, rng.random() < 0.003
        seconds = rng.choice((0, LAST_SECOND, LAST_SECOND - 2, rng.getrandbits(32)))
        dut.tick.value, dut.cfg_ticks_per_second.value = int(tick), per_second
        dut.set_valid.value, dut.set_seconds.value = int(set_now), seconds
        await clocked.clock()
        before = model.seconds
        if tick:
            model.tick(per_second)
        if set_now:
            model.set(seconds)
        assert number(dut.seconds) == model.seconds
        moved += model.seconds == before + 1
    assert moved > 200


@cocotb.test()
async def midnight_is_a_second_like_any_other(dut: Any) -> None:
    """Over midnight, over the year's end, over 31 bits, and the last second stays."""
    clocked = Clocked(dut)
    await clocked.start(tick=0, cfg_ticks_per_second=4, set_valid=0, set_seconds=0)
    for start in (86_399, 1_798_761_599, 0x7FFF_FFFF, LAST_SECOND - 1):
        dut.tick.value, dut.set_valid.value, dut.set_seconds.value = 0, 1, start
        await clocked.clock()
        dut.set_valid.value, dut.tick.value = 0, 1
        await clocked.clocks(3)
        assert number(dut.seconds) == start
        await clocked.clock()
        assert number(dut.seconds) == start + 1
        await clocked.clocks(8)
        assert number(dut.seconds) == min(start + 3, LAST_SECOND)
