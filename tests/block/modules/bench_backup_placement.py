# SPDX-License-Identifier: Apache-2.0
"""backup_placement: start, planned moves, spreading, loss of ports by name, and random histories against the model."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from typing import Any

import cocotb
from clocked import Clocked, number

from portplex.model.load import ControllerLoad, PortLoad, controller_load
from portplex.model.placement import BackupPlacement, PlacementSettings, PlacementView, Usage

CONTROLLERS, PORTS = int(os.environ["CONTROLLERS"]), int(os.environ["PORTS"])
COUNT = CONTROLLERS * PORTS
ALL = range(COUNT)
CLOCKS = 20_000
KIB = 1024


class Bench:
    """Module and model side by side, compared in every clock. The loads and switches of the ports are plain lists."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.clocked = Clocked(dut, self)
        self.model = BackupPlacement()
        self.settings = PlacementSettings()
        self.loads = [PortLoad()] * COUNT
        self.usage = [Usage.BOTH] * COUNT
        self.ready = [True] * COUNT
        self.mask = self.holder = 0
        self.totals: list[ControllerLoad] | None = None  # None: the sums of the ports
        self.active = False

    def view(self) -> PlacementView:
        sums = [controller_load(self.loads[c * PORTS : (c + 1) * PORTS]) for c in range(CONTROLLERS)]
        return PlacementView(self.loads, self.totals or sums, self.usage, self.ready, self.mask, self.holder)

    async def begin(self, **settings: int) -> None:
        self.settings = PlacementSettings(**settings)
        self.drive()
        await self.clocked.start(tick=0, job_started=0, job_active=0)

    def drive(self) -> None:
        dut, settings, view = self.dut, self.settings, self.view()
        dut.cfg_rebalance.value, dut.cfg_rebalance_margin.value = settings.rebalance, settings.margin
        dut.cfg_spread_floor.value, dut.cfg_load_floor.value = settings.spread_floor, settings.load_floor
        dut.cfg_usage.value = sum(usage << 2 * p for p, usage in enumerate(view.usage))
        dut.port_ready.value = sum(ready << p for p, ready in enumerate(view.ready))
        dut.load_amount.value = sum(load.amount << 32 * p for p, load in enumerate(view.loads))
        dut.load_sequential.value = sum(load.sequential << p for p, load in enumerate(view.loads))
        dut.controller_io.value = sum(c.io << 32 * n for n, c in enumerate(view.controllers))
        dut.controller_amount.value = sum(c.amount << 32 * n for n, c in enumerate(view.controllers))
        dut.job_mask.value, dut.holder.value = view.mask, view.holder

    def sample(self) -> None:
        assert self.placed() == self.model.ports(self.view()), "a lost port leaves in the same clock"

    async def step(self, *, tick: bool = False, started: bool = False) -> set[int]:
        """One clock; the ports new chunks go to after it."""
        dut, view = self.dut, self.view()
        self.active = self.active or started
        dut.tick.value, dut.job_started.value, dut.job_active.value = int(tick), int(started), int(self.active)
        await self.clocked.clock()
        self.model.step(self.settings, view, tick=tick, active=self.active, started=started)
        placed = self.placed()
        assert placed == self.model.ports(view), f"{placed} instead of {self.model.ports(view)}: {view}"
        assert number(dut.moves) == self.model.moves
        return placed

    def placed(self) -> set[int]:
        ports = number(self.dut.place_ports)
        return {p for p in ALL if ports >> p & 1}

    def moves(self) -> int:
        return number(self.dut.moves)

    async def look(self) -> set[int]:
        """Clocks up to and with the next regular look, right after the last one."""
        for _ in range(self.settings.rebalance - 1):
            await self.step(tick=True)
        return await self.step(tick=True)


@cocotb.test()
async def a_job_selects_its_port_at_once(dut: Any) -> None:
    bench = Bench(dut)
    bench.loads = [PortLoad(5, 10_000 - p, sequential=p != COUNT - 1) for p in ALL]
    await bench.begin(rebalance=1000)
    assert await bench.step() == set(), "no job, no port"
    assert await bench.step(started=True) == {COUNT - 1}
    bench.active = False
    assert await bench.step() == set()
    assert bench.moves() == 0


@cocotb.test(skip=COUNT < 2)
async def the_next_job_selects_anew_without_a_look(dut: Any) -> None:
    bench = Bench(dut)
    bench.loads[1] = PortLoad(1, 10_000)
    bench.mask = 0b11
    await bench.begin(rebalance=1000, margin=1_000_000)
    assert await bench.step(started=True) == {0}
    bench.mask = 0b10
    assert await bench.step(started=True) == {1}
    bench.mask, bench.loads[0:2] = 0b11, [PortLoad(1, 5), PortLoad()]
    assert await bench.step(started=True) == {1}
    bench.loads[1] = PortLoad(1, 6)
    assert await bench.step(started=True) == {0}, "by the rule of selection, the margin is for moves"
    assert bench.moves() == 0, "a start is no move"


