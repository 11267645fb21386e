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
ICARUS = ["DriveErrorOnRead", "DriveErrorOnDestage"]


@pytest.mark.parametrize(("sim", "case"), on_simulators(CASES, icarus=ICARUS))
def test_units(sim: str, case: str) -> None:
    run_array_test(BENCH, case, sim)


def test_task_set_full() -> None:
    run_array_test(BENCH, "TaskSetFull", "verilator", parameters={"TASKS": 8}, optimize="-O1")


@pytest.mark.parametrize(("sim", "case"), on_simulators(["Overload"]))
def test_overload(sim: str, case: str) -> None:
    facts = run_array_test(BENCH, case, sim, parameters={"TASKS": 8}, optimize="-O1")
    assert facts["commands"] == 128 + facts["refused"] and facts["refused"] > 32
