# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of cache_manager, one behaviour each, on a cache of 64 sets x 8 ways."""

from __future__ import annotations

import os
from typing import Any

import cocotb
from manager_bench import ManagerBench, Request

from portplex.bfm.pins import value_of
from portplex.model.cache import ChunkOp

SETS = int(os.environ["CACHE_SETS"])
WAYS = int(os.environ["CACHE_WAYS"])
TASKS = int(os.environ["TASKS"])
SLOTS = TASKS + int(os.environ["BACKUP_SLOTS"])
SPAN = 8 * SETS  # blocks between two segments of one set
READ, WRITE = ChunkOp.ACQUIRE_READ, ChunkOp.ACQUIRE_WRITE
EXCLUSIVE = ChunkOp.ACQUIRE_EXCLUSIVE
RELEASE, DIRTY, DISCARD = ChunkOp.RELEASE, ChunkOp.RELEASE_DIRTY, ChunkOp.RELEASE_DISCARD

# Every test has blocks of its own: the cache survives the reset that each begins with, and so do ram, image and truth.
KEPT: dict[str, Any] = {}


async def make(dut: Any) -> ManagerBench:
    bench = ManagerBench(dut, sets=SETS, ways=WAYS)
    if KEPT:
        bench.ram, bench.image, bench.truth, bench.values = KEPT["ram"], KEPT["image"], KEPT["truth"], KEPT["values"]
    KEPT.update(ram=bench.ram, image=bench.image, truth=bench.truth, values=bench.values)
    await bench.start()
    return bench


async def read(
    bench: ManagerBench, lba: int, blocks: int, *, volume: int = 0, slot: int = 0, client: int = 0
) -> Request:
    request = await bench.acquire(client, READ, slot, volume, lba, blocks)
    assert request
    bench.check_read(request)
    assert await bench.release(client, request, RELEASE)
    return request


async def write(
    bench: ManagerBench, lba: int, blocks: int, *, volume: int = 0, slot: int = 0, client: int = 0
) -> Request:
    request = await bench.acquire(client, WRITE, slot, volume, lba, blocks)
    assert request
    bench.write(request)
    assert await bench.release(client, request, DIRTY)
    return request


@cocotb.test()
async def staged_then_hit(dut: Any) -> None:
    bench = await make(dut)
    for lba, blocks, segments in ((0, 128, 16), (1003, 128, 17), (2047, 1, 1), (3000, 8, 1), (4005, 8, 2)):
        before = dict(bench.counters)
        await read(bench, lba, blocks)
        assert bench.counters["staged"] - before["staged"] == segments
        assert bench.counters["read_miss"] - before["read_miss"] == 1
        await read(bench, lba, blocks, slot=SLOTS - 1, client=1)
        assert bench.counters["read_hit"] - before["read_hit"] == 1
        assert bench.counters["staged"] - before["staged"] == segments
    await bench.settle()


@cocotb.test()
async def hits_take_about_a_hundred_clocks(dut: Any) -> None:
    bench = await make(dut)
    await read(bench, 10000 * 8, 128)
    times = {}
    for name, operation in (("read", READ), ("write", WRITE)):
        request = await bench.acquire(0, operation, 3, 0, 10000 * 8, 128)
        assert request
        times[name] = request.answered - request.asked
        answer = await bench.ask(0, RELEASE, 3)
        times[name + " release"] = answer.answered - answer.asked
    dut._log.info(f"clocks of a chunk of 16 hits: {times}")
    assert times["read"] <= 60 and times["read release"] <= 60 and times["write"] <= 110
    bench.pinned.clear()
    await bench.settle()


@cocotb.test()
async def only_partly_covered_segments_are_staged_for_a_write(dut: Any) -> None:
    bench = await make(dut)
    base = 20000 * 8
    before = len(bench.staged)
    await write(bench, base + 3, 29)  # ends on a segment's end
    assert bench.staged[before:] == [(0, 20000)]
    await write(bench, base + 64, 37)
    assert bench.staged[before + 1 :] == [(0, 20012)]
    await write(bench, base + 128, 128)
    assert len(bench.staged) == before + 2
    await write(bench, base + 256 + 2, 3)
    assert bench.staged[before + 2 :] == [(0, 20032)]
    await read(bench, base, 128)
    await bench.settle()


