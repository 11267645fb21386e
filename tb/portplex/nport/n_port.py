# SPDX-License-Identifier: Apache-2.0
"""An active N_Port: fabric login, port and process login in both roles, link services, exchange table, ABTS.

`HostInitiator` and `BackupDisk` are N_Ports; so are the well-known services of the switch. Frames arrive one call each
through `receive`; what takes time is a coroutine with a deadline. What a peer does wrong is collected in `violations`,
what is dropped is counted in `counts`; neither stops the port.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from portplex.executor import DeadlineExceeded, Executor, Future, wait_for
from portplex.fc.constants import (
    SOFI3,
    X_ID_UNASSIGNED,
    Address,
    BaRjtExplanation,
    BaRjtReason,
    CtCommand,
    Els,
    FCtl,
    FCtlUsual,
    FcType,
    LsRjtExplanation,
    LsRjtReason,
    NameServerFeature,
    PrliFcp,
    PrliResponse,
    RCtl,
    ServiceFlag,
)
from portplex.fc.header import HEADER_BYTES, Header
from portplex.framelink import Frame, FrameLink
from portplex.nport import els
from portplex.nport.ct import Ct, CtReject, fc4_types
from portplex.nport.fcp import DATA_BYTES
from portplex.nport.sequence import Violation

_RESPONDER = int(FCtl.EXCHANGE_RESPONDER)
_END = int(FCtl.END_SEQUENCE)


@dataclass(frozen=True, slots=True)
class Timers:
    """Deadlines in words. The real values (E_D_TOV 2 s, R_A_TOV 10 s) are scaled down for simulation."""

    e_d_tov: int = 400_000  # silence inside an exchange or a sequence
    r_a_tov: int = 1_000_000  # an aborted OX_ID rests so long
    link_service: int = 800_000  # an ELS or CT request
    command: int = 4_000_000  # a SCSI command from FCP_CMND to FCP_RSP


class LinkDown(Exception):
    """The link went down, or the port is not logged in with the fabric."""


@dataclass(slots=True)
class Session:
    """What is known about a peer. `initiator` and `target`: process login done, and the peer has that role."""

    n_port_id: int
    wwpn: int
    wwnn: int
    receive_size: int = DATA_BYTES
    initiator: bool = False
    target: bool = False


class Exchange:
    """One exchange this port has open; `frame` gets every frame that belongs to it."""

    __slots__ = ("ox_id", "peer", "port", "rx_id")

    def __init__(self, port: NPort, peer: int, ox_id: int, rx_id: int = X_ID_UNASSIGNED) -> None:
        self.port = port
        self.peer = peer
        self.ox_id = ox_id
        self.rx_id = rx_id

    def frame(self, header: Header, frame: Frame) -> None:
        raise NotImplementedError

    def fail(self, error: Exception) -> None:
        """The link went down or the peer logged out: nothing more will come."""
        raise NotImplementedError

    def learn_rx_id(self, header: Header) -> bool:
        """Take the responder's RX_ID from its first frame; False, and a violation, when a later one differs."""
        if self.rx_id == X_ID_UNASSIGNED:
            self.rx_id = header.rx_id
        elif header.rx_id != self.rx_id:
            self.port.violate("RX_ID", f"RX_ID {header.rx_id:04X}h, expected {self.rx_id:04X}h", header)
            return False
        return True


class LinkServiceExchange(Exchange):
    """A request that waits for its reply: ELS or CT. The result is (header of the last frame, payload)."""

    __slots__ = ("parts", "reply", "seq_cnt")

    def __init__(self, port: NPort, peer: int, ox_id: int) -> None:
        super().__init__(port, peer, ox_id)
        self.reply: Future[tuple[Header, bytes]] = port.executor.future()
        self.parts: list[bytes] = []
        self.seq_cnt = 0

    def frame(self, header: Header, frame: Frame) -> None:
        if self.reply.done() or not self.learn_rx_id(header):
            return
        if header.seq_cnt != self.seq_cnt:
            self.port.violate("SEQ_CNT", f"SEQ_CNT {header.seq_cnt} in a reply, expected {self.seq_cnt}", header)
            return
        self.seq_cnt += 1
        self.parts.append(frame.data[HEADER_BYTES:])
        if header.f_ctl & _END:
            self.reply.set_result((header, b"".join(self.parts)))

    def fail(self, error: Exception) -> None:
        if not self.reply.done():
            self.reply.set_exception(error)


