# SPDX-License-Identifier: Apache-2.0
"""The checker of I4 finds a segment that becomes clean without the drive's word for it."""

from __future__ import annotations

from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge


class Drive:
    """Plays drive and cache for the checker."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.dirty = 0

    async def start(self) -> None:
        dut = self.dut
        for signal in (dut.command, dut.command_write, dut.command_tag, dut.status, dut.status_tag, dut.status_error):
            signal.value = 0
        dut.dirty_count.value = 0
        dut.rst.value = 1
        Clock(dut.clk, 4, unit="ns").start()
        await ClockCycles(dut.clk, 2)
        dut.rst.value = 0
        self.before = int(dut.failures.value)

    async def command(self, tag: int, *, write: bool = True) -> None:
        await FallingEdge(self.dut.clk)
        self.dut.command.value, self.dut.command_write.value, self.dut.command_tag.value = 1, int(write), tag
        await FallingEdge(self.dut.clk)
        self.dut.command.value = 0

    async def status(self, tag: int, *, error: bool = False) -> None:
        await FallingEdge(self.dut.clk)
        self.dut.status.value, self.dut.status_tag.value, self.dut.status_error.value = 1, tag, int(error)
        await FallingEdge(self.dut.clk)
        self.dut.status.value = 0

    async def count(self, dirty: int) -> None:
        await FallingEdge(self.dut.clk)
        self.dut.dirty_count.value = dirty
        await ClockCycles(self.dut.clk, 2)
        await FallingEdge(self.dut.clk)

    @property
    def failures(self) -> int:
        """Found since `start`: one simulation runs all tests."""
        return int(self.dut.failures.value) - self.before


async def started(dut: Any) -> Drive:
    drive = Drive(dut)
    await drive.start()
    return drive


@cocotb.test()
async def confirmed_destage_passes(dut: Any) -> None:
    d = await started(dut)
    await d.count(5)
    for tag in (7, 1023):
        await d.command(tag)
        await d.status(tag)
    await d.count(4)
    await d.count(3)
    await d.count(9)
    assert d.failures == 0
    assert int(dut.cleaned.value) == 2, "the first test of the simulation"


@cocotb.test()
async def clean_before_the_answer_is_found(dut: Any) -> None:
    """The write is under way, the drive has not answered."""
    d = await started(dut)
    await d.count(3)
    await d.command(4)
    await d.count(2)
    assert d.failures == 1


@cocotb.test()
async def clean_after_an_error_is_found(dut: Any) -> None:
    d = await started(dut)
    await d.count(3)
    await d.command(4)
    await d.status(4, error=True)
    await d.count(2)
    assert d.failures == 1


@cocotb.test()
async def clean_after_a_read_is_found(dut: Any) -> None:
    """What the drive confirmed was a read."""
    d = await started(dut)
    await d.count(3)
    await d.command(4, write=False)
    await d.status(4)
    await d.count(2)
    assert d.failures == 1


@cocotb.test()
async def old_confirmation_does_not_count(dut: Any) -> None:
    d = await started(dut)
    await d.count(3)
    await d.command(4)
    await d.status(4)
    await ClockCycles(dut.clk, 600)
    await d.count(2)
    assert d.failures == 1


@cocotb.test()
async def more_clean_than_confirmed_is_found(dut: Any) -> None:
    d = await started(dut)
    await d.count(3)
    await d.command(4)
    await d.status(4)
    await d.count(1)
    assert d.failures == 1
