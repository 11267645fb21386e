# SPDX-License-Identifier: Apache-2.0
"""What runs inside the simulator for `make sim`: the main job in the pyuvm environment, then summary.json."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import cocotb
import pyuvm
from pyuvm import ConfigDB, uvm_test

from portplex.bfm.simulated_array import SimulatedArray
from portplex.files import write_whole
from portplex.management import PriorityMode
from portplex.scenario.main_job import MainJob, MainJobOptions, Outcome
from portplex.uvm.end_checks import checker_problems, credit_problems, frame_problems, request_problems
from portplex.uvm.environment import PortplexEnvironment

SETTINGS_VARIABLE = "PORTPLEX_MAIN_JOB"
SUMMARY, PROGRESS, CAPTURE = "summary.json", "progress.txt", "frames.pcapng"


@pyuvm.test()
class MainJobTest(uvm_test):
    """Settings come as JSON in the environment: the options of the job, and what the summary repeats."""

    def build_phase(self) -> None:
        self.settings: dict[str, Any] = json.loads(os.environ[SETTINGS_VARIABLE])
        options = dict(self.settings["options"])
        options["mode"] = PriorityMode[options["mode"]]
        self.options = MainJobOptions(**options)
        self.folder = Path(self.settings["folder"])
        self.device = SimulatedArray(cocotb.top)
        ConfigDB().set(None, "*", "DEVICE", self.device)
        ConfigDB().set(None, "*", "CAPTURE", self.folder / CAPTURE)
        self.env = PortplexEnvironment("env", self)

    async def run_phase(self) -> None:
        self.raise_objection()
        started = time.monotonic()
        job = MainJob(self.device, self.device.drive, self.options, self.folder, self._progress)
        outcome = await job.run()
        self.env.scoreboard.close()
        self.env.capture.close()
        rules = self.env.scoreboard.rules
        self.problems = [
            *outcome.problems,
            *self.env.scoreboard.problems(),
            *credit_problems(self.device.fc_port.stats),
            *frame_problems(self.device.fc_port.stats),
            *request_problems(outcome.counters, rules),
            *checker_problems(cocotb.top),
        ]
        summary = self._summary(outcome, time.monotonic() - started)
        write_whole(self.folder / SUMMARY, json.dumps(summary, indent=2) + "\n")
        self.drop_objection()

    def _progress(self, text: str) -> None:
        with (self.folder / PROGRESS).open("a") as file:
            file.write(f"{self.device.executor.now():>10} words  {text}\n")

    def _summary(self, outcome: Outcome, wall_seconds: float) -> dict[str, Any]:
        traffic = self.device.traffic()
        busy = outcome.with_backup or traffic
        words = max(1, busy["words"])
        rules = self.env.scoreboard.rules
        pointers = outcome.pointers
        history = pointers.history if pointers else []
        pointer_counts = pointers.counts if pointers else {"compared": 0, "failed": 0}
        compared = rules.counts["compared"] + pointer_counts["compared"] + outcome.compared_blocks
        problems = [*self.problems] if compared else [*self.problems, "nothing was compared"]
        return {
            "result": "failed" if problems else "passed",
            "simulator": self.settings["simulator"],
            "seed": self.options.seed,
            "cycles": self.device.executor.now(),
            "wall_seconds": round(wall_seconds, 2),
            "frames_tx": traffic["frames_tx"],
            "frames_rx": traffic["frames_rx"],
            "payload_bytes_tx": 4 * traffic["payload_words_tx"],
            "payload_bytes_rx": 4 * traffic["payload_words_rx"],
            "payload_share_tx": round(busy["payload_words_tx"] / words, 4),
            "payload_share_rx": round(busy["payload_words_rx"] / words, 4),
            "online": {
                "commands": outcome.commands,
                "bytes": outcome.online_bytes,
                "latency_words": outcome.latency_with_backup.summary(),
                "latency_words_without_backup": outcome.latency_alone.summary(),
            },
            "backup": {
                "blocks": outcome.backup_blocks,
                "words": outcome.backup_words,
                "backup_pointer": history[-1][1] if history else 0,
                "copy_pointer": history[-1][2] if history else 0,
                "image_equal": outcome.image_equal,
                "pointer_history": history,
            },
            "checks": {
                "compared": compared,
                "failed": len(problems),
                "frames": rules.counts["compared"],
                "pointers": pointer_counts["compared"],
                "blocks": outcome.compared_blocks,
            },
            "problems": problems,
            "coverage": self.env.coverage.named(),
            "counters": outcome.counters,
            "files": self.settings["files"],
            "replay": self.settings["replay"],
        }

    def check_phase(self) -> None:
        if self.problems:
            raise AssertionError("\n".join(self.problems))
