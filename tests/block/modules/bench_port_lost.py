# SPDX-License-Identifier: Apache-2.0
"""port_lost against a plain reading of its rule: active, then down while enabled, is told once."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from clocked import Clocked, number

PORTS = 2
ACTIVE, LINK_FAILURE = 0, 4


@cocotb.test()
async def tells_a_lost_link_once(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    clocked = Clocked(dut)
    await clocked.start(link_enable=0, status_link_state=0x88)
    states, enabled, was_active = [8] * PORTS, [False] * PORTS, [False] * PORTS
    told = quiet = 0
    for _ in range(20_000):
        for port in range(PORTS):
            if rng.random() < 0.2:
                states[port] = rng.choice((ACTIVE, ACTIVE, *range(9)))
            if rng.random() < 0.05:
                enabled[port] = not enabled[port]
        dut.link_enable.value = sum(on << port for port, on in enumerate(enabled))
        dut.status_link_state.value = sum(state << 4 * port for port, state in enumerate(states))
        await clocked.clock()
        for port in range(PORTS):
            down = states[port] >= LINK_FAILURE
            lost = enabled[port] and down and was_active[port]
            assert number(dut.event_port_lost) >> port & 1 == lost, f"port {port} in state {states[port]}"
            told, quiet = told + lost, quiet + (down and not lost)
            was_active[port] = enabled[port] and not down and (was_active[port] or states[port] == ACTIVE)
    assert told > 100 and quiet > 100
