# SPDX-License-Identifier: Apache-2.0
"""frame_tx: every word on the wire, against the known-answer frames, zlib and the rules of FC-FS between frames."""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import cocotb
from clocked import Clocked, number
from disparity import ends_positive

IDLE, R_RDY, OLS = 0xBC95B5B5, 0xBC954A4A, 0xBC358A55
SOFI3, SOFN3 = 0xBCB55656, 0xBCB53636
EOFT, EOFN, EOFA = 0x7575, 0xD5D5, 0xF5F5  # low half; the other says after which disparity
GAP = 6
DATA = json.loads((Path(__file__).parents[2] / "data" / "known_answer_frames.json").read_text())["frames"]


def eof_word(kind: int, body: bytes) -> int:
    return (0xBCB5 if ends_positive(body) else 0xBC95) << 16 | kind


@dataclass
class Frame:
    header: bytes
    payload: bytes
    initiate: bool = True
    terminate: bool = True
    missing: int = -1  # the payload word that does not come

    def wire(self) -> list[int]:
        """What must be on the wire: SOF, words, CRC, EOF."""
        body = self.header + self.payload
        if self.missing >= 0:
            body, kind = body[: 24 + 4 * self.missing], EOFA
        else:
            body, kind = body + zlib.crc32(body).to_bytes(4, "little"), EOFT if self.terminate else EOFN
        words = [int.from_bytes(body[i : i + 4], "big") for i in range(0, len(body), 4)]
        return [SOFI3 if self.initiate else SOFN3, *words, eof_word(kind, body)]


@dataclass
class Wire:
    """What was on the wire, word by word, and the strobes beside it."""

    words: list[int] = field(default_factory=list)
    special: list[bool] = field(default_factory=list)
    done: list[int] = field(default_factory=list)  # clocks
    sent: list[int] = field(default_factory=list)
    underrun: list[int] = field(default_factory=list)
    frame_start: list[int] = field(default_factory=list)
    r_rdy_start: list[int] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)
    request: list[bool] = field(default_factory=list)

    def frames(self) -> list[tuple[int, int]]:
        """First and last word of each frame that has both."""
        found, start = [], None
        for i, (word, special) in enumerate(zip(self.words, self.special, strict=True)):
            if not special:
                assert start is not None, f"a data word outside a frame, clock {i}"
            elif word in (SOFI3, SOFN3):
                assert start is None, f"SOF inside a frame, clock {i}"
                start = i
            elif start is not None:
                if word & 0xFFFF in (EOFT, EOFN, EOFA):
                    found.append((start, i))
                start = None
        return found

    def between(self) -> list[list[int]]:
        """The words between one frame and the next."""
        return [self.words[a + 1 : b] for (_, a), (b, _) in pairwise(self.frames())]


