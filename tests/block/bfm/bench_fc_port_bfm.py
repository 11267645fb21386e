# SPDX-License-Identifier: Apache-2.0
"""fc_port_bfm alone, Python at every word of the wire. Judges: the state table of FC-FS, zlib, the 8b/10b tables."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from bench_bfm import IDLE, LR, LRR, NOS, OLS, R_RDY, is_eof, is_sof, wire_words
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from portplex.bfm.library import Bad, Control, Event, Kind, library

PORT, R_T_TOV = 2, 400
SENT = {"AC": IDLE, "LR2": LRR, "LR3": IDLE, "LF1": OLS, "LF2": NOS, "OL2": LR}


def after(state: str, received: int) -> str:
    """FC-FS, FC_Port state machine: the state once a primitive sequence or IDLE was recognised (states seen here)."""
    table = {
        OLS: "OL2",
        NOS: "LF1",
        LR: "LF2" if state == "LF2" else "LR2",
        LRR: state if state in ("LF1", "LF2") else "LR3",
        IDLE: "AC" if state in ("LR2", "LR3") else state,
    }
    return table[received]


class Wire:
    """A word in and a word out each clock, at the falling edge, between two clocks of the transactor."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.now = 0
        self.sent: list[tuple[int, int]] = []
        self.events: list[Event] = []

    async def start(self, *, link: bool = True) -> None:
        dut = self.dut
        dut.rst.value, dut.cycles.value, dut.rx_data.value, dut.rx_charisk.value = 1, 0, 0, 0
        Clock(dut.clk, 4, unit="ns").start()
        for _ in range(3):
            await FallingEdge(dut.clk)
        dut.rst.value = 0
        if link:
            for word in (OLS, LRR, IDLE):
                await self.words([(word, 8)] * 12)
        self.events, self.sent = [], []

    async def words(self, words: list[tuple[int, int]]) -> None:
        dut = self.dut
        for dut.rx_data.value, dut.rx_charisk.value in words:
            await FallingEdge(dut.clk)
            self.now += 1
            dut.cycles.value = self.now
            self.sent.append((int(dut.tx_data.value), int(dut.tx_charisk.value)))
        self.events += library().drain()

    async def frame(self, words: list[tuple[int, int]]) -> None:
        await self.words(words + [(IDLE, 8)] * 6)


@cocotb.test()
async def walks_the_state_table(dut: Any) -> None:
    """Three equal words are recognised, two are not; what is sent is what the state asks for; R_T_TOV ends in NOS."""
    wire = Wire(dut)
    await wire.start(link=False)
    state, seen = "LF2", set()
    for _ in range(400):
        received = wire.rng.choice((OLS, NOS, LR, LRR, IDLE, IDLE))
        await wire.words([(received, 8)] * 2 + [(0, 0)] * 4)
        assert wire.sent[-1] == (SENT[state], 8), f"two {received:08x} in {state}"
        await wire.words([(received, 8)] * 6)
        seen.add((state, received))
        state = after(state, received)
        assert wire.sent[-1] == (SENT[state], 8), f"{received:08x} must lead to {state}"
    assert len(seen) > 25
    for words in (OLS, LRR):
        await wire.words([(words, 8)] * 6)
    assert wire.sent[-1] == (IDLE, 8)
    await wire.words([(0, 0)] * (R_T_TOV - 20))
    assert wire.sent[-1] == (IDLE, 8)
    await wire.words([(0, 0)] * 40)
    assert wire.sent[-1] == (NOS, 8)


@cocotb.test()
async def frames_from_the_device(dut: Any) -> None:
    """Each frame arrives once, with its words, times and faults, and an R_RDY goes out for it."""
    wire = Wire(dut)
    await wire.start()
    rng = wire.rng
    for number in range(60):
        data = rng.randbytes(4 * rng.choice((6, 7, 534, rng.randrange(6, 535))))
        whole = wire_words(data, initiate=number % 2 == 0, terminate=number % 3 == 0)
        words = [(word, 8 if at in (0, len(whole) - 1) else 0) for at, word in enumerate(whole)]
        place = rng.randrange(1, len(words) - 1)
        fault = rng.choice((Bad.NONE, Bad.NONE, Bad.CRC, Bad.TRUNCATED, Bad.K_INSIDE))
        if fault is Bad.CRC:
            words[place] = words[place][0] ^ 1 << rng.randrange(32), 0
        elif fault is Bad.TRUNCATED:
            words = words[:-1]
        elif fault is Bad.K_INSIDE:
            words[place] = words[place][0], 4
        wire.events, wire.sent = [], []
        began = wire.now
        await wire.frame(words)
        await wire.words([(IDLE, 8)] * 6)
        frames = [event for event in wire.events if event.kind == Kind.FRAME]
        assert len(frames) == 1, f"{len(frames)} events for one frame"
        (event,) = frames
        assert event.source == PORT and (event.flags & fault if fault else event.flags == 0), f"{fault!r}: {event}"
        assert event.sof == whole[0] and event.start == began
        if not fault:
            assert event.data == data and event.eof == whole[-1] and event.end == began + len(whole) - 1
        assert wire.sent.count((R_RDY, 8)) == 1, "one R_RDY for each frame, good or bad"


@cocotb.test()
async def frames_to_the_device(dut: Any) -> None:
    """No more than the credit allows without R_RDY; the words FC-FS asks for, six fill words between frames."""
    wire = Wire(dut)
    await wire.start()
    rng = wire.rng
    credit = 3
    library().control(PORT, Control.TX_CREDIT, credit)
    data = [rng.randbytes(4 * rng.choice((6, 534, rng.randrange(6, 535)))) for _ in range(12)]
    for one in data:
        library().fc_send(PORT, one, len(one), True, False)
    longest = 534 + 20
    for allowed in range(credit, len(data) + 1):
        await wire.words([(IDLE, 8)] * (longest * (credit if allowed == credit else 1)))
        ended = sum(is_eof(word) for word in wire.sent)
        assert ended == allowed == sum(is_sof(word) for word in wire.sent), f"{ended} frames, credit for {allowed}"
        await wire.words([(R_RDY, 8), (IDLE, 8), (IDLE, 8)])
    begins = [at for at, word in enumerate(wire.sent) if is_sof(word)]
    ends = [at for at, word in enumerate(wire.sent) if is_eof(word)]
    for begin, end, one in zip(begins, ends, data, strict=True):
        words = wire_words(one, terminate=False)
        marks = [8, *[0] * (len(words) - 2), 8]
        assert wire.sent[begin : end + 1] == list(zip(words, marks, strict=True))
    gaps = [wire.sent[end + 1 : begin] for end, begin in zip(ends, begins[1:], strict=False)]
    assert all(len(gap) >= 6 and set(gap) == {(IDLE, 8)} for gap in gaps)
    assert [len(gap) for gap in gaps[: credit - 1]] == [6] * (credit - 1), "while credit lasts the gap is 6"
