# SPDX-License-Identifier: Apache-2.0
"""The main job on several seeds, in both priority modes, replayed; its capture and summary looked at from outside."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import portplex.runs.main_job as main_job
from portplex.cli import cli
from portplex.management import PriorityMode
from portplex.runs.main_job import run_main_job
from portplex.scenario.main_job import MainJobOptions
from portplex.simulate import available_simulators, long_run

ROOT = Path(__file__).resolve().parents[2]
LONG = long_run()
SEEDS = range(100, 150) if LONG else range(1, 5)
ONLY = os.environ.get("SIM") or "verilator"
CHANGES = ("wall_seconds", "files", "replay", "simulator")
"""What may differ between two runs of one seed."""


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """These runs are not what `make waves` should open, nor what tests beside them look at."""
    monkeypatch.setattr(main_job, "LAST_RUN", "last_run_of_test_main_job.json")


def run(seed: int, simulator: str = ONLY, *, name: str = "", **options: Any) -> dict[str, Any]:
    settings = {"hosts": 2, "blocks": 256, **options}
    return run_main_job(
        MainJobOptions(seed=seed, **settings),
        simulator=simulator,
        tasks=32,
        waves=False,
        name=f"main_job_{name or seed}",
    )


def the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    for key in one:
        if key not in CHANGES:
            assert one[key] == other[key], f"{key} differs between two runs of seed {one['seed']}"


LARGE = [("verilator", seed, mode, 1 + seed % 4, 256 * (1 + seed % 3)) for seed in SEEDS for mode in PriorityMode]
SMALL = [  # Icarus takes a hundred times as long a clock, but builds the array in a second
    pytest.param("icarus", 8, PriorityMode.ONLINE_FIRST, 1, 64, marks=pytest.mark.fast),
    ("icarus", 9, PriorityMode.BACKUP_FIRST, 2, 64),
]
JOBS = {"verilator": LARGE, "icarus": SMALL}
HERE = [os.environ["SIM"]] if os.environ.get("SIM") else available_simulators()


@pytest.mark.parametrize(("on", "seed", "mode", "hosts", "blocks"), [job for name in HERE for job in JOBS[name]])
def test_main_job(on: str, seed: int, mode: PriorityMode, hosts: int, blocks: int) -> None:
    few = {"warm_up": 1, "queue_depth": 1} if on == "icarus" else {}
    summary = run(seed, on, name=f"{seed}_{mode.name.lower()}", mode=mode, hosts=hosts, blocks=blocks, **few)
    assert summary["result"] == "passed", summary["problems"]
    assert summary["backup"]["image_equal"]
    assert summary["backup"]["backup_pointer"] == summary["backup"]["blocks"] == blocks
    assert summary["checks"]["compared"] > 1000 and not summary["checks"]["failed"]
    switches = [key for key in summary["coverage"] if key.startswith("switch/")]
    assert {"switch/initiator-target", "switch/target-initiator"} <= set(switches), "both roles must share the wire"


def test_replay_is_exact() -> None:
    """One seed twice: every fact but the wall clock is the same; another seed is another run."""
    first, second, other = run(42, name="first"), run(42, name="second"), run(43, name="other")
    the_same(first, second)
    assert first["cycles"] != other["cycles"] or first["coverage"] != other["coverage"]


def test_both_simulators_agree(require_tool: Callable[[str], None]) -> None:
    """A small main job on Icarus passes and equals Verilator's word for word."""
    require_tool("iverilog")
    small = {"hosts": 1, "blocks": 64, "warm_up": 1, "queue_depth": 1}
    icarus = run(7, "icarus", name="small", **small)
    assert icarus["result"] == "passed", icarus["problems"]
    the_same(icarus, run(7, "verilator", name="small", **small))


def test_every_frame_in_tshark(require_tool: Callable[[str], None]) -> None:
    """Wireshark's own dissector finds no bad CRC and nothing malformed in any frame of a run."""
    require_tool("tshark")
    summary = run(5, name="tshark")
    rows = tshark(summary, "-T", "fields", "-e", "fc.crc.status", "-e", "fc.r_ctl", "-e", "frame.time_epoch")
    assert len(rows) == summary["frames_tx"] + summary["frames_rx"]
    assert {row.split("\t")[0] for row in rows} == {"1"}
    times = [float(row.split("\t")[2]) for row in rows]
    assert times == sorted(times), "frames are not in the order of time"
    assert not tshark(summary, "-Y", "_ws.malformed")
    kinds = {int(row.split("\t")[1], 16) for row in rows}
    assert {0x01, 0x05, 0x06, 0x07, 0x22, 0x23} <= kinds, "data, XFER_RDY, CMND, RSP, ELS must all have been there"


def tshark(summary: dict[str, Any], *arguments: str) -> list[str]:
    capture = summary["files"]["capture"]
    command = ["tshark", "-r", capture, "-o", "fc.reassemble:FALSE", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def flat(summary: dict[str, Any], prefix: str = "") -> set[str]:
    found = set()
    for key, value in summary.items():
        if isinstance(value, dict) and not prefix and key in ("online", "backup", "checks"):
            found |= flat(value, f"{key}.")
        else:
            found.add(prefix + key)
    return found


def test_summary_has_the_documented_keys() -> None:
    """summary.json and its page name the same keys, and they hold what they say."""
    summary = run(3, name="keys")
    page = (ROOT / "docs" / "summary.md").read_text()
    named = {key for row in re.findall(r"^\| (`.*?) \|", page, re.M) for key in re.findall(r"`([a-z_.]+)`", row)}
    assert flat(summary) == named
    assert set(summary["online"]["latency_words"]) == {"p50", "p99", "max"}
    written = json.loads(Path(summary["files"]["summary"]).read_text())
    assert written == summary
    for share in ("payload_share_tx", "payload_share_rx"):
        assert 0 < summary[share] < 1
    assert f"SEED={summary['seed']}" in summary["replay"]


def test_wrong_image_fails_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """One wrong bit on the backup disk: result `failed`, exit status 1, the block named. The good run ends with 0."""
    name = "main_job_wrong_image"
    monkeypatch.setattr(main_job, "run_main_job", functools.partial(run_main_job, name=name))
    arguments = ["sim", "--sim", ONLY, "--seed", "9", "--hosts", "1", "--blocks", "64"]
    good = CliRunner().invoke(cli, arguments)
    assert good.exit_code == 0, good.output
    monkeypatch.setattr(main_job, "BENCH_MODULE", str(Path(__file__).with_name("bench_wrong_image.py")))
    bad = CliRunner().invoke(cli, arguments)
    assert bad.exit_code == 1, bad.output
    found = json.loads((main_job.run_folder("array_bench", {"TASKS": 32}, ONLY, name) / "summary.json").read_text())
    assert found["result"] == "failed" and not found["backup"]["image_equal"]
    assert any("from block 40 on" in problem for problem in found["problems"]), found["problems"]
