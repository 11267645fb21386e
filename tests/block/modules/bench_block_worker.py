# SPDX-License-Identifier: Apache-2.0
"""block_worker over a memory with random waits: fills, zeros, compares, compares and writes, stores, by blocks."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from back_port import BackPort
from clocked import Clocked, number

FILL, ZERO, COMPARE, MATCH, SWAP, STORE = range(24, 30)  # OP_*
BLOCK, SEGMENTS, PAGE_LINES = 512, 64, 128


class Memory(BackPort):
    """The cache back port and the segment list of one slot."""

    def __init__(self, dut: Any, rng: random.Random) -> None:
        super().__init__(dut, rng)
        self.segments: list[int] = []
        self.line = 0

    def drive(self) -> None:
        super().drive()
        self.dut.segment_line.value = self.line

    def sample(self) -> None:
        super().sample()
        index = number(self.dut.index)
        self.line = self.segments[index] * 256 if index < len(self.segments) else 0xFFFFF

    def place(self, first: int, block: int) -> int:
        """First line of a block of the chunk."""
        return self.segments[(first + block) // 8] * 256 + (first + block) % 8 * 32


@cocotb.test()
async def equals_bytes(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    memory = Memory(dut, rng)
    clocked = Clocked(dut, memory)
    names = "start op task_number first blocks done_taken segment_line bk_ready bk_rdata_valid bk_rdata"
    await clocked.start(**dict.fromkeys(names.split(), 0))
    outcomes = set()
    for _ in range(150):
        op, task = rng.choice((FILL, ZERO, COMPARE, MATCH, SWAP, STORE)), rng.randrange(32)
        first = rng.randrange(8)
        blocks = 1 if op == SWAP else rng.randint(1, 4) if op in (COMPARE, STORE) else rng.choice((1, 2, 9, 20))
        memory.segments = rng.sample(range(SEGMENTS), 17)
        before = [rng.randbytes(BLOCK) for _ in range(blocks)]
        given = [rng.randbytes(BLOCK) for _ in range(4)]
        if op == MATCH:
            before = [given[0]] * blocks
        if op == COMPARE:
            given[:blocks] = before
        if op == SWAP:
            given[0] = before[0]
        offset = None
        if op in (COMPARE, MATCH, SWAP) and rng.random() < 0.5:
            offset = rng.choice((0, 15, 16, 511, rng.randrange(BLOCK * blocks)))
            wrong = bytearray(before[offset // BLOCK])
            wrong[offset % BLOCK] ^= 1 << rng.randrange(8)
            before[offset // BLOCK] = bytes(wrong)
        page = SEGMENTS * 256 + PAGE_LINES * task
        memory.lines = {}
        memory.put(page, b"".join(given))
        for segment in memory.segments:
            memory.put(segment * 256, bytes(4096))
        for n, block in enumerate(before):
            memory.put(memory.place(first, n), block)
        untouched = dict(memory.lines)
        dut.op.value, dut.task_number.value, dut.first.value, dut.blocks.value = op, task, first, blocks
        dut.start.value = 1
        await clocked.clock()
        dut.start.value = 0
        for _ in range(20_000):
            if number(dut.done):
                break
            await clocked.clock()
        else:
            raise AssertionError("no answer in 20000 clocks")
        assert number(dut.differs) == (offset is not None)
        if offset is not None:
            assert number(dut.offset) == offset
        after = before
        if op in (FILL, ZERO):
            after = [given[0] if op == FILL else bytes(BLOCK)] * blocks
        if op == SWAP and offset is None:
            after = [given[1]]
        if op == STORE:
            after = given[:blocks]
        for n, block in enumerate(after):
            assert memory.get(memory.place(first, n), BLOCK) == block, f"op {op} block {n} of {blocks} from {first}"
            memory.put(memory.place(first, n), before[n])
        assert memory.lines == untouched, "something else was written"
        outcomes.add((op, offset is not None))
        dut.done_taken.value = 1
        await clocked.clock()
        dut.done_taken.value = 0
    assert len(outcomes) == 9
