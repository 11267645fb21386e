# SPDX-License-Identifier: Apache-2.0
"""What both benches of the link share: words and frames as lists, an 8b/10b model, and the port's and the wire's side.

Everything happens once a clock in `LinkBench._run`; tests wait for conditions with a deadline.
"""

from __future__ import annotations

import itertools
import struct
import zlib
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from portplex.bfm.pins import value_of
from portplex.fc.constants import IDLE, ORDERED_SET_NAMES, ORDERED_SETS

STATES = ("AC", "LR1", "LR2", "LR3", "LF1", "LF2", "OL1", "OL2", "OL3")
SENT_IN_STATE = ("IDLE", "LR", "LRR", "IDLE", "OLS", "NOS", "OLS", "LR", "NOS")
COUNTERS = (
    "link_failure",
    "loss_of_sync",
    "loss_of_signal",
    "sequence_error",
    "invalid_word",
    "crc",
    "too_long",
    "truncated",
    "bad_eof",
    "bad_sof",
    "overrun",
    "bad_character",
    "link_reset",
    "good",
    "sent",
    "underrun",
)

# 8b/10b from its code tables for negative running disparity: Dx.y is _CODES_6B[x], _CODES_4B[y]
_CODES_6B = (
    0b100111, 0b011101, 0b101101, 0b110001, 0b110101, 0b101001, 0b011001, 0b111000,
    0b111001, 0b100101, 0b010101, 0b110100, 0b001101, 0b101100, 0b011100, 0b010111,
    0b011011, 0b100011, 0b010011, 0b110010, 0b001011, 0b101010, 0b011010, 0b111010,
    0b110011, 0b100110, 0b010110, 0b110110, 0b001110, 0b101110, 0b011110, 0b101011,
)  # fmt: skip
_CODES_4B = (0b1011, 0b1001, 0b0101, 0b1100, 0b1101, 0b1010, 0b0110, 0b1110)


class Word(NamedTuple):
    """A transmission word and what the transceiver says about its characters."""

    data: int
    k: int = 0
    invalid: int = 0


def os(name: str) -> Word:
    return Word(ORDERED_SETS[name], 8)


def disparity_after(words: Iterable[int], positive: bool) -> bool:
    """Running disparity (True: positive) after data words, sub-block by sub-block."""
    for word in words:
        for byte in word.to_bytes(4, "big"):
            positive ^= _CODES_6B[byte & 31].bit_count() != 3
            positive ^= _CODES_4B[byte >> 5].bit_count() != 2
    return positive


def words_of(data: bytes) -> list[int]:
    return [word for (word,) in struct.iter_unpack(">I", data)]


def bytes_of(words: Iterable[int]) -> bytes:
    return b"".join(word.to_bytes(4, "big") for word in words)


def header_of(number: int, length: int = 0) -> bytes:
    return struct.pack(">6I", 0x01010E00, 0x00010001, 0x08000008, number & 0xFFFF, 0x0010FFFF, length)


def frame_words(body: bytes, *, sof: str = "SOFi3", eof: str = "EOFt", crc: bytes | None = None) -> list[Word]:
    """SOF, header and payload, CRC, EOF; `eof` without _NEG or _POS gets the form that fits."""
    data = words_of(body + (struct.pack("<I", zlib.crc32(body)) if crc is None else crc))
    if eof not in ORDERED_SETS:
        eof += "_POS" if disparity_after(data, True) else "_NEG"
    return [os(sof), *map(Word, data), os(eof)]


@dataclass
class Sent:
    """A frame for the link to send."""

    body: bytes
    initiate: bool = True
    terminate: bool = True
    supply: int | None = None  # payload words that come in time; None: all


@dataclass(frozen=True)
class Received:
    """A frame that the link handed to the port."""

    body: bytes
    initiate: bool
    terminate: bool


@dataclass
class WireFrame:
    """A frame seen on the wire."""

    start: int
    end: int
    sof: str
    words: list[int]
    eof: str

    @property
    def body(self) -> bytes:
        return bytes_of(self.words[:-1])