@dataclass(slots=True)
class _Request:
    """A request under reassembly: parts so far of the sequence of a link service from a peer."""

    parts: list[bytes] = field(default_factory=list)
    seq_cnt: int = 0


class NPort:
    """An N_Port on `link`. `initiator` and `target` are its roles in process login."""

    def __init__(
        self,
        executor: Executor,
        link: FrameLink,
        *,
        name: str,
        wwpn: int,
        wwnn: int | None = None,
        timers: Timers | None = None,
        initiator: bool = False,
        target: bool = False,
        bb_credit: int = 16,
        n_port_id: int = 0,
    ) -> None:
        self.executor = executor
        self.link = link
        self.name = name
        self.wwpn = wwpn
        self.wwnn = wwpn if wwnn is None else wwnn
        self.timers = timers or Timers()
        self.initiator = initiator
        self.target = target
        self.bb_credit = bb_credit
        self.n_port_id = n_port_id  # 0 before fabric login
        self.sessions: dict[int, Session] = {}  # by N_Port_ID of the peer
        self.counts: Counter[str] = Counter()
        self.violations: list[Violation] = []
        self.on_rscn: Callable[[list[int]], None] | None = None
        self._originated: dict[int, Exchange] = {}  # by OX_ID
        self._responding: dict[tuple[int, int], Exchange] = {}  # by S_ID, OX_ID
        self._requests: dict[tuple[int, int], _Request] = {}  # by S_ID, OX_ID
        self._resting: set[int] = set()  # OX_IDs of aborted exchanges
        self.next_ox_id = 0
        self.next_rx_id = 0x8000
        self.next_seq_id = 0
        self._last: Header | None = None
        link.on_frame = self.receive
        link.on_link = self._link_changed

    # ---- state ----

    @property
    def open_exchanges(self) -> int:
        """Exchanges open in both roles (not counting OX_IDs that rest after ABTS)."""
        return len(self._originated) + len(self._responding)

    def last_seen(self) -> str:
        """The last frame received, for messages."""
        return "nothing" if self._last is None else str(self._last)

    def violate(self, rule: str, text: str, header: Header) -> None:
        """Note that a frame broke a rule."""
        self.counts["violations"] += 1
        where = f"{text} (from {header.s_id:06X}h, R_CTL {header.r_ctl:02X}h, OX_ID {header.ox_id:04X}h)"
        self.violations.append(Violation(self.executor.now(), rule, f"{self.name}: {where}"))

    # ---- sending ----

    def send(
        self,
        r_ctl: int,
        d_id: int,
        fc_type: int,
        f_ctl: int,
        ox_id: int,
        rx_id: int,
        payload: bytes = b"",
        parameter: int = 0,
    ) -> None:
        """Send a sequence of one frame."""
        header = Header(
            r_ctl, d_id, 0, self.n_port_id, fc_type, f_ctl, self._take_seq_id(), 0, 0, ox_id, rx_id, parameter
        )
        self.link.send(header.pack() + payload)

    def send_data(
        self, peer: int, ox_id: int, rx_id: int, data: memoryview | bytes, offset: int, *, responder: bool, size: int
    ) -> None:
        """Send FCP_DATA as one sequence; `offset` is the relative offset of its first byte, `size` the payload of a
        frame."""
        middle, last = (
            (FCtlUsual.READ_DATA, FCtlUsual.READ_DATA_LAST)
            if responder
            else (FCtlUsual.WRITE_DATA, FCtlUsual.WRITE_DATA_LAST)
        )
        seq_id = self._take_seq_id()
        send = self.link.send
        word0 = RCtl.SOLICITED_DATA << 24 | peer
        word2 = FcType.FCP << 24
        word3 = seq_id << 24
        word4 = ox_id << 16 | rx_id
        end = len(data)
        pack = _WORDS.pack
        for count, start in enumerate(range(0, end, size)):
            stop = start + size
            final = stop >= end
            fill = -end & 3 if final else 0
            f_ctl = (last if final else middle) | fill
            head = pack(word0, self.n_port_id, word2 | f_ctl, word3 | count & 0xFFFF, word4, offset + start)
            send(b"".join((head, data[start:stop], _PAD[fill])), initiate=count == 0, terminate=final)

    def _take_seq_id(self) -> int:
        seq_id = self.next_seq_id
        self.next_seq_id = seq_id + 1 & 0xFF
        return seq_id

    def take_ox_id(self) -> int:
        """An OX_ID not in use and not resting; RuntimeError when there is none."""
        for _ in range(X_ID_UNASSIGNED):
            ox_id = self.next_ox_id
            self.next_ox_id = (ox_id + 1) % X_ID_UNASSIGNED
            if ox_id not in self._originated and ox_id not in self._resting:
                return ox_id
        raise RuntimeError(f"{self.name}: all {X_ID_UNASSIGNED} OX_IDs are in use")

    def take_rx_id(self) -> int:
        rx_id = self.next_rx_id
        self.next_rx_id = 0x8000 | rx_id + 1 & 0x7FFF if rx_id != 0xFFFE else 0x8000
        return rx_id

    # ---- requests to others ----

    async def request(
        self, r_ctl: int, fc_type: int, d_id: int, payload: bytes, what: str, timeout: int | None = None
    ) -> tuple[Header, bytes]:
        """Send a request of one frame in an exchange of its own and wait for the reply."""
        exchange = LinkServiceExchange(self, d_id, self.take_ox_id())
        self._originated[exchange.ox_id] = exchange
        self.send(r_ctl, d_id, fc_type, FCtlUsual.REQUEST, exchange.ox_id, X_ID_UNASSIGNED, payload)
        timeout = self.timers.link_service if timeout is None else timeout
        try:
            what = f"{self.name}: reply to {what} from {d_id:06X}h"
            return await wait_for(self.executor, exchange.reply, timeout, what, self.last_seen)
        finally:
            del self._originated[exchange.ox_id]

    async def link_service(self, d_id: int, payload: bytes, what: str, timeout: int | None = None) -> bytes:
        """An extended link service; the LS_ACC payload, or LsReject."""
        _, reply = await self.request(RCtl.ELS_REQUEST, FcType.ELS, d_id, payload, what, timeout)
        return self._accepted(what, reply)

    @staticmethod
    def _accepted(what: str, reply: bytes) -> bytes:
        if reply[:1] == b"\x01" and len(reply) >= 8:
            raise els.LsReject(what, reply)
        if reply[:1] != b"\x02":
            raise ValueError(f"{what} was answered with {reply[:8].hex(' ')}: must be LS_ACC or LS_RJT")
        return reply

    async def ct(self, request: Ct, what: str) -> Ct:
        """A name server request; the accepted answer, or CtReject."""
        payload = request.pack()
        _, reply = await self.request(RCtl.UNSOLICITED_CONTROL, FcType.CT, Address.NAME_SERVER, payload, what)
        answer = Ct.unpack(reply)
        if answer.command != CtCommand.ACCEPT:
            raise CtReject(what, answer)
        return answer

    async def fabric_login(self) -> int:
        """FLOGI; the N_Port_ID assigned."""
        payload = els.LoginParameters(self.wwpn, self.wwnn, self.bb_credit).pack(Els.FLOGI)
        header, reply = await self.request(RCtl.ELS_REQUEST, FcType.ELS, Address.FABRIC_LOGIN, payload, "FLOGI")
        self._accepted("FLOGI", reply)
        self.n_port_id = header.d_id
        return self.n_port_id

    def login_parameters(self) -> els.LoginParameters:
        """What this port says in PLOGI and its LS_ACC."""
        return els.LoginParameters(
            self.wwpn,
            self.wwnn,
            self.bb_credit,
            ServiceFlag.CONTINUOUS_OFFSET,
            word3=0x00FF001F,
            e_d_tov=2000,
        )

    async def port_login(self, d_id: int) -> Session:
        """PLOGI with a peer or a well-known address."""
        reply = await self.link_service(d_id, self.login_parameters().pack(Els.PLOGI), "PLOGI")
        return self._open_session(d_id, els.LoginParameters.unpack(reply))

    async def process_login(self, d_id: int) -> Session:
        """PRLI for FCP with a peer logged in."""
        session = self.sessions.get(d_id)
        if session is None:
            raise LinkDown(f"{self.name}: no port login with {d_id:06X}h, PRLI needs one")
        reply = els.PrliPage.unpack(await self.link_service(d_id, els.prli(self._prli_parameters()), "PRLI"))
        if reply.response != PrliResponse.EXECUTED:
            raise LinkDown(f"{self.name}: PRLI was answered by {d_id:06X}h with response code {reply.response}")
        session.initiator = bool(reply.parameters & PrliFcp.INITIATOR)
        session.target = bool(reply.parameters & PrliFcp.TARGET)
        return session

    async def process_logout(self, d_id: int) -> None:
        """PRLO."""
        await self.link_service(d_id, els.prlo(), "PRLO")
        session = self.sessions.get(d_id)
        if session is not None:
            session.initiator = session.target = False

    async def logout(self, d_id: int) -> None:
        """LOGO; the session is gone whatever the answer."""
        try:
            await self.link_service(d_id, els.logo(self.n_port_id, self.wwpn), "LOGO")
        finally:
            self._close_session(d_id, f"{self.name} has logged out")

    async def register(self, symbolic_name: str = "") -> None:
        """Name server registration as hosts do it: RNN_ID, RSNN_NN, RSPN_ID, RFT_ID, RFF_ID; then SCR."""
        await self.port_login(Address.NAME_SERVER)
        me = struct.pack(">I", self.n_port_id)
        label = (symbolic_name or self.name).encode("ascii", "replace")[:255]
        counted = bytes((len(label),)) + label
        features = (NameServerFeature.TARGET if self.target else 0) | (
            NameServerFeature.INITIATOR if self.initiator else 0
        )
        node = struct.pack(">Q", self.wwnn)
        await self.ct(Ct(CtCommand.RNN_ID, me + node), "RNN_ID")
        await self.ct(Ct(CtCommand.RSNN_NN, node + counted), "RSNN_NN")
        await self.ct(Ct(CtCommand.RSPN_ID, me + counted), "RSPN_ID")
        await self.ct(Ct(CtCommand.RFT_ID, me + fc4_types({FcType.FCP})), "RFT_ID")
        await self.ct(Ct(CtCommand.RFF_ID, me + bytes((0, 0, features, FcType.FCP))), "RFF_ID")
        await self.link_service(Address.FABRIC_CONTROLLER, els.scr(), "SCR")

    async def start(self) -> None:
        """Fabric login and registration."""
        await self.fabric_login()
        await self.register()

    def _prli_parameters(self) -> int:
        roles = (PrliFcp.INITIATOR if self.initiator else 0) | (PrliFcp.TARGET if self.target else 0)
        return roles | PrliFcp.READ_XFER_RDY_DISABLED

    # ---- exchanges ----

    def open_exchange(self, exchange: Exchange) -> None:
        """Enter an exchange this port originates (its OX_ID from `take_ox_id`)."""
        self._originated[exchange.ox_id] = exchange

    def close_exchange(self, exchange: Exchange, *, rest: bool = False) -> None:
        """Forget it; after ABTS its OX_ID rests for R_A_TOV, then RRQ tells the peer that it may be used again."""
        if self._originated.pop(exchange.ox_id, None) is None or not rest:
            return
        self._resting.add(exchange.ox_id)
        executor = self.executor

        async def reinstate() -> None:
            try:
                if exchange.peer in self.sessions:
                    payload = els.rrq(self.n_port_id, exchange.ox_id, exchange.rx_id)
                    await self.link_service(exchange.peer, payload, "RRQ")
            except (els.LsReject, DeadlineExceeded, LinkDown):
                self.counts["rrq_failed"] += 1
            finally:
                self._resting.discard(exchange.ox_id)

        executor.call_at(executor.now() + self.timers.r_a_tov, lambda: _ignore(executor.start(reinstate())))

    def answer_exchange(self, exchange: Exchange) -> None:
        """Enter an exchange a peer originated."""
        self._responding[exchange.peer, exchange.ox_id] = exchange

    def end_answer(self, exchange: Exchange) -> None:
        self._responding.pop((exchange.peer, exchange.ox_id), None)

    def _fail_exchanges(self, peer: int | None, error: Exception) -> None:
        """Fail what is open with `peer`, or everything."""
        for exchange in [*self._originated.values(), *self._responding.values()]:
            if peer is None or exchange.peer == peer:
                exchange.fail(error)

    # ---- receiving ----

    def receive(self, frame: Frame) -> None:
        """One frame from the link."""
        if not frame.crc_ok:
            self.counts["crc_error"] += 1
            return
        try:
            header = Header.unpack(frame.data)
        except struct.error:
            self.counts["runt"] += 1
            return
        if header.d_id != self.n_port_id and (self.n_port_id or header.s_id != Address.FABRIC_LOGIN):
            self.counts["wrong_d_id"] += 1
            return
        self._last = header
        if header.f_ctl & _RESPONDER:
            exchange = self._originated.get(header.ox_id)
            if exchange is None or exchange.peer != header.s_id:
                self.counts["unknown_exchange"] += 1
                return
            exchange.frame(header, frame)
            return
        exchange = self._responding.get((header.s_id, header.ox_id))
        if exchange is not None:
            exchange.frame(header, frame)
        elif header.type == FcType.ELS and header.r_ctl == RCtl.ELS_REQUEST:
            self._collect(header, frame, self._els_request)
        elif header.type == FcType.CT and header.r_ctl == RCtl.UNSOLICITED_CONTROL:
            self._collect(header, frame, self.ct_request)
        elif header.r_ctl == RCtl.ABTS:
            self.reject_abort(header)
        elif header.type == FcType.FCP:
            session = self.sessions.get(header.s_id)
            if session is None or not session.initiator or not self.target:
                self.counts["not_logged_in"] += 1
                if session is None:
                    self._send_logo(header.s_id)
                return
            self.fcp_request(header, frame, session)
        else:
            self.counts["unexpected"] += 1

    def _collect(self, header: Header, frame: Frame, handle: Callable[[Header, bytes], None]) -> None:
        """Reassemble the request of a link service."""
        key = (header.s_id, header.ox_id)
        if frame.sof == SOFI3:
            self._requests[key] = _Request()
        request = self._requests.get(key)
        if request is None or header.seq_cnt != request.seq_cnt:
            self.violate("SEQ_CNT", f"SEQ_CNT {header.seq_cnt} out of order in a request", header)
            self._requests.pop(key, None)
            return
        request.seq_cnt += 1
        request.parts.append(frame.data[HEADER_BYTES:])
        if header.f_ctl & _END:
            del self._requests[key]
            handle(header, b"".join(request.parts))

    def fcp_request(self, header: Header, frame: Frame, session: Session) -> None:
        """An FCP frame from a logged-in initiator for no open exchange; targets override."""
        self.counts["unexpected"] += 1

    def ct_request(self, header: Header, payload: bytes) -> None:
        """A CT request; the name server overrides."""
        self.counts["unexpected"] += 1

    def reply(self, header: Header, payload: bytes) -> None:
        """Answer a link service request."""
        r_ctl, fc_type = (
            (RCtl.ELS_REPLY, FcType.ELS) if header.type == FcType.ELS else (RCtl.SOLICITED_CONTROL, FcType.CT)
        )
        rx_id = self.take_rx_id()
        size = DATA_BYTES
        if len(payload) <= size:
            self.send(r_ctl, header.s_id, fc_type, FCtlUsual.ELS_REPLY, header.ox_id, rx_id, payload)
            return
        seq_id = self._take_seq_id()
        for count, start in enumerate(range(0, len(payload), size)):
            final = start + size >= len(payload)
            f_ctl = FCtlUsual.ELS_REPLY if final else FCtlUsual.ELS_REPLY & ~_END
            head = Header(
                r_ctl, header.s_id, 0, self.n_port_id, fc_type, f_ctl, seq_id, 0, count, header.ox_id, rx_id, 0
            )
            self.link.send(head.pack() + payload[start : start + size], initiate=count == 0, terminate=final)

    def accept_abort(self, header: Header, rx_id: int) -> None:
        """BA_ACC to an ABTS, for the whole exchange."""
        payload = struct.pack(">HHHHHH", 0, 0, header.ox_id, rx_id, 0, 0xFFFF)
        self.send(RCtl.BA_ACC, header.s_id, FcType.BLS, FCtlUsual.ELS_REPLY, header.ox_id, rx_id, payload)

    def reject_abort(self, header: Header) -> None:
        """BA_RJT: no such exchange."""
        self.counts["abts_unknown"] += 1
        payload = struct.pack(">BBBB", 0, BaRjtReason.LOGICAL_ERROR, BaRjtExplanation.INVALID_OX_ID_RX_ID, 0)
        self.send(RCtl.BA_RJT, header.s_id, FcType.BLS, FCtlUsual.ELS_REPLY, header.ox_id, header.rx_id, payload)

    def _els_request(self, header: Header, payload: bytes) -> None:
        """Answer an ELS from a peer."""
        handler = _ELS_HANDLERS.get(payload[0] if payload else 0, NPort._recv_unsupported)
        try:
            answer = self.els_request(header, payload) or handler(self, header, payload)
        except (struct.error, ValueError, IndexError):
            answer = els.reject(LsRjtReason.PROTOCOL_ERROR, LsRjtExplanation.INVALID_LENGTH)
        if answer[0] == Els.LS_RJT:
            self.counts["ls_rjt_sent"] += 1
        self.reply(header, answer)

    def els_request(self, header: Header, payload: bytes) -> bytes | None:
        """Override to answer an ELS in another way: the reply's payload, or None for the usual one."""
        return None

    def _recv_unsupported(self, header: Header, payload: bytes) -> bytes:
        self.counts["els_unsupported"] += 1
        return els.reject(LsRjtReason.UNSUPPORTED, LsRjtExplanation.NOT_SUPPORTED)

    def _recv_plogi(self, header: Header, payload: bytes) -> bytes:
        parameters = els.LoginParameters.unpack(payload)
        if parameters.problem() is not None:
            return els.reject(LsRjtReason.LOGICAL_ERROR, LsRjtExplanation.SERVICE_PARAMETER_OPTION)
        refusal = self.refuse_login(header.s_id, parameters)
        if refusal is not None:
            return refusal
        self._close_session(header.s_id, f"{self.name}: {header.s_id:06X}h has logged in again")
        self._open_session(header.s_id, parameters)
        return self.login_parameters().pack(Els.LS_ACC)

    def refuse_login(self, s_id: int, parameters: els.LoginParameters) -> bytes | None:
        """Override to refuse a PLOGI: the LS_RJT payload, or None to accept."""
        return None

    def _recv_prli(self, header: Header, payload: bytes) -> bytes:
        session = self.sessions.get(header.s_id)
        if session is None:
            return els.reject(LsRjtReason.UNABLE, LsRjtExplanation.PLOGI_REQUIRED)
        page = els.PrliPage.unpack(payload)
        if page.fc4_type != FcType.FCP:
            return els.prli_accept(0, image=False, response=PrliResponse.INVALID)
        session.initiator = bool(page.parameters & PrliFcp.INITIATOR)
        session.target = bool(page.parameters & PrliFcp.TARGET)
        return els.prli_accept(self._prli_parameters())

    def _recv_prlo(self, header: Header, payload: bytes) -> bytes:
        session = self.sessions.get(header.s_id)
        if session is None:
            return els.reject(LsRjtReason.UNABLE, LsRjtExplanation.PLOGI_REQUIRED)
        session.initiator = session.target = False
        self._fail_exchanges(header.s_id, LinkDown(f"{self.name}: {header.s_id:06X}h has sent PRLO"))
        return els.prlo_accept()

    def _recv_logo(self, header: Header, payload: bytes) -> bytes:
        self._close_session(header.s_id, f"{self.name}: {header.s_id:06X}h has logged out")
        return els.accept()

    def _recv_rscn(self, header: Header, payload: bytes) -> bytes:
        changed = els.parse_rscn(payload)
        self.counts["rscn"] += 1
        if self.on_rscn is not None:
            self.on_rscn(changed)
        return els.accept()

    def _recv_adisc(self, header: Header, payload: bytes) -> bytes:
        if header.s_id not in self.sessions:
            return els.reject(LsRjtReason.UNABLE, LsRjtExplanation.PLOGI_REQUIRED)
        return els.adisc(Els.LS_ACC, self.n_port_id, self.wwpn, self.wwnn)

    def _recv_echo(self, header: Header, payload: bytes) -> bytes:
        return bytes((Els.LS_ACC,)) + payload[1:]

    def _recv_rtv(self, header: Header, payload: bytes) -> bytes:
        return struct.pack(">B3xIII", Els.LS_ACC, 10_000, 2000, 0)

    def _recv_rls(self, header: Header, payload: bytes) -> bytes:
        return struct.pack(">B3x24x", Els.LS_ACC)

    def _recv_rrq(self, header: Header, payload: bytes) -> bytes:
        return els.accept()

    # ---- sessions and link ----

    def _open_session(self, peer: int, parameters: els.LoginParameters) -> Session:
        size = min(parameters.class3_receive_size, parameters.receive_size, DATA_BYTES) & ~3
        session = self.sessions[peer] = Session(peer, parameters.wwpn, parameters.wwnn, size)
        return session

    def _close_session(self, peer: int, why: str) -> None:
        if self.sessions.pop(peer, None) is not None:
            self._fail_exchanges(peer, LinkDown(why))

    def _send_logo(self, peer: int) -> None:
        """Tell a port that talks without login; its answer does not matter."""

        async def tell() -> None:
            try:
                await self.link_service(peer, els.logo(self.n_port_id, self.wwpn), "LOGO")
            except (els.LsReject, DeadlineExceeded, LinkDown):
                self.counts["logo_unanswered"] += 1

        _ignore(self.executor.start(tell()))

    def _link_changed(self, up: bool) -> None:
        if up:
            self.counts["link_up"] += 1
            return
        self.counts["link_down"] += 1
        self.n_port_id = 0
        self.sessions.clear()
        self._requests.clear()
        self._fail_exchanges(None, LinkDown(f"{self.name}: the link went down"))


def _ignore(future: Future[Any]) -> None:
    """The result of a task that reports by other means."""
    future.add_done_callback(lambda done: None)


_WORDS = struct.Struct(">IIIIII")
_PAD = (b"", bytes(1), bytes(2), bytes(3))

_ELS_HANDLERS: dict[int, Callable[[NPort, Header, bytes], bytes]] = {
    Els.PLOGI: NPort._recv_plogi,
    Els.PRLI: NPort._recv_prli,
    Els.PRLO: NPort._recv_prlo,
    Els.LOGO: NPort._recv_logo,
    Els.RSCN: NPort._recv_rscn,
    Els.ADISC: NPort._recv_adisc,
    Els.ECHO: NPort._recv_echo,
    Els.RTV: NPort._recv_rtv,
    Els.RLS: NPort._recv_rls,
    Els.RRQ: NPort._recv_rrq,
}
