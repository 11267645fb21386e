# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of cache_manager under random traffic: all slots at once, drive errors, resets, small caches."""

from __future__ import annotations

import os
from typing import Any

import cocotb
from manager_bench import ManagerBench

from portplex.bfm.pins import value_of
from portplex.model.cache import ChunkOp

SETS = int(os.environ["CACHE_SETS"])
WAYS = int(os.environ["CACHE_WAYS"])
TASKS = int(os.environ["TASKS"])
SLOTS = TASKS + int(os.environ["BACKUP_SLOTS"])
CHUNK = int(os.environ.get("CHUNK_SEGMENTS", "17"))
LONGEST = min(128, 8 * (CHUNK - 1))  # blocks that fit wherever they begin
ROUNDS = int(os.environ.get("ROUNDS", "12"))
WRITES = (ChunkOp.ACQUIRE_WRITE, ChunkOp.ACQUIRE_EXCLUSIVE)
RELEASES = (ChunkOp.RELEASE_DIRTY, ChunkOp.RELEASE_DIRTY, ChunkOp.RELEASE_DIRTY, ChunkOp.RELEASE_DISCARD)


async def task(bench: ManagerBench, client: int, slot: int, rounds: int, region: int) -> int:
    """One slot's life: chunks in a region (blocks) of two volumes, held for a while. Returns how many were good."""
    rng, good = bench.rng, 0
    for _ in range(rounds):
        blocks = rng.choice((1, 8, LONGEST, rng.randint(1, LONGEST)))
        lba, volume = rng.randrange(region - blocks), rng.randrange(2)
        if rng.random() < 0.15:
            good += await bench.synchronize(client, slot, volume, lba, blocks)
            continue
        operation = rng.choice((ChunkOp.ACQUIRE_READ, ChunkOp.ACQUIRE_READ, *WRITES))
        request = await bench.acquire(client, operation, slot, volume, lba, blocks)
        if request is None:
            if value_of(bench.dut.rst) or bench.stage_error_rate == 0.0:
                return good  # a reset took it
            continue
        good += 1
        if operation is ChunkOp.ACQUIRE_READ:
            bench.check_read(request)
            await bench.clocks(rng.choice((1, 50, 300)))
            release = ChunkOp.RELEASE
        else:
            release = rng.choice(RELEASES)
            await bench.clocks(rng.choice((1, 50, 300)))
            if bench.open.get((client, slot)) or not bench.pinned:
                return good
            bench.write(request, 1.0 if release is ChunkOp.RELEASE_DIRTY else 0.5)
        if not await bench.release(client, request, release):
            return good
    return good


@cocotb.test()
async def random_traffic(dut: Any) -> None:
    """Every slot busy, the region three times the cache, errors both ways, slow drive and slow clients."""
    bench = ManagerBench(dut, sets=SETS, ways=WAYS)
    await bench.start()
    bench.stage_error_rate = bench.destage_error_rate = 0.05
    bench.errors_due = {False, True}  # one of each at least: at this rate some seeds have none
    bench.drive_ready_rate = 0.7
    bench.answer_ready_rate = 0.5
    region = 3 * SETS * WAYS * 8
    tasks = [cocotb.start_soon(task(bench, int(slot >= TASKS), slot, ROUNDS, region)) for slot in range(SLOTS)]
    good = sum([await t for t in tasks])
    bench.stage_error_rate = bench.destage_error_rate = 0.0
    await bench.settle()
    counters = bench.counters
    dut._log.info(
        f"{good} chunks, {bench.compared} blocks compared, longest wait {bench.longest_wait} of {bench.clock} clocks, "
        f"{counters}"
    )
    assert good > SLOTS * ROUNDS // 2 and bench.compared > 100
    assert counters["backoff"] and counters["destage_error"] and counters["stage_error"] and counters["destaged"]


