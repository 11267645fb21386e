# SPDX-License-Identifier: Apache-2.0
"""parameter_list against model/scsi_target.py: MODE SELECT, UNMAP and PERSISTENT RESERVE OUT lists, good, with anything
turned, cut anywhere; RESERVE and RELEASE, which have none. Resets of volumes come in any clock."""

from __future__ import annotations

import random
import struct
from typing import Any

import cocotb
from back_port import BackPort
from clocked import Clocked, number

from portplex.model.scsi_target import (
    BLOCK,
    MAX_BLOCKS,
    MODE_CHANGED,
    NO_SENSE,
    Answer,
    ScsiTarget,
    VolumeState,
    sense_word,
)  # fmt: skip

MODE_SELECT, UNMAP, RESERVE_OUT, RESERVE, RELEASE = range(16, 21)  # OP_*
SEGMENTS, PAGE_LINES = 512, 128
VOLUMES = tuple(VolumeState(blocks) for blocks in (70000, 1000, 4096, 64))
CACHING = b"\x08\x12\x04".ljust(20, b"\0")  # the mode page
OTHERS = range(1, 32)  # initiators; 0 sends the commands


class World:
    """Cache, persistent_reservation and unit attentions around the module."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.rng = rng = random.Random(cocotb.RANDOM_SEED)
        self.memory = BackPort(dut, rng, writes=False)
        self.clocked = Clocked(dut, self.memory, self)
        self.target = ScsiTarget(VOLUMES, 0)
        self.target.attentions = {key: set() for key in self.target.attentions}
        self.raised = 0
        self.calls: list[tuple[int, int, int, int]] = []  # action, scope and type, both keys
        self.reply = (0, 0, 0)  # status, sense, initiators
        self.resets = 0  # volumes that may be reset while the module works
        self.reset_at = -1  # clock in which volume 2 is reset

    async def start(self) -> None:
        names = (
            "start op task_number volume arg length descriptor done_taken bk_ready bk_rdata_valid bk_rdata pr_done "
            "pr_status pr_sense pr_abort_initiators raise_ready reset_volumes"
        )
        await self.clocked.start(**dict.fromkeys(names.split(), 0))
        self.dut.cfg_volume_blocks.value = sum(v.blocks << 32 * i for i, v in enumerate(VOLUMES))

    def drive(self) -> None:
        dut, rng = self.dut, self.rng
        dut.raise_ready.value = rng.randrange(2)
        done = number(dut.pr_start) and rng.random() < 0.3
        dut.pr_done.value = int(done)
        # nothing of an answer holds before it is one
        status, sense, initiators = self.reply if done else (rng.getrandbits(8), rng.getrandbits(24), 1)
        dut.pr_status.value, dut.pr_sense.value, dut.pr_abort_initiators.value = status, sense, initiators
        reset = rng.getrandbits(16) & self.resets if rng.random() < 0.3 else 0
        dut.reset_volumes.value = 1 << 2 if self.clocked.now == self.reset_at else reset

    def sample(self) -> None:
        dut = self.dut
        self.raised += number(dut.raise_valid) & number(dut.raise_ready)
        if number(dut.pr_start) and number(dut.pr_done):
            keys = number(dut.pr_key), number(dut.pr_action_key)
            self.calls.append((number(dut.pr_action), number(dut.pr_scope_type), *keys))
        reset = number(dut.reset_volumes)
        self.target.software_protect -= {v for v in range(16) if reset >> v & 1}

    def model(self, cdb: bytes, volume: int, data: bytes) -> Answer:
        lun = bytes([0, volume]) + bytes(6)
        return self.target.execute(cdb, lun, 0, len(data), False, bool(data), data)

    async def ask(self, op: int, volume: int, data: bytes, arg: int = 0, descriptor: int = 0) -> tuple[int, int]:
        """One request; its status and sense, which hold until they are taken."""
        dut, task = self.dut, self.rng.randrange(256)
        page = SEGMENTS * 256 + PAGE_LINES * task
        self.memory.put(page, self.rng.randbytes(16 * PAGE_LINES))
        self.memory.put(page, data)
        self.memory.touched.clear()
        dut.op.value, dut.task_number.value, dut.volume.value, dut.arg.value = op, task, volume, arg
        dut.length.value, dut.descriptor.value, dut.start.value = len(data), descriptor, 1
        await self.clocked.clock()
        # the request is a strobe: nothing of it stays
        dut.start.value, dut.op.value, dut.task_number.value = 0, self.rng.getrandbits(5), self.rng.getrandbits(8)
        dut.volume.value, dut.length.value = self.rng.getrandbits(4), self.rng.getrandbits(11)
        dut.arg.value, dut.descriptor.value = self.rng.getrandbits(32), self.rng.getrandbits(6)
        for _ in range(3000):
            if number(dut.done):
                break
            await self.clocked.clock()
        else:
            raise AssertionError(f"op {op} list {data.hex()}: no answer in 3000 clocks")
        assert self.memory.touched <= set(range(page, page + PAGE_LINES)), "read beside the task's page"
        answer = number(dut.status), number(dut.sense)
        await self.clocked.clocks(self.rng.randrange(3))
        assert number(dut.done) and (number(dut.status), number(dut.sense)) == answer, "the answer did not stay"
        return answer

    async def take(self) -> None:
        self.dut.done_taken.value = 1
        await self.clocked.clock()
        self.dut.done_taken.value = 0
        assert not number(self.dut.done)

    def damaged(self, data: bytes) -> bytes:
        """The list, or with one bit turned, or cut at a word."""
        kind = self.rng.randrange(3)
        if kind == 1:
            number_ = int.from_bytes(data, "big") ^ 1 << self.rng.randrange(8 * len(data))
            return number_.to_bytes(len(data), "big")
        return data[: self.rng.randrange(4, len(data) + 1, 4)] if kind == 2 else data


@cocotb.test()
async def mode_select_equals_the_model(dut: Any) -> None:
    """Status, sense, the software write protect bits, one unit attention for each change of them."""
    world = World(dut)
    await world.start()
    rng, target = world.rng, world.target
    seen = set()
    for _ in range(400):
        ten, volume = rng.randrange(2), rng.randrange(4)
        kinds = (CACHING, *((b"\x0a\x0a\0\x10" + swp).ljust(12, b"\0") for swp in (b"\0", b"\x08")))
        pages = b"".join(rng.choices(kinds, k=rng.randrange(4)))
        data = bytearray(8 if ten else 4) + pages
        data[1 if ten else 0] = rng.randrange(256)  # mode data length: reserved here
        data[3 if ten else 2] = rng.randrange(256)  # device-specific: not to be set
        sent = world.damaged(bytes(data))
        cdb = struct.pack(">BB5xHx", 0x55, 0x10, len(sent)) if ten else bytes([0x15, 0x10, 0, 0, len(sent), 0])
        world.resets = 0xFFFF & ~(1 << volume)
        world.raised = 0
        got = await world.ask(MODE_SELECT, volume, sent, ten)
        world.resets = 0
        answer = world.model(cdb, volume, sent)
        what = f"{sent.hex()} to volume {volume}"
        assert got == (answer.status, sense_word(answer.sense)), what
        assert number(dut.software_protect) == sum(1 << v for v in target.software_protect), what
        told = any(MODE_CHANGED in target.attentions[other, volume] for other in OTHERS)
        assert world.raised == told, what
        for waiting in target.attentions.values():
            waiting.clear()
        seen.add((answer.sense, told))
        await world.take()
        if rng.random() < 0.1:  # and of the volume itself
            world.resets = 0xFFFF
            await world.clocked.clocks(3)
            world.resets = 0
            await world.clocked.clock()
            assert number(dut.software_protect) == sum(1 << v for v in target.software_protect)
    assert {(sense, told) for sense, told in seen if sense == NO_SENSE} == {(NO_SENSE, False), (NO_SENSE, True)}
    assert len(seen) == 4, f"not every outcome was there: {seen}"


@cocotb.test()
async def a_reset_of_the_volume_ends_mode_select(dut: Any) -> None:
    """In whichever clock the reset comes, the bit is clear afterwards, and stays as the others want it."""
    world = World(dut)
    await world.start()
    setting = bytes([0, 0, 0, 0, 0x0A, 0x0A, 0, 0x10, 8]).ljust(16, b"\0")
    for data in (setting, bytes(4) + CACHING):
        for when in range(30):
            await world.ask(MODE_SELECT, 2, setting)
            await world.take()
            assert number(dut.software_protect) == 4
            world.reset_at = world.clocked.now + when
            await world.ask(MODE_SELECT, 2, data)
            await world.take()
            while world.clocked.now <= world.reset_at:
                await world.clocked.clock()
            assert number(dut.software_protect) == 0, f"reset {when} clocks after the beginning"


@cocotb.test()
async def unmap_equals_the_model(dut: Any) -> None:
    """All descriptors are checked with the first; each is told when asked for, one after the last is not."""
    world = World(dut)
    await world.start()
    rng = world.rng
    seen = set()
    for round_ in range(150):
        volume = rng.randrange(4)
        capacity = VOLUMES[volume].blocks
        count = 63 if round_ == 0 else rng.choice((0, 1, 1, 2, 3, rng.randrange(20)))
        ranges = []
        for _ in range(count):
            blocks = rng.choice((0, 1, 8, rng.randrange(capacity // (count + 1)), min(capacity, MAX_BLOCKS)))
            if rng.random() < 0.8:
                blocks %= max(1, min(capacity, MAX_BLOCKS) // count)
            ranges.append((rng.choice((0, capacity - blocks, rng.randrange(capacity - blocks + 1))), blocks))
        if ranges and rng.random() < 0.3:  # one beyond the end, in one of the ways to be
            at = rng.randrange(count)
            lba, blocks = ranges[at]
            high = (lba + (1 << rng.randrange(32, 64)), blocks)
            ranges[at] = rng.choice((high, (capacity, 1), (capacity - 1, 2), (lba, 1 << 31), (0xFFFFFFFF, 1)))
        if round_ % 15 == 1:  # within the volume, but more than one UNMAP may have
            volume, half = 0, MAX_BLOCKS // 2
            ranges = rng.choice(
                ([(0, MAX_BLOCKS + 1)], [(9, half + 1), (0, half), (half, 1)], [(0, MAX_BLOCKS), (0, 1)])
            )
        body = b"".join(struct.pack(">QI4x", *r) for r in ranges)
        told = rng.choice((len(body), len(body), len(body), 0, 15, len(body) + 16, 0xFFFF, rng.randrange(1024)))
        data = struct.pack(">HH4x", rng.getrandbits(16), told) + body
        if rng.random() < 0.2:
            data = data[: rng.randrange(8, len(data) + 1, 4)]
        answer = world.model(struct.pack(">B6xHx", 0x42, len(data)), volume, data)
        what = f"{data.hex()} to volume {volume}"
        found = []
        for descriptor in range(64):
            got = await world.ask(UNMAP, volume, data, descriptor=descriptor)
            assert got == (answer.status, sense_word(answer.sense)), what
            there = number(dut.range_valid)
            if there:
                found.append((number(dut.range_lba), number(dut.range_bytes) // BLOCK))
            await world.take()
            if not there:
                break
        assert tuple(r for r in found if r[1]) == answer.ranges, what
        seen.add((answer.sense, min(len(answer.ranges), 2)))
    assert len(seen) == 5, f"not every outcome was there: {seen}"


@cocotb.test()
async def reservations_get_what_the_list_says(dut: Any) -> None:
    """Action, type and keys arrive unchanged, the answer goes back unchanged; what is not offered never arrives."""
    world = World(dut)
    await world.start()
    rng = world.rng
    refused = 0
    for _ in range(300):
        op, volume = rng.choice((RESERVE_OUT, RESERVE_OUT, RESERVE_OUT, RESERVE, RELEASE)), rng.randrange(4)
        action, scope_type = rng.randrange(6), rng.getrandbits(8)
        keys = rng.getrandbits(64), rng.getrandbits(64)
        flags = rng.choice((0, 0, 1 << rng.randrange(8)))
        data = struct.pack(">QQ4sB3x", *keys, rng.randbytes(4), flags) if op == RESERVE_OUT else b""
        world.reply = rng.choice((0, 2, 0x18)), rng.getrandbits(24), rng.getrandbits(32)
        world.calls.clear()
        got = await world.ask(op, volume, data, action << 8 | scope_type)
        aborts = number(dut.abort_initiators)
        await world.take()
        if op == RESERVE_OUT:
            # REGISTER AND IGNORE EXISTING KEY is never a conflict: only the list itself can be refused
            world.target.reservations[volume].keys.clear()
            list_only = world.model(bytes([0x5F, 6, 0, 0, 0, 0, 0, 0, 24, 0]), volume, data)
            if list_only.status:
                refused += 1
                assert got == (list_only.status, sense_word(list_only.sense)) and not world.calls and not aborts
                continue
            assert world.calls == [(action, scope_type, *keys)], data.hex()
        else:
            assert len(world.calls) == 1
        assert (*got, aborts) == world.reply, "the answer was changed on its way"
    assert refused
