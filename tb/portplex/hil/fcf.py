# SPDX-License-Identifier: Apache-2.0
"""An FCoE forwarder in front of the harness's switch: FIP discovery, login, keep-alive, logout (FC-BB-5).

Every end node (ENode) that logs in becomes a port of the switch, so that real and Python hosts share its routing, name
server and zones. Its MAC address is FC-MAP and N_Port_ID. A frame that is wrong, or comes from an address nobody was
granted, is counted and changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from portplex.executor import Executor, Handle
from portplex.fabric.switch import FPort, Switch
from portplex.fc.constants import (
    FCOE_SIZE,
    Address,
    Els,
    FipControl,
    FipDescriptor,
    FipDiscovery,
    FipFlag,
    FipLinkService,
    FipOperation,
    RCtl,
)
from portplex.fc.header import HEADER_BYTES, Header
from portplex.framelink import Frame
from portplex.hil import fip
from portplex.hil.fcoe import FcoeFrame, encode, mac_of
from portplex.hil.fip import Fip, FipError, VnId
from portplex.hil.node import DEFAULT_MAC, FipTimes, Host, els_request, nowhere, single_frame

_ADVERTISED = FipFlag.FPMA | FipFlag.AVAILABLE | FipFlag.F_PORT
_PENDING = 16  # link services of one ENode that may wait for their answers
_COMMANDS: dict[int, int] = {
    Els.FLOGI: FipDescriptor.FLOGI,
    Els.FDISC: FipDescriptor.FDISC,
    Els.LOGO: FipDescriptor.LOGO,
}


class EnodeLink:
    """One ENode, as the switch sees it a link."""

    def __init__(self, fcf: Fcf, mac: bytes) -> None:
        self.on_frame: Callable[[Frame], None] | None = None
        self.on_link: Callable[[bool], None] | None = None
        self.mac = mac
        self.vn_mac = b""  # granted; empty when not logged in
        self.n_port_id = 0
        self.pending: dict[int, int] = {}  # OX_ID of a link service that came in FIP: its descriptor type
        self.enode_seen = 0  # time of the last keep-alive, in words
        self.vn_seen = 0
        self._fcf = fcf
        self.port: FPort = fcf.switch.connect(self)

    @property
    def logged_in(self) -> bool:
        """With the switch, under the N_Port_ID whose MAC address was granted."""
        return bool(self.vn_mac) and self.port.n_port_id == self.n_port_id

    def send(self, frame: bytes, *, initiate: bool = True, terminate: bool = True) -> None:
        self._fcf.send_to_enode(self, frame, initiate, terminate)


class Fcf:
    """The forwarder. `counts` has every frame it dropped, by reason, and what it did."""

    def __init__(
        self,
        executor: Executor,
        switch: Switch,
        *,
        mac: bytes = DEFAULT_MAC,
        times: FipTimes | None = None,
        priority: int = 128,
        max_enodes: int = 16,
    ) -> None:
        if not 1 <= max_enodes <= 255:
            raise ValueError(f"max_enodes = {max_enodes}: must be 1 to 255")
        self.executor = executor
        self.switch = switch
        self.mac = mac
        self.times = times or FipTimes()
        self.priority = priority
        self.max_enodes = max_enodes
        self.transmit: Callable[[bytes], None] = nowhere
        self.counts: Counter[str] = Counter()
        self.enodes: dict[bytes, EnodeLink] = {}  # by MAC address of the ENode
        self._by_vn_mac: dict[bytes, EnodeLink] = {}
        self._idle: list[EnodeLink] = []  # ports of the switch left behind by ENodes that have gone
        self._timers: list[Handle] = []

    # ---- life ----

    def start(self) -> None:
        """Advertise now and every FKA period; watch over keep-alives."""
        self._advertise_all()
        self._supervise()

    def stop(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        for link in list(self.enodes.values()):
            self.clear_virtual_link(link)

    def lost(self) -> None:
        for link in list(self.enodes.values()):
            self._release(link)

    def hosts(self) -> list[Host]:
        return [Host(mac, link.n_port_id, link.port.wwpn) for mac, link in self.enodes.items() if link.logged_in]

    def knows(self, mac: bytes) -> bool:
        link = self.enodes.get(mac) or self._by_vn_mac.get(mac)
        return link is not None and link.logged_in

    def _every(self, milliseconds: float, action: Callable[[], None]) -> None:
        now = self.executor.now()
        self._timers = [timer for timer in self._timers if timer.action is not None and timer.time > now]
        self._timers.append(self.executor.call_at(now + self.times.words(milliseconds), action))

    # ---- discovery ----

    def _advertisement(self, destination: bytes, flags: int) -> Fip:
        return fip.fip(
            destination,
            self.mac,
            FipOperation.DISCOVERY,
            FipDiscovery.ADVERTISEMENT,
            flags,
            fip.priority(self.priority),
            fip.mac(self.mac),
            fip.name(self.switch.wwn),
            fip.fabric(self.switch.wwn),
            fip.fka(self.times.fka_ms),
        )

    def _advertise_all(self) -> None:
        self.counts["advertisements"] += 1
        self.transmit(self._advertisement(fip.ALL_ENODES, _ADVERTISED).pack())
        self._every(self.times.fka_ms, self._advertise_all)

    def _recv_discovery(self, frame: Fip) -> None:
        if frame.subcode != FipDiscovery.SOLICITATION or frame.flags & FipFlag.F_PORT:
            raise FipError("fip_unexpected")
        fip.require(frame, (FipDescriptor.NAME, FipDescriptor.FCOE_SIZE))
        if frame.mac != frame.source:
            raise FipError("fip_mac_mismatch")
        self.counts["solicitations"] += 1
        answer = self._advertisement(frame.source, _ADVERTISED | FipFlag.SOLICITED)
        # As long as the largest FCoE frame: it only arrives when such frames will.
        self.transmit(answer.pack(min(frame.fcoe_size, FCOE_SIZE)))

    # ---- FIP from ENodes ----

    def receive_fip(self, frame: Fip) -> None:
        if frame.destination not in (self.mac, fip.ALL_FCFS, fip.ALL_FCOE):
            raise FipError("fip_not_for_us")
        if frame.operation == FipOperation.DISCOVERY:
            self._recv_discovery(frame)
        elif frame.destination != self.mac:
            raise FipError("fip_unexpected")
        elif frame.operation == FipOperation.LINK_SERVICE and frame.subcode == FipLinkService.REQUEST:
            self._recv_link_service(frame)
        elif frame.operation == FipOperation.CONTROL and frame.subcode == FipControl.KEEP_ALIVE:
            self._recv_keep_alive(frame)
        else:
            raise FipError("fip_unexpected")

    def _recv_link_service(self, frame: Fip) -> None:
        kind, data = frame.encapsulated
        fip.require(frame, (FipDescriptor.MAC,))
        request = els_request(data)
        if request is None or _COMMANDS.get(request[1]) != kind:
            raise FipError("fip_els")
        header, command = request
        if header.d_id != Address.FABRIC_LOGIN:
            raise FipError("fip_els")
        link = self.enodes.get(frame.source)
        if command == Els.FLOGI:
            if header.s_id:
                raise FipError("fip_els")
            link = link or self._take_link(frame.source)
        else:
            if link is None or not link.logged_in:
                raise FipError("fip_unknown_enode")
            if header.s_id != (link.n_port_id if command == Els.LOGO else 0):
                raise FipError("fip_els")
        if len(link.pending) >= _PENDING:
            raise FipError("fip_too_many_requests")
        link.pending[header.ox_id] = kind
        self._hand_on(link, single_frame(data, self.executor.now()))

    def _take_link(self, mac: bytes) -> EnodeLink:
        """A port of the switch for a new ENode: the one it had before, another that is idle, or a new one."""
        link = next((idle for idle in self._idle if idle.mac == mac), None)
        if link is not None:
            self._idle.remove(link)
        elif len(self.enodes) + len(self._idle) < self.max_enodes:
            link = EnodeLink(self, mac)
        elif self._idle:
            link = self._idle.pop(0)
            link.mac = mac
        else:
            raise FipError("fip_no_room")
        self.enodes[mac] = link
        return link

    def _recv_keep_alive(self, frame: Fip) -> None:
        link = self.enodes.get(frame.mac)
        if link is None or not link.logged_in or frame.source not in (link.mac, link.vn_mac):
            raise FipError("fip_unknown_enode")
        now = self.executor.now()
        if not frame.has(FipDescriptor.VN_ID):
            self.counts["enode_keep_alives"] += 1
            link.enode_seen = now
            return
        if frame.vn_ids != [VnId(link.vn_mac, link.n_port_id, link.port.wwpn)]:
            raise FipError("fip_unknown_vn_port")
        self.counts["vn_keep_alives"] += 1
        link.vn_seen = now

    # ---- frames ----

    def receive_fcoe(self, frame: FcoeFrame) -> None:
        if frame.destination != self.mac:
            self.counts["fcoe_not_for_us"] += 1
            return
        link = self._by_vn_mac.get(frame.source)
        if link is None or not link.logged_in:
            self.counts["fcoe_unknown_mac"] += 1
            return
        if int.from_bytes(frame.frame.data[5:8], "big") != link.n_port_id:
            self.counts["fcoe_wrong_s_id"] += 1
            return
        self.counts["fcoe_received"] += 1
        self._hand_on(link, frame.frame)

    def _hand_on(self, link: EnodeLink, frame: Frame) -> None:
        assert link.on_frame is not None
        link.on_frame(frame)

    def send_to_enode(self, link: EnodeLink, frame: bytes, initiate: bool, terminate: bool) -> None:
        """A frame from the switch: the answer to a link service that came in FIP goes back in FIP, the rest as FCoE."""
        if frame[0] == RCtl.ELS_REPLY and link.pending:
            header = Header.unpack(frame)
            if header.s_id == Address.FABRIC_LOGIN and header.ox_id in link.pending:
                self._answer(link, link.pending.pop(header.ox_id), header, frame)
                return
        if not link.vn_mac:
            self.counts["to_nobody"] += 1
            return
        self.counts["fcoe_sent"] += 1
        self.transmit(encode(link.vn_mac, self.mac, frame, initiate=initiate, terminate=terminate))

    def _answer(self, link: EnodeLink, kind: int, header: Header, frame: bytes) -> None:
        accepted = frame[HEADER_BYTES] == Els.LS_ACC
        granted = fip.NO_MAC
        if accepted and kind == FipDescriptor.FLOGI:
            granted = link.vn_mac = mac_of(header.d_id)
            link.n_port_id = header.d_id
            link.enode_seen = link.vn_seen = self.executor.now()
            self._by_vn_mac[granted] = link
            self.counts["logins"] += 1
        elif kind == FipDescriptor.LOGO:
            granted = link.vn_mac
        reply = fip.fip(
            link.mac,
            self.mac,
            FipOperation.LINK_SERVICE,
            FipLinkService.REPLY,
            FipFlag.FPMA,
            fip.encapsulated(kind, frame),
            fip.mac(granted),
        )
        self.transmit(reply.pack())
        if accepted and kind == FipDescriptor.LOGO:
            self.counts["logouts"] += 1
            self._release(link)
        elif not link.logged_in and not accepted:
            self._release(link)

    # ---- the end of a login ----

    def _supervise(self) -> None:
        """Give up ENodes and VN_Ports that have been silent for too long; forget those the switch has logged out."""
        now = self.executor.now()
        times = self.times
        enode_limit = times.words(times.missed * times.fka_ms)
        vn_limit = times.words(times.missed * times.vn_keep_alive_ms)
        for link in list(self.enodes.values()):
            if not link.logged_in:
                self._release(link)
            elif now - link.enode_seen > enode_limit or now - link.vn_seen > vn_limit:
                self.counts["keep_alive_lost"] += 1
                self.clear_virtual_link(link)
        self._every(times.fka_ms / 2, self._supervise)

    def clear_virtual_link(self, link: EnodeLink) -> None:
        """Throw an ENode out and tell it."""
        if link.logged_in:
            self.counts["cleared"] += 1
            message = fip.fip(
                link.mac,
                self.mac,
                FipOperation.CONTROL,
                FipControl.CLEAR_VIRTUAL_LINK,
                FipFlag.FPMA,
                fip.mac(self.mac),
                fip.name(self.switch.wwn),
                fip.vn_id(VnId(link.vn_mac, link.n_port_id, link.port.wwpn)),
            )
            self.transmit(message.pack())
        self._release(link)

    def _release(self, link: EnodeLink) -> None:
        """Log the ENode out of the switch; its port is free for another."""
        if self.enodes.pop(link.mac, None) is None:
            return
        self._by_vn_mac.pop(link.vn_mac, None)
        link.vn_mac, link.n_port_id = b"", 0
        link.pending.clear()
        self._idle.append(link)
        assert link.on_link is not None
        link.on_link(False)
        link.on_link(True)