@cocotb.test()
async def long_chunk_is_not_starved(dut: Any) -> None:
    """Short chunks keep every set busy; the longest possible chunk still gets its turn, again and again."""
    bench = ManagerBench(dut, sets=SETS, ways=WAYS)
    await bench.start()
    bench.latency = (10, 60)
    stop = False
    short = 0

    async def hog(slot: int) -> None:
        nonlocal short
        while not stop:
            lba = 8 * (100_000 + bench.rng.randrange(4 * SETS * WAYS))
            request = await bench.acquire(0, ChunkOp.ACQUIRE_READ, slot, 1, lba, 8)
            assert request
            await bench.clocks(bench.rng.choice((20, 200)))
            await bench.release(0, request, ChunkOp.RELEASE)
            short += 1

    hogs = [cocotb.start_soon(hog(slot)) for slot in range(TASKS)]
    await bench.clocks(500)
    waits = []
    for i in range(6):
        lba = 200_000 + i * 4096 + 1
        request = await bench.acquire(1, ChunkOp.ACQUIRE_WRITE, TASKS, 1, lba, LONGEST)
        assert request
        waits.append(request.answered - request.asked)
        bench.write(request)
        await bench.release(1, request, ChunkOp.RELEASE_DIRTY)
        await bench.clocks(300)
    stop = True
    for h in hogs:
        await h
    dut._log.info(f"waits of the longest chunk: {waits} clocks; {short} short ones meanwhile")
    assert max(waits) < 30_000 and short > 50
    await bench.settle()


@cocotb.test()
async def resets_lose_nothing(dut: Any) -> None:
    """Random traffic cut by resets: whatever was released dirty is read back, now from cache, now from the drive."""
    bench = ManagerBench(dut, sets=SETS, ways=WAYS)
    await bench.start()
    region = 2 * SETS * WAYS * 8
    for _ in range(5):
        tasks = [cocotb.start_soon(task(bench, int(slot >= TASKS), slot, 50, region)) for slot in range(SLOTS)]
        await bench.clocks(bench.rng.randint(1000, 6000))
        for t in tasks:
            t.cancel()
        dirty = value_of(dut.status_dirty_count)
        await bench.reset()
        await bench.wait_until(lambda: not value_of(dut.status_busy), 3 * SETS + 20, "recovery")
        assert dirty - 1 <= value_of(dut.status_dirty_count) <= dirty + 1  # an operation may just have ended
        assert not value_of(dut.status_pinned)
        bench.dut.flush.value = 0
    for volume in range(2):
        for lba in range(0, region - LONGEST, LONGEST):
            request = await bench.acquire(1, ChunkOp.ACQUIRE_READ, TASKS, volume, lba, LONGEST)
            assert request
            bench.check_read(request)
            await bench.release(1, request, ChunkOp.RELEASE)
    assert bench.compared > 200
    await bench.settle()


@cocotb.test(skip=-(-CHUNK // SETS) < WAYS)
async def overlapping_pins_do_not_starve(dut: Any) -> None:
    """Two slots pin one segment in turn so that it is never free, and the longest chunk needs its way: it gets it."""
    bench = ManagerBench(dut, sets=SETS, ways=WAYS)
    await bench.start()
    latest = 0  # who took it last; the other lets go
    stop = False

    async def hog(me: int) -> None:
        nonlocal latest
        while not stop:
            request = await bench.acquire(0, ChunkOp.ACQUIRE_READ, me, 1, 8 * 64 * SETS, 8)
            assert request
            latest = me
            for _ in range(200):  # until the other holds it too, but not for ever
                if latest != me or stop:
                    break
                await bench.clocks(10)
            await bench.clocks(20)
            await bench.release(0, request, ChunkOp.RELEASE)

    hogs = [cocotb.start_soon(hog(me)) for me in range(2)]
    await bench.clocks(1000)
    request = await bench.ask(1, ChunkOp.ACQUIRE_READ, TASKS, 1, 8 * 128 * SETS + 1, LONGEST, limit=20_000)
    assert not request.error and bench.counters["backoff"] >= 8
    stop = True
    assert not (await bench.ask(1, ChunkOp.RELEASE, TASKS)).error
    for h in hogs:
        await h