@cocotb.test()
async def oldest_clean_segment_leaves(dut: Any) -> None:
    bench = await make(dut)
    lbas = [40000 * SPAN + i * SPAN for i in range(WAYS + 1)]
    for lba in lbas[:WAYS]:
        await read(bench, lba, 8, volume=1)
    for lba in (lbas[0], *lbas[2:WAYS]):  # the second one becomes the oldest
        await read(bench, lba, 8, volume=1)
    await read(bench, lbas[WAYS], 8, volume=1)
    before = len(bench.staged)
    for lba in (lbas[0], *lbas[2:]):
        await read(bench, lba, 8, volume=1)
    assert len(bench.staged) == before, "one that was used later has left"
    await read(bench, lbas[1], 8, volume=1)
    assert bench.staged[before:] == [(1, lbas[1] // 8)]


@cocotb.test()
async def pinned_segments_stay(dut: Any) -> None:
    """A set full of pins: the next chunk waits for a release, and what is held is not touched."""
    bench = await make(dut)
    lbas = [50000 * SPAN + i * SPAN for i in range(WAYS + 1)]
    held = [await bench.acquire(0, READ, i, 0, lba, 8) for i, lba in enumerate(lbas[:WAYS])]
    waiting = cocotb.start_soon(bench.acquire(1, READ, SLOTS - 1, 0, lbas[WAYS], 8))
    await bench.clocks(2000)
    assert not waiting.done() and bench.counters["backoff"]
    tries = bench.counters["backoff"]
    await bench.clocks(2000)
    assert bench.counters["backoff"] == tries, "tried again although nothing had changed"
    for request in held:
        assert request
        bench.check_read(request)
    assert held[2]
    await bench.release(0, held[2], RELEASE)
    request = await waiting
    assert request and request.answered - request.asked < 6000
    assert bench.chunk_places(request) == bench.chunk_places(held[2])
    for r in (*held[:2], *held[3:], request):
        assert r
        await bench.release(1 if r is request else 0, r, RELEASE)
    assert not value_of(dut.status_pinned)


@cocotb.test()
async def full_of_dirty_ways_is_destaged_on_demand(dut: Any) -> None:
    bench = await make(dut)
    lbas = [60000 * SPAN + i * SPAN for i in range(3 * WAYS)]
    for lba in lbas:
        request = await write(bench, lba, 8)
        assert request.answered - request.asked < 2000
    for lba in lbas:
        await read(bench, lba, 8)
    await bench.settle()


@cocotb.test()
async def destage_comes_by_itself(dut: Any) -> None:
    bench = await make(dut)
    for i in range(4):
        await write(bench, 70000 * 8 + 128 * i, 128)
    assert value_of(dut.status_dirty_count)
    await bench.wait_until(lambda: not value_of(dut.status_dirty_count), 4 * SETS * 140, "background destage")
    await bench.wait_until(lambda: not value_of(dut.status_busy), 1000, "idle")
    await bench.settle(limit=10)


@cocotb.test()
async def flush_is_fast(dut: Any) -> None:
    bench = await make(dut)
    bench.latency = (20, 40)
    for i in range(8):
        await write(bench, 80000 * 8 + 128 * i, 128)
    dirty, start = value_of(dut.status_dirty_count), bench.clock
    assert dirty > 50
    await bench.settle()
    assert bench.clock - start < dirty * 20 + 2000


@cocotb.test()
async def written_while_destaging_stays_dirty(dut: Any) -> None:
    """I4: the drive confirms a destage, but the segment has been written meanwhile: it is destaged again."""
    bench = await make(dut)
    await bench.settle()
    bench.latency = (3000, 3000)
    lba = 90000 * 8
    for overlap in ("inside", "across"):
        before = len(bench.destaged)
        await write(bench, lba, 8)
        await bench.wait_until(lambda n=before: len(bench.destaged) > n, 4 * SETS * 140, "destage begins")
        request = await bench.acquire(0, WRITE, 0, 0, lba, 8)
        assert request
        bench.write(request)
        if overlap == "across":
            await bench.clocks(4000)
        await bench.release(0, request, DIRTY)
        await bench.clocks(4000)
        await bench.wait_until(lambda: not value_of(dut.status_dirty_count), 4 * SETS * 140, "second destage")
        assert bench.destaged[before:] == [(0, 90000)] * 2
        await bench.settle()


@cocotb.test()
async def destage_error_keeps_the_data(dut: Any) -> None:
    bench = await make(dut)
    await bench.settle()
    bench.destage_error_rate = 1.0
    await write(bench, 100000 * 8, 24)
    await bench.wait_until(lambda: bench.counters["destage_error"] > 6, 20 * SETS * 140, "destage is retried")
    assert value_of(dut.status_dirty_count) == 3 and not bench.counters["destaged"]
    await read(bench, 100000 * 8, 24)
    bench.destage_error_rate = 0.0
    await bench.settle()
    assert bench.counters["destaged"] == 3


@cocotb.test()
async def stage_error_pins_nothing(dut: Any) -> None:
    bench = await make(dut)
    await read(bench, 110002 * 8, 8)
    bench.stage_error_rate = 0.5
    errors = 0
    for _ in range(8):
        for operation in (READ, WRITE):
            request = await bench.acquire(1, operation, SLOTS - 2, 0, 110000 * 8 + 4, 40)
            if request is None:
                errors += 1
                assert not value_of(dut.status_pinned)
            else:
                if operation is READ:
                    bench.check_read(request)
                await bench.release(1, request, DISCARD)
    assert errors and bench.counters["stage_error"] >= errors
    bench.stage_error_rate = 0.0
    await read(bench, 110000 * 8, 64)
    await bench.settle()


@cocotb.test()
async def discard_drops_blank_segments_only(dut: Any) -> None:
    bench = await make(dut)
    base = 120000 * 8
    await write(bench, base, 8)
    await bench.settle()
    before = len(bench.staged)
    request = await bench.acquire(0, WRITE, 5, 0, base, 24)  # one present, two blank
    assert request
    bench.write(request, 0.5)
    await bench.release(0, request, DISCARD)
    assert not value_of(dut.status_pinned)
    old = {lba: bench.truth[0, lba] for lba in range(base, base + 24)}
    await read(bench, base, 24)
    assert bench.staged[before:] == [(0, 120001), (0, 120002)], "blank segments must come from the drive again"
    assert all(bench.truth[0, lba] == {0} for lba in range(base + 8, base + 24)), f"written through a discard: {old}"
    settled = {lba: bench.truth[0, lba] for lba in old}
    for i in range(1, WAYS + 1):  # push it out; what was once read must be read again
        await read(bench, base + i * SPAN, 24)
    await read(bench, base, 24)
    assert settled == {lba: bench.truth[0, lba] for lba in old}
    await bench.settle()


@cocotb.test()
async def two_want_the_same_missing_segment(dut: Any) -> None:
    """The second waits for the first one's staging and then hits: the drive is asked once."""
    bench = await make(dut)
    before = len(bench.staged)
    tasks = [cocotb.start_soon(read(bench, 130000 * 8, 32, slot=i, client=i & 1)) for i in range(4)]
    for task in tasks:
        await task
    assert sorted(bench.staged[before:]) == [(0, 130000 + i) for i in range(4)]
    assert bench.counters["read_hit"] == 3 and bench.counters["read_miss"] == 1


@cocotb.test()
async def wrong_requests_get_an_error(dut: Any) -> None:
    bench = await make(dut)
    lba = 140000 * 8
    good = await bench.acquire(0, READ, 1, 0, lba, 8)
    assert good
    for op, slot, at, blocks in (
        (READ, 1, lba, 8),  # holds a chunk
        (READ, SLOTS, lba, 8),
        (WRITE, 511, lba, 8),
        (READ, 2, lba, 0),
        (READ, 2, lba, 129),
        (WRITE, 2, 0xFFFFFFFF, 2),
        (RELEASE, 2, 0, 0),  # holds none
        (DIRTY, SLOTS, 0, 0),
    ):
        assert (await bench.ask(1, op, slot, 0, at, blocks, limit=1000)).error, (op, slot, at, blocks)
    bench.check_read(good)
    assert await bench.release(0, good, RELEASE)
    assert (await bench.ask(0, RELEASE, 1, limit=1000)).error
    edge = await read(bench, 0xFFFFFFFF, 1, slot=1)
    assert not edge.error
    await bench.settle()


@cocotb.test()
async def two_streams_at_line_rate(dut: Any) -> None:
    """Two streams take and release a segment every 500 clocks, one writing, with destage going on: nobody is late."""
    bench = await make(dut)
    bench.latency = (100, 600)
    late = []

    async def stream(client: int, operation: ChunkOp) -> None:
        start = bench.clock
        for i in range(60):
            lba = (150000 + 1000 * client + i) * 8
            request = await bench.acquire(client, operation, client * TASKS, client, lba, 8)
            assert request
            if operation is WRITE:
                bench.write(request)
            await bench.release(client, request, DIRTY if operation is WRITE else RELEASE)
            now = bench.clock - start
            late.append(max(0, now - 500 * (i + 1)))
            await bench.clocks(max(1, 500 * (i + 1) - now))

    for i in range(0, 64, 16):
        await read(bench, (150000 + i) * 8, 128)
    tasks = [cocotb.start_soon(stream(0, READ)), cocotb.start_soon(stream(1, WRITE))]
    for task in tasks:
        await task
    assert max(late) == 0, max(late)
    await bench.settle()


@cocotb.test()
async def reset_keeps_dirty_data(dut: Any) -> None:
    """Reset with dirty, pinned, blank, staging and destaging segments: what was released dirty is there afterwards."""
    bench = await make(dut)
    await bench.settle()
    bench.latency = (100, 900)
    base = 160000 * 8
    for i in range(6):
        await write(bench, base + 128 * i, 128)
    open_write = await bench.acquire(0, WRITE, 2, 0, base + 64, 128)
    blank = await bench.acquire(1, WRITE, 3, 0, base + 4096, 64)
    assert open_write and blank
    bench.write(open_write, 0.5)
    bench.write(blank, 0.5)
    staging = cocotb.start_soon(bench.acquire(1, READ, 4, 0, base + 8192, 128))
    dut.flush.value = 1
    await bench.clocks(300)
    dut.flush.value = 0
    assert any(bench.under_way.values()) and not all(bench.under_way.values())
    dirty = value_of(dut.status_dirty_count)
    await bench.reset()
    assert await staging is None
    await bench.wait_until(lambda: not value_of(dut.status_busy), 3 * SETS + 20, "recovery")
    assert value_of(dut.status_dirty_count) == dirty > 60
    assert not value_of(dut.status_pinned)
    for i in range(6):
        await read(bench, base + 128 * i, 128, slot=2)
    await read(bench, base + 4096, 64, slot=3)
    assert all(bench.truth[0, lba] == {0} for lba in range(base + 4096, base + 4096 + 64))
    await bench.settle()


@cocotb.test()
async def synchronize_destages_before_it_answers(dut: Any) -> None:
    """Dirty segments of the range are on the drive when the answer comes; a clean range is answered without the drive;
    a segment that is pinned dirty, or on its way to the drive, is waited for; nothing is pinned afterwards."""
    bench = await make(dut)
    base = 60000 * SPAN
    await write(bench, base + 3, 125)
    assert await bench.synchronize(0, 2, 0, base, 128)
    destaged, clock = len(bench.destaged), bench.clock
    assert await bench.synchronize(1, SLOTS - 1, 0, base, 128)
    assert len(bench.destaged) == destaged and bench.clock - clock < 150
    held = await bench.acquire(0, WRITE, 0, 0, base + 8, 8)
    assert held
    bench.write(held)
    waiting = cocotb.start_soon(bench.synchronize(0, 2, 0, base, 128))
    await bench.clocks(1000)
    assert not waiting.done(), "a segment that is being written was not waited for"
    assert await bench.release(0, held, DIRTY)
    assert await waiting
    for _ in range(20):  # at any time of a destage in the background, and of a write to it
        await write(bench, base, 40)
        await bench.clocks(bench.rng.randint(1, 300))
        again = cocotb.start_soon(write(bench, base + 16, 8, slot=1))
        assert await bench.synchronize(0, 2, 0, base, 40)
        await again
    await bench.settle()


@cocotb.test()
async def synchronize_tells_an_error_of_the_drive(dut: Any) -> None:
    """The drive refuses: error, the segment stays dirty, and the next one, with a drive that works, is good."""
    bench = await make(dut)
    base = 61000 * SPAN
    await write(bench, base, 64)
    bench.destage_error_rate = 1.0
    for _ in range(3):
        assert not await bench.synchronize(0, 0, 0, base, 64)
    bench.destage_error_rate = 0.0
    assert await bench.synchronize(0, 0, 0, base, 64)
    await read(bench, base, 64)
    await bench.settle()


@cocotb.test()
async def exclusive_chunk_is_alone(dut: Any) -> None:
    """ACQUIRE_EXCLUSIVE waits for everybody who has a segment of it, and everybody else waits for its release."""
    bench = await make(dut)
    base = 62000 * SPAN
    await write(bench, base, 16)
    for first, second in (
        (READ, EXCLUSIVE),
        (WRITE, EXCLUSIVE),
        (EXCLUSIVE, READ),
        (EXCLUSIVE, WRITE),
        (EXCLUSIVE,) * 2,
    ):
        held = await bench.acquire(0, first, 0, 0, base + 4, 8)
        assert held
        waiting = cocotb.start_soon(bench.acquire(0, second, 1, 0, base + 11, 1))
        free = await bench.acquire(0, second, 2, 0, base + 64, 8)
        assert free and await bench.release(0, free, RELEASE), "another segment has nothing to do with it"
        await bench.clocks(500)
        assert not waiting.done(), f"{second.name} while {first.name} holds the segment"
        assert await bench.release(0, held, RELEASE)
        taken = await waiting
        assert taken and await bench.release(0, taken, RELEASE)
    await bench.settle()
