# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from portplex.simulate import simulate


def test_backup_engine(simulator: str) -> None:
    simulate(
        "backup_engine",
        sources=["array/backup_engine.v"],
        test_module=str(Path(__file__).with_name("bench_backup_engine.py")),
        simulator=simulator,
        parameters={"RETRY_TICKS": 2},
    )
