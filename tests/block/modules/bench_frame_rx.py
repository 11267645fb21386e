# SPDX-License-Identifier: Apache-2.0
"""frame_rx: each reason to discard a frame alone, the queue of good frames, buffers owed back, link reset."""

from __future__ import annotations

import os
import random
import zlib
from collections import Counter, deque
from typing import Any

import cocotb
from clocked import Clocked, number
from disparity import ends_positive

BUFFERS = int(os.environ["RX_BUFFERS"])
DATA, FILL, R_RDY, SOFI3, SOFN3, SOF_CREDIT, SOF_OTHER, EOFT, EOFN, EOF_BAD, OTHER, INVALID = (
    0, 1, 2, 7, 8, 9, 10, 11, 12, 13, 14, 15,
)  # fmt: skip
CRC, LONG, TRUNCATED, EOF, SOF, OVERRUN, CHARACTER, RESET, GOOD = range(5, 14)


class Bench:
    """Words in; events, freed buffers and frames out."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.clocked = Clocked(dut, self)
        self.events: Counter[int] = Counter()
        self.freed = 0

    def drive(self) -> None:
        pass

    def sample(self) -> None:
        events = number(self.dut.events)
        self.events.update(n for n in range(16) if events >> n & 1)
        self.freed += number(self.dut.buffers_freed)

    async def start(self) -> None:
        await self.clocked.start(
            word_kind=FILL, word_data=0, word_eof_positive=0, active=1, flush=0, rxf_rd_addr=0, rxf_pop=0
        )

    async def word(self, kind: int, data: int = 0, positive: bool = False) -> None:
        dut = self.dut
        dut.word_kind.value, dut.word_data.value, dut.word_eof_positive.value = kind, data, int(positive)
        await self.clocked.clock()
        dut.word_kind.value = FILL

    def body(self, payload_words: int) -> bytes:
        frame = self.rng.randbytes(24 + 4 * payload_words)
        return frame + zlib.crc32(frame).to_bytes(4, "little")

    async def frame(
        self, body: bytes, sof: int = SOFI3, eof: int | None = EOFT, *, wrong_disparity: bool = False, bad_at: int = -1
    ) -> None:
        """One frame; `bad_at` puts an invalid word before that word of the body; `eof` None leaves IDLE instead."""
        await self.word(sof)
        for i in range(0, len(body), 4):
            if i == 4 * bad_at:
                await self.word(INVALID)
            await self.word(DATA, int.from_bytes(body[i : i + 4], "big"))
        await self.word(FILL if eof is None else eof, positive=ends_positive(body) != wrong_disparity)
        await self.clocked.clocks(6)

    async def expect(self, events: dict[int, int], freed: int, what: str) -> None:
        """What came since the last call: events, buffers freed; clears both."""
        await self.clocked.clocks(3)
        assert dict(self.events) == events, f"{what}: events {dict(self.events)}"
        assert self.freed == freed, f"{what}: {self.freed} buffers freed"
        self.events.clear()
        self.freed = 0

    async def take(self, body: bytes, sof: int = SOFI3, eof: int = EOFT) -> None:
        """The head of the queue is this frame; pop it."""
        dut = self.dut
        for _ in range(4):
            if number(dut.rxf_valid):
                break
            await self.clocked.clock()
        assert number(dut.rxf_valid), "no frame in the queue"
        assert number(dut.rxf_header) == int.from_bytes(body[:24], "big")
        words = len(body) // 4 - 7
        assert number(dut.rxf_words) == words
        assert number(dut.rxf_sof_initiate) == (sof == SOFI3) and number(dut.rxf_eof_terminate) == (eof == EOFT)
        for i in range(words):
            dut.rxf_rd_addr.value = i
            await self.clocked.clock()
            assert number(dut.rxf_rd_data) == int.from_bytes(body[24 + 4 * i : 28 + 4 * i], "big"), f"word {i}"
        dut.rxf_pop.value = 1
        await self.clocked.clock()
        dut.rxf_pop.value = 0


@cocotb.test()
async def every_reason_alone(dut: Any) -> None:
    """One thing wrong in a frame: one event under its number, one buffer owed when the sender used a credit."""
    bench = Bench(dut)
    await bench.start()
    good = bench.body(5)
    flipped = bytearray(good)
    flipped[30] ^= 0x10
    cases: tuple[tuple[str, dict[str, Any], dict[int, int], int], ...] = (
        ("a CRC error", {"body": bytes(flipped)}, {CRC: 1}, 1),
        ("529 payload words", {"body": bench.body(529)}, {LONG: 1}, 1),
        ("600 payload words", {"body": bench.body(600)}, {LONG: 1}, 1),
        ("a header without CRC", {"body": bench.rng.randbytes(24)}, {TRUNCATED: 1}, 1),
        ("SOF and EOF alone", {"body": b""}, {TRUNCATED: 1}, 1),
        ("no EOF", {"body": good, "eof": None}, {TRUNCATED: 1}, 1),
        ("EOFa", {"body": good, "eof": EOF_BAD}, {EOF: 1}, 1),
        ("EOF of the wrong disparity", {"body": good, "wrong_disparity": True}, {EOF: 1}, 1),
        ("an invalid word", {"body": good, "bad_at": 3}, {CHARACTER: 1}, 1),
        ("an R_RDY inside", {"body": good, "eof": R_RDY}, {TRUNCATED: 1}, 1),
        ("SOFi2", {"body": good, "sof": SOF_CREDIT}, {SOF: 1}, 1),
        ("SOF of another class", {"body": good, "sof": SOF_OTHER}, {SOF: 1}, 0),
        ("SOF not recognised", {"body": good, "sof": FILL}, {SOF: 1}, 0),
        ("EOF alone", {"body": b"", "sof": FILL}, {SOF: 1}, 0),
    )
    for what, frame, events, freed in cases:
        await bench.frame(**frame)
        await bench.expect(events, freed, what)
        assert not number(dut.rxf_valid), what
        await bench.frame(good)
        await bench.take(good)
        await bench.expect({GOOD: 1}, 1, f"the good frame after {what}")
    # the next SOF ends a frame whose EOF was lost
    await bench.word(SOFI3)
    for _ in range(9):
        await bench.word(DATA, 0)
    await bench.frame(good, SOFN3, EOFN)
    await bench.take(good, SOFN3, EOFN)
    await bench.expect({TRUNCATED: 1, GOOD: 1}, 2, "a frame that begins inside another")


@cocotb.test()
async def good_frames_in_order(dut: Any) -> None:
    """Every edge of the length; the queue filled up, one frame too many, and emptied in order."""
    bench = Bench(dut)
    await bench.start()
    for words in (0, 1, 2, 527, 528):
        body = bench.body(words)
        await bench.frame(body, SOFN3, EOFN)
        await bench.take(body, SOFN3, EOFN)
        await bench.expect({GOOD: 1}, 1, f"{words} words")
    waiting: deque[tuple[bytes, int, int]] = deque()
    for round_number in range(3):
        while len(waiting) < BUFFERS:
            kind = bench.rng.choice((SOFI3, SOFN3)), bench.rng.choice((EOFT, EOFN))
            waiting.append((bench.body(bench.rng.randrange(0, 20)), *kind))
            await bench.frame(*waiting[-1])
        bench.events.clear()
        await bench.frame(bench.body(3))
        await bench.expect({OVERRUN: 1}, 0 if round_number == 0 else bench.freed, "one more than there are buffers")
        for _ in range(bench.rng.randrange(1, BUFFERS + 1) if round_number < 2 else BUFFERS):
            await bench.take(*waiting.popleft())
    await bench.clocked.clocks(3)
    assert not number(dut.rxf_valid) and not waiting


@cocotb.test()
async def link_reset_keeps_only_the_head(dut: Any) -> None:
    """Frames in the queue are lost and counted, no R_RDY is owed for them nor for the head that stays; all buffers are
    there for what comes next."""
    bench = Bench(dut)
    await bench.start()
    for queued in range(BUFFERS + 1):
        bodies = [bench.body(n) for n in range(queued)]
        for body in bodies:
            await bench.frame(body)
        await bench.word(SOFI3)  # a frame on its way in
        await bench.word(DATA, 1)
        bench.events.clear()
        bench.freed = 0
        dut.active.value, dut.flush.value = 0, 1
        await bench.clocked.clock()
        dut.flush.value = 0
        await bench.clocked.clocks(BUFFERS + 5)
        on_its_way = int(queued < BUFFERS)  # else it was an overrun
        lost = max(0, queued - 1) + on_its_way
        bench.events.pop(OVERRUN, None)
        await bench.expect({RESET: lost} if lost else {}, 0, f"reset with {queued} frames")
        await bench.frame(bench.body(2))
        await bench.expect({RESET: 1}, 0, "a frame while the link is not active")
        dut.active.value = 1
        after = [bench.body(n) for n in range(BUFFERS)]
        for body in after:
            await bench.frame(body)
        await bench.expect({GOOD: BUFFERS}, 0, "as many frames as buffers, with the old head still there")
        if bodies:
            await bench.take(bodies[0])
            await bench.expect({}, 0, "the old head")
        for body in after:
            await bench.take(body)
        await bench.expect({}, BUFFERS, "the new frames")
        assert not number(dut.rxf_valid)
