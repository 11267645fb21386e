# SPDX-License-Identifier: Apache-2.0
"""The small parts of the cache, and the probe of the array's bench, each by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from portplex.simulate import simulate

HERE = Path(__file__).parent


def run(top: str, folder: str, simulator: str, **parameters: int) -> None:
    """Run `bench_<top>.py`; it sees the parameters as environment variables of the same names."""
    simulate(
        top,
        sources=[f"{folder}/{top}.v"],
        test_module=str(HERE / f"bench_{top}.py"),
        simulator=simulator,
        parameters=parameters,
        env={name: str(value) for name, value in parameters.items()},
    )


@pytest.mark.parametrize("ports", [1, 2])
def test_allow_list(simulator: str, ports: int) -> None:
    run("allow_list", "cache", simulator, PORTS=ports)


@pytest.mark.parametrize("clients", [2, 3, 5])
def test_management_store(simulator: str, clients: int) -> None:
    run("management_store", "cache", simulator, CLIENTS=clients)


@pytest.mark.parametrize(("slots", "ports"), [(5, 1), (272, 2)])
def test_segment_list(simulator: str, slots: int, ports: int) -> None:
    run("segment_list", "cache", simulator, SLOTS=slots, PORTS=ports)


def test_online_wait_probe(simulator: str) -> None:
    run("online_wait_probe", "bfm", simulator)
