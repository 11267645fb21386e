# SPDX-License-Identifier: Apache-2.0
"""bb_credit against a model of both directions, under random events."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

INPUTS = (
    "active restore link_down credit_set credit_value frame_sent r_rdy_received buffers_freed r_rdy_sent tick "
    "cfg_e_d_tov_ticks"
)


async def start(dut: Any) -> None:
    for name in INPUTS.split(" "):
        getattr(dut, name).value = 0
    dut.rst.value = 1
    Clock(dut.clk, 4, unit="ns").start()
    for _ in range(2):
        await RisingEdge(dut.clk)
    dut.rst.value = 0
    dut.active.value = 1
    await RisingEdge(dut.clk)


@cocotb.test()
async def random_events_follow_the_model(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    await start(dut)
    granted, unanswered, owed = 1, 0, 0
    for _ in range(4000):
        sent = unanswered < granted and rng.random() < 0.4
        answered = rng.random() < 0.35
        freed = rng.randrange(3) if owed < 8 and rng.random() < 0.3 else 0
        returned = owed > 0 and rng.random() < 0.4
        login = rng.choice((0, 1, 3, 8, 255)) if rng.random() < 0.01 else None
        restore = rng.random() < 0.01
        down = restore and rng.random() < 0.5
        dut.frame_sent.value, dut.r_rdy_received.value = int(sent), int(answered)
        dut.buffers_freed.value, dut.r_rdy_sent.value = freed, int(returned)
        dut.credit_set.value, dut.credit_value.value = int(login is not None), login or 0
        dut.restore.value, dut.link_down.value = int(restore), int(down)
        await RisingEdge(dut.clk)
        if login is not None:
            granted = max(login, 1)
        if answered and unanswered:
            unanswered -= 1
        unanswered += sent
        owed += freed - returned
        if restore:
            unanswered = owed = 0
        if down:
            granted = 1
        for name in (
            "frame_sent",
            "r_rdy_received",
            "buffers_freed",
            "r_rdy_sent",
            "credit_set",
            "restore",
            "link_down",
        ):
            getattr(dut, name).value = 0
        await RisingEdge(dut.clk)
        assert int(dut.credit.value) == max(granted - unanswered, 0)
        assert int(dut.credit_available.value) == (unanswered < granted)
        assert int(dut.r_rdy_owed.value) == (owed > 0)
        assert int(dut.r_rdy_urgent.value) == (owed >= 4), "half of the 8 buffers"


@cocotb.test()
async def starved_after_e_d_tov(dut: Any) -> None:
    """Only a whole E_D_TOV without credit counts, and 0 switches the time-out off."""
    await start(dut)
    dut.tick.value = 1

    async def clocks_to_starved(limit: int) -> int | None:
        for clock in range(limit):
            await RisingEdge(dut.clk)
            if int(dut.starved.value):
                return clock
        return None

    dut.cfg_e_d_tov_ticks.value = 20
    assert await clocks_to_starved(60) is None, "credit is there"
    dut.frame_sent.value = 1
    await RisingEdge(dut.clk)
    dut.frame_sent.value = 0
    assert await clocks_to_starved(15) is None
    dut.r_rdy_received.value = 1
    await RisingEdge(dut.clk)
    dut.r_rdy_received.value = 0
    await RisingEdge(dut.clk)
    dut.frame_sent.value = 1
    await RisingEdge(dut.clk)
    dut.frame_sent.value = 0
    waited = await clocks_to_starved(60)
    assert waited is not None and 20 <= waited <= 23, waited
    dut.cfg_e_d_tov_ticks.value = 0
    await RisingEdge(dut.clk)
    assert await clocks_to_starved(200) is None
