# SPDX-License-Identifier: Apache-2.0
"""Payload share of a saturated port: host reads and backup outbound, host writes inbound, at the same time; and how
long either direction stands still meanwhile."""

from __future__ import annotations

import itertools
import json
import sys
from typing import Any

import cocotb

from figures import Figure
from on_array import Seen, Site, report, run, settings
from portplex.executor import sleep

PARAMETERS = {"TASKS": 32, "BACKUP_SLOTS": 4, "RX_BUFFERS": 16}
# Tasks enough that something waits for each direction at any moment; a quantum shorter than a command, so that the
# request of a write does not stand behind a long one.
DEFAULT = {
    "reads": 16,
    "writes": 8,
    "quantum": 8192,
    "online_time": 2108,
    "warm_up": 500_000,
    "window": 1_000_000,
    "sub_blocks": 8192,
}


@cocotb.test()
async def saturate(dut: Any) -> None:
    wanted = settings()
    site = Site(dut, seed=cocotb.RANDOM_SEED, sub_blocks=wanted["sub_blocks"])
    await site.start(backup_quantum=wanted["quantum"], online_time=wanted["online_time"])
    await site.keep_backing_up()
    site.keep_reading(wanted["reads"])
    site.keep_writing(wanted["writes"])
    await sleep(site.executor, wanted["warm_up"])
    begin = site.executor.now()
    await sleep(site.executor, wanted["window"])
    end = site.executor.now()
    await site.stop()
    inside = [frame for frame in site.frames if begin <= frame.start < end]
    report(
        {
            "words": end - begin,
            "out": direction(inside, True),
            "in": direction(inside, False),
            "problems": site.found_wrong(),
        }
    )


def direction(frames: list[Seen], outward: bool) -> dict[str, Any]:
    """Payload, and where the rest went, of one direction."""
    mine = [frame for frame in frames if frame.outward is outward]
    gaps = [after.start - before.end - 1 for before, after in itertools.pairwise(mine)]
    return {
        "frames": len(mine),
        "data_bytes": sum(frame.data for frame in mine),
        "backup_bytes": sum(frame.data for frame in mine if frame.backup),
        "other_words": sum(frame.end - frame.start + 7 for frame in mine if not frame.data),
        "gap_words": sum(gaps),
        "gap_extra_words": sum(gap - 6 for gap in gaps),
        "longest_gap": max(gaps),
        "gaps": {str(n): gaps.count(n) for n in sorted(set(gaps))},
    }


def measure() -> list[Figure]:
    """Both directions, in percent of the line, from one window."""
    found = run("throughput", DEFAULT, parameters=PARAMETERS)
    if found["problems"]:
        raise RuntimeError(f"the run does not count: {found['problems'][:3]}")
    longest = max(found["out"]["longest_gap"], found["in"]["longest_gap"])
    share = {side: 100 * found[side]["data_bytes"] / 4 / found["words"] for side in ("out", "in")}
    return [
        Figure("payload share outbound, backup and host reads, 2048-byte frames", share["out"], "% of line", ">= 96.3"),
        Figure("payload share inbound, host writes, 2048-byte frames", share["in"], "% of line", ">= 96.3"),
        Figure("longest time without a frame in either direction, the same", longest, "words", "<= 2000"),
    ]


if __name__ == "__main__":
    print(json.dumps(run("throughput", DEFAULT | json.loads((sys.argv[1:] or ["{}"])[0]), parameters=PARAMETERS)))
