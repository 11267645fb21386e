# SPDX-License-Identifier: Apache-2.0
"""Port, cache manager and back port around `array_host_bench`: checks every transfer instruction as it is taken."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer
from copy_engine import INPUTS as COPY_INPUTS
from copy_engine import CopyEngine

from portplex.bfm.pins import Pins
from portplex.model.scsi_target import BLOCK, MISCOMPARE, Action, Answer, ScsiTarget, VolumeState, sense_word

SEND, RECEIVE, RESPOND, RELEASE_TASK, ABORT_TASK = range(5)
ACQUIRE_READ, ACQUIRE_WRITE, RELEASE, RELEASE_DIRTY, RELEASE_DISCARD, SYNCHRONIZE, ACQUIRE_EXCLUSIVE = range(7)
COMMAND, ABORT, TASK_MANAGEMENT = range(3)
SEGMENTS = 512
PAGE_LINES = 128  # of a task
PERIOD = 4  # ns
WWNN = 0x5005076801234567
VOLUMES = (
    VolumeState(70000),
    VolumeState(1000, write_protected=True),
    VolumeState(4096, present=False),
    VolumeState(64),
)


INPUTS = (
    "hr_valid", "hr_op", "hr_task", "hr_port_id", "hr_login", "hr_lun", "hr_cdb", "hr_length", "hr_read", "hr_write",
    "hr_attribute", "hr_task_management", "ti_ready", "done_valid", "done_op", "done_task", "done_slot", "done_status",
    "done_scsi_status", "done_sense", "chunk_ready", "chunk_rsp_valid", "chunk_rsp_op", "chunk_rsp_slot",
    "chunk_rsp_error", "login_event_valid", "login_event_index", "login_event_initiator", "login_event_hidden",
)  # fmt: skip


class Image(bytearray):
    """Contents of a volume. What was written can be undone: that takes less time than to make it anew for each test."""

    _PATTERN = random.Random(1).randbytes(65536 + 512)

    def __init__(self, blocks: int) -> None:
        super().__init__((self._PATTERN * (blocks * BLOCK // len(self._PATTERN) + 1))[: blocks * BLOCK])
        self._first = bytes(self)
        self._written: list[Any] = []

    def __setitem__(self, where: Any, what: Any) -> None:
        self._written.append(where)
        super().__setitem__(where, what)

    def restore(self) -> None:
        for where in self._written:
            super().__setitem__(where, self._first[where])
        self._written.clear()


IMAGES, SHADOW = ([Image(volume.blocks) for volume in VOLUMES] for _ in range(2))


def lun_bytes(lun: int) -> bytes:
    return bytes([0, lun]) + bytes(6)


@dataclass(eq=False)
class Command:
    """A host request and what came of it."""

    cdb: bytes = b""
    length: int = 0  # FCP_DL
    read: bool = False
    write: bool = False
    lun: bytes = bytes(8)
    login: int = 1
    payload: bytes = b""
    management: int = 0  # task management flags; not 0: this is such a request
    # faults, by the number of the chunk
    stage_error: int | None = None
    release_error: int | None = None
    transfer_status: dict[int, int] = field(default_factory=dict)
    rot: int | None = None  # what this chunk has written is changed on the medium
    fault_sense: int = 0  # sense expected when a fault was planted
    # what happened
    task: int = -1
    accepted: bool = False
    answer: Answer | None = None
    received: bytearray = field(default_factory=bytearray)
    moved: int = 0
    transfers: int = 0
    chunks: int = 0  # released, or synchronized
    before: list[Command] = field(default_factory=list)  # task management: commands that were there before
    cancelled: bool = False  # the array has ended it
    transfer: int | None = None  # done_op under way
    aborted: bool = False  # the port has decided to abort
    lost: bool = False  # a transfer ended with status 1: only the RELEASE may follow
    abort_accepted: bool = False
    responded: bool = False
    response: tuple[int, int, int | None, int] | None = None  # status, sense, rsp code, residual
    information: int = 0
    segment: int = 0
    finished: int | None = None  # cycle
    respond_cycle: int = 0

    @property
    def port_id(self) -> int:
        return 0x010100 + self.login

    def by(self, login: int) -> Command:
        """The same command, of another login."""
        self.login = login
        return self


@dataclass
class Chunk:
    """A pinned chunk of a slot."""

    volume: int
    lba: int
    blocks: int
    write: bool
    data: bytes | None = None
    lines: dict[int, bytes] = field(
        default_factory=dict
    )  # written by the page service, by number from the first segment


class Rig:
    """One clock at a time: `step` looks at the outputs in the middle of a clock and sets the inputs for its end."""

    page_inputs: tuple[str, ...] = (
        "sl_wr_ready", "bk_ready", "bk_rdata_valid", "sl_rd_line", "bk_rdata", "login_event_wwpn",
        "logout_event_valid", "logout_event_id", "logout_event_all", *COPY_INPUTS,
    )  # fmt: skip

    def __init__(
        self,
        dut: Any,
        *,
        tasks: int = 32,
        delay: int = 12,
        stall: float = 0.3,
        attentions: bool = False,
        logins: int = 8,
    ) -> None:
        self.clk = dut.clk
        self.dut = Pins(dut)
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.tasks = tasks
        self.delay = delay
        self.stall = stall
        self.target = ScsiTarget(VOLUMES, WWNN, SEGMENTS * 8)
        self.attentions = attentions  # or they are taken by hand in the beginning
        self.logins = logins
        for image in (*IMAGES, *SHADOW):
            image.restore()
        self.images = IMAGES
        self.shadow = SHADOW
        self.target.images = self.images
        self.cycle = 0
        self.open: dict[int, Command] = {}
        self.hr: deque[tuple[int, Command]] = deque()
        self.done: deque[tuple[int, int, int]] = deque()  # op, task, status
        self.chunk_rsp: deque[tuple[int, int, int]] = deque()
        self.later: list[tuple[int, Any, tuple[Any, ...]]] = []
        self.chunks: dict[int, Chunk] = {}
        self.chunk_busy: set[int] = set()
        self.pages: dict[int, bytes] = {}
        self.segment_list: dict[int, int] = {}
        self.worked_slot = 0  # whose segments the page service asked for
        self.segment_asked: int | None = None
        self.reads: list[tuple[int, bytes]] = []  # cycle in which the data are due
        self.log: list[tuple[int, int, int]] = []  # op, task, length of every transfer instruction
        self.stats = {"read": 0, "write": 0}
        self.copier = CopyEngine(self)
        self.hold_ti = False
        self.hold_done = False
        self.hold_chunk = False
        self.hold_chunk_rsp = False

    def configure(self) -> None:
        """Inputs of the page service that stay."""
        self.dut.cfg_wwnn.value = WWNN

    def login_name(self, wwpn: int) -> None:
        self.dut.login_event_wwpn.value = wwpn

    async def start(self) -> None:
        dut = self.dut
        for name in (*INPUTS, *self.page_inputs):
            getattr(dut, name).value = 0
        self.configure()
        self.show_volumes()
        dut.rst.value = 1
        Clock(self.clk, PERIOD, unit="ns").start()
        for _ in range(3):
            await FallingEdge(self.clk)
        dut.rst.value = 0
        await Timer(256 * PERIOD - 1, unit="ns")  # the rows are cleared, a login event would be lost
        await FallingEdge(self.clk)
        if not self.attentions:
            for login in range(self.logins):
                await self.login(login)
            await self.take_attentions()

    async def take_attentions(self) -> None:
        """REQUEST SENSE of every login and volume until no unit attention waits."""
        sense = bytes([3, 0, 0, 0, 20, 0])
        while True:
            waiting = [
                Command(sense, 20, True, lun=lun_bytes(volume), login=login)
                for login in range(self.logins)
                for volume in (0, 1, 3)
                if self.target.find(lun_bytes(volume), login) is not None
                and self.target.attentions[self.target.initiator(login), volume]
            ]
            if not waiting:
                break
            await self.run(*waiting)
        self.log.clear()

    # ---- commands ----

    def submit(self, command: Command, task: int | None = None) -> Command:
        """Queue a host request on a free task."""
        free = [t for t in range(self.tasks) if t not in self.open]
        command.task = self.rng.choice(free) if task is None else task
        assert command.task not in self.open
        self.open[command.task] = command
        self.hr.append((TASK_MANAGEMENT if command.management else COMMAND, command))
        return command

    def abort(self, command: Command) -> None:
        """The port aborts: the request is queued, a transfer under way ends with status 1."""
        assert command.finished is None and not command.aborted
        command.aborted = True
        self.hr.append((ABORT, command))

    async def login(self, index: int, initiator: int | None = None, wwpn: int | None = None, hidden: int = 0) -> None:
        """A login event; without more, each login is an initiator of its own."""
        initiator = (5 * index + 3) % 32 if initiator is None else initiator
        wwpn = 0x1000000000000000 + initiator if wwpn is None else wwpn
        self.target.login(index, initiator, wwpn, hidden)
        self.dut.login_event_valid.value = 1
        self.dut.login_event_index.value = index
        self.dut.login_event_initiator.value = initiator
        self.dut.login_event_hidden.value = hidden
        self.login_name(wwpn)
        await self.step()

    async def logout(self, index: int | None) -> None:
        """A logout event, of one login or of all."""
        self.target.logout(index)
        self.dut.logout_event_valid.value = 1
        self.dut.logout_event_all.value = int(index is None)
        self.dut.logout_event_id.value = 0 if index is None else Command(login=index).port_id
        await self.step()
        self.dut.logout_event_valid.value = 0

    def show_volumes(self) -> None:
        """Configuration of the volumes, as the model has it."""
        volumes = self.target.volumes
        self.dut.cfg_volume_blocks.value = sum(v.blocks << 32 * i for i, v in enumerate(volumes))
        flags = ((v.present | v.write_protected << 1) << 2 * i for i, v in enumerate(volumes))
        self.dut.cfg_volume_flags.value = sum(flags)

    async def change_volume(self, number: int, state: VolumeState) -> None:
        """The console changes a volume."""
        self.target.configure(number, state)
        self.show_volumes()
        await self.step()

    async def run(self, *commands: Command, limit: int = 200_000) -> None:
        """Submit commands on free tasks as they come free, until all have ended and been checked."""
        waiting = deque(commands)
        end = self.cycle + limit
        while waiting or self.open:
            while waiting and len(self.open) < self.tasks:
                self.submit(waiting.popleft())
            assert self.cycle < end, f"no end after {limit} clocks: {self.open}"
            await self.step()

    async def settle(self) -> None:
        """Nothing is left, and nothing comes any more."""
        before = len(self.log)
        for _ in range(60):
            await self.step()
        assert len(self.log) == before, "transfer instructions after the end"
        assert not self.open and not self.chunks and not self.chunk_busy and not self.done and not self.hr
        assert int(self.dut.status_open.value) == 0, "tasks that are not idle"
        assert self.images == self.shadow, "a volume changed that should not"
        read, write = self.stats["read"], self.stats["write"]
        assert (read, write) == (self.stats.get("read_expected", 0), self.stats.get("write_expected", 0))

    # ---- one clock ----

    def after(self, action: Any, *args: Any) -> None:
        self.later.append((self.cycle + self.rng.randint(1, self.delay), action, args))

    async def step(self) -> None:
        dut = self.dut
        await FallingEdge(self.clk)
        self.cycle += 1
        dut.login_event_valid.value = 0
        if self.later:
            due = [e for e in self.later if e[0] <= self.cycle]
            if due:
                self.later = [e for e in self.later if e[0] > self.cycle]
                for _, action, args in due:
                    action(*args)

        def go() -> int:
            return int(self.rng.random() >= self.stall)

        ready = go() and not self.hold_ti
        dut.ti_ready.value = int(ready)
        if ready and int(dut.ti_valid.value):
            self.instruction()
        ready = int(go() and not self.hold_chunk)
        dut.chunk_ready.value = ready
        if ready and int(dut.chunk_valid.value):
            self.chunk_request()
        self.page_side(go)
        if int(dut.stat_read.value):
            self.stats["read"] += int(dut.stat_bytes.value)
        if int(dut.stat_write.value):
            self.stats["write"] += int(dut.stat_bytes.value)
        self.drive_host()
        self.drive_queue("done", self.done, ("done_op", "done_task", "done_status"), hold=self.hold_done)
        fields = ("chunk_rsp_op", "chunk_rsp_slot", "chunk_rsp_error")
        self.drive_queue("chunk_rsp", self.chunk_rsp, fields, hold=self.hold_chunk_rsp)

    def page_side(self, go: Callable[[], int]) -> None:
        """Segment list and back port of the page service, backup engine of the copy manager, one clock."""
        dut = self.dut
        self.copier.step()
        ready = go()
        dut.sl_wr_ready.value = ready
        if ready and int(dut.sl_wr_valid.value):
            slot = int(dut.sl_wr_slot.value)
            assert int(dut.sl_wr_index.value) == 0 and slot not in self.chunks
            self.segment_list[slot] = int(dut.sl_wr_line.value)
        ready = go()
        dut.bk_ready.value = ready
        if ready and int(dut.bk_valid.value):
            line = int(dut.bk_line.value)
            if int(dut.bk_write.value):
                self.write_line(line, int(dut.bk_wdata.value).to_bytes(16, "big"))
            else:
                self.reads.append((self.cycle + 2, self.read_line(line)))
        due = bool(self.reads) and self.reads[0][0] == self.cycle
        dut.bk_rdata_valid.value = int(due)
        if due:
            dut.bk_rdata.value = int.from_bytes(self.reads.pop(0)[1], "big")
        if self.segment_asked is not None:
            dut.sl_rd_line.value = 256 * self.segment_asked
        self.worked_slot, self.segment_asked = int(dut.sl_rd_slot.value), int(dut.sl_rd_index.value)

    # ---- lines of the cache: pages after the segments; segment i of the chunk that is worked on begins at 256 * i ----

    def write_line(self, line: int, data: bytes) -> None:
        if line >= SEGMENTS * 256:
            assert line < SEGMENTS * 256 + PAGE_LINES * self.tasks, f"line {line:05x} is in no page"
            self.pages[line] = data
        else:
            chunk = self.chunks[self.worked_slot]
            first = chunk.lba % 8 * 32
            assert chunk.write and first <= line < first + 32 * chunk.blocks, f"line {line:05x} is not in the chunk"
            chunk.lines[line] = data

    def read_line(self, line: int) -> bytes:
        if line >= SEGMENTS * 256:
            return self.pages[line]
        chunk = self.chunks[self.worked_slot]
        at = chunk.lba // 8 * 8 * BLOCK + 16 * line
        assert chunk.lba * BLOCK <= at < (chunk.lba + chunk.blocks) * BLOCK, f"line {line:05x} is not in the chunk"
        return chunk.lines.get(line, bytes(self.images[chunk.volume][at : at + 16]))

    def drive_queue(self, name: str, queue: deque[Any], fields: tuple[str, ...], hold: bool = False) -> None:
        """Offer the head; leave it off the queue in the clock in which it is taken."""
        dut = self.dut
        valid = getattr(dut, f"{name}_valid")
        flag = f"_{name}_offered"
        if getattr(self, flag, False):
            if int(getattr(dut, f"{name}_ready").value):
                entry = queue.popleft()
                setattr(self, flag, False)
                self.taken(name, entry)
            return
        if queue and not hold:
            for signal, value in zip(fields, queue[0], strict=True):
                getattr(dut, signal).value = value
            if name == "done":
                dut.done_slot.value = queue[0][1]
            valid.value = 1
            setattr(self, flag, True)
        else:
            valid.value = 0

    def taken(self, name: str, entry: tuple[int, int, int]) -> None:
        if name == "done":
            command = self.open[entry[1]]
            command.transfer = None
            command.lost = entry[2] == 1
            if command.lost and not command.aborted:  # late, so that anything wrong shows in between
                self.later.append((self.cycle + 10 * self.delay, self.abort, (command,)))
        else:
            self.chunk_busy.discard(entry[1])

    def drive_host(self) -> None:
        dut = self.dut
        if getattr(self, "_hr_offered", False):
            if int(dut.hr_ready.value):
                op, command = self.hr.popleft()
                self._hr_offered = False
                if op == ABORT:
                    command.abort_accepted = True
                    if command.transfer is not None and self.rng.random() < 0.5:
                        self.after(self.complete, command, 1)
                elif op == COMMAND:
                    command.accepted = True
                    args = (command.cdb, command.lun, command.login, command.length, command.read, command.write)
                    command.answer = self.target.execute(*args, command.payload)
                    if command.answer.aborts:
                        self.note_before(command)
                else:
                    command.accepted = True
                    code = self.target.task_management(command.management, command.lun, command.login)
                    command.answer = Answer(rsp_code=code)
                    self.note_before(command)
            return
        if self.hr:
            op, command = self.hr[0]
            dut.hr_op.value = op
            dut.hr_task.value = command.task
            dut.hr_port_id.value = command.port_id
            dut.hr_login.value = command.login
            dut.hr_lun.value = int.from_bytes(command.lun, "big")
            dut.hr_cdb.value = int.from_bytes(command.cdb.ljust(16, b"\0"), "big")
            dut.hr_length.value = command.length
            dut.hr_read.value = int(command.read)
            dut.hr_write.value = int(command.write)
            dut.hr_task_management.value = command.management
            dut.hr_valid.value = 1
            self._hr_offered = True
        else:
            dut.hr_valid.value = 0

    def note_before(self, command: Command) -> None:
        """A function answers for the commands that came before it."""
        command.before = [c for c in self.open.values() if c is not command and c.accepted]

    # ---- port ----

    def instruction(self) -> None:
        dut = self.dut
        op, task, length = int(dut.ti_op.value), int(dut.ti_task.value), int(dut.ti_length.value)
        self.log.append((op, task, length))
        assert task in self.open, f"op {op} for task {task}, which is free"
        command = self.open[task]
        assert command.accepted and int(dut.ti_port_id.value) == command.port_id
        assert int(dut.ti_lun.value) == 0
        if op == ABORT_TASK:
            assert not command.responded and not command.cancelled
            command.cancelled = True
            if not command.aborted:
                self.abort(command)
                if command.transfer is not None:
                    self.after(self.complete, command, 1)
            return
        assert command.transfer is None, "a second operation of a task"
        assert not command.lost or op == RELEASE_TASK
        if op in (SEND, RECEIVE):
            assert not command.responded
            assert int(dut.ti_slot.value) == task and 1 <= length <= 65536
            assert int(dut.ti_relative_offset.value) == command.moved, "relative offsets are contiguous"
            command.transfer = op
            chunk = self.chunks.get(task)
            offset = int(dut.ti_offset.value)
            status = 1 if command.aborted else command.transfer_status.get(command.transfers, 0)
            if op == RECEIVE:
                if chunk is not None:
                    assert chunk.write and length == chunk.blocks * BLOCK and offset == chunk.lba % 8 * BLOCK
                else:
                    assert offset == 0 and self.segment_list[task] == SEGMENTS * 256 + PAGE_LINES * task
            elif chunk is not None:
                assert -(-length // BLOCK) == chunk.blocks and offset == chunk.lba % 8 * BLOCK
                at = chunk.lba * BLOCK
                data = self.images[chunk.volume][at : at + length]
            else:
                line = self.segment_list[task]
                assert offset == 0 and line == SEGMENTS * 256 + PAGE_LINES * task
                data = b"".join(self.pages[line + i] for i in range(-(-length // 16)))[:length]
            if status == 0 and op == SEND:
                command.received += data
            if length % 4:
                assert op == SEND and command.answer and command.moved + length == command.answer.moved, (
                    "odd length before the end"
                )
            command.transfers += 1
            if not (command.aborted and self.rng.random() < 0.5):
                self.after(self.complete, command, status, length)
            else:
                self.later.append((self.cycle + 3 * self.delay, self.complete, (command, 1, length)))
        elif op == RESPOND:
            assert not command.responded
            command.responded = True
            command.respond_cycle = self.cycle
            residual = int(dut.ti_residual.value)
            under, over = int(dut.ti_residual_under.value), int(dut.ti_residual_over.value)
            assert not (under and over) and (residual != 0) == bool(under or over)
            command.information = int(dut.ti_lba.value)
            command.segment = int(dut.ti_relative_offset.value)
            code = int(dut.ti_rsp_code.value) if int(dut.ti_rsp_code_valid.value) else None
            command.response = (
                int(dut.ti_status.value),
                int(dut.ti_sense.value),
                code,
                residual if over else -residual,
            )
            assert task not in self.chunks and task not in self.chunk_busy, "a response before the chunk was released"
            if not command.aborted:
                self.check(command)
                self.after(self.free, command)
        else:
            assert op == RELEASE_TASK
            assert command.abort_accepted, "RELEASE without ABORT"
            assert task not in self.chunks and task not in self.chunk_busy, "RELEASE before the chunk was released"
            self.sync(command)
            command.finished = self.cycle
            del self.open[task]

    def complete(self, command: Command, status: int, length: int = 0) -> None:
        """The transfer under way ends; an abort turns it into status 1."""
        if command.transfer is None or self.open.get(command.task) is not command:
            return
        if any(entry[1] == command.task for entry in self.done):
            return
        if command.aborted and self.rng.random() < 0.7:
            status = 1
        if status == 0:
            if command.transfer == RECEIVE:
                data = command.payload[command.moved : command.moved + length]
                if command.task in self.chunks:
                    self.chunks[command.task].data = data
                else:
                    line = self.segment_list[command.task]
                    for at in range(0, len(data), 16):
                        self.pages[line + at // 16] = data[at : at + 16].ljust(16, b"\0")
            command.moved += length
            if command.answer and (command.answer.action is Action.READ or command.answer.action.takes):
                key = "read_expected" if command.transfer == SEND else "write_expected"
                self.stats[key] = self.stats.get(key, 0) + length
        self.done.append((command.transfer, command.task, status))

    def free(self, command: Command) -> None:
        """FCP_RSP is on the wire: the context is free, unless an abort came in the meantime."""
        if command.aborted:
            return
        command.finished = self.cycle
        del self.open[command.task]

    def check(self, command: Command) -> None:
        """The response against the model."""
        answer = command.answer
        assert answer is not None and command.response is not None
        status, sense, code, residual = command.response
        what = (
            f"{command.cdb.hex()} lun {command.lun.hex()} FCP_DL {command.length} r{command.read:d} w{command.write:d}"
        )
        if command.fault_sense:
            assert (status, sense, code) == (2, command.fault_sense, None), what
            assert residual == -(command.length - command.moved), what
            self.sync(command)
            return
        # comparing block by block ends with the first that differs
        residual = command.moved - command.length if answer.sense == MISCOMPARE else answer.residual
        expected = (answer.status, sense_word(answer.sense), answer.rsp_code, residual)
        assert command.segment == answer.segment, f"{what}: segment {command.segment}"
        if answer.information is not None:
            assert command.information == answer.information, what
            expected = (expected[0], expected[1] | 1 << 23, *expected[2:])
        assert command.response == expected, f"{what}: {command.response}, expected {expected}"
        if answer.sense == MISCOMPARE:
            assert command.moved, what
        elif not answer.sense[0] and answer.rsp_code is None:
            assert command.chunks == len(self.expected_chunks(answer)), f"{what}: {command.chunks} chunk operations"
        for lba, data in answer.changes:
            self.shadow[answer.volume][lba * BLOCK : lba * BLOCK + len(data)] = data
        if answer.action is Action.READ:
            at = answer.lba * BLOCK
            assert command.received == self.images[answer.volume][at : at + answer.moved], what
        elif answer.action.takes:
            at = answer.lba * BLOCK
            self.shadow[answer.volume][at : at + answer.moved] = command.payload[: answer.moved]
        elif not answer.sense[0] and answer.rsp_code is None:
            assert bytes(command.received) == answer.data, (
                f"{what}: {command.received.hex()}, expected {answer.data.hex()}"
            )
        if command.management or answer.aborts:
            for other in command.before:
                ended = other.responded or other.finished is not None
                assert ended or not self.concerned(command, other), f"task management answered before task {other.task}"

    def concerned(self, function: Command, other: Command) -> bool:
        """Does the function (or PREEMPT AND ABORT) end this command."""
        if function.answer is None or function.answer.rsp_code or other.management:
            return False
        if not function.management:
            return self.target.initiator(other.login) in function.answer.aborts and other.lun == function.lun
        same_nexus = function.management != 2 or other.port_id == function.port_id
        return same_nexus and (function.management == 0x20 or other.lun == function.lun)

    def sync(self, command: Command) -> None:
        """A write that failed or was aborted may be there in part: the shadow follows, within its blocks."""
        answer = command.answer
        if answer is not None and answer.action.writes:
            for lba, blocks in answer.ranges:
                there = slice(lba * BLOCK, (lba + blocks) * BLOCK)
                self.shadow[answer.volume][there] = self.images[answer.volume][there]

    # ---- cache manager ----

    @staticmethod
    def expected_chunks(answer: Answer) -> list[tuple[int, int, int]]:
        """First block, blocks, operation: 64 KiB each, 4 blocks when a page full is compared. To the medium: what is
        written is synchronized, what is read is synchronized before; what is to be verified is read again."""
        action, chunks = answer.action, []
        writes, through = action.writes, answer.through
        write = ACQUIRE_EXCLUSIVE if action is Action.SWAP else ACQUIRE_WRITE
        size = 4 if action in (Action.COMPARE, Action.PROVE) else 128
        for lba, blocks in answer.ranges:
            for at in range(lba, lba + blocks, size):
                count = min(size, lba + blocks - at)
                operations = [write] if writes else []
                if action is Action.SYNC:
                    operations, count = [SYNCHRONIZE], size
                elif through:
                    operations.append(SYNCHRONIZE)
                if action in (Action.CONFIRM, Action.PROVE) or not (writes or action is Action.SYNC):
                    operations.append(ACQUIRE_READ)
                chunks += [(at, count, operation) for operation in operations]
        return chunks

    def chunk_request(self) -> None:
        dut = self.dut
        op, slot = int(dut.chunk_op.value), int(dut.chunk_slot.value)
        command = self.open[slot]
        answer = command.answer
        assert answer is not None
        assert slot not in self.chunk_busy, "a second chunk operation of a slot"
        self.chunk_busy.add(slot)
        error = 0
        number = command.chunks
        if op in (ACQUIRE_READ, ACQUIRE_WRITE, ACQUIRE_EXCLUSIVE, SYNCHRONIZE):
            assert slot not in self.chunks, "acquired twice"
            assert not command.lost
            chunk = Chunk(
                int(dut.chunk_volume.value), int(dut.chunk_lba.value), int(dut.chunk_blocks.value), op != ACQUIRE_READ
            )
            assert chunk.volume == answer.volume and answer.action is not Action.NONE
            expected = self.expected_chunks(answer)
            assert number < len(expected) and (chunk.lba, chunk.blocks, op) == expected[number]
            error = int(command.stage_error == number)
            if op == SYNCHRONIZE:
                command.chunks += not error
            elif not error:
                self.chunks[slot] = chunk
        else:
            chunk = self.chunks.pop(slot)
            assert command.transfer is None, "released under a transfer"
            if op == RELEASE_DIRTY:
                assert chunk.data is not None or len(chunk.lines) in (32, 32 * chunk.blocks), "dirty without data"
                error = int(command.release_error == number)
                image = self.images[chunk.volume]
                if chunk.data is not None:
                    image[chunk.lba * BLOCK : chunk.lba * BLOCK + len(chunk.data)] = chunk.data
                for line, data in chunk.lines.items():
                    at = chunk.lba // 8 * 8 * BLOCK + 16 * line
                    image[at : at + 16] = data
                if command.rot == number:
                    image[(chunk.lba + chunk.blocks) * BLOCK - 1] ^= 1
            elif chunk.write:
                assert op == RELEASE_DISCARD and chunk.data is None
            else:
                assert op == RELEASE
            command.chunks += 1
        self.after(self.chunk_rsp.append, (op, slot, error))
