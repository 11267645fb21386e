# SPDX-License-Identifier: Apache-2.0
"""Load tables, port selection and placement of the backup, each module by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from portplex.simulate import simulate

HERE = Path(__file__).parent


@pytest.mark.parametrize("ports", [1, 2, 4])
def test_load_monitor(simulator: str, ports: int) -> None:
    simulate(
        "load_monitor",
        sources=["array/load_monitor.v"],
        test_module=str(HERE / "bench_load_monitor.py"),
        simulator=simulator,
        parameters={"PORTS": ports},
        env={"PORTS": str(ports)},
    )


@pytest.mark.parametrize(("controllers", "ports"), [(1, 1), (1, 2), (2, 1), (2, 2)])
@pytest.mark.parametrize(
    ("top", "sources"),
    [("port_selector", "array/port_selector.v"), ("backup_placement", "array/backup_placement.f")],
)
def test_backup_port(simulator: str, top: str, sources: str, controllers: int, ports: int) -> None:
    simulate(
        top,
        sources=[sources],
        test_module=str(HERE / f"bench_{top}.py"),
        simulator=simulator,
        parameters={"CONTROLLERS": controllers, "PORTS": ports},
        env={"CONTROLLERS": str(controllers), "PORTS": str(ports)},
    )
