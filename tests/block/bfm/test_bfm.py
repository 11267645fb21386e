# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import pytest

from portplex.bfm.build import CompilerMissing, build_library
from portplex.simulate import UsageError, available_simulators, simulate

HERE = Path(__file__).parent
SOURCES = ["bfm/bfm.f", HERE / "axil_registers.v", HERE / "bfm_pair.v"]
BENCH = str(HERE / "bench_bfm.py")


def test_transactors(simulator: str) -> None:
    simulate("bfm_pair", sources=SOURCES, test_module=BENCH, simulator=simulator)


def test_same_seed_same_times(tmp_path: Path) -> None:
    """Two runs with one seed, on each simulator, and the simulators with each other: the same frames at the same clocks."""
    times = {}
    for run, simulator in enumerate(2 * available_simulators()):
        file = tmp_path / f"{run}.json"
        simulate(
            "bfm_pair",
            sources=SOURCES,
            test_module=BENCH,
            simulator=simulator,
            name="bench_bfm_times",
            testcase="same_seed_same_times",
            seed=20,
            env={"PORTPLEX_TIMES": str(file)},
        )
        times[run, simulator] = json.loads(file.read_text())
    first = next(iter(times.values()))
    assert first
    assert [key for key, value in times.items() if value != first] == []


def test_missing_compiler_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(CompilerMissing, match="no-such-compiler"):
        build_library("verilator", tmp_path)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("PORTPLEX_BUILD", str(tmp_path))
    with pytest.raises(UsageError, match="no-such-compiler"):
        simulate("bfm_pair", sources=SOURCES, test_module=BENCH, simulator="verilator")
