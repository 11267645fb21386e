# SPDX-License-Identifier: Apache-2.0
"""Plain point to point: one N_Port of the harness, one host, no fabric and no FIP.

The port is a FrameLink for the N_Port. Its FLOGI goes out as FCoE, again with every solicitation of the host and every
`login_retry_ms` until it is answered; the LS_ACC says both addresses in its D_ID and S_ID. When the host's FLOGI comes
first, it is answered here: the lower WWPN gets 010101h, the other 010102h. Either way the N_Port sees an LS_ACC from
FFFFFEh that gives it its address. A host's LOGO to FFFFFEh, with which Linux takes leave, is accepted: the host is no
longer listed. Its addresses last until the next FLOGI, for answers under way.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable
from zlib import crc32

from portplex.executor import Executor, Handle
from portplex.fc.constants import Address, Els, FcType, FipDiscovery, FipOperation, RCtl, ServiceFlag
from portplex.fc.header import HEADER_BYTES, Header
from portplex.framelink import Frame
from portplex.hil import fip
from portplex.hil.fcoe import FcoeFrame, encode, mac_of
from portplex.hil.fip import Fip, FipError
from portplex.hil.node import DEFAULT_MAC, FipTimes, Host, accept_with, els_reply, els_request, nowhere, single_frame
from portplex.nport import els

LOW_ID, HIGH_ID = 0x010101, 0x010102


class PointToPoint:
    """The port. `counts` has every frame it dropped, by reason."""

    def __init__(self, executor: Executor, *, mac: bytes = DEFAULT_MAC, times: FipTimes | None = None) -> None:
        self.on_frame: Callable[[Frame], None] | None = None
        self.on_link: Callable[[bool], None] | None = None
        self.executor = executor
        self.mac = mac
        self.times = times or FipTimes()
        self.transmit: Callable[[bytes], None] = nowhere
        self.counts: Counter[str] = Counter()
        self.n_port_id = 0
        self.peer_id = 0
        self._peer_wwpn = 0  # also after the host's LOGO
        self._peer_macs: tuple[bytes, ...] = ()
        self._solicited = b""  # address of the host that solicited last
        self._flogi = b""  # the N_Port's, waiting for its answer
        self._own = b""  # its parameters
        self._theirs = b""  # the host's, when its FLOGI came first and the N_Port has not asked yet
        self._timer: Handle | None = None

    # ---- life ----

    def start(self) -> None:
        """Nothing is sent before the N_Port logs in."""

    def stop(self) -> None:
        self.lost()

    def lost(self) -> None:
        self._flogi = b""
        self._end()

    def hosts(self) -> list[Host]:
        return [Host(self._peer_macs[0], self.peer_id, self._peer_wwpn)] if self._peer_wwpn else []

    def knows(self, mac: bytes) -> bool:
        return mac in self._peer_macs

    def _end(self) -> None:
        """The login is over."""
        self._cancel()
        up = self.n_port_id
        self.n_port_id = self.peer_id = self._peer_wwpn = 0
        self._peer_macs = ()
        self._theirs = b""
        if up and self.on_link is not None:
            self.on_link(False)
            self.on_link(True)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # ---- the N_Port's side ----

    def send(self, frame: bytes, *, initiate: bool = True, terminate: bool = True) -> None:
        header = Header.unpack(frame)
        if header.d_id == Address.FABRIC_LOGIN:
            self._to_fabric(header, frame)
        elif header.d_id != self.peer_id or header.s_id != self.n_port_id:
            self.counts["to_nobody"] += 1
        else:
            self.counts["fcoe_sent"] += 1
            destination, source = mac_of(self.peer_id), mac_of(self.n_port_id)
            self.transmit(encode(destination, source, frame, initiate=initiate, terminate=terminate))

    def _to_fabric(self, header: Header, frame: bytes) -> None:
        request = els_request(frame)
        if request is None or request[1] != Els.FLOGI or len(frame) < HEADER_BYTES + els.LOGIN_BYTES:
            self.counts["no_fabric"] += 1
            return
        theirs = self._theirs
        if self.n_port_id and not theirs:
            self._end()  # the N_Port starts again
        self._flogi, self._own = frame, frame[HEADER_BYTES:]
        if theirs:
            self._answer_own(self.n_port_id, theirs)
            self._theirs = b""
        else:
            self._login()

    def _login(self) -> None:
        """Send the FLOGI, and again later when nothing comes back."""
        self._cancel()
        self.counts["flogi_sent"] += 1
        self.transmit(encode(mac_of(Address.FABRIC_LOGIN), self.mac, self._flogi))
        now = self.executor.now()
        self._timer = self.executor.call_at(now + self.times.words(self.times.login_retry_ms), self._login)

    def _answer_own(self, n_port_id: int, parameters: bytes) -> None:
        """Give the N_Port its LS_ACC out of the host's parameters."""
        request = Header.unpack(self._flogi)
        self._flogi = b""
        self._cancel()
        self._hand_on(els_reply(request, n_port_id, Address.FABRIC_LOGIN, accept_with(parameters)))

    def _hand_on(self, frame: bytes) -> None:
        if self.on_frame is not None:
            self.on_frame(single_frame(frame, self.executor.now()))

    # ---- the host's side ----

    def receive_fip(self, frame: Fip) -> None:
        """A host that also knows FIP solicits when its link comes up: a good moment for the FLOGI."""
        if frame.operation != FipOperation.DISCOVERY or frame.subcode != FipDiscovery.SOLICITATION:
            raise FipError("fip_unexpected")
        if frame.mac != frame.source:
            raise FipError("fip_mac_mismatch")
        if frame.destination not in (self.mac, fip.ALL_FCFS, fip.ALL_FCOE):
            raise FipError("fip_not_for_us")
        self.counts["solicitations"] += 1
        self._solicited = frame.source
        if self._flogi:
            self._login()

    def receive_fcoe(self, frame: FcoeFrame) -> None:
        data = frame.frame.data
        header = Header.unpack(data)
        ours = (self.mac, mac_of(Address.FABRIC_LOGIN), mac_of(self.n_port_id) if self.n_port_id else self.mac)
        if frame.destination not in ours:
            self.counts["fcoe_not_for_us"] += 1
        elif header.d_id == Address.FABRIC_LOGIN:
            self._recv_fabric_request(header, frame)
        elif self._flogi and header.type == FcType.ELS and header.r_ctl == RCtl.ELS_REPLY and not self.peer_id:
            self._recv_answer(header, frame)
        elif frame.source not in self._peer_macs:
            self.counts["fcoe_unknown_mac"] += 1
        elif (header.d_id, header.s_id) != (self.n_port_id, self.peer_id):
            self.counts["fcoe_wrong_id"] += 1
        else:
            self.counts["fcoe_received"] += 1
            if self.on_frame is not None:
                self.on_frame(frame.frame)

    def _recv_answer(self, header: Header, frame: FcoeFrame) -> None:
        """The answer to the N_Port's FLOGI."""
        data = frame.frame.data
        payload = data[HEADER_BYTES:]
        wrong = header.ox_id != Header.unpack(self._flogi).ox_id or payload[:1] != bytes((Els.LS_ACC,))
        addresses = header.d_id and header.s_id and header.d_id != header.s_id
        if wrong or not addresses or len(payload) < els.LOGIN_BYTES:
            self.counts["login_answer"] += 1
            return
        theirs = els.LoginParameters.unpack(payload)
        if theirs.flags & ServiceFlag.F_PORT:
            self.counts["fabric_answered"] += 1  # that is a switch, no host
            return
        self._flogi = b""
        self._cancel()
        self._join(header.d_id, header.s_id, theirs.wwpn, frame.source)
        # The N_Port asked FFFFFEh.
        words = data[:4] + struct.pack(">I", int(Address.FABRIC_LOGIN)) + data[8:]
        now = self.executor.now()
        if self.on_frame is not None:
            self.on_frame(Frame(words, frame.frame.sof, frame.frame.eof, crc32(words), True, now, now))

    def _recv_fabric_request(self, header: Header, frame: FcoeFrame) -> None:
        """What the host sends to a fabric that is not there."""
        data = frame.frame.data
        request = els_request(data)
        command = request[1] if request is not None else None
        known = frame.source in self._peer_macs
        if command == Els.FLOGI and len(data) >= HEADER_BYTES + els.LOGIN_BYTES and not header.s_id:
            if known or not self.peer_id:
                self._recv_flogi(header, frame)
                return
        elif command == Els.LOGO and known and header.s_id == self.peer_id:
            self._recv_logo(header)
            return
        self.counts["fcoe_unknown_mac"] += 1

    def _recv_logo(self, header: Header) -> None:
        """The host takes leave."""
        self._peer_wwpn = 0
        self.counts["logouts"] += 1
        answer = els_reply(header, self.peer_id, Address.FABRIC_LOGIN, els.accept())
        self.transmit(encode(mac_of(self.peer_id), self.mac, answer))

    def _recv_flogi(self, header: Header, frame: FcoeFrame) -> None:
        """The host's own FLOGI: answered when the N_Port's parameters are known."""
        payload = frame.frame.data[HEADER_BYTES:]
        if not self._own:
            self.counts["no_n_port"] += 1
            return
        theirs = els.LoginParameters.unpack(payload)
        ours = els.LoginParameters.unpack(self._own)
        if theirs.problem(flogi=True) is not None or theirs.wwpn in (0, ours.wwpn):
            self.counts["login_parameters"] += 1
            return
        flogi = self._flogi
        self._end()
        own_id, peer_id = (LOW_ID, HIGH_ID) if ours.wwpn < theirs.wwpn else (HIGH_ID, LOW_ID)
        # Linux 6.1 sends from 00:00:00:00:00:00 when its own FLOGI was the first.
        self._join(own_id, peer_id, theirs.wwpn, frame.source, fip.NO_MAC)
        self.counts["flogi_answered"] += 1
        answer = els_reply(header, peer_id, own_id, accept_with(self._own))
        self.transmit(encode(mac_of(peer_id), self.mac, answer))
        self._flogi = flogi
        if flogi:
            self._answer_own(own_id, payload)
        else:
            self._theirs = payload  # for the FLOGI with which the N_Port will start again

    def _join(self, own_id: int, peer_id: int, wwpn: int, *sources: bytes) -> None:
        self.n_port_id, self.peer_id, self._peer_wwpn = own_id, peer_id, wwpn
        self._peer_macs = (*sources, mac_of(peer_id), self._solicited)
        self.counts["logins"] += 1
