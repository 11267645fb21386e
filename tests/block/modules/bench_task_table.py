# SPDX-License-Identifier: Apache-2.0
"""task_table: the RAMs and who owns them, the free list, the fresh flags and the exchange timers."""

from __future__ import annotations

import os
import random
from typing import Any

import cocotb
from clocked import Clocked, number

TASKS = int(os.environ["TASKS"])
ROWS = TASKS + 4
KEEP, EXCHANGE, SETTLE, STOP = range(4)
SCAN = 16 * (TASKS + 1)  # clocks until every row has been looked at


async def make(dut: Any) -> tuple[random.Random, Clocked]:
    rng = random.Random(cocotb.RANDOM_SEED)
    clocked = Clocked(dut)
    names = (
        "tick context_rd_row context_write context_wr_row context_wr_data window_write window_wr_row window_wr_data "
        "window_rd_row progress_write progress_wr_row progress_wr_data descriptor_write descriptor_wr_row "
        "descriptor_wr_data descriptor_rd_row iu_write iu_wr_addr iu_wr_data iu_rd_addr tx_progress_write "
        "tx_progress_wr_row tx_progress_wr_data allocate release_valid release_row timer_command timer_row "
        "rx_activity rx_activity_row tx_activity tx_activity_row timeout_ready cfg_e_d_tov_ticks cfg_r_a_tov_ticks"
    )
    await clocked.start(**dict.fromkeys(names.split(), 0))
    for _ in range(TASKS + 2):
        if number(dut.free_ready):
            break
        await clocked.clock()
    assert number(dut.free_ready) and number(dut.free_count) == TASKS
    return rng, clocked


@cocotb.test()
async def rams_hold_what_is_written(dut: Any) -> None:
    """Every table against a dictionary, reads and writes of random rows in the same clock; old data when both meet."""
    rng, clocked = await make(dut)
    tables = {  # name: rows, width, read address, read data
        "context": (TASKS, 154, "context_rd_row", "context_rd_data"),
        "window": (TASKS, 134, "window_rd_row", "window_rd_data"),
        "descriptor": (ROWS, 196, "descriptor_rd_row", "descriptor_rd_data"),
        "iu": (ROWS * 16, 32, "iu_rd_addr", "iu_rd_data"),
    }
    contents: dict[str, dict[int, int]] = {name: {} for name in tables}
    progress: dict[int, int] = {}
    tx_progress: dict[int, int] = {}
    fresh: dict[int, bool] = {}
    tx_fresh: dict[int, bool] = {}
    for _ in range(1200):
        expected: dict[str, int | None] = {}
        writes = {}
        for name, (rows, width, address, data) in tables.items():
            row = rng.randrange(rows)
            getattr(dut, address).value = row
            expected[data] = contents[name].get(row, 0 if name in ("context", "window") else None)
            if name == "context":
                expected["engine_progress"], expected["engine_fresh"] = progress.get(row), fresh.get(row)
            elif name == "window":
                expected["progress_rd_data"], expected["progress_rd_fresh"] = progress.get(row), fresh.get(row)
            elif name == "descriptor":
                expected["tx_progress_rd_data"] = tx_progress.get(row)
                expected["tx_progress_rd_fresh"] = tx_fresh.get(row)
            write = rng.random() < 0.5
            getattr(dut, f"{name}_write").value = int(write)
            if write:
                writes[name] = rng.randrange(rows), rng.randrange(1 << width)
                suffix = "addr" if name == "iu" else "row"
                getattr(dut, f"{name}_wr_{suffix}").value, getattr(dut, f"{name}_wr_data").value = writes[name]
        for name in ("progress", "tx_progress"):
            rows, width = (TASKS, 58) if name == "progress" else (ROWS, 33)
            write = rng.random() < 0.3
            getattr(dut, f"{name}_write").value = int(write)
            if write:
                writes[name] = rng.randrange(rows), rng.randrange(1 << width)
                getattr(dut, f"{name}_wr_row").value, getattr(dut, f"{name}_wr_data").value = writes[name]
        armed = writes.get("window", (0, 0))
        described = writes.get("descriptor", (-1, 0))
        if described[0] == writes.get("tx_progress", (-2, 0))[0]:  # the scheduler is not busy with a row that is armed
            dut.tx_progress_write.value = 0
            del writes["tx_progress"]
        await clocked.clock()
        for signal, value in expected.items():
            if value is not None:
                assert number(getattr(dut, signal)) == value, signal
        for name, (row, value) in writes.items():
            if name == "progress":
                progress[row], fresh[row] = value, False
            elif name == "tx_progress":
                tx_progress[row], tx_fresh[row] = value, False
            else:
                contents[name][row] = value
        if armed[1] & 1:
            fresh[armed[0]] = True
        if described[0] >= 0:
            tx_fresh[described[0]] = True


@cocotb.test()
async def reset_empties_contexts_and_windows(dut: Any) -> None:
    rng, clocked = await make(dut)
    for row in range(TASKS):
        dut.context_write.value = dut.window_write.value = 1
        dut.context_wr_row.value = dut.window_wr_row.value = row
        dut.context_wr_data.value, dut.window_wr_data.value = rng.randrange(1, 1 << 154), rng.randrange(1, 1 << 134)
        await clocked.clock()
    await make(dut)
    for row in range(TASKS):
        dut.context_rd_row.value = dut.window_rd_row.value = row
        await clocked.clock()
        assert number(dut.context_rd_data) == 0 and number(dut.window_rd_data) == 0, row


