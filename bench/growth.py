# SPDX-License-Identifier: Apache-2.0
"""Cost of a frame with 1, 8, 32 and 128 exchanges open: words on the wire and CPU time of the simulation, whole harness
on, one build with 128 task contexts for all."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import cocotb
from figures import Figure
from on_array import Site, report, run, settings

from portplex.executor import sleep

OPEN = (1, 8, 32, 128)
PARAMETERS = {"TASKS": 128}
WINDOW = 600_000
ROUNDS = 3


@cocotb.test()
async def many_open(dut: Any) -> None:
    wanted = settings()
    site = Site(dut, seed=cocotb.RANDOM_SEED, hosts=8, keep_frames=False)
    await site.start()
    site.stagger = 1 + 100_000 // wanted["open"]
    site.keep_reading(wanted["open"], span=512)
    await sleep(site.executor, 300_000)
    before, began = site.device.traffic(), time.process_time()
    await sleep(site.executor, WINDOW)
    after, ended = site.device.traffic(), time.process_time()
    open_tasks = (await site.rig.management.port_status()).open_tasks
    await site.stop()
    frames = sum(after[key] - before[key] for key in ("frames_tx", "frames_rx"))
    report(
        {
            "open_tasks": open_tasks,
            "words": (after["words"] - before["words"]) / frames,
            "microseconds": 1e6 * (ended - began) / frames,
            "problems": site.found_wrong(),
        }
    )


def costs() -> dict[int, dict[str, float]]:
    """Words and microseconds a frame by number of exchanges open; the rounds are interleaved, the best of each counts."""
    best: dict[int, dict[str, float]] = {}
    for _ in range(ROUNDS):
        for count in OPEN:
            found = run("growth", {"open": count}, parameters=PARAMETERS)
            if found["problems"]:
                raise RuntimeError(f"the run does not count: {found['problems'][:3]}")
            cost = best.setdefault(count, {key: found[key] for key in ("words", "microseconds", "open_tasks")})
            cost["microseconds"] = min(cost["microseconds"], found["microseconds"])
    return best


def spread(values: list[float]) -> float:
    """By how many percent the largest is above the smallest."""
    return 100 * (max(values) / min(values) - 1)


def measure() -> list[Figure]:
    found = costs()
    for count, cost in found.items():
        print(f"    {count:>3} open: {cost['words']:.1f} words, {cost['microseconds']:.0f} us a frame")
    return [
        Figure(f"growth of {what} a frame, 1 to 128 exchanges open", spread([c[key] for c in found.values()]), "%", "<= 10")
        for what, key in (("words", "words"), ("CPU time", "microseconds"))
    ]


if __name__ == "__main__":
    json.dump(costs(), sys.stdout, indent=2)
