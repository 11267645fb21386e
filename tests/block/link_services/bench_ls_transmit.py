# SPDX-License-Identifier: Apache-2.0
"""ls_transmit: replies before requests, each frame whole and once; what waits when the link goes down is gone."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

KINDS = ("reply", "request")
Sent = tuple[int, list[int]]  # header and words


class Buffers:
    """Both users and the scheduler, moved a clock at a time. A user sends again only when its frame is gone."""

    def __init__(self, dut: Any, rng: random.Random) -> None:
        self.dut, self.rng = dut, rng
        self.writing: dict[str, list[tuple[int, int]]] = {kind: [] for kind in KINDS}
        self.frame: dict[str, Sent] = {}  # being written, or waiting
        self.waiting: set[str] = set()
        self.out: list[tuple[str, Sent]] = []
        self.current: str | None = None  # the kind the scheduler is reading
        self.read: list[int] = []
        self.asked: int | None = None
        self.ready_at: int | None = None
        self.taken = self.requests = 0
        self.pace = 0.5

    async def start(self) -> None:
        for kind in KINDS:
            for name in ("write", "addr", "data", "send", "header", "words"):
                getattr(self.dut, f"{kind}_{name}").value = 0
        self.dut.flush.value = 0
        self.dut.online.value = 1
        self.dut.ls_tx_ready.value = 0
        self.dut.ls_tx_rd_addr.value = 0
        self.dut.rst.value = 1
        Clock(self.dut.clk, 4, unit="ns").start()
        for _ in range(3):
            await FallingEdge(self.dut.clk)
        self.dut.rst.value = 0

    def post(self, kind: str, words: int) -> None:
        """Begin to write a frame; it is sent when its last word is in."""
        assert kind not in self.frame
        data = [self.rng.getrandbits(32) for _ in range(words)]
        self.frame[kind] = (self.rng.getrandbits(192), data)
        order = list(enumerate(data))
        self.rng.shuffle(order)
        self.writing[kind] = order

    async def clock(self) -> None:
        d = self.dut
        await FallingEdge(d.clk)
        self.taken += int(d.request_taken.value)
        self._scheduler()
        for kind in KINDS:
            write, send = getattr(d, f"{kind}_write"), getattr(d, f"{kind}_send")
            write.value = send.value = 0
            if kind not in self.frame or kind in self.waiting:
                continue
            if self.writing[kind]:
                address, word = self.writing[kind].pop()
                write.value = 1
                getattr(d, f"{kind}_addr").value = address
                getattr(d, f"{kind}_data").value = word
            else:
                send.value = 1
                getattr(d, f"{kind}_header").value = self.frame[kind][0]
                getattr(d, f"{kind}_words").value = len(self.frame[kind][1])
                self.waiting.add(kind)

    def _scheduler(self) -> None:
        d = self.dut
        d.ls_tx_ready.value = 0
        if self.ready_at is not None:  # taken at the edge before this one
            self.ready_at = None
            return
        if not int(d.ls_tx_valid.value):
            assert self.current is None, "an offer was withdrawn"
            return
        header, words = int(d.ls_tx_header.value), int(d.ls_tx_words.value)
        if self.current is None:
            self.current = next(kind for kind in self.waiting if self.frame[kind][0] == header)
            self.read, self.asked = [], None
        want = self.frame[self.current]
        assert (header, words) == (want[0], len(want[1])), "the offer has changed"
        if self.asked is not None:
            self.read.append(int(d.ls_tx_rd_data.value))
            self.asked = None
        if len(self.read) == words:
            if self.rng.random() < self.pace:
                d.ls_tx_ready.value = 1
                self.ready_at = 1
                self.out.append((self.current, (header, self.read)))
                self.requests += self.current == "request"
                assert self.read == want[1], self.current
                del self.frame[self.current]
                self.waiting.discard(self.current)
                self.current = None
        else:
            d.ls_tx_rd_addr.value = self.asked = len(self.read)

    async def until_idle(self) -> None:
        for _ in range(400):
            if not self.frame and self.ready_at is None:
                break
            await self.clock()
        else:
            raise AssertionError(f"{self.waiting} not sent in 400 clocks")
        for _ in range(3):
            await self.clock()


@cocotb.test()
async def every_frame_goes_out_once(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    b = Buffers(dut, rng)
    await b.start()
    posted = dict.fromkeys(KINDS, 0)
    for _ in range(6000):
        b.pace = 0.9 if b.rng.random() < 0.5 else 0.05
        for kind in KINDS:
            if kind not in b.frame and rng.random() < 0.2:
                b.post(kind, rng.randrange(33))  # 0 words: ABTS
                posted[kind] += 1
        await b.clock()
    await b.until_idle()
    assert {kind: sum(k == kind for k, _ in b.out) for kind in KINDS} == posted
    assert b.taken == b.requests and not int(dut.reply_busy.value)
    assert min(posted.values()) > 50


@cocotb.test()
async def replies_go_first(dut: Any) -> None:
    b = Buffers(dut, random.Random(cocotb.RANDOM_SEED))
    await b.start()
    b.pace = 0.0
    b.post("request", 1)  # on offer: it stays
    for _ in range(10):
        await b.clock()
    b.post("reply", 5)
    for _ in range(20):
        await b.clock()
        assert b.current == "request"
    b.pace = 1.0
    await b.until_idle()
    b.post("request", 3)
    b.post("reply", 3)
    await b.until_idle()
    assert [kind for kind, _ in b.out] == ["request", "reply", "reply", "request"]


@cocotb.test()
async def link_down_withdraws_all(dut: Any) -> None:
    """At any moment of a reply and a request; frames finished while the link is down go nowhere either."""
    for moment in range(1, 60):
        b = Buffers(dut, random.Random(moment))
        await b.start()
        b.pace = 0.1
        b.post("reply", 8)
        b.post("request", 8)
        for _ in range(moment):
            await b.clock()
        taken = b.taken
        if moment % 2 == 0:
            dut.online.value = 0
        else:
            dut.flush.value = 1
        dut.ls_tx_ready.value = 0
        for kind in KINDS:
            getattr(dut, f"{kind}_write").value = getattr(dut, f"{kind}_send").value = 0
        await FallingEdge(dut.clk)
        dut.flush.value = 0
        dut.online.value = 0
        dut.reply_send.value = dut.request_send.value = 1
        await FallingEdge(dut.clk)
        dut.reply_send.value = dut.request_send.value = 0
        dut.online.value = 1
        for _ in range(20):
            await FallingEdge(dut.clk)
            assert not int(dut.ls_tx_valid.value) and not int(dut.request_taken.value), moment
        assert not int(dut.reply_busy.value) and b.taken == taken
