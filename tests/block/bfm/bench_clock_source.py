# SPDX-License-Identifier: Apache-2.0
"""clock_source alone: period, reset, count of clocks and the wake signal, counted by Python at the edges."""

from __future__ import annotations

import itertools
import os
import random
from typing import Any

import cocotb
from cocotb.simtime import get_sim_time
from cocotb.triggers import FallingEdge, RisingEdge

from portplex.bfm.library import library

HALF, RESET, WAKES = int(os.environ["HALF_PERIOD"]), int(os.environ["RESET_CLOCKS"]), int(os.environ["WAKES"])


@cocotb.test()
async def first_reset_and_period(dut: Any) -> None:
    """rst for RESET_CLOCKS rising edges, from then on `cycles` is the number of them; every period is as asked for."""
    dut.wake_request.value = 0
    in_reset, began = 0, None
    edges = []
    for _ in range(RESET + 50):
        await RisingEdge(dut.clk)
        edges.append(get_sim_time("ns"))
        await FallingEdge(dut.clk)
        assert get_sim_time("ns") - edges[-1] == HALF
        if int(dut.rst.value):
            in_reset += 1
            assert int(dut.cycles.value) == 0
        else:
            began = edges[-1] if began is None else began
            assert int(dut.cycles.value) == (edges[-1] - began) // (2 * HALF)
    assert in_reset == RESET - 1, "the last rising edge of the reset ends it"
    assert {two - one for one, two in itertools.pairwise(edges)} == {2 * HALF}
    assert library().time_zero() == began


@cocotb.test()
async def reset_on_request(dut: Any) -> None:
    """Python asks for n clocks: n rising edges see rst, soon, and time goes on through it."""
    for clocks in (1, 5, 40):
        library().reset_push(clocks)
        before = int(dut.cycles.value)
        seen = []
        for step in range(1, clocks + 60):
            await RisingEdge(dut.clk)
            await FallingEdge(dut.clk)
            seen.append(int(dut.rst.value))
            assert int(dut.cycles.value) == before + step
        assert sum(seen) == clocks and 1 in seen[:17], seen
        first = seen.index(1)
        assert seen[first : first + clocks] == [1] * clocks, "in one piece"


@cocotb.test()
async def wake_toggles_for_every_clock_with_a_request(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    await FallingEdge(dut.clk)
    level = int(dut.wake.value)
    for _ in range(500):
        requests = rng.choice((0, rng.getrandbits(WAKES), 1 << rng.randrange(WAKES), (1 << WAKES) - 1))
        dut.wake_request.value = requests
        await FallingEdge(dut.clk)
        level ^= requests != 0
        assert int(dut.wake.value) == level, f"requests {requests:0{WAKES}b}"
    dut.wake_request.value = 0
