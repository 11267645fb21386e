# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from portplex.simulate import simulate

HERE = Path(__file__).parent


def test_link_services(simulator: str) -> None:
    simulate(
        "link_services",
        sources=["port/link_services.f"],
        test_module=str(HERE / "bench_link_services.py"),
        simulator=simulator,
        parameters={"RX_BUFFERS": 16, "LOGINS": 32},
    )


def test_login_table(simulator: str) -> None:
    for logins in (2, 64):
        simulate(
            "login_table",
            sources=["port/login_table.v"],
            test_module=str(HERE / "bench_login_table.py"),
            simulator=simulator,
            parameters={"LOGINS": logins},
        )
