# SPDX-License-Identifier: Apache-2.0
"""scsi_decode against model/scsi_target.py: what a CDB is, its range, its allocation length, or its sense data."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from clocked import Clocked, number

from portplex.model.scsi_target import (
    COMMANDS,
    Action,
    RefusedError,
    ScsiTarget,
    VolumeState,
    access_of,
    cdb_length,
    sense_word,
)

NONE, PAGE, READ, WRITE, VERIFY, SYNC, ERROR, CALL, FILL, ZERO, COMPARE, MATCH, SWAP, PREFETCH, CONFIRM, PROVE = range(
    16
)
KINDS = {
    Action.NONE: SYNC, Action.SYNC: SYNC, Action.PROVE: PROVE,
    Action.READ: READ, Action.WRITE: WRITE, Action.VERIFY: VERIFY, Action.CONFIRM: CONFIRM,
    Action.FILL: FILL,
    Action.ZERO: ZERO, Action.COMPARE: COMPARE, Action.MATCH: MATCH, Action.SWAP: SWAP,
}  # fmt: skip
ACCESSES = {"": 0, "status": 1, "read": 2, "write": 3, "reserve": 4, "out": 5}
WWNN = 0x20000000_50580001
# where a command that describes the array keeps its allocation length: first byte, bytes
ALLOCATION = {
    0x03: (4, 1), 0x12: (3, 2), 0x1A: (4, 1), 0x5A: (7, 2), 0x5E: (7, 2), 0x84: (10, 4), 0x9E: (10, 4),
    0xA0: (6, 4), 0xA3: (6, 4),
}  # fmt: skip


def range_of(cdb: bytes) -> tuple[int, int]:
    """First block and blocks of a command with a block range (SBC-3, by length of the CDB)."""
    at, size, blocks_at, blocks_size = {6: (1, 3, 4, 1), 10: (2, 4, 7, 2), 12: (2, 4, 6, 4), 16: (2, 8, 10, 4)}[
        cdb_length(cdb[0])
    ]
    lba = int.from_bytes(cdb[at : at + size], "big")
    blocks = int.from_bytes(cdb[blocks_at : blocks_at + blocks_size], "big")
    if cdb[0] == 0x1B:  # stopping: the whole volume
        return 0, 0
    if cdb[0] == 0x89:  # COMPARE AND WRITE
        return lba, cdb[13]
    return (lba & 0x1FFFFF, blocks or 256) if size == 3 else (lba, blocks)


class Bench:
    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.clocked = Clocked(dut)
        self.target = ScsiTarget([VolumeState(1000)], WWNN)

    def expect(self, cdb: bytes) -> tuple[int, int, int]:
        """Kind, sense word, allocation or parameter list length."""
        target, opcode = self.target, cdb[0]
        if opcode not in {c[0] for c in COMMANDS}:
            return ERROR, 0x052000, 0
        try:
            media, length = target.media(cdb), target.list_length(cdb)
            # which one REPORT SUPPORTED OPERATION CODES asks for, the responder looks up
            one = opcode == 0xA3 and cdb[1] & 0x1F == 0x0C and cdb[2] & 7 in (1, 2)
            # and which copy RECEIVE COPY RESULTS asks for
            copy = opcode == 0x84 and cdb[1] & 0x1F in (0, 4)
            if media is None and length is None and not one and not copy:
                target.page(cdb, 0, 0)
            if cdb[cdb_length(opcode) - 1] & 4:  # NACA
                return ERROR, 0x052400, 0
        except RefusedError as refused:
            return ERROR, sense_word(refused.sense), 0
        if media is not None:
            return (PREFETCH if opcode in (0x34, 0x90) else KINDS[media[0]]), 0, 0
        if length is not None:
            return (NONE if opcode in (0x15, 0x42, 0x55, 0x83) and not length else CALL), 0, length
        at, size = ALLOCATION.get(opcode, (0, 0))
        allocation = int.from_bytes(cdb[at : at + size], "big") if size else 8  # READ CAPACITY(10) has none
        return (NONE if opcode in (0x00, 0x1B) else PAGE), 0, allocation

    async def check(self, cdb: bytes) -> int:
        dut = self.dut
        cdb = cdb.ljust(16, b"\0")
        dut.cdb.value, dut.start.value = int.from_bytes(cdb, "big"), 1
        await self.clocked.clock()
        dut.start.value, dut.cdb.value = 0, (1 << 128) - 1
        await self.clocked.clock()  # the outputs hold
        kind, sense, length = self.expect(cdb)
        assert number(dut.kind) == kind, f"{cdb.hex()}: kind {number(dut.kind)}, not {kind}"
        if kind == ERROR:
            assert number(dut.sense) == sense, f"{cdb.hex()}: sense {number(dut.sense):06x}, not {sense:06x}"
        elif kind in (READ, WRITE, VERIFY, SYNC, PREFETCH, CONFIRM, PROVE, *range(FILL, SWAP + 1)):
            lba, blocks = range_of(cdb)
            assert number(dut.lba_over) == (lba >> 32 != 0), cdb.hex()
            assert (number(dut.lba), number(dut.blocks)) == (lba & 0xFFFFFFFF, blocks), cdb.hex()
        elif kind in (PAGE, CALL):
            assert number(dut.allocation) == length, cdb.hex()
        known = kind != ERROR or sense != 0x052000
        assert number(dut.any_state) == (known and cdb[0] in (0x03, 0x12, 0xA0))
        assert number(dut.inquiry) == (cdb[0] == 0x12) and number(dut.request_sense) == (cdb[0] == 0x03)
        assert number(dut.report_luns) == (cdb[0] == 0xA0)
        assert not known or number(dut.access) == ACCESSES[access_of(cdb)], cdb.hex()
        writing = kind in (WRITE, CONFIRM, PROVE, FILL, ZERO, SWAP) or (kind == CALL and cdb[0] == 0x42)
        assert kind in (ERROR, NONE) or number(dut.writes) == writing, cdb.hex()
        if kind != ERROR:
            stops = cdb[0] == 0x1B and not cdb[4] & 1
            at_once = (cdb[0] in (0x34, 0x90) and cdb[1] & 2) or (cdb[0] in (0x35, 0x91) and cdb[1] & 6)
            assert (number(dut.starts), number(dut.stops)) == (cdb[0] == 0x1B and not stops, stops), cdb.hex()
            assert number(dut.unit_ready) == (cdb[0] == 0) and number(dut.immediate) == bool(at_once), cdb.hex()
            assert number(dut.through) == self.target.through(cdb), cdb.hex()
        return kind


async def make(dut: Any) -> tuple[random.Random, Bench]:
    bench = Bench(dut)
    await bench.clocked.start(start=0, cdb=0)
    return random.Random(cocotb.RANDOM_SEED), bench


@cocotb.test()
async def every_opcode_and_every_bit(dut: Any) -> None:
    """All 256 opcodes; then each command in a good form with each single bit of its CDB turned."""
    _, bench = await make(dut)
    for opcode in range(256):
        await bench.check(bytes([opcode]))
    for opcode, action, size in COMMANDS:
        good = bytearray(size)
        good[0] = opcode
        if action is not None:
            good[1] = action
        if opcode == 0x1B:
            good[4] = 1
        if opcode in (0x1A, 0x5A):
            good[2] = 0x3F
        if opcode in (0x15, 0x55):
            good[1] = 0x10
        if opcode in (0x41, 0x5F, 0x93):
            good[{0x41: 8, 0x5F: 8, 0x93: 13}[opcode]] = 24
        assert await bench.check(bytes(good)) != ERROR, f"{opcode:02x}"
        for bit in range(8, 8 * size):
            turned = bytearray(good)
            turned[bit // 8] ^= 1 << bit % 8
            await bench.check(bytes(turned))


@cocotb.test()
async def random_descriptor_blocks(dut: Any) -> None:
    """Random CDBs of known commands, with and without illegal bits; all pages of INQUIRY and MODE SENSE."""
    rng, bench = await make(dut)
    for page in range(256):
        await bench.check(bytes([0x12, 1, page, 1, 0, 0]))
        await bench.check(bytes([0x1A, 0, page, 0, 255, 0]))
        await bench.check(bytes([0xA0, 0, page, 0, 0, 0, 0, 0, 1, 0, 0, 0]))  # SELECT REPORT
        await bench.check(bytes([0x5A, 0, page, 0xFF, 0, 0, 0, 1, 0, 0]))
    kinds = set()
    for _ in range(3000):
        opcode, action, size = rng.choice(COMMANDS)
        cdb = bytearray(rng.randbytes(size)) if rng.random() < 0.5 else bytearray(size)
        cdb[0] = opcode
        for _ in range(rng.randrange(4)):
            cdb[rng.randrange(1, size)] = rng.choice((0, 1, 2, 0x10, 0xFF, rng.randrange(256)))
        if rng.random() < 0.7:
            cdb[1] = action or (0x10 if opcode in (0x15, 0x55) else rng.choice((0, 0, 1, 2, 6)))
        if opcode == 0x5F and rng.random() < 0.7:
            cdb[5:9] = bytes((0, 0, 0, 24))
        if rng.random() < 0.7:
            cdb[-1] = 0
        if size == 16 and rng.random() < 0.5:
            cdb[2:6] = bytes(4)
            cdb[10:12] = bytes(2)
        kinds.add(await bench.check(bytes(cdb)))
    assert kinds == set(range(16))


@cocotb.test()
async def edges_of_lengths(dut: Any) -> None:
    """Transfer lengths around 0, 256, 65535; LBAs around 2 to the 21 and 2 to the 32."""
    _, bench = await make(dut)
    for blocks in (0, 1, 255, 256, 65534, 65535, 65536, (1 << 32) - 1):
        for lba in (0, 1, (1 << 21) - 1, (1 << 32) - 1, 1 << 32, (1 << 64) - 1):
            for opcode in (0x88, 0x8A, 0x8F, 0x91):
                await bench.check(bytes([opcode, 0]) + lba.to_bytes(8, "big") + blocks.to_bytes(4, "big") + bytes(2))
            low = (lba & 0xFFFFFFFF).to_bytes(4, "big")
            for opcode in (0xA8, 0xAA):
                await bench.check(bytes([opcode, 0]) + low + blocks.to_bytes(4, "big") + bytes(2))
            for opcode in (0x28, 0x2A, 0x2F, 0x35):
                await bench.check(bytes([opcode, 0]) + low + b"\0" + (blocks & 0xFFFF).to_bytes(2, "big") + b"\0")
            for opcode in (0x08, 0x0A):
                await bench.check(bytes([opcode]) + (lba & 0x1FFFFF).to_bytes(3, "big") + bytes([blocks & 255, 0]))
