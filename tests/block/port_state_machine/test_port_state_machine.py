# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from portplex.simulate import simulate


def test_port_state_machine(simulator: str) -> None:
    simulate(
        "port_state_machine",
        sources=["link/port_state_machine.v"],
        test_module=str(Path(__file__).with_name("bench_port_state_machine.py")),
        simulator=simulator,
    )
