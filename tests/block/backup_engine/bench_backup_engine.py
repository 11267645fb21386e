# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of backup_engine: Python is cache manager, port, store and console; BackupJob is the judge."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from portplex.model.backup import BackupJob

TASKS, SLOTS, VOLUMES = 32, 4, 4
IDLE, LOGIN, TRANSFER, LOGOUT, DONE, FAILED, ABORTED = range(7)
ACQUIRE_READ, ACQUIRE_WRITE, RELEASE, RELEASE_DIRTY, RELEASE_DISCARD = range(5)
TI_LOGIN, TI_WRITE, TI_READ, TI_LOGOUT = 8, 9, 10, 11
INPUTS = """tick start_backup start_restore abort_backup cfg_copy_pointer chunk_ready chunk_rsp_valid chunk_rsp_op
    chunk_rsp_slot chunk_rsp_error ti_ready done_valid done_op done_slot done_status done_scsi_status done_sense
    mis_ready"""
GOOD = (0, 0, 0)
CHECK_CONDITION = (4, 2, 0x030C00)
DEVICE, LUN, LBA = 0x010203, 5, 1000


class Surroundings:
    """Everything around the engine, stepped once a clock at the falling edge. `device(op, block, attempt)` gives the
    completion (done_status, SCSI status, sense); `staging(block, attempt)` says whether staging fails."""

    def __init__(self, dut: Any, capacity: int, chunk: int, *, volume: int = 1, busy: float = 0.3) -> None:
        self.dut, self.volume, self.busy = dut, volume, busy
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.job = BackupJob(capacity, chunk, SLOTS)
        self.device: Callable[[int, int, int], tuple[int, int, int]] = lambda op, block, attempt: GOOD
        self.staging: Callable[[int, int], bool] = lambda block, attempt: False
        self.attempts: dict[tuple[int, int], int] = {}
        self.pinned: dict[int, int] = {}  # slot: first block
        self.answers: list[tuple[int, int, int, bool]] = []  # due, op, slot, error
        self.completions: list[tuple[int, int, int, tuple[int, int, int]]] = []  # due, op, slot, result
        self.busy_slots: set[int] = set()
        self.operations: list[tuple[int, int]] = []  # op, block
        self.released: list[tuple[int, int]] = []
        self.record: dict[int, int] = {}
        self.now = 0
        self.most_under_way = 0
        self.hold_completions = False

    async def reset(self, *, present: bool = True) -> None:
        dut = self.dut
        for name in INPUTS.split():
            getattr(dut, name).value = 0
        dut.rst.value = 1
        Clock(dut.clk, 4, unit="ns").start()
        dut.cfg_volume.value = self.volume
        dut.cfg_port_id.value = DEVICE
        dut.cfg_lun.value = LUN
        dut.cfg_lba.value = LBA
        dut.cfg_chunk.value = self.job.chunk
        dut.cfg_volume_blocks.value = self.job.capacity << (32 * self.volume)
        dut.cfg_volume_flags.value = int(present) << (2 * self.volume)
        for _ in range(3):
            await FallingEdge(dut.clk)
        dut.rst.value = 0
        await FallingEdge(dut.clk)

    def copy_pointer(self, blocks: int) -> None:
        self.dut.cfg_copy_pointer.value = blocks
        self.job.raise_copy_pointer(blocks)

    async def strobe(self, name: str) -> None:
        getattr(self.dut, name).value = 1
        await self.step()
        getattr(self.dut, name).value = 0

    def attempt(self, kind: int, block: int) -> int:
        self.attempts[kind, block] = self.attempts.get((kind, block), 0) + 1
        return self.attempts[kind, block]

    async def step(self) -> None:
        dut, rng = self.dut, self.rng
        self.now += 1
        dut.tick.value = int(self.now % 8 == 0)

        ready = rng.random() > self.busy
        dut.chunk_ready.value = int(ready)
        if ready and int(dut.chunk_valid.value):
            op, slot = int(dut.chunk_op.value), int(dut.chunk_slot.value)
            block, blocks = int(dut.chunk_lba.value), int(dut.chunk_blocks.value)
            assert TASKS <= slot < TASKS + SLOTS, f"slot {slot}"
            error = False
            if op in (ACQUIRE_READ, ACQUIRE_WRITE):
                assert int(dut.chunk_volume.value) == self.volume
                assert slot not in self.pinned, f"slot {slot} acquired twice"
                self.job.started(block, blocks)
                error = self.staging(block, self.attempt(-1, block))
                if not error:
                    self.pinned[slot] = block
            else:
                assert slot not in self.busy_slots, f"slot {slot} released while the port uses it"
                held = self.pinned.pop(slot)
                self.job.ended(held)
                self.released.append((op, held))
            self.answers.append((self.now + rng.randrange(1, 60), op, slot, error))
            self.most_under_way = max(self.most_under_way, len(self.pinned))

        ready = rng.random() > self.busy
        dut.ti_ready.value = int(ready)
        if ready and int(dut.ti_valid.value):
            op, slot = int(dut.ti_op.value), int(dut.ti_slot.value)
            assert slot not in self.busy_slots, f"slot {slot}: two operations at once"
            assert int(dut.ti_port_id.value) == DEVICE
            block = -1
            if op in (TI_WRITE, TI_READ):
                block = self.pinned[slot]
                assert int(dut.ti_lba.value) == LBA + block
                assert int(dut.ti_length.value) == 512 * min(self.job.chunk, self.job.capacity - block)
                assert int(dut.ti_lun.value) == LUN
            self.busy_slots.add(slot)
            self.operations.append((op, block))
            result = self.device(op, block, self.attempt(op, block))
            self.completions.append((self.now + rng.randrange(1, 200), op, slot, result))

        dut.chunk_rsp_valid.value = 0
        due = [a for a in self.answers if a[0] <= self.now]
        if due:
            answer = rng.choice(due)
            self.answers.remove(answer)
            dut.chunk_rsp_valid.value = 1
            dut.chunk_rsp_op.value, dut.chunk_rsp_slot.value, dut.chunk_rsp_error.value = (
                answer[1],
                answer[2],
                int(answer[3]),
            )

        dut.done_valid.value = 0
        ripe = [c for c in self.completions if c[0] <= self.now and not self.hold_completions]
        if ripe:
            completion = rng.choice(ripe)
            self.completions.remove(completion)
            _, op, slot, (status, scsi_status, sense) = completion
            self.busy_slots.remove(slot)
            if status == 0 and op in (TI_WRITE, TI_READ):
                self.job.confirmed(self.pinned[slot])
            dut.done_valid.value = 1
            dut.done_op.value, dut.done_slot.value, dut.done_status.value = op, slot, status
            dut.done_scsi_status.value, dut.done_sense.value = scsi_status, sense

        ready = rng.random() > self.busy
        dut.mis_ready.value = int(ready)
        if ready and int(dut.mis_valid.value):
            assert int(dut.mis_write.value) == 1
            self.record[int(dut.mis_addr.value) - 0x060] = int(dut.mis_wdata.value)
            if self.record.get(0) in (LOGIN, TRANSFER, LOGOUT):
                assert self.record[2] <= self.record[3] <= self.record[4], f"record 630: {self.record}"

        await FallingEdge(dut.clk)
        if int(dut.status_active.value):
            self.job.observe(int(dut.status_pointer.value), int(dut.status_copy_pointer.value))

    async def until(self, condition: Callable[[], bool], what: str, deadline: int = 60000) -> None:
        end = self.now + deadline
        while not condition():
            assert self.now < end, f"{what} not within {deadline} clocks: state {self.state}, pointer {self.pointer}"
            await self.step()

    @property
    def state(self) -> int:
        return int(self.dut.status_state.value)

    @property
    def pointer(self) -> int:
        return int(self.dut.status_pointer.value)

    @property
    def error(self) -> int:
        return int(self.dut.status_error.value)

    async def finish(self, state: int) -> None:
        """The job ends in `state`: nothing is left pinned or under way, and record 630 agrees."""
        await self.until(lambda: self.state in (DONE, FAILED, ABORTED), "end of the job")
        for _ in range(60):
            await self.step()
        assert self.state == state, f"state {self.state}, error {self.error:#x}"
        assert not self.pinned and not self.completions and not self.answers and not self.busy_slots
        fields = [
            state,
            self.volume,
            self.pointer,
            int(self.dut.status_copy_pointer.value),
            self.job.capacity,
            DEVICE,
            LUN,
            LBA,
            self.error & 0xFFFF,
        ]
        assert [self.record.get(i) for i in range(9)] == fields


