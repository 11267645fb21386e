# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from portplex.runs.array_test import on_simulators, run_array_test

BENCH = Path(__file__).with_name("bench_backup.py")
CASES = [
    "DeviceBusy",
    "DeviceChecksOnce",
    "DeviceCannotWrite",
    "DeviceFull",
    "DeviceSilent",
    "DeviceSilentAfterData",
    "DeviceSilentForever",
    "DeviceRefusesLogin",
    "DeviceTooSmall",
    "DeviceLogsOut",
    "DeviceSendsProcessLogout",
    "DeviceIsNotThere",
    "ConsoleAborts",
    "CopyPointerStopsTheBackup",
    "RestoreIntoOtherVolumes",
]
ICARUS = ["DeviceRefusesLogin"]


@pytest.mark.parametrize(("sim", "case"), on_simulators(CASES, icarus=ICARUS))
def test_backup(sim: str, case: str) -> None:
    run_array_test(BENCH, case, sim)
