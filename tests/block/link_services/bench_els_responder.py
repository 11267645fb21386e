# SPDX-License-Identifier: Apache-2.0
"""els_responder alone, among models of its neighbours: the reference's answer to each request, in order.

The reference and the random requests are those of bench_link_services; here the neighbours are dictionaries that take
their time, so that order and handshakes are seen as well.
"""

from __future__ import annotations

import itertools
import random
import struct
from typing import Any

import cocotb
from bench_link_services import (
    ARRAY_ID,
    ARRAY_WWNN,
    ARRAY_WWPN,
    CONTROLLER,
    FRAME_2,
    FRAME_3,
    FRAME_4,
    FRAME_5,
    FRAME_13,
    HOST_ID,
    HOST_WWPN,
    LS_ACC,
    Fc,
    Reference,
    els,
    plogi,
    prli,
    random_request,
    rjt,
    rscn,
    x_ids,
)
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from portplex.bfm.pins import value_of

FIND, FIND_NAME, ADD, REMOVE, ROLES, SUSPECT = range(6)
ROWS = 32


class Neighbours:
    """Receiver, transmitter, login table, allow list and task side; each answers after 1 to `slow` clocks."""

    def __init__(self, dut: Any, seed: int) -> None:
        self.dut = dut
        self.rng = random.Random(seed)
        self.slow = 6
        self.logins: dict[int, list[int]] = {}  # N_Port_ID: WWPN, initiator, target
        self.story: list[tuple[Any, ...]] = []  # what happened, in order
        self.allowed = True
        self.ram = [0] * 32
        self.sent: list[Fc] = []
        self.wait: dict[str, int] = {}
        self.wwpn = 0
        self.payload = b""
        self.address = 0

    async def start(self) -> None:
        d = self.dut
        for name in (
            *("link_down_event", "lesb", "request_valid", "request_header", "request_words", "word0", "word1", "word4"),
            *(
                "wwpn",
                "class3_valid",
                "size_valid",
                "table_done",
                "table_hit",
                "table_hit_initiator",
                "table_hit_target",
            ),
            *("table_index", "table_name_id", "allow_done", "allow_ok", "logout_taken", "word2", "request_rd_data"),
            *("reply_busy", "exchange_done", "exchange_open", "exchange_responder", "exchange_initiative"),
            *("exchange_bytes",),
        ):
            getattr(d, name).value = 0
        d.e_d_tov_ms.value, d.r_a_tov_ms.value = 2000, 10000
        d.cfg_wwpn.value, d.cfg_wwnn.value = ARRAY_WWPN, ARRAY_WWNN
        d.my_id.value, d.my_id_valid.value = ARRAY_ID, 1
        d.rst.value = 1
        Clock(d.clk, 4, unit="ns").start()
        for _ in range(3):
            await FallingEdge(d.clk)
        d.rst.value = 0

    def due(self, name: str, asked: bool) -> bool:
        """Is it time to answer what was asked under this name."""
        if not asked:
            self.wait.pop(name, None)
            return False
        left = self.wait.setdefault(name, self.rng.randrange(self.slow))
        self.wait[name] = left - 1
        if left == 0:
            del self.wait[name]
        return left == 0

    async def clock(self) -> None:
        d = self.dut
        await FallingEdge(d.clk)
        if int(d.reply_write.value):
            self.ram[int(d.reply_addr.value)] = int(d.reply_data.value)
        if int(d.reply_send.value):
            words = self.ram[: int(d.reply_words.value)]
            payload = b"".join(word.to_bytes(4, "big") for word in words)
            self.sent.append(Fc.parse(int(d.reply_header.value).to_bytes(24, "big"), payload))
            self.story.append(("reply", payload[0]))
        if int(d.login_event_valid.value):
            self.story.append(("login event", int(d.login_event_index.value)))
        # strobes of the neighbours last one clock; a request that is still there in that clock is the old one
        answered = int(d.table_done.value), int(d.logout_taken.value), int(d.exchange_done.value)
        d.table_done.value = d.logout_taken.value = d.allow_done.value = d.exchange_done.value = 0
        if not answered[2] and self.due("exchange", bool(int(d.exchange_valid.value))):
            asked = (d.exchange_peer, d.exchange_own, d.exchange_ox_id, d.exchange_rx_id)
            self.story.append(("exchange", *(int(signal.value) for signal in asked)))
            d.exchange_done.value = 1
        # the payload: two clocks after the address
        address, self.address = self.address, int(d.request_rd_addr.value)
        word = self.payload[4 * address : 4 * address + 4]
        d.request_rd_data.value = int.from_bytes(word, "big") if word else 0xDEADBEEF
        if not answered[0] and self.due("table", bool(int(d.table_valid.value))):
            self.table(int(d.table_op.value), int(d.table_id.value))
            d.table_done.value = 1
        if not answered[1] and self.due("logout", bool(int(d.logout_valid.value))):
            self.story.append(("logout", int(d.logout_id.value)))
            d.logout_taken.value = 1
        if int(d.allow_valid.value):
            assert "allow" not in self.wait, "a second question to the allow list"
            self.wait["allow"] = self.rng.randrange(self.slow)
            self.story.append(("allow", int(d.allow_wwpn.value)))
        if "allow" in self.wait and self.due("allow", True):
            d.allow_done.value = 1
            d.allow_ok.value = int(self.allowed)

    def table(self, op: int, port: int) -> None:
        d = self.dut
        if op == FIND_NAME:
            port = next((p for p, row in self.logins.items() if row[0] == self.wwpn), -1)
            d.table_name_id.value = max(port, 0)
        if op == SUSPECT:
            self.story.append(("suspect", port, int(d.table_mask.value)))
        row = self.logins.get(port)
        hit = row is not None
        d.table_hit_initiator.value, d.table_hit_target.value = (row[1], row[2]) if row else (0, 0)
        if op == ADD:
            hit = hit or len(self.logins) < ROWS
            if hit:
                self.logins[port] = [self.wwpn, *(row[1:] if row else (0, 0))]
        elif row and op == REMOVE:
            del self.logins[port]
            self.story.append(("remove", port))
        elif row and op == ROLES:
            row[1:] = [int(d.table_initiator.value), int(d.table_target.value)]
            self.story.append(("roles", *row[1:]))
        d.table_hit.value = int(hit)
        d.table_index.value = port & 31

    def offer(self, frame: Fc) -> None:
        """What ls_receive gives with a request, read from the payload by its own rules."""
        d, payload = self.dut, frame.payload
        self.payload = payload
        self.ram[: min(32, len(payload) // 4)] = [
            int.from_bytes(payload[n : n + 4], "big") for n in range(0, min(128, len(payload)), 4)
        ]
        d.request_header.value = int.from_bytes(frame.header(), "big")
        d.request_words.value = len(payload) // 4
        for index in (0, 1, 2, 4):
            if len(payload) >= 4 * index + 4:
                getattr(d, f"word{index}").value = int.from_bytes(payload[4 * index : 4 * index + 4], "big")
        self.wwpn = int.from_bytes(payload[20:28].ljust(8, b"\0"), "big")
        d.wwpn.value = self.wwpn
        sizes = (int.from_bytes(payload[10:12], "big") & 0xFFF, int.from_bytes(payload[74:76], "big"))
        d.class3_valid.value = int(bool(payload[68:69] and payload[68] & 0x80))
        d.size_valid.value = int(all(256 <= size <= 2112 and size % 4 == 0 for size in sizes))
        d.request_valid.value = 1

    async def ask(self, frame: Fc) -> bytes:
        """Payload of the one answer; 1500 clocks at most."""
        before = len(self.sent)
        self.story.clear()
        self.offer(frame)
        for _ in range(1500):
            await self.clock()
            if value_of(self.dut.request_done):
                break
        else:
            raise AssertionError(f"no end to {frame}")
        self.dut.request_valid.value = 0
        await self.clock()
        (sent,) = self.sent[before:]
        assert (sent.r_ctl, sent.d_id, sent.s_id, sent.ox_id, sent.type) == (0x23, frame.s_id, ARRAY_ID, frame.ox_id, 1)
        assert sent.f_ctl & ~3 == 0x980000 and sent.rx_id != 0xFFFF
        return sent.payload


async def neighbours(dut: Any) -> Neighbours:
    n = Neighbours(dut, cocotb.RANDOM_SEED)
    await n.start()
    return n


@cocotb.test()
async def known_answers(dut: Any) -> None:
    """Frames 2, 4 and 13 of protocol facts section 12, and what each does, in its order."""
    n = await neighbours(dut)
    assert await n.ask(els(FRAME_2)) == FRAME_3
    assert n.story == [("allow", HOST_WWPN), ("reply", 2)]
    assert await n.ask(els(FRAME_4)) == FRAME_5
    assert n.story == [("roles", 1, 0), ("login event", HOST_ID & 31), ("reply", 2)]
    assert await n.ask(els(FRAME_13)) == LS_ACC
    assert n.story == [("remove", HOST_ID), ("logout", HOST_ID), ("reply", 2)]


@cocotb.test()
async def tasks_end_before_anything_new(dut: Any) -> None:
    """PLOGI, PRLI, PRLO: the task side takes the logout before the answer goes out and a new login stands."""
    n = await neighbours(dut)
    n.slow = 40
    await n.ask(els(FRAME_2))
    await n.ask(els(FRAME_4))
    await n.ask(els(prli(0x32)))
    assert n.story[0] == ("logout", HOST_ID) and n.story[-1] == ("reply", 2)
    await n.ask(els(FRAME_2))
    assert n.story == [("remove", HOST_ID), ("logout", HOST_ID), ("allow", HOST_WWPN), ("reply", 2)]
    await n.ask(els(FRAME_2, HOST_ID + 1))
    assert n.story == [("allow", HOST_WWPN), ("remove", HOST_ID), ("logout", HOST_ID), ("reply", 2)]
    await n.ask(els(FRAME_4, HOST_ID + 1))
    await n.ask(els(bytes.fromhex("21100014 08000000 00000000 00000000 00000000"), HOST_ID + 1))
    assert n.story == [("roles", 0, 0), ("logout", HOST_ID + 1), ("reply", 2)]


@cocotb.test()
async def exchanges_are_asked_for(dut: Any) -> None:
    """REC and RRQ carry originator, OX_ID and RX_ID to the task side; what it says stands in the answer."""
    n = await neighbours(dut)
    await n.ask(els(FRAME_2))
    dut.exchange_responder.value, dut.exchange_bytes.value = 0x0ABC, 0x00C0FFEE
    for opcode, originator, is_open, initiative in itertools.product((0x12, 0x13), (HOST_ID, ARRAY_ID), (0, 1), (0, 1)):
        dut.exchange_open.value, dut.exchange_initiative.value = is_open, initiative
        got = await n.ask(els(x_ids(opcode, originator, 0x1234, 0x5678)))
        assert n.story[0] == ("exchange", HOST_ID, int(originator == ARRAY_ID), 0x1234, 0x5678)
        if is_open != (opcode == 0x13):
            assert got == rjt(3, 0x17)
        elif opcode == 0x12:
            assert got == LS_ACC
        else:
            ends = (HOST_ID, ARRAY_ID) if originator == HOST_ID else (ARRAY_ID, HOST_ID)
            e_stat = (originator == HOST_ID) << 31 | initiative << 30
            assert got == LS_ACC + struct.pack(">HHIIII", 0x1234, 0x0ABC, *ends, 0x00C0FFEE, e_stat)


@cocotb.test()
async def each_page_of_an_rscn_is_marked(dut: Any) -> None:
    n = await neighbours(dut)
    for count in (1, 2, 28, 29, 63):
        pages = [n.rng.getrandbits(32) & 0x3FFFFFFF for _ in range(count)]
        assert await n.ask(els(rscn(*pages), CONTROLLER)) == LS_ACC
        masks = (0xFFFFFF, 0xFFFF00, 0xFF0000, 0)
        assert n.story[:-1] == [("suspect", page & 0xFFFFFF, masks[page >> 24 & 3]) for page in pages]
        assert await n.ask(els(rscn(*pages), HOST_ID)) == LS_ACC and len(n.story) == 1


@cocotb.test()
async def every_request_gets_the_references_answer(dut: Any) -> None:
    n = await neighbours(dut)
    reference = Reference()
    ports = [HOST_ID + number for number in range(45)]
    kinds = set()
    for _ in range(1200):
        s_id, payload = n.rng.choice(ports), random_request(n.rng)
        n.allowed = int.from_bytes(payload[20:28], "big") % 5 != 0
        want = reference.answer(s_id, payload)
        got = await n.ask(els(payload, s_id, ox_id=n.rng.randrange(0xFFFF)))
        assert got[: len(want)] == want, f"request {payload.hex()} from {s_id:06X}: {got.hex()}"
        assert n.logins == {port: [w, int(i), int(t)] for port, (w, i, t) in reference.logins.items()}
        kinds.add(want)
    assert len(kinds) > 10


@cocotb.test()
async def refusals_leave_the_table(dut: Any) -> None:
    n = await neighbours(dut)
    n.allowed = False
    assert await n.ask(els(FRAME_2)) == rjt(9, 0) and not n.logins
    n.allowed = True
    assert await n.ask(els(plogi(common=255))) == rjt(3, 7) and not n.logins
    for number in range(ROWS):
        assert (await n.ask(els(plogi(HOST_WWPN + number), HOST_ID + number)))[0] == 2
    before = {port: list(row) for port, row in n.logins.items()}
    assert await n.ask(els(plogi(HOST_WWPN + ROWS), HOST_ID + ROWS)) == rjt(9, 0x29)
    assert n.logins == before


@cocotb.test()
async def link_down_gives_no_answer(dut: Any) -> None:
    """At each moment of a PLOGI of a port that is logged in: nothing is sent, the next is answered."""
    n = await neighbours(dut)
    n.slow = 4
    for moment in range(80):
        n.logins = {HOST_ID: [HOST_WWPN, 1, 0]}
        sent = len(n.sent)
        n.offer(els(FRAME_2))
        answered = False
        for _ in range(moment):
            await n.clock()
            if value_of(dut.request_done):
                dut.request_valid.value = 0
                answered = True
        dut.link_down_event.value = 1
        down_at = len(n.sent)
        for clocks in range(60):
            await n.clock()
            dut.link_down_event.value = 0
            if value_of(dut.request_done):
                dut.request_valid.value = 0
                answered = True
            assert clocks == 0 or not value_of(dut.reply_send), moment
        assert answered and len(n.sent) - sent <= 1 and len(n.sent) - down_at <= 1, moment
        assert not value_of(dut.table_valid) and not value_of(dut.logout_valid)
    n.logins = {}
    assert await n.ask(els(FRAME_2)) == FRAME_3
