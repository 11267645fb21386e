# SPDX-License-Identifier: Apache-2.0
"""Cost of a frame with 1, 8, 32 and 128 exchanges open: words on the wire and CPU time of the simulation, whole harness
on, one build with 128 task contexts and one run for all.

Other work on the machine makes CPU time longer, never shorter: the run is cut into slices, the four loads take turns,
and the cheapest slice of each counts."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import cocotb

from figures import Figure
from on_array import Site, report, run
from portplex.executor import sleep

OPEN = (1, 8, 32, 128)
PARAMETERS = {"TASKS": 128}
BLOCKS = 64  # 32 KiB a read
SLICES = 10
SLICE_WORDS = 25_000
ROUNDS = 6


@cocotb.test()
async def many_open(dut: Any) -> None:
    site = Site(dut, seed=cocotb.RANDOM_SEED, hosts=8, keep_frames=False)
    await site.start()
    result: dict[int, dict[str, Any]] = {count: {"words": [], "microseconds": []} for count in OPEN}
    for _ in range(ROUNDS):
        for count in OPEN:
            await measure_open(site, count, result[count])
    report({"costs": [result[count] for count in OPEN], "problems": site.found_wrong()})


async def measure_open(site: Site, count: int, result: dict[str, Any]) -> None:
    """Words a frame, and microseconds a word of each slice, with `count` reads open."""
    site.stopped = False
    site.stagger = 1 + 60_000 // count
    site.keep_reading(count, blocks=BLOCKS, span=512)
    await sleep(site.executor, 120_000)
    first = site.device.traffic()
    for _ in range(SLICES):
        began = time.process_time()
        await sleep(site.executor, SLICE_WORDS)
        result["microseconds"].append(1e6 * (time.process_time() - began) / SLICE_WORDS)
    last = site.device.traffic()
    moved = sum(last[key] - first[key] for key in ("frames_tx", "frames_rx"))
    result["words"].append((last["words"] - first["words"]) / moved)
    result["open_tasks"] = (await site.rig.management.port_status()).open_tasks
    await site.stop()


def costs() -> dict[int, dict[str, float]]:
    """Words (mean) and microseconds (least) a frame by number of exchanges open."""
    found = run("growth", parameters=PARAMETERS)
    if found["problems"]:
        raise RuntimeError(f"the run does not count: {found['problems'][:3]}")
    result = {}
    for count, cost in zip(OPEN, found["costs"], strict=True):
        words = sum(cost["words"]) / len(cost["words"])
        microseconds = words * min(cost["microseconds"])
        result[count] = {"words": words, "microseconds": microseconds, "open_tasks": cost["open_tasks"]}
    return result


def spread(values: list[float]) -> float:
    """By how many percent the largest is above the smallest."""
    return 100 * (max(values) / min(values) - 1)


def measure() -> list[Figure]:
    found = costs()
    for count, cost in found.items():
        print(f"    {count:>3} open: {cost['words']:.1f} words, {cost['microseconds']:.0f} us a frame")
    return [
        Figure(
            f"growth of {what} a frame, 1 to 128 exchanges open", spread([c[key] for c in found.values()]), "%", "<= 10"
        )
        for what, key in (("words", "words"), ("CPU time", "microseconds"))
    ]


if __name__ == "__main__":
    json.dump(costs(), sys.stdout, indent=2)
