# SPDX-License-Identifier: Apache-2.0
"""docs/own_device.md as it stands, with the array in the place of somebody's device: only the set-up is added."""

from __future__ import annotations

from typing import Any

import cocotb

from portplex.bfm.axil import AxiLite
from portplex.bfm.executor import CocotbExecutor
from portplex.bfm.fc_port import FcPort
from portplex.bfm.transactors import Transactors
from portplex.device import TappedLink
from portplex.fabric.switch import Switch
from portplex.management import Management
from portplex.model.frame_rules import FrameRules
from portplex.nport.host_initiator import HostInitiator

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
    rules = FrameRules()
    port = FcPort(transactors, 0)
    port.set_credit(8)
    switch = Switch(executor)
    switch.connect(TappedLink(port, [rules.observe]))
    host = HostInitiator(executor, switch.attach(WWPN), name="host", wwpn=WWPN)
    await port.wait_link()
    await host.start()
    unit, *_ = await host.discover(await host.wait_for_target())
    data = bytes(range(256)) * 16
    await host.write(unit, 0, data)
    assert await host.read(unit, 0, 8) == data
    rules.finish()
    assert not rules.violations and not host.violations
    assert rules.counts["compared"] > 10
