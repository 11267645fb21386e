# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from portplex.simulate import simulate

HERE = Path(__file__).parent


def run(
    top: str, bench: str, simulator: str, parameters: dict[str, object] | None = None, sources: list[str] | None = None, **kwargs: object
) -> None:
    """Run a bench of this folder; it sees the parameters as environment variables of the same names."""
    parameters = parameters or {}
    simulate(
        top,
        sources=sources or [f"cache/{top}.v"],
        test_module=str(HERE / f"{bench}.py"),
        simulator=simulator,
        parameters=parameters,
        env={name: str(value) for name, value in parameters.items()},
        **kwargs,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("ports", [1, 2])
def test_cache_data_ram(simulator: str, ports: int) -> None:
    run("cache_data_ram", "bench_cache_data_ram", simulator, {"PORTS": ports, "SEGMENTS": 2, "TASKS": 2})


@pytest.mark.parametrize(("sets", "ways"), [(8, 4), (2, 16), (512, 2)])
def test_cache_directory(simulator: str, sets: int, ways: int) -> None:
    run("cache_directory", "bench_cache_directory", simulator, {"CACHE_SETS": sets, "CACHE_WAYS": ways})
