# SPDX-License-Identifier: Apache-2.0
"""A SCSI host on a Fibre Channel port: finds targets and units, reads, writes, any other command, task management.

A command that loses a frame is aborted (ABTS) and, for `read` and `write`, tried again. Latency counts in words from
the moment FCP_CMND is handed to the link to the moment FCP_RSP is there.
"""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from portplex.executor import DeadlineExceeded, Executor, Future, sleep, wait_for
from portplex.fc.constants import (
    X_ID_UNASSIGNED,
    CtCommand,
    FcpRspCode,
    FCtlUsual,
    FcType,
    RCtl,
    ScsiStatus,
)
from portplex.fc.header import HEADER_BYTES, Header
from portplex.framelink import Frame, FrameLink
from portplex.nport.ct import Ct, CtReject, parse_id_list
from portplex.nport.fcp import NO_CDB, Cmnd, Rsp, parse_xfer_rdy
from portplex.nport.n_port import Exchange, LinkDown, NPort, Session, Timers
from portplex.nport.sequence import DataReceiver, check_single
from portplex.scsi import cdb as scsi
from portplex.scsi.sense import Sense, SenseKey
from portplex.scsi.vpd import Inquiry, lun_bytes, parse_read_capacity, parse_report_luns

_RSP_F_CTL = (int(FCtlUsual.RESPONSE), int(FCtlUsual.ELS_REPLY))
_XFER_RDY_F_CTL = (int(FCtlUsual.XFER_RDY),)
CDB_BYTES = 16  # of the CDB field of FCP_CMND
_BUSY = (ScsiStatus.BUSY, ScsiStatus.TASK_SET_FULL)


class TransportError(Exception):
    """A command did not end properly on the wire: lost or wrong frames, an aborted exchange, missing data."""


class CommandFailed(Exception):
    """The target answered with a status that is not GOOD."""

    def __init__(self, what: str, result: Result) -> None:
        name = ScsiStatus(result.status).name if result.status in ScsiStatus.__members__.values() else "unknown status"
        sense = f", {result.sense}" if result.sense is not None else ""
        super().__init__(f"{what}: {name} ({result.status:02X}h){sense}")
        self.result = result


class Result(NamedTuple):
    """How a command ended. `residual` as in FCP_RSP; `latency` in words; `code` is RSP_CODE or None."""

    status: int
    data: bytes
    sense: Sense | None
    residual: int
    latency: int
    code: int | None = None


@dataclass(frozen=True, slots=True)
class LogicalUnit:
    """A unit a host has found."""

    target: int  # N_Port_ID
    lun: int
    blocks: int
    block_size: int = 512
    vendor: str = ""
    product: str = ""


