# SPDX-License-Identifier: Apache-2.0
"""port_cache_writer: the cache holds exactly the words of each frame where they belong, and nothing else."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from clocked import Clocked, number


class FrontPort:
    """A memory by byte address that honours strobes."""

    def __init__(self, dut: Any, rng: random.Random) -> None:
        self.dut, self.rng = dut, rng
        self.bytes: dict[int, int] = {}
        self.every: int | None = 4
        self.count = 0
        self.writes = 0
        self.word_ready = False
        self.held: tuple[int, int, int] | None = None

    def drive(self) -> None:
        self.count += 1
        self.dut.fr_wr_ready.value = int(self.count % self.every == 0 if self.every else self.rng.random() < 0.3)

    def sample(self) -> None:
        dut = self.dut
        self.word_ready = bool(number(dut.word_ready))
        if not number(dut.fr_wr_valid):
            assert self.held is None, "a write was withdrawn"
            return
        record = number(dut.fr_wr_line), number(dut.fr_wr_data), number(dut.fr_wr_strobe)
        assert self.held in (None, record), "a waiting write has changed"
        self.held = record
        if number(dut.fr_wr_ready):
            self.held = None
            self.writes += 1
            line, data, strobe = record
            assert strobe, "a write without a byte"
            for i in range(16):
                if strobe >> (15 - i) & 1:
                    self.bytes[16 * line + i] = data >> 8 * (15 - i) & 0xFF


@cocotb.test()
async def frames_byte_for_byte(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    port = FrontPort(dut, rng)
    clocked = Clocked(dut, port)
    names = "start position base next_base_valid next_base word_valid word word_last fr_wr_ready"
    await clocked.start(**dict.fromkeys(names.split(), 0))
    edges = [(0, 1), (12, 1), (4, 2), (8, 3), (12, 512), (0xFFC, 2), (0xFF4, 8), (0x1FFC, 1), (0x800, 512), (0, 4)]
    for position, words in edges + [(4 * rng.randrange(1 << 15), rng.randrange(1, 100)) for _ in range(60)]:
        port.every = rng.choice((4, 1, None))
        port.bytes.clear()
        port.writes = 0
        data = [rng.randrange(1 << 32) for _ in range(words)]
        base, next_base = (256 * n for n in rng.sample(range(4096), 2))
        dut.position.value, dut.base.value, dut.start.value = position, base, 1
        await clocked.clock()
        dut.start.value, dut.next_base_valid.value, dut.next_base.value = 0, 1, next_base
        sent, slow, deadline = 0, rng.random() < 0.3, clocked.now + 30 * words + 60
        while sent < words:
            assert clocked.now < deadline
            offer = not slow or rng.random() < 0.5
            dut.word_valid.value = int(offer)
            dut.word.value = data[sent] if offer else rng.randrange(1 << 32)
            dut.word_last.value = int(sent == words - 1)
            await clocked.clock()
            sent += int(offer and port.word_ready)
            dut.next_base_valid.value, dut.next_base.value = 0, 0xFFFFF
        dut.word_valid.value = 0
        while not number(dut.idle):
            assert clocked.now < deadline
            await clocked.clock()
        first = (position & 0xFFF) >> 2
        expected = {}
        for i, word in enumerate(data):
            address = (base if first + i < 1024 else next_base) * 16 + 4 * ((first + i) % 1024)
            expected |= {address + k: word >> 24 - 8 * k & 0xFF for k in range(4)}
        assert port.bytes == expected, f"position {position:#x}, {words} words"
        assert port.writes == (first % 4 + words + 3) // 4, "more writes than lines"
