# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from portplex.simulate import simulate


def test_bb_credit(simulator: str) -> None:
    simulate(
        "bb_credit",
        sources=["link/bb_credit.v"],
        test_module=str(Path(__file__).with_name("bench_bb_credit.py")),
        simulator=simulator,
    )
