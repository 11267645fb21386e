# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from portplex.simulate import simulate


@pytest.mark.parametrize(("bench", "ports"), [("engine", 1), ("jobs", 1), ("ports", 2)])
def test_backup_engine(simulator: str, bench: str, ports: int) -> None:
    simulate(
        "backup_engine",
        sources=["array/backup_engine.f"],
        test_module=str(Path(__file__).with_name(f"bench_backup_{bench}.py")),
        simulator=simulator,
        parameters={"RETRY_TICKS": 2, "PORTS": ports, "VOLUMES": 8},
    )
