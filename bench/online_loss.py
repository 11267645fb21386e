# SPDX-License-Identifier: Apache-2.0
"""Online throughput that a backup takes while it runs online first: payload of hosts that saturate one direction of the
port, reads or writes, without a backup and with one, in windows of one run.

With the longest online time the table can hold the backup has the slots that hosts leave empty, and none of theirs.
With a precedence ratio it has its share of the line outbound; what reads lost is what is missing beyond that share.
Writes come inbound, where the backup sends nothing and its device little: they lose nothing to any ratio.

Hosts that read and write at once are no measure for half a percent: what they reach without a backup changes by
several percent from window to window, because commands of many frames come to run in step.
"""

from __future__ import annotations

from typing import Any

import cocotb

from figures import Figure
from on_array import Site, report, run, settings
from portplex.executor import sleep
from portplex.management import PriorityMode

PARAMETERS = {"TASKS": 64, "CACHE_SETS": 128, "RX_BUFFERS": 32}
READS, WRITES = 24, 16
LONGEST = 0x7FFFFFFF
PERCENTS = (10, 50)
WARM_UP = 500_000
WINDOW = 3_000_000


@cocotb.test()
async def loss(dut: Any) -> None:
    reads = settings()["reads"]
    site = Site(dut, seed=cocotb.RANDOM_SEED, sub_blocks=8192)
    await site.start(PriorityMode.ONLINE_FIRST, backup_quantum=8192, online_time=LONGEST)
    if reads:
        site.keep_reading(READS)
    else:
        site.keep_writing(WRITES)

    async def window(share: float) -> dict[str, Any]:
        """Bytes of hosts and backup in a window, and the share of the line that the table gives the backup."""
        await sleep(site.executor, WARM_UP)
        site.frames.clear()
        begin = site.executor.now()
        await sleep(site.executor, WINDOW)
        inside = [frame for frame in site.frames if frame.start >= begin]
        return {
            "share": share,
            "online": sum(frame.data for frame in inside if not frame.backup),
            "backup": sum(frame.data for frame in inside if frame.backup),
        }

    windows = [await window(0.0)]
    await site.keep_backing_up()
    windows.append(await window(0.0))
    for percent in PERCENTS:
        windows.append(await window((await site.rig.management.set_precedence(percent)).backup_share()))
    await site.stop()
    report({"windows": windows, "problems": site.found_wrong()})


def losses(*, reads: bool) -> list[tuple[dict[str, Any], float]]:
    """Each window with a backup, and what is missing of the hosts' payload in percent."""
    found = run("online_loss", {"reads": reads}, parameters=PARAMETERS)
    alone, *others = found["windows"]
    if found["problems"] or alone["backup"] or not all(window["backup"] for window in others if window["share"]):
        raise RuntimeError(f"the run does not count: {found['windows']}, {found['problems'][:3]}")
    line = 100 / 4 / WINDOW
    print(f"    {'reads' if reads else 'writes'}: {alone['online'] * line:.2f} % of the line without a backup")
    lost = []
    for window in others:
        left = 1 - window["share"] if reads else 1.0
        lost.append((window, 100 * (1 - window["online"] / (alone["online"] * left))))
        print(
            f"    {window['online'] * line:.2f} % with one that has {window['backup'] * line:.2f} %, "
            f"{100 * window['share']:.0f} % by the table"
        )
    return lost


def measure() -> list[Figure]:
    figures = []
    for kind in ("reads", "writes"):
        for window, lost in losses(reads=kind == "reads"):
            what = f"{100 * window['share']:.0f} % for the backup" if window["share"] else "empty slots for the backup"
            figures.append(Figure(f"online throughput lost, host {kind}, {what}", lost, "%", "<= 0.5"))
    return figures


if __name__ == "__main__":
    for figure in measure():
        print(figure)
