# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from portplex.simulate import simulate

HERE = Path(__file__).parent


def run(
    top: str,
    bench: str,
    simulator: str,
    parameters: dict[str, object] | None = None,
    sources: list[str] | None = None,
    **kwargs: object,
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


def test_cache_manager(simulator: str) -> None:
    parameters: dict[str, object] = {"CACHE_SETS": 64, "CACHE_WAYS": 8, "TASKS": 8, "BACKUP_SLOTS": 4}
    run("cache_manager", "bench_cache_manager", simulator, parameters, ["cache/cache_manager.f"])


# sets, ways, longest chunk, tasks: roomy; the smallest for 64 KiB chunks; the smallest at all
@pytest.mark.parametrize(
    ("sets", "ways", "chunk", "tasks"), [(16, 4, 17, 12), (16, 2, 17, 8), (2, 16, 17, 8), (2, 2, 3, 6)]
)
def test_cache_manager_random(simulator: str, sets: int, ways: int, chunk: int, tasks: int) -> None:
    parameters: dict[str, object] = {
        "CACHE_SETS": sets,
        "CACHE_WAYS": ways,
        "CHUNK_SEGMENTS": chunk,
        "TASKS": tasks,
        "BACKUP_SLOTS": 2,
    }
    run("cache_manager", "bench_cache_manager_random", simulator, parameters, ["cache/cache_manager.f"])


@pytest.mark.parametrize("ports", [1, 2])
def test_cache_management(simulator: str, ports: int) -> None:
    run(
        "cache",
        "bench_management",
        simulator,
        {"PORTS": ports, "CACHE_SETS": 16, "CACHE_WAYS": 2, "TASKS": 8},
        ["cache/cache.f"],
    )
