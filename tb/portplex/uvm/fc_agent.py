# SPDX-License-Identifier: Apache-2.0
"""Agent of a device's Fibre Channel ports: a monitor that publishes every frame, a driver that sends frame items."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from pyuvm import (
    ConfigDB,
    uvm_active_passive_enum,
    uvm_agent,
    uvm_analysis_port,
    uvm_driver,
    uvm_monitor,
    uvm_sequencer,
)

from portplex.device import Device
from portplex.framelink import Frame
from portplex.model.frame_rules import Direction
from portplex.uvm.items import FrameItem, ObservedFrame


class FcMonitor(uvm_monitor):
    """Publishes an `ObservedFrame` for each frame, in the order of its port's wire. It costs no time of its own."""

    def build_phase(self) -> None:
        self.ap = uvm_analysis_port("ap", self)
        self.device: Device = ConfigDB().get(self, "", "DEVICE")

    def start_of_simulation_phase(self) -> None:
        self._own: list[Callable[[Frame, Direction], None]] = []
        for port, taps in enumerate(self.device.port_taps):
            self._own.append(partial(self._observe, port))
            taps.append(self._own[port])

    def _observe(self, port: int, frame: Frame, direction: Direction) -> None:
        self.ap.write(ObservedFrame(frame, direction, port))

    def final_phase(self) -> None:
        for taps, own in zip(self.device.port_taps, self._own, strict=True):
            taps.remove(own)


class FcDriver(uvm_driver):
    """Sends frame items to port 0; an item with a fault needs a port that can break frames."""

    def build_phase(self) -> None:
        super().build_phase()
        device: Any = ConfigDB().get(self, "", "DEVICE")
        self.port = device.ports[0]
        self.faulty_port = getattr(device, "fc_port", None)

    async def run_phase(self) -> None:
        while True:
            item: FrameItem = await self.seq_item_port.get_next_item()
            if item.fault is None:
                self.port.send(item.data, initiate=item.initiate, terminate=item.terminate)
            elif self.faulty_port is None:
                raise ValueError(f"{item.get_name()}: this device's port cannot send broken frames")
            else:
                self.faulty_port.send_faulty(item.data, item.fault, initiate=item.initiate, terminate=item.terminate)
            self.seq_item_port.item_done()


class FcAgent(uvm_agent):
    """Monitor always; driver and sequencer unless `is_active` is passive in the ConfigDB."""

    def build_phase(self) -> None:
        super().build_phase()
        self.monitor = FcMonitor("monitor", self)
        if self.get_is_active() == uvm_active_passive_enum.UVM_ACTIVE:
            self.sequencer = uvm_sequencer("sequencer", self)
            self.driver = FcDriver("driver", self)

    def connect_phase(self) -> None:
        if self.get_is_active() == uvm_active_passive_enum.UVM_ACTIVE:
            self.driver.seq_item_port.connect(self.sequencer.seq_item_export)