@cocotb.test(skip=COUNT < 2)
async def a_planned_move_comes_at_the_regular_look(dut: Any) -> None:
    bench = Bench(dut)
    bench.mask = 0b11
    await bench.begin(rebalance=10, margin=4 * KIB)
    assert await bench.step(started=True) == {0}
    for move in range(100):
        here, there = move % 2, 1 - move % 2
        bench.loads[here], bench.loads[there] = PortLoad(9, 64 * KIB), PortLoad(1, KIB)
        for _ in range(9):
            assert await bench.step(tick=True) == {here}
            assert await bench.step() == {here}
        assert await bench.step(tick=True) == {there}, "within one interval"
        assert bench.moves() == move + 1


@cocotb.test(skip=COUNT < 2)
async def the_margin_holds_the_backup(dut: Any) -> None:
    for access in (False, True):
        bench = Bench(dut)
        bench.mask = 0b11
        await bench.begin(rebalance=3, margin=5000)
        bench.loads[0:2] = [PortLoad(1, 1000, access), PortLoad(1, 2000, access)]
        assert await bench.step(started=True) == {0}
        for amount, port in ((2000, 0), (7000, 0), (7001, 1)):
            bench.loads[0] = PortLoad(1, amount, access)
            assert await bench.look() == {port}, amount
        bench.loads[1] = PortLoad(1, 12_001, access)
        assert await bench.look() == {1}, "and holds it on the other port"


@cocotb.test(skip=COUNT < 2)
async def random_work_attracts_and_sequential_work_does_not(dut: Any) -> None:
    bench = Bench(dut)
    bench.mask = 0b11
    await bench.begin(rebalance=3, margin=1_000_000)
    assert await bench.step(started=True) == {0}
    bench.loads[0:2] = [PortLoad(1, 100, sequential=True), PortLoad(1, 900_000)]
    assert await bench.look() == {1}, "whatever the margin"
    bench.settings = replace(bench.settings, margin=0)
    bench.loads[0:2] = [PortLoad(1, 100, sequential=True), PortLoad(1, 9_000_000)]
    assert await bench.look() == {1}
    assert bench.moves() == 1


@cocotb.test(skip=COUNT < 2)
async def a_lost_port_is_left_at_once(dut: Any) -> None:
    bench = Bench(dut)
    bench.mask = 0b11
    bench.loads[1] = PortLoad(1, 1_000_000, sequential=True)
    await bench.begin(rebalance=1000, margin=0xFFFFFFFF)
    assert await bench.step(started=True) == {0}
    bench.ready[0] = False
    assert await bench.step() == {1}, "the only one that is left, without waiting for the look"
    bench.ready[0] = True
    for _ in range(20):
        assert await bench.step(tick=True) == {1}, "back only at the look"
    bench.settings = replace(bench.settings, rebalance=1)
    assert await bench.step(tick=True) == {0}
    assert bench.moves() == 2


@cocotb.test()
async def without_a_candidate_the_backup_waits(dut: Any) -> None:
    bench = Bench(dut)
    bench.ready = [False] * COUNT
    await bench.begin(rebalance=5)
    assert await bench.step(started=True) == set()
    for _ in range(20):
        assert await bench.step(tick=True) == set()
    bench.ready[COUNT - 1] = True
    assert await bench.step() == {COUNT - 1}, "the first that comes, at once"
    bench.ready[COUNT - 1] = False
    assert await bench.step() == set()
    bench.ready[COUNT - 1] = True
    assert await bench.step() == {COUNT - 1}
    assert bench.moves() == 0, "it never went elsewhere"
    if COUNT > 1:
        bench.ready[COUNT - 1] = False
        await bench.step()
        bench.ready[0] = True
        assert await bench.step() == {0}
        assert bench.moves() == 1, "it went elsewhere after waiting"


@cocotb.test()
async def the_usage_table_and_the_mask_are_obeyed(dut: Any) -> None:
    bench = Bench(dut)
    await bench.begin(rebalance=1)
    await bench.step(started=True)
    for usage, allowed in (
        (Usage.ONLINE_ONLY, False),
        (Usage.BOTH, True),
        (Usage.UNDEFINED, False),
        (Usage.BACKUP_ONLY, True),
    ):
        for port in ALL:
            bench.usage = [usage if p == port else Usage.ONLINE_ONLY for p in ALL]
            assert await bench.step() == ({port} if allowed else set())
    bench.usage = [Usage.BOTH] * COUNT
    for port in ALL:
        bench.mask = 1 << port
        assert await bench.step() == {port}
        bench.usage[port] = Usage.ONLINE_ONLY
        assert await bench.step() == set(), "an allowed port for online only is none"
        bench.usage[port] = Usage.BOTH


