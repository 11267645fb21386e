# SPDX-License-Identifier: Apache-2.0
"""VN2VN: an N_Port of the harness among others on one Ethernet, without a fabric (FC-BB-6).

The port is a FrameLink for one N_Port: its FLOGI starts the node, which probes for a local N_Port_ID, claims it, and
then answers the FLOGI itself. Neighbours log in with a FLOGI in FIP, answered with the N_Port's own parameters. Frames
go to FC-MAP 0EFD00h and the neighbour's N_Port_ID.

Of two neighbours the one with the higher WWPN sends PLOGI. The N_Port does not know its neighbours, so the node does
that for it: when the neighbour has accepted, the N_Port gets the same login as a PLOGI of the neighbour.
"""

from __future__ import annotations

import random
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from portplex.executor import Executor, Handle
from portplex.fc.constants import (
    FCOE_SIZE,
    VN2VN_FC_MAP,
    Address,
    Els,
    FCtlUsual,
    FcType,
    FipDescriptor,
    FipFlag,
    FipLinkService,
    FipOperation,
    FipVn2vn,
    NameServerFeature,
    RCtl,
    ServiceFlag,
)
from portplex.fc.header import HEADER_BYTES, Header
from portplex.framelink import Frame
from portplex.hil import fip
from portplex.hil.fcoe import FcoeFrame, encode, mac_of
from portplex.hil.fip import Fip, FipError, VnId
from portplex.hil.node import DEFAULT_MAC, FipTimes, Host, accept_with, els_reply, els_request, nowhere, single_frame
from portplex.nport import els

_NEIGHBOURS = 16
_PENDING = 64
_OX_ID = 0xFFFE  # of the node's own requests, to a neighbour and to the N_Port
_PLOGI_TRIES = 5
_CLAIMS = (FipVn2vn.CLAIM_NOTIFICATION, FipVn2vn.CLAIM_RESPONSE)


class State(Enum):
    """How far the node is."""

    IDLE = "idle"  # the N_Port has not asked for an address
    PROBING = "probing"
    CLAIMING = "claiming"
    UP = "up"


@dataclass(slots=True)
class Neighbour:
    """Another VN2VN node. `seen`: the last claim or beacon, in words."""

    n_port_id: int
    mac: bytes
    wwpn: int
    wwnn: int
    seen: int
    logged_in: bool = False  # its FLOGI was accepted
    plogi: Handle | None = None  # the node's PLOGI is open: the next try
    turned: bool = False  # the N_Port has not answered the PLOGI made of the neighbour's acceptance


