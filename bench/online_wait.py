# SPDX-License-Identifier: Apache-2.0
"""Extra wait of an online frame that backup causes, online first: in online time, and in backup quanta.

A host sends one-block reads and writes at random moments, one at a time, to an array that does nothing else or runs
backups without a pause. `online_wait_probe` in `array_bench` counts, for each frame of the array's answers (FCP_DATA,
FCP_XFER_RDY, FCP_RSP), the clocks from ready to taken by the link, apart for those in which online and in which backup
was preferred. The extra wait is the longest less the longest without backup.

With the longest online time the table can hold there is no quantum within the run. As a second opinion the latency of
the commands on the wire is printed: there, what backup does to the command's way through the cache is in it too.
"""

from __future__ import annotations

import itertools
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

COUNTS = ("longest_online", "longest_backup", "frames", "frames_in_backup")
PROBES = 300  # commands of each kind: two frames each
LONGEST = 0x7FFFFFFF
QUANTUM = 16_384
ONLINE_TIME = 8 * SLOT_WORDS  # as long as a quantum, so that half the frames meet one
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
        for before, after in itertools.pairwise(mine):
            if after.data[0] != before.data[0] and int.from_bytes(after.data[1:4], "big") == host.n_port_id:
                waits[f"{kind} {after.data[0]:02x}"].append(after.start - before.end)

    for lba in range(0, 256, 64):  # everything the probes touch is in the cache from now on
        await host.read(site.units[host][MAIN], lba, 64)
        await host.read(site.units[host][SECOND], lba, 64)
    if wanted["backup"]:
        await site.keep_backing_up()
        await sleep(site.executor, 60_000)
    for number in range(2 * PROBES):
        await sleep(site.executor, site.random.randrange(20, 1500))
        await one("read" if number % 2 else "write")
    await site.stop()
    probe = dut.online_wait_probe_inst
    counts = {name: int(getattr(probe, name).value) for name in COUNTS}
    back_offs = await site.rig.management.bus.read(0x041C)
    report({"waits": waits, "back_offs": back_offs, **counts, "problems": site.found_wrong()})


def probes(*, backup: bool, online_time: int = LONGEST) -> dict[str, Any]:
    """One run: longest waits of the probe, and all times from cause to frame on the wire by kind."""
    found = run("online_wait", {"backup": backup, "online_time": online_time})
    if found["problems"] or found["frames"] < 4 * PROBES:
        raise RuntimeError(f"the run does not count: {found['frames']} frames, {found['problems'][:3]}")
    return found


def measure() -> list[Figure]:
    alone, online, quanta = probes(backup=False), probes(backup=True), probes(backup=True, online_time=ONLINE_TIME)
    if online["frames_in_backup"] or not quanta["frames_in_backup"]:
        raise RuntimeError(
            "the run does not count: quanta where there should be none, or none where there should be some"
        )
    base = alone["longest_online"]
    frames = QUANTUM // 2048
    for name, found in (("alone", alone), ("online time", online), ("quanta", quanta)):
        times = {
            kind: (sorted(values)[len(values) // 2], max(values)) for kind, values in sorted(found["waits"].items())
        }
        print(f"    {name}: from cause to frame on the wire, median and longest by kind: {times}")
    return [
        Figure(
            "extra wait of an online frame in online time, worst",
            online["longest_online"] - base,
            "words",
            f"<= {LIMIT}",
        ),
        Figure(
            f"extra wait of an online frame in backup quanta of {frames} frames, worst",
            quanta["longest_backup"],
            "words",
            f"<= {frames * SLOT_WORDS}",
        ),
    ]


if __name__ == "__main__":
    for name, found in (
        ("alone", probes(backup=False)),
        ("online time", probes(backup=True)),
        ("quanta", probes(backup=True, online_time=ONLINE_TIME)),
    ):
        for kind, times in sorted(found.pop("waits").items()):
            ordered = sorted(times)
            print(name, kind, len(ordered), ordered[:3], ordered[len(ordered) // 2], ordered[-8:])
        print(name, found)
