# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from portplex.runs.array_test import on_simulators, run_array_test

BENCH = Path(__file__).with_name("bench_placement.py")
PARAMETERS = {"PORTS": 2, "TASKS": 32}
CASES = ["LoadTablesCount", "MovesToTheLighterPort", "SpreadsOverLightPorts", "JobsInAQueue", "VerifyAndSchedule"]


@pytest.mark.parametrize(("sim", "case"), on_simulators(CASES, icarus=["VerifyAndSchedule"]))
def test_placement(sim: str, case: str) -> None:
    run_array_test(BENCH, case, sim, parameters=PARAMETERS)