class Vn2vn:
    """The node. `counts` has every frame it dropped, by reason."""

    def __init__(
        self,
        executor: Executor,
        *,
        mac: bytes = DEFAULT_MAC,
        times: FipTimes | None = None,
        features: int = NameServerFeature.TARGET | NameServerFeature.INITIATOR,
    ) -> None:
        self.on_frame: Callable[[Frame], None] | None = None
        self.on_link: Callable[[bool], None] | None = None
        self.executor = executor
        self.mac = mac
        self.times = times or FipTimes()
        self.features = features
        self.transmit: Callable[[bytes], None] = nowhere
        self.counts: Counter[str] = Counter()
        self.state = State.IDLE
        self.n_port_id = 0
        self.neighbours: dict[int, Neighbour] = {}
        self.wwpn = 0
        self.wwnn = 0
        self._parameters = b""  # the N_Port's FLOGI
        self._request: Header | None = None  # its FLOGI, waiting for the answer
        self._pending: dict[tuple[int, int], int] = {}  # neighbour and OX_ID of a FIP link service: descriptor type
        self._random = random.Random(0)
        self._timer: Handle | None = None
        self._claimed = 0

    # ---- life ----

    def start(self) -> None:
        """Nothing is sent before the N_Port logs in."""

    def stop(self) -> None:
        self.lost()

    def lost(self) -> None:
        was_up = self.state is not State.IDLE
        self._forget_address()
        self._request = None
        if was_up and self.on_link is not None:
            self.on_link(False)
            self.on_link(True)

    def hosts(self) -> list[Host]:
        return [Host(peer.mac, peer.n_port_id, peer.wwpn) for peer in self.neighbours.values() if peer.logged_in]

    def knows(self, mac: bytes) -> bool:
        return any(mac in (peer.mac, self._vn_mac(peer.n_port_id)) for peer in self.neighbours.values())

    def _forget_address(self) -> None:
        self._after(None, self._idle)
        for peer in self.neighbours.values():
            self._end_port_login(peer)
        self.state = State.IDLE
        self.n_port_id = 0
        self.neighbours.clear()
        self._pending.clear()

    def _idle(self) -> None:
        """No timer."""

    def _after(self, milliseconds: float | None, action: Callable[[], None]) -> None:
        """The one timer of the node."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if milliseconds is not None:
            self._timer = self.executor.call_at(self.executor.now() + self.times.words(milliseconds), action)

    @staticmethod
    def _vn_mac(n_port_id: int) -> bytes:
        return mac_of(n_port_id, VN2VN_FC_MAP)

    # ---- the N_Port's side ----

    def send(self, frame: bytes, *, initiate: bool = True, terminate: bool = True) -> None:
        header = Header.unpack(frame)
        if header.d_id == Address.FABRIC_LOGIN:
            self._to_fabric(header, frame)
            return
        kind = self._pending.pop((header.d_id, header.ox_id), None) if header.r_ctl == RCtl.ELS_REPLY else None
        peer = self.neighbours.get(header.d_id)
        if peer is None or header.s_id != self.n_port_id:
            self.counts["to_nobody"] += 1
        elif peer.turned and header.r_ctl == RCtl.ELS_REPLY and header.ox_id == _OX_ID:
            self._port_login_answered(peer, frame[HEADER_BYTES:])
        elif kind is not None:
            self._send_link_service(peer, kind, frame)
        else:
            self._send_fcoe(peer, frame, initiate=initiate, terminate=terminate)

    def _to_fabric(self, header: Header, frame: bytes) -> None:
        """FLOGI starts the node, LOGO ends it; there is no fabric to ask for more."""
        request = els_request(frame)
        payload = frame[HEADER_BYTES:]
        if request is None or request[1] not in (Els.FLOGI, Els.LOGO):
            self.counts["no_fabric"] += 1
            return
        if request[1] == Els.LOGO:
            self._hand_on(els_reply(header, header.s_id, Address.FABRIC_LOGIN, els.accept()))
            self._forget_address()
            return
        try:
            parameters = els.LoginParameters.unpack(payload)
        except struct.error:
            self.counts["no_fabric"] += 1
            return
        again = self.state is not State.IDLE and parameters.wwpn == self.wwpn
        self.wwpn, self.wwnn, self._parameters = parameters.wwpn, parameters.wwnn, payload
        self._request = header
        if self.state is State.UP and again:
            self._answer_login()
        elif not again:
            self._random = random.Random(self.wwpn)
            self._probe(self.wwpn & 0xFFFF)

    def _answer_login(self) -> None:
        request, self._request = self._request, None
        if request is not None:
            reply = els_reply(request, self.n_port_id, Address.FABRIC_LOGIN, accept_with(self._parameters))
            self._hand_on(reply)

    def _hand_on(self, frame: bytes) -> None:
        if self.on_frame is not None:
            self.on_frame(single_frame(frame, self.executor.now()))

    # ---- probe, claim, beacon ----

    def _say(self, subcode: FipVn2vn, destination: bytes = fip.ALL_VN2VN, size: int = 0) -> None:
        more = (fip.fc4_features(self.features), fip.fcoe_size()) if subcode in _CLAIMS else ()
        message = fip.fip(
            destination,
            self.mac,
            FipOperation.VN2VN,
            subcode,
            0,
            fip.mac(self.mac),
            fip.name(self.wwnn),
            fip.vn_id(VnId(self._vn_mac(self.n_port_id), self.n_port_id, self.wwpn)),
            *more,
        )
        self.transmit(message.pack(size))

    def _probe(self, n_port_id: int) -> None:
        """Ask twice whether somebody has this address."""
        self._forget_address()
        self.n_port_id = n_port_id if 0 < n_port_id < 0xFFFF else 1
        self.state = State.PROBING
        self.counts["probes"] += 1
        self._say(FipVn2vn.PROBE_REQUEST)
        self._after(self.times.probe_wait_ms, self._probe_again)

    def _probe_again(self) -> None:
        self._say(FipVn2vn.PROBE_REQUEST)
        self._after(self.times.probe_wait_ms, self._claim)

    def _claim(self) -> None:
        self.state = State.CLAIMING
        self._notify()
        self._after(self.times.claim_wait_ms, self._up)

    def _notify(self) -> None:
        self._claimed = self.executor.now()
        self._say(FipVn2vn.CLAIM_NOTIFICATION)

    def _up(self) -> None:
        self.state = State.UP
        self.counts["claims"] += 1
        self._beacon()
        self._answer_login()

    def _beacon(self) -> None:
        """Tell that the node is there; give up neighbours that have stopped doing so."""
        self._say(FipVn2vn.BEACON)
        self._after(self.times.beacon_ms, self._beacon)
        limit = self.times.words(self.times.missed * self.times.beacon_ms)
        for peer in list(self.neighbours.values()):
            if self.executor.now() - peer.seen > limit:
                self.counts["neighbour_lost"] += 1
                self._drop(peer)

    def _drop(self, peer: Neighbour) -> None:
        """Forget a neighbour; the N_Port hears a LOGO from it."""
        del self.neighbours[peer.n_port_id]
        self._end_port_login(peer)
        self._hand_on(_request(self.n_port_id, peer.n_port_id, els.logo(peer.n_port_id, peer.wwpn)))

    def _give_way(self) -> None:
        """Another has the address: take the next one. Logins under the old one are over."""
        self.counts["address_lost"] += 1
        up = self.state is State.UP
        self._probe(self._random.randrange(1, 0xFFFF))
        if up and self.on_link is not None:
            self.on_link(False)
            self.on_link(True)

    # ---- FIP from neighbours ----

    def receive_fip(self, frame: Fip) -> None:
        if frame.destination not in (self.mac, fip.ALL_VN2VN):
            raise FipError("fip_not_for_us")
        if self.state is State.IDLE:
            raise FipError("fip_unexpected")
        if frame.operation == FipOperation.LINK_SERVICE and frame.destination == self.mac:
            self._recv_link_service(frame)
        elif frame.operation == FipOperation.VN2VN:
            self._recv_vn2vn(frame)
        else:
            raise FipError("fip_unexpected")

    def _recv_vn2vn(self, frame: Fip) -> None:
        fip.require(frame, (FipDescriptor.MAC, FipDescriptor.NAME, FipDescriptor.VN_ID))
        claim = frame.subcode in _CLAIMS
        if claim:
            fip.require(frame, (FipDescriptor.FCOE_SIZE,))
        if len(frame.vn_ids) != 1:
            raise FipError("fip_duplicate_descriptor")
        peer = frame.vn_ids[0]
        # Linux sends beacons from the address of its VN_Port, all else from that of the ENode.
        if frame.source != frame.mac and (frame.subcode != FipVn2vn.BEACON or frame.source != peer.mac):
            raise FipError("fip_mac_mismatch")
        if not 0 < peer.n_port_id < 0xFFFF or peer.mac != self._vn_mac(peer.n_port_id):
            raise FipError("fip_vn_id")
        if peer.wwpn == self.wwpn:
            raise FipError("fip_own_name")
        same = peer.n_port_id == self.n_port_id
        if frame.subcode == FipVn2vn.PROBE_REQUEST:
            if same:
                self._recv_probe(frame, peer)
        elif frame.subcode == FipVn2vn.PROBE_REPLY:
            if same:
                self._contest()
        elif claim:
            self._recv_claim(frame, peer, same)
        elif frame.subcode == FipVn2vn.BEACON:
            self._recv_beacon(peer)
        else:
            raise FipError("fip_unexpected")

    def _recv_probe(self, frame: Fip, peer: VnId) -> None:
        settled = self.state in (State.CLAIMING, State.UP)
        if settled or (self.wwpn > peer.wwpn and not frame.flags & FipFlag.RECORDED):
            self._say(FipVn2vn.PROBE_REPLY, frame.source)
        else:
            self._give_way()

    def _contest(self) -> None:
        """Somebody says that the address is taken."""
        if self.state is State.UP:
            self._notify()
        else:
            self._give_way()

    def _recv_claim(self, frame: Fip, peer: VnId, same: bool) -> None:
        if same:
            if frame.subcode == FipVn2vn.CLAIM_RESPONSE:  # answering it with a claim would go on for ever
                raise FipError("fip_address_taken")
            if self.state is State.PROBING or peer.wwpn > self.wwpn:
                self._give_way()
            else:
                self._notify()
            return
        if self.state is State.PROBING:
            return
        known = self.neighbours.get(peer.n_port_id)
        if known is not None and known.wwpn != peer.wwpn:
            raise FipError("fip_address_taken")
        if known is None and len(self.neighbours) >= _NEIGHBOURS:
            raise FipError("fip_no_room")
        now = self.executor.now()
        if known is None:
            self.neighbours[peer.n_port_id] = Neighbour(peer.n_port_id, frame.source, peer.wwpn, frame.name, now)
            self.counts["neighbours"] += 1
        else:
            known.mac, known.wwnn, known.seen = frame.source, frame.name, now
        if frame.subcode == FipVn2vn.CLAIM_NOTIFICATION:
            self._say(FipVn2vn.CLAIM_RESPONSE, frame.source, min(frame.fcoe_size, FCOE_SIZE))

    def _recv_beacon(self, peer: VnId) -> None:
        known = self.neighbours.get(peer.n_port_id)
        if known is not None:
            if known.wwpn != peer.wwpn:
                raise FipError("fip_address_taken")
            known.seen = self.executor.now()
        elif self.state is State.UP and self.executor.now() - self._claimed > self.times.words(
            self.times.claim_wait_ms
        ):
            self._notify()  # a node that does not know this one yet will answer

    def _recv_link_service(self, frame: Fip) -> None:
        kind, data = frame.encapsulated
        header = Header.unpack(data)
        peer = self.neighbours.get(header.s_id)
        if peer is None or peer.mac != frame.source:
            raise FipError("fip_unknown_neighbour")
        if frame.subcode != FipLinkService.REQUEST or self.state is not State.UP or header.d_id != self.n_port_id:
            raise FipError("fip_unexpected")
        request = els_request(data)
        if request is None:
            raise FipError("fip_els")
        if kind == FipDescriptor.FLOGI and request[1] == Els.FLOGI:
            try:
                parameters = els.LoginParameters.unpack(data[HEADER_BYTES:])
            except struct.error:
                raise FipError("fip_els") from None
            if parameters.wwpn != peer.wwpn:
                raise FipError("fip_els")
            peer.logged_in = True
            self.counts["logins"] += 1
            reply = els_reply(header, peer.n_port_id, self.n_port_id, accept_with(self._parameters))
            self._send_link_service(peer, kind, reply)
            self._end_port_login(peer)
            if self.wwpn > peer.wwpn:
                self._port_login(peer, _PLOGI_TRIES)
        elif kind == FipDescriptor.LOGO and request[1] == Els.LOGO:
            if len(self._pending) >= _PENDING:
                raise FipError("fip_too_many_requests")
            peer.logged_in = False
            self._end_port_login(peer)
            self._pending[peer.n_port_id, header.ox_id] = kind
            self._hand_on(data)
        else:
            raise FipError("fip_els")

    def _send_link_service(self, peer: Neighbour, kind: int, frame: bytes) -> None:
        message = fip.fip(
            peer.mac,
            self.mac,
            FipOperation.LINK_SERVICE,
            FipLinkService.REPLY,
            FipFlag.FPMA,
            fip.encapsulated(kind, frame),
            fip.mac(self._vn_mac(self.n_port_id)),
        )
        self.transmit(message.pack())

    # ---- PLOGI ----

    def _port_login(self, peer: Neighbour, tries: int) -> None:
        """Send PLOGI with the N_Port's parameters; again after `login_retry_ms`, since Linux refuses one that overtakes
        the answer to its FLOGI."""
        if not tries:
            self.counts["plogi_failed"] += 1
            self._end_port_login(peer)
            return
        self.counts["plogi_sent"] += 1
        own = els.LoginParameters.unpack(self._parameters)
        ours = own._replace(flags=ServiceFlag.CONTINUOUS_OFFSET, word3=0x00FF001F, class3_receive_size=own.receive_size)
        self._send_fcoe(peer, _request(peer.n_port_id, self.n_port_id, ours.pack(Els.PLOGI)))
        again = self.executor.now() + self.times.words(self.times.login_retry_ms)
        peer.plogi = self.executor.call_at(again, lambda: self._port_login(peer, tries - 1))

    def _recv_port_login_answer(self, peer: Neighbour, payload: bytes) -> None:
        """The N_Port gets a neighbour's acceptance as a PLOGI; a refusal is left to the next try."""
        accepted = payload[:1] == bytes((Els.LS_ACC,)) and len(payload) >= els.LOGIN_BYTES
        if not accepted or els.LoginParameters.unpack(payload).wwpn != peer.wwpn:
            self.counts["plogi_refused"] += 1
            return
        self._end_port_login(peer)
        peer.turned = True
        self._hand_on(_request(self.n_port_id, peer.n_port_id, bytes((Els.PLOGI,)) + payload[1:]))

    def _port_login_answered(self, peer: Neighbour, payload: bytes) -> None:
        """What the N_Port says to that: a refusal takes the login back."""
        peer.turned = False
        if payload[:1] == bytes((Els.LS_ACC,)):
            self.counts["port_logins"] += 1
        else:
            self.counts["port_login_refused"] += 1
            self._send_fcoe(peer, _request(peer.n_port_id, self.n_port_id, els.logo(self.n_port_id, self.wwpn)))

    @staticmethod
    def _end_port_login(peer: Neighbour) -> None:
        if peer.plogi is not None:
            peer.plogi.cancel()
        peer.plogi, peer.turned = None, False

    # ---- frames ----

    def _send_fcoe(self, peer: Neighbour, frame: bytes, *, initiate: bool = True, terminate: bool = True) -> None:
        self.counts["fcoe_sent"] += 1
        destination, source = self._vn_mac(peer.n_port_id), self._vn_mac(self.n_port_id)
        self.transmit(encode(destination, source, frame, initiate=initiate, terminate=terminate))

    def receive_fcoe(self, frame: FcoeFrame) -> None:
        if self.state is not State.UP or frame.destination != self._vn_mac(self.n_port_id):
            self.counts["fcoe_not_for_us"] += 1
            return
        s_id = int.from_bytes(frame.frame.data[5:8], "big")
        peer = self.neighbours.get(s_id)
        if peer is None or frame.source != self._vn_mac(s_id):
            self.counts["fcoe_unknown_mac"] += 1
            return
        if not peer.logged_in:
            self.counts["fcoe_not_logged_in"] += 1
            return
        self.counts["fcoe_received"] += 1
        header = Header.unpack(frame.frame.data)
        if peer.plogi is not None and header.r_ctl == RCtl.ELS_REPLY and header.ox_id == _OX_ID:
            self._recv_port_login_answer(peer, frame.frame.data[HEADER_BYTES:])
        elif self.on_frame is not None:
            self.on_frame(frame.frame)


def _request(d_id: int, s_id: int, payload: bytes) -> bytes:
    """A request of an extended link service that is the node's own."""
    head = Header(RCtl.ELS_REQUEST, d_id, 0, s_id, FcType.ELS, FCtlUsual.REQUEST, 0, 0, 0, _OX_ID, 0xFFFF, 0)
    return head.pack() + payload
