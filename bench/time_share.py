# SPDX-License-Identifier: Apache-2.0
"""Share of wire time of each kind of work, both saturated, against the user's precedence ratio (priority table 670).

Twenty ratios, ten in each mode, are set one after the other while hosts and one backup go on. The arithmetic is
`portplex.model.priority.PriorityTable`: a period is one quantum and one online time; the quantum takes as long as its
bytes need in full frames. On the wire, a frame's time runs from its SOF to the next frame's SOF. Counted are 100
periods, from the first frame of a quantum to the first frame of the one 100 quanta later.
"""

from __future__ import annotations

from typing import Any

import cocotb

from figures import Figure
from on_array import COMMAND_BLOCKS, Seen, Site, report, run, settings
from portplex.executor import sleep
from portplex.management import PriorityMode
from portplex.model.priority import PriorityTable, precedence_table
from portplex.scenario.rig import SUB

QUANTA = 100
SPARE = 5  # quanta before those that count, and after them
PERCENTS = {  # in turn long and short turns: nothing of the old table may be left
    PriorityMode.ONLINE_FIRST: (50, 99, 1, 95, 3, 90, 5, 75, 10, 25),
    PriorityMode.BACKUP_FIRST: (45, 98, 2, 92, 4, 80, 8, 65, 20, 35),
}
START_BLOCKS = 2048  # backed up before the first ratio is set
READS = 6
READ_BLOCKS = 32  # so that a read ends in time when hosts have a hundredth of the line
PARAMETERS = {"DRIVE_BLOCKS": 1 << 18}


def image_blocks(tables: list[PriorityTable]) -> int:
    """Blocks of a volume whose backup goes on until every table has had its quanta."""
    return START_BLOCKS + sum((QUANTA + 2 * SPARE) * table.quantum // 512 for table in tables)


def period(table: PriorityTable) -> int:
    return round(table.quantum_words() + table.online_time)


@cocotb.test()
async def shares(dut: Any) -> None:
    mode = PriorityMode[settings()["mode"]]
    tables = [precedence_table(percent, backup_first=bool(mode)) for percent in PERCENTS[mode]]
    site = Site(dut, seed=cocotb.RANDOM_SEED, sub_blocks=-(-image_blocks(tables) // 8) * 8)
    await site.start(mode, backup_quantum=tables[0].quantum, online_time=tables[0].online_time)
    management, disk, image = site.rig.management, site.rig.disk, site.rig.images[SUB]
    site.keep_reading(READS, blocks=READ_BLOCKS)
    await sleep(site.executor, 300_000)
    await management.prepare_backup(SUB, port_id=disk.n_port_id, chunk=COMMAND_BLOCKS)
    await management.set_copy_pointer(len(image) // 512)
    await management.start_backup()
    await sleep(site.executor, 100_000)
    found = []
    for percent in PERCENTS[mode]:
        table = await management.set_precedence(percent, mode)
        begin = site.executor.now()
        await sleep(site.executor, (QUANTA + SPARE) * period(table))
        outward = [frame for frame in site.frames if frame.outward and frame.start >= begin]
        found.append({"percent": percent, "expected": table.backup_share(), **measured(outward)})
        site.frames.clear()
    pointer = (await management.job_progress(0)).backup_pointer
    if not 0 < 512 * pointer < len(image) or disk.image()[: 512 * pointer] != image[: 512 * pointer]:
        site.problems.append(f"backup pointer {pointer}: the job is over, or the image differs")
    await management.abort_backup()
    await site.stop()
    report({"shares": found, "problems": site.found_wrong()})


def measured(frames: list[Seen]) -> dict[str, int]:
    """Words of each kind in 100 periods; a period begins with the first backup frame after an online one. The first
    periods after a change do not count: the table is three registers."""
    starts = [n for n in range(1, len(frames)) if frames[n].backup and not frames[n - 1].backup]
    starts = starts[2 : QUANTA + 3]
    words = {True: 0, False: 0}
    for this, after in zip(frames[starts[0] : starts[-1]], frames[starts[0] + 1 :], strict=False):
        words[this.backup] += after.start - this.start
    return {"quanta": len(starts) - 1, "backup_words": words[True], "online_words": words[False]}


def deviation(found: dict[str, Any]) -> float:
    """How far the worse of the two shares is from the table's, in percent of what the table gives that kind."""
    if found["quanta"] != QUANTA:
        raise RuntimeError(f"the run does not count: {found['quanta']} quanta at {found['percent']} %")
    backup = found["backup_words"] / (found["backup_words"] + found["online_words"])
    expected = found["expected"]
    return 100 * max(abs(backup / expected - 1), abs((1 - backup) / (1 - expected) - 1))


def measure() -> list[Figure]:
    figures = []
    for mode in PriorityMode:
        found = run("time_share", {"mode": mode.name}, parameters=PARAMETERS)
        if found["problems"]:
            raise RuntimeError(f"the run does not count: {found['problems'][:3]}")
        for share in found["shares"]:
            name = f"share of time, {mode.name.lower().replace('_', ' ')}, {share['percent']} % for the backup"
            figures.append(Figure(name, deviation(share), "% off", "<= 1"))
    return figures


if __name__ == "__main__":
    for figure in measure():
        print(figure)
