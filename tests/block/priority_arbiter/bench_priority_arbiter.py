# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of priority_arbiter: Python is a frame scheduler, the table's arithmetic the judge."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, First, RisingEdge, Timer
from cocotb.utils import get_sim_time

from portplex.bfm.pins import value_of
from portplex.model.priority import FRAME_OVERHEAD_WORDS, PriorityTable
from portplex.simulate import long_run

PERIOD = 4  # ns
SLOW = cocotb.SIM_NAME.startswith("Icarus") and not long_run()  # a quarter of a million clocks for a table


class Scheduler:
    """A saturated wire: when it is free, a frame of the preferred class is granted if it has one, else of the other."""

    def __init__(self, dut: Any, table: PriorityTable) -> None:
        self.dut, self.table = dut, table
        self.clock = Clock(dut.clk, PERIOD, unit="ns")
        self.backup_ready = self.online_ready = True
        self.words = {"backup": 0, "online": 0}
        self.bytes = 0
        self.quanta = self.short = 0
        self.free_at = self.now = 0
        self.payload = 2048
        self.grants: list[tuple[int, str]] = []

    async def reset(self) -> None:
        dut = self.dut
        dut.rst.value = 1
        dut.backup_active.value = dut.stat_backup_frame.value = dut.stat_frame_bytes.value = 0
        dut.online_waiting.value = 0
        self.configure(self.table)
        self.clock.start()
        for _ in range(3):
            await FallingEdge(dut.clk)
        dut.rst.value = 0
        await FallingEdge(dut.clk)
        dut.backup_active.value = 1

    def configure(self, table: PriorityTable) -> None:
        self.table = table
        self.dut.cfg_backup_first.value = int(table.backup_first)
        self.dut.cfg_backup_quantum.value = table.quantum
        self.dut.cfg_online_time.value = table.online_time

    async def step(self) -> None:
        dut = self.dut
        self.now += 1
        dut.stat_backup_frame.value = 0
        dut.online_waiting.value = int(self.online_ready)
        if self.now >= self.free_at:
            order = ("backup", "online") if value_of(dut.prefer_backup) else ("online", "backup")
            ready = {"backup": self.backup_ready, "online": self.online_ready}
            kind = next((k for k in order if ready[k]), None)
            if kind:
                frame = self.payload // 4 + FRAME_OVERHEAD_WORDS
                self.free_at = self.now + frame
                self.words[kind] += frame
                self.grants.append((self.now, kind))
                if kind == "backup":
                    dut.stat_backup_frame.value = 1
                    dut.stat_frame_bytes.value = self.payload
        await self.edge()

    async def edge(self) -> None:
        await FallingEdge(self.dut.clk)
        self.quanta += value_of(self.dut.stat_quantum)
        self.short += value_of(self.dut.stat_quantum_short)

    async def steps(self, count: int) -> None:
        """So many clocks, or fewer: to the end of a quantum. Inputs stay as they are while a frame is on the wire."""
        end, before = self.now + count, self.quanta
        while self.now < end and self.quanta == before:
            granted = len(self.grants)
            await self.step()
            idle = min(self.free_at - 1, end) - self.now
            if len(self.grants) == granted and self.quanta == before and idle > 0:  # a strobe of a grant must end
                begun = get_sim_time("ns")
                await First(RisingEdge(self.dut.stat_quantum), Timer(PERIOD * idle - 1, "ns"))
                await self.edge()
                self.now += int(get_sim_time("ns") - begun) // PERIOD

    async def run(self, count: int) -> None:
        end = self.now + count
        while self.now < end:
            await self.steps(end - self.now)

    async def run_quanta(self, count: int) -> None:
        self.words = {"backup": 0, "online": 0}
        self.quanta = self.short = 0
        deadline = self.now + 2 * count * int(self.table.quantum_words(self.payload) + self.table.online_time + 2000)
        while self.quanta < count:
            assert self.now < deadline, f"{self.quanta} quanta in {self.now} clocks"
            await self.steps(deadline - self.now)

    @property
    def backup_share(self) -> float:
        return self.words["backup"] / (self.words["backup"] + self.words["online"])


@cocotb.test()
async def shares_follow_the_table(dut: Any) -> None:
    tables = (
        (PriorityTable(False, 3000, 1700), 2048),  # neither is a multiple of a frame
        (PriorityTable(False, 4096, 2600), 2048),
        (PriorityTable(False, 1000, 900), 1400),
        (PriorityTable(True, 2048, 500), 2048),
    )
    for table, payload in tables[:1] if SLOW else tables:
        scheduler = Scheduler(dut, table)
        scheduler.payload = payload
        await scheduler.reset()
        await scheduler.run_quanta(1)
        await scheduler.run_quanta(100)
        expected = table.backup_share(payload)
        assert abs(scheduler.backup_share - expected) < 0.01 * expected, f"{table}: {scheduler.backup_share} {expected}"
        assert not scheduler.short
        scheduler.clock.stop()


