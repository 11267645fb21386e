# SPDX-License-Identifier: Apache-2.0
"""The scenario of test_serve.py through the link transactor; its facts go to seen.json."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cocotb

from portplex.bfm.simulated_array import SimulatedArray
from portplex.files import write_whole
from portplex.scenario.bring_up import Settings, configure, go_online
from portplex.scenario.rig import ARRAY_WWNN, ARRAY_WWPN
from portplex.scenario.round_trip import RoundTrip


@cocotb.test()
async def round_trip(dut) -> None:
    settings = json.loads(os.environ["PORTPLEX_ROUND_TRIP"])
    device = SimulatedArray(dut)
    scenario = RoundTrip(device, seed=settings["seed"])
    await configure(device.management, Settings(ARRAY_WWPN, ARRAY_WWNN, dict(enumerate(settings["volumes"])), []))
    await go_online(device.management, device.executor)
    write_whole(Path("seen.json"), json.dumps(await scenario.run()))
