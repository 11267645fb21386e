# SPDX-License-Identifier: Apache-2.0
"""An end node (ENode) in front of a forwarder: the link of one N_Port into an FCoE fabric (FC-BB-5).

The other end of `Fcf`. With it a Python host, or a device behind a transactor, is in the fabric of a real FCoE switch,
or of a `portplex serve` on the same Ethernet.

    enode = Enode(executor, wwnn=WWNN, mac=MAC)
    gateway = Gateway(executor, Interface("veth0"), enode)
    host = HostInitiator(executor, enode, name="host", wwpn=WWPN)
    gateway.start()
    await host.start()
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from portplex.executor import Executor, Handle
from portplex.fc.constants import (
    Address,
    Els,
    FipControl,
    FipDescriptor,
    FipDiscovery,
    FipFlag,
    FipLinkService,
    FipOperation,
)
from portplex.fc.header import HEADER_BYTES, Header
from portplex.framelink import Frame
from portplex.hil import fip
from portplex.hil.fcoe import FcoeFrame, encode, mac_of
from portplex.hil.fip import Fip, FipError, VnId
from portplex.hil.node import FipTimes, els_request, nowhere, single_frame
from portplex.nport import els

_SERVICES: dict[int, int] = {
    Els.FLOGI: FipDescriptor.FLOGI,
    Els.FDISC: FipDescriptor.FDISC,
    Els.LOGO: FipDescriptor.LOGO,
}


class Enode:
    """A FrameLink for one N_Port and a Node for a gateway. It takes the first forwarder that answers its solicitation;
    an N_Port's FLOGI waits for that. `counts` has every frame it dropped, by reason."""

    def __init__(self, executor: Executor, *, wwnn: int, mac: bytes, times: FipTimes | None = None) -> None:
        self.on_frame: Callable[[Frame], None] | None = None
        self.on_link: Callable[[bool], None] | None = None
        self.executor = executor
        self.wwnn = wwnn
        self.mac = mac
        self.times = times or FipTimes()
        self.transmit: Callable[[bytes], None] = nowhere
        self.counts: Counter[str] = Counter()
        self.fcf_mac = b""  # of the forwarder; empty until one has answered
        self.vn_mac = b""  # granted at fabric login
        self.n_port_id = 0
        self._fc_map = 0
        self._wwpn = 0
        self._flogi = b""  # waits for a forwarder
        self._pending: dict[int, int] = {}  # OX_ID of a link service sent in FIP: its descriptor type
        self._fka_ms: float = self.times.fka_ms
        self._seen = 0  # time of the forwarder's last advertisement
        self._timers: dict[str, Handle] = {}

    # ---- life ----

    def start(self) -> None:
        self._solicit()

    def stop(self) -> None:
        self.lost()

    def lost(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._end()

    def knows(self, mac: bytes) -> bool:
        return mac == self.fcf_mac

    def _every(self, name: str, milliseconds: float, action: Callable[[], None]) -> None:
        if name in self._timers:
            self._timers[name].cancel()
        self._timers[name] = self.executor.call_at(self.executor.now() + self.times.words(milliseconds), action)

    def _end(self) -> None:
        """The forwarder is gone, and the login with it."""
        up = bool(self.vn_mac)
        self.fcf_mac = self.vn_mac = self._flogi = b""
        self.n_port_id = 0
        self._pending.clear()
        if up and self.on_link is not None:
            self.on_link(False)
            self.on_link(True)

    # ---- discovery ----

    def _solicit(self) -> None:
        if self.fcf_mac:
            return
        self.counts["solicitations"] += 1
        message = fip.fip(
            fip.ALL_FCFS,
            self.mac,
            FipOperation.DISCOVERY,
            FipDiscovery.SOLICITATION,
            FipFlag.FPMA,
            fip.mac(self.mac),
            fip.name(self.wwnn),
            fip.fcoe_size(),
        )
        self.transmit(message.pack())
        self._every("solicit", self.times.login_retry_ms, self._solicit)

    def receive_fip(self, frame: Fip) -> None:
        if frame.destination not in (self.mac, fip.ALL_ENODES, fip.ALL_FCOE):
            raise FipError("fip_not_for_us")
        kind = frame.operation, frame.subcode
        if kind == (FipOperation.DISCOVERY, FipDiscovery.ADVERTISEMENT):
            self._recv_advertisement(frame)
        elif kind == (FipOperation.LINK_SERVICE, FipLinkService.REPLY) and frame.source == self.fcf_mac:
            self._recv_reply(frame)
        elif kind == (FipOperation.CONTROL, FipControl.CLEAR_VIRTUAL_LINK) and frame.source == self.fcf_mac:
            self._recv_clear(frame)
        else:
            raise FipError("fip_unexpected")

    def _recv_advertisement(self, frame: Fip) -> None:
        if not frame.flags & FipFlag.F_PORT or frame.mac != frame.source:
            raise FipError("fip_unexpected")
        fc_map, _ = frame.fabric
        period = frame.fka_period
        if frame.source == self.fcf_mac:
            self._seen = self.executor.now()
            return
        if self.fcf_mac or not frame.flags & FipFlag.AVAILABLE:
            return
        if not frame.flags & FipFlag.SOLICITED:
            self._solicit()  # its answer also proves that full frames arrive
            return
        self.fcf_mac, self._fc_map, self._fka_ms = frame.source, fc_map, period or self.times.fka_ms
        self._seen = self.executor.now()
        self._every("watch", self._fka_ms, self._watch)
        if self._flogi:
            self._in_fip(self._flogi)

    def _watch(self) -> None:
        """Keep-alives; a forwarder that has been silent for too long is given up."""
        if self.executor.now() - self._seen > self.times.words(self.times.missed * self._fka_ms):
            self.counts["forwarder_lost"] += 1
            self._end()
            self._solicit()
            return
        if self.vn_mac:
            self._keep_alive(self.mac)
        self._every("watch", self._fka_ms, self._watch)

    def _vn_keep_alive(self) -> None:
        if self.vn_mac:
            self._keep_alive(self.vn_mac, fip.vn_id(VnId(self.vn_mac, self.n_port_id, self._wwpn)))
            self._every("vn", self.times.vn_keep_alive_ms, self._vn_keep_alive)

    def _keep_alive(self, source: bytes, *more: tuple[int, bytes]) -> None:
        self.counts["keep_alives"] += 1
        message = fip.fip(
            self.fcf_mac,
            source,
            FipOperation.CONTROL,
            FipControl.KEEP_ALIVE,
            FipFlag.FPMA,
            fip.mac(self.mac),
            *more,
        )
        self.transmit(message.pack())

    # ---- frames ----

    def send(self, frame: bytes, *, initiate: bool = True, terminate: bool = True) -> None:
        request = els_request(frame)
        if request is not None and request[0].d_id == Address.FABRIC_LOGIN and request[1] in _SERVICES:
            if self.fcf_mac:
                self._in_fip(frame)
            elif request[1] == Els.FLOGI:
                self._flogi = frame
        elif not self.vn_mac:
            self.counts["to_nobody"] += 1
        else:
            self.counts["fcoe_sent"] += 1
            self.transmit(encode(self.fcf_mac, self.vn_mac, frame, initiate=initiate, terminate=terminate))

    def _in_fip(self, frame: bytes) -> None:
        """A link service of the fabric goes in FIP."""
        header = Header.unpack(frame)
        kind = _SERVICES[frame[HEADER_BYTES]]
        if kind == FipDescriptor.FLOGI:
            self._wwpn = els.LoginParameters.unpack(frame[HEADER_BYTES:]).wwpn
        self._flogi = b""
        self._pending[header.ox_id] = kind
        message = fip.fip(
            self.fcf_mac,
            self.mac,
            FipOperation.LINK_SERVICE,
            FipLinkService.REQUEST,
            FipFlag.FPMA,
            fip.encapsulated(kind, frame),
            fip.mac(self.vn_mac or fip.NO_MAC),
        )
        self.transmit(message.pack())

    def _recv_reply(self, frame: Fip) -> None:
        kind, data = frame.encapsulated
        header = Header.unpack(data)
        if self._pending.get(header.ox_id) != kind or len(data) <= HEADER_BYTES:
            raise FipError("fip_els")
        accepted = data[HEADER_BYTES] == Els.LS_ACC
        if kind == FipDescriptor.FLOGI and accepted:
            if frame.mac != mac_of(header.d_id, self._fc_map):
                raise FipError("fip_mac_mismatch")
            self.vn_mac, self.n_port_id = frame.mac, header.d_id
            self.counts["logins"] += 1
            self._every("vn", self.times.vn_keep_alive_ms, self._vn_keep_alive)
        del self._pending[header.ox_id]
        if self.on_frame is not None:
            self.on_frame(single_frame(data, self.executor.now()))
        if kind == FipDescriptor.LOGO and accepted:
            self._end()
            self._solicit()

    def _recv_clear(self, frame: Fip) -> None:
        """The forwarder throws out those it names; without names, all."""
        named = frame.vn_ids
        if frame.mac != self.fcf_mac:
            raise FipError("fip_mac_mismatch")
        if named and all(entry.n_port_id != self.n_port_id for entry in named):
            raise FipError("fip_unknown_vn_port")
        self.counts["cleared"] += 1
        self._end()
        self._solicit()

    def receive_fcoe(self, frame: FcoeFrame) -> None:
        data = frame.frame.data
        if not self.vn_mac or frame.destination != self.vn_mac:
            self.counts["fcoe_not_for_us"] += 1
        elif frame.source != self.fcf_mac:
            self.counts["fcoe_unknown_mac"] += 1
        elif int.from_bytes(data[1:4], "big") != self.n_port_id:
            self.counts["fcoe_wrong_id"] += 1
        else:
            self.counts["fcoe_received"] += 1
            if self.on_frame is not None:
                self.on_frame(frame.frame)