@cocotb.test()
async def online_time_is_online_only(dut: Any) -> None:
    table = PriorityTable(False, 4096, 5000)
    scheduler = Scheduler(dut, table)
    await scheduler.reset()
    await scheduler.run(4000)
    assert {kind for _, kind in scheduler.grants} == {"online"}, "a job begins with online time"
    await scheduler.run_quanta(10)
    runs = "".join(kind[0] for _, kind in scheduler.grants).split("o")
    assert max(map(len, runs)) == 2, "a quantum of 4096 bytes is two frames of 2048"


@cocotb.test()
async def backup_first_looks_for_online(dut: Any) -> None:
    table = PriorityTable(True, 4096, 50000)
    scheduler = Scheduler(dut, table)
    scheduler.online_ready = False
    await scheduler.reset()
    await scheduler.run_quanta(5)
    assert {kind for _, kind in scheduler.grants} == {"backup"}
    scheduler.online_ready = True  # in the middle of a quantum at the latest: it is served when the quantum ends
    start = len(scheduler.grants)
    await scheduler.run(5000)
    kinds = [kind for _, kind in scheduler.grants[start:]]
    assert kinds.index("online") <= 2 and set(kinds[kinds.index("online") :]) == {"online"}
    scheduler.online_ready = False
    await scheduler.run_quanta(1)
    assert scheduler.words["online"] <= 527


@cocotb.test()
async def idle_backup_does_not_keep_its_quantum(dut: Any) -> None:
    table = PriorityTable(False, 8192, 2000)
    scheduler = Scheduler(dut, table)
    scheduler.backup_ready = False
    await scheduler.reset()
    await scheduler.run_quanta(3)
    assert scheduler.short == 3 and scheduler.words["backup"] == 0
    assert scheduler.now < 3 * (2000 + 2 * table.quantum_words() + 1200 + 543)


@cocotb.test()
async def zero_values(dut: Any) -> None:
    scheduler = Scheduler(dut, PriorityTable(True, 0, 1000))
    await scheduler.reset()
    for _ in range(5000):
        await scheduler.step()
        assert not value_of(dut.prefer_backup), "quantum 0: backup gets empty slots only"
    scheduler.configure(PriorityTable(False, 4096, 0))
    await scheduler.run_quanta(1)
    await scheduler.run_quanta(20)
    assert scheduler.words["online"] <= 20 * 527, "online time 0: quantum after quantum"


@cocotb.test()
async def table_changes_while_running(dut: Any) -> None:
    scheduler = Scheduler(dut, PriorityTable(False, 8192, 6000))
    await scheduler.reset()
    await scheduler.run_quanta(2)
    for table in (PriorityTable(False, 4096, 1600), PriorityTable(False, 8192, 1000)):
        scheduler.configure(table)
        await scheduler.run_quanta(1)
        await scheduler.run_quanta(20)
        assert abs(scheduler.backup_share - table.backup_share()) < 0.02 * table.backup_share()
    dut.backup_active.value = 0
    await scheduler.run(1000)
    assert not value_of(dut.prefer_backup), "without a backup nothing is preferred to online"


@cocotb.test()
async def random_changes_while_running(dut: Any) -> None:
    """The table changes at any moment, from long turns to short ones and back. The change counts from the next turn on,
    and from then on every turn is the new table's, but for what one frame is too much: nothing of the old table is owed
    or left."""
    rng = random.Random(cocotb.RANDOM_SEED)
    turns = 5
    scheduler = Scheduler(dut, PriorityTable(False, 4096, 1600))
    await scheduler.reset()
    worst = 0.0
    for _ in range(10 if SLOW else 25):
        table = scheduler.table
        await scheduler.run(rng.randrange(round(table.quantum_words(scheduler.payload) + table.online_time)))
        scheduler.payload = rng.choice((512, 1024, 2048))
        table = PriorityTable(
            rng.random() < 0.5,
            round(scheduler.payload * 2 ** rng.uniform(-1, 3.5)),
            round(100 * 2 ** rng.uniform(0, 4)),
        )
        scheduler.configure(table)
        await scheduler.run_quanta(1)
        await scheduler.run_quanta(turns)
        longest = PriorityTable(False, 2112, 0).quantum_words(scheduler.payload)
        expected = {"backup": turns * table.quantum_words(scheduler.payload), "online": turns * table.online_time}
        for kind, words in expected.items():
            found = scheduler.words[kind]
            assert abs(found - words) <= longest, f"{table}: {found} words of {kind}, {words} expected"
            worst = max(worst, abs(found - words) / longest)
    dut._log.info(f"most that was too much or too little in {turns} turns: {worst:.2f} of a frame")
