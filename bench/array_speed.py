# SPDX-License-Identifier: Apache-2.0
"""How fast the whole harness is on the array: clocks per second of processor time of a run with pyuvm environment,
scoreboard, coverage, capture and models, against a plain C++ loop over the same RTL and the same frames, and against a
Python that drives every word of the same RTL.

The run saturates both directions of the port, so there are as many frames a clock as the wire can carry. It is recorded
once; the plain loop replays it and must see the very same frames come back. Compared are the same words of the run. The
per-word driver brings the link up and sends frames one after another.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from pathlib import Path
from typing import Any

import pyuvm
from pyuvm import ConfigDB, uvm_test

from figures import Figure
from harness_speed import WORD_SLICE, plain_slices, word_speed
from on_array import SOURCES, TOP, Site, report, run, settings
from portplex.bfm.transactors import RECORD_VARIABLE
from portplex.executor import sleep
from portplex.simulate import build_root, run_folder
from portplex.uvm.environment import PortplexEnvironment

ROUNDS = 10
SLICE_WORDS = 50_000
SETTINGS = {"reads": 16, "writes": 8, "warm_up": 400_000, "slices": 20}
WORD_CYCLES = 60_000


@pyuvm.test()
class WholeHarness(uvm_test):
    """Saturated traffic under the environment of the system tests."""

    def build_phase(self) -> None:
        import cocotb

        self.site = Site(cocotb.top, seed=cocotb.RANDOM_SEED, sub_blocks=8192, keep_frames=False, own_rules=False)
        ConfigDB().set(None, "*", "DEVICE", self.site.device)
        ConfigDB().set(None, "*", "CAPTURE", Path.cwd() / "frames.pcapng")
        self.env = PortplexEnvironment("env", self)

    async def run_phase(self) -> None:
        self.raise_objection()
        wanted, site = settings(), self.site
        await site.start(backup_quantum=8192, online_time=2108)
        site.stagger = 5_000
        await site.keep_backing_up()
        site.keep_reading(wanted["reads"])
        site.keep_writing(wanted["writes"])
        await sleep(site.executor, wanted["warm_up"])
        first, times = site.executor.now(), [time.process_time()]
        for _ in range(wanted["slices"]):
            await sleep(site.executor, SLICE_WORDS)
            times.append(time.process_time())
        last = site.executor.now()
        await site.stop()
        await site.rig.wind_down()
        self.env.scoreboard.close()
        self.env.capture.close()
        report(
            {
                "first": first,
                "words": last - first,
                "seconds": [after - before for before, after in itertools.pairwise(times)],
                "problems": site.found_wrong() + self.env.scoreboard.problems(),
            }
        )
        self.drop_objection()


def harness(recording: Path | None = None) -> dict[str, Any]:
    """The whole harness once: first word of the slices, processor seconds of each."""
    env = {RECORD_VARIABLE: str(recording)} if recording else {}
    found = run("array_speed", SETTINGS, env=env, profile=True)
    if found["problems"]:
        raise RuntimeError(f"the run does not count: {found['problems'][:3]}")
    return found


def plain(recording: Path, first: int) -> list[float]:
    """The recorded run in a plain C++ loop, on the same drive image: processor seconds of the same slices."""
    image = run_folder(TOP, {}, "verilator", "array_speed") / "drive_before.img"
    plusargs = [f"+drive_image_in={image}"]
    return plain_slices(TOP, SOURCES, recording, first, SLICE_WORDS, SETTINGS["slices"], plusargs=plusargs)


def words() -> list[float]:
    """The same RTL with every word driven and looked at by Python: processor seconds of slices of its own."""
    return word_speed("storage_array", ["top/storage_array.f"], echo=False, cycles=WORD_CYCLES).slices


def speeds() -> dict[str, float]:
    """Clocks per second of processor time. Other work on the machine makes a slice longer, never shorter: of every
    slice the shortest of the rounds counts."""
    recording = build_root() / "bench" / "array.rec"
    recording.parent.mkdir(parents=True, exist_ok=True)
    first = harness(recording)["first"]
    seconds: dict[str, list[list[float]]] = {"harness": [], "plain": [], "words": []}
    for _ in range(ROUNDS):
        seconds["harness"].append(harness()["seconds"])
        seconds["plain"].append(plain(recording, first))
        seconds["words"].append(words())
    clocks = {"harness": SLICE_WORDS, "plain": SLICE_WORDS, "words": WORD_SLICE}
    return {
        name: clocks[name] * len(rounds[0]) / sum(min(times) for times in zip(*rounds, strict=True))
        for name, rounds in seconds.items()
    }


def measure() -> list[Figure]:
    best = speeds()
    for name, value in best.items():
        print(f"    {name}: {value:,.0f} clocks a second")
    return [
        Figure(
            "whole harness against a plain C++ loop, saturated array",
            100 * best["harness"] / best["plain"],
            "%",
            ">= 50",
        ),
        Figure("whole harness against a per-word Python driver", best["harness"] / best["words"], "times", ">= 10"),
    ]


if __name__ == "__main__":
    json.dump(speeds(), sys.stdout, indent=2)
