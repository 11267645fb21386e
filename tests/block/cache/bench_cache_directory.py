# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of cache_directory: every answer and both counters equal the reference model's."""

from __future__ import annotations

import os
import random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from portplex.bfm.pins import value_of
from portplex.model.cache import CacheDirectory, Op, Status, segment_set

SETS = int(os.environ.get("CACHE_SETS", "8"))
WAYS = int(os.environ.get("CACHE_WAYS", "4"))
model = CacheDirectory(SETS, WAYS)  # one for all tests of a run: contents survive the reset each begins with
LIMIT = 2 * SETS + 20  # clocks: the walk after a reset takes two for each set


async def start(dut: Any) -> None:
    dut.rst.value = 1
    for name in ("req_valid", "req_op", "req_flag", "req_exclusive", "req_volume", "req_segment", "req_set", "req_way"):
        getattr(dut, name).value = 0
    Clock(dut.clk, 4, unit="ns").start()
    for _ in range(3):
        await FallingEdge(dut.clk)
    dut.rst.value = 0


async def wait_ready(dut: Any) -> None:
    for _ in range(LIMIT):
        await FallingEdge(dut.clk)
        if value_of(dut.req_ready):
            return
    raise AssertionError(f"not ready {LIMIT} clocks after reset")


async def operate(
    dut: Any,
    op: Op,
    *,
    flag: bool = False,
    exclusive: bool = False,
    volume: int = 0,
    segment: int = 0,
    place: tuple[int, int] = (0, 0),
) -> tuple[int, int, int, int, int]:
    """One operation; returns status, set, way, volume, segment. The response comes 2 clocks after the request."""
    dut.req_valid.value = 1
    dut.req_op.value = int(op)
    dut.req_flag.value = int(flag)
    dut.req_exclusive.value = int(exclusive)
    dut.req_volume.value = volume
    dut.req_segment.value = segment
    dut.req_set.value, dut.req_way.value = place
    await FallingEdge(dut.clk)
    dut.req_valid.value = 0
    assert not value_of(dut.rsp_valid)
    await FallingEdge(dut.clk)
    assert value_of(dut.rsp_valid), f"no response to {op.name}"
    return (
        value_of(dut.rsp_status),
        value_of(dut.rsp_set),
        value_of(dut.rsp_way),
        value_of(dut.rsp_volume),
        value_of(dut.rsp_segment),
    )


@cocotb.test()
async def reset_cuts_an_operation_cleanly(dut: Any) -> None:
    """rst in any clock of an acquire: afterwards the segment is either there, unpinned, or not there at all."""
    await start(dut)
    model.recover()
    await wait_ready(dut)
    for clocks in range(4):
        segment = 1000 + clocks
        want = model.acquire(0, segment, True)
        status, s, w, *_ = await operate(dut, Op.ACQUIRE, flag=True, segment=segment)
        assert (status, s, w) == (Status.BLANK, want.set, want.way)
        dirty = value_of(dut.status_dirty_count)
        dut.req_valid.value = 1
        dut.req_op.value = int(Op.UNPIN)
        dut.req_flag.value = 1
        dut.req_set.value, dut.req_way.value = s, w
        for clock in range(clocks):
            await FallingEdge(dut.clk)
            dut.req_valid.value = 0
            assert clock < 4
        dut.rst.value = 1
        await FallingEdge(dut.clk)
        dut.rst.value = 0
        dut.req_valid.value = 0
        await wait_ready(dut)
        after = value_of(dut.status_dirty_count)
        assert after in (dirty, dirty + 1)
        assert value_of(dut.status_pin_count) == 0
        if after > dirty:
            model.unpin(s, w, True)
        model.recover()
        model.acquire(0, segment)
        status, *_ = await operate(dut, Op.ACQUIRE, segment=segment)
        assert status == (Status.HIT if after > dirty else Status.FILL), f"rst {clocks} clocks into the operation"


