# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from portplex.simulate import simulate


def test_management_registers(simulator: str) -> None:
    simulate(
        "management_registers",
        sources=["array/management_registers.v"],
        test_module=str(Path(__file__).with_name("bench_management_registers.py")),
        simulator=simulator,
    )
