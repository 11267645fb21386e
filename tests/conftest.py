# SPDX-License-Identifier: Apache-2.0
"""Fixtures that every test folder shares."""

from __future__ import annotations

import os

import pytest

from portplex.simulate import SIMULATORS, available_simulators


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `simulator` runs on each one installed, or on the one that SIM names."""
    if "simulator" in metafunc.fixturenames:
        wanted = os.environ.get("SIM")
        names = [wanted] if wanted else list(available_simulators())
        assert set(names) <= set(SIMULATORS), f"SIM={wanted}: must be one of {SIMULATORS}"
        metafunc.parametrize("simulator", names)
