# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import pytest

from portplex.simulate import simulate

SOURCES = ["array/management_registers.f"]


def test_management_registers(simulator: str) -> None:
    simulate(
        "management_registers",
        sources=SOURCES,
        test_module=str(Path(__file__).with_name("bench_management_registers.py")),
        simulator=simulator,
    )


@pytest.mark.parametrize("parameters", [{}, {"PORTS": 2, "VOLUMES": 5, "COUNTERS": 7, "DRIVE_BLOCKS": 4096}])
def test_register_map(parameters: dict[str, int], simulator: str) -> None:
    simulate(
        "management_registers",
        sources=SOURCES,
        test_module=str(Path(__file__).with_name("bench_register_map.py")),
        simulator=simulator,
        parameters=parameters,
        env={"PARAMETERS": json.dumps(parameters)},
    )


def test_commands(simulator: str) -> None:
    simulate(
        "management_registers",
        sources=SOURCES,
        test_module=str(Path(__file__).with_name("bench_commands.py")),
        simulator=simulator,
    )
