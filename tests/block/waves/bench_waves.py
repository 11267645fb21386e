# SPDX-License-Identifier: Apache-2.0
"""A short stretch of every kind of traffic, for the wave files of test_waves.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles

from portplex.bfm.simulated_array import SimulatedArray
from portplex.fc.constants import ORDERED_SETS
from portplex.framelink import Frame
from portplex.management import BackupState, PriorityMode
from portplex.model.frame_rules import Direction
from portplex.scenario.backup import BackupJob
from portplex.scenario.rig import MAIN, SUB, Rig


@cocotb.test()
async def all_kinds_of_traffic(dut: Any) -> None:
    """Login, a read and a write of a host, a backup of eight blocks; frames.json says what passed the transactor."""
    device = SimulatedArray(dut)
    seen: list[tuple[bool, int, str]] = []

    def note(frame: Frame, direction: Direction) -> None:
        seen.append((direction is Direction.FROM_DEVICE, frame.start, frame.data.hex()))

    device.taps.append(note)
    rig = Rig(device, device.drive, Path.cwd(), seed=cocotb.RANDOM_SEED, hosts=1, volumes={MAIN: 8, SUB: 8})
    await rig.bring_up(mode=PriorityMode.BACKUP_FIRST)
    units = await rig.log_in()
    (host,) = units
    job = BackupJob(rig, chunk=8, copy_steps=1)
    await job.start()
    backup = rig.executor.start(job.follow())
    read = rig.executor.start(host.read(units[host][SUB], 0, 8))
    await host.write(units[host][MAIN], 0, bytes(range(256)) * 16)
    assert await read == rig.images[SUB]
    assert (await backup).state is BackupState.DONE
    Path("frames.json").write_text(json.dumps(seen))


@cocotb.test()
async def link_alone(dut: Any) -> None:
    """The link is brought up by a peer that sends NOS, OLS, LR and IDLE in turn."""
    for name in ("rx_invalid", "rxf_pop", "txf_valid", "bb_credit_set", "link_reset_request", "tick"):
        getattr(dut, name).value = 0
    dut.cfg_r_t_tov_ticks.value = dut.cfg_e_d_tov_ticks.value = 0
    dut.rst.value = 1
    dut.link_enable.value = 1
    dut.rx_data.value = ORDERED_SETS["IDLE"]
    dut.rx_charisk.value = 8
    Clock(dut.clk, 4, unit="ns").start()
    await ClockCycles(dut.clk, 5)
    dut.rst.value = 0
    for name in ("NOS", "OLS", "LR", "IDLE"):
        dut.rx_data.value = ORDERED_SETS[name]
        await ClockCycles(dut.clk, 40)