@cocotb.test()
async def equals_model(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    await start(dut)
    model.recover()
    await wait_ready(dut)
    seen: dict[Status, int] = dict.fromkeys(Status, 0)
    cleaned: dict[Status, int] = dict.fromkeys(set(Status) - {Status.FULL}, 0)
    resets = redirtied = 0
    for step in range(40_000):
        if step >= 4000 and min((*seen.values(), *cleaned.values())) > 5 and resets > 3 and redirtied > 0:
            break  # long enough, and everything was met
        places = {
            "pinned": [(s, w) for s, w, x in model if x.pins],
            "valid": [(s, w) for s, w, x in model if x.pins and x.valid],
            "filling": [(s, w) for s, w, x in model if x.filling],
            "destaging": [(s, w) for s, w, x in model if x.destaging],
        }
        what = rng.choices(
            ("acquire", "pinned", "valid", "filling", "scan", "clean", "destaging"), (8, 5, 2, 4, 2, 2, 3)
        )[0]
        where = f"step {step}: {what}"
        if what in places and not places[what]:
            continue
        if what == "acquire":
            volume, overwrite = rng.choice((0, 1, 2, 255)), rng.random() < 0.4
            segment = rng.choice((rng.randrange(3 * WAYS) * SETS + rng.randrange(2), (1 << 29) - 1 - rng.randrange(4)))
            alone = rng.random() < 0.2
            want = model.acquire(volume, segment, overwrite, alone)
            got = await operate(dut, Op.ACQUIRE, flag=overwrite, exclusive=alone, volume=volume, segment=segment)
            seen[want.status] += 1
            assert got[:2] == (want.status, want.set), where
            assert want.status is Status.FULL or got == (want.status, want.set, want.way, volume, segment), where
        elif what == "clean":
            known = [(x.volume, x.segment) for _, _, x in model if x.used]
            volume, segment = (
                rng.choice(known) if known and rng.random() < 0.9 else (rng.randrange(3), rng.randrange(9))
            )
            settled = rng.random() < 0.1
            want = model.clean(volume, segment, settled)
            got = await operate(dut, Op.CLEAN, flag=settled, volume=volume, segment=segment)
            cleaned[want.status] += 1
            assert got[:2] == (want.status, want.set), where
            assert want.status is not Status.FILL or got == (want.status, want.set, want.way, volume, segment), where
        elif what == "scan":
            s = rng.randrange(SETS) if rng.random() < 0.5 else segment_set(rng.randrange(3), rng.randrange(2), SETS)
            want = model.scan(s)
            got = await operate(dut, Op.SCAN, place=(s, 0))
            assert got[0] == want.status, where
            assert want.status is Status.FULL or got == (want.status, s, want.way, want.volume, want.segment), where
        else:
            place, flag = rng.choice(places[what]), rng.random() < 0.5
            if what == "pinned":
                written = flag and not model.table[place[0]][place[1]].filling
                model.unpin(*place, written)
                await operate(dut, Op.UNPIN, flag=written, place=place)
            elif what == "valid":
                model.commit(*place)
                await operate(dut, Op.COMMIT, flag=flag, place=place)
            elif what == "filling":
                model.filled(*place, flag)
                await operate(dut, Op.FILLED, flag=flag, place=place)
            else:
                redirtied += model.table[place[0]][place[1]].redirtied
                model.destaged(*place, flag)
                await operate(dut, Op.DESTAGED, flag=flag, place=place)
        assert value_of(dut.status_dirty_count) == model.dirty_count, where
        assert value_of(dut.status_pin_count) == model.pin_count, where
        if rng.random() < 0.004:
            dut.rst.value = 1
            for _ in range(2):
                await FallingEdge(dut.clk)
            dut.rst.value = 0
            model.recover()
            await wait_ready(dut)
            resets += 1
            assert value_of(dut.status_dirty_count) == model.dirty_count, f"step {step}: after reset"
    assert min((*seen.values(), *cleaned.values())) > 5 and resets > 3 and redirtied > 0, (
        f"not everything was met: {seen} {cleaned} {resets=} {redirtied=}"
    )
