# SPDX-License-Identifier: Apache-2.0
"""The checker of I7 finds each fault planted in a scheduler played by the bench, and none in fair choices."""

from __future__ import annotations

from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge

ROWS = 8
QUANTUM, ONLINE_TIME = 8192, 5000


class Scheduler:
    """Drives the checker as the frame scheduler would: ready rows, then a choice one clock later, then the frame."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut

    async def start(self) -> None:
        dut = self.dut
        for signal in (
            dut.chosen,
            dut.chosen_backup,
            dut.chosen_row,
            dut.ready_online,
            dut.ready_backup,
            dut.prefer_backup,
            dut.sent_backup,
            dut.sent_online,
            dut.sent_bytes,
        ):
            signal.value = 0
        dut.cfg_backup_quantum.value = QUANTUM
        dut.cfg_online_time.value = ONLINE_TIME
        dut.rst.value = 1
        Clock(dut.clk, 4, unit="ns").start()
        await ClockCycles(dut.clk, 2)
        dut.rst.value = 0
        self.before = int(dut.failures.value)

    async def frame(self, row: int, *, backup: bool, online: int, other: int, prefer: bool, size: int = 2048) -> None:
        """`row` is chosen while the rows `online` and `other` (backup), bit by bit, are ready."""
        dut = self.dut
        await FallingEdge(dut.clk)
        dut.ready_online.value, dut.ready_backup.value, dut.prefer_backup.value = online, other, int(prefer)
        await FallingEdge(dut.clk)
        dut.chosen.value, dut.chosen_backup.value, dut.chosen_row.value = 1, int(backup), row
        await FallingEdge(dut.clk)
        dut.chosen.value = 0
        (dut.sent_backup if backup else dut.sent_online).value = 1
        dut.sent_bytes.value = size
        await FallingEdge(dut.clk)
        dut.sent_backup.value = dut.sent_online.value = 0

    @property
    def failures(self) -> int:
        """Found since `start`: one simulation runs all tests."""
        return int(self.dut.failures.value) - self.before


async def started(dut: Any) -> Scheduler:
    scheduler = Scheduler(dut)
    await scheduler.start()
    return scheduler


@cocotb.test()
async def fair_choices_pass(dut: Any) -> None:
    """Round robin in both classes, turns of the priority table: nothing is found."""
    s = await started(dut)
    for _ in range(10):
        for turn in range(9):  # 4743 words of online frames
            await s.frame(turn % 4, backup=False, online=0x0F, other=0xF0, prefer=False)
        for turn in range(4):
            await s.frame(4 + turn, backup=True, online=0x0F, other=0xF0, prefer=True)
    await s.frame(7, backup=True, online=0, other=0x80, prefer=False)  # the preferred class has nothing
    assert s.failures == 0
    assert int(dut.choices.value) == 131, "the first test of the simulation"


@cocotb.test()
async def starved_row_is_found(dut: Any) -> None:
    """Rows 0 and 1 take turns for ever, row 2 is ready and never chosen."""
    s = await started(dut)
    for turn in range(2 * ROWS):
        await s.frame(turn % 2, backup=False, online=0x07, other=0, prefer=False, size=100)
        assert s.failures == (turn >= ROWS), f"after {turn + 1} frames"
    assert s.failures == 1


@cocotb.test()
async def wrong_class_is_found(dut: Any) -> None:
    """A backup frame goes in online time although an online frame is ready; and the other way round."""
    s = await started(dut)
    await s.frame(5, backup=True, online=0x01, other=0x20, prefer=False)
    assert s.failures == 1
    await s.frame(0, backup=False, online=0x01, other=0x20, prefer=True)
    assert s.failures == 2


@cocotb.test()
async def row_that_is_not_ready_is_found(dut: Any) -> None:
    s = await started(dut)
    await s.frame(3, backup=False, online=0x01, other=0, prefer=False)
    assert s.failures == 1


@cocotb.test()
async def backup_without_its_turn_is_found(dut: Any) -> None:
    """Online is preferred for ever while backup is ready."""
    s = await started(dut)
    for _ in range(ONLINE_TIME // 527 + 4):
        await s.frame(0, backup=False, online=0x01, other=0x20, prefer=False)
    assert s.failures == 1


@cocotb.test()
async def online_without_its_turn_is_found(dut: Any) -> None:
    """Backup is preferred beyond its quantum while online is ready."""
    s = await started(dut)
    for _ in range(QUANTUM // 2048 + 3):
        await s.frame(5, backup=True, online=0x01, other=0x20, prefer=True)
    assert s.failures == 1
