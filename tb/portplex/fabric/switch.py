# SPDX-License-Identifier: Apache-2.0
"""A Fibre Channel switch: F_Ports with fabric login, routing by D_ID in order, zoning, class 3.

Python N_Ports get a link with `attach`; an array's port, whose frames come and go through a transactor, is joined with
`connect`. Class 3: a frame that cannot be delivered is dropped and counted, nobody is told. Buffer-to-buffer credit on
the wire is the transactor's business; links to Python ports carry whole frames and need none.
"""

from __future__ import annotations

import struct
from collections import Counter, deque
from collections.abc import Callable
from zlib import crc32

from portplex.executor import Executor
from portplex.fabric.fabric_controller import FabricController
from portplex.fabric.name_server import NameServer
from portplex.fabric.zoning import Zoning
from portplex.fc.constants import (
    MIN_FILL_WORDS,
    ORDERED_SETS,
    SOFI3,
    SOFN3,
    Address,
    Els,
    FCtl,
    FCtlUsual,
    FcType,
    LsRjtExplanation,
    LsRjtReason,
    RCtl,
    ServiceFlag,
)
from portplex.fc.header import HEADER_BYTES, Header
from portplex.framelink import Frame, FrameLink
from portplex.nport import els
from portplex.nport.n_port import Timers
from portplex.nport.sequence import EOFT, GOOD_EOF

_EOFT = ORDERED_SETS["EOFt_NEG"]
_EOFN = ORDERED_SETS["EOFn_NEG"]
_ADDRESSES = 0x00FF_FFFF_00FF_FFFF  # D_ID and S_ID in the first 8 bytes of a frame
_RESPONDER = int(FCtl.EXCHANGE_RESPONDER)
_END = int(FCtl.END_SEQUENCE)
_OVERHEAD_WORDS = 3 + MIN_FILL_WORDS  # SOF, CRC, EOF and the fill words between frames


class PortLink:
    """The N_Port's end of a link to the switch."""

    def __init__(self, port: FPort) -> None:
        self.on_frame: Callable[[Frame], None] | None = None
        self.on_link: Callable[[bool], None] | None = None
        self._port = port

    def send(self, frame: bytes, *, initiate: bool = True, terminate: bool = True) -> None:
        port = self._port
        now = port.switch.executor.now()
        port.receive(
            Frame(
                frame,
                SOFI3 if initiate else SOFN3,
                _EOFT if terminate else _EOFN,
                crc32(frame),
                True,
                now,
                now,
            )
        )


