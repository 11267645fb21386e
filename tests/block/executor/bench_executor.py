# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of CocotbExecutor: simulator time is the judge. The design is only there so that a simulator runs."""

from __future__ import annotations

import random
import time
from typing import Any

import cocotb
from cocotb.simtime import get_sim_time
from cocotb.triggers import Timer

from portplex.bfm.executor import CocotbExecutor
from portplex.executor import DeadlineExceeded, Future, sleep, wait_for
from portplex.fabric.switch import Switch
from portplex.model.volume import VolumeModel
from portplex.nport.backup_disk import BackupDisk, TransferPolicy
from portplex.nport.host_initiator import HostInitiator
from portplex.nport.workload import Mix, Workload


@cocotb.test()
async def actions_happen_on_time(dut: Any) -> None:
    """300 actions set in random order, some cancelled, some set by others: each once, at its word, in order."""
    rng = random.Random(cocotb.RANDOM_SEED)
    executor = CocotbExecutor()
    start = executor.now()
    seen: list[tuple[int, int, int]] = []
    expected: set[tuple[int, int]] = set()

    def plan(index: int) -> None:
        due = executor.now() + rng.randint(1, 400)
        handle = executor.call_at(due, lambda: act(index, due))
        if rng.random() < 0.2:
            handle.cancel()
        else:
            expected.add((due, index))

    def act(index: int, due: int) -> None:
        seen.append((due, get_sim_time("ns"), index))
        if index < 150:
            plan(index + 150)

    for index in range(150):
        plan(index)
    soon: list[int] = []
    executor.call_at(start - 5, lambda: soon.append(executor.now()))
    assert not soon, "an action for the past ran inside call_at"
    await Timer(4000, "ns")
    assert soon == [start]
    assert {(due, index) for due, _, index in seen} == expected
    assert len(seen) == len(expected) > 150
    assert all(ns == due * 4 for due, ns, _ in seen)
    assert [due for due, _, _ in seen] == sorted(due for due, _, _ in seen)


@cocotb.test()
async def futures_and_deadlines(dut: Any) -> None:
    executor = CocotbExecutor()
    start = executor.now()
    shared: Future[str] = executor.future()

    async def waiter(name: str) -> str:
        return name + await shared

    waiters = [executor.start(waiter(name)) for name in "ab"]
    task = cocotb.start_soon(waiter("c"))
    executor.call_at(start + 25, lambda: shared.set_result("!"))
    assert [await waiter for waiter in waiters] == ["a!", "b!"]
    assert await task == "c!"
    assert executor.now() == start + 25
    assert await shared == "!"
    await sleep(executor, 10)
    assert executor.now() == start + 35
    try:
        await wait_for(executor, executor.future(), 7, "a frame", lambda: "R_RDY")
    except DeadlineExceeded as late:
        assert str(late) == f"waited for a frame until word {start + 42}; last seen: R_RDY"
        assert executor.now() == start + 42
    else:
        raise AssertionError("no deadline")

    async def fail() -> None:
        await sleep(executor, 3)
        raise KeyError("seen by the one who waits")

    try:
        await executor.start(fail())
    except KeyError:
        assert executor.now() == start + 45
    else:
        raise AssertionError("the failure was lost")


@cocotb.test()
async def hosts_and_disk_run_in_simulation(dut: Any) -> None:
    """The unit tests' flow on simulator time: 40 commands of two hosts, everything compared."""
    executor = CocotbExecutor()
    switch = Switch(executor)
    policy = TransferPolicy(ready_delay=20, read_latency=300, write_latency=500)
    disk = BackupDisk(executor, switch.attach(rate=1.0), name="disk", wwpn=9, blocks=1024, policy=policy)
    await executor.start(disk.start())
    model = VolumeModel(1024)
    works = []
    for index in range(2):
        host = HostInitiator(executor, switch.attach(rate=1.0), name=f"host {index}", wwpn=100 + index)
        await host.start()
        units = await host.discover()
        works.append(Workload(executor, host, units[0], model, Mix(), seed=cocotb.RANDOM_SEED + index))
    frames, began = switch.counts["forwarded"], time.perf_counter()
    runs = [executor.start(work.run(20)) for work in works]
    reports = [await run for run in runs]
    spent = (time.perf_counter() - began) / (switch.counts["forwarded"] - frames)
    cocotb.log.info("%d frames, %.1f us each", switch.counts["forwarded"] - frames, 1e6 * spent)
    assert [report.problems for report in reports] == [[], []]
    assert all(report.latency().percentile(50) >= 300 for report in reports)
    model.check_image(disk.image())
    assert model.compared > 1024
    assert not disk.violations
    assert disk.open_exchanges == 0
