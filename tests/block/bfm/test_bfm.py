# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from portplex.bfm.build import CompilerMissing, build_library
from portplex.simulate import UsageError, available_simulators, simulate

HERE = Path(__file__).parent
SOURCES = ["bfm/bfm.f", HERE / "axil_registers.v", HERE / "bfm_pair.v"]
BENCH = str(HERE / "bench_bfm.py")


def test_transactors(simulator: str) -> None:
    simulate("bfm_pair", sources=SOURCES, test_module=BENCH, simulator=simulator)


def test_transactor_meets_link(simulator: str) -> None:
    simulate(
        "loop_bench",
        sources=["link/link.f", "bfm/bfm.f", HERE / "link_echo.v", HERE / "loop_bench.v"],
        test_module=str(HERE / "bench_bfm_link.py"),
        simulator=simulator,
    )


def test_axil_bfm(simulator: str) -> None:
    simulate(
        "axil_bfm",
        sources=["bfm/axil_bfm.v"],
        test_module=str(HERE / "bench_axil_bfm.py"),
        simulator=simulator,
        parameters={"MASTER": 3},
    )


def test_fc_port_bfm(simulator: str) -> None:
    simulate(
        "fc_port_bfm",
        sources=["bfm/fc_port_bfm.v"],
        test_module=str(HERE / "bench_fc_port_bfm.py"),
        simulator=simulator,
        parameters={"PORT": 2, "R_T_TOV_WORDS": 400},
    )


@pytest.mark.parametrize(("half", "reset", "wakes"), [(2, 16, 3), (1, 1, 1), (5, 3, 8)])
def test_clock_source(simulator: str, half: int, reset: int, wakes: int) -> None:
    parameters = {"HALF_PERIOD": half, "RESET_CLOCKS": reset, "WAKES": wakes}
    simulate(
        "clock_source",
        sources=["bfm/clock_source.v"],
        test_module=str(HERE / "bench_clock_source.py"),
        simulator=simulator,
        parameters=parameters,
        env={name: str(value) for name, value in parameters.items()},
    )


def test_same_seed_same_times(tmp_path: Path) -> None:
    """Two runs with one seed, on each simulator, and the simulators with each other: frames and clocks are the same."""
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


def test_replay_without_python_is_equal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plain C++ loop, fed from a recording, sees the recorded frames at the same clocks; damage is noticed."""
    monkeypatch.syspath_prepend(str(HERE.parents[2] / "bench"))
    import harness_speed

    recording = tmp_path / "loop.rec"
    sources = harness_speed.LOOP_SOURCES

    def replay() -> Any:
        return harness_speed.plain_speed("loop_bench", sources, recording, profile=False, optimize="-O0")

    run = harness_speed.harness_speed(frames=60, recording=recording, profile=False)
    plain = replay()
    assert 0 <= run.cycles - plain.cycles < 600
    whole = bytearray(recording.read_bytes())
    recording.write_bytes(whole[:-100])
    with pytest.raises(RuntimeError, match="not a whole recording"):
        replay()
    whole[len(whole) // 2] ^= 1  # one bit of one frame: the echo differs from what was recorded
    recording.write_bytes(whole)
    with pytest.raises(RuntimeError, match="did not see the recorded frames"):
        replay()
    sys.modules.pop("harness_speed")
