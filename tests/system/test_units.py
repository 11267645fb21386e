# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from portplex.runs.array_test import run_array_test

BENCH = Path(__file__).with_name("bench_units.py")


@pytest.mark.parametrize(
    "case", ["UnitsAndTheirLimits", "DriveErrorOnRead", "DriveErrorOnDestage", "DriveErrorDuringBackup"]
)
def test_units(simulator: str, case: str) -> None:
    run_array_test(BENCH, case, simulator)


def test_task_set_full() -> None:
    run_array_test(BENCH, "TaskSetFull", "verilator", parameters={"TASKS": 8})