@cocotb.test()
async def no_row_has_two_owners(dut: Any) -> None:
    """Random allocation and release: a row that is out is never given again; the one free for longest comes first."""
    rng, clocked = await make(dut)
    free = list(range(TASKS))
    out: list[int] = []
    for step in range(3000):
        fill = 0.9 if step // (2 * TASKS + 20) % 2 == 0 else 0.1  # runs empty and full in turn
        allocate = bool(free) and rng.random() < fill
        release = bool(out) and rng.random() > fill
        dut.allocate.value, dut.release_valid.value = int(allocate), int(release)
        assert number(dut.free_count) == len(free)
        if free:
            assert number(dut.free_row) == free[0]
        if allocate:
            row = number(dut.free_row)
            assert row not in out and row < TASKS
        if release:
            back = out.pop(rng.randrange(len(out)))
            dut.release_row.value = back
        await clocked.clock()
        if allocate:
            out.append(free.pop(0))
        if release:
            free.append(back)
        assert len(set(free)) + len(set(out)) == TASKS


class Timers:
    """Ticks, and the timeouts that come."""

    def __init__(self, dut: Any, clocked: Clocked, period: int) -> None:
        self.dut, self.clocked, self.period = dut, clocked, period
        self.ticks = 0
        self.seen: list[tuple[int, int]] = []  # row, tick

    async def clock(self) -> None:
        dut = self.dut
        tick = self.clocked.now % self.period == 0
        dut.tick.value = int(tick)
        await self.clocked.clock()
        self.ticks += tick
        dut.timeout_ready.value = number(dut.timeout_valid)
        if number(dut.timeout_valid):
            self.seen.append((number(dut.timeout_row), self.ticks))
            await self.clocked.clock()
            dut.timeout_ready.value = 0

    async def command(self, row: int, command: int) -> None:
        self.dut.timer_row.value, self.dut.timer_command.value = row, command
        await self.clock()
        self.dut.timer_command.value = KEEP


@cocotb.test()
async def timers_run_out_once_and_in_time(dut: Any) -> None:
    """2 E_D_TOV for an exchange, R_A_TOV to settle; not before, soon after; never when stopped."""
    rng, clocked = await make(dut)
    dut.cfg_e_d_tov_ticks.value, dut.cfg_r_a_tov_ticks.value = 3, 11
    timers = Timers(dut, clocked, SCAN)
    started: dict[int, tuple[int, int]] = {}
    stopped = set()
    for row in rng.sample(range(TASKS), min(TASKS, 6)):
        command = rng.choice((EXCHANGE, SETTLE))
        await timers.command(row, command)
        started[row] = (timers.ticks, 6 if command == EXCHANGE else 11)
        for _ in range(rng.randrange(SCAN)):
            await timers.clock()
        if rng.random() < 0.3:
            await timers.command(row, STOP)
            stopped.add(row)
    for _ in range(20 * SCAN):
        await timers.clock()
    rows = [row for row, _ in timers.seen]
    assert sorted(rows) == sorted(set(started) - stopped), "a timeout that is missing, or came twice"
    for row, tick in timers.seen:
        begin, limit = started[row]
        assert limit <= tick - begin <= limit + 4, f"row {row}: {tick - begin} ticks for {limit}"


@cocotb.test()
async def a_frame_in_either_direction_starts_the_time_again(dut: Any) -> None:
    _, clocked = await make(dut)
    dut.cfg_e_d_tov_ticks.value, dut.cfg_r_a_tov_ticks.value = 2, 4
    timers = Timers(dut, clocked, SCAN)
    row = TASKS - 1
    await timers.command(row, EXCHANGE)
    for n in range(10):
        for _ in range(2 * SCAN):
            await timers.clock()
        name = ("rx_activity", "tx_activity")[n % 2]
        getattr(dut, f"{name}_row").value, getattr(dut, name).value = row, 1
        await timers.clock()
        getattr(dut, name).value = 0
    assert not timers.seen
    # activity of rows beyond the tasks (replies) is nobody's
    for _ in range(9 * SCAN):
        dut.tx_activity.value, dut.tx_activity_row.value = 1, TASKS + 2
        await timers.clock()
    assert [r for r, _ in timers.seen] == [row]


@cocotb.test()
async def a_timeout_out_of_date_is_withdrawn(dut: Any) -> None:
    """A timer command for the row between its timeout and the moment it is acted on."""
    _, clocked = await make(dut)
    dut.cfg_e_d_tov_ticks.value = 1
    for row in range(min(TASKS, 4)):
        dut.timer_row.value, dut.timer_command.value = row, EXCHANGE
        await clocked.clock()
        dut.timer_command.value = KEEP
        for n in range(20 * SCAN):
            dut.tick.value = int(n % SCAN == 0)
            await clocked.clock()
            if number(dut.timeout_valid):
                break
        dut.tick.value = 0
        assert number(dut.timeout_valid) and number(dut.timeout_row) == row
        dut.timer_row.value, dut.timer_command.value = row, STOP
        await clocked.clock()
        dut.timer_command.value = KEEP
        for _ in range(3 * SCAN):
            await clocked.clock()
            assert not number(dut.timeout_valid)
