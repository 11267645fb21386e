# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from portplex.simulate import simulate


def test_executor_in_simulation(simulator: str) -> None:
    bench = Path(__file__).with_name("bench_executor.py")
    simulate("crc32", sources=["link/crc32.v"], test_module=str(bench), simulator=simulator)
