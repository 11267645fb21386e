# SPDX-License-Identifier: Apache-2.0
"""time_supervisor with its clock and the real store against model/schedule.py, clock by clock."""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import cocotb
from clocked import number
from time_watch import Desk, Start

from portplex.model.schedule import ASKED, LAST_SECOND, control

SCHEDULES = int(os.environ["SCHEDULES"])
DAY, WEEK = 86_400, 7 * 86_400
NOW = int(datetime(2026, 12, 31, 23, 0, tzinfo=UTC).timestamp())


async def desk(dut: Any, now: int = NOW) -> Desk:
    found = Desk(dut, random.Random(cocotb.RANDOM_SEED), SCHEDULES)
    await found.start(now)
    return found


@cocotb.test()
async def set_time_fires_once(dut: Any) -> None:
    """Not a second before, one start, off afterwards, last fired and answer kept, in the store, too."""
    console = await desk(dut)
    assert await console.schedule(0, due=NOW + 5, job=6)
    await console.seconds(4)
    assert console.watch.starts == []
    await console.seconds(20)
    assert console.watch.starts == [Start(6, NOW + 5, NOW + 5)]
    assert [await console.read_store(word) for word in (0x90, 0x91, 0xA0, 0xA1, 0xA2)] == [
        0x600,
        0,
        NOW + 5,
        NOW + 5,
        0,
    ]


@cocotb.test()
async def daily_and_weekly(dut: Any) -> None:
    """Just after midnight every day and every week, over the year's end and a leap day: always that time of day."""
    first = datetime(2027, 12, 31, 0, 0, 5, tzinfo=UTC)
    due = int(first.timestamp())
    console = await desk(dut, due - 9)
    assert await console.schedule(0, due=due, period=DAY, job=1)
    weekly = min(1, SCHEDULES - 1)
    if weekly:
        assert await console.schedule(weekly, due=due, period=WEEK, job=2)
    for day in range(70):  # to 10 March 2028; every midnight passes second by second
        await console.set_clock(int((first + timedelta(days=day)).timestamp()) - 8)
        await console.seconds(12)
    times = [(start.job, datetime.fromtimestamp(start.seconds, UTC)) for start in console.watch.starts]
    daily = [time for job, time in times if job == 1]
    assert daily == [first + timedelta(days=day) for day in range(70)]
    assert datetime(2028, 2, 29, 0, 0, 5, tzinfo=UTC) in daily and datetime(2028, 1, 1, 0, 0, 5, tzinfo=UTC) in daily
    if weekly:
        assert [time for job, time in times if job == 2] == [first + timedelta(weeks=week) for week in range(10)]


@cocotb.test()
async def clock_set_back(dut: Any) -> None:
    """The seconds that come again fire nothing again, whether by an hour or to the beginning."""
    console = await desk(dut)
    assert await console.schedule(0, due=NOW + 3, job=3)
    repeated = SCHEDULES - 1
    if repeated:
        assert await console.schedule(repeated, due=NOW + 3, period=20, job=4)
    await console.seconds(4)
    assert len(console.watch.starts) == 1 + bool(repeated)
    for back in (NOW, NOW - 3600, 0):
        await console.set_clock(back)
        await console.quiet()
        await console.seconds(20)
    await console.set_clock(NOW)
    await console.seconds(24)
    assert sorted((start.due, start.job) for start in console.watch.starts) == (
        [(NOW + 3, 3), (NOW + 3, 4), (NOW + 23, 4)] if repeated else [(NOW + 3, 3)]
    )


@cocotb.test()
async def clock_set_ahead(dut: Any) -> None:
    """Over one time, over many, to the last second of all: one start, then on at the old times of day."""
    for period, jump, then in (
        (DAY, 3 * DAY + 100, NOW + 5 + 4 * DAY),
        (1, 1_000_000, NOW + 1_000_001),
        (7, 5, NOW + 12),
        (0xFFFF_FFFF, 50, None),
        (LAST_SECOND - NOW - 5, 50, LAST_SECOND),
        (LAST_SECOND - NOW - 4, 50, None),
        (60, LAST_SECOND - NOW, None),
    ):
        console = await desk(dut)
        console.watch.starts.clear()
        assert await console.schedule(0, due=NOW + 5, period=period, job=2)
        await console.set_clock(NOW + jump)
        await console.quiet()
        assert console.watch.starts == [Start(2, NOW + jump, NOW + 5)]
        entry = console.watch.model.entries[0]
        assert (entry.due if entry.enabled else None) == then
        cocotb.log.info("period %d, %d s ahead: next at %s", period, jump, then)


@cocotb.test()
async def past_is_refused(dut: Any) -> None:
    """An entry that is on is always to come; every illegal write is refused and changes nothing."""
    console = await desk(dut)
    for due, legal in ((NOW - 1, False), (NOW, False), (NOW + 1, True), (0, False), (LAST_SECOND, True)):
        assert await console.schedule(0, due=due) == legal
    for due, legal in ((NOW - 1, False), (NOW, False), (NOW + 50, True), (NOW + 1, True)):
        assert await console.write(0, 1, due) == legal  # it is on
    await console.write(0, 0, 0)
    assert await console.write(0, 1, NOW - 1), "an entry that is off may hold any time"
    for which, value in (
        *((0, 1 << bit) for bit in (*range(1, 8), *range(11, 32))),
        (0, control(0, operation=1, enabled=False)),
        (3, 0),
        (3, LAST_SECOND),
    ):
        assert not await console.write(0, which, value)
    if SCHEDULES < 4:
        assert not await console.write(SCHEDULES, 2, 0)
    await console.seconds(3)
    assert console.watch.starts == []


