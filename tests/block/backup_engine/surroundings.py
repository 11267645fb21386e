# SPDX-License-Identifier: Apache-2.0
"""Everything around backup_engine in Python: cache manager, ports and devices, store, placement and console.

BackupJob is the judge: each clock for the pointers, at each word written for the records."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer

from portplex.bfm.pins import Pins, value_of
from portplex.management import BackupState
from portplex.model.backup import (
    UNDER_WAY,
    BackupJob,
    JobCommand,
    JobOrder,
    JobRecord,
    JobWorld,
    Refusal,
    refusal,
)

TASKS, SLOTS, JOBS = 32, 4, 8
ACQUIRE_READ, ACQUIRE_WRITE, RELEASE, RELEASE_DIRTY, RELEASE_DISCARD = range(5)
TI_LOGIN, TI_WRITE, TI_READ, TI_LOGOUT, TI_VERIFY, TI_PROBE = range(8, 14)
DATA = (TI_WRITE, TI_READ, TI_VERIFY)
OF_KIND = (TI_WRITE, TI_READ, TI_VERIFY)
RELEASE_OF_KIND = (RELEASE, RELEASE_DIRTY, RELEASE)
INPUTS = """tick job_valid job_command job_number job_kind cfg_copy_pointer cfg_ports cfg_part cfg_first cfg_end
    copy_set my_id chunk_ready
    chunk_rsp_valid chunk_rsp_op chunk_rsp_slot chunk_rsp_error ti_ready done_valid done_op done_slot done_status
    done_scsi_status done_sense mis_ready read_valid read_number read_word follow follow_number"""
GOOD = (0, 0, 0)
CHECK_CONDITION = (4, 2, 0x030C00)
ENDED = (BackupState.DONE, BackupState.FAILED, BackupState.ABORTED, BackupState.PAUSED)

Result = tuple[int, int, int]  # done_status, SCSI status, sense


@dataclass
class Job:
    """A job the engine has taken."""

    number: int
    kind: int
    order: JobOrder
    model: BackupJob


class Operation(NamedTuple):
    """One operation handed to a port; `block` is -1 unless it moves data."""

    job: int
    op: int
    block: int
    port: int


class Surroundings:
    """Stepped once a clock at the falling edge. `device(op, block, attempt, port)` gives the completion, or None: the
    device never answers (until `answer_all`); `staging(block, attempt)` says whether staging fails; `delay(op, port)`
    is the longest time to a completion in clocks."""

    def __init__(self, dut: Any, sizes: dict[int, int], *, busy: float = 0.3, absent: tuple[int, ...] = ()) -> None:
        self.clk, self.dut = dut.clk, Pins(dut)
        self.ignored = dut.jobs.ignored_reg
        self.fields = {  # of the engine's records, looked up once
            name: [getattr(dut.jobs, name)[n] for n in range(JOBS)] for name in ("pointer", "copy", "error", "sense")
        }
        self.sizes, self.busy, self.absent = sizes, busy, absent
        self.store_busy = busy
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.ports = len(dut.place_ports)
        self.place = 1
        self.usable = (1 << self.ports) - 1
        self.device: Callable[[int, int, int, int], Result | None] = lambda op, block, attempt, port: GOOD
        self.staging: Callable[[int, int], bool] = lambda block, attempt: False
        self.delay: Callable[[int, int], int] = lambda op, port: 200
        self.attempts: Counter[tuple[int, int]] = Counter()
        self.jobs: dict[int, Job] = {}
        self.prepared: set[int] = set()
        self.own_ids: list[int] = [0] * self.ports
        self.place_changed = 0
        self.commands = 0  # taken or refused
        self.queue: list[int] = []
        self.begun: list[int] = []  # jobs in the order they were begun or gone on with
        self.current: Job | None = None
        self.pinned: dict[int, int] = {}  # slot: first block
        self.answers: list[tuple[int, int, int, bool]] = []  # due, op, slot, error
        self.completions: list[tuple[int, int, int, int, Result | None]] = []  # due, op, slot, port, result
        self.busy_slots: set[int] = set()
        self.logged_in: set[int] = set()  # ports
        self.operations: list[Operation] = []
        self.released: list[tuple[int, int]] = []
        self.confirmed: Counter[tuple[int, int]] = Counter()  # job, block: times answered GOOD
        self.bytes_sent = 0
        self.store: dict[int, int] = {}
        self.shown: dict[int, Job] = {}  # by first word of a record in the store: the job it was last said to be
        self.reader: list[int] = []  # words of a record read one by one while it is being written
        self.records_read = 0
        self.now = 0
        self.most_under_way = 0
        self.hold_completions = False
        self.events: Counter[str] = Counter()
        self.kind = 0
        self.pending: tuple[JobCommand, int, JobOrder] | None = None
        self.answer: Refusal | None = None
        self.asked = JobWorld({}, {}, {}, set(), {}, set(), 0)  # what the last command was decided on

    # ---- console ----

    async def reset(self) -> None:
        dut = self.dut
        for name in INPUTS.split():
            getattr(dut, name).value = 0
        dut.rst.value = 1
        Clock(self.clk, 4, unit="ns").start()
        dut.cfg_volume_blocks.value = sum(blocks << 32 * v for v, blocks in self.sizes.items())
        dut.cfg_volume_flags.value = sum(1 << 2 * v for v in self.sizes if v not in self.absent)
        self._configure(JobOrder())
        for _ in range(3):
            await FallingEdge(self.clk)
        dut.rst.value = 0
        await FallingEdge(self.clk)

    def _configure(self, order: JobOrder) -> None:
        dut = self.dut
        dut.cfg_volume.value = order.volume
        dut.cfg_port_id.value = order.port_id
        dut.cfg_lun.value = order.lun
        dut.cfg_lba.value = order.lba
        dut.cfg_chunk.value = order.chunk
        dut.cfg_ports.value = order.ports
        dut.cfg_copy_pointer.value = order.copied
        dut.cfg_part.value = int(order.part is not None)
        dut.cfg_first.value, dut.cfg_end.value = order.part or (0, 0)

    async def command(
        self, command: JobCommand, number: int = 0, order: JobOrder | None = None, *, kind: int = 0
    ) -> Refusal:
        """Give the engine a command; whether it was refused, and why."""
        order = JobOrder() if order is None else order
        self._configure(order)
        self.dut.job_command.value, self.dut.job_number.value, self.dut.job_kind.value = command, number, kind
        self.dut.job_valid.value = 1
        self.pending, self.answer = (command, number, order), None
        self.kind = kind
        await self.until(lambda: self.answer is not None, f"answer to {command.name}", 4000)
        assert self.answer is not None
        return self.answer

    async def start(self, order: JobOrder, number: int = 0, *, kind: int = 0) -> None:
        """Start a backup (0), restore (1) or comparison (2) that is not refused."""
        assert await self.command(JobCommand(kind), number, order) is Refusal.NONE

    async def copy_pointer(self, blocks: int) -> None:
        """The console moves the copy pointer on; it belongs to the job under way, or the next."""
        self.dut.cfg_copy_pointer.value = blocks
        self.dut.copy_set.value = 1
        job = self.current or (self.jobs[self.queue[0]] if self.queue else None)
        if job is not None:
            job.model.raise_copy_pointer(blocks)
        await self.step()
        self.dut.copy_set.value = 0
        assert job is None or self.copied(job.number) == job.model.copy_pointer

    def _taken(self, command: JobCommand, number: int, order: JobOrder) -> None:
        """What a command that was taken means for the queue and the job."""
        if command <= JobCommand.PREPARE:
            self.prepared.discard(number)
            if command is JobCommand.PREPARE:
                self.prepared.add(number)
            kind = self.kind if command is JobCommand.PREPARE else int(command)
            first, end = order.part or (0, self.sizes[order.volume])
            copied = end if order.part else min(end, order.copied)  # a part is of what exists
            model = BackupJob(end, order.chunk, SLOTS, copy_pointer=copied, first=first)
            self.jobs[number] = Job(number, kind, order, model)
        elif command is JobCommand.START_PREPARED:
            old = self.jobs[number]
            model = BackupJob(
                old.model.capacity, old.order.chunk, SLOTS, copy_pointer=old.model.copy_pointer, first=old.model.first
            )
            self.jobs[number] = replace(old, model=model)
        if command in (JobCommand.PAUSE, JobCommand.ABORT):
            if self.asked.states[number] is BackupState.PREPARED:
                self.prepared.discard(number)
            if number in self.queue:
                self.queue.remove(number)
        elif command is not JobCommand.PREPARE:
            self.queue.append(number)
            self.reader.clear()

    # ---- one clock ----

    async def step(self) -> None:
        dut = self.dut
        self.now += 1
        dut.tick.value = int(self.now % 8 == 0)
        dut.place_ports.value = self.place
        dut.usable_ports.value = self.usable
        dut.my_id.value = sum(own << 24 * port for port, own in enumerate(self.own_ids))
        self._cache()
        self._port()
        self._complete()
        self._store()
        self._read()
        asked = False
        if self.pending is not None or self.now % 8 == 0:
            await Timer(1, unit="ns")  # what depends on inputs within the clock: ready, what is read
        if self.now % 8 == 0:
            self._check_read()
        if self.pending is not None:
            asked = bool(value_of(dut.job_ready))
            if asked:
                self.asked = self._world()
        await FallingEdge(self.clk)
        if asked:
            assert self.pending is not None and value_of(dut.job_answer) == 1, (
                "no answer in the clock after the command"
            )
            dut.job_valid.value = 0
            self.answer = Refusal(value_of(dut.job_refused))
            expected = refusal(*self.pending, self.asked, kind=self.kind)
            assert self.answer is expected, f"{self.pending}: {self.answer.name}, expected {expected.name}"
            self.commands += 1
            if self.answer is Refusal.NONE:
                self._taken(*self.pending)
            self.pending = None
        else:
            assert value_of(dut.job_answer) == 0, "an answer nobody has asked for"
        self._observe()

    def _world(self) -> JobWorld:
        """What the engine decides on in this clock."""
        return JobWorld(
            {n: self.state(n) for n in range(JOBS)},
            {n: job.order for n, job in self.jobs.items()},
            {n: job.model.capacity for n, job in self.jobs.items()},
            set(self.prepared),
            {v: blocks for v, blocks in self.sizes.items() if v not in self.absent},
            {own for own in self.own_ids if own},
            self.usable,
        )

    def move(self, place: int) -> None:
        """The placement sends new chunks to these ports from now on."""
        if place != self.place:
            self.place, self.place_changed = place, self.now

    def _read(self) -> None:
        """A register or the copy manager asks for a job, every eighth clock another one."""
        if self.now % 8:
            return
        dut = self.dut
        for name in ("read_valid", "follow"):
            getattr(dut, name).value = self.rng.randrange(2)
        dut.read_number.value, dut.follow_number.value = self.rng.randrange(JOBS), self.rng.randrange(JOBS)
        dut.read_word.value = self.rng.randrange(5)

    def _check_read(self) -> None:
        """What the read ports say is what the records are."""
        dut = self.dut
        number, word = value_of(dut.read_number), value_of(dut.read_word)
        words = (self.state, self.pointer, self.copied, self.error, self.sense)
        expected = words[word](number) if value_of(dut.read_valid) else 0
        assert value_of(dut.read_data) == expected, f"word {word} of job {number}"
        number = value_of(dut.follow_number)
        expected_job = (self.pointer(number), self.error(number) & 0xFFFF, self.sense(number))
        found = tuple(value_of(getattr(dut, f"follow_{name}")) for name in ("pointer", "error", "sense"))
        assert found == (expected_job if value_of(dut.follow) else (0, 0, 0)), f"job {number} as it is followed"
        first = (self.pointer(0), self.copied(0), self.error(0) & 0xFFFF, self.sense(0))
        shown = tuple(value_of(getattr(dut, f"first_{name}")) for name in ("pointer", "copy", "error", "sense"))
        assert shown == first, f"job 0 is shown as {shown}"

    def _observe(self) -> None:
        dut = self.dut
        if self.now % 5 == 0:
            self._check_read()
        self.events["done"] += value_of(dut.event_done)
        self.events["failed"] += value_of(dut.event_failed)
        if value_of(dut.job_started):
            assert self.current is None, "two jobs under way"
            self.current = self.jobs[self.queue.pop(0)]
            self.begun.append(self.current.number)
            self.reader.clear()
        active = value_of(dut.backup_active)
        if self.current is None:
            assert active == 0, "a port is said to be used for a backup, but no job is under way"
            return
        job = self.current
        at_work = sum({1 << c[3] for c in self.completions if c[1] in DATA})
        assert at_work & ~active == 0 and active & ~self._mask(job) == 0, f"active {active:b}, at work {at_work:b}"
        job.model.observe(self.pointer(job.number), self.copied(job.number))
        if self.state(job.number) not in UNDER_WAY:
            assert not self.pinned and not self.busy_slots, "the job has ended with something under way"
            assert not self.logged_in, f"no logout on ports {self.logged_in}"
            job.model.drained()
            self.current = None

    def _mask(self, job: Job) -> int:
        return job.order.ports or (1 << self.ports) - 1

    def _cache(self) -> None:
        dut, rng = self.dut, self.rng
        ready = rng.random() > self.busy
        dut.chunk_ready.value = int(ready)
        if ready and value_of(dut.chunk_valid):
            assert self.current is not None, "a chunk without a job"
            model = self.current.model
            op, slot = value_of(dut.chunk_op), value_of(dut.chunk_slot)
            block, blocks = value_of(dut.chunk_lba), value_of(dut.chunk_blocks)
            assert TASKS <= slot < TASKS + SLOTS, f"slot {slot}"
            error = False
            if op in (ACQUIRE_READ, ACQUIRE_WRITE):
                assert (op == ACQUIRE_WRITE) == (self.current.kind == 1)
                assert value_of(dut.chunk_volume) == self.current.order.volume
                assert slot not in self.pinned, f"slot {slot} acquired twice"
                model.started(block, blocks)
                self.attempts[-1, block] += 1
                error = self.staging(block, self.attempts[-1, block])
                if not error:
                    self.pinned[slot] = block
            else:
                assert slot not in self.busy_slots, f"slot {slot} released while the port uses it"
                held = self.pinned.pop(slot)
                good = RELEASE_OF_KIND[self.current.kind]
                bad = RELEASE_DISCARD if self.current.kind == 1 else RELEASE
                assert op == (good if held in model.good else bad), f"block {held} released with {op}"
                model.ended(held)
                self.released.append((op, held))
            self.answers.append((self.now + rng.randrange(1, 60), op, slot, error))
            self.most_under_way = max(self.most_under_way, len(self.pinned))

        dut.chunk_rsp_valid.value = 0
        due = [a for a in self.answers if a[0] <= self.now]
        if due:
            answer = rng.choice(due)
            self.answers.remove(answer)
            dut.chunk_rsp_valid.value = 1
            dut.chunk_rsp_op.value, dut.chunk_rsp_slot.value = answer[1], answer[2]
            dut.chunk_rsp_error.value = int(answer[3])

    def _port(self) -> None:
        dut, rng = self.dut, self.rng
        ready = rng.random() > self.busy
        dut.ti_ready.value = int(ready)
        if not ready or not value_of(dut.ti_valid):
            return
        assert self.current is not None, "an operation without a job"
        job, order = self.current, self.current.order
        op, slot, port = value_of(dut.ti_op), value_of(dut.ti_slot), value_of(dut.ti_port)
        assert slot not in self.busy_slots, f"slot {slot}: two operations at once"
        assert value_of(dut.ti_port_id) == order.port_id
        assert self._mask(job) >> port & 1, f"port {port} is not for this job"
        if op != TI_LOGOUT and self.now > self.place_changed + 50:
            assert self.place >> port & 1, f"port {port} got an operation, places {self.place:b}"
        block = -1
        if op in DATA:
            assert op == OF_KIND[job.kind]
            block = self.pinned[slot]
            job.model.sent(block)
            size = 512 * min(order.chunk, job.model.capacity - block)
            assert value_of(dut.ti_length) == size
            assert value_of(dut.ti_lba) == (order.lba + block) % (1 << 32)
            assert value_of(dut.ti_offset) == block % 8 * 512, "not the place of the block in its segment"
            assert value_of(dut.ti_lun) == order.lun
            assert port in self.logged_in, f"data on port {port} without a login"
        elif op == TI_PROBE:
            assert value_of(dut.ti_length) == 512 and value_of(dut.ti_lun) == order.lun
            assert value_of(dut.ti_lba) == (order.lba + job.model.capacity - 1) % (1 << 32)
        self.busy_slots.add(slot)
        self.operations.append(Operation(job.number, op, block, port))
        self.attempts[op, block] += 1
        result = self.device(op, block, self.attempts[op, block], port)
        self.completions.append((self.now + rng.randrange(1, self.delay(op, port)), op, slot, port, result))

    def _complete(self) -> None:
        dut, rng = self.dut, self.rng
        dut.done_valid.value = 0
        ripe = [c for c in self.completions if c[0] <= self.now and c[4] is not None and not self.hold_completions]
        if not ripe:
            return
        completion = rng.choice(ripe)
        self.completions.remove(completion)
        _, op, slot, port, result = completion
        assert result is not None and self.current is not None
        self.busy_slots.remove(slot)
        if op == TI_LOGOUT:
            self.logged_in.discard(port)
        elif op == TI_LOGIN and result == GOOD:
            self.logged_in.add(port)
        if result == GOOD and op in DATA:
            block = self.pinned[slot]
            self.current.model.confirmed(block)
            self.confirmed[self.current.number, block] += 1
            self.bytes_sent += 512 * self.current.model.good[block]
        dut.done_valid.value = 1
        dut.done_op.value, dut.done_slot.value = op, slot
        dut.done_status.value, dut.done_scsi_status.value, dut.done_sense.value = result

    def answer_all(self, result: Result, port: int | None = None) -> None:
        """Give every operation at the device (of one port) this result, silent ones too."""
        self.completions = [(*c[:4], result if port is None or c[3] == port else c[4]) for c in self.completions]

    # ---- store ----

    def _store(self) -> None:
        dut, rng = self.dut, self.rng
        ready = rng.random() > self.store_busy
        dut.mis_ready.value = int(ready)
        if ready and value_of(dut.mis_valid):
            assert value_of(dut.mis_write) == 1
            address = value_of(dut.mis_addr)
            assert 0x060 <= address < 0x070 or 0x100 <= address < 0x100 + 16 * JOBS, f"word {address:03X}"
            self.store[address] = value_of(dut.mis_wdata)
            base = address & ~0xF
            if address == base and self.store[base] in UNDER_WAY:
                self.shown[base] = self.jobs[self.begun[-1] if base == 0x060 else (base - 0x100) // 16]
                said = [b for b in self.shown if b != 0x060 and self.store[b] in UNDER_WAY]
                assert len(said) <= 1, f"the store shows two jobs under way: {said}"
            self._check_torn(base)
        # a reader somewhere else takes a word now and then
        if self.current is not None and rng.random() < 0.2:
            address = 0x100 + 16 * self.current.number + len(self.reader)
            if address in self.store and (self.reader or self.store[address] in UNDER_WAY):
                self.reader.append(self.store[address])
                if len(self.reader) == 16:
                    self.current.model.check_record(JobRecord.from_words(self.reader))
                    self.records_read += 1
                    self.reader.clear()

    def _check_torn(self, base: int) -> None:
        """The record as it is after one more word: what it says of a job under way is not more than is true, also after
        that job has ended and another one has its record, until the store says so."""
        if self.store.get(base) in UNDER_WAY:
            self.shown[base].model.check_record(self.record(base))

    def record(self, base: int) -> JobRecord:
        return JobRecord.from_words([self.store[base + word] for word in range(16)])

    # ---- what the engine shows ----

    async def until(self, condition: Callable[[], bool], what: str, deadline: int = 60000) -> None:
        end = self.now + deadline
        while not condition():
            if self.now >= end:
                states = [self.state(n).name for n in range(JOBS)]
                raise AssertionError(f"{what} not within {deadline} clocks: {states}, {self.completions}")
            await self.step()

    async def steps(self, count: int) -> None:
        """Let `count` clocks pass."""
        for _ in range(count):
            await self.step()

    def _field(self, name: str, number: int) -> int:
        return int(self.fields[name][number].value)

    def state(self, number: int = 0) -> BackupState:
        return BackupState(value_of(self.dut.job_state) >> 4 * number & 0xF)

    def pointer(self, number: int = 0) -> int:
        return self._field("pointer", number)

    def copied(self, number: int = 0) -> int:
        return self._field("copy", number)

    def error(self, number: int = 0) -> int:
        ignored = int(self.ignored.value) >> number & 1
        return ignored << 16 | self._field("error", number)

    def sense(self, number: int = 0) -> int:
        return self._field("sense", number)

    async def finish(self, state: BackupState, number: int = 0) -> None:
        """The job ends in `state`: nothing is left pinned or under way, and its record agrees."""
        await self.until(lambda: self.state(number) in ENDED, f"end of job {number}", 200_000)
        await self.settle()
        assert self.state(number) is state, f"state {self.state(number).name}, error {self.error(number):#x}"
        self.check_settled(number)

    async def settle(self) -> None:
        """Until the store has been written."""
        quiet = 0
        end = self.now + 20_000
        while quiet < 20:
            assert self.now < end, "the store is written on and on"
            quiet = 0 if value_of(self.dut.mis_valid) else quiet + 1
            await self.step()

    def expected_record(self, number: int) -> JobRecord:
        """What the store has to say of a job that does not move."""
        job = self.jobs[number]
        order = job.order
        return JobRecord(
            self.state(number),
            order.volume,
            job.model.low_water_mark,
            job.model.copy_pointer,
            job.model.capacity,
            order.port_id,
            order.lun,
            order.lba,
            self.error(number) & 0xFFFF,
            job.kind,
            order.chunk,
            order.ports,
            job.model.bitmap,
            self.sense(number),
            job.model.first,
        )

    def recorded(self, number: int) -> bool:
        """The store has the job as it is, in table 630 as well if it was the last under way."""
        bases = [0x100 + 16 * number, *([0x060] if self.begun and self.begun[-1] == number else [])]
        return all(base in self.store and self.record(base) == self.expected_record(number) for base in bases)

    def check_settled(self, number: int) -> None:
        """Pointer, bitmap and record of a job that does not move are exactly what the model says."""
        job = self.jobs[number]
        if self.current is None:
            assert not self.pinned and not self.completions and not self.answers and not self.busy_slots
        assert self.pointer(number) == job.model.low_water_mark
        assert self.copied(number) == job.model.copy_pointer
        expected = self.expected_record(number)
        assert self.record(0x100 + 16 * number) == expected
        assert self.recorded(number), "table 630 is not the record of the job under way"
