# SPDX-License-Identifier: Apache-2.0
"""A second array's disk as an FCP target in plain Python: it takes a backup, gives it back, and can be told to
misbehave.

It checks every write data frame strictly (`NPort.violations`) and keeps a log of the blocks in the order in which it
answered GOOD.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from portplex.executor import Executor, Handle
from portplex.fc.constants import (
    X_ID_UNASSIGNED,
    FcpRspCode,
    FcpTaskManagement,
    FCtlUsual,
    FcType,
    RCtl,
    ScsiStatus,
)
from portplex.fc.header import HEADER_BYTES, Header
from portplex.framelink import Frame, FrameLink
from portplex.nport import els
from portplex.nport.fcp import Cmnd, Rsp, xfer_rdy
from portplex.nport.n_port import Exchange, NPort, Session, Timers
from portplex.nport.sequence import DataReceiver, check_single
from portplex.scsi import sense, vpd
from portplex.scsi.cdb import BLOCK, READ_CAPACITY_16_ACTION, READS, WRITES, Cdb, OpCode, parse
from portplex.scsi.sense import Sense

_CMND_F_CTL = (int(FCtlUsual.REQUEST),)


class FaultKind(Enum):
    """What the disk does instead of serving a command."""

    BUSY = "busy"
    TASK_SET_FULL = "task set full"
    CHECK_CONDITION = "check condition"  # with the fault's sense, before any data moves
    CHECK_AFTER_DATA = "check after data"  # with the fault's sense, when the write data has come; nothing is stored
    SILENCE = "silence"  # the command is not answered at all
    SILENCE_AFTER_DATA = "silence after data"  # data is taken and stored, the answer never comes


@dataclass(slots=True)
class Fault:
    """Happens to the next `count` commands for which `when` holds (all by default)."""

    kind: FaultKind
    count: int = 1
    sense: Sense = sense.WRITE_ERROR
    when: Callable[[Cdb], bool] | None = None


class WriteRecord(NamedTuple):
    """A write answered GOOD; the log is in the order of the answers. `time` in words."""

    time: int
    lun: int
    lba: int
    blocks: int
    initiator: int


@dataclass(frozen=True, slots=True)
class TransferPolicy:
    """How write data is asked for and how slow the disk is. Bytes and words."""

    burst: int = 65536  # most bytes in one FCP_XFER_RDY
    ready_delay: int = 0  # before each FCP_XFER_RDY
    read_latency: int = 0  # before the first read data
    write_latency: int = 0  # after the last write data, before FCP_RSP


class TargetTask(Exchange):
    """One command at the disk."""

    __slots__ = ("cdb", "cmnd", "disk", "ended", "fault", "lun", "receiver", "session", "timer", "total")

    def __init__(self, disk: BackupDisk, session: Session, header: Header, cmnd: Cmnd, lun: int) -> None:
        super().__init__(disk, header.s_id, header.ox_id, disk.take_rx_id())
        self.disk = disk
        self.session = session
        self.cmnd = cmnd
        self.cdb = parse(cmnd.cdb)
        self.lun = lun
        self.fault: Fault | None = None
        self.receiver: DataReceiver | None = None
        self.total = 0
        self.timer: Handle | None = None
        self.ended = False

    def frame(self, header: Header, frame: Frame) -> None:
        disk = self.disk
        if header.r_ctl == RCtl.ABTS:
            disk.counts["abts_received"] += 1
            disk.accept_abort(header, self.rx_id)
            self.end()
            return
        if header.rx_id != self.rx_id:
            disk.violate("RX_ID", f"RX_ID {header.rx_id:04X}h, expected {self.rx_id:04X}h", header)
            return
        receiver = self.receiver
        if header.r_ctl != RCtl.SOLICITED_DATA:
            disk.violate("R_CTL", f"R_CTL {header.r_ctl:02X}h in a write, expected 01h", header)
            return
        if receiver is None:
            disk.violate("OFFSET", "data that no FCP_XFER_RDY has asked for", header)
            return
        broken = receiver.accept(header, frame)
        if broken is not None:
            disk.violate(broken[0], f"{self.cdb.name} at LBA {self.cdb.lba}: {broken[1]}", header)
            self.receiver = None  # class 3: nothing is said, the initiator will abort
        elif not receiver.open:
            if receiver.offset == receiver.end:
                disk.next_burst(self)
                return
            missing = receiver.end - receiver.offset
            disk.violate("LENGTH", f"the sequence of a burst ended {missing} bytes early", header)
            self.receiver = None

    def fail(self, error: Exception) -> None:
        self.end()

    def later(self, words: int, action: Callable[[], None]) -> None:
        """Do it after `words` words, unless the task ends before."""
        if words <= 0:
            action()
        else:
            executor = self.disk.executor
            self.timer = executor.call_at(executor.now() + words, action)

    def end(self) -> None:
        self.ended = True
        if self.timer is not None:
            self.timer.cancel()
        self.disk.end_answer(self)


class BackupDisk(NPort):
    """A disk with one or more units of 512-byte blocks. `image(lun)` is the bytes of a unit."""

    def __init__(
        self,
        executor: Executor,
        link: FrameLink,
        *,
        name: str,
        wwpn: int,
        wwnn: int | None = None,
        timers: Timers | None = None,
        blocks: int | list[int] = 65536,
        policy: TransferPolicy | None = None,
        full_at: int | None = None,
        allowed: set[int] | None = None,
        n_port_id: int = 0,
    ) -> None:
        """`blocks` is the size of LUN 0, or of each LUN. Writes that reach block `full_at` or beyond are refused as
        space exhausted. `allowed` holds the WWPNs that may log in; None is everybody."""
        super().__init__(
            executor, link, name=name, wwpn=wwpn, wwnn=wwnn, timers=timers, target=True, n_port_id=n_port_id
        )
        sizes = [blocks] if isinstance(blocks, int) else list(blocks)
        if not sizes or min(sizes) < 1:
            raise ValueError(f"blocks = {blocks}: must be 1 at least for each unit")
        self.policy = policy or TransferPolicy()
        if self.policy.burst < BLOCK or self.policy.burst % 4:
            raise ValueError(f"burst = {self.policy.burst}: must be a multiple of 4, {BLOCK} at least")
        self.full_at = full_at
        self.allowed = allowed
        self.writes: list[WriteRecord] = []
        self.faults: list[Fault] = []
        self._units = [bytearray(size * BLOCK) for size in sizes]

    def image(self, lun: int = 0) -> bytearray:
        """The bytes of a unit; changing them changes the disk."""
        return self._units[lun]

    def inject(self, fault: Fault) -> None:
        self.faults.append(fault)

    def refuse_login(self, s_id: int, parameters: els.LoginParameters) -> bytes | None:
        if self.allowed is None or parameters.wwpn in self.allowed:
            return None
        self.counts["plogi_refused"] += 1
        return els.reject(0x09, 0x00)

    # ---- commands ----

    def fcp_request(self, header: Header, frame: Frame, session: Session) -> None:
        if header.r_ctl != RCtl.UNSOLICITED_COMMAND:
            self.counts["unknown_exchange"] += 1
            return
        broken = check_single(header, frame, _CMND_F_CTL, (32, 32))
        if broken is None and header.rx_id != X_ID_UNASSIGNED:
            broken = "RX_ID", f"RX_ID {header.rx_id:04X}h in FCP_CMND, expected FFFFh"
        if broken is not None:
            self.violate(broken[0], f"FCP_CMND: {broken[1]}", header)
        try:
            cmnd = Cmnd.unpack(memoryview(frame.data)[HEADER_BYTES:])
        except (struct.error, ValueError):
            self.counts["bad_cmnd"] += 1
            return
        task = TargetTask(self, session, header, cmnd, vpd.parse_lun(cmnd.lun))
        self.answer_exchange(task)
        self.counts["commands"] += 1
        if cmnd.task_management:
            self._manage(task)
        else:
            self._execute(task)

    def _manage(self, task: TargetTask) -> None:
        """End the tasks a task management function names, then say so."""
        flags = task.cmnd.task_management
        if not 0 <= task.lun < len(self._units) and not flags & FcpTaskManagement.TARGET_RESET:
            self._respond(task, Rsp(ScsiStatus.GOOD, code=FcpRspCode.BAD_LUN))
            return
        for other in list(self._responding.values()):
            if other is task or not isinstance(other, TargetTask):
                continue
            everywhere = flags & FcpTaskManagement.TARGET_RESET
            here = other.lun == task.lun
            everyone = flags & (FcpTaskManagement.LUN_RESET | FcpTaskManagement.CLEAR_TASK_SET)
            own = flags & FcpTaskManagement.ABORT_TASK_SET and other.peer == task.peer
            if everywhere or (here and (everyone or own)):
                other.end()
        self._respond(task, Rsp(ScsiStatus.GOOD, code=FcpRspCode.COMPLETE))

    def _execute(self, task: TargetTask) -> None:
        cdb = task.cdb
        fault = task.fault = self._fault(cdb)
        if fault is not None and fault.kind in (FaultKind.BUSY, FaultKind.TASK_SET_FULL):
            status = ScsiStatus.BUSY if fault.kind is FaultKind.BUSY else ScsiStatus.TASK_SET_FULL
            self._respond(task, Rsp(status, task.cmnd.length))
        elif fault is not None and fault.kind is FaultKind.CHECK_CONDITION:
            self._check(task, fault.sense)
        elif fault is not None and fault.kind is FaultKind.SILENCE:
            self.counts["silent"] += 1
        elif not 0 <= task.lun < len(self._units):
            self._absent(task)
        elif cdb.opcode in WRITES:
            self._write(task)
        elif cdb.opcode == OpCode.VERIFY_10:
            self._verify(task)
        elif cdb.opcode in READS:
            self._read(task)
        else:
            self._inform(task)

    def _fault(self, cdb: Cdb) -> Fault | None:
        for fault in self.faults:
            if fault.when is None or fault.when(cdb):
                fault.count -= 1
                if fault.count <= 0:
                    self.faults.remove(fault)
                self.counts[f"fault {fault.kind.value}"] += 1
                return fault
        return None

    def _in_range(self, task: TargetTask) -> bool:
        return task.cdb.lba + task.cdb.blocks <= len(self._units[task.lun]) // BLOCK

    def _verify(self, task: TargetTask) -> None:
        """VERIFY(10): BYTCHK 0 says whether the blocks are there, BYTCHK 1 compares them with data as of a write."""
        if task.cdb.bytchk == 1:
            self._take(task)
        elif not self._in_range(task):
            self._check(task, sense.LBA_OUT_OF_RANGE)
        elif task.cdb.bytchk or task.cmnd.length:
            self._check(task, sense.INVALID_FIELD)
        else:
            self._respond(task, Rsp(ScsiStatus.GOOD))

    def _write(self, task: TargetTask) -> None:
        if self.full_at is not None and self._in_range(task) and task.cdb.lba + task.cdb.blocks > self.full_at:
            self._check(task, sense.SPACE_EXHAUSTED)
        else:
            self._take(task)

    def _take(self, task: TargetTask) -> None:
        """Data of the host for the blocks of the command."""
        cdb, length = task.cdb, task.cmnd.length
        if not self._in_range(task):
            self._check(task, sense.LBA_OUT_OF_RANGE)
        elif not task.cmnd.write or length != cdb.blocks * BLOCK:
            self._check(task, sense.INVALID_FIELD)
        elif length == 0:
            self._respond(task, Rsp(ScsiStatus.GOOD))
        else:
            task.total = length
            task.receiver = DataReceiver(bytearray(length), from_responder=False)
            self._ask(task, 0)

    def _ask(self, task: TargetTask, offset: int) -> None:
        """FCP_XFER_RDY for the burst that begins at `offset`."""
        length = min(self.policy.burst, task.total - offset)

        def ready() -> None:
            assert task.receiver is not None
            task.receiver.begin_burst(offset, length)
            self.send(
                RCtl.DATA_DESCRIPTOR,
                task.peer,
                FcType.FCP,
                FCtlUsual.XFER_RDY,
                task.ox_id,
                task.rx_id,
                xfer_rdy(offset, length),
            )

        task.later(self.policy.ready_delay, ready)

    def next_burst(self, task: TargetTask) -> None:
        """A burst is complete: ask for the next, or store and answer."""
        receiver = task.receiver
        assert receiver is not None
        if receiver.offset < task.total:
            self._ask(task, receiver.offset)
        elif task.fault is not None and task.fault.kind is FaultKind.CHECK_AFTER_DATA:
            self._check(task, task.fault.sense)
        else:
            task.later(self.policy.write_latency, lambda: self._store(task, receiver.buffer))

    def _store(self, task: TargetTask, data: bytearray) -> None:
        cdb = task.cdb
        blocks = memoryview(self._units[task.lun])[cdb.lba * BLOCK : (cdb.lba + cdb.blocks) * BLOCK]
        if cdb.opcode == OpCode.VERIFY_10:
            same = blocks == data
            if same:
                self._respond(task, Rsp(ScsiStatus.GOOD))
            else:
                self._check(task, sense.MISCOMPARE)
            return
        blocks[:] = data
        if task.fault is not None and task.fault.kind is FaultKind.SILENCE_AFTER_DATA:
            self.counts["silent"] += 1
            return
        self.writes.append(WriteRecord(self.executor.now(), task.lun, cdb.lba, cdb.blocks, task.peer))
        self._respond(task, Rsp(ScsiStatus.GOOD))

    def _read(self, task: TargetTask) -> None:
        cdb = task.cdb
        if not self._in_range(task):
            self._check(task, sense.LBA_OUT_OF_RANGE)
        elif not task.cmnd.read or task.cmnd.length != cdb.blocks * BLOCK:
            self._check(task, sense.INVALID_FIELD)
        else:
            data = bytes(self._units[task.lun][cdb.lba * BLOCK : (cdb.lba + cdb.blocks) * BLOCK])
            task.later(self.policy.read_latency, lambda: self._send(task, data))

    def _send(self, task: TargetTask, data: bytes) -> None:
        """Read data as one sequence, then GOOD with the residual of a short answer."""
        data = data[: task.cmnd.length]
        if data:
            self.send_data(
                task.peer,
                task.ox_id,
                task.rx_id,
                memoryview(data),
                0,
                responder=True,
                size=task.session.receive_size,
            )
        self._respond(task, Rsp(ScsiStatus.GOOD, task.cmnd.length - len(data)))

    def _absent(self, task: TargetTask) -> None:
        """A LUN that is not there: INQUIRY and REPORT LUNS answer all the same."""
        cdb = task.cdb
        if cdb.opcode == OpCode.REPORT_LUNS:
            self._inform(task)
        elif cdb.opcode == OpCode.INQUIRY and not cdb.evpd:
            self._send(task, self._inquiry(vpd.NO_DEVICE)[: cdb.length])
        else:
            self._check(task, sense.LUN_NOT_SUPPORTED)

    def _inquiry(self, device_type: int) -> bytes:
        return vpd.Inquiry(device_type, "PORTPLEX", "BACKUP DISK", "0001").pack()

    def _inform(self, task: TargetTask) -> None:
        """Commands that move no blocks."""
        cdb = task.cdb
        if cdb.opcode == OpCode.REPORT_LUNS:
            self._send(task, vpd.report_luns(list(range(len(self._units))))[: cdb.length])
            return
        blocks = len(self._units[task.lun]) // BLOCK
        if cdb.opcode in (OpCode.TEST_UNIT_READY, OpCode.SYNCHRONIZE_CACHE_10, OpCode.SYNCHRONIZE_CACHE_16):
            self._respond(task, Rsp(ScsiStatus.GOOD))
        elif cdb.opcode == OpCode.INQUIRY:
            body = self._vpd_body(cdb.page, task.lun) if cdb.evpd else None
            if cdb.evpd and body is None:
                self._check(task, sense.INVALID_FIELD)
            else:
                data = self._inquiry(vpd.DISK) if body is None else vpd.vpd_page(cdb.page, body)
                self._send(task, data[: cdb.length])
        elif cdb.opcode == OpCode.READ_CAPACITY_10:
            self._send(task, vpd.read_capacity_10(blocks))
        elif cdb.opcode == OpCode.SERVICE_ACTION_IN_16 and cdb.service_action == READ_CAPACITY_16_ACTION:
            self._send(task, vpd.read_capacity_16(blocks)[: cdb.length])
        elif cdb.opcode == OpCode.REQUEST_SENSE:
            self._send(task, sense.NO_SENSE.pack()[: cdb.length])
        elif cdb.opcode == OpCode.MODE_SENSE_6:
            self._send(task, bytes((3, 0, 0, 0))[: cdb.length])
        elif cdb.opcode == OpCode.MODE_SENSE_10:
            self._send(task, bytes((0, 6, 0, 0, 0, 0, 0, 0))[: cdb.length])
        else:
            self._check(task, sense.INVALID_OPCODE)

    def _vpd_body(self, page: int, lun: int) -> bytes | None:
        bodies = {
            vpd.UNIT_SERIAL_NUMBER: f"{self.wwnn:016X}{lun:04X}".encode("ascii"),
            vpd.DEVICE_IDENTIFICATION: vpd.device_identification(self.wwnn & ~0xFFFF | lun),
            vpd.BLOCK_LIMITS: vpd.block_limits(65535, 128),
        }
        if page == vpd.SUPPORTED_PAGES:
            return bytes((vpd.SUPPORTED_PAGES, *sorted(bodies)))
        return bodies.get(page)

    def _check(self, task: TargetTask, reason: Sense) -> None:
        self._respond(task, Rsp(ScsiStatus.CHECK_CONDITION, task.cmnd.length, reason.pack()))

    def _respond(self, task: TargetTask, response: Rsp) -> None:
        """FCP_RSP; the task is over."""
        if task.ended:
            return
        task.end()
        self.counts[f"status {response.status:02X}h"] += 1
        self.send(
            RCtl.COMMAND_STATUS, task.peer, FcType.FCP, FCtlUsual.RESPONSE, task.ox_id, task.rx_id, response.pack()
        )
