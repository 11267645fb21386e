# SPDX-License-Identifier: Apache-2.0
"""How fast the whole harness is on the array: clocks per second of processor time of a run with pyuvm environment,
scoreboard, coverage, capture and models, against a plain C++ loop over the same RTL and the same frames, and against a
Python that drives every word of the same RTL.

The run saturates both directions of the port, so there are as many frames a clock as the wire can carry. It is recorded
once; the plain loop replays it and must see the very same frames come back. The three are run in turn, three times;
the best of each counts.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pyuvm
from figures import Figure
from harness_speed import Speed, plain_speed, word_speed
from on_array import SOURCES, TOP, Site, report, run, settings
from pyuvm import ConfigDB, uvm_test

from portplex.bfm.transactors import RECORD_VARIABLE
from portplex.executor import sleep
from portplex.simulate import build_root, run_folder
from portplex.uvm.environment import PortplexEnvironment

ROUNDS = 3
SETTINGS = {"reads": 16, "writes": 8, "words": 1_500_000}
WORD_CYCLES = 60_000


@pyuvm.test()
class WholeHarness(uvm_test):
    """Saturated traffic under the environment of the system tests."""

    def build_phase(self) -> None:
        import cocotb

        self.began = time.process_time()
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
        await sleep(site.executor, wanted["words"])
        await site.stop()
        await site.rig.wind_down()
        self.env.scoreboard.close()
        self.env.capture.close()
        cycles, seconds = site.executor.now(), time.process_time() - self.began
        traffic = site.device.traffic()
        report(
            {
                "cycles": cycles,
                "seconds": seconds,
                "frames": traffic["frames_tx"] + traffic["frames_rx"],
                "problems": site.found_wrong() + self.env.scoreboard.problems(),
            }
        )
        self.drop_objection()


def harness(recording: Path | None = None) -> Speed:
    """The whole harness once."""
    env = {RECORD_VARIABLE: str(recording)} if recording else {}
    found = run("array_speed", SETTINGS, env=env)
    if found["problems"]:
        raise RuntimeError(f"the run does not count: {found['problems'][:3]}")
    return Speed(found["cycles"], found["seconds"])


def plain(recording: Path) -> Speed:
    """The recorded run in a plain C++ loop, on the same drive image."""
    image = run_folder(TOP, {}, "verilator", "array_speed") / "drive_before.img"
    return plain_speed(TOP, SOURCES, recording, plusargs=[f"+drive_image_in={image}"])


def words() -> Speed:
    """The same RTL with every word driven and looked at by Python."""
    return word_speed("storage_array", ["top/storage_array.f"], echo=False, cycles=WORD_CYCLES)


def speeds() -> dict[str, float]:
    """Clocks per second, best of the rounds."""
    recording = build_root() / "bench" / "array.rec"
    recording.parent.mkdir(parents=True, exist_ok=True)
    harness(recording)
    best = {"harness": 0.0, "plain": 0.0, "words": 0.0}
    for _ in range(ROUNDS):
        for name, speed in (("harness", harness()), ("plain", plain(recording)), ("words", words())):
            best[name] = max(best[name], speed.cycles_per_second)
    return best


def measure() -> list[Figure]:
    best = speeds()
    for name, value in best.items():
        print(f"    {name}: {value:,.0f} clocks a second")
    return [
        Figure("whole harness against a plain C++ loop, saturated array", 100 * best["harness"] / best["plain"], "%", ">= 50"),
        Figure("whole harness against a per-word Python driver", best["harness"] / best["words"], "times", ">= 10"),
    ]


if __name__ == "__main__":
    json.dump(speeds(), sys.stdout, indent=2)
