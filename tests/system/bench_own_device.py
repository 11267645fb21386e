# SPDX-License-Identifier: Apache-2.0
"""docs/own_device.md as it stands, with the array in the place of somebody's device: only the set-up is added."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cocotb
import pyuvm
from pyuvm import ConfigDB, uvm_test

from portplex.bfm.axil import AxiLite
from portplex.bfm.executor import CocotbExecutor
from portplex.bfm.fc_port import FcPort
from portplex.bfm.simulated_ports import SimulatedPorts
from portplex.bfm.transactors import Transactors
from portplex.device import TappedLink
from portplex.fabric.switch import Switch
from portplex.management import Management
from portplex.model.frame_rules import FrameRules
from portplex.nport.host_initiator import HostInitiator
from portplex.nport.n_port import Timers
from portplex.port_capture import PortCapture
from portplex.uvm.environment import PortplexEnvironment

WWPN = 0x1000_0000_C900_0001


async def set_up(transactors: Transactors) -> None:
    """What the owner of a device does in a way of his own."""
    console = Management(AxiLite(transactors, 0))
    await console.set_port(0x5005_0760_0E80_0001, 0x5005_0760_0E80_0000)
    await console.set_timers(e_d_tov=1600, r_a_tov=4000, r_t_tov=40)
    await console.set_allow_list([WWPN])
    await console.set_volume(0, base_segment=0, blocks=64)
    await console.enable_port()


@cocotb.test()
async def reads_what_it_wrote(dut: Any) -> None:
    transactors = Transactors(dut)
    await set_up(transactors)
    executor = CocotbExecutor(clock=transactors.now)
    rules = FrameRules(on_violation=lambda found: cocotb.log.error("%s", found))
    capture = PortCapture(Path("frames.pcapng"))
    port = FcPort(transactors, 0)
    port.set_credit(8)
    switch = Switch(executor)
    switch.connect(TappedLink(port, [rules.observe, capture.observe]))
    timers = Timers(command=200_000)
    host = HostInitiator(executor, switch.attach(WWPN), name="host", wwpn=WWPN, timers=timers)
    try:
        await port.wait_link()
        await host.start()
        unit, *_ = await host.discover(await host.wait_for_target())
        data = bytes(range(256)) * 16
        await host.write(unit, 0, data)
        assert await host.read(unit, 0, 8) == data, "other data came back"
    finally:
        capture.close()
    rules.finish()
    assert not rules.violations, rules.violations
    assert not host.violations, host.violations
    assert not port.stats.frames_bad, port.stats.bad
    assert rules.counts["compared"] > 10


@pyuvm.test()
class ReadsWhatItWrote(uvm_test):
    def build_phase(self) -> None:
        self.device = SimulatedPorts(cocotb.top)
        ConfigDB().set(None, "*", "DEVICE", self.device)
        ConfigDB().set(None, "*", "CAPTURE", Path("frames.pcapng"))
        self.env = PortplexEnvironment("env", self)

    async def run_phase(self) -> None:
        self.raise_objection()
        device = self.device
        await set_up(device.transactors)
        host = HostInitiator(device.executor, device.attach(WWPN), name="host", wwpn=WWPN)
        try:
            await device.fc_port.wait_link()
            await host.start()
            unit, *_ = await host.discover(await host.wait_for_target())
            await host.write(unit, 8, bytes(4096))
            assert await host.read(unit, 8, 8) == bytes(4096), "other data came back"
        finally:
            self.env.capture.close()
        self.drop_objection()

    def check_phase(self) -> None:
        assert self.env.scoreboard.compared > 10
