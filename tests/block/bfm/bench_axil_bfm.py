# SPDX-License-Identifier: Apache-2.0
"""axil_bfm alone, before a slave made in Python: the rules of AXI4-Lite, answers, deadline, reset."""

from __future__ import annotations

import random
from collections import deque
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from portplex.bfm.library import Event, Kind, library

MASTER = 3
OKAY, SLVERR, DECERR, DEADLINE, RESET = 0, 2, 3, 4, 5
CHANNELS = {"aw": "awaddr", "w": "wdata", "ar": "araddr"}


class Slave:
    """Takes each channel when it likes. Outputs are registers: a falling edge shows what the next edge acts on."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.words: dict[int, int] = {}
        self.mute = False
        self.now = self.wakes = 0
        self.events: list[Event] = []
        self.held: dict[str, int] = {}
        self.taken: dict[str, deque[int]] = {channel: deque() for channel in CHANNELS}
        self.answer: tuple[str, int, int] | None = None  # channel, response, data

    async def start(self) -> None:
        dut = self.dut
        for name in ("awready", "wready", "arready", "bvalid", "bresp", "rvalid", "rresp", "rdata"):
            getattr(dut, f"m_axil_{name}").value = 0
        dut.rst.value, dut.cycles.value = 1, 0
        Clock(dut.clk, 4, unit="ns").start()
        for _ in range(3):
            await FallingEdge(dut.clk)
        dut.rst.value = 0
        list(library().drain())

    def response(self, address: int) -> int:
        return (OKAY, OKAY, SLVERR, DECERR)[address >> 4 & 3]

    async def step(self) -> None:
        dut, rng = self.dut, self.rng
        assert int(dut.m_axil_wstrb.value) == 15 and not int(dut.m_axil_awprot.value) | int(dut.m_axil_arprot.value)
        for channel, payload in CHANNELS.items():
            valid, value = (
                int(getattr(dut, f"m_axil_{channel}valid").value),
                int(getattr(dut, f"m_axil_{payload}").value),
            )
            before = self.held.pop(channel, None)
            assert before is None or (valid and value == before), (
                f"{channel} was withdrawn or changed before it was taken"
            )
            ready = not self.mute and rng.random() < 0.4
            getattr(dut, f"m_axil_{channel}ready").value = int(ready)
            if valid and ready:
                self.taken[channel].append(value)
            elif valid:
                self.held[channel] = value
        self._answer()
        self.wakes += int(dut.wake_request.value)
        await FallingEdge(dut.clk)
        self.now += 1
        dut.cycles.value = self.now
        self.events += library().drain()

    def _answer(self) -> None:
        dut = self.dut
        if self.answer is None:
            if self.taken["aw"] and self.taken["w"]:
                address = self.taken["aw"].popleft()
                self.answer = "b", self.response(address), self.taken["w"].popleft()
                if self.answer[1] == OKAY:
                    self.words[address] = self.answer[2]
            elif self.taken["ar"]:
                address = self.taken["ar"].popleft()
                self.answer = "r", self.response(address), self.words.get(address, 0)
            shown = None
        else:
            shown = self.answer if self.rng.random() < 0.5 or self.shown else None
        self.shown = shown is not None
        for channel in "br":
            getattr(dut, f"m_axil_{channel}valid").value = int(shown is not None and shown[0] == channel)
        if shown is None:
            return
        channel, response, data = shown
        getattr(dut, f"m_axil_{channel}resp").value = response
        if channel == "r":
            dut.m_axil_rdata.value = data
        if int(getattr(dut, f"m_axil_{channel}ready").value):
            self.answer, self.shown = None, False

    shown = False

    async def until_events(self, count: int, limit: int) -> None:
        start = self.now
        while len(self.events) < count:
            assert self.now < start + limit, f"{len(self.events)} of {count} answers in {limit} clocks"
            await self.step()
        for _ in range(2):  # the last wake
            await self.step()


@cocotb.test()
async def accesses_in_order_with_their_answers(dut: Any) -> None:
    slave = Slave(dut)
    await slave.start()
    rng, words = slave.rng, {}
    expected = []
    for _ in range(200):
        write, address, value = rng.random() < 0.5, 4 * rng.randrange(64), rng.getrandbits(32)
        library().axil_push(MASTER, write, address, value, 1000)
        response = slave.response(address)
        if write and response == OKAY:
            words[address] = value
        expected.append((response, 0 if write else words.get(address, 0)))
    await slave.until_events(200, 20_000)
    assert all(event.kind == Kind.AXIL and event.source == MASTER for event in slave.events)
    assert [(event.flags, event.value) for event in slave.events] == expected
    assert slave.wakes == 200 and slave.words == words


@cocotb.test()
async def deadline_and_reset_end_an_access(dut: Any) -> None:
    """A slave that does not answer: the bus is let go after the deadline, or at a reset, and the answer says which."""
    slave = Slave(dut)
    await slave.start()
    for write in (True, False):
        slave.mute, slave.events = True, []
        library().axil_push(MASTER, write, 0x40, 7, 50)
        began = slave.now
        while not slave.events:
            assert slave.now < began + 100, "no answer long after the deadline"
            await slave.step()
            for channel in CHANNELS:
                if slave.events:  # withdrawn on purpose
                    slave.held.pop(channel, None)
        assert slave.events[0].flags == DEADLINE and 50 <= slave.now - began <= 50 + 8 + 3
        assert not any(int(getattr(dut, f"m_axil_{channel}valid").value) for channel in CHANNELS)

        library().axil_push(MASTER, write, 0x44, 7, 5000)
        slave.events = []
        for _ in range(20):
            await slave.step()
        assert any(int(getattr(dut, f"m_axil_{channel}valid").value) for channel in CHANNELS)
        dut.rst.value, slave.held = 1, {}
        slave.now += 1
        await FallingEdge(dut.clk)
        slave.events += library().drain()
        assert [event.flags for event in slave.events] == [RESET]
        assert not any(int(getattr(dut, f"m_axil_{channel}valid").value) for channel in CHANNELS)
        dut.rst.value = 0

        slave.mute, slave.events = False, []  # afterwards all is as before
        library().axil_push(MASTER, True, 0x08, 99, 1000)
        library().axil_push(MASTER, False, 0x08, 0, 1000)
        await slave.until_events(2, 500)
        assert [(event.flags, event.value) for event in slave.events] == [(OKAY, 0), (OKAY, 99)]
