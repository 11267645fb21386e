# SPDX-License-Identifier: Apache-2.0
"""segment_list against a table: two writers of which one waits, readers, and slots that do not exist."""

from __future__ import annotations

import os
import random
from typing import Any

import cocotb
from clocked import Clocked, field, number

SLOTS, PORTS = int(os.environ["SLOTS"]), int(os.environ["PORTS"])


class Ready:
    """Whether the waiting writer is served in the coming clock."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.value = 0

    def drive(self) -> None: ...

    def sample(self) -> None:
        self.value = number(self.dut.sl_wr_ready)


@cocotb.test()
async def equals_a_table(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    ready = Ready(dut)
    clocked = Clocked(dut, ready)
    inputs = ("wr_valid", "wr_slot", "wr_index", "wr_line", "sl_wr_valid", "sl_wr_slot", "sl_wr_index", "sl_wr_line")
    await clocked.start(**dict.fromkeys((*inputs, "sl_rd_slot", "sl_rd_index"), 0))
    table: dict[tuple[int, int], int] = {}

    def place() -> tuple[int, int]:
        """Few slots, so that reads meet writes; the last one; and those just beyond it."""
        return rng.choice((0, 1, SLOTS - 1, rng.randrange(SLOTS), SLOTS, 511)), rng.choice((0, 31, rng.randrange(32)))

    waiting: tuple[tuple[int, int], int] | None = None
    waited = compared = 0
    for _ in range(4000):
        writes = []
        manager = rng.random() < 0.5
        dut.wr_valid.value = int(manager)
        if manager:
            writes.append((place(), rng.getrandbits(20)))
            (dut.wr_slot.value, dut.wr_index.value), dut.wr_line.value = writes[0]
        if waiting is None and rng.random() < 0.6:
            waiting = place(), rng.getrandbits(20)
        dut.sl_wr_valid.value = int(waiting is not None)
        if waiting is not None:
            (dut.sl_wr_slot.value, dut.sl_wr_index.value), dut.sl_wr_line.value = waiting
        asked = [place() for _ in range(PORTS)]
        dut.sl_rd_slot.value = sum(slot << 9 * port for port, (slot, _) in enumerate(asked))
        dut.sl_rd_index.value = sum(index << 5 * port for port, (_, index) in enumerate(asked))
        await clocked.clock()
        assert ready.value == (not manager), "the responder waits for the manager, and for nobody else"
        line = number(dut.sl_rd_line)
        for port, key in enumerate(asked):  # a read sees what was there before the clock
            assert field(line, 20 * port + 19, 20 * port) == table.get(key, 0), f"port {port}, slot and index {key}"
            compared += key in table
        if waiting is not None and not manager:
            writes, waiting = [waiting], None
        elif waiting is not None:
            waited += 1
        table.update((key, value) for key, value in writes if key[0] < SLOTS)
    assert waited > 500 and compared > 500
