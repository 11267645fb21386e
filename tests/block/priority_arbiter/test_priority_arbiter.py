# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from portplex.simulate import simulate


def test_priority_arbiter(simulator: str) -> None:
    simulate(
        "priority_arbiter",
        sources=["array/priority_arbiter.v"],
        test_module=str(Path(__file__).with_name("bench_priority_arbiter.py")),
        simulator=simulator,
    )
