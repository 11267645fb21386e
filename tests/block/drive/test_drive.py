# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from portplex.simulate import simulate

HERE = Path(__file__).parent


def run(top: str, simulator: str, **parameters: int) -> None:
    """Run `bench_<top>.py`; it sees the parameters as environment variables of the same names."""
    simulate(
        top,
        sources=[f"drive/{top}.v"],
        test_module=str(HERE / f"bench_{top}.py"),
        simulator=simulator,
        parameters=parameters,
        env={name: str(value) for name, value in parameters.items()},
    )


def test_drive(simulator: str) -> None:
    simulate(
        "drive_bench",
        sources=["drive/drive.f", HERE / "drive_bench.v"],
        test_module=str(HERE / "bench_drive.py"),
        simulator=simulator,
    )


# fast and small; the queue longer than what its commands take
@pytest.mark.parametrize(("latency", "queue"), [(1, 2), (100, 16)])
def test_drive_model(simulator: str, latency: int, queue: int) -> None:
    run("drive_model", simulator, CAPACITY_BLOCKS=64, LATENCY=latency, QUEUE=queue)


@pytest.mark.parametrize(("volumes", "queue"), [(1, 2), (4, 16)])
def test_drive_controller(simulator: str, volumes: int, queue: int) -> None:
    run("drive_controller", simulator, VOLUMES=volumes, QUEUE=queue)