class Bench:
    """A port that offers frames, buffers that are freed, a peer that gives credit, and the wire."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.clocked = Clocked(dut, self)
        self.offers: list[Frame] = []
        self.taken: list[Frame] = []
        self.index = 0
        self.credit = 1000
        self.owed = 0
        self.urgent = False
        self.active = True
        self.wire = Wire()

    def drive(self) -> None:
        dut = self.dut
        dut.active.value, dut.state_word.value = int(self.active), OLS
        dut.credit_available.value = int(self.credit > 0)
        dut.r_rdy_owed.value = int(self.owed > 0)
        dut.r_rdy_urgent.value = int(self.urgent and self.owed > 0)
        dut.txf_valid.value = int(bool(self.offers))
        if self.offers:
            frame = self.offers[0]
            dut.txf_header.value = int.from_bytes(frame.header, "big")
            dut.txf_words.value = len(frame.payload) // 4
            dut.txf_sof_initiate.value, dut.txf_eof_terminate.value = int(frame.initiate), int(frame.terminate)
        payload = self.taken[-1].payload[4 * self.index :][:4] if self.taken else b""
        missing = bool(self.taken) and self.index == self.taken[-1].missing
        dut.txf_data_valid.value = int(bool(payload) and not missing)
        dut.txf_data.value = int.from_bytes(payload, "big")

    def sample(self) -> None:
        dut, wire, now = self.dut, self.wire, len(self.wire.words)
        wire.words.append(number(dut.tx_data))
        assert number(dut.tx_charisk) in (0, 8)
        wire.special.append(number(dut.tx_charisk) == 8)
        wire.request.append(bool(number(dut.txf_request)))
        for strobe, seen in (("txf_done", wire.done), ("stat_frame_sent", wire.sent), ("stat_underrun", wire.underrun)):
            if number(getattr(dut, strobe)):
                seen.append(now)
        if number(dut.txf_data_ready) and number(dut.txf_data_valid):
            if self.index == 0:
                assert now == wire.taken[-1] + 7, "the first payload word is taken 7 clocks after the frame"
            self.index += 1
        assert number(dut.frame_start) == number(dut.txf_valid) & number(dut.txf_ready)
        if number(dut.txf_ready):
            assert self.active and self.credit > 0, "ready without credit or link"
        if number(dut.frame_start):
            wire.frame_start.append(now)
            wire.taken.append(now)
            self.taken.append(self.offers.pop(0))
            self.index = 0
            self.credit -= 1
        if number(dut.r_rdy_start):
            assert self.owed > 0, "an R_RDY that nobody is owed"
            wire.r_rdy_start.append(now)
            self.owed -= 1

    async def start(self) -> None:
        await self.clocked.start(
            active=0, state_word=OLS, credit_available=0, r_rdy_owed=0, r_rdy_urgent=0, txf_valid=0, txf_header=0,
            txf_words=0, txf_sof_initiate=0, txf_eof_terminate=0, txf_data=0, txf_data_valid=0,
        )  # fmt: skip
        await self.clocked.clock()
        self.wire = Wire()

    def frame(self, words: int, **given: Any) -> Frame:
        rng = self.rng
        ends: dict[str, Any] = {"initiate": rng.random() < 0.5, "terminate": rng.random() < 0.5}
        return Frame(rng.randbytes(24), rng.randbytes(4 * words), **(ends | given))

    async def until_sent(self, limit: int) -> None:
        deadline = self.clocked.now + limit
        while self.offers or len(self.wire.done) < len(self.taken):
            assert self.clocked.now < deadline, f"{len(self.offers)} frames are still waiting"
            await self.clocked.clock()
        await self.clocked.clock()

    def check_frames(self, frames: Iterable[Frame]) -> None:
        """Each frame word for word, its strobes in the right clock, and what must stand between frames."""
        frames, wire = list(frames), self.wire
        places = wire.frames()
        assert len(places) == len(frames)
        for frame, (start, end) in zip(frames, places, strict=True):
            assert wire.words[start : end + 1] == frame.wire()
            assert not any(wire.special[start + 1 : end]), "a data word with a K flag"
        assert wire.frame_start == [start - 1 for start, _ in places]
        assert wire.done == [end for _, end in places]
        good = [end for frame, (_, end) in zip(frames, places, strict=True) if frame.missing < 0]
        assert wire.sent == good and wire.underrun == [end for _, end in places if end not in good]
        assert [i for i, word in enumerate(wire.words) if word == R_RDY and wire.special[i]] == [
            clock + 1 for clock in wire.r_rdy_start
        ]
        for gap in wire.between():
            assert set(gap) <= {IDLE, R_RDY} and len(gap) >= GAP, f"{len(gap)} words between frames"
            for i, word in enumerate(gap):
                if word == R_RDY:
                    assert gap[i - 2 : i] == [IDLE] * 2 == gap[i + 1 : i + 3], "two IDLEs on each side of an R_RDY"


@cocotb.test()
async def known_answers(dut: Any) -> None:
    """The frames of the protocol facts, byte for byte; and once more as any frame: CRC by zlib, EOF by 8b/10b."""
    bench = Bench(dut)
    await bench.start()
    frames = [
        Frame(
            header=bytes.fromhex(known["header"]),
            payload=bytes.fromhex(known["payload"]),
            initiate=known["sof"] == "SOFi3",
            terminate=int(known["eof"], 16) & 0xFFFF == EOFT,
        )
        for known in DATA
    ]
    bench.offers = list(frames)
    await bench.until_sent(10_000)
    bench.check_frames(frames)
    for known, (start, end) in zip(DATA, bench.wire.frames(), strict=True):
        words = bench.wire.words[start : end + 1]
        assert words[0] == (SOFI3 if known["sof"] == "SOFi3" else SOFN3) and words[-1] == int(known["eof"], 16)
        assert words[-2] == int(known["crc"], 16) and 4 * len(words) == known["bytes"]


@cocotb.test()
async def no_word_is_lost_between_frames(dut: Any) -> None:
    """A frame always offered: 6 words between frames, an R_RDY among them for nothing; an urgent one costs 3 words."""
    bench = Bench(dut)
    await bench.start()
    for owed, urgent, most in ((0, False, GAP), (1, False, GAP), (9, False, GAP), (1, True, GAP), (3, True, GAP + 6)):
        bench.wire, bench.taken = Wire(), []
        frames = [bench.frame(words) for words in (0, 1, 2, 527, 528, 0, 3)]
        bench.offers = list(frames)
        bench.owed, bench.urgent = owed, urgent
        await bench.until_sent(3000)
        bench.check_frames(frames)
        gaps = bench.wire.between()
        assert max(map(len, gaps)) == most or (urgent and max(map(len, gaps)) <= most), [len(gap) for gap in gaps]
        assert len(bench.wire.r_rdy_start) == owed or (
            owed > len(frames) and sum(gap.count(R_RDY) for gap in gaps) == len(gaps)
        )
        for _, end in bench.wire.frames()[:-1]:
            crc = end - 1
            assert bench.wire.request[crc] and not bench.wire.request[crc - 1], "request rises with the CRC word"
            assert crc + 8 in [start for start, _ in bench.wire.frames()] or urgent
        bench.owed = 0
        await bench.clocked.clocks(20)


@cocotb.test()
async def random_traffic(dut: Any) -> None:
    """Frames, credit, R_RDYs owed and missing words at random: an R_RDY for each owed, no frame without credit."""
    bench = Bench(dut)
    await bench.start()
    rng = bench.rng
    frames = []
    freed = 0
    for _ in range(150):
        words = rng.choice((0, 1, 2, 5, 16, 30))
        missing = rng.randrange(words) if words and rng.random() < 0.15 else -1
        frames.append(bench.frame(words, missing=missing))
    waiting = list(frames)
    bench.credit = 3
    while waiting or bench.offers or bench.owed or len(bench.wire.done) < len(frames):
        assert bench.clocked.now < 20_000, f"{len(waiting)} frames left"
        if waiting and not bench.offers and rng.random() < 0.2:
            bench.offers.append(waiting.pop(0))
        elif bench.offers and rng.random() < 0.01:  # an offer may be withdrawn
            waiting.insert(0, bench.offers.pop())
        if rng.random() < 0.04:
            bench.credit += 1
        if rng.random() < 0.03:
            bench.owed += 1
            freed += 1
        bench.urgent = bench.owed >= 3
        await bench.clocked.clock()
    bench.urgent = False
    await bench.clocked.clocks(10)
    bench.check_frames(frames)
    assert len(bench.wire.r_rdy_start) == freed


@cocotb.test()
async def cut_off_with_the_link(dut: Any) -> None:
    """The link leaves AC at each word of a frame: primitives at once, no EOF, no `txf_done`; then 6 IDLEs first."""
    bench = Bench(dut)
    await bench.start()
    length = 1 + 6 + 3 + 1  # SOF to CRC
    for moment in range(length):
        bench.wire, bench.taken = Wire(), []
        bench.offers = [bench.frame(3)]
        while not bench.taken:
            await bench.clocked.clock()
            assert bench.clocked.now < 1000
        await bench.clocked.clocks(moment)
        bench.active = False
        await bench.clocked.clocks(2)
        cut = len(bench.wire.words) - 1
        bench.offers = [bench.frame(1)]
        bench.owed = 1
        await bench.clocked.clocks(15)
        assert set(bench.wire.words[cut:]) == {OLS} and all(bench.wire.special[cut:])
        assert len(bench.wire.done) == 0 and not bench.wire.frames(), f"cut {moment} words after SOF"
        back = len(bench.wire.words)
        after = bench.offers[0]
        bench.active = True
        bench.wire.done.clear()
        bench.taken.clear()
        await bench.until_sent(100)
        words = bench.wire.words[back + 1 :]
        start = words.index(SOFI3 if after.initiate else SOFN3)
        assert (
            start >= GAP and set(words[:start]) <= {IDLE, R_RDY} and words[start:][: len(after.wire())] == after.wire()
        )
        bench.owed = 0
        await bench.clocked.clocks(10)
