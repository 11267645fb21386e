# SPDX-License-Identifier: Apache-2.0
"""els_originator alone, among models of its neighbours: requests, answers, failures."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from typing import Any

import cocotb
from bench_link_services import (
    ARRAY_ID,
    CONTROLLER,
    CT_ACCEPT,
    CT_REJECT,
    DEVICE_ID,
    FABRIC_LOGIN,
    FRAME_1,
    FRAME_2,
    FRAME_4,
    FRAME_13,
    HOST_ID,
    HOST_WWNN,
    HOST_WWPN,
    LS_ACC,
    NAME_SERVER,
    Fc,
    plogi,
    rjt,
)
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from portplex.bfm.pins import value_of

FIND, _, ADD, REMOVE, ROLES = range(5)
E_D_TOV, R_A_TOV = 11, 40  # ticks
TARGET = bytes.fromhex("0210001408002100000000000000000000000012")
Answer = bytes | None


class Neighbours:
    """Transmitter, receiver, login table and task side; `answer` says what a peer replies (None: nothing)."""

    def __init__(self, dut: Any, answer: Callable[[Fc], Answer] | None = None) -> None:
        self.dut = dut
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.answer = answer or self.accept
        self.now = 0
        self.period = 1  # clocks a tick
        self.ram = [0] * 32
        self.pending: tuple[int, Fc] | None = None  # a frame with the transmitter, and when it is handed over
        self.sent: list[tuple[int, Fc]] = []
        self.aborted: list[int] = []  # OX_IDs
        self.replies: list[tuple[int, Fc]] = []
        self.table: dict[int, list[int]] = {}
        self.full = False
        self.asked = 0
        self.done: list[tuple[int, int]] = []
        self.credits: list[int] = []
        self.unknown = self.timeouts = self.rejects = 0

    async def start(self) -> None:
        d = self.dut
        for name in (
            *("tick", "link_active", "link_down_event", "login_valid", "login_id", "login_logout", "request_taken"),
            *("reply_valid", "reply_header", "reply_words", "word0", "word1", "word2", "word4", "wwpn", "class3_valid"),
            *("size_valid", "payload_words", "table_done", "table_hit", "table_hit_target", "table_next_id"),
            *("table_next_wwpn", "suspects", "word3", "session_end", "session_direct", "direct_id", "direct_peer"),
            *("direct_higher", "services_end", "allow_done", "allow_ok", "logout_taken"),
        ):
            getattr(d, name).value = 0
        d.login_done_ready.value = 1
        d.cfg_wwpn.value, d.cfg_wwnn.value = HOST_WWPN, HOST_WWNN
        d.cfg_e_d_tov_ticks.value, d.cfg_r_a_tov_ticks.value = E_D_TOV, R_A_TOV
        d.rst.value = 1
        Clock(d.clk, 4, unit="ns").start()
        for _ in range(3):
            await FallingEdge(d.clk)
        d.rst.value = 0

    def accept(self, frame: Fc) -> Answer:
        if frame.type == 0x20:
            return CT_ACCEPT
        if frame.payload[0] == 4:
            return plogi(opcode=2)[:6] + bytes.fromhex("00071000 0840 00002710 000007d0") + plogi(opcode=2)[20:]
        if frame.payload[0] == 3:
            return plogi(0x5000000000000000 + frame.d_id, opcode=2, common=0x400)
        return TARGET if frame.payload[0] == 0x20 else LS_ACC

    async def clock(self) -> None:
        d = self.dut
        await FallingEdge(d.clk)
        self.now += 1
        d.tick.value = int(self.now % self.period == 0)
        if int(d.request_write.value):
            self.ram[int(d.request_addr.value)] = int(d.request_data.value)
        d.request_taken.value = 0
        if int(d.request_send.value):
            assert self.pending is None, "a second request before the first was handed over"
            words = self.ram[: int(d.request_words.value)]
            payload = b"".join(word.to_bytes(4, "big") for word in words)
            frame = Fc.parse(int(d.request_header.value).to_bytes(24, "big"), payload)
            self.pending = (self.now + self.rng.randrange(1, 9), frame)
        if self.pending and self.now >= self.pending[0]:
            d.request_taken.value = 1
            self._out(self.pending[1])
            self.pending = None
        if int(d.reply_done.value):
            d.reply_valid.value = 0
            self.replies.pop(0)
        elif self.replies and self.now >= self.replies[0][0]:
            self._reply(self.replies[0][1])
        done = int(d.table_done.value)
        d.table_done.value = 0
        if int(d.table_valid.value) and not done:
            self.asked += 1
            if self.asked == 2:
                self.asked = 0
                self._table(int(d.table_op.value), int(d.table_id.value))
        if int(d.login_done_valid.value):
            self.done.append((int(d.login_done_id.value), int(d.login_done_status.value)))
        if int(d.bb_credit_set.value):
            self.credits.append(int(d.bb_credit_value.value))
        self.unknown += int(d.stat_reply_unknown.value)
        self.timeouts += int(d.stat_ls_timeout.value)
        self.rejects += int(d.stat_ls_rjt_received.value)

    def _out(self, frame: Fc) -> None:
        if frame.r_ctl == 0x81:
            last = self.sent[-1][1]
            assert frame == Fc(
                0x81, last.d_id, last.s_id, 0, b"", ox_id=last.ox_id, f_ctl=0x090000, seq_id=frame.seq_id
            )
            self.aborted.append(frame.ox_id)
            return
        self.sent.append((self.now, frame))
        payload = self.answer(frame)
        if payload is not None:
            kind = 0x23 if frame.type == 1 else 0x03
            d_id = ARRAY_ID if frame.d_id == FABRIC_LOGIN else frame.s_id
            reply = Fc(kind, d_id, frame.d_id, frame.type, payload, ox_id=frame.ox_id, f_ctl=0x990000)
            self.replies.append((self.now + self.rng.randrange(1, 30), reply))

    def _reply(self, frame: Fc) -> None:
        d, payload = self.dut, frame.payload
        d.reply_header.value = int.from_bytes(frame.header(), "big")
        d.reply_words.value = len(payload) // 4
        for index in (0, 1, 2, 3, 4):
            getattr(d, f"word{index}").value = int.from_bytes(payload[4 * index : 4 * index + 4].ljust(4, b"\0"), "big")
        d.wwpn.value = int.from_bytes(payload[20:28].ljust(8, b"\0"), "big")
        size = int.from_bytes(payload[10:12], "big") & 0xFFF
        d.class3_valid.value = int(bool(payload[68:69] and payload[68] & 0x80))
        d.size_valid.value = int(256 <= size <= 2112)
        d.payload_words.value = size // 4 & 1023
        d.reply_valid.value = 1

    def _table(self, op: int, port: int) -> None:
        d = self.dut
        row = self.table.get(port)
        d.table_hit.value = int(row is not None)
        d.table_hit_target.value = row[3] if row else 0
        if op == ADD:
            d.table_hit.value = int(not self.full)
            if not self.full:
                self.table[port] = [int(d.table_wwpn.value), int(d.table_words.value), 0, 0]
        elif row and op == REMOVE:
            del self.table[port]
        elif row and op == ROLES:
            row[2:] = [int(d.table_initiator.value), int(d.table_target.value)]
        d.table_done.value = 1

    async def until(self, condition: Callable[[], object], limit: int = 3000) -> None:
        for _ in range(limit):
            if condition():
                return
            await self.clock()
        raise AssertionError(f"not within {limit} clocks; last sent {self.sent[-2:]}")

    async def login(self, port: int, logout: bool = False) -> int:
        d, before = self.dut, len(self.done)
        d.login_id.value, d.login_logout.value, d.login_valid.value = port, int(logout), 1
        await self.until(lambda: int(d.login_ready.value), 10)
        await self.clock()
        d.login_valid.value = 0
        await self.until(lambda: len(self.done) > before)
        assert self.done[-1][0] == port and len(self.done) == before + 1
        return self.done[-1][1]

    async def bring_up(self) -> None:
        self.dut.link_active.value = 1
        await self.until(lambda: self.sent and self.sent[-1][1].d_id == CONTROLLER and not self.replies)
        for _ in range(5):
            await self.clock()


async def neighbours(dut: Any, answer: Callable[[Fc], Answer] | None = None) -> Neighbours:
    n = Neighbours(dut, answer)
    await n.start()
    return n


@cocotb.test()
async def known_requests(dut: Any) -> None:
    """Under the names of the examples: frames 1, 2, 13, and 4 with the target bit; CT and SCR."""
    n = await neighbours(dut)
    await n.bring_up()
    me = struct.pack(">I", ARRAY_ID)
    ct = bytes.fromhex("01000000 fc020000")
    assert [(f.d_id, f.s_id, f.payload) for _, f in n.sent] == [
        (FABRIC_LOGIN, 0, FRAME_1),
        (NAME_SERVER, ARRAY_ID, FRAME_2),
        (NAME_SERVER, ARRAY_ID, ct + bytes.fromhex("02170000 00000000") + me + bytes.fromhex("00000100") + bytes(28)),
        (NAME_SERVER, ARRAY_ID, ct + bytes.fromhex("021f0000 00000000") + me + bytes.fromhex("00000308")),
        (CONTROLLER, ARRAY_ID, bytes.fromhex("62000000 00000003")),
    ]
    assert n.credits == [7] and value_of(dut.my_id) == ARRAY_ID and value_of(dut.my_id_valid)
    assert await n.login(DEVICE_ID) == 0
    assert n.table == {DEVICE_ID: [0x5000000000000000 + DEVICE_ID, 256, 0, 1]}
    assert await n.login(DEVICE_ID) == 0 and len(n.sent) == 7, "already logged in"
    assert await n.login(DEVICE_ID, logout=True) == 0 and not n.table
    logo = FRAME_13[:4] + me + FRAME_13[8:]
    assert [f.payload for _, f in n.sent[5:]] == [FRAME_2, FRAME_4[:-1] + b"\x32", logo]
    for _, frame in n.sent:
        assert (frame.r_ctl, frame.f_ctl) == (0x02 if frame.type == 0x20 else 0x22, 0x290000)
        assert frame.rx_id == 0xFFFF and frame.ox_id >> 8 == 0xF0 and not frame.df_ctl and not frame.seq_cnt
    assert len({frame.ox_id for _, frame in n.sent}) == len(n.sent)
    assert not n.aborted and not n.unknown


@cocotb.test()
async def waits_and_retries_in_ticks(dut: Any) -> None:
    """2 x R_A_TOV for an answer; FLOGI again after 1, 2, 4, 8, 8 times E_D_TOV; ABTS, but not of FLOGI."""
    silent = 6
    n = await neighbours(dut, lambda frame: None)
    n.period = 3
    dut.link_active.value = 1
    await n.until(lambda: len(n.sent) == silent, 6000)
    for attempt in range(silent - 1):
        ticks = 2 * R_A_TOV + (E_D_TOV << min(attempt, 3))
        gap = n.sent[attempt + 1][0] - n.sent[attempt][0]
        assert 3 * (ticks - 2) <= gap <= 3 * ticks + 60, f"attempt {attempt}: {gap} clocks for {ticks} ticks"
    assert n.timeouts == silent - 1 and not n.aborted
    n.answer = n.accept
    await n.until(lambda: n.sent[-1][1].d_id == CONTROLLER and not n.replies)
    n.answer = lambda frame: None
    assert await n.login(DEVICE_ID) == 2 and not n.table
    assert n.aborted == [n.sent[-1][1].ox_id]


@cocotb.test()
async def each_failure_has_its_status(dut: Any) -> None:
    n = await neighbours(dut)
    await n.bring_up()
    busy, no = rjt(5, 0), rjt(9, 0)
    cases: list[tuple[dict[int, Answer], int, list[int], int]] = [
        ({3: no}, 3, [3], 0),
        ({3: busy}, 3, [3] * 4, 0),
        ({3: None}, 2, [3], 1),
        ({3: LS_ACC}, 5, [3], 0),
        ({0x20: no}, 3, [3, 0x20, 5], 0),
        ({0x20: None, 5: None}, 2, [3, 0x20, 5], 2),
        ({0x20: TARGET[:-1] + b"\x22"}, 3, [3, 0x20, 5], 0),
        ({0x20: TARGET[:16]}, 5, [3, 0x20, 5], 0),
    ]
    for answers, status, sent, aborted in cases:
        before, gone = len(n.sent), len(n.aborted)
        n.answer = lambda f, answers=answers: answers[f.payload[0]] if f.payload[0] in answers else n.accept(f)  # type: ignore[misc]
        assert await n.login(DEVICE_ID) == status, answers
        assert [f.payload[0] for _, f in n.sent[before:]] == sent, answers
        assert len(n.aborted) - gone == aborted and not n.table
    n.answer, n.full = n.accept, True
    assert await n.login(DEVICE_ID) == 3 and n.sent[-1][1].payload[0] == 5


@cocotb.test()
async def only_the_right_reply_counts(dut: Any) -> None:
    """Wrong addresses, OX_ID or TYPE; a reply when nothing is open; a reply after the time-out."""
    n = await neighbours(dut)
    await n.bring_up()
    wrong = 0

    def answer(frame: Fc) -> Answer:
        nonlocal wrong
        base = Fc(0x23, frame.s_id, frame.d_id, 1, rjt(9, 0), ox_id=frame.ox_id, f_ctl=0x990000)
        for change in ({"d_id": HOST_ID}, {"s_id": HOST_ID}, {"ox_id": frame.ox_id ^ 0x100}, {"type": 0x20}):
            n.replies.append((n.now + 2, Fc(**{**vars(base), **change})))
            wrong += 1
        return n.accept(frame)

    n.answer = answer
    assert await n.login(DEVICE_ID) == 0
    assert n.unknown == wrong == 8 and n.rejects == 0
    n.answer = lambda frame: None
    assert await n.login(DEVICE_ID, logout=True) == 2
    last = n.sent[-1][1]
    n.replies.append((n.now, Fc(0x23, last.s_id, last.d_id, 1, LS_ACC, ox_id=last.ox_id, f_ctl=0x990000)))
    await n.until(lambda: not n.replies, 20)
    await n.clock()
    assert n.unknown == wrong + 1


@cocotb.test()
async def registration_may_fail(dut: Any) -> None:
    for bad in (3, 1, 0x62):
        n = await neighbours(dut)
        n.answer = lambda f, n=n, bad=bad: (  # type: ignore[misc]
            (CT_REJECT if bad == 1 else rjt(9, 0)) if f.payload[0] == bad else n.accept(f)
        )
        dut.link_active.value = 1
        await n.until(lambda n=n: len(n.sent) > 1 and n.sent[-1][1].payload[0] == 0x62)  # type: ignore[misc]
        for _ in range(200):
            await n.clock()
        codes = [f.payload[0] for _, f in n.sent]
        assert codes == {3: [4, 3, 3, 0x62], 1: [4, 3, 1, 1, 1, 1, 0x62], 0x62: [4, 3, 1, 1, 0x62, 0x62]}[bad]
        n.answer = n.accept
        assert await n.login(DEVICE_ID) == 0
        dut.link_active.value = 0


@cocotb.test()
async def link_down_ends_what_is_open(dut: Any) -> None:
    """At each moment of a login: status 6 or 0, once; then bring-up from the start."""
    n = await neighbours(dut)
    for moment in range(1, 160, 3):
        await n.bring_up()
        before = len(n.done)
        dut.login_id.value, dut.login_logout.value, dut.login_valid.value = DEVICE_ID, 0, 1
        for _ in range(moment):
            await n.clock()
            if value_of(dut.login_ready):
                await n.clock()
                dut.login_valid.value = 0
        dut.link_active.value = 0
        dut.link_down_event.value = 1
        await n.clock()
        dut.link_down_event.value = 0
        n.pending = None
        n.table.clear()
        n.asked = 0
        for _ in range(40):
            await n.clock()
            if value_of(dut.login_ready):
                await n.clock()
                dut.login_valid.value = 0
        assert len(n.done) == before + 1 and n.done[-1][1] in (0, 6), moment
        assert not value_of(dut.my_id_valid) and n.credits[-1] == 1 and not value_of(dut.table_valid)
        n.sent.clear()
    await n.bring_up()
    assert n.sent[0][1].payload == FRAME_1
