# SPDX-License-Identifier: Apache-2.0
"""Launch one system test (`ArrayTest`) on the simulated array."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from portplex.simulate import (
    available_simulators,
    check_simulator,
    given_seed,
    long_run,
    run_folder,
    simulate,
    waves_wanted,
)
from portplex.uvm.base_test import SEEN, SETTINGS_VARIABLE

TOP = "array_bench"
PARAMETERS = {"TASKS": 32}
"""Those of the main job, so that one build serves all."""


def on_simulators(cases: Sequence[str], *, icarus: Collection[str] = ()) -> list[tuple[str, str]]:
    """(simulator, case) for every case on Verilator and those of `icarus` on Icarus, as installed or as SIM names one.
    Icarus makes about 6,000 words a second on the whole array: it gets the short ones, and all in a long run."""
    wanted = os.environ.get("SIM")
    names = [check_simulator(wanted)] if wanted else list(available_simulators())
    unknown = set(icarus) - set(cases)
    if unknown:
        raise ValueError(f"icarus={sorted(unknown)}: must be among the cases")
    return [(name, case) for name in names for case in cases if name == "verilator" or case in icarus or long_run()]


def run_array_test(
    bench: Path,
    testcase: str,
    simulator: str,
    *,
    seed: int = 1,
    parameters: dict[str, int] | None = None,
    options: dict[str, Any] | None = None,
    replay: str = "",
    name: str | None = None,
    optimize: str = "-O3",
) -> dict[str, Any]:
    """Run `testcase` of `bench` in a simulation of its own and return the facts it left. SEED and WAVES of the
    environment apply; `optimize` is for the compiler: less where few short tests share a build. Raises
    SimulationFailed, with the problems in its message, when the test fails."""
    parameters = PARAMETERS if parameters is None else parameters
    name = name or testcase
    given = given_seed()
    seed = seed if given is None else given
    waves = waves_wanted()
    folder = run_folder(TOP, parameters, simulator, name)
    settings = {
        "options": options or {},
        "waves": str(folder / f"{TOP}.fst") if waves else None,
        "replay": f"SEED={seed} SIM={simulator} {replay or f'.venv/bin/pytest tests/system -k {testcase}'}",
    }
    simulate(
        TOP,
        sources=[f"bfm/{TOP}.f"],
        test_module=str(bench),
        testcase=testcase,
        simulator=simulator,
        parameters=parameters,
        name=name,
        seed=seed,
        waves=waves,
        env={SETTINGS_VARIABLE: json.dumps(settings)},
        optimize=optimize,
    )
    facts: dict[str, Any] = json.loads((folder / SEEN).read_text())
    return facts
