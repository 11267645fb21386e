# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from portplex.simulate import simulate

HERE = Path(__file__).parent


def test_fairness_checker(simulator: str) -> None:
    bench = str(HERE / "bench_fairness_checker.py")
    simulate(
        "fairness_checker",
        sources=["bfm/fairness_checker.v"],
        test_module=bench,
        simulator=simulator,
        parameters={"ROWS": 8},
    )


def test_destage_checker(simulator: str) -> None:
    bench = str(HERE / "bench_destage_checker.py")
    simulate("destage_checker", sources=["bfm/destage_checker.v"], test_module=bench, simulator=simulator)
