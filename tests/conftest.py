# SPDX-License-Identifier: Apache-2.0
"""Fixtures that every test folder shares."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from xdist.scheduler import LoadScopeScheduling

from portplex.simulate import SIMULATORS, available_simulators

T = TypeVar("T")

GROUPS = {"tests/block/waves/": "waves", "tests/hil/": "guest"}
"""Tests, by how their names begin, that share what one of them makes first: they go to one worker. xdist's own mark for
that, `xdist_group`, does nothing with pytest 9.2, which no longer lets it change the names of tests."""


class ByGroup(LoadScopeScheduling):
    """Test by test, and GROUPS as a whole, these first."""

    def _split_scope(self, nodeid: str) -> str:
        return next((group for start, group in GROUPS.items() if nodeid.startswith(start)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByGroup | None:
    return ByGroup(config, log) if config.getvalue("dist") == "loadgroup" else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `simulator` runs on each one installed, or on the one that SIM names."""
    if "simulator" in metafunc.fixturenames:
        wanted = os.environ.get("SIM")
        names = [wanted] if wanted else list(available_simulators())
        assert set(names) <= set(SIMULATORS), f"SIM={wanted}: must be one of {SIMULATORS}"
        metafunc.parametrize("simulator", names)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In what order the workers of `make test` take the tests: neighbours are from different ends of the list, as those
    of one file would wait for the same build, and the short ones, without a simulation, come last."""
    if hasattr(config, "workerinput"):
        items[:] = for_workers(items, lambda item: item.nodeid.startswith("tests/unit/"))


def for_workers(items: list[T], short: Callable[[T], bool]) -> list[T]:
    """The two halves of the long ones in turn, then the short ones."""
    long = [item for item in items if not short(item)]
    half = (len(long) + 1) // 2
    order = long.copy()
    order[::2], order[1::2] = long[:half], long[half:]
    return order + [item for item in items if short(item)]


@pytest.fixture
def require_tool() -> Callable[[str], None]:
    """Go on only with a system tool. Where none of them may be installed the test is left out and says so; in CI, which
    installs them, a missing one is a failure."""

    def require(tool: str) -> None:
        if shutil.which(tool) is None:
            missing = pytest.fail if os.environ.get("CI") else pytest.skip
            missing(f"{tool} is missing: `make setup` installs it where it may")

    return require
