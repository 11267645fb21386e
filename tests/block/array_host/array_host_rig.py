# SPDX-License-Identifier: Apache-2.0
"""Port, cache manager and back port around `array_host_bench`: checks every transfer instruction as it is taken."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from portplex.model.scsi_target import BLOCK, Action, Answer, ScsiTarget, VolumeState, sense_word

SEND, RECEIVE, RESPOND, RELEASE_TASK = range(4)
ACQUIRE_READ, ACQUIRE_WRITE, RELEASE, RELEASE_DIRTY, RELEASE_DISCARD = range(5)
COMMAND, ABORT, TASK_MANAGEMENT = range(3)
SEGMENTS = 512
WWNN = 0x5005076801234567
VOLUMES = (
    VolumeState(70000),
    VolumeState(1000, write_protected=True),
    VolumeState(4096, present=False),
    VolumeState(64),
)


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
    fault_sense: int = 0  # sense expected when a fault was planted
    # what happened
    task: int = -1
    accepted: bool = False
    answer: Answer | None = None
    received: bytearray = field(default_factory=bytearray)
    moved: int = 0
    transfers: int = 0
    chunks: int = 0  # released
    before: list[Command] = field(default_factory=list)  # task management: commands that were there before
    transfer: int | None = None  # done_op under way
    aborted: bool = False  # the port has decided to abort
    lost: bool = False  # a transfer ended with status 1: only the RELEASE may follow
    abort_accepted: bool = False
    responded: bool = False
    response: tuple[int, int, int | None, int] | None = None  # status, sense, rsp code, residual
    finished: int | None = None  # cycle
    respond_cycle: int = 0

    @property
    def port_id(self) -> int:
        return 0x010100 + self.login


@dataclass
class Chunk:
    """A pinned chunk of a slot."""

    volume: int
    lba: int
    blocks: int
    write: bool
    data: bytes | None = None


class Rig:
    """One clock at a time: `step` looks at the outputs in the middle of a clock and sets the inputs for its end."""

    def __init__(
        self, dut: Any, *, tasks: int = 32, delay: int = 12, stall: float = 0.3, attentions: bool = False
    ) -> None:
        self.dut = dut
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.tasks = tasks
        self.delay = delay
        self.stall = stall
        self.target = ScsiTarget(VOLUMES, WWNN)
        if not attentions:  # reported once to logins 0 to 7, by hand
            self.target.attentions.clear()
        self.attentions = attentions
        pattern = random.Random(1).randbytes(65536 + 512)
        self.images = [
            bytearray((pattern * (v.blocks * BLOCK // len(pattern) + 1))[: v.blocks * BLOCK]) for v in VOLUMES
        ]
        self.shadow = [bytearray(image) for image in self.images]
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
        self.log: list[tuple[int, int, int]] = []  # op, task, length of every transfer instruction
        self.stats = {"read": 0, "write": 0}
        self.hold_ti = False
        self.hold_done = False

    async def start(self) -> None:
        dut = self.dut
        for name in (
            "hr_valid",
            "ti_ready",
            "done_valid",
            "chunk_ready",
            "chunk_rsp_valid",
            "sl_wr_ready",
            "bk_ready",
            "login_event_valid",
        ):
            getattr(dut, name).value = 0
        for name in (
            "hr_op",
            "hr_task",
            "hr_port_id",
            "hr_login",
            "hr_lun",
            "hr_cdb",
            "hr_length",
            "hr_read",
            "hr_write",
            "hr_attribute",
        ):
            getattr(dut, name).value = 0
        for name in (
            "hr_task_management",
            "login_event_index",
            "done_op",
            "done_task",
            "done_slot",
            "done_status",
            "done_scsi_status",
        ):
            getattr(dut, name).value = 0
        for name in ("done_sense", "chunk_rsp_op", "chunk_rsp_slot", "chunk_rsp_error"):
            getattr(dut, name).value = 0
        dut.cfg_wwnn.value = WWNN
        dut.cfg_volume_blocks.value = sum(v.blocks << 32 * i for i, v in enumerate(VOLUMES))
        dut.cfg_volume_flags.value = sum((v.present | v.write_protected << 1) << 2 * i for i, v in enumerate(VOLUMES))
        dut.rst.value = 1
        Clock(dut.clk, 4, unit="ns").start()
        for _ in range(3):
            await FallingEdge(dut.clk)
        dut.rst.value = 0
        if not self.attentions:
            sense = bytes([3, 0, 0, 0, 20, 0])
            self.target.attentions = {(login, volume) for login in range(8) for volume in range(16)}
            for login in range(8):
                for volume in (0, 1, 3):
                    await self.run(Command(sense, 20, True, lun=lun_bytes(volume), login=login))
            assert not {(a, v) for a, v in self.target.attentions if v in (0, 1, 3)}
            self.target.attentions.clear()
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

    def login(self, index: int) -> None:
        self.target.login(index)
        self.dut.login_event_valid.value = 1
        self.dut.login_event_index.value = index

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
        await FallingEdge(dut.clk)
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
        ready = go()
        dut.chunk_ready.value = ready
        if ready and int(dut.chunk_valid.value):
            self.chunk_request()
        ready = go()
        dut.sl_wr_ready.value = ready
        if ready and int(dut.sl_wr_valid.value):
            slot = int(dut.sl_wr_slot.value)
            assert int(dut.sl_wr_index.value) == 0 and slot not in self.chunks
            self.segment_list[slot] = int(dut.sl_wr_line.value)
        ready = go()
        dut.bk_ready.value = ready
        if ready and int(dut.bk_valid.value):
            assert int(dut.bk_write.value) == 1
            line = int(dut.bk_line.value)
            assert SEGMENTS * 256 <= line < SEGMENTS * 256 + 16 * self.tasks, f"line {line:05x} is in no response page"
            self.pages[line] = int(dut.bk_wdata.value).to_bytes(16, "big")
        if int(dut.stat_read.value):
            self.stats["read"] += int(dut.stat_bytes.value)
        if int(dut.stat_write.value):
            self.stats["write"] += int(dut.stat_bytes.value)
        self.drive_host()
        self.drive_queue("done", self.done, ("done_op", "done_task", "done_status"), hold=self.hold_done)
        self.drive_queue("chunk_rsp", self.chunk_rsp, ("chunk_rsp_op", "chunk_rsp_slot", "chunk_rsp_error"))

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
                    command.answer = self.target.execute(*args)
                else:
                    command.accepted = True
                    command.answer = Answer(rsp_code=self.target.task_management(command.management, command.lun))
                    # a function answers for the commands that came before it
                    command.before = [
                        c for c in self.open.values() if c is not command and c.accepted and not c.aborted
                    ]
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

    # ---- port ----

    def instruction(self) -> None:
        dut = self.dut
        op, task, length = int(dut.ti_op.value), int(dut.ti_task.value), int(dut.ti_length.value)
        self.log.append((op, task, length))
        assert task in self.open, f"op {op} for task {task}, which is free"
        command = self.open[task]
        assert command.accepted and int(dut.ti_port_id.value) == command.port_id
        assert command.transfer is None, "a second operation of a task"
        assert not command.lost or op == RELEASE_TASK
        assert int(dut.ti_lun.value) == 0 and int(dut.ti_lba.value) == 0
        if op in (SEND, RECEIVE):
            assert not command.responded
            assert int(dut.ti_slot.value) == task and 1 <= length <= 65536
            assert int(dut.ti_relative_offset.value) == command.moved, "relative offsets are contiguous"
            command.transfer = op
            chunk = self.chunks.get(task)
            offset = int(dut.ti_offset.value)
            status = 1 if command.aborted else command.transfer_status.get(command.transfers, 0)
            if op == RECEIVE:
                assert chunk is not None and chunk.write
                assert length == chunk.blocks * BLOCK and offset == chunk.lba % 8 * BLOCK
            elif chunk is not None:
                assert -(-length // BLOCK) == chunk.blocks and offset == chunk.lba % 8 * BLOCK
                at = chunk.lba * BLOCK
                data = self.images[chunk.volume][at : at + length]
            else:
                line = self.segment_list[task]
                assert offset == 0 and line == SEGMENTS * 256 + 16 * task
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
                self.chunks[command.task].data = command.payload[command.moved : command.moved + length]
            command.moved += length
            if command.answer and command.answer.action in (Action.READ, Action.WRITE):
                key = "read_expected" if command.transfer == SEND else "write_expected"
                self.stats[key] = self.stats.get(key, 0) + length
        elif command.transfer == RECEIVE and command.task not in self.chunks:
            raise AssertionError("a transfer without a chunk")
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
        expected = (answer.status, sense_word(answer.sense), answer.rsp_code, answer.residual)
        assert command.response == expected, f"{what}: {command.response}, expected {expected}"
        if answer.action is Action.READ:
            at = answer.lba * BLOCK
            assert command.received == self.images[answer.volume][at : at + answer.moved], what
        elif answer.action is Action.WRITE:
            at = answer.lba * BLOCK
            self.shadow[answer.volume][at : at + answer.moved] = command.payload[: answer.moved]
        elif not answer.sense[0] and answer.rsp_code is None:
            assert bytes(command.received) == answer.data, (
                f"{what}: {command.received.hex()}, expected {answer.data.hex()}"
            )
        if command.management:
            for other in command.before:
                ended = other.responded or other.aborted
                assert ended or not self.concerned(command, other), f"task management answered before task {other.task}"

    @staticmethod
    def concerned(function: Command, other: Command) -> bool:
        if function.answer is None or function.answer.rsp_code or other.management:
            return False
        same_nexus = function.management != 2 or other.port_id == function.port_id
        return same_nexus and (function.management == 0x20 or other.lun == function.lun)

    def sync(self, command: Command) -> None:
        """A write that failed or was aborted may be there in part: the shadow follows, within its blocks."""
        answer = command.answer
        if answer is not None and answer.action is Action.WRITE:
            at = answer.lba * BLOCK
            self.shadow[answer.volume][at : at + answer.moved] = self.images[answer.volume][at : at + answer.moved]

    # ---- cache manager ----

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
        if op in (ACQUIRE_READ, ACQUIRE_WRITE):
            assert slot not in self.chunks, "acquired twice"
            assert not command.lost
            chunk = Chunk(
                int(dut.chunk_volume.value), int(dut.chunk_lba.value), int(dut.chunk_blocks.value), op == ACQUIRE_WRITE
            )
            assert chunk.volume == answer.volume and chunk.write == (answer.action is Action.WRITE)
            assert answer.action is not Action.NONE
            assert chunk.lba == answer.lba + 128 * number, "chunks end on 64 KiB boundaries of the transfer"
            assert chunk.blocks == min(128, answer.staged - 128 * number) >= 1
            error = int(command.stage_error == number)
            if not error:
                self.chunks[slot] = chunk
        else:
            chunk = self.chunks.pop(slot)
            assert command.transfer is None, "released under a transfer"
            if op == RELEASE_DIRTY:
                assert chunk.data is not None, "dirty without data"
                error = int(command.release_error == number)
                self.images[chunk.volume][chunk.lba * BLOCK : chunk.lba * BLOCK + len(chunk.data)] = chunk.data
            elif chunk.write:
                assert op == RELEASE_DISCARD and chunk.data is None
            else:
                assert op == RELEASE
            command.chunks += 1
        self.after(self.chunk_rsp.append, (op, slot, error))
