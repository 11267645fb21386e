# SPDX-License-Identifier: Apache-2.0
"""Every transition of the FC_Port state machine against the table of the protocol facts, section 2.3."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from portplex.fc.constants import ORDERED_SETS

STATES = ("AC", "LR1", "LR2", "LR3", "LF1", "LF2", "OL1", "OL2", "OL3")
KINDS = {"DATA": 0, "IDLE": 1, "R_RDY": 2, "NOS": 3, "OLS": 4, "LR": 5, "LRR": 6, "OTHER": 14, "INVALID": 15}
SENT = dict(zip(STATES, ("IDLE", "LR", "LRR", "IDLE", "OLS", "NOS", "OLS", "LR", "NOS"), strict=True))
# From LF2, the state after reset, words that lead to each state ("reset_request" is the strobe)
PATHS: dict[str, tuple[str, ...]] = {
    "LF2": (),
    "LF1": ("NOS",),
    "OL2": ("OLS",),
    "LR2": ("NOS", "LR"),
    "LR3": ("OLS", "LRR"),
    "AC": ("OLS", "LRR", "IDLE"),
    "LR1": ("OLS", "LRR", "IDLE", "reset_request"),
    "OL1": ("disable",),
    "OL3": ("OLS", "lost"),
}


def expected(state: str, received: str) -> str:
    """The table: state after a primitive sequence or IDLE was recognised."""
    if received == "OLS":
        return "OL2"
    if received == "NOS":
        return "LF1"
    if received == "LR":
        return "LF2" if state in ("OL3", "LF2") else "LR2"
    if received == "LRR":
        if state in ("LF1", "LF2", "OL1"):
            return state
        return "LF2" if state == "OL3" else "LR3"
    if received == "IDLE" and state in ("LR2", "LR3"):
        return "AC"
    return state


class Bench:
    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.events: list[str] = []

    @property
    def state(self) -> str:
        return STATES[int(self.dut.state.value)]

    async def clocks(self, count: int) -> None:
        for _ in range(count):
            await RisingEdge(self.dut.clk)
            for name in ("link_down_event", "link_reset_event", "left_active", "stat_sequence_error"):
                if int(getattr(self.dut, name).value):
                    self.events.append(name)

    async def words(self, name: str, count: int) -> None:
        self.dut.word_kind.value = KINDS[name]
        await self.clocks(count)

    async def reset(self) -> None:
        dut = self.dut
        dut.rst.value, dut.link_enable.value, dut.reset_request.value, dut.tick.value = 1, 1, 0, 0
        dut.word_kind.value, dut.in_sync.value, dut.cfg_r_t_tov_ticks.value = KINDS["R_RDY"], 1, 0
        for _ in range(2):
            await RisingEdge(dut.clk)
        dut.rst.value = 0
        await self.clocks(2)

    async def enter(self, state: str) -> None:
        await self.reset()
        for step in PATHS[state]:
            if step == "reset_request":
                self.dut.reset_request.value = 1
                await self.clocks(1)
                self.dut.reset_request.value = 0
            elif step == "disable":
                self.dut.link_enable.value = 0
                await self.clocks(2)
                self.dut.link_enable.value = 1
            elif step == "lost":
                await self.words("R_RDY", 2)
                self.dut.cfg_r_t_tov_ticks.value, self.dut.in_sync.value, self.dut.tick.value = 1, 0, 1
                await self.clocks(4)
                self.dut.cfg_r_t_tov_ticks.value, self.dut.in_sync.value, self.dut.tick.value = 0, 1, 0
            else:
                await self.words(step, 6)
        await self.words("R_RDY", 3)
        assert self.state == state, f"reached {self.state} on the way to {state}"
        self.events.clear()


@cocotb.test()
async def transition_table(dut: Any) -> None:
    Clock(dut.clk, 4, unit="ns").start()
    bench = Bench(dut)
    for state in STATES:
        for received in ("NOS", "OLS", "LR", "LRR", "IDLE"):
            await bench.enter(state)
            assert int(dut.state_word.value) == ORDERED_SETS[SENT[state]]
            assert int(dut.active.value) == (state == "AC")
            await bench.words(received, 2)
            await bench.words("R_RDY", 4)
            assert bench.state == state, f"{state}: two {received} are not three"
            await bench.words(received, 3)
            await bench.words("R_RDY", 1)
            # one step only: the words end as soon as they are recognised
            await bench.clocks(3)
            assert bench.state == expected(state, received), f"{received} in {state}: {bench.state}"
            after = bench.state
            if state == "AC" and after != "AC":
                reset = after in ("LR2", "LR3")
                assert bench.events.count("left_active") == 1
                assert bench.events.count("link_reset_event") == reset
                assert bench.events.count("link_down_event") == (not reset)
            else:
                assert "left_active" not in bench.events
            error = (state == "AC" and received == "LRR") or (state == "OL3" and received in ("LR", "LRR"))
            assert bench.events.count("stat_sequence_error") == error, (state, received)


@cocotb.test()
async def failed_link_reset_is_link_down(dut: Any) -> None:
    """A link reset that times out tells the port, once, that the link is down."""
    Clock(dut.clk, 4, unit="ns").start()
    bench = Bench(dut)
    await bench.enter("LR1")
    dut.cfg_r_t_tov_ticks.value = 3
    dut.tick.value = 1
    await bench.clocks(20)
    assert bench.state == "LF2"
    assert bench.events == ["link_down_event"]


@cocotb.test()
async def random_words_follow_the_table(dut: Any) -> None:
    """Runs of random length against a step-by-step model: sequences of 3 and more count, shorter ones do not."""
    Clock(dut.clk, 4, unit="ns").start()
    rng = random.Random(cocotb.RANDOM_SEED)
    bench = Bench(dut)
    await bench.reset()
    state, last = "LF2", "R_RDY"
    for _ in range(400):
        name = rng.choice([n for n in KINDS if n != last])
        run = rng.randrange(1, 7)
        await bench.words(name, run)
        if run >= 3:
            for _ in range(run - 2):  # recognised words act one by one
                state = expected(state, name)
        last = name
        # the last word of the run acts two clocks after it, when the next run has only begun
        await bench.words("DATA", 3)
        last = "DATA"
        assert bench.state == state, f"{run} times {name}: {bench.state}, expected {state}"
