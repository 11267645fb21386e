# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from portplex.runs.array_test import run_array_test

BENCH = Path(__file__).with_name("bench_bad_frames.py")


@pytest.mark.parametrize("case", ["BadDelimiters", "BadFrameContents", "BadHeaders", "BadOrder", "BadCredit"])
def test_bad_frames(simulator: str, case: str) -> None:
    run_array_test(BENCH, case, simulator)
