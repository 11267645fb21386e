# SPDX-License-Identifier: Apache-2.0
"""online_wait_probe against the same waits read from a trace of its inputs, when all is over."""

from __future__ import annotations

import itertools
import random
from typing import Any

import cocotb
from clocked import Clocked, number


def waits(trace: list[tuple[int, int, int]]) -> list[tuple[int, int]]:
    """For each run of `online_ready` in which a frame was taken: clocks before it, in online and in backup time."""
    found = []
    for ready, run in itertools.groupby(trace, key=lambda clock: clock[0]):
        clocks = list(run)
        taken = next((at for at, (_, frame, _) in enumerate(clocks) if frame), None)
        if ready and taken is not None:
            backup = sum(prefer for _, _, prefer in clocks[:taken])
            found.append((taken - backup, backup))
    return found


@cocotb.test()
async def longest_waits_of_a_trace(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    clocked = Clocked(dut)
    await clocked.start(online_ready=0, online_frame=0, prefer_backup=0)
    for patience in (3, 40):  # the second part also shows that rst starts anew
        trace = [(0, 0, 0)]
        while len(trace) < 3000:
            prefer = int(rng.random() < 0.5)
            for _ in range(rng.randrange(1, patience)):
                trace.append((1, 0, prefer if rng.random() < 0.9 else 1 - prefer))
            for _ in range(
                rng.choice((0, 1, 1, 1, 3))
            ):  # none: the frame was cancelled; three: later ones do not count
                trace.append((1, 1, prefer))
            trace += [(1, 0, prefer)] * rng.randrange(3)
            trace += [(0, 0, prefer)] * rng.randrange(1, 4)
        for dut.online_ready.value, dut.online_frame.value, dut.prefer_backup.value in trace:
            await clocked.clock()
        expected = waits(trace)
        assert len(expected) > 50
        assert number(dut.frames) == len(expected)
        assert number(dut.frames_in_backup) == sum(backup > 0 for _, backup in expected)
        assert number(dut.longest_online) == max(online for online, _ in expected)
        assert number(dut.longest_backup) == max(backup for _, backup in expected)
        dut.rst.value, dut.online_ready.value, dut.online_frame.value = 1, 0, 0
        await clocked.clock()
        dut.rst.value = 0
        assert not number(dut.frames) and not number(dut.longest_online) and not number(dut.longest_backup)