@cocotb.test()
async def restored_after_reset(dut: Any) -> None:
    """Entries go on; what came due during the reset starts once; a word nobody could have written is off."""
    console = await desk(dut)
    last = SCHEDULES - 1
    assert await console.schedule(0, due=NOW + 10, period=10, job=5)
    if last:
        assert await console.schedule(last, due=NOW + 100, job=7)
    await console.quiet()
    await console.reset()
    await console.seconds(10)
    assert [start.job for start in console.watch.starts] == [5]
    console.dut.rst.value = 1
    for _ in range(35):  # 20, 30 and 40 pass
        await console.second()
    console.dut.rst.value = 0
    await console.loaded()
    await console.quiet()
    assert console.watch.starts[1:] == [Start(5, NOW + 45, NOW + 20)]
    assert console.watch.model.entries[0].due == NOW + 50
    for word in (0x0000_0003, 0x0000_0801, 0xFFFF_FFFF):
        console.dut.rst.value = 1
        await console.write_store(0x90, word)
        await console.reset()
        await console.quiet()
        assert not console.watch.model.entries[0].enabled
        assert await console.read_store(0x90) == word & 0x700, "put right in the store"
    await console.seconds(100)
    assert [start.job for start in console.watch.starts[2:]] == ([7] if last else [])


@cocotb.test()
async def reset_at_every_clock(dut: Any) -> None:
    """A reset at any clock around a start: never two of one time; none only where the entry says that it had asked."""
    console = await desk(dut)
    for period in (0, 50):
        lost = 0
        for clocks in range(100):
            console.watch.starts.clear()
            now = console.watch.clock.seconds
            assert await console.schedule(0, due=now + 2, period=period, job=1)
            await console.quiet()
            await console.second()
            await console.second()
            await console.clocked.clocks(clocks)
            await console.reset()
            await console.quiet()
            if not console.watch.starts:
                assert console.watch.model.entries[0].answer == ASKED
                lost += 1
            assert len(console.watch.starts) <= 1
            assert console.watch.model.entries[0].enabled == bool(period)
            assert await console.write(0, 0, 0)
            await console.quiet()
        assert 0 < lost < 30, f"{lost} of 100 resets lost the start"


@cocotb.test()
async def engine_refuses_or_is_not_ready(dut: Any) -> None:
    """The reason is kept and the entry goes on; while the engine takes no command, others wait and none is lost."""
    console = await desk(dut)
    watch, last = console.watch, SCHEDULES - 1
    verdicts = [0x16, 0x17, 0]
    watch.verdict = lambda: verdicts[0]
    assert await console.schedule(0, due=NOW + 5, period=5, job=1)
    for reason in (0x16, 0x17, 0):
        await console.seconds(5)
        assert watch.model.entries[0].answer == reason == await console.read_store(0xA2)
        verdicts.pop(0)
    verdicts.append(0)
    watch.starts.clear()
    watch.ready = lambda: False
    now = watch.clock.seconds
    if last:
        assert await console.schedule(last, due=now + 7, job=3)
    for _ in range(22):
        await console.second()
        await console.clocked.clocks(60)
    assert watch.model.entries[0].answer == ASKED and not watch.starts
    assert await console.write(0, 0, 5 << 8), "the console may turn it off; what came due is still asked for"
    watch.ready = lambda: True
    await console.quiet()
    assert [start.job for start in watch.starts] == ([1, 3] if last else [1])
    await console.seconds(20)
    assert len(watch.starts) == 1 + bool(last)


@cocotb.test()
async def random_schedules(dut: Any) -> None:
    """Console, clock, engine, store and resets at random; the model agrees in every clock."""
    console = await desk(dut)
    rng, watch = console.rng, console.watch
    watch.ready = lambda: rng.random() < 0.1
    watch.delay = lambda: rng.choice((0, 0, 1, 9, 60))
    watch.verdict = lambda: rng.choice((0, 0, 0x16))
    for count in range(3000):
        now, kind, entry = watch.clock.seconds, rng.random(), rng.randrange(4)
        if kind < 0.3:
            await console.second()
        elif kind < 0.6:
            value = rng.choice((now, now + 1, now + rng.randrange(60), now - rng.randrange(60), rng.getrandbits(32)))
            await console.write(entry, 1, value & LAST_SECOND)
        elif kind < 0.7:
            await console.write(entry, 2, rng.choice((0, 1, 7, 30, rng.getrandbits(32), rng.getrandbits(12))))
        elif kind < 0.95:
            await console.write(entry, 0, control(rng.randrange(8), enabled=rng.random() < 0.9))
        elif kind < 0.98:
            await console.set_clock(max(0, now + rng.choice((-1, 1, -40, 40, 500))))
        elif kind < 0.99:
            await console.read_store(rng.randrange(0x90, 0xB0))
        if count % 300 == 299:
            await console.reset(rng.randint(1, 3))
        await console.clocked.clocks(rng.choice((0, 0, 1, 5, 40)))
    await console.set_clock(NOW)
    await console.quiet()
    for word, value in watch.model.words().items():
        assert await console.read_store(word) == value
    assert len(watch.starts) > 10 * SCHEDULES and min(watch.writes.values()) > 100
    assert number(dut.status_stored)
