# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from pathlib import Path

import pytest

from portplex.simulate import available_simulators, simulate

HERE = Path(__file__).parent
SOURCES = ["array/host_engine.f", "array/page_service.f", "array/copy_manager.f", HERE / "array_host_bench.v"]


def test_array_host(simulator: str) -> None:
    simulate("array_host_bench", sources=SOURCES, test_module=str(HERE / "bench_array_host.py"), simulator=simulator)


def test_host_engine(simulator: str) -> None:
    simulate(
        "host_engine",
        sources=["array/host_engine.f"],
        test_module=str(HERE / "bench_host_engine.py"),
        simulator=simulator,
    )


def test_write_data_of_two_ports(simulator: str) -> None:
    simulate(
        "host_engine",
        sources=["array/host_engine.f"],
        test_module=str(HERE / "bench_host_engine.py"),
        simulator=simulator,
        parameters={"PORTS": 2},
        testcase="write_data_in_turn",
        env={"PORTS": "2"},
    )


@pytest.mark.parametrize("tasks", [1, 256])
def test_array_host_sizes(tasks: int) -> None:
    """On Icarus where it is installed: it builds in a second, the compiler takes forty for each size."""
    simulate(
        "array_host_bench",
        sources=SOURCES,
        test_module=str(HERE / "bench_array_host.py"),
        parameters={"TASKS": tasks},
        testcase="interleaved_tasks_with_aborts",
        simulator=os.environ.get("SIM") or available_simulators()[-1],
        env={"ARRAY_HOST_TASKS": str(tasks)},
    )
