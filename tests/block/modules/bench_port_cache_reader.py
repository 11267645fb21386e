# SPDX-License-Identifier: Apache-2.0
"""port_cache_reader: any frame of a segment pair comes out as its words in order, however cache and link pause."""

from __future__ import annotations

import random
from collections import deque
from typing import Any

import cocotb
from clocked import Clocked, number


def cache_word(address: int) -> int:
    return (address * 0x9E3779B1 ^ address >> 5) & 0xFFFFFFFF


class FrontPort:
    """Takes a request when it likes, answers 2 clocks later."""

    def __init__(self, dut: Any, rng: random.Random) -> None:
        self.dut, self.rng = dut, rng
        self.pipe: deque[int | None] = deque([None, None], maxlen=2)
        self.every: int | None = 4  # one turn every so many clocks, or at random
        self.count = 0
        self.lines: list[int] = []

    def drive(self) -> None:
        self.count += 1
        self.dut.fr_rd_ready.value = int(self.count % self.every == 0 if self.every else self.rng.random() < 0.4)
        due = self.pipe.popleft()
        self.dut.fr_rd_data_valid.value = int(due is not None)
        self.dut.fr_rd_data.value = (
            sum(cache_word(4 * due + i) << 96 - 32 * i for i in range(4)) if due is not None else (1 << 128) - 1
        )

    def sample(self) -> None:
        taken = number(self.dut.fr_rd_valid) and number(self.dut.fr_rd_ready)
        self.pipe.append(number(self.dut.fr_rd_line) if taken else None)
        if taken:
            self.lines.append(number(self.dut.fr_rd_line))


class Sink:
    """Takes words; with `gapless` it asserts that once started none is missing."""

    def __init__(self, dut: Any, rng: random.Random) -> None:
        self.dut, self.rng = dut, rng
        self.words: list[int] = []
        self.share = 1.0
        self.wanted = 0

    def drive(self) -> None:
        self.dut.word_ready.value = int(self.rng.random() < self.share)

    def sample(self) -> None:
        if number(self.dut.word_valid) and number(self.dut.word_ready):
            self.words.append(number(self.dut.word))


async def make(dut: Any) -> tuple[random.Random, Clocked, FrontPort, Sink]:
    rng = random.Random(cocotb.RANDOM_SEED)
    port, sink = FrontPort(dut, rng), Sink(dut, rng)
    clocked = Clocked(dut, port, sink)
    names = (
        "start position words base next_base_valid next_base flush word_ready fr_rd_ready fr_rd_data_valid fr_rd_data"
    )
    await clocked.start(**dict.fromkeys(names.split(), 0))
    return rng, clocked, port, sink


async def begin(clocked: Clocked, position: int, words: int, base: int, next_base: int) -> None:
    """Start one frame; the following segment is known a clock later."""
    dut = clocked.dut
    dut.position.value, dut.words.value, dut.base.value = position, words, base
    dut.start.value = 1
    await clocked.clock()
    dut.start.value = 0
    dut.next_base_valid.value, dut.next_base.value = 1, next_base
    await clocked.clock()
    dut.next_base_valid.value, dut.next_base.value = 0, 0xFFFFF


def expected(position: int, words: int, base: int, next_base: int) -> list[int]:
    """Words of the frame, by address: a segment is 1024 words."""
    first = (position & 0xFFF) >> 2
    return [cache_word((base if first + i < 1024 else next_base) * 4 + (first + i) % 1024) for i in range(words)]


@cocotb.test()
async def frames_word_for_word(dut: Any) -> None:
    rng, clocked, port, sink = await make(dut)
    edges = [
        (0, 1),
        (12, 1),
        (4, 3),
        (12, 512),
        (0xFFC, 1),
        (0xFFC, 2),
        (0xFF0, 5),
        (0x1FF8, 3),
        (0x804, 512),
        (0, 528),
    ]
    for number_, (position, words) in enumerate(
        edges + [(4 * rng.randrange(1 << 15), rng.randrange(1, 120)) for _ in range(60)]
    ):
        port.every = rng.choice((4, 4, 1, None))
        sink.share = rng.choice((1.0, 1.0, 0.5, 0.1)) if words < 200 else 1.0
        base, next_base = 256 * rng.randrange(4096), 256 * rng.randrange(4096)
        port.lines.clear()
        sink.words.clear()
        await begin(clocked, position, words, base, next_base)
        deadline = clocked.now + 40 * words + 60
        while len(sink.words) < words:
            assert clocked.now < deadline, f"frame {number_}: {len(sink.words)} of {words} words"
            await clocked.clock()
        await clocked.clocks(6)
        assert sink.words == expected(position, words, base, next_base)
        assert len(port.lines) == ((position >> 2) % 4 + words + 3) // 4, "a line was read that the frame does not need"
        assert number(dut.idle)


@cocotb.test()
async def keeps_up_with_the_link(dut: Any) -> None:
    """One line every 4 clocks is enough for a word a clock: no gap from the first word a link takes 12 clocks later."""
    _, clocked, port, sink = await make(dut)
    for phase in range(4):
        for position in (0, 4, 8, 12, 0xF04):
            sink.words.clear()
            sink.share = 0.0
            port.count = phase
            await begin(clocked, position, 400, 0, 512)
            await clocked.clocks(10)
            sink.share = 1.0
            await clocked.clocks(400)
            assert sink.words == expected(position, 400, 0, 512), f"{len(sink.words)} words in 400 clocks"
            await clocked.clocks(4)


@cocotb.test()
async def a_frame_given_up_leaves_nothing(dut: Any) -> None:
    """Flushed at any moment: idle once the last answer has come, and the next frame has only its own words."""
    rng, clocked, port, sink = await make(dut)
    for moment in range(50):
        port.every = rng.choice((4, 1, None))
        sink.share = rng.choice((1.0, 0.3))
        await begin(clocked, 4 * rng.randrange(1024), 64, 0, 256)
        await clocked.clocks(moment)
        dut.flush.value = 1
        for _ in range(60):
            await clocked.clock()
            if number(dut.idle):
                break
        assert number(dut.idle)
        dut.flush.value = 0
        await clocked.clocks(rng.randrange(3))
        sink.words.clear()
        position = 4 * rng.randrange(1024)
        await begin(clocked, position, 20, 1024, 2048)
        for _ in range(400):
            await clocked.clock()
            if len(sink.words) == 20:
                break
        assert sink.words == expected(position, 20, 1024, 2048), f"after a flush at clock {moment}"
        await clocked.clocks(4)
