# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from portplex.runs.array_test import on_simulators, run_array_test

BENCH = Path(__file__).with_name("bench_direct.py")
CASES = ["ArrayFirstAndHigher", "ArrayFirstAndLower", "HostFirstAndLower", "HostFirstAndHigher"]


@pytest.mark.parametrize(("sim", "case"), on_simulators(CASES, icarus=CASES))
def test_direct(sim: str, case: str) -> None:
    run_array_test(BENCH, case, sim)