@cocotb.test(skip=COUNT < 2)
async def a_port_made_online_only_is_left_at_once(dut: Any) -> None:
    bench = Bench(dut)
    await bench.begin(rebalance=1000)
    assert await bench.step(started=True) == {0}
    bench.usage[0] = Usage.ONLINE_ONLY
    placed = await bench.step()
    assert placed and 0 not in placed


@cocotb.test(skip=COUNT < 2)
async def light_ports_share_the_backup(dut: Any) -> None:
    bench = Bench(dut)
    bench.mask = 0b11
    bench.loads[0] = PortLoad(1, 5000)
    await bench.begin(rebalance=4, spread_floor=5000)
    assert await bench.step(started=True) == {1}, "one port below the floor is one port"
    bench.loads[0] = PortLoad(1, 4999)
    for _ in range(3):
        assert await bench.step(tick=True) == {1}
    assert await bench.step(tick=True) == {0, 1}, "at the regular look"
    bench.loads[1] = PortLoad(1, 80_000, sequential=True)
    assert await bench.look() == {0}
    bench.loads = [PortLoad()] * COUNT
    assert await bench.look() == {0, 1}
    bench.loads[0:2] = [PortLoad(1, 80_000), PortLoad(1, 70_000)]
    assert await bench.look() == {1}, "all heavy: the best of them, whatever the margin"
    assert bench.moves() == 4
    bench.loads = [PortLoad()] * COUNT
    assert await bench.step(started=True) == {0, 1}, "at a start at once"


@cocotb.test(skip=COUNT < 2)
async def spreading_goes_on_without_a_lost_port(dut: Any) -> None:
    bench = Bench(dut)
    await bench.begin(rebalance=6, spread_floor=1)
    assert await bench.step(started=True) == set(ALL)
    bench.ready[0] = False
    assert await bench.step() == set(ALL) - {0}
    bench.ready[0] = True
    assert await bench.step() == set(ALL) - {0}
    for _ in range(6):
        placed = await bench.step(tick=True)
    assert placed == set(ALL)


@cocotb.test(skip=COUNT < 2)
async def spread_floor_0_never_spreads(dut: Any) -> None:
    bench = Bench(dut)
    await bench.begin(rebalance=1, spread_floor=0)
    assert await bench.step(started=True) == {0}
    for _ in range(10):
        assert await bench.step(tick=True) == {0}


@cocotb.test()
async def random_histories_equal_the_model(dut: Any) -> None:
    bench = Bench(dut)
    rng = random.Random(cocotb.RANDOM_SEED)
    amounts = (0, 1, 100, 4096, 5000, 5001, 70_000, 0xFFFFFFFF)
    await bench.begin()
    seen: set[frozenset[int]] = set()
    for _ in range(CLOCKS):
        if rng.random() < 0.01:
            bench.settings = PlacementSettings(
                rebalance=rng.choice((0, 1, 2, 7)),
                margin=rng.choice((0, 1, 900, 65_000, 0xFFFFFFFF)),
                spread_floor=rng.choice((0, 0, 1, 4097, 0xFFFFFFFF)),
                load_floor=rng.choice((0, 5000, 0xFFFFFFFF)),
            )
        if rng.random() < 0.05:
            bench.loads = [PortLoad(1, rng.choice(amounts), rng.random() < 0.4) for _ in ALL]
            bench.totals = [ControllerLoad(rng.randrange(3), rng.choice(amounts)) for _ in range(CONTROLLERS)]
            bench.holder = rng.randrange(CONTROLLERS)
        if rng.random() < 0.03:
            bench.usage = [rng.choice((*Usage, Usage.BOTH, Usage.BOTH)) for _ in ALL]
        if rng.random() < 0.05:
            bench.ready = [rng.random() < 0.8 for _ in ALL]
        if rng.random() < 0.02:
            bench.mask = rng.choice((0, 0, rng.getrandbits(COUNT)))
        if bench.active and rng.random() < 0.005:
            bench.active = False
        started = rng.random() < (0.003 if bench.active else 0.1)
        seen.add(frozenset(await bench.step(tick=rng.random() < 0.4, started=started)))
    assert len(seen) == 1 << COUNT, f"some sets of ports were never placed: {seen}"
    assert COUNT == 1 or bench.moves() > 50
    dut._log.info(f"{CLOCKS} clocks, {bench.moves()} moves, {len(seen)} sets of ports")