@dataclass
class End:
    """One end: what the port offers and gets, what is on its transmit side."""

    to_send: deque[Sent] = field(default_factory=deque)
    answer_delay: int = 0  # clocks from txf_request seen to txf_valid
    popping: bool = True
    received: list[Received] = field(default_factory=list)
    resets: int = 0
    downs: int = 0
    done: int = 0
    wire: list[Word] = field(default_factory=list)  # one a clock
    requests: list[int] = field(default_factory=list)  # clocks in which txf_request rose
    # state of the port's side
    offering: bool = False
    requested: bool = False
    countdown: int = 0
    payload: deque[int] = field(default_factory=deque)
    supplied: int | None = None
    reading: int | None = None
    read: list[int] = field(default_factory=list)

    def frames(self, since: int = 0) -> list[WireFrame]:
        """Frames on the transmit side from clock `since` on, complete ones only."""
        found: list[WireFrame] = []
        current: WireFrame | None = None
        for time, word in enumerate(self.wire[since:], since):
            if word.k == 0:
                if current:
                    current.words.append(word.data)
                continue
            name = ORDERED_SET_NAMES.get(word.data, f"{word.data:08X}")
            if name.startswith("SOF"):
                current = WireFrame(time, time, name, [], "")
            elif current and name.startswith("EOF"):
                current.end, current.eof = time, name
                found.append(current)
                current = None
            else:
                current = None
        return found

    def gaps(self, since: int = 0) -> list[list[str]]:
        """Names of the words between each two frames in a row."""
        frames = self.frames(since)
        return [
            [ORDERED_SET_NAMES[w.data] for w in self.wire[a.end + 1 : b.start]] for a, b in itertools.pairwise(frames)
        ]

    def count(self, name: str, since: int = 0) -> int:
        word = os(name)
        return sum(w == word for w in self.wire[since:])


