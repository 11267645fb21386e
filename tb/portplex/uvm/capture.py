# SPDX-License-Identifier: Apache-2.0
"""Writes every frame the monitor publishes to a capture file."""

from __future__ import annotations

from pyuvm import ConfigDB, uvm_subscriber

from portplex.device import Device
from portplex.port_capture import PortCapture
from portplex.uvm.items import ObservedFrame


class FrameCapture(uvm_subscriber):
    """A PortCapture; its path is `CAPTURE` in the ConfigDB."""

    def build_phase(self) -> None:
        device: Device = ConfigDB().get(self, "", "DEVICE")
        self.capture = PortCapture(ConfigDB().get(self, "", "CAPTURE"), len(device.ports))

    def write(self, item: ObservedFrame) -> None:
        self.capture.observe(item.frame, item.direction, item.port)

    def close(self) -> None:
        """Finish the file; the final phase does this for a test that has not."""
        self.capture.close()

    def final_phase(self) -> None:
        self.close()