class FPort:
    """One port of the switch. `wwpn` and `n_port_id` are those of the N_Port logged in, 0 when none is."""

    def __init__(self, switch: Switch, number: int, address: int, rate: float | None, queue_limit: int | None) -> None:
        self.switch = switch
        self.number = number
        self.address = address  # the N_Port_ID that fabric login will assign
        self.rate = rate
        self.queue_limit = queue_limit
        self.expected_wwpn = 0
        self.wwpn = 0
        self.wwnn = 0
        self.n_port_id = 0
        self.bb_credit = 0  # what the N_Port offered
        self.up = True
        self.counts: Counter[str] = Counter()
        self.deliver: Callable[[Frame], None] = self._nobody
        self.link: PortLink | None = None
        self._queue: deque[Frame] = deque()
        self._sending = False
        self._seq_id = 0

    def receive(self, frame: Frame) -> None:
        """A frame from the N_Port."""
        if not self.up:
            self.counts["link_down"] += 1
            return
        self.switch.forward(self, frame)

    def transmit(self, frame: Frame) -> None:
        """A frame to the N_Port: at once, or at `rate` words a word with at most `queue_limit` frames waiting."""
        if self.rate is None:
            self.deliver(frame)
        elif self.queue_limit is not None and len(self._queue) >= self.queue_limit:
            self.counts["queue_full"] += 1
        else:
            self._queue.append(frame)
            if not self._sending:
                self._next()

    def _next(self) -> None:
        if not self._queue:
            self._sending = False
            return
        self._sending = True
        assert self.rate is not None
        executor = self.switch.executor
        frame = self._queue[0]
        start = executor.now()
        end = start + max(1, round((len(frame.data) // 4 + _OVERHEAD_WORDS) / self.rate))

        def finish() -> None:
            if self._queue:  # empty when the link went down meanwhile
                self._queue.popleft()
                self.deliver(Frame(frame.data, frame.sof, frame.eof, frame.crc, True, start, end))
            self._next()

        executor.call_at(end, finish)

    def _nobody(self, frame: Frame) -> None:
        self.counts["no_link"] += 1

    def set_up(self, up: bool) -> None:
        """The link to the N_Port comes or goes; going ends its fabric login."""
        if up == self.up:
            return
        self.up = up
        if not up:
            self._queue.clear()
            self.switch.logout(self)
        if self.link is not None and self.link.on_link is not None:
            self.link.on_link(up)

    # ---- services at FFFFFEh ----

    def service(self, frame: Frame) -> None:
        """A frame to the F_Port: FLOGI, LOGO; everything else is rejected as link services ask for."""
        header = Header.unpack(frame.data)
        if header.type != FcType.ELS or header.r_ctl != RCtl.ELS_REQUEST or header.f_ctl & _RESPONDER:
            self.counts["f_port_unexpected"] += 1
            return
        payload = frame.data[HEADER_BYTES:]
        command = payload[0] if payload else 0
        if command == Els.FLOGI:
            self._recv_flogi(header, payload)
        elif command == Els.LOGO:
            self._reply(header, header.s_id, els.accept())
            self.switch.logout(self)
        else:
            self._reject(header, LsRjtReason.UNSUPPORTED, LsRjtExplanation.NOT_SUPPORTED)

    def _recv_flogi(self, header: Header, payload: bytes) -> None:
        try:
            parameters = els.LoginParameters.unpack(payload)
        except struct.error:
            self._reject(header, LsRjtReason.PROTOCOL_ERROR, LsRjtExplanation.INVALID_LENGTH)
            return
        if parameters.problem(flogi=True) is not None or not parameters.wwpn:
            self._reject(header, LsRjtReason.LOGICAL_ERROR, LsRjtExplanation.SERVICE_PARAMETER_OPTION)
            return
        other = self.switch.port_by_wwpn(parameters.wwpn)
        foreign = self.expected_wwpn not in (0, parameters.wwpn)
        if foreign or (other is not None and other is not self):
            self._reject(header, LsRjtReason.UNABLE, LsRjtExplanation.NO_RESOURCES)
            return
        if self.n_port_id:
            self.switch.logout(self)
        self.wwpn, self.wwnn, self.bb_credit = parameters.wwpn, parameters.wwnn, parameters.bb_credit
        self.n_port_id = self.address
        answer = els.LoginParameters(
            self.switch.wwn + 1 + self.number,
            self.switch.wwn,
            self.switch.bb_credit,
            ServiceFlag.F_PORT,
            word3=self.switch.r_a_tov_ms,
            e_d_tov=self.switch.e_d_tov_ms,
        )
        self._reply(header, self.n_port_id, answer.pack(Els.LS_ACC))
        self.switch.login(self)

    def _reject(self, header: Header, reason: int, explanation: int) -> None:
        self.counts["ls_rjt_sent"] += 1
        self._reply(header, header.s_id, els.reject(reason, explanation))

    def _reply(self, header: Header, d_id: int, payload: bytes) -> None:
        self._seq_id = self._seq_id + 1 & 0xFF
        head = Header(
            RCtl.ELS_REPLY,
            d_id,
            0,
            Address.FABRIC_LOGIN,
            FcType.ELS,
            FCtlUsual.ELS_REPLY,
            self._seq_id,
            0,
            0,
            header.ox_id,
            0x8000 | self._seq_id,
            0,
        )
        data = head.pack() + payload
        now = self.switch.executor.now()
        self.switch.enqueue(self, Frame(data, SOFI3, _EOFT, crc32(data), True, now, now))


class Switch:
    """A fabric of one switch with its name server (FFFFFCh) and fabric controller (FFFFFDh).

    `on_forward` sees every frame that is about to be delivered and may return another, or None to lose it: fault
    injection and capture. `on_login` is told of each fabric login.
    """

    def __init__(
        self,
        executor: Executor,
        *,
        domain: int = 1,
        wwn: int = 0x1000_0050_5050_0000,
        bb_credit: int = 16,
        zoning: Zoning | None = None,
        timers: Timers | None = None,
        e_d_tov_ms: int = 2_000,
        r_a_tov_ms: int = 10_000,
    ) -> None:
        """`timers` are those of the services inside; E_D_TOV and R_A_TOV are what fabric login tells the N_Ports."""
        if not 1 <= domain <= 239:
            raise ValueError(f"domain = {domain}: must be 1 to 239")
        self.executor = executor
        self.domain = domain
        self.wwn = wwn
        self.bb_credit = bb_credit
        self.e_d_tov_ms = e_d_tov_ms
        self.r_a_tov_ms = r_a_tov_ms
        self.on_login: Callable[[FPort], None] | None = None
        self.ports: list[FPort] = []
        self.counts: Counter[str] = Counter()
        self.on_forward: Callable[[Frame], Frame | None] | None = None
        self._zoning = zoning or Zoning.open()
        self._by_id: dict[int, FPort] = {}
        self._routes: dict[int, FPort] = {}  # D_ID and S_ID as in the first 8 bytes of a frame: where it may go
        self._work: deque[tuple[FPort, Frame]] = deque()
        self._draining = False
        timers = timers or Timers()
        self.name_server = NameServer(
            executor, self._service_port(Address.NAME_SERVER), self, timers=timers, wwpn=wwn + 0xF000
        )
        self.fabric_controller = FabricController(
            executor, self._service_port(Address.FABRIC_CONTROLLER), self, timers=timers, wwpn=wwn + 0xF001
        )

    # ---- ports ----

    def attach(
        self,
        wwpn: int = 0,
        *,
        n_port_id: int | None = None,
        rate: float | None = None,
        queue_limit: int | None = None,
    ) -> PortLink:
        """A link for a Python N_Port. `wwpn`, when given, is the only one that may log in there; `rate` in words per
        word paces what the port receives (1 is line rate, None is no pacing)."""
        port = self._add_port(wwpn, n_port_id, rate, queue_limit)
        link = port.link = PortLink(port)

        def deliver(frame: Frame) -> None:
            if link.on_frame is not None:
                link.on_frame(frame)

        port.deliver = deliver
        return link

    def connect(
        self,
        link: FrameLink,
        *,
        wwpn: int = 0,
        n_port_id: int | None = None,
        rate: float | None = None,
        queue_limit: int | None = None,
    ) -> FPort:
        """Join the far end of a link (a transactor's) as a port. Takes over `on_frame` and `on_link`."""
        port = self._add_port(wwpn, n_port_id, rate, queue_limit)
        send = link.send

        def deliver(frame: Frame) -> None:
            send(frame.data, initiate=frame.sof == SOFI3, terminate=frame.eof in EOFT)

        port.deliver = deliver
        link.on_frame = port.receive
        link.on_link = port.set_up
        return port

    def _add_port(self, wwpn: int, n_port_id: int | None, rate: float | None, queue_limit: int | None) -> FPort:
        number = len(self.ports)
        address = self.domain << 16 | number + 1 << 8 if n_port_id is None else n_port_id
        if not 0 < address < 0xEF0000:
            raise ValueError(f"n_port_id = {address:06X}h: must be 000001h to EEFFFFh")
        if any(port.address == address for port in self.ports):
            raise ValueError(f"n_port_id = {address:06X}h: another port has it")
        if rate is not None and rate <= 0:
            raise ValueError(f"rate = {rate}: must be more than 0")
        if queue_limit is not None and queue_limit < 1:
            raise ValueError(f"queue_limit = {queue_limit}: must be 1 at least")
        port = FPort(self, number, address, rate, queue_limit)
        port.expected_wwpn = wwpn
        self.ports.append(port)
        return port

    def _service_port(self, address: int) -> PortLink:
        """A link for a well-known service inside the switch."""
        port = FPort(self, 0xF0 + (address & 0xF), address, None, None)
        port.n_port_id = address
        link = port.link = PortLink(port)

        def deliver(frame: Frame) -> None:
            if link.on_frame is not None:
                link.on_frame(frame)

        port.deliver = deliver
        self._by_id[address] = port
        return link

    def port_by_id(self, n_port_id: int) -> FPort | None:
        """The port where this N_Port_ID is logged in."""
        port = self._by_id.get(n_port_id)
        return port if port is not None and port.wwpn else None

    def port_by_wwpn(self, wwpn: int) -> FPort | None:
        return next((port for port in self.ports if port.wwpn == wwpn and port.n_port_id), None)

    # ---- logins and zones ----

    @property
    def zoning(self) -> Zoning:
        return self._zoning

    def set_zoning(self, zoning: Zoning) -> None:
        """Other zones from now on; every port whose neighbours changed is told with RSCN."""
        before, self._zoning = self._zoning, zoning
        self._routes.clear()
        logged_in = [port for port in self.ports if port.n_port_id]
        for port in logged_in:
            changed = [
                other.n_port_id
                for other in logged_in
                if other is not port and before.allows(port.wwpn, other.wwpn) != zoning.allows(port.wwpn, other.wwpn)
            ]
            if changed:
                self.fabric_controller.notify(port.n_port_id, changed)

    def visible(self, one: int, other: int) -> bool:
        """May the ports with these two N_Port_IDs talk?"""
        first, second = self.port_by_id(one), self.port_by_id(other)
        return first is not None and second is not None and self._zoning.allows(first.wwpn, second.wwpn)

    def login(self, port: FPort) -> None:
        """Fabric login done: routes, name server, RSCN to the others."""
        self._by_id[port.n_port_id] = port
        self._routes.clear()
        self.name_server.add(port.n_port_id, port.wwpn, port.wwnn)
        self._announce(port)
        if self.on_login is not None:
            self.on_login(port)

    def logout(self, port: FPort) -> None:
        """The N_Port has gone."""
        if not port.n_port_id:
            return
        self._announce(port)
        self.name_server.remove(port.n_port_id)
        self.fabric_controller.remove(port.n_port_id)
        del self._by_id[port.n_port_id]
        self._routes.clear()
        port.n_port_id = port.wwpn = port.wwnn = 0

    def _announce(self, port: FPort) -> None:
        for other in self.ports:
            if other is not port and other.n_port_id and self._zoning.allows(port.wwpn, other.wwpn):
                self.fabric_controller.notify(other.n_port_id, [port.n_port_id])

    # ---- frames ----

    def forward(self, port: FPort, frame: Frame) -> None:
        """A frame that came in at `port`: route it. Delivery happens before this returns, except when called from a
        delivery: then it follows, in order."""
        data = frame.data
        if not frame.crc_ok or frame.eof not in GOOD_EOF or len(data) < HEADER_BYTES:
            self.counts["bad_frame"] += 1
            return
        key = int.from_bytes(data[:8], "big") & _ADDRESSES
        egress = self._routes.get(key)
        if egress is None or port.n_port_id != key & 0xFFFFFF:
            egress = self._route(port, key)
            if egress is None:
                return
        self.enqueue(egress, frame)

    def _route(self, port: FPort, key: int) -> FPort | None:
        """Where a frame may go, or None with the reason counted. FFFFFEh goes to the port itself."""
        d_id, s_id = key >> 32, key & 0xFFFFFF
        if d_id == Address.FABRIC_LOGIN:
            return _Login(port)
        if not port.n_port_id:
            self.counts["not_logged_in"] += 1
            return None
        if s_id != port.n_port_id:
            self.counts["wrong_s_id"] += 1
            return None
        egress = self._by_id.get(d_id)
        if egress is None:
            self.counts["unreachable"] += 1
            return None
        if port.wwpn and egress.wwpn and not self._zoning.allows(port.wwpn, egress.wwpn):
            self.counts["zoned_out"] += 1
            return None
        self._routes[key] = egress
        return egress

    def enqueue(self, egress: FPort, frame: Frame) -> None:
        """Deliver in order; a delivery that causes frames does not recurse."""
        work = self._work
        work.append((egress, frame))
        if self._draining:
            return
        self._draining = True
        try:
            while work:
                egress, frame = work.popleft()
                if self.on_forward is not None:
                    changed = self.on_forward(frame)
                    if changed is None:
                        self.counts["lost_on_purpose"] += 1
                        continue
                    frame = changed
                self.counts["forwarded"] += 1
                egress.transmit(frame)
        finally:
            self._draining = False


class _Login(FPort):
    """The F_Port as a destination: what goes to FFFFFEh is for the service of the port it came in at."""

    def __init__(self, port: FPort) -> None:
        super().__init__(port.switch, port.number, Address.FABRIC_LOGIN, None, None)
        self.deliver = port.service
