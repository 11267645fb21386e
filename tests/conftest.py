# SPDX-License-Identifier: Apache-2.0
"""Fixtures that every test folder shares."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

import pytest

from portplex.simulate import SIMULATORS, available_simulators


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `simulator` runs on each one installed, or on the one that SIM names."""
    if "simulator" in metafunc.fixturenames:
        wanted = os.environ.get("SIM")
        names = [wanted] if wanted else list(available_simulators())
        assert set(names) <= set(SIMULATORS), f"SIM={wanted}: must be one of {SIMULATORS}"
        metafunc.parametrize("simulator", names)


@pytest.fixture
def require_tool() -> Callable[[str], None]:
    """Go on only with a system tool. Where none of them may be installed the test is left out and says so; in CI, which
    installs them, a missing one is a failure."""

    def require(tool: str) -> None:
        if shutil.which(tool) is None:
            missing = pytest.fail if os.environ.get("CI") else pytest.skip
            missing(f"{tool} is missing: `make setup` installs it where it may")

    return require