@cocotb.test()
async def saves_a_volume(dut: Any) -> None:
    for capacity, chunk in ((8 * 40, 16), (8 * 13, 128), (8 * 33, 24), (8, 8)):
        s = Surroundings(dut, capacity, chunk)
        await s.reset()
        s.copy_pointer(capacity + 1000)  # beyond the end counts as the end
        await s.strobe("start_backup")
        await s.finish(DONE)
        assert s.pointer == capacity == s.job.low_water_mark
        assert s.operations[0] == (TI_LOGIN, -1) and s.operations[-1] == (TI_LOGOUT, -1)
        assert {op for op, _ in s.released} == {RELEASE}
        assert s.most_under_way == min(SLOTS, -(-capacity // chunk)), "chunks are not under way side by side"
        assert s.error == 0


@cocotb.test()
async def copy_pointer_holds_back(dut: Any) -> None:
    s = Surroundings(dut, 8 * 20, 16)
    await s.reset()
    await s.strobe("start_backup")
    for value, expected in ((0, 0), (15, 0), (16, 16), (70, 64), (40, 64), (8 * 20 - 1, 144)):
        s.copy_pointer(value)
        await s.until(lambda e=expected: s.pointer == e, f"pointer {expected}")
        for _ in range(400):
            await s.step()
        assert s.pointer == expected and s.state == TRANSFER
    s.copy_pointer(8 * 20)
    await s.finish(DONE)


@cocotb.test()
async def failed_chunk_is_retried(dut: Any) -> None:
    s = Surroundings(dut, 8 * 24, 8)
    s.device = lambda op, block, attempt: (
        CHECK_CONDITION if op == TI_WRITE and block % 24 == 0 and attempt <= 3 else GOOD
    )
    s.staging = lambda block, attempt: block == 64 and attempt <= 2
    await s.reset()
    s.copy_pointer(s.job.capacity)
    await s.strobe("start_backup")
    await s.finish(DONE)
    assert s.pointer == s.job.capacity and s.error == 0
    assert s.attempts[TI_WRITE, 24] == 4 and s.attempts[-1, 64] == 3


@cocotb.test()
async def lost_login_is_renewed(dut: Any) -> None:
    s = Surroundings(dut, 8 * 12, 8)
    s.device = lambda op, block, attempt: (6, 0, 0) if op == TI_WRITE and block == 32 and attempt == 1 else GOOD
    await s.reset()
    s.copy_pointer(s.job.capacity)
    await s.strobe("start_backup")
    await s.finish(DONE)
    assert [op for op, _ in s.operations].count(TI_LOGIN) == 2


@cocotb.test()
async def failed_chunk_ends_the_job(dut: Any) -> None:
    s = Surroundings(dut, 8 * 24, 8)
    s.device = lambda op, block, attempt: CHECK_CONDITION if op == TI_WRITE and block == 40 else GOOD
    await s.reset()
    s.copy_pointer(s.job.capacity)
    await s.strobe("start_backup")
    await s.finish(FAILED)
    assert s.attempts[TI_WRITE, 40] == 4, "one try and three retries"
    assert s.pointer == 40 and s.error == 0x0204 and int(dut.status_sense.value) == 0x030C00
    assert s.operations[-1] == (TI_LOGOUT, -1)


@cocotb.test()
async def failed_staging_ends_the_job(dut: Any) -> None:
    s = Surroundings(dut, 8 * 24, 8)
    s.staging = lambda block, attempt: block == 80
    await s.reset()
    s.copy_pointer(s.job.capacity)
    await s.strobe("start_backup")
    await s.finish(FAILED)
    assert s.pointer == 80 and s.error == 0x20


@cocotb.test()
async def refused_login_ends_the_job(dut: Any) -> None:
    for result, tries in (((3, 0, 0), 1), ((2, 0, 0), 4)):
        s = Surroundings(dut, 64, 8)
        s.device = lambda op, block, attempt, r=result: r
        await s.reset()
        s.copy_pointer(64)
        await s.strobe("start_backup")
        await s.finish(FAILED)
        assert s.error == result[0] and s.pointer == 0
        assert s.operations == [(TI_LOGIN, -1)] * tries


@cocotb.test()
async def abort_drains(dut: Any) -> None:
    s = Surroundings(dut, 8 * 64, 8)
    await s.reset()
    s.copy_pointer(s.job.capacity)
    await s.strobe("start_backup")
    await s.until(lambda: s.pointer >= 64, "some chunks")
    s.hold_completions = True
    await s.until(lambda: len(s.completions) == SLOTS, "all slots at the device")
    await s.strobe("abort_backup")
    for _ in range(300):
        await s.step()
    assert s.state == TRANSFER and len(s.pinned) == SLOTS, "what the device uses must stay pinned"
    s.hold_completions = False
    await s.finish(ABORTED)
    assert s.pointer < s.job.capacity and s.pointer == s.job.low_water_mark

    s.job = BackupJob(s.job.capacity, s.job.chunk, SLOTS, copy_pointer=s.job.capacity)
    await s.strobe("start_backup")  # the next job starts from the beginning
    await s.finish(DONE)


@cocotb.test()
async def restores_a_volume(dut: Any) -> None:
    s = Surroundings(dut, 8 * 21, 16)
    s.device = lambda op, block, attempt: (2, 0, 0) if op == TI_READ and block == 32 and attempt == 1 else GOOD
    await s.reset()
    s.copy_pointer(s.job.capacity)
    await s.strobe("start_restore")
    await s.finish(DONE)
    assert {op for op, _ in s.operations} == {TI_LOGIN, TI_READ, TI_LOGOUT}
    assert {op for op, _ in s.released} == {RELEASE_DIRTY} and s.pointer == s.job.capacity


@cocotb.test()
async def failed_restore_discards(dut: Any) -> None:
    s = Surroundings(dut, 8 * 21, 16)
    s.device = lambda op, block, attempt: CHECK_CONDITION if op == TI_READ and block == 64 else GOOD
    await s.reset()
    s.copy_pointer(s.job.capacity)
    await s.strobe("start_restore")
    await s.finish(FAILED)
    assert (RELEASE_DISCARD, 64) in s.released and (RELEASE_DIRTY, 64) not in s.released
    assert s.pointer == 64


@cocotb.test()
async def impossible_jobs_fail_at_once(dut: Any) -> None:
    for present, chunk, lba, code in (
        (False, 8, LBA, 0x11),
        (True, 12, LBA, 0x12),
        (True, 0, LBA, 0x12),
        (True, 136, LBA, 0x12),
        (True, 8, 0xFFFFFFF0, 0x13),
    ):
        s = Surroundings(dut, 64, chunk)
        await s.reset(present=present)
        dut.cfg_lba.value = lba
        s.copy_pointer(64)
        await s.strobe("start_backup")
        for _ in range(100):
            await s.step()
        assert s.state == FAILED and s.error == code and not s.operations and not s.released
        assert s.record[0] == FAILED and s.record[8] == code


@cocotb.test()
async def start_while_running_is_ignored(dut: Any) -> None:
    s = Surroundings(dut, 8 * 24, 8)
    await s.reset()
    s.copy_pointer(s.job.capacity)
    await s.strobe("start_backup")
    await s.until(lambda: s.pointer > 0, "some chunks")
    dut.cfg_lba.value = 0  # a job keeps what it was started with
    dut.cfg_lun.value = 0
    await s.strobe("start_restore")
    await s.finish(DONE)
    assert s.error == 0x10000 and s.pointer == s.job.capacity
