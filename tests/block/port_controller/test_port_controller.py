# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from portplex.simulate import expand_file_list, project_root, simulate

HERE = Path(__file__).parent


def run(simulator: str, tasks: int, testcase: str | None = None) -> None:
    listed = expand_file_list(project_root() / "hdl/port/port_controller.f")
    services = set(expand_file_list(project_root() / "hdl/port/link_services.f"))
    simulate(
        "port_bench",
        sources=[HERE / "link_services_standin.v", *(f for f in listed if f not in services), HERE / "port_bench.v"],
        test_module=str(HERE / "bench_port_controller.py"),
        simulator=simulator,
        parameters={"TASKS": tasks},
        env={"PORT_TASKS": str(tasks)},
        testcase=testcase,
    )


def test_port_controller(simulator: str) -> None:
    run(simulator, 32)


@pytest.mark.parametrize("tasks", [1, 8, 128])
def test_sizes(simulator: str, tasks: int) -> None:
    """The same port with few and many contexts: data both ways in both roles, and a full table."""
    run(simulator, tasks, "both_roles_at_once,task_set_full")
