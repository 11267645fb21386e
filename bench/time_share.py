# SPDX-License-Identifier: Apache-2.0
"""Share of wire time of each kind of work, both saturated, against the arithmetic of priority table 670.

The arithmetic is `portplex.model.priority.PriorityTable`: a period is one quantum and one online time; the quantum
takes as long as its bytes need in full frames. On the wire, a frame's time runs from its SOF to the next frame's SOF.
Counted are 100 periods, from the first frame of a quantum to the first frame of the one 100 quanta later.
"""

from __future__ import annotations

from typing import Any

import cocotb

from figures import Figure
from on_array import Seen, Site, report, run, settings
from portplex.executor import sleep
from portplex.management import PriorityMode
from portplex.model.priority import PriorityTable

QUANTA = 100
TABLES = (
    ("ONLINE_FIRST", 65_536, 16_864),
    ("ONLINE_FIRST", 8_192, 10_000),
    ("BACKUP_FIRST", 32_768, 5_000),
    ("BACKUP_FIRST", 16_384, 20_000),
)


@cocotb.test()
async def share(dut: Any) -> None:
    wanted = settings()
    mode, quantum, online_time = PriorityMode[wanted["mode"]], wanted["quantum"], wanted["online_time"]
    table = PriorityTable(mode is PriorityMode.BACKUP_FIRST, quantum, online_time)
    period = round(table.quantum_words() + online_time)
    site = Site(dut, seed=cocotb.RANDOM_SEED, sub_blocks=16384)
    await site.start(mode, backup_quantum=quantum, online_time=online_time)
    site.keep_reading(12)
    await sleep(site.executor, 300_000)
    await site.keep_backing_up()
    await sleep(site.executor, 100_000 + (QUANTA + 3) * period)
    site.stopped = True
    begin = site.executor.now() - (QUANTA + 2) * period
    outward = [frame for frame in site.frames if frame.outward and frame.start >= begin]
    await site.stop()
    report({**measured(outward), "expected": table.backup_share(), "problems": site.found_wrong()})


def measured(frames: list[Seen]) -> dict[str, Any]:
    """Words of each kind in 100 periods; a period begins with the first backup frame after an online one."""
    starts = [n for n in range(1, len(frames)) if frames[n].backup and not frames[n - 1].backup][: QUANTA + 1]
    words = {True: 0, False: 0}
    for this, after in zip(frames[starts[0] : starts[-1]], frames[starts[0] + 1 :], strict=False):
        words[this.backup] += after.start - this.start
    return {"quanta": len(starts) - 1, "backup_words": words[True], "online_words": words[False]}


def deviation(found: dict[str, Any]) -> float:
    """How far the worse of the two shares is from the table's, in percent of what the table gives that kind."""
    if found["problems"] or found["quanta"] != QUANTA:
        raise RuntimeError(f"the run does not count: {found['quanta']} quanta, {found['problems'][:3]}")
    backup = found["backup_words"] / (found["backup_words"] + found["online_words"])
    expected = found["expected"]
    return 100 * max(abs(backup / expected - 1), abs((1 - backup) / (1 - expected) - 1))


def measure() -> list[Figure]:
    figures = []
    for mode, quantum, online_time in TABLES:
        found = run("time_share", {"mode": mode, "quantum": quantum, "online_time": online_time})
        name = (
            f"share of time against table 670, {mode.lower().replace('_', ' ')}, {quantum} bytes, {online_time} words"
        )
        figures.append(Figure(name, deviation(found), "% off", "<= 1"))
    return figures


if __name__ == "__main__":
    for mode, quantum, online_time in TABLES:
        found = run("time_share", {"mode": mode, "quantum": quantum, "online_time": online_time})
        print(mode, quantum, online_time, found, deviation(found))
