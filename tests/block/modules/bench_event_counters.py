# SPDX-License-Identifier: Apache-2.0
"""The counter blocks of link and port: each strobe moves its own counter by one, in any mixture, and reset clears."""

from __future__ import annotations

import os
import random
from typing import Any

import cocotb
from clocked import Clocked, number

STROBES = os.environ["STROBES"]


@cocotb.test()
async def counts_each_strobe(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    clocked = Clocked(dut)
    strobes = getattr(dut, STROBES)
    await clocked.start(**{STROBES: 0})
    model = [0] * 16
    for word in (*(1 << n for n in range(16)), 0xFFFF, 0, *(rng.randrange(1 << 16) for _ in range(300))):
        strobes.value = word
        await clocked.clock()
        model = [count + (word >> n & 1) for n, count in enumerate(model)]
        value = number(dut.counters)
        assert [value >> 32 * n & 0xFFFFFFFF for n in range(16)] == model
    dut.rst.value = 1
    await clocked.clock()
    assert number(dut.counters) == 0


# Verilator does not let a test set an output of the top, and counting to the top takes 2 to the 32 clocks
@cocotb.test(skip=cocotb.SIM_NAME.startswith("Verilator"))
async def stays_at_the_top(dut: Any) -> None:
    """A counter at FFFFFFFEh counts once more, then stays; the others go on."""
    clocked = Clocked(dut)
    strobes = getattr(dut, STROBES)
    await clocked.start(**{STROBES: 0})
    for n in (0, 7, 15):
        start = 0xFFFFFFFE << 32 * n
        dut.counters.value = start
        strobes.value = 0
        await clocked.clock()
        assert number(dut.counters) == start
        strobes.value = 0xFFFF
        await clocked.clocks(3)
        value = number(dut.counters)
        counts = [value >> 32 * k & 0xFFFFFFFF for k in range(16)]
        assert counts == [0xFFFFFFFF if k == n else 3 for k in range(16)]
