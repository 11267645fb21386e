# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from portplex.runs.array_test import run_array_test

BENCH = Path(__file__).with_name("bench_abort.py")


@pytest.mark.parametrize("case", ["ReadIsAborted", "WriteIsAborted", "ManyAbortsUnderLoad"])
def test_abort(simulator: str, case: str) -> None:
    run_array_test(BENCH, case, simulator)
