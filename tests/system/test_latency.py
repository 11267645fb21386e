# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from portplex.runs.array_test import run_array_test

BENCH = Path(__file__).with_name("bench_latency.py")


def test_latency() -> None:
    run_array_test(BENCH, "OnlineFramesGoFirst", "verilator")
