# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from portplex.runs.array_test import on_simulators, run_array_test

BENCH = Path(__file__).with_name("bench_scsi.py")
CASES = [
    *("AnswersOfEveryLength", "ResidualsAreCounted", "EveryTransferCommand"),
    *("BlocksWithoutMovingThem", "TwoHostsAndReservations", "MaskedVolume"),
    *("CompareAndWriteIsAtomic", "ToTheMedium", "WhatOthersChange"),
]
LONGER = {"BlocksWithoutMovingThem", "CompareAndWriteIsAtomic", "ToTheMedium"}


@pytest.mark.parametrize(("sim", "case"), on_simulators(CASES, icarus=set(CASES) - LONGER))
def test_scsi(sim: str, case: str) -> None:
    run_array_test(BENCH, case, sim)