class CommandExchange(Exchange):
    """One SCSI command under way."""

    __slots__ = ("_lun", "aborted", "data_out", "done", "host", "name", "receiver", "size", "state")

    def __init__(
        self, host: HostInitiator, session: Session, name: str, data_out: memoryview | None, data_in: int
    ) -> None:
        super().__init__(host, session.n_port_id, host.take_ox_id())
        self.host = host
        self.name = name
        self.size = session.receive_size
        self.data_out = data_out
        self.receiver = DataReceiver(bytearray(data_in), from_responder=True, end=data_in)
        self.done: Future[Rsp] = host.executor.future()
        self.aborted: Future[bool] | None = None  # True: BA_ACC, False: BA_RJT
        self.state = "FCP_CMND sent"

    def frame(self, header: Header, frame: Frame) -> None:
        r_ctl = header.r_ctl
        if r_ctl in (RCtl.BA_ACC, RCtl.BA_RJT):
            if self.aborted is not None and not self.aborted.done():
                self.aborted.set_result(r_ctl == RCtl.BA_ACC)
            return
        if self.done.done():
            self.host.counts["after_end"] += 1
            return
        if not self.learn_rx_id(header):
            self.fail(TransportError(f"{self.name}: wrong RX_ID"))
            return
        if r_ctl == RCtl.SOLICITED_DATA:
            broken = self.receiver.accept(header, frame)
        elif r_ctl == RCtl.COMMAND_STATUS:
            broken = check_single(header, frame, _RSP_F_CTL, (24, 2112)) or self._response(frame)
        elif r_ctl == RCtl.DATA_DESCRIPTOR:
            broken = check_single(header, frame, _XFER_RDY_F_CTL, (12, 12)) or self._transfer_ready(frame)
        else:
            broken = "R_CTL", f"R_CTL {r_ctl:02X}h in a command"
        if broken is not None:
            self.host.violate(broken[0], f"{self.name}: {broken[1]}", header)
            self.fail(TransportError(f"{self.name}: {broken[1]}"))

    def _response(self, frame: Frame) -> tuple[str, str] | None:
        try:
            response = Rsp.unpack(memoryview(frame.data)[HEADER_BYTES:])
        except (struct.error, ValueError) as error:
            return "LENGTH", str(error)
        if self.receiver.open:
            return "ORDER", f"FCP_RSP inside data sequence {self.receiver.seq_id:02X}h"
        self.state = "FCP_RSP received"
        self.done.set_result(response)
        return None

    def _transfer_ready(self, frame: Frame) -> tuple[str, str] | None:
        offset, length = parse_xfer_rdy(memoryview(frame.data)[HEADER_BYTES:])
        data = self.data_out
        if data is None:
            return "R_CTL", "FCP_XFER_RDY for a command that sends no data"
        if length == 0 or offset + length > len(data):
            return "OFFSET", f"FCP_XFER_RDY for {length} bytes at offset {offset}, the command has {len(data)}"
        self.state = f"sent the burst of {length} bytes at offset {offset}"
        self.host.send_data(
            self.peer,
            self.ox_id,
            self.rx_id,
            data[offset : offset + length],
            offset,
            responder=False,
            size=self.size,
        )
        return None

    def fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)
        if isinstance(error, LinkDown) and self.aborted is not None and not self.aborted.done():
            self.aborted.set_exception(error)

    def progress(self) -> str:
        """Last sign of life, for messages."""
        received = self.receiver.offset
        return f"{self.state}, {received} of {len(self.receiver.buffer)} bytes received" if received else self.state