class LinkBench:
    """Drives `link` (one end, the bench is the wire) or `link_pair` (two ends, each input twice as wide)."""

    def __init__(self, dut: Any, ends: int = 1) -> None:
        self.dut = dut
        self.now = 0
        self.ends = [End() for _ in range(ends)]
        self.rx: deque[Word] = deque()  # words for the single end, then `fill`
        self.fill = os("IDLE")
        self.peer_answers = False  # `fill` follows what the end sends, as a real peer would
        self.auto_r_rdy = False  # answer each frame of the single end with an R_RDY
        self.tick_every = 16
        self.stopped = False
        self.active_since: int | None = None  # first clock in which end 0 was active

    @property
    def end(self) -> End:
        return self.ends[0]

    async def start(self, *, enable: bool = True, e_d_tov: int = 0, r_t_tov: int = 0) -> None:
        dut = self.dut
        both = (1 << len(self.ends)) - 1
        for name in ("txf_valid", "txf_header", "txf_words", "txf_sof_initiate", "txf_eof_terminate", "txf_data"):
            getattr(dut, name).value = 0
        for name in (
            "txf_data_valid",
            "rxf_rd_addr",
            "rxf_pop",
            "link_reset_request",
            "bb_credit_set",
            "bb_credit_value",
        ):
            getattr(dut, name).value = 0
        if len(self.ends) == 1:
            dut.rx_data.value, dut.rx_charisk.value, dut.rx_invalid.value = IDLE, 8, 0
        else:
            for name in ("cut", "drop_r_rdy", "flip"):
                getattr(dut, name).value = 0
        dut.tick.value = 0
        dut.link_enable.value = both if enable else 0
        dut.cfg_e_d_tov_ticks.value = e_d_tov
        dut.cfg_r_t_tov_ticks.value = r_t_tov
        dut.rst.value = 1
        Clock(dut.clk, 4, unit="ns").start()
        for _ in range(3):
            await RisingEdge(dut.clk)
        dut.rst.value = 0
        cocotb.start_soon(self._run())

    async def clocks(self, count: int) -> None:
        for _ in range(count):
            await RisingEdge(self.dut.clk)

    async def until(self, condition: Callable[[], bool], what: str, deadline: int = 2000) -> None:
        for _ in range(deadline):
            if condition():
                return
            await RisingEdge(self.dut.clk)
        states = [self.state(n) for n in range(len(self.ends))]
        raise AssertionError(f"{what}: not within {deadline} clocks; states {states}, counters {self.counters()}")

    def _get(self, name: str, width: int, end: int) -> int:
        return (value_of(getattr(self.dut, name)) >> (width * end)) & ((1 << width) - 1)

    def state(self, end: int = 0) -> str:
        return STATES[self._get("status_link_state", 4, end)]

    def credit(self, end: int = 0) -> int:
        return self._get("status_tx_credit", 8, end)

    def counters(self, end: int = 0) -> dict[str, int]:
        """Counters that are not 0."""
        values = self._get("lesb", 512, end)
        found = {name: (values >> 32 * n) & 0xFFFFFFFF for n, name in enumerate(COUNTERS)}
        return {name: value for name, value in found.items() if value}

    async def strobe(self, name: str, end: int = 0) -> None:
        handle = getattr(self.dut, name)
        handle.value = 1 << end
        await RisingEdge(self.dut.clk)
        handle.value = 0

    async def login(self, credit: int, end: int = 0) -> None:
        self.dut.bb_credit_value.value = credit << (8 * end)
        await self.strobe("bb_credit_set", end)
        await self.clocks(2)

    def stop(self) -> None:
        """Let go of the design, so that another bench may drive it."""
        self.stopped = True

    async def bring_up(self) -> None:
        """The bench as a peer that answers until the single end is active."""
        self.peer_answers = True
        await self.until(lambda: self.state() == "AC", "link initialisation")
        await self.clocks(8)
        self.peer_answers = False
        self.fill = os("IDLE")

    async def _run(self) -> None:
        dut = self.dut
        count = len(self.ends)
        single = count == 1
        ones = range(count)
        while not self.stopped:
            await RisingEdge(dut.clk)
            tx_data, tx_k = value_of(dut.tx_data), value_of(dut.tx_charisk)
            request, ready = value_of(dut.txf_request), value_of(dut.txf_ready)
            data_ready, done = value_of(dut.txf_data_ready), value_of(dut.txf_done)
            valid = value_of(dut.rxf_valid)
            if self.active_since is None and value_of(dut.link_active) & 1:
                self.active_since = self.now
            resets, downs = value_of(dut.link_reset_event), value_of(dut.link_down_event)
            rd_data = value_of(dut.rxf_rd_data) if valid else 0
            tx_valid = tx_header = tx_words = tx_initiate = tx_terminate = tx_payload = tx_payload_valid = 0
            rd_addr = pop = 0
            for n in ones:
                end = self.ends[n]
                word = Word((tx_data >> (32 * n)) & 0xFFFFFFFF, (tx_k >> (4 * n)) & 15)
                end.wire.append(word)
                end.done += (done >> n) & 1
                if (resets | downs) >> n & 1:
                    end.resets += (resets >> n) & 1
                    end.downs += (downs >> n) & 1
                    end.payload.clear()
                # transmit
                taken = end.offering and bool((ready >> n) & 1)
                if taken:
                    sent = end.to_send.popleft()
                    end.offering = False
                    end.payload = deque(words_of(sent.body[24:]))
                    end.supplied = sent.supply
                elif (data_ready >> n) & 1 and end.payload and end.supplied != 0:
                    end.payload.popleft()
                    if end.supplied is not None:
                        end.supplied -= 1
                if (done >> n) & 1:
                    end.payload.clear()
                asked = bool((request >> n) & 1)
                if asked and not end.requested:
                    end.requests.append(self.now)
                    end.countdown = end.answer_delay
                elif end.countdown:
                    end.countdown -= 1
                end.requested = asked
                if asked and end.to_send and not end.countdown and not taken:
                    end.offering = True
                if end.offering:
                    sent = end.to_send[0]
                    tx_valid |= 1 << n
                    tx_header |= int.from_bytes(sent.body[:24], "big") << (192 * n)
                    tx_words |= (len(sent.body) // 4 - 6) << (10 * n)
                    tx_initiate |= sent.initiate << n
                    tx_terminate |= sent.terminate << n
                if end.payload and end.supplied != 0:
                    tx_payload |= end.payload[0] << (32 * n)
                    tx_payload_valid |= 1 << n
                # receive: one payload word a clock, data two edges after the address was set
                if (valid >> n) & 1 and (end.popping or end.reading is not None):
                    words = (value_of(dut.rxf_words) >> (10 * n)) & 0x3FF
                    step = 0 if end.reading is None else end.reading
                    if step >= 2 and step - 2 < words:
                        end.read.append((rd_data >> (32 * n)) & 0xFFFFFFFF)
                    if step == words + 2:
                        header = (value_of(dut.rxf_header) >> (192 * n)) & ((1 << 192) - 1)
                        end.received.append(
                            Received(
                                header.to_bytes(24, "big") + bytes_of(end.read),
                                bool(value_of(dut.rxf_sof_initiate) >> n & 1),
                                bool(value_of(dut.rxf_eof_terminate) >> n & 1),
                            )
                        )
                        pop |= 1 << n
                        end.reading, end.read = None, []
                    elif step > words + 2:
                        end.reading = None
                    elif not value_of(dut.rxf_pop) >> n & 1:
                        rd_addr |= min(step, 1023) << (10 * n)
                        end.reading = step + 1
                if single:
                    if self.auto_r_rdy and word.k and ORDERED_SET_NAMES.get(word.data, "").startswith("EOF"):
                        self.rx.extend([os("IDLE"), os("IDLE"), os("R_RDY"), os("IDLE"), os("IDLE")])
                    if self.peer_answers and word.k:
                        answers = {"NOS": "OLS", "OLS": "LR", "LR": "LRR", "LRR": "IDLE", "IDLE": "IDLE"}
                        self.fill = os(answers.get(ORDERED_SET_NAMES[word.data], "IDLE"))
                    data, k, invalid = self.rx.popleft() if self.rx else self.fill
                    dut.rx_data.value, dut.rx_charisk.value, dut.rx_invalid.value = data, k, invalid
            dut.txf_valid.value = tx_valid
            if tx_valid:
                dut.txf_header.value, dut.txf_words.value = tx_header, tx_words
                dut.txf_sof_initiate.value, dut.txf_eof_terminate.value = tx_initiate, tx_terminate
            dut.txf_data_valid.value = tx_payload_valid
            if tx_payload_valid:
                dut.txf_data.value = tx_payload
            dut.rxf_rd_addr.value = rd_addr
            dut.rxf_pop.value = pop
            dut.tick.value = int(self.now % self.tick_every == 0)
            self.now += 1
