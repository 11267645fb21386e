# SPDX-License-Identifier: Apache-2.0
"""The fabric controller at FFFFFDh: SCR registers a port, RSCN tells it when another comes or goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portplex.executor import DeadlineExceeded, Executor, Future
from portplex.fc.constants import Address, Els, LsRjtExplanation, LsRjtReason
from portplex.fc.header import Header
from portplex.framelink import FrameLink
from portplex.nport import els
from portplex.nport.n_port import LinkDown, NPort, Timers

if TYPE_CHECKING:
    from portplex.fabric.switch import Switch

_REGISTER = (1, 2, 3)  # fabric detected, N_Port detected, full
_CLEAR = 0xFF


class FabricController(NPort):
    """Sends one RSCN for each change to each registered port that shares a zone with what changed."""

    def __init__(self, executor: Executor, link: FrameLink, switch: Switch, *, timers: Timers, wwpn: int) -> None:
        super().__init__(
            executor, link, name="fabric controller", wwpn=wwpn, timers=timers, n_port_id=Address.FABRIC_CONTROLLER
        )
        self._switch = switch
        self.registered: set[int] = set()

    def notify(self, n_port_id: int, changed: list[int]) -> None:
        """RSCN to a port, if it has registered; a missing answer is counted."""
        if n_port_id not in self.registered:
            return

        async def tell() -> None:
            try:
                await self.link_service(n_port_id, els.rscn(changed), "RSCN")
                self.counts["rscn_accepted"] += 1
            except (els.LsReject, DeadlineExceeded, LinkDown, ValueError):
                self.counts["rscn_unanswered"] += 1

        def done(_: Future[None]) -> None:
            pass

        self.executor.start(tell()).add_done_callback(done)

    def remove(self, n_port_id: int) -> None:
        self.registered.discard(n_port_id)
        self.sessions.pop(n_port_id, None)

    def els_request(self, header: Header, payload: bytes) -> bytes | None:
        if payload[:1] != bytes((Els.SCR,)):
            return None
        function = payload[7]
        if function in _REGISTER:
            self.registered.add(header.s_id)
        elif function == _CLEAR:
            self.registered.discard(header.s_id)
        else:
            return els.reject(LsRjtReason.LOGICAL_ERROR, LsRjtExplanation.NONE)
        return els.accept()