class HostInitiator(NPort):
    """A host with at most `queue_depth` commands open; further ones wait in order."""

    def __init__(
        self,
        executor: Executor,
        link: FrameLink,
        *,
        name: str,
        wwpn: int,
        wwnn: int | None = None,
        timers: Timers | None = None,
        queue_depth: int = 8,
        retries: int = 3,
        busy_delay: int = 20_000,
        n_port_id: int = 0,
    ) -> None:
        if queue_depth < 1:
            raise ValueError(f"queue_depth = {queue_depth}: must be 1 at least")
        super().__init__(
            executor, link, name=name, wwpn=wwpn, wwnn=wwnn, timers=timers, initiator=True, n_port_id=n_port_id
        )
        self.queue_depth = queue_depth
        self.retries = retries
        self.busy_delay = busy_delay
        self.open_commands = 0
        self._queue: deque[Future[None]] = deque()

    # ---- discovery ----

    async def find_targets(self) -> list[int]:
        """N_Port_IDs of FCP ports in the same zone, from the name server (GPN_FT); none is an empty list."""
        try:
            answer = await self.ct(Ct(CtCommand.GPN_FT, bytes((0, 0, 0, FcType.FCP))), "GPN_FT")
        except CtReject:
            return []
        return [n_port_id for n_port_id, _ in parse_id_list(answer.body, 16) if n_port_id != self.n_port_id]

    async def wait_for_target(self, timeout: int = 2_000_000, interval: int = 2_000) -> int:
        """N_Port_ID of the first FCP port the name server shows, asked again until there is one; DeadlineExceeded after
        `timeout` words."""
        deadline = self.executor.now() + timeout
        while not (found := await self.find_targets()):
            if self.executor.now() > deadline:
                raise DeadlineExceeded("an FCP port to register with the name server", deadline, self.last_seen())
            await sleep(self.executor, interval)
        return found[0]

    async def login(self, d_id: int) -> Session:
        """PLOGI and PRLI with a peer, unless done."""
        session = self.sessions.get(d_id)
        if session is None:
            session = await self.port_login(d_id)
        if not session.target:
            session = await self.process_login(d_id)
        return session

    async def discover(self, target: int | None = None) -> list[LogicalUnit]:
        """Log in with `target`, or with every FCP port the name server shows, and list the units of those that are
        targets."""
        units: list[LogicalUnit] = []
        for d_id in [target] if target is not None else await self.find_targets():
            session = await self.login(d_id)
            if session.target:
                units += await self._units(d_id)
        return units

    async def _units(self, d_id: int) -> list[LogicalUnit]:
        listed = await self._settled(d_id, 0, scsi.report_luns(1024), 1024)
        units = []
        for lun in parse_report_luns(listed):
            inquiry = Inquiry.unpack(await self._settled(d_id, lun, scsi.inquiry(length=96), 96))
            if inquiry.device_type != 0:
                continue
            capacity = await self._settled(d_id, lun, scsi.read_capacity_16(32), 32)
            blocks, block_size = parse_read_capacity(capacity)
            units.append(LogicalUnit(d_id, lun, blocks, block_size, inquiry.vendor, inquiry.product))
        return units

    async def _settled(self, d_id: int, lun: int, cdb: bytes, length: int) -> bytes:
        return (await self.insist(d_id, lun, cdb, data_in=length)).data

    # ---- commands ----

    async def command(
        self,
        d_id: int,
        lun: int,
        cdb: bytes,
        *,
        data_out: bytes | memoryview | None = None,
        data_in: int = 0,
        attribute: int = 0,
        timeout: int | None = None,
    ) -> Result:
        """One command, once. Any status comes back as a Result; TransportError, DeadlineExceeded (both after ABTS) or
        LinkDown when the wire failed it. At most one of `data_out` and `data_in` (bytes)."""
        if data_out is not None and data_in:
            raise ValueError(f"data_in = {data_in} together with data_out: a command moves data in one direction")
        if not 6 <= len(cdb) <= CDB_BYTES:
            raise ValueError(f"cdb of {len(cdb)} bytes: must be 6 to {CDB_BYTES}")
        cdb = cdb.ljust(CDB_BYTES, b"\0")
        session = self.sessions.get(d_id)
        if session is None or not session.target:
            raise LinkDown(f"{self.name}: not logged in with a target at {d_id:06X}h")
        await self._take_slot()
        try:
            out = None if data_out is None else memoryview(data_out)
            length = data_in if out is None else len(out)
            cmnd = Cmnd(lun_bytes(lun), cdb, length, data_in > 0, out is not None, attribute)
            what = scsi.parse(cdb).name
            return await self._run(session, cmnd, f"{what} to LUN {lun} of {d_id:06X}h", out, data_in, timeout)
        finally:
            self._give_slot()

    async def _run(
        self,
        session: Session,
        cmnd: Cmnd,
        what: str,
        data_out: memoryview | None,
        data_in: int,
        timeout: int | None,
    ) -> Result:
        exchange = CommandExchange(self, session, what, data_out, data_in)
        self.open_exchange(exchange)
        started = self.executor.now()
        self.counts["commands"] += 1
        self.send(
            RCtl.UNSOLICITED_COMMAND,
            session.n_port_id,
            FcType.FCP,
            FCtlUsual.REQUEST,
            exchange.ox_id,
            X_ID_UNASSIGNED,
            cmnd.pack(),
        )
        limit = self.timers.command if timeout is None else timeout
        try:
            response = await wait_for(
                self.executor, exchange.done, limit, f"{self.name}: FCP_RSP of {what}", exchange.progress
            )
        except LinkDown:
            self.close_exchange(exchange)
            raise
        except (TransportError, DeadlineExceeded):
            await self.abort(exchange)
            raise
        self.close_exchange(exchange)
        latency = self.executor.now() - started
        buffer = exchange.receiver.buffer
        received = exchange.receiver.offset
        if response.status == ScsiStatus.GOOD and data_in and received != data_in - max(response.residual, 0):
            self.counts["underruns"] += 1
            raise TransportError(
                f"{what}: GOOD with residual {response.residual}, but {received} of {data_in} bytes came"
            )
        sense = None
        if response.sense:
            try:
                sense = Sense.unpack(response.sense)
            except ValueError as error:
                raise TransportError(f"{what}: {error}") from error
        data = bytes(buffer) if received == data_in else bytes(buffer[:received])
        return Result(response.status, data, sense, response.residual, latency, response.code)

    async def insist(
        self, d_id: int, lun: int, cdb: bytes, *, data_out: bytes | memoryview | None = None, data_in: int = 0
    ) -> Result:
        """A command until it is GOOD: again after wire failures and UNIT ATTENTION, `retries` times in all, and after
        BUSY and TASK SET FULL with a pause that grows, for as long as one command may take. CommandFailed for any
        other status; the last error when tries or time are used up."""
        attempt, pause = 0, self.busy_delay
        patience = self.executor.now() + self.timers.command
        while True:
            final = attempt >= self.retries
            attempt += 1
            try:
                result = await self.command(d_id, lun, cdb, data_out=data_out, data_in=data_in)
            except (TransportError, DeadlineExceeded):
                if final:
                    raise
                self.counts["retries"] += 1
                continue
            if result.status == ScsiStatus.GOOD:
                return result
            attention = result.sense is not None and result.sense.key == SenseKey.UNIT_ATTENTION
            busy = result.status in _BUSY
            if (busy and self.executor.now() + pause > patience) or (final and not busy) or not (busy or attention):
                raise CommandFailed(f"{self.name}: {scsi.parse(cdb).name} to LUN {lun} of {d_id:06X}h", result)
            self.counts["retries"] += 1
            if busy:
                attempt -= 1
                self.counts["busy"] += 1
                await sleep(self.executor, pause)
                pause = min(2 * pause, 4 * self.busy_delay)

    async def read(self, unit: LogicalUnit, lba: int, blocks: int) -> bytes:
        """Blocks from a unit."""
        length = blocks * unit.block_size
        result = await self.insist(unit.target, unit.lun, scsi.read(lba, blocks), data_in=length)
        if len(result.data) != length:
            raise TransportError(f"{self.name}: READ of {length} bytes returned {len(result.data)}")
        return result.data

    async def write(self, unit: LogicalUnit, lba: int, data: bytes | memoryview) -> Result:
        """Whole blocks to a unit; back when GOOD."""
        if not len(data) or len(data) % unit.block_size:
            raise ValueError(f"data of {len(data)} bytes: must be whole blocks of {unit.block_size}, one at least")
        return await self.insist(unit.target, unit.lun, scsi.write(lba, len(data) // unit.block_size), data_out=data)

    async def task_management(self, d_id: int, lun: int, flags: int) -> Result:
        """A task management function; the Result's `code` says how it went (FcpRspCode)."""
        session = self.sessions.get(d_id)
        if session is None:
            raise LinkDown(f"{self.name}: not logged in with {d_id:06X}h")
        cmnd = Cmnd(lun_bytes(lun), NO_CDB, 0, task_management=flags)
        result = await self._run(session, cmnd, f"task management {flags:02X}h to {d_id:06X}h", None, 0, None)
        return result if result.code is not None else result._replace(code=FcpRspCode.COMPLETE)

    # ---- ABTS ----

    async def abort(self, exchange: CommandExchange, tries: int = 3) -> bool:
        """ABTS for the whole exchange; True for BA_ACC, False for BA_RJT (the target does not know it). The exchange is
        closed in any case. DeadlineExceeded, after implicit logout of the peer, when `tries` ABTS stay without
        answer."""
        error = TransportError(f"{exchange.name}: aborted")
        exchange.fail(error)
        accepted = False
        exchange.aborted = self.executor.future()
        what = f"{self.name}: answer to ABTS of {exchange.name}"
        try:
            for attempt in range(tries):
                self.counts["abts_sent"] += 1
                self.send(RCtl.ABTS, exchange.peer, FcType.BLS, FCtlUsual.ABTS, exchange.ox_id, exchange.rx_id)
                try:
                    accepted = await wait_for(
                        self.executor, exchange.aborted, self.timers.e_d_tov, what, self.last_seen
                    )
                    break
                except DeadlineExceeded:
                    if attempt == tries - 1:
                        self._close_session(exchange.peer, f"{self.name}: {exchange.peer:06X}h answers no ABTS")
                        raise
        finally:
            self.close_exchange(exchange, rest=True)
        return accepted

    # ---- queue depth ----

    async def _take_slot(self) -> None:
        if self.open_commands < self.queue_depth:
            self.open_commands += 1
            return
        turn: Future[None] = self.executor.future()
        self._queue.append(turn)
        # Those before it run into their own deadlines, retries and aborts included; this one only catches a leak.
        limit = 4 * (self.retries + 1) * (self.timers.command + self.timers.e_d_tov) * (1 + len(self._queue))
        what = f"{self.name}: one of {self.queue_depth} command slots"
        try:
            await wait_for(self.executor, turn, limit, what, self.last_seen)
        except DeadlineExceeded:
            self._queue.remove(turn)
            raise

    def _give_slot(self) -> None:
        if self._queue:
            self._queue.popleft().set_result(None)
        else:
            self.open_commands -= 1
