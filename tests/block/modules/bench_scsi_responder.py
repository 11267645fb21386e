# SPDX-License-Identifier: Apache-2.0
"""scsi_responder against model/scsi_target.py: every page as it lies in the cache, its length, the segment list
entry."""

from __future__ import annotations

import random
import struct
from typing import Any

import cocotb
from clocked import Clocked, number

from portplex.model import reservations as model
from portplex.model.copy_manager import CopyEnd
from portplex.model.scsi_target import COMMANDS, NO_SENSE, RefusedError, ScsiTarget, VolumeState, sense_word
from portplex.scsi.sense import Sense

INQUIRY, VPD, SENSE, LUNS, CAPACITY_10, CAPACITY_16, MODE, OPCODES, GROUPS, RESERVE_IN = range(10)  # OP_*
COPY_STATUS, COPY_LIMITS, COPY_FAILURE, OPEN = 10, 11, 12, 15
SEGMENTS, PAGE_LINES, WWNN = 512, 128, 0x5005076801234567
VOLUMES = (
    VolumeState(70000),
    VolumeState(1000, write_protected=True),
    VolumeState(4096, present=False),
    VolumeState(64),
)


def result_bits(end: CopyEnd) -> int:
    """A result as copy_results keeps it."""
    sense = end.device_sense or Sense(0, 0, 0)
    fields = (
        (end.failed, 1), (end.processed, 16), (end.bytes_copied, 32), (end.sense[1] << 8 | end.sense[2], 16),
        (end.left or 0, 32), (end.device_sense is not None, 1), (end.source_failed, 1), (end.device_status or 0, 8),
        (sense.key << 16 | sense.asc << 8 | sense.ascq, 24),
    )  # fmt: skip
    word = 0
    for value, width in fields:
        word = word << width | int(value)
    return word


class World:
    """Cache, segment list and reservations around the responder."""

    def __init__(self, dut: Any, rng: random.Random) -> None:
        self.dut, self.rng = dut, rng
        self.target = ScsiTarget(VOLUMES, WWNN)
        self.lines: dict[int, bytes] = {}
        self.entries: list[tuple[int, int, int]] = []
        for volume in (0, 3):
            unit = self.target.reservations[volume]
            unit.keys = {i: rng.getrandbits(64) for i in rng.sample(range(32), 1 + 30 * (volume == 0))}
            unit.kind, unit.holder = rng.choice(sorted(model.TYPES)), rng.choice(sorted(unit.keys))
            unit.generation = rng.getrandbits(32)
        self.target.names = [rng.getrandbits(64) for _ in range(32)]
        self.target.software_protect = {3}
        self.asked: list[int] = []  # keys of results
        self.waiting = 0  # clocks until the result
        self.copying: CopyEnd | None = None  # a copy that is still under way

    def drive(self) -> None:
        dut = self.dut
        unit = self.target.reservations[number(dut.in_volume)]
        initiator = number(dut.in_initiator)
        dut.in_registered.value = sum(1 << i for i in unit.keys)
        dut.in_generation.value, dut.in_held.value, dut.in_type.value = (
            unit.generation,
            unit.kind is not None,
            unit.kind or 0,
        )
        everyone = unit.kind is None or unit.kind in model.ALL_REGISTRANTS
        dut.in_holder_key.value = 0 if everyone else unit.keys[unit.holder]
        dut.in_key.value, dut.in_wwpn.value = unit.keys.get(initiator, 0), self.target.names[initiator]
        dut.in_holds.value = int(unit.holds(initiator))
        dut.bk_ready.value, dut.sl_wr_ready.value = self.rng.randrange(2), self.rng.randrange(2)
        self.waiting = max(0, self.waiting - 1)
        dut.find_done.value = int(self.waiting == 1)
        if self.waiting == 1:
            key = self.asked[-1]
            found = self.copying or self.target.copies.find(key >> 12, key >> 8 & 15, key & 255)
            dut.find_hit.value, dut.find_ended.value = int(found is not None), int(self.copying is None)
            dut.find_result.value = result_bits(found or CopyEnd())

    def sample(self) -> None:
        dut = self.dut
        if number(dut.find):
            self.asked.append(number(dut.find_key))
            self.waiting = self.rng.randrange(2, 8)
        if number(dut.bk_valid) and number(dut.bk_ready):
            self.lines[number(dut.bk_line)] = number(dut.bk_wdata).to_bytes(16, "big")
        if number(dut.sl_wr_valid) and number(dut.sl_wr_ready):
            self.entries.append((number(dut.sl_wr_slot), number(dut.sl_wr_index), number(dut.sl_wr_line)))


