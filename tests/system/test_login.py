# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from portplex.runs.array_test import on_simulators, run_array_test

BENCH = Path(__file__).with_name("bench_login.py")
CASES = [
    "StrangerIsRefused",
    "CommandNeedsProcessLogin",
    "HostLogsOutInMidWrite",
    "ProcessLogoutInMidWrite",
    "NewLoginInMidWrite",
    "HostFallsSilentInMidWrite",
    "HostLinkFailsInMidWrite",
    "FabricDropsHostInMidWrite",
    "HostIsZonedOutInMidWrite",
    "FabricLogsArrayOut",
    "RecTellsTheState",
]
ICARUS = [
    "StrangerIsRefused",
    "CommandNeedsProcessLogin",
    "HostLogsOutInMidWrite",
    "FabricDropsHostInMidWrite",
    "FabricLogsArrayOut",
]


@pytest.mark.parametrize(("sim", "case"), on_simulators(CASES, icarus=ICARUS))
def test_login(sim: str, case: str) -> None:
    run_array_test(BENCH, case, sim)
