# SPDX-License-Identifier: Apache-2.0
"""Extra wait of an online frame that backup causes, online first: in online time, and in a backup quantum.

A host sends one-block reads and writes at random moments, one at a time, to an array that does nothing else or runs a
backup that never pauses. For every frame of the array's answers (FCP_DATA, FCP_XFER_RDY, FCP_RSP) the wire shows how
long after its cause it came: the end of the frame of the same command before it. The extra wait is that time less the
shortest one of the same kind without backup, so everything backup does to the way of a frame is in it.

With the longest online time the table can hold there is no quantum after the first; with none at all the quanta follow
each other without a break.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from typing import Any

import cocotb
from figures import Figure
from on_array import SLOT_WORDS, Site, report, run, settings

from portplex.executor import sleep
from portplex.fc.constants import FcType
from portplex.framelink import Frame
from portplex.model.frame_rules import Direction
from portplex.scenario.rig import MAIN, SECOND

PROBES = 300  # commands of each kind: two frames each
LONGEST = 0x7FFFFFFF
QUANTUM = 16_384
LIMIT = 543  # one slot of a frame of 2112 bytes


@cocotb.test()
async def probe(dut: Any) -> None:
    wanted = settings()
    site = Site(dut, seed=cocotb.RANDOM_SEED, hosts=1, main_blocks=256, sub_blocks=8192, keep_frames=False)
    await site.start(backup_quantum=QUANTUM, online_time=wanted["online_time"])
    host = site.rig.hosts[0]
    mine: list[Frame] = []

    def watch(frame: Frame, direction: Direction) -> None:
        data = frame.data
        if data[8] == FcType.FCP and host.n_port_id in (
            int.from_bytes(data[1:4], "big"),
            int.from_bytes(data[5:8], "big"),
        ):
            mine.append(frame)

    site.device.taps.append(watch)
    waits: dict[str, list[int]] = defaultdict(list)
    block = site.random.randbytes(512)

    async def one(kind: str) -> None:
        mine.clear()
        lba = site.random.randrange(256)
        if kind == "read":
            await host.read(site.units[host][MAIN], lba, 1)
        else:
            await host.write(site.units[host][SECOND], lba, block)
        for before, after in zip(mine, mine[1:], strict=False):
            if after.data[0] != before.data[0] and int.from_bytes(after.data[1:4], "big") == host.n_port_id:
                waits[f"{kind} {after.data[0]:02x}"].append(after.start - before.end)

    for lba in range(0, 256, 128):  # everything the probes touch is in the cache from now on
        await host.read(site.units[host][MAIN], lba, 128)
        await host.read(site.units[host][SECOND], lba, 128)
    if wanted["backup"]:
        await site.keep_backing_up()
        await sleep(site.executor, 60_000)
    for number in range(2 * PROBES):
        await sleep(site.executor, site.random.randrange(20, 1500))
        await one("read" if number % 2 else "write")
    await site.stop()
    report({"waits": waits, "problems": site.found_wrong()})


def waits(*, backup: bool, online_time: int = LONGEST) -> dict[str, list[int]]:
    """Words from cause to frame, by kind."""
    found = run("online_wait", {"backup": backup, "online_time": online_time})
    if found["problems"]:
        raise RuntimeError(f"the run does not count: {found['problems'][:3]}")
    result: dict[str, list[int]] = found["waits"]
    return result


def worst(found: dict[str, list[int]], alone: dict[str, list[int]]) -> int:
    """The longest extra wait of all kinds."""
    return max(max(times) - min(alone[kind]) for kind, times in found.items())


def measure() -> list[Figure]:
    alone = waits(backup=False)
    online = worst(waits(backup=True), alone)
    quantum = worst(waits(backup=True, online_time=4216), alone)
    frames = QUANTUM // 2048
    return [
        Figure("extra wait of an online frame in online time, worst", online, "words", f"<= {LIMIT}"),
        Figure(
            f"extra wait of an online frame in backup quanta of {frames} frames, worst",
            quantum,
            "words",
            f"<= {frames * SLOT_WORDS}",
        ),
    ]


if __name__ == "__main__":
    alone = waits(backup=False)
    for label, found in (
        ("alone", alone),
        ("online time", waits(backup=True)),
        ("quanta", waits(backup=True, online_time=4216)),
    ):
        for kind, times in sorted(found.items()):
            ordered = sorted(times)
            print(label, kind, len(ordered), ordered[:3], ordered[len(ordered) // 2], ordered[-8:])