@cocotb.test()
async def builds_the_pages_of_the_model(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    world = World(dut, rng)
    target, clocked = world.target, Clocked(dut, world)
    names = (
        "start op task_number arg volume lun_ok sense done_taken sl_wr_ready bk_ready in_registered in_generation "
        "in_held in_type in_holder_key in_key in_wwpn in_holds cfg_volume_blocks cfg_volume_flags software_protect "
        "cfg_wwnn initiator find_done find_hit find_ended find_result"
    )
    await clocked.start(**dict.fromkeys(names.split(), 0))
    dut.cfg_wwnn.value = WWNN
    dut.cfg_volume_blocks.value = sum(v.blocks << 32 * i for i, v in enumerate(VOLUMES))
    dut.cfg_volume_flags.value = sum((v.present | v.write_protected << 1) << 2 * i for i, v in enumerate(VOLUMES))
    dut.software_protect.value = 1 << 3

    async def check(op: int, arg: int, volume: int, cdb: bytes | None, *, lun_ok: bool = True, sense: int = 0) -> None:
        task = rng.randrange(256)
        dut.op.value, dut.arg.value, dut.volume.value, dut.task_number.value = op, arg, volume, task
        dut.lun_ok.value, dut.sense.value, dut.start.value = int(lun_ok), sense, 1
        world.lines.clear()
        world.entries.clear()
        await clocked.clock()
        dut.start.value = 0
        for _ in range(3000):
            if number(dut.done):
                break
            await clocked.clock()
        else:
            raise AssertionError(f"op {op}: no answer in 3000 clocks")
        what = f"op {op} argument {arg:08x} volume {volume}"
        base = SEGMENTS * 256 + PAGE_LINES * task
        assert world.entries == [(task, 0, base)], what
        if cdb is not None:
            try:
                data = target.page(cdb.ljust(16, b"\0"), volume if lun_ok else None, 0)[0]
                assert not number(dut.done_bad), what
                assert number(dut.done_length) == len(data), what
                lines = sorted(world.lines)
                assert lines == list(range(base, base + -(-len(data) // 16))), what
                assert b"".join(world.lines[line] for line in lines)[: len(data)] == data, what
            except RefusedError:
                assert number(dut.done_bad), what
        dut.done_taken.value = 1
        await clocked.clock()
        dut.done_taken.value = 0

    for volume in (0, 1, 3):
        for page in (0x00, 0x80, 0x83, 0x86, 0x87, 0xB0, 0xB1, 0xB2):
            await check(VPD, page, volume, bytes([0x12, 1, page]))
        await check(INQUIRY, 0, volume, bytes([0x12, 0, 0]))
        await check(INQUIRY, 0, volume, bytes([0x12, 0, 0]), lun_ok=False)
        for attention in ({}, target.attentions[0, volume]):
            target.attentions[0, volume] = set(attention)
            sense = sense_word(next(iter(attention), NO_SENSE))
            await check(SENSE, 0, volume, bytes([3, 0, 0, 0, 20]), sense=sense)
        await check(CAPACITY_10, 0, volume, bytes([0x25]))
        await check(CAPACITY_16, 0, volume, bytes([0x9E, 0x10]))
        for ten in (0, 1):
            for page in (0x08, 0x0A, 0x3F, 0x48, 0x4A, 0x7F, 0x88, 0x8A, 0xBF):
                arg = (page >> 6) << 3 | (page & 0x3F != 0x08) << 2 | (page & 0x3F != 0x0A) << 1 | ten
                await check(MODE, arg, volume, bytes([0x5A if ten else 0x1A, 0, page]))
        for action in range(4):
            await check(RESERVE_IN, action, volume, bytes([0x5E, action]))
    for hidden in (0, 1, 8, 0xFFFF):
        target.nexuses[0] = (0, hidden)
        for select in (0, 1, 2):
            await check(LUNS, hidden << 16 | (select & 1), 0, bytes([0xA0, 0, select]))
    target.nexuses.clear()
    for timeouts in (0, 0x80):
        await check(OPCODES, timeouts << 20, 0, bytes([0xA3, 0x0C, timeouts]))
        for opcode, action in (*((o, a or 0) for o, a, _ in COMMANDS), (0x04, 0), (0x5F, 7), (0x5E, 0x100)):
            for options in (1, 2):
                cdb = struct.pack(">BBBBH", 0xA3, 0x0C, timeouts | options, opcode, action)
                await check(OPCODES, (timeouts | options) >> 7 << 27 | options << 24 | opcode << 16 | action, 0, cdb)
    await check(GROUPS, 0, 0, bytes([0xA3, 0x0A]))
    await check(COPY_LIMITS, 0, 0, bytes([0x84, 3]))
    target.nexuses[0] = (9, 0)
    dut.initiator.value = 9
    for number_ in range(40):
        device = rng.random() < 0.5
        end = CopyEnd(
            rng.choice(((0, 0, 0), (10, rng.randrange(256), rng.randrange(256)))), rng.getrandbits(16), 0,
            rng.getrandbits(32), rng.randrange(1, 9), rng.random() < 0.5,
            rng.randrange(256) if device else None, Sense(rng.randrange(16), *rng.randbytes(2)) if device else None,
        )  # fmt: skip
        end.segment = end.processed - 1
        target.copies.results.append(((9, 3, number_), end))
        for asked in (number_, number_ + 1):
            await check(COPY_STATUS, asked, 3, bytes([0x84, 0, asked]))
            await check(COPY_FAILURE, asked, 3, bytes([0x84, 4, asked]))
            assert world.asked[-2:] == [9 << 12 | 3 << 8 | asked] * 2
    world.copying = CopyEnd(processed=3, bytes_copied=0x12345600)
    await check(COPY_STATUS, 1, 3, None)
    assert b"".join(world.lines.values())[:12] == bytes.fromhex("00000008 00 0003 00 12345600")
    await check(COPY_FAILURE, 1, 3, None)
    assert number(dut.done_length) == 4
    world.copying = None
    target.nexuses.clear()
    world.lines.clear()
    await check(OPEN, 0, 0, None)
    assert not world.lines, "nothing is built in a page that is only opened"
