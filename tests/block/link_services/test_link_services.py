# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

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


@pytest.mark.parametrize(("buffers", "size", "e_d_tov"), [(16, 2112, 2000), (1, 256, 10), (64, 1024, 60000)])
def test_service_parameters(simulator: str, buffers: int, size: int, e_d_tov: int) -> None:
    parameters = {"RX_BUFFERS": buffers, "RECEIVE_BYTES": size, "E_D_TOV_MS": e_d_tov}
    simulate(
        "service_parameters",
        sources=["port/service_parameters.v"],
        test_module=str(HERE / "bench_service_parameters.py"),
        simulator=simulator,
        parameters=parameters,
        env={name: str(value) for name, value in parameters.items()},
    )


def test_ls_receive(simulator: str) -> None:
    simulate(
        "ls_receive", sources=["port/ls_receive.v"], test_module=str(HERE / "bench_ls_receive.py"), simulator=simulator
    )


def test_ls_transmit(simulator: str) -> None:
    simulate(
        "ls_transmit",
        sources=["port/ls_transmit.v"],
        test_module=str(HERE / "bench_ls_transmit.py"),
        simulator=simulator,
    )


def test_els_responder(simulator: str) -> None:
    simulate(
        "els_responder",
        sources=["port/els_responder.v", "port/service_parameters.v"],
        test_module=str(HERE / "bench_els_responder.py"),
        simulator=simulator,
        parameters={"RX_BUFFERS": 16},
    )


def test_els_originator(simulator: str) -> None:
    simulate(
        "els_originator",
        sources=["port/els_originator.v", "port/service_parameters.v"],
        test_module=str(HERE / "bench_els_originator.py"),
        simulator=simulator,
        parameters={"RX_BUFFERS": 16},
    )
