# SPDX-License-Identifier: Apache-2.0
"""Agent of the management interface: register items to the bus, every access published."""

from __future__ import annotations

from pyuvm import ConfigDB, uvm_agent, uvm_analysis_port, uvm_driver, uvm_sequencer

from portplex.device import Device
from portplex.uvm.items import RegisterItem


class ManagementDriver(uvm_driver):
    """Does the accesses one after another and publishes each when it is done."""

    def build_phase(self) -> None:
        super().build_phase()
        self.ap = uvm_analysis_port("ap", self)
        device: Device = ConfigDB().get(self, "", "DEVICE")
        self.bus = device.management.bus

    async def run_phase(self) -> None:
        while True:
            item: RegisterItem = await self.seq_item_port.get_next_item()
            if item.write:
                await self.bus.write(item.address, item.value)
            else:
                item.value = await self.bus.read(item.address)
            self.ap.write(item)
            self.seq_item_port.item_done()


class ManagementAgent(uvm_agent):
    """Sequencer and driver of the management interface."""

    def build_phase(self) -> None:
        super().build_phase()
        self.sequencer = uvm_sequencer("sequencer", self)
        self.driver = ManagementDriver("driver", self)

    def connect_phase(self) -> None:
        self.driver.seq_item_port.connect(self.sequencer.seq_item_export)
