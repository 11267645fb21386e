# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from portplex.simulate import simulate

HERE = Path(__file__).parent


def test_drive(simulator: str) -> None:
    simulate(
        "drive_bench",
        sources=["drive/drive.f", HERE / "drive_bench.v"],
        test_module=str(HERE / "bench_drive.py"),
        simulator=simulator,
    )
