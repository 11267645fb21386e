# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from portplex.runs.array_test import on_simulators, run_array_test

BENCH = Path(__file__).with_name("bench_units.py")
CASES = [
    "UnitsAndTheirLimits",
    "DriveErrorOnRead",
    "DriveErrorOnDestage",
    "DriveErrorDuringBackup",
    "ComparisonSeesOneBit",
]
ICARUS = ["DriveErrorOnRead", "DriveErrorOnDestage", "ComparisonSeesOneBit"]


@pytest.mark.parametrize(("sim", "case"), on_simulators(CASES, icarus=ICARUS))
def test_units(sim: str, case: str) -> None:
    run_array_test(BENCH, case, sim)


def test_task_set_full() -> None:
    run_array_test(BENCH, "TaskSetFull", "verilator")


@pytest.mark.parametrize(("sim", "case"), on_simulators(["Overload"], icarus=["Overload"]))
def test_overload(sim: str, case: str) -> None:
    """Few contexts on Icarus; on Verilator those of the other tests, whose build it has."""
    tasks = 32 if sim == "verilator" else 8
    facts = run_array_test(BENCH, case, sim, parameters={"TASKS": tasks}, options={"tasks": tasks})
    assert facts["commands"] == 16 * tasks + facts["refused"] and facts["refused"] > 32
