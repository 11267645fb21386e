# SPDX-License-Identifier: Apache-2.0
"""The environment every system test builds: agents, scoreboard, coverage, capture."""

from __future__ import annotations

from pyuvm import ConfigDB, uvm_env

from portplex.device import Device
from portplex.uvm.capture import FrameCapture
from portplex.uvm.coverage import FrameCoverage
from portplex.uvm.fc_agent import FcAgent
from portplex.uvm.management_agent import ManagementAgent
from portplex.uvm.scoreboard import FrameScoreboard


class PortplexEnvironment(uvm_env):
    """Needs `DEVICE` and `CAPTURE` in the ConfigDB. There is no management agent where the device has no management
    interface (None)."""

    def build_phase(self) -> None:
        self.fc = FcAgent("fc", self)
        device: Device = ConfigDB().get(self, "", "DEVICE")
        if device.management is not None:
            self.management = ManagementAgent("management", self)
        self.scoreboard = FrameScoreboard("scoreboard", self)
        self.coverage = FrameCoverage("coverage", self)
        self.capture = FrameCapture("capture", self)

    def connect_phase(self) -> None:
        for subscriber in (self.scoreboard, self.coverage, self.capture):
            self.fc.monitor.ap.connect(subscriber.analysis_export)
