# SPDX-License-Identifier: Apache-2.0
"""A device of which the bench has the Fibre Channel ports: any design behind fc_port_bfms, under cocotb."""

from __future__ import annotations

from typing import Any

from portplex.bfm.executor import CocotbExecutor
from portplex.bfm.fc_port import FcPort
from portplex.bfm.transactors import Transactors
from portplex.device import Tap, TappedLink
from portplex.fabric.switch import PortLink, Switch
from portplex.fc.constants import Els, RCtl
from portplex.framelink import Frame
from portplex.management import Management
from portplex.model.frame_rules import Direction
from portplex.nport.n_port import Timers

ELS_FRAMES = (RCtl.ELS_REQUEST.value, RCtl.ELS_REPLY.value)


class CreditLearner:
    """A tap that sets the credits of a transactor: it is the port at the other end, so both come from the FLOGI that
    passes through it."""

    def __init__(self, fc_port: FcPort) -> None:
        self.fc_port = fc_port
        self._flogi = b""  # OX_ID of a fabric login not answered yet
        self._peer_flogi = (b"", 0)  # the same of an N_Port at this end, and its credit

    def __call__(self, frame: Frame, direction: Direction) -> None:
        data = frame.data
        if len(data) < 32 or data[0] not in ELS_FRAMES:
            return
        if data[0] == RCtl.ELS_REQUEST and data[24] == Els.FLOGI and direction is Direction.FROM_DEVICE:
            self.fc_port.set_credit(max(1, int.from_bytes(data[30:32], "big")))
            self._flogi = data[16:18]
        elif data[0] == RCtl.ELS_REPLY and data[24] == Els.LS_ACC and data[16:18] == self._flogi:
            self.fc_port.grant_credit(max(1, int.from_bytes(data[30:32], "big")))
            self._flogi = b""
        elif data[0] == RCtl.ELS_REQUEST and data[24] == Els.FLOGI:
            self._peer_flogi = (data[16:18], int.from_bytes(data[30:32], "big"))
        elif data[0] == RCtl.ELS_REPLY and data[24] == Els.LS_ACC and data[16:18] == self._peer_flogi[0]:
            self.fc_port.set_credit(max(1, int.from_bytes(data[30:32], "big")))
            self.fc_port.grant_credit(max(1, self._peer_flogi[1]))
            self._peer_flogi = (b"", 0)


class SimulatedPorts:
    """Device over the fc_port_bfms 0 to `count` - 1 of a top; without a management interface.

    `fc_ports` are the transactors, `ports` the same with taps; `fc_port` is that of port 0.
    """

    management: Management | None = None

    def __init__(self, dut: Any, count: int = 1) -> None:
        self.transactors = Transactors(dut)
        self.executor = CocotbExecutor(clock=self.transactors.now)
        self.fc_ports = [FcPort(self.transactors, number) for number in range(count)]
        self.fc_port = self.fc_ports[0]
        self.port_taps: list[list[Tap]] = [[CreditLearner(port)] for port in self.fc_ports]
        self.taps = self.port_taps[0]
        self.timers = Timers()
        self._switch: Switch | None = None
        self.ports = [TappedLink(port, taps) for port, taps in zip(self.fc_ports, self.port_taps, strict=True)]

    def attach(self, wwpn: int) -> PortLink:
        """A link into a switch of the device's own, which the first call makes."""
        if self._switch is None:
            self._switch = Switch(self.executor)
            for port in self.ports:
                self._switch.connect(port)
        return self._switch.attach(wwpn)

    def traffic(self) -> dict[str, int]:
        stats = [port.stats for port in self.fc_ports]
        return {
            "words": stats[0].clock,
            "frames_tx": sum(port.frames_received for port in stats),
            "frames_rx": sum(port.frames_sent for port in stats),
            "payload_words_tx": sum(port.payload_words_received for port in stats),
            "payload_words_rx": sum(port.payload_words_sent for port in stats),
        }
