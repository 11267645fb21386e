# SPDX-License-Identifier: Apache-2.0
"""Parts of the array's host side, each by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from portplex.simulate import simulate

HERE = Path(__file__).parent


@pytest.mark.parametrize(
    ("top", "parameters"),
    [
        ("unit_attention", {}),
        ("volume_watch", {}),
        ("persistent_reservation", {}),
        ("block_worker", {"SEGMENTS": 64}),
        ("scsi_responder", {}),
        ("parameter_list", {}),
        ("page_service", {}),
        ("port_lost", {"PORTS": 2}),
        ("array_clock", {}),
    ],
)
def test_array_part(simulator: str, top: str, parameters: dict[str, int]) -> None:
    simulate(
        top,
        sources=["array/page_service.f"] if top == "page_service" else [f"array/{top}.v"],
        test_module=str(HERE / f"bench_{top}.py"),
        simulator=simulator,
        parameters=parameters,
    )


@pytest.mark.parametrize("ports", [1, 2])
def test_port_mux(simulator: str, ports: int) -> None:
    parameters = {"PORTS": ports, "TASKS": 24}
    simulate(
        "port_mux",
        sources=["array/port_mux.f"],
        test_module=str(HERE / "bench_port_mux.py"),
        simulator=simulator,
        parameters=parameters,
        env={name: str(value) for name, value in parameters.items()},
    )


def test_write_window(simulator: str) -> None:
    parameters = {"WINDOW": 196608, "QUIET": 256}
    simulate(
        "write_window",
        sources=["array/write_window.v"],
        test_module=str(HERE / "bench_write_window.py"),
        simulator=simulator,
        parameters=parameters,
        env={name: str(value) for name, value in parameters.items()},
    )


@pytest.mark.parametrize("schedules", [1, 4])
def test_time_supervisor(simulator: str, schedules: int) -> None:
    simulate(
        "time_bench",
        sources=["array/array_clock.v", "array/time_supervisor.v", "cache/management_store.v", HERE / "time_bench.v"],
        test_module=str(HERE / "bench_time_supervisor.py"),
        simulator=simulator,
        parameters={"SCHEDULES": schedules},
        env={"SCHEDULES": str(schedules)},
    )


def test_job_commands(simulator: str) -> None:
    simulate(
        "job_commands",
        sources=["array/stream_turn.v", "array/job_commands.v"],
        test_module=str(HERE / "bench_job_commands.py"),
        simulator=simulator,
    )
