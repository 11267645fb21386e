# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of link_services.

The bench is the rest of the world: link, dispatch, scheduler, tasks, allow list, fabric and peers.

Bytes that go in and are expected to come out are written here by hand from the standards' tables (protocol facts
sections 3, 5, 6 and 12), never taken from the design or from the project's own packet layers.
"""

from __future__ import annotations

import itertools
import random
import struct
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from portplex.bfm.pins import Pins, value_of
from portplex.simulate import long_run

ARRAY_ID, HOST_ID, DEVICE_ID = 0x010E00, 0x010001, 0x020E00
ARRAY_WWPN, ARRAY_WWNN = 0x50060E8000005000, 0x50060E8000005001
HOST_WWPN, HOST_WWNN = 0x10000000C9000001, 0x20000000C9000001
FABRIC_LOGIN, CONTROLLER, NAME_SERVER = 0xFFFFFE, 0xFFFFFD, 0xFFFFFC
E_D_TOV, R_A_TOV = 20, 100  # ticks; the bench ticks every clock

# Known-answer payloads of protocol facts section 12, by number
FRAME_1 = bytes.fromhex(
    "040000002020001000000840000000000000000010000000c900000120000000c9000001"
    + "00" * 32
    + "880000000000084000ff000000010000"
    + "00" * 32
)
FRAME_2 = bytes.fromhex(
    "03000000202000108000084000ff001f000007d010000000c900000120000000c9000001"
    + "00" * 32
    + "880000000000084000ff000000010000"
    + "00" * 32
)
FRAME_3 = bytes.fromhex(
    "02000000202000108000084000ff001f000007d050060e800000500050060e8000005001"
    + "00" * 32
    + "880000000000084000ff000000010000"
    + "00" * 32
)
FRAME_4 = bytes.fromhex("2010001408002000000000000000000000000022")
FRAME_5 = bytes.fromhex("0210001408002100000000000000000000000032")
FRAME_13 = bytes.fromhex("050000000001000110000000c9000001")

LS_ACC = bytes.fromhex("02000000")

INPUTS = (
    *("tick", "link_active", "link_down_event", "link_reset_event", "lesb"),
    *("ls_rx_valid", "ls_rx_header", "ls_rx_words", "ls_rx_sof_initiate", "ls_rx_eof_terminate", "ls_rx_rd_data"),
    *("ls_tx_ready", "ls_tx_rd_addr", "lookup_valid", "lookup_id", "login_valid", "login_id", "login_logout"),
    *(
        "allow_done",
        "allow_ok",
        "allow_entry",
        "exchange_done",
        "exchange_open",
        "exchange_responder",
        "exchange_initiative",
    ),
    "exchange_bytes",
)


def rjt(reason: int, explanation: int) -> bytes:
    return bytes([1, 0, 0, 0, 0, reason, explanation, 0])


@dataclass(frozen=True)
class Fc:
    """A frame as this bench sees it."""

    r_ctl: int
    d_id: int
    s_id: int
    type: int
    payload: bytes
    ox_id: int = 0x0002
    rx_id: int = 0xFFFF
    f_ctl: int = 0x290000
    seq_id: int = 1
    df_ctl: int = 0
    seq_cnt: int = 0
    initiate: bool = True
    terminate: bool = True

    def header(self) -> bytes:
        return struct.pack(
            ">IIIBBHHHI",
            self.r_ctl << 24 | self.d_id,
            self.s_id,
            self.type << 24 | self.f_ctl,
            self.seq_id,
            self.df_ctl,
            self.seq_cnt,
            self.ox_id,
            self.rx_id,
            0,
        )

    @staticmethod
    def parse(header: bytes, payload: bytes) -> Fc:
        w0, w1, w2, seq_id, df_ctl, seq_cnt, ox_id, rx_id, parameter = struct.unpack(">IIIBBHHHI", header)
        assert parameter == 0 and w1 >> 24 == 0
        return Fc(
            w0 >> 24,
            w0 & 0xFFFFFF,
            w1 & 0xFFFFFF,
            w2 >> 24,
            payload,
            ox_id,
            rx_id,
            w2 & 0xFFFFFF,
            seq_id,
            df_ctl,
            seq_cnt,
        )


def els(payload: bytes, s_id: int = HOST_ID, d_id: int = ARRAY_ID, **changes: Any) -> Fc:
    return Fc(0x22, d_id, s_id, 1, payload, **changes)


def reply(to: Fc, payload: bytes, d_id: int | None = None) -> Fc:
    """The peer's answer to an ELS or CT request of the array."""
    r_ctl = 0x23 if to.type == 1 else 0x03
    return Fc(
        r_ctl,
        to.s_id if d_id is None else d_id,
        to.d_id,
        to.type,
        payload,
        ox_id=to.ox_id,
        rx_id=0x0BAD,
        f_ctl=0x990000,
    )


def plogi(
    wwpn: int = HOST_WWPN, *, common: int = 0x840, class3: int = 0x840, flags: int = 0x8800, opcode: int = 3
) -> bytes:
    words = [
        opcode << 24,
        0x20200010,
        0x80000000 | common,
        0x00FF001F,
        2000,
        wwpn >> 32,
        wwpn & 0xFFFFFFFF,
        HOST_WWNN >> 32,
        HOST_WWNN & 0xFFFFFFFF,
    ]
    words += [0] * 8 + [flags << 16, class3, 0x00FF0000, 0x00010000] + [0] * 8
    return struct.pack(">29I", *words)


def prli(parameters: int = 0x22, *, flags: int = 0x20, kind: int = 8, opcode: int = 0x20) -> bytes:
    return struct.pack(">BBHBBBBIII", opcode, 0x10, 20, kind, 0, flags, 0, 0, 0, parameters)


def x_ids(opcode: int, originator: int, ox_id: int, rx_id: int = 0xFFFF) -> bytes:
    """REC (13h) or RRQ (12h)."""
    return struct.pack(">IIHH", opcode << 24, originator, ox_id, rx_id)


CT_ACCEPT = bytes.fromhex("01000000fc020000 80020000 00000000")
CT_REJECT = bytes.fromhex("01000000fc020000 80010000 00090000")
CT_NO_SUCH_PORT = bytes.fromhex("01000000fc020000 80010000 00090100")
CT_UNSUPPORTED = bytes.fromhex("01000000fc020000 80010000 000b0000")


class World:
    """Everything around the module, moved a clock at a time at the falling edge: both simulators see the same."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.pins = Pins(dut)  # what `clock` alone sets
        self.time = 0
        self.sent: list[Fc] = []  # frames the module sent
        self.sent_at: list[int] = []
        self.aborted: list[Fc] = []  # requests that the module gave up with ABTS
        self.answer: Callable[[Fc], Fc | bytes | None] = self.fabric
        self.queue: deque[Fc] = deque()
        self.taken = 0  # received frames the module is done with
        self.logouts: list[int | None] = []  # None: all
        self.logins_done: list[tuple[int, int]] = []
        self.login_events: list[int] = []
        self.identities: list[tuple[int, ...]] = []  # WWPN, entry of the allow list, hidden volumes
        self.entry = 0xA5C3 << 5 | 19  # what the allow list tells
        self.allow_asked: list[int] = []
        self.allowed: Callable[[int], bool] = lambda wwpn: True
        self.allow_delay = 3
        self.strobes: Counter[str] = Counter()
        self.credits: list[int] = []
        self.names: dict[int, int] = {}  # what the name server knows
        # open exchanges: peer, does it belong to the array, OX_ID -> RX_ID, initiative of the array, bytes
        self.exchanges: dict[tuple[int, bool, int], tuple[int, bool, int]] = {}
        self.questions = 0
        self._question: int | None = None
        self.tx_hold = False  # the scheduler does not serve
        self.tick_period = 1
        self.logout_ready = True
        self._popping = False
        self._address = 0
        self._tx: list[int] | None = None
        self._tx_ready = False
        self._allow: tuple[int, bool] | None = None
        self._login_taken = False
        self._answered = False

    async def start(self, wwpn: int = ARRAY_WWPN, wwnn: int = ARRAY_WWNN) -> None:
        d = self.dut
        for name in INPUTS:
            getattr(d, name).value = 0
        d.cfg_wwpn.value = wwpn
        d.cfg_wwnn.value = wwnn
        d.cfg_e_d_tov_ticks.value = E_D_TOV
        d.cfg_r_a_tov_ticks.value = R_A_TOV
        d.login_done_ready.value = 1
        d.logout_ready.value = 0
        d.rst.value = 1
        Clock(d.clk, 4, unit="ns").start()
        for _ in range(3):
            await FallingEdge(d.clk)
        d.rst.value = 0
        await self.clocks(3)

    # What the peers answer

    def fabric(self, frame: Fc) -> Fc | bytes | None:
        """A fabric that accepts all, and devices that are targets; None: no answer."""
        opcode = frame.payload[0]
        if frame.type == 0x20:
            if frame.payload[8:10] == b"\x01\x12":  # GPN_ID
                name = self.names.get(int.from_bytes(frame.payload[16:20], "big"))
                return CT_NO_SUCH_PORT if name is None else CT_ACCEPT + struct.pack(">Q", name)
            return CT_ACCEPT
        if opcode == 4:
            acc = bytearray(plogi(0x2000000000000001, opcode=2))
            acc[6:10] = bytes.fromhex("00071000")  # BB_Credit 7, F_Port
            acc[12:20] = struct.pack(">II", 10000, 2000)  # R_A_TOV, E_D_TOV
            return reply(frame, bytes(acc), ARRAY_ID)
        if opcode == 3:
            return plogi(0x5000000000000000 + frame.d_id, opcode=2, common=0x400)
        if opcode == 0x20:
            return bytes.fromhex("0210001408002100000000000000000000000012")
        return LS_ACC

    # One clock

    async def clock(self) -> None:
        d = self.pins
        await FallingEdge(self.dut.clk)
        self.time += 1
        d.tick.value = int(self.time % self.tick_period == 0)

        # dispatch: the head frame, its payload one clock after the address
        if self._popping:
            self._popping = False
            self.queue.popleft()
            self.taken += 1
            self._head()
        elif int(d.ls_rx_done.value):
            assert self.queue, "ls_rx_done without a frame"
            self._popping = True
        if self.queue:
            payload = self.queue[0].payload
            at = 4 * self._address
            d.ls_rx_rd_data.value = int.from_bytes(payload[at : at + 4], "big") if at < len(payload) else 0xDEADBEEF
            self._address = int(d.ls_rx_rd_addr.value)

        # scheduler: read all words, then take
        if self._tx_ready:
            self._tx_ready = False
            d.ls_tx_ready.value = 0
        elif int(d.ls_tx_valid.value) and not self.tx_hold:
            words = int(d.ls_tx_words.value)
            if self._tx is None:
                self._tx = []
                self._tx_header = int(d.ls_tx_header.value)
                d.ls_tx_rd_addr.value = 0
            else:
                self._tx.append(int(d.ls_tx_rd_data.value))
                d.ls_tx_rd_addr.value = len(self._tx)
            if len(self._tx) == words:
                assert self._tx_header == int(d.ls_tx_header.value), "header not stable"
                self._tx_ready = True
                d.ls_tx_ready.value = 1
                frame = Fc.parse(self._tx_header.to_bytes(24, "big"), struct.pack(f">{words}I", *self._tx))
                self._tx = None
                self._out(frame)
        elif not int(d.ls_tx_valid.value):
            self._tx = None

        # allow list
        d.allow_done.value = 0
        if int(d.allow_valid.value):
            assert self._allow is None, "a second question before the answer to the first"
            wwpn = int(d.allow_wwpn.value)
            self.allow_asked.append(wwpn)
            self._allow = (self.time + self.allow_delay, self.allowed(wwpn))
        if self._allow and self.time >= self._allow[0]:
            d.allow_done.value = 1
            d.allow_ok.value = int(self._allow[1])
            d.allow_entry.value = self.entry
            self._allow = None

        # tasks
        d.exchange_done.value = 0
        if self._question is None and int(d.exchange_valid.value) and not self._answered:
            self._question = self.time + 5
        self._answered = False
        if self._question == self.time:
            self._question = None
            self._answered = True
            self.questions += 1
            key = (int(d.exchange_peer.value), bool(int(d.exchange_own.value)), int(d.exchange_ox_id.value))
            found = self.exchanges.get(key)
            rx_id = int(d.exchange_rx_id.value)
            d.exchange_open.value = int(found is not None and rx_id in (0xFFFF, found[0]))
            if found:
                d.exchange_responder.value, d.exchange_bytes.value = found[0], found[2]
                d.exchange_initiative.value = int(found[1])
            d.exchange_done.value = 1
        d.logout_ready.value = int(self.logout_ready)
        if int(d.logout_valid.value) and self.logout_ready:
            self.logouts.append(None if int(d.logout_all.value) else int(d.logout_id.value))
        if int(d.login_done_valid.value) and int(d.login_done_ready.value):
            self.logins_done.append((int(d.login_done_id.value), int(d.login_done_status.value)))
        if self._login_taken:
            self._login_taken = False
            self.dut.login_valid.value = 0
        elif int(d.login_ready.value):
            assert int(d.login_valid.value)
            self._login_taken = True
        if int(d.login_event_valid.value):
            self.login_events.append(int(d.login_event_index.value))
            identity = (d.login_event_wwpn, d.login_event_initiator, d.login_event_hidden)
            self.identities.append(tuple(int(signal.value) for signal in identity))
        if int(d.bb_credit_set.value):
            self.credits.append(int(d.bb_credit_value.value))
        for name in (
            "stat_ls_rjt_sent",
            "stat_ls_rjt_received",
            "stat_plogi_refused",
            "stat_ls_timeout",
            "stat_ls_dropped",
        ):
            if value_of(getattr(d, name)):
                self.strobes[name] += 1

    def _out(self, frame: Fc) -> None:
        self.sent.append(frame)
        self.sent_at.append(self.time)
        assert frame.df_ctl == 0 and frame.seq_cnt == 0
        if frame.r_ctl == 0x23:
            assert frame.f_ctl & ~3 == 0x980000 and frame.rx_id >> 8 == 0xF0 and frame.type == 1
            return
        if frame.r_ctl == 0x81:
            self._aborted(frame)
            return
        assert frame.r_ctl == (0x22 if frame.type == 1 else 0x02) and frame.f_ctl == 0x290000
        assert frame.ox_id >> 8 == 0xF0 and frame.rx_id == 0xFFFF
        answer = self.answer(frame)
        if isinstance(answer, bytes):
            answer = reply(frame, answer)
        if answer:
            self.receive(answer)

    def _aborted(self, abts: Fc) -> None:
        """ABTS of the request sent last, which nobody answered; kept apart from the requests."""
        self.sent.pop()
        self.sent_at.pop()
        request = next(frame for frame in reversed(self.sent) if frame.r_ctl != 0x23)
        assert abts == Fc(
            0x81, request.d_id, request.s_id, 0, b"", ox_id=request.ox_id, f_ctl=0x090000, seq_id=abts.seq_id
        )
        self.aborted.append(request)

    def _head(self) -> None:
        d = self.dut
        d.ls_rx_valid.value = int(bool(self.queue))
        if self.queue:
            frame = self.queue[0]
            d.ls_rx_header.value = int.from_bytes(frame.header(), "big")
            d.ls_rx_words.value = len(frame.payload) // 4
            d.ls_rx_sof_initiate.value = int(frame.initiate)
            d.ls_rx_eof_terminate.value = int(frame.terminate)

    # What tests do

    async def clocks(self, count: int) -> None:
        for _ in range(count):
            await self.clock()

    async def until(self, condition: Callable[[], object], what: str, limit: int = 2000) -> None:
        for _ in range(limit):
            if condition():
                return
            await self.clock()
        raise AssertionError(f"{what}: not within {limit} clocks; last frames {self.sent[-3:]}")

    def receive(self, frame: Fc) -> None:
        self.queue.append(frame)
        if len(self.queue) == 1:
            self._head()

    async def ask(self, frame: Fc) -> list[Fc]:
        """Let the module receive a frame, wait until it is done with it, and return what it sent meanwhile."""
        before, taken = len(self.sent), self.taken
        self.receive(frame)
        await self.until(lambda: self.taken > taken and not self.queue, f"done with {frame}")
        await self.clocks(4)
        await self.until(lambda: not value_of(self.dut.ls_tx_valid) and not self._tx_ready, "answer sent")
        return self.sent[before:]

    async def answer_to(self, frame: Fc) -> bytes:
        """The payload of the one reply to a request; its header must fit the request."""
        got = [sent for sent in await self.ask(frame) if sent.r_ctl == 0x23]
        assert len(got) == 1, f"{len(got)} frames in answer to {frame}: {got}"
        assert (got[0].r_ctl, got[0].d_id, got[0].s_id, got[0].ox_id) == (0x23, frame.s_id, frame.d_id, frame.ox_id)
        return got[0].payload

    async def link_up(self) -> None:
        self.dut.link_active.value = 1
        await self.clock()

    async def link_down(self) -> None:
        self.dut.link_active.value = 0
        self.dut.link_down_event.value = 1
        await self.clock()
        self.dut.link_down_event.value = 0

    async def bring_up(self) -> None:
        """Until the last registration, SCR, is answered."""
        start = len(self.sent)
        await self.link_up()
        await self.until(lambda: any(f.payload[0] == 0x62 for f in self.sent[start:]) and not self.queue, "bring-up")
        await self.clocks(5)

    async def login(self, port_id: int, logout: bool = False, limit: int = 4000) -> int:
        d = self.dut
        before = len(self.logins_done)
        d.login_id.value = port_id
        d.login_logout.value = int(logout)
        d.login_valid.value = 1
        await self.until(lambda: len(self.logins_done) > before, f"login {port_id:06X}", limit)
        done_id, status = self.logins_done[-1]
        assert done_id == port_id and len(self.logins_done) == before + 1
        return status

    async def lookup(self, port_id: int) -> tuple[bool, bool, bool, int]:
        """hit, initiator, target, payload words: one clock after the question."""
        d = self.dut
        d.lookup_valid.value = 1
        d.lookup_id.value = port_id
        await self.clock()
        d.lookup_valid.value = 0
        assert int(d.lookup_done.value) == 1
        return (
            bool(int(d.lookup_hit.value)),
            bool(int(d.lookup_initiator.value)),
            bool(int(d.lookup_target.value)),
            int(d.lookup_payload_words.value),
        )

    async def host(self, s_id: int = HOST_ID, wwpn: int = HOST_WWPN) -> None:
        """PLOGI and PRLI of an initiator, both accepted."""
        assert (await self.answer_to(els(plogi(wwpn), s_id)))[0] == 2
        assert (await self.answer_to(els(prli(), s_id))) == FRAME_5


async def world(dut: Any, up: bool = True, **names: int) -> World:
    w = World(dut)
    await w.start(**names)
    if up:
        await w.bring_up()
    return w


@cocotb.test()
async def bring_up_registers_with_the_fabric(dut: Any) -> None:
    w = await world(dut, up=False)
    await w.clocks(100)
    assert not w.sent, "nothing may be sent before the link is active"
    assert value_of(dut.my_id_valid) == 0 and value_of(dut.status_fabric_login) == 0
    await w.bring_up()
    await w.clocks(1000)
    assert [(f.d_id, f.s_id, f.type) for f in w.sent] == [
        (FABRIC_LOGIN, 0, 1),
        (NAME_SERVER, ARRAY_ID, 1),
        (NAME_SERVER, ARRAY_ID, 0x20),
        (NAME_SERVER, ARRAY_ID, 0x20),
        (CONTROLLER, ARRAY_ID, 1),
    ]
    payloads = [f.payload for f in w.sent]
    array = FRAME_3[20:36]
    assert payloads[0] == FRAME_1[:20] + array + FRAME_1[36:]
    assert payloads[1] == b"\x03" + FRAME_3[1:]
    assert payloads[2] == bytes.fromhex("01000000 fc020000 02170000 00000000 00010e00 00000100") + bytes(28)
    assert payloads[3] == bytes.fromhex("01000000 fc020000 021f0000 00000000 00010e00 00000308")
    assert payloads[4] == bytes.fromhex("62000000 00000003")
    assert len({f.ox_id for f in w.sent}) == 5
    assert value_of(dut.my_id) == ARRAY_ID and value_of(dut.my_id_valid) == 1 and value_of(dut.status_fabric_login) == 1
    assert w.credits == [7]
    assert not w.strobes and value_of(dut.status_logins) == 0


@cocotb.test()
async def known_answers_go_out_byte_for_byte(dut: Any) -> None:
    """Frames 3 and 5 answer 2 and 4, LS_ACC answers 13; headers too, but for RX_ID and SEQ_ID (the port's choice)."""
    w = await world(dut)
    for request, seq, ox_id, header, payload in (
        (FRAME_2, 1, 0x0002, "2301000100010e000198000001000000000280010000000" + "0", FRAME_3),
        (FRAME_4, 2, 0x0003, "2301000100010e000198000002000000000380020000000" + "0", FRAME_5),
        (FRAME_13, 8, 0x0004, "2301000100010e000198000008000000000480080000000" + "0", LS_ACC),
    ):
        frame = els(request, seq_id=seq, ox_id=ox_id)
        assert frame.header().hex() == f"22010e000001000101290000{seq:02x}000000{ox_id:04x}ffff00000000", (
            "the bench's own packing"
        )
        (got,) = await w.ask(frame)
        assert got.payload == payload
        want = bytearray.fromhex(header)
        mine = bytearray(got.header())
        for own in (12, 18, 19):  # SEQ_ID, RX_ID
            want[own] = mine[own] = 0
        assert mine.hex() == want.hex()


@cocotb.test()
async def known_requests_go_out_byte_for_byte(dut: Any) -> None:
    """With the host's names, FLOGI is frame 1, PLOGI frame 2, LOGO frame 13; PRLI is frame 4 but for the target bit."""
    w = World(dut)
    fabric = w.fabric

    def answer(frame: Fc) -> Fc | bytes | None:
        made = fabric(frame)
        return reply(frame, made.payload, HOST_ID) if isinstance(made, Fc) else made

    w.answer = answer
    await w.start(HOST_WWPN, HOST_WWNN)
    await w.bring_up()
    assert w.sent[0].payload == FRAME_1 and w.sent[1].payload == FRAME_2
    assert await w.login(ARRAY_ID) == 0
    assert await w.login(ARRAY_ID, logout=True) == 0
    assert w.sent[-3].payload == FRAME_2
    assert w.sent[-2].payload == FRAME_4[:-1] + b"\x32"
    assert w.sent[-1].payload == FRAME_13
    for frame, example in ((w.sent[0], "22fffffe0000000001290000"), (w.sent[-3], "22010e000001000101290000")):
        assert frame.header().hex().startswith(example)


@cocotb.test()
async def flogi_is_repeated_until_it_succeeds(dut: Any) -> None:
    """LS_RJT, silence, a short answer, one without an address, a wrong opcode: again, later and later, for ever."""
    w = World(dut)
    bad: list[Callable[[Fc], bytes | Fc | None]] = [
        lambda f: rjt(5, 0),
        lambda f: None,
        lambda f: rjt(9, 0x29),
        lambda f: reply(f, plogi(opcode=2)[:112], ARRAY_ID),
        lambda f: reply(f, plogi(opcode=2)[:8] + b"\x10\0" + plogi(opcode=2)[10:], 0),  # a fabric, no address
        lambda f: reply(f, b"\x55" * 116, ARRAY_ID),
        lambda f: rjt(5, 0),
        lambda f: rjt(5, 0),
        lambda f: rjt(5, 0),
        lambda f: rjt(5, 0),
    ]
    attempts = iter(bad)

    def answer(frame: Fc) -> Fc | bytes | None:
        maker = next(attempts, None) if frame.d_id == FABRIC_LOGIN else None
        return maker(frame) if maker else w.fabric(frame)

    w.answer = answer
    await w.start()
    await w.link_up()
    await w.until(lambda: value_of(dut.my_id_valid), "fabric login", 10000)
    flogis = [t for f, t in zip(w.sent, w.sent_at, strict=True) if f.d_id == FABRIC_LOGIN]
    assert len(flogis) == len(bad) + 1
    gaps = [b - a for a, b in itertools.pairwise(flogis)]
    around = 120  # clocks to build, send and read a FLOGI
    for attempt, gap in enumerate(gaps):
        wait = E_D_TOV << min(attempt, 3)
        wait += 2 * R_A_TOV if attempt == 1 else 0
        assert wait <= gap <= wait + around, f"attempt {attempt}: {gap} clocks, back-off {wait}"
    assert w.strobes["stat_ls_rjt_received"] == 6 and w.strobes["stat_ls_timeout"] == 1
    assert not w.aborted, "without an address there is no ABTS"
    assert len({f.ox_id for f in w.sent}) == len(w.sent)
    assert await w.lookup(HOST_ID) == (False, False, False, 0)


@cocotb.test()
async def logins_are_refused_without_a_fabric(dut: Any) -> None:
    w = World(dut)
    w.answer = lambda f: None
    await w.start()
    assert await w.login(DEVICE_ID) == 6, "no link"
    await w.link_up()
    await w.clocks(50)
    assert await w.login(DEVICE_ID) == 6, "link, but no FLOGI"
    got = await w.ask(els(FRAME_2))
    assert not [f for f in got if f.r_ctl == 0x23], "without an address nothing is for this port"


@cocotb.test()
async def name_server_may_refuse(dut: Any) -> None:
    """Each registration step is tried twice; then the port goes on, and logins work."""
    for failing, counts in (("plogi", [2, 0, 0, 1]), ("ct", [1, 2, 2, 1]), ("scr", [1, 1, 1, 2])):
        for silent in (False, True):
            w = World(dut)

            def answer(frame: Fc, w: World = w, failing: str = failing, silent: bool = silent) -> Fc | bytes | None:
                kind = "ct" if frame.type == 0x20 else {3: "plogi", 0x62: "scr"}.get(frame.payload[0])
                if kind == failing and frame.d_id > 0xFFFF00:
                    return None if silent else CT_REJECT if kind == "ct" else rjt(9, 0)
                return w.fabric(frame)

            w.answer = answer
            await w.start()
            await w.link_up()
            await w.until(lambda: value_of(dut.my_id_valid), "FLOGI")
            assert await w.login(DEVICE_ID) == 0
            codes = Counter(
                f.payload[8:10].hex() if f.type == 0x20 else f.payload[:1].hex() for f in w.sent if f.d_id > 0xFFFF00
            )
            assert [codes[c] for c in ("03", "0217", "021f", "62")] == counts, (failing, silent, codes)
            await w.link_down()


def flogi(wwpn: int, credit: int = 9) -> bytes:
    """FLOGI of an N_Port, 116 bytes."""
    return (
        b"\x04"
        + plogi(wwpn)[1:6]
        + struct.pack(">H", credit)
        + b"\0\0"
        + plogi(wwpn)[10:12]
        + bytes(8)
        + plogi(wwpn)[20:]
    )


LOW, HIGH = 0x010101, 0x010102  # addresses without a fabric: the lower name has the lower one


@cocotb.test()
async def an_n_port_answers_flogi(dut: Any) -> None:
    """F_Port clear in the answer: both addresses, or neither; PLOGI from the higher name, no name server."""
    for peer, d_id, s_id, mine, other in (
        (ARRAY_WWPN + 1, LOW, HIGH, LOW, HIGH),
        (ARRAY_WWPN - 1, HIGH, LOW, HIGH, LOW),
        (ARRAY_WWPN - 1, 0x0000EF, 0x0000E8, 0x0000EF, 0x0000E8),
        (ARRAY_WWPN + 1, 0, 0, LOW, HIGH),
        (ARRAY_WWPN - 1, 0, FABRIC_LOGIN, HIGH, LOW),
    ):
        w = World(dut)

        def answer(frame: Fc, w: World = w, peer: int = peer, d_id: int = d_id, s_id: int = s_id) -> Fc | bytes | None:
            if frame.payload[0] == 4:
                return Fc(0x23, d_id, s_id, 1, b"\2" + flogi(peer)[1:], ox_id=frame.ox_id, f_ctl=0x990000)
            return plogi(peer, opcode=2)

        w.answer = answer
        await w.start()
        await w.link_up()
        await w.until(lambda: value_of(dut.my_id_valid), "FLOGI")
        await w.clocks(1000)
        higher = peer < ARRAY_WWPN
        assert [(f.payload[0], f.d_id, f.s_id) for f in w.sent[1:]] == [(3, other, mine)] * higher
        assert value_of(dut.my_id) == mine and w.credits == [9]
        assert w.allow_asked == [peer] * higher
        assert (await w.lookup(other))[0] == higher
        if not higher:
            assert (await w.answer_to(els(plogi(peer), other, mine)))[0] == 2
        assert await w.answer_to(els(FRAME_4, other, mine)) == FRAME_5
        await w.link_down()
        await w.clocks(20)


@cocotb.test()
async def flogi_of_an_n_port_is_answered(dut: Any) -> None:
    """Before, after and across the array's own FLOGI: LS_ACC with F_Port clear from and to the two addresses."""
    for when in ("silent", "crossing", "waiting"):
        for peer, mine, other in ((ARRAY_WWPN + 1, LOW, HIGH), (ARRAY_WWPN - 1, HIGH, LOW)):
            w = World(dut)
            w.answer = lambda f, peer=peer: plogi(peer, opcode=2) if f.payload[0] == 3 else None  # type: ignore[misc]
            await w.start()
            w.tx_hold = when == "waiting"  # the array's own FLOGI has not left yet
            await w.link_up()
            await w.clocks(80 if when != "silent" else 2 * R_A_TOV + 100)
            before = len(w.sent)
            w.receive(els(flogi(peer), 0, FABRIC_LOGIN))
            await w.until(lambda: value_of(dut.my_id_valid), "address")
            w.tx_hold = False
            await w.clocks(1500)
            (acc,) = [f for f in w.sent[before:] if f.r_ctl == 0x23]
            assert (acc.s_id, acc.d_id) == (mine, other)
            assert acc.payload[0] == 2 and acc.payload[8:10] == b"\0\0" and acc.payload[20:28] == FRAME_3[20:28]
            asked = [(f.payload[0], f.d_id, f.s_id) for f in w.sent[before:] if f.r_ctl == 0x22 and f.payload[0] != 4]
            assert asked == [(3, other, mine)] * (peer < ARRAY_WWPN), (when, asked)
            assert w.sent.index(acc) < next((n for n, f in enumerate(w.sent) if f.payload[:1] == b"\3"), len(w.sent))
            assert value_of(dut.my_id) == mine and w.credits[-1] == 9
            # a FLOGI that the peer answers late, with the same addresses, changes nothing
            late = next(f for f in w.sent if f.payload[:1] == b"\4")
            w.receive(Fc(0x23, mine, other, 1, b"\2" + flogi(peer)[1:], ox_id=late.ox_id, f_ctl=0x990000))
            await w.clocks(200)
            if peer > ARRAY_WWPN:
                assert (await w.answer_to(els(plogi(peer), other, mine)))[0] == 2
            assert await w.answer_to(els(FRAME_4, other, mine)) == FRAME_5
            assert (await w.lookup(other))[:2] == (True, True)
            # FLOGI again: the peer has begun anew
            w.logouts.clear()
            (acc,) = [f for f in await w.ask(els(flogi(peer), 0, FABRIC_LOGIN)) if f.r_ctl == 0x23]
            assert acc.payload[0] == 2
            await w.clocks(300)
            assert w.logouts == [None] and (await w.lookup(other))[:2] == (peer < ARRAY_WWPN, False)
            await w.link_down()
            await w.clocks(20)


@cocotb.test()
async def flogi_of_an_n_port_may_be_refused(dut: Any) -> None:
    """Bad parameters get LS_RJT; in a fabric there is no answer; a port not on the allow list is not called."""
    w = World(dut)
    w.answer = lambda f: None
    await w.start()
    await w.link_up()
    await w.clocks(80)
    good = flogi(HOST_WWPN)
    for payload, reason in (
        (good[:112], rjt(3, 0x2D)),
        (good + bytes(4), rjt(3, 0x2D)),
        (flogi(ARRAY_WWPN), rjt(3, 0x0D)),
        (flogi(0), rjt(3, 0x0D)),
        (good[:68] + b"\0" + good[69:], rjt(3, 1)),
        (good[:10] + b"\0\0" + good[12:], rjt(3, 7)),
    ):
        before = len(w.sent)
        w.receive(els(payload, 0, FABRIC_LOGIN))
        await w.until(lambda before=before: any(f.r_ctl == 0x23 for f in w.sent[before:]), "refusal")  # type: ignore[misc]
        (got,) = [f for f in w.sent[before:] if f.r_ctl == 0x23]
        assert got.payload == reason and (got.s_id, got.d_id) == (FABRIC_LOGIN, 0)
        assert not value_of(dut.my_id_valid)
    w.allowed = lambda wwpn: False
    await w.ask(els(good, 0, FABRIC_LOGIN))
    await w.clocks(300)
    assert w.allow_asked == [HOST_WWPN] and w.sent[-1].r_ctl == 0x23 and not value_of(dut.status_logins)
    assert await w.answer_to(els(plogi(), LOW, HIGH)) == rjt(9, 0)
    await w.link_down()
    await w.clocks(20)
    w = await world(dut)
    assert await w.ask(els(good, 0, FABRIC_LOGIN)) == [] and w.strobes["stat_ls_dropped"] == 1
    assert await w.answer_to(els(good)) == rjt(0x0B, 0)


@cocotb.test()
async def rec_tells_the_state_of_an_exchange(dut: Any) -> None:
    """X_IDs, addresses, bytes moved, E_STAT: bit 31 the responder speaks, bit 30 it holds the initiative."""
    w = await world(dut)
    await w.host()
    w.exchanges = {
        (HOST_ID, False, 0x0123): (7, True, 0x12345678),
        (HOST_ID, False, 0x0124): (8, False, 4096),
        (HOST_ID, True, 0x0005): (0xBEEF, True, 512),
        (HOST_ID, True, 0x0006): (0xFFFF, False, 0),
    }
    tail = "00010001 00010e00"
    mine = "00010e00 00010001"
    for request, want in (
        (x_ids(0x13, HOST_ID, 0x123), f"02000000 01230007 {tail} 12345678 c0000000"),
        (x_ids(0x13, HOST_ID, 0x124, 8), f"02000000 01240008 {tail} 00001000 80000000"),
        (x_ids(0x13, ARRAY_ID, 5, 0xBEEF), f"02000000 0005beef {mine} 00000200 40000000"),
        (x_ids(0x13, ARRAY_ID, 6), f"02000000 0006ffff {mine} 00000000 00000000"),
    ):
        assert (await w.answer_to(els(request))).hex() == want.replace(" ", "")
    unknown = rjt(3, 0x17)
    for ids in ((HOST_ID, 0x125), (HOST_ID, 0x124, 9), (ARRAY_ID, 7), (ARRAY_ID, 0x123)):
        assert await w.answer_to(els(x_ids(0x13, *ids))) == unknown, ids
    await w.host(HOST_ID + 1, HOST_WWPN + 1)
    assert await w.answer_to(els(x_ids(0x13, HOST_ID + 1, 0x123), HOST_ID + 1)) == unknown, "somebody else's"
    before = w.questions
    assert await w.answer_to(els(x_ids(0x13, HOST_ID, 0x123), HOST_ID + 1)) == rjt(3, 0x15)
    assert await w.answer_to(els(x_ids(0x12, DEVICE_ID, 0x123))) == rjt(3, 0x15)
    assert w.questions == before
    # RRQ: the X_IDs of an exchange that was aborted are free; one that is open keeps them
    assert await w.answer_to(els(x_ids(0x12, HOST_ID, 0x0999, 3))) == LS_ACC
    assert await w.answer_to(els(x_ids(0x12, HOST_ID, 0x0123, 7))) == unknown


@cocotb.test()
async def the_fabrics_timers_are_used(dut: Any) -> None:
    """R_A_TOV and E_D_TOV of the FLOGI answer: RTV tells them, other values than the default count in ticks of 1 ms."""
    for r_a_tov, e_d_tov, flags, told, ticks in (
        (10000, 2000, 0, (10000, 2000), (R_A_TOV, E_D_TOV)),
        (0, 0, 0, (10000, 2000), (R_A_TOV, E_D_TOV)),
        (60000, 30000, 0, (60000, 30000), (60000, 30000)),
        (10000, 100000, 0, (10000, 100000), (R_A_TOV, 0xFFFF)),
        (10000, 3_000_000_000, 0x0400, (10000, 3000), (R_A_TOV, 3000)),
    ):
        w = World(dut)

        def answer(
            frame: Fc, w: World = w, r_a_tov: int = r_a_tov, e_d_tov: int = e_d_tov, flags: int = flags
        ) -> Fc | bytes | None:
            if frame.payload[0] != 4:
                return w.fabric(frame)
            head = plogi(opcode=2)
            body = head[:6] + struct.pack(">HHHII", 7, 0x1000 | flags, 0x0840, r_a_tov, e_d_tov) + head[20:]
            return reply(frame, body, ARRAY_ID)

        w.answer = answer
        await w.start()
        await w.bring_up()
        await w.host()
        assert (value_of(dut.r_a_tov_ticks), value_of(dut.e_d_tov_ticks)) == ticks
        assert await w.answer_to(els(bytes.fromhex("0e000000"))) == LS_ACC + struct.pack(">III", *told, 0)
        await w.link_down()
        await w.clocks(5)
        assert (value_of(dut.r_a_tov_ticks), value_of(dut.e_d_tov_ticks)) == (R_A_TOV, E_D_TOV)


def rscn(*pages: int) -> bytes:
    return struct.pack(f">BBH{len(pages)}I", 0x61, 4, 4 + 4 * len(pages), *pages)


@cocotb.test()
async def a_port_that_has_gone_is_logged_out(dut: Any) -> None:
    """RSCN: the name server is asked about each login named; who is not there, or somebody else, is logged out."""
    w = await world(dut)
    ports = {HOST_ID: HOST_WWPN, HOST_ID + 1: HOST_WWPN + 1, 0x010101: HOST_WWPN + 2, 0x020101: HOST_WWPN + 3}

    async def told(payload: bytes, s_id: int = CONTROLLER) -> list[int]:
        """Ports asked about."""
        frames = len(w.sent)
        assert await w.answer_to(els(payload, s_id)) == LS_ACC
        await w.clocks(600)
        asked = [f for f in w.sent[frames:] if f.type == 0x20]
        assert all(f.d_id == NAME_SERVER and f.payload[:16].hex() == "01000000fc0200000112000000000000" for f in asked)
        return sorted(int.from_bytes(f.payload[16:], "big") for f in asked)

    for port, name in ports.items():
        await w.host(port, name)
    w.names = dict(ports)
    # all still there
    assert await told(rscn(HOST_ID)) == [HOST_ID]
    assert await told(rscn(0x01000000 | HOST_ID)) == [HOST_ID, HOST_ID + 1], "area"
    assert await told(rscn(0x02010000)) == [HOST_ID, HOST_ID + 1, 0x010101], "domain"
    assert await told(rscn(0x03000000)) == sorted(ports), "fabric"
    assert await told(rscn(0x14000000 | HOST_ID, DEVICE_ID, 0x020101)) == [HOST_ID, 0x020101], (
        "event qualifier, stranger"
    )
    assert await told(rscn(*range(0x050000, 0x050000 + 62), HOST_ID)) == [HOST_ID], "the longest"
    assert await told(rscn(HOST_ID), HOST_ID + 1) == [], "only the fabric controller is believed"
    assert not w.logouts and value_of(dut.status_logins) == 4
    # a name server that does not know the question, or is silent: nothing follows from that
    w.answer = lambda f: CT_UNSUPPORTED if f.payload[8:10] == b"\x01\x12" else w.fabric(f)
    assert await told(rscn(HOST_ID)) == [HOST_ID]
    w.answer = lambda f: None
    assert await told(rscn(HOST_ID)) == [HOST_ID]
    assert not w.logouts and w.strobes["stat_ls_timeout"] == 1 == len(w.aborted)
    w.answer = w.fabric
    # gone; and another port under the same address
    del w.names[HOST_ID]
    w.names[0x020101] = 0x1234
    assert await told(rscn(0x03000000)) == sorted(ports)
    assert sorted(i for i in w.logouts if i is not None) == [HOST_ID, 0x020101] and len(w.logouts) == 2
    assert not (await w.lookup(HOST_ID))[0] and (await w.lookup(HOST_ID + 1))[:2] == (True, True)
    assert value_of(dut.status_logins) == 2
    # a slow task side holds the originator, not the responder
    del w.names[HOST_ID + 1]
    w.logout_ready = False
    await told(rscn(HOST_ID + 1))
    assert (await w.answer_to(els(bytes.fromhex("0e000000"), 0x010101)))[0] == 2
    w.logout_ready = True
    await w.clocks(20)
    assert w.logouts[-1] == HOST_ID + 1
    # a device of an initiator task
    w.names[DEVICE_ID] = 0x5000000000000000 + DEVICE_ID
    assert await w.login(DEVICE_ID) == 0
    assert await told(rscn(DEVICE_ID)) == [DEVICE_ID] and (await w.lookup(DEVICE_ID))[2]
    del w.names[DEVICE_ID]
    await told(rscn(DEVICE_ID))
    assert w.logouts[-1] == DEVICE_ID and not (await w.lookup(DEVICE_ID))[0]


@cocotb.test()
async def the_fabric_may_log_out(dut: Any) -> None:
    """LOGO from FFFFFEh: answered, all logged out, FLOGI again. From FFFFFCh or FFFFFDh: registration again."""
    w = await world(dut)
    await w.host()
    logo = FRAME_13[:4] + bytes(4) + FRAME_13[8:]
    for server in (NAME_SERVER, CONTROLLER):
        frames = len(w.sent)
        assert await w.answer_to(els(logo, server)) == LS_ACC
        await w.clocks(500)
        assert [f.payload[0] for f in w.sent[frames + 1 :]] == [3, 1, 1, 0x62]
    assert not w.logouts and (await w.lookup(HOST_ID))[:2] == (True, True)
    for hold in (False, True):
        w.logouts.clear()
        frames = len(w.sent)
        w.tx_hold = hold
        w.receive(els(logo, FABRIC_LOGIN))
        await w.clocks(100)
        if hold:
            assert value_of(dut.my_id_valid) and not w.logouts, "the answer goes out first"
            w.tx_hold = False
        await w.until(lambda: w.sent[-1].payload[0] == 0x62 and not w.queue, "bring-up")
        assert w.sent[frames].payload == LS_ACC and w.sent[frames].s_id == ARRAY_ID
        assert [f.payload[0] for f in w.sent[frames + 1 :]] == [4, 3, 1, 1, 0x62]
        assert w.logouts == [None] and value_of(dut.status_logins) == 0 and 1 not in w.credits
        await w.host()
    # with a login of a task open
    w.answer = lambda f: w.fabric(f) if f.d_id > 0xFFFF00 else None
    dut.login_id.value, dut.login_logout.value, dut.login_valid.value = DEVICE_ID, 0, 1
    await w.clocks(100)
    frames = len(w.sent)
    assert await w.ask(els(logo, FABRIC_LOGIN))
    await w.until(lambda: w.sent[-1].payload[0] == 0x62, "bring-up")
    assert w.logins_done == [(DEVICE_ID, 6)] and [f.payload[0] for f in w.sent[frames + 1 :]] == [4, 3, 1, 1, 0x62]


@cocotb.test()
async def every_request_is_answered(dut: Any) -> None:
    """LS_ACC of each ELS that this port supports, byte for byte."""
    w = await world(dut)
    dut.lesb.value = sum((0x11111100 + n) << (32 * n) for n in range(16))
    assert (await w.answer_to(els(FRAME_2))) == FRAME_3
    assert await w.lookup(HOST_ID) == (True, False, False, 512)
    assert (await w.answer_to(els(FRAME_4))) == FRAME_5
    assert await w.lookup(HOST_ID) == (True, True, False, 512)
    assert w.login_events == [value_of(dut.lookup_index)] and w.identities == [(HOST_WWPN, 19, 0xA5C3)]
    names = struct.pack(">QQ", ARRAY_WWPN, ARRAY_WWNN)
    me = bytes.fromhex("00010e00")
    adisc = bytes.fromhex("52000000 00000000") + struct.pack(">QQ", HOST_WWPN, HOST_WWNN) + bytes.fromhex("00010001")
    assert await w.answer_to(els(adisc)) == LS_ACC + bytes(4) + names + me
    assert await w.answer_to(els(bytes.fromhex("0e000000"))) == LS_ACC + struct.pack(">III", 10000, 2000, 0)
    counters = b"".join(struct.pack(">I", 0x11111100 + n) for n in range(6))
    assert await w.answer_to(els(bytes.fromhex("0f000000") + me)) == LS_ACC + counters
    assert await w.answer_to(els(bytes.fromhex("0f000000 00000000"))) == LS_ACC + counters
    for words in (0, 1, 2, 27, 28):
        data = random.Random(words).randbytes(4 * words)
        assert await w.answer_to(els(bytes.fromhex("10000000") + data)) == LS_ACC + data
    (got,) = await w.ask(els(bytes.fromhex("10000000 61626300"), f_ctl=0x290001))
    assert got.f_ctl == 0x980001, "ECHO repeats the fill bytes too"
    rscn = bytes.fromhex("6104000c 00010002 00020304")
    assert await w.answer_to(els(rscn)) == LS_ACC
    assert await w.answer_to(els(rscn, CONTROLLER)) == LS_ACC, "the fabric controller is never in the table"
    assert await w.answer_to(els(bytes.fromhex("10000000 01020304"), CONTROLLER)) == LS_ACC + bytes.fromhex("01020304")
    prlo = bytes.fromhex("21100014 08000000 00000000 00000000 00000000")
    assert await w.answer_to(els(prlo)) == bytes.fromhex("02100014 08000100 00000000 00000000 00000000")
    assert w.logouts == [HOST_ID] and await w.lookup(HOST_ID) == (True, False, False, 512)
    assert await w.answer_to(els(prlo)) == bytes.fromhex("02100014 08000400 00000000 00000000 00000000"), (
        "no image pair"
    )
    assert (await w.answer_to(els(FRAME_4))) == FRAME_5
    assert await w.answer_to(els(FRAME_13)) == LS_ACC
    assert w.logouts == [HOST_ID, HOST_ID] and await w.lookup(HOST_ID) == (False, False, False, 0)
    assert await w.answer_to(els(FRAME_13)) == LS_ACC, "LOGO of somebody unknown"
    assert w.logouts == [HOST_ID, HOST_ID]
    assert not w.strobes and value_of(dut.status_logins) == 0


@cocotb.test()
async def prli_says_what_was_agreed(dut: Any) -> None:
    w = await world(dut)
    await w.answer_to(els(FRAME_2))

    def answered(kind: int, flags: int, parameters: int) -> bytes:
        return struct.pack(">BBHBBBBIII", 2, 0x10, 20, kind, 0, flags, 0, 0, 0, parameters)

    for request, want, roles in (
        (prli(0x22, flags=0x00), answered(8, 0x01, 0x32), (False, False)),  # inquiry only
        (prli(0x22, kind=0x28), answered(0x28, 0x08, 0), (False, False)),  # FC-NVMe: not here
        (prli(0x02), answered(8, 0x08, 0), (False, False)),  # neither role
        (prli(0x22, flags=0xA0), answered(8, 0x04, 0), (False, False)),  # process associator
        (prli(0x12), answered(8, 0x21, 0x32), (False, True)),
        (prli(0x32), answered(8, 0x21, 0x32), (True, True)),
        (prli(0x22), answered(8, 0x21, 0x32), (True, False)),
    ):
        assert await w.answer_to(els(request)) == want
        assert (await w.lookup(HOST_ID))[:3] == (True, *roles)
    two = bytes.fromhex("20100024") + 2 * FRAME_4[4:]
    assert await w.answer_to(els(two)) == answered(8, 0x07, 0)
    assert w.logouts == [HOST_ID], "PRLI again of an initiator clears its tasks, once"
    assert len(w.login_events) == 2


@cocotb.test()
async def every_refusal_has_its_reason(dut: Any) -> None:
    w = await world(dut)
    adisc = bytes.fromhex("52000000") + bytes(24)
    prlo = bytes.fromhex("21100014 08000000 00000000 00000000 00000000")
    # not logged in
    for payload in (
        FRAME_4,
        prlo,
        adisc,
        bytes.fromhex("0e000000"),
        bytes.fromhex("0f000000 00010e00"),
        bytes.fromhex("10000000"),
        x_ids(0x12, HOST_ID, 1),
        x_ids(0x13, HOST_ID, 1),
    ):
        assert await w.answer_to(els(payload)) == rjt(9, 0x1E), payload.hex()
    assert await w.answer_to(els(FRAME_4, CONTROLLER)) == rjt(9, 0x1E), "servers have no image pair"
    # service parameters
    for payload, explanation in (
        (plogi(flags=0x0800), 0x01),
        (plogi(common=255), 0x07),
        (plogi(common=252), 0x07),
        (plogi(common=0), 0x07),
        (plogi(common=258), 0x07),
        (plogi(class3=252), 0x07),
        (plogi(class3=2110), 0x07),
        (plogi(common=2116), 0x07),
        (plogi(class3=0x0900), 0x07),
        (plogi(wwpn=0), 0x0D),
    ):
        assert await w.answer_to(els(payload)) == rjt(3, explanation), payload.hex()
    assert not w.allow_asked
    for s_id in (0, ARRAY_ID):
        assert await w.answer_to(els(FRAME_2, s_id)) == rjt(3, 0x15)
    # allow list
    w.allowed = lambda wwpn: False
    assert await w.answer_to(els(FRAME_2)) == rjt(9, 0)
    assert w.strobes["stat_plogi_refused"] == 1 and w.allow_asked == [HOST_WWPN]
    assert await w.lookup(HOST_ID) == (False, False, False, 0)
    # commands this port does not know
    for opcode in set(range(256)) - {1, 2, 3, 5, 0x0E, 0x0F, 0x10, 0x12, 0x13, 0x20, 0x21, 0x52, 0x61}:
        assert await w.answer_to(els(bytes([opcode, 0, 0, 0]) + bytes(8))) == rjt(0x0B, 0), f"opcode {opcode:02X}"
    # RLS for somebody else's counters
    w.allowed = lambda wwpn: True
    await w.host()
    assert await w.answer_to(els(bytes.fromhex("0f000000 00020202"))) == rjt(9, 0x1F)
    assert w.strobes["stat_ls_rjt_sent"] == sum(f.r_ctl == 0x23 and f.payload[0] == 1 for f in w.sent)


@cocotb.test()
async def payload_size_is_the_smaller_one(dut: Any) -> None:
    w = await world(dut)
    for common, class3, words in (
        (256, 2112, 64),
        (2112, 1024, 256),
        (2048, 2048, 512),
        (2112, 2112, 512),
        (2044, 2112, 511),
    ):
        assert (await w.answer_to(els(plogi(common=common, class3=class3))))[0] == 2
        assert await w.lookup(HOST_ID) == (True, False, False, words)


@cocotb.test()
async def every_wrong_length_is_refused(dut: Any) -> None:
    """Every supported ELS at every length from 0 to 40 words, and long ones."""
    w = await world(dut)
    await w.host()
    examples = {
        0x03: ({29, 64}, FRAME_2),
        0x05: ({4}, FRAME_13),
        0x0E: ({1}, b""),
        0x0F: ({2}, bytes.fromhex("0f000000 00000000")),
        0x10: (set(range(1, 30)), b""),
        0x12: ({3}, x_ids(0x12, HOST_ID, 1)),
        0x13: ({3}, x_ids(0x13, HOST_ID, 1)),
        0x20: ({5}, FRAME_4),
        0x21: ({5}, bytes.fromhex("21100014 08000000")),
        0x52: ({7}, b""),
        0x61: ({2}, bytes.fromhex("61040008 00010101")),
    }
    for opcode, (good, example) in examples.items():
        body = (bytes([opcode]) + example[1:]).ljust(4 * 528, b"\0")
        for words in (*range(41), 63, 64, 65, 128, 528):
            if words in good:
                continue
            assert await w.answer_to(els(body[: 4 * words])) == rjt(3, 0x2D), f"opcode {opcode:02X}, {words} words"
    # a length field that does not say what came, and a page length that is not 16
    for payload in (
        "20100018" + FRAME_4[4:].hex(),
        "20080014" + FRAME_4[4:].hex(),
        "2110001c 08000000" + 12 * "00",
        "6104000c 00010101",
        "61080008 00010101",
    ):
        assert await w.answer_to(els(bytes.fromhex(payload))) == rjt(3, 0x2D), payload
    assert (await w.lookup(HOST_ID))[:2] == (True, True), "a request of wrong length changes nothing"
    assert not w.logouts


@cocotb.test()
async def what_is_no_request_is_dropped(dut: Any) -> None:
    w = await world(dut)
    wrong: list[Fc] = [
        els(FRAME_2, d_id=0x010E01),
        els(FRAME_2, d_id=0xFFFFFF),
        els(FRAME_2, f_ctl=0xA90000),  # from the responder of the exchange
        els(FRAME_2, f_ctl=0x690000),  # from the recipient of the sequence
        els(FRAME_2, f_ctl=0x090000),  # not the first sequence
        els(FRAME_2, f_ctl=0x210000),  # not the end of the sequence
        els(FRAME_2, f_ctl=0x280000),  # keeps the initiative: wants no answer
        els(FRAME_2, df_ctl=0x20),
        els(FRAME_2, seq_cnt=1),
        els(FRAME_2, initiate=False),
        els(FRAME_2, terminate=False),
        els(rjt(9, 0)),
        els(LS_ACC),
        Fc(0x23, ARRAY_ID, HOST_ID, 1, LS_ACC, f_ctl=0x990000, ox_id=0xF005),
        Fc(0x23, ARRAY_ID, HOST_ID, 1, rjt(9, 0), f_ctl=0x990000),
        Fc(0x03, ARRAY_ID, NAME_SERVER, 0x20, CT_ACCEPT, f_ctl=0x990000, ox_id=0xF002),
        Fc(0x02, ARRAY_ID, HOST_ID, 0x20, CT_ACCEPT),
        Fc(0x06, ARRAY_ID, HOST_ID, 1, FRAME_2),
        Fc(0x22, ARRAY_ID, HOST_ID, 0x20, FRAME_2),
    ]
    for number, frame in enumerate(wrong, 1):
        assert await w.ask(frame) == [], frame
        assert w.strobes["stat_ls_dropped"] == number, frame
    assert value_of(dut.status_logins) == 0 and not w.allow_asked and not w.logouts
    assert (await w.answer_to(els(FRAME_2))) == FRAME_3


@cocotb.test()
async def a_wrong_reply_does_not_end_an_exchange(dut: Any) -> None:
    """Of several replies to the port's own PLOGI only the one with all addresses right counts."""
    w = await world(dut)
    wrong = 0

    def answer(frame: Fc) -> Fc | bytes | None:
        nonlocal wrong
        good = w.fabric(frame)
        if frame.payload[0] == 3:
            for change in (
                {"s_id": DEVICE_ID + 1},
                {"d_id": ARRAY_ID + 1},
                {"ox_id": frame.ox_id ^ 1},
                {"f_ctl": 0x190000},
                {"r_ctl": 0x22},
            ):
                fields = {**vars(reply(frame, rjt(9, 0))), **change}
                w.receive(Fc(**fields))
                wrong += 1
        return good

    w.answer = answer
    assert await w.login(DEVICE_ID) == 0
    assert w.strobes["stat_ls_dropped"] == wrong and w.strobes["stat_ls_rjt_received"] == 0


@cocotb.test()
async def the_allow_list_decides(dut: Any) -> None:
    w = await world(dut)
    w.allowed = lambda wwpn: wwpn % 2 == 0
    for n in range(6):
        w.allow_delay = n * 7
        payload = await w.answer_to(els(plogi(HOST_WWPN + n), HOST_ID + n))
        assert (payload == FRAME_3) if (HOST_WWPN + n) % 2 == 0 else (payload == rjt(9, 0))
        assert (await w.lookup(HOST_ID + n))[0] == ((HOST_WWPN + n) % 2 == 0)
    assert w.allow_asked == [HOST_WWPN + n for n in range(6)]
    assert w.strobes["stat_plogi_refused"] == 3 == w.strobes["stat_ls_rjt_sent"]
    # a login that the list no longer allows ends with the next PLOGI
    w.allowed = lambda wwpn: False
    assert await w.answer_to(els(plogi(HOST_WWPN + 1), HOST_ID + 1)) == rjt(9, 0)
    assert w.logouts == [HOST_ID + 1] and not (await w.lookup(HOST_ID + 1))[0]


@cocotb.test()
async def the_table_holds_32_logins(dut: Any) -> None:
    w = await world(dut)
    for n in range(32):
        await w.host(HOST_ID + n, HOST_WWPN + n)
    assert value_of(dut.status_logins) == 32
    assert await w.answer_to(els(plogi(HOST_WWPN + 32), HOST_ID + 32)) == rjt(9, 0x29)
    assert await w.login(DEVICE_ID) == 3, "and no device either"
    assert [f.payload[0] for f in w.sent[-2:]] == [3, 5], "the device is told to forget the login"
    rows = set()
    for n in range(32):
        assert (await w.lookup(HOST_ID + n))[:2] == (True, True)
        rows.add(value_of(dut.lookup_index))
    assert len(rows) == 32
    # a port that is in the table may log in again; after LOGO there is room
    assert await w.answer_to(els(plogi(HOST_WWPN + 5), HOST_ID + 5)) == FRAME_3
    assert await w.answer_to(els(FRAME_13, HOST_ID + 9)) == LS_ACC
    assert await w.answer_to(els(plogi(HOST_WWPN + 32), HOST_ID + 32)) == FRAME_3
    assert value_of(dut.status_logins) == 32 and w.logouts == [HOST_ID + 5, HOST_ID + 9]


@cocotb.test()
async def plogi_again_is_a_logout_first(dut: Any) -> None:
    w = await world(dut)
    await w.host()
    # the reply waits until the task side has taken the logout
    w.logout_ready = False
    frames = len(w.sent)
    w.receive(els(FRAME_2))
    await w.clocks(300)
    assert len(w.sent) == frames and not w.allow_asked[1:], "answered before the tasks of the old login ended"
    assert value_of(dut.logout_valid) == 1 and value_of(dut.logout_id) == HOST_ID and value_of(dut.logout_all) == 0
    w.logout_ready = True
    await w.until(lambda: len(w.sent) > frames, "reply")
    assert w.sent[-1].payload == FRAME_3 and w.logouts == [HOST_ID]
    assert await w.lookup(HOST_ID) == (True, False, False, 512), "PRLI is needed again"
    # the same port under another N_Port_ID: the old login goes
    assert await w.answer_to(els(FRAME_2, HOST_ID + 7)) == FRAME_3
    assert w.logouts == [HOST_ID, HOST_ID]
    assert not (await w.lookup(HOST_ID))[0] and (await w.lookup(HOST_ID + 7))[0]
    assert value_of(dut.status_logins) == 1


@cocotb.test()
async def initiator_logs_in_and_out(dut: Any) -> None:
    w = await world(dut)
    for _ in range(2):
        assert await w.login(DEVICE_ID) == 0
        assert [(f.d_id, f.payload[0]) for f in w.sent[-2:]] == [(DEVICE_ID, 3), (DEVICE_ID, 0x20)]
        assert await w.lookup(DEVICE_ID) == (True, False, True, 256)
        frames = len(w.sent)
        assert await w.login(DEVICE_ID) == 0, "already logged in"
        assert len(w.sent) == frames
        assert await w.login(DEVICE_ID, logout=True) == 0
        assert w.sent[-1].payload == bytes.fromhex("05000000 00010e00") + struct.pack(">Q", ARRAY_WWPN)
        assert await w.lookup(DEVICE_ID) == (False, False, False, 0)
        frames = len(w.sent)
        assert await w.login(DEVICE_ID, logout=True) == 0, "already logged out"
        assert len(w.sent) == frames
    assert not w.logouts, "whoever asks for a logout knows"
    # several devices, one after another
    for n in range(4):
        assert await w.login(DEVICE_ID + n) == 0
    assert value_of(dut.status_logins) == 4
    # a device that sends LOGO
    assert await w.answer_to(els(FRAME_13, DEVICE_ID)) == LS_ACC
    assert w.logouts == [DEVICE_ID] and not (await w.lookup(DEVICE_ID))[0]


@cocotb.test()
async def a_host_may_be_a_device_too(dut: Any) -> None:
    """A peer logged in as an initiator only needs PRLI to become a target; PRLI of its own keeps both roles."""
    w = await world(dut)
    await w.host(DEVICE_ID)
    frames = len(w.sent)
    w.answer = lambda f: bytes.fromhex("0210001408002100000000000000000000000032")
    assert await w.login(DEVICE_ID) == 0
    assert [f.payload[0] for f in w.sent[frames:]] == [0x20]
    assert (await w.lookup(DEVICE_ID))[:3] == (True, True, True)
    assert await w.answer_to(els(prli(0x32), DEVICE_ID)) == FRAME_5
    assert (await w.lookup(DEVICE_ID))[:3] == (True, True, True)


@cocotb.test()
async def a_login_that_fails_leaves_nothing(dut: Any) -> None:
    w = await world(dut)
    plogi_bad = plogi(opcode=2, common=128)
    no_target = bytes.fromhex("0210001408002100000000000000000000000022")
    not_executed = bytes.fromhex("0210001408000800000000000000000000000012")
    cases: list[tuple[dict[int, bytes | None], int, list[int]]] = [
        ({3: rjt(9, 0)}, 3, [3]),
        ({3: None}, 2, [3]),
        ({3: rjt(5, 0)}, 3, [3, 3, 3, 3]),
        ({3: plogi_bad}, 5, [3]),
        ({3: plogi(opcode=2)[:-4]}, 5, [3]),
        ({3: bytes.fromhex("99000000")}, 5, [3]),
        ({0x20: rjt(3, 0)}, 3, [3, 0x20, 5]),
        ({0x20: rjt(5, 0)}, 3, [3, 0x20, 0x20, 0x20, 0x20, 5]),
        ({0x20: None}, 2, [3, 0x20, 5]),
        ({0x20: no_target}, 3, [3, 0x20, 5]),
        ({0x20: not_executed}, 3, [3, 0x20, 5]),
        ({0x20: FRAME_5[:16]}, 5, [3, 0x20, 5]),
        ({0x20: None, 5: None}, 2, [3, 0x20, 5]),
    ]
    for answers, status, frames in cases:
        before = len(w.sent)
        w.answer = lambda f, answers=answers: answers[f.payload[0]] if f.payload[0] in answers else w.fabric(f)  # type: ignore[misc]
        assert await w.login(DEVICE_ID) == status, answers
        assert [f.payload[0] for f in w.sent[before:]] == frames, answers
        assert await w.lookup(DEVICE_ID) == (False, False, False, 0)
    for answer, status in ((rjt(9, 0x1E), 3), (None, 2), (bytes.fromhex("77000000"), 5), (LS_ACC, 0)):
        w.answer = w.fabric
        assert await w.login(DEVICE_ID) == 0
        w.answer = lambda f, answer=answer: answer  # type: ignore[misc]
        assert await w.login(DEVICE_ID, logout=True) == status
        assert await w.lookup(DEVICE_ID) == (False, False, False, 0)
    assert value_of(dut.status_logins) == 0
    assert [f.payload[0] for f in w.aborted] == [3, 0x20, 0x20, 5, 5], "each that nobody answered, and no other"


@cocotb.test()
async def a_busy_device_is_asked_again(dut: Any) -> None:
    w = await world(dut)
    busy = {3: 2, 0x20: 3}

    def answer(frame: Fc) -> Fc | bytes | None:
        opcode = frame.payload[0]
        if busy[opcode]:
            busy[opcode] -= 1
            return rjt(5, 0)
        return w.fabric(frame)

    w.answer = answer
    start = len(w.sent)
    assert await w.login(DEVICE_ID) == 0
    assert [f.payload[0] for f in w.sent[start:]] == [3] * 3 + [0x20] * 4
    gaps = [b - a for a, b in zip(w.sent_at[start:], w.sent_at[start + 1 :], strict=False)]
    for gap, wait in zip(gaps, (20, 40, 0, 20, 40, 80), strict=True):
        assert wait <= gap <= wait + 120
    assert w.strobes["stat_ls_rjt_received"] == 5


@cocotb.test()
async def timeouts_are_counted_in_ticks(dut: Any) -> None:
    """2 x R_A_TOV from the moment the frame is handed over, at one tick in seven clocks."""
    w = await world(dut)
    w.tick_period = 7
    w.answer = lambda f: None
    assert await w.login(DEVICE_ID, limit=4000) == 2
    waited = w.time - w.sent_at[-1]
    assert 7 * (2 * R_A_TOV - 1) <= waited <= 7 * (2 * R_A_TOV + 1) + 20
    assert w.strobes["stat_ls_timeout"] == 1 and w.aborted == w.sent[-1:]
    # the late answer belongs to nobody
    assert await w.ask(reply(w.sent[-1], plogi(opcode=2))) == []
    assert w.strobes["stat_ls_dropped"] == 1 and value_of(dut.status_logins) == 0


@cocotb.test()
async def no_reply_is_lost_while_the_scheduler_waits(dut: Any) -> None:
    """With the wire blocked, received requests stay in the queue, and a request of the port waits beside the reply."""
    w = await world(dut)
    await w.host()
    w.tx_hold = True
    frames, taken = len(w.sent), w.taken
    echoes = [bytes([0x10, 0, 0, 0, n, n, n, n]) for n in range(1, 6)]
    for echo in echoes:
        w.receive(els(echo))
    dut.login_id.value = DEVICE_ID
    dut.login_logout.value = 0
    dut.login_valid.value = 1
    await w.clocks(500)
    assert w.taken == taken + 1, "one reply has a place, no more"
    w.tx_hold = False
    await w.until(lambda: len(w.logins_done) == 1 and len(w.sent) >= frames + 7, "all served")
    replies = [f.payload[4:] for f in w.sent[frames:] if f.r_ctl == 0x23]
    assert replies == [e[4:] for e in echoes]
    assert w.sent[frames].r_ctl == 0x23 and w.logins_done == [(DEVICE_ID, 0)]


@cocotb.test()
async def link_down_ends_every_login(dut: Any) -> None:
    w = await world(dut)
    for n in range(5):
        await w.host(HOST_ID + n, HOST_WWPN + n)
    assert await w.login(DEVICE_ID) == 0
    w.credits.clear()
    w.tx_hold = True  # a reply and a request wait for the scheduler: both are lost
    w.receive(els(bytes.fromhex("0e000000")))
    dut.login_id.value = DEVICE_ID + 1
    dut.login_logout.value = 0
    dut.login_valid.value = 1
    await w.clocks(200)
    assert value_of(dut.ls_tx_valid) == 1
    await w.link_down()
    await w.clocks(20)
    assert value_of(dut.ls_tx_valid) == 0 and w.logins_done[-1] == (DEVICE_ID + 1, 6)
    w.tx_hold = False
    assert w.logouts == [None] and value_of(dut.status_logins) == 0 and value_of(dut.my_id_valid) == 0
    assert w.credits == [1], "BB_Credit is 1 until the next login"
    for n in range(5):
        assert not (await w.lookup(HOST_ID + n))[0]
    frames = len(w.sent)
    await w.clocks(1000)
    assert len(w.sent) == frames
    await w.bring_up()
    assert w.sent[frames].payload[0] == 4 and value_of(dut.my_id_valid) == 1
    await w.host()


@cocotb.test()
async def link_down_at_any_moment(dut: Any) -> None:
    """1, 2, 3, ... clocks (every third, unless the run is a long one) into a PLOGI, a repeated PLOGI (quick and slow
    task side), a login and a logout.

    Nothing hangs, nothing old is sent later.
    """
    w = await world(dut)
    w.allow_delay = 15
    step = 1 if long_run() else 3
    for number, scenario in enumerate(("plogi", "again", "slow", "login", "logout")):
        for clocks in (*range(1 + number % step, 60, step), *range(60, 260, 7 * step)):
            if scenario in ("again", "slow"):
                await w.host()
            if scenario == "logout":
                assert await w.login(DEVICE_ID) == 0
            events, done = len(w.logouts), len(w.logins_done)
            w.logout_ready = scenario != "slow"
            if scenario in ("plogi", "again", "slow"):
                w.receive(els(FRAME_2))
            else:
                dut.login_id.value = DEVICE_ID
                dut.login_logout.value = int(scenario == "logout")
                dut.login_valid.value = 1
            await w.clocks(clocks)
            await w.link_down()
            await w.clocks(60)
            w.logout_ready = True
            await w.clocks(10)
            assert not w.queue, (scenario, clocks)
            assert w.logouts[events:].count(None) == 1 and w.logouts[-1] is None, (scenario, clocks)
            assert value_of(dut.status_logins) == 0, (scenario, clocks)
            if scenario in ("login", "logout"):
                assert len(w.logins_done) == done + 1 and w.logins_done[-1][1] in (0, 6), (scenario, clocks)
            frames = len(w.sent)
            await w.bring_up()
            assert [f.payload[0] for f in w.sent[frames:]] == [4, 3, 1, 1, 0x62], (scenario, clocks)
            assert await w.lookup(HOST_ID) == (False, False, False, 0)
    await w.host()
    assert await w.login(DEVICE_ID) == 0


@cocotb.test()
async def link_reset_keeps_logins(dut: Any) -> None:
    w = await world(dut)
    await w.host()
    dut.link_active.value = 0
    dut.link_reset_event.value = 1
    await w.clock()
    dut.link_reset_event.value = 0
    await w.clocks(50)
    dut.link_active.value = 1
    frames = len(w.sent)
    await w.clocks(500)
    assert len(w.sent) == frames and not w.logouts
    assert await w.lookup(HOST_ID) == (True, True, False, 512)


class Reference:
    """What the standard says about one request, written apart from the design: the answer, and the logins after it."""

    def __init__(self) -> None:
        self.logins: dict[int, tuple[int, bool, bool]] = {}  # N_Port_ID: WWPN, initiator, target

    def answer(self, s_id: int, payload: bytes) -> bytes:
        """The first bytes of the answer, enough to tell it."""
        words = len(payload) // 4
        bad_length = rjt(3, 0x2D)
        if not words:
            return bad_length
        opcode = payload[0]
        if opcode == 3:
            if words not in (29, 64):
                return bad_length
            self.logins.pop(s_id, None)
            if not payload[68] & 0x80:
                return rjt(3, 1)
            sizes = (int.from_bytes(payload[10:12], "big") & 0xFFF, int.from_bytes(payload[74:76], "big"))
            if any(not 256 <= size <= 2112 or size % 4 for size in sizes):
                return rjt(3, 7)
            wwpn = int.from_bytes(payload[20:28], "big")
            if not wwpn:
                return rjt(3, 0x0D)
            if wwpn % 5 == 0:
                return rjt(9, 0)
            self.logins = {k: v for k, v in self.logins.items() if v[0] != wwpn}
            if len(self.logins) == 32:
                return rjt(9, 0x29)
            self.logins[s_id] = (wwpn, False, False)
            return LS_ACC
        if opcode == 5:
            if words != 4:
                return bad_length
            self.logins.pop(s_id, None)
            return LS_ACC
        if opcode == 0x61:
            good = 2 <= words <= 64 and payload[1] == 4 and int.from_bytes(payload[2:4], "big") == 4 * words
            return LS_ACC if good else bad_length
        if opcode not in (0x20, 0x21, 0x52, 0x0E, 0x0F, 0x10, 0x12, 0x13):
            return rjt(0x0B, 0)
        if s_id not in self.logins:
            return rjt(9, 0x1E)
        if opcode in (0x20, 0x21):
            if words < 5 or words % 4 != 1 or payload[1] != 16 or int.from_bytes(payload[2:4], "big") != 4 * words:
                return bad_length
            wwpn, initiator, target = self.logins[s_id]
            head, kind, flags, roles = bytes.fromhex("02100014"), payload[4], payload[6], payload[19]
            if words > 5:
                return head + bytes([kind, 0, 7, 0])
            if opcode == 0x21:
                if kind != 8:
                    return head + bytes([kind, 0, 8, 0])
                self.logins[s_id] = (wwpn, False, False)
                return head + bytes([8, 0, 1 if initiator or target else 4, 0])
            if kind != 8:
                return head + bytes([kind, 0, 8, 0])
            if flags & 0xC0:
                return head + bytes([8, 0, 4, 0])
            if not roles & 0x30:
                return head + bytes([8, 0, 8, 0])
            if flags & 0x20:
                self.logins[s_id] = (wwpn, bool(roles & 0x20), bool(roles & 0x10))
            return head + bytes([8, 0, 1 | flags & 0x20, 0])
        if opcode == 0x0F and words == 2:
            return LS_ACC if int.from_bytes(payload[5:8], "big") in (0, ARRAY_ID) else rjt(9, 0x1F)
        if opcode in (0x12, 0x13) and words == 3:
            if int.from_bytes(payload[5:8], "big") not in (s_id, ARRAY_ID):
                return rjt(3, 0x15)
            return LS_ACC if opcode == 0x12 else rjt(3, 0x17)  # no exchange is open
        lengths = {0x12: (), 0x13: (), 0x52: (7,), 0x0E: (1,), 0x0F: (2,), 0x10: range(1, 30)}
        return LS_ACC if words in lengths[opcode] else bad_length


def random_request(rng: random.Random) -> bytes:
    """Any ELS, mostly nearly right, often with one thing wrong."""
    opcode = rng.choice(
        (
            3,
            3,
            3,
            5,
            0x0E,
            0x0F,
            0x10,
            0x12,
            0x13,
            0x20,
            0x20,
            0x20,
            0x21,
            0x52,
            0x61,
            rng.choice((0, 4, *range(6, 14), 0x11, *range(0x62, 256))),
        )
    )
    if opcode == 3:
        body = plogi(
            HOST_WWPN + rng.randrange(60) if rng.random() < 0.95 else 0,
            common=rng.choice((256, 1024, 2048, 2112)) if rng.random() < 0.9 else rng.randrange(4096),
            class3=rng.choice((256, 1024, 2048, 2112)) if rng.random() < 0.9 else rng.randrange(65536),
            flags=0x8800 if rng.random() < 0.95 else 0,
        )
    elif opcode in (0x20, 0x21):
        body = prli(
            rng.choice((0x22, 0x12, 0x32, 0x02)),
            flags=rng.choice((0x20, 0x20, 0x20, 0, 0x60, 0xA0)),
            kind=rng.choice((8, 8, 8, 8, 0x28, 0)),
            opcode=opcode,
        )
    elif opcode in (0x12, 0x13):
        body = x_ids(opcode, rng.choice((ARRAY_ID, ARRAY_ID, HOST_ID)), rng.randrange(0xFFFF), rng.choice((3, 0xFFFF)))
    elif opcode == 0x0F:
        body = bytes([opcode, 0, 0, 0]) + rng.choice((0, ARRAY_ID, 5)).to_bytes(4, "big")
    elif opcode == 0x61:
        body = bytes([opcode, 4, 0, 12]) + rng.randbytes(8)
    else:
        words = {5: 4, 0x0E: 1, 0x52: 7}.get(opcode, rng.randrange(1, 30))
        body = bytes([opcode, 0, 0, 0]) + rng.randbytes(4 * words - 4)
    fate = rng.random()
    if fate < 0.1:
        body = body[: 4 * rng.randrange(len(body) // 4 + 1)]
    elif fate < 0.15:
        body += rng.randbytes(4 * rng.randrange(1, 60))
    elif fate < 0.2 and body:
        flip = bytearray(body)
        flip[rng.randrange(1, min(8, len(flip)))] ^= 1 << rng.randrange(8)
        body = bytes(flip)
    return body


@cocotb.test()
async def random_requests_get_the_references_answer(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    w = await world(dut)
    w.allowed = lambda wwpn: wwpn % 5 != 0
    reference = Reference()
    ports = [0x010000 + n for n in range(1, 46)]
    seen: Counter[bytes] = Counter()
    for _ in range(800):
        s_id, payload = rng.choice(ports), random_request(rng)
        w.allow_delay = rng.randrange(6)
        want = reference.answer(s_id, payload)
        got = await w.answer_to(els(payload, s_id, ox_id=rng.randrange(0xFFFF)))
        assert got[: len(want)] == want, f"request {payload.hex()} from {s_id:06X}: {got.hex()}, not {want.hex()}"
        seen[want] += 1
        port = rng.choice(ports)
        _, initiator, target = reference.logins.get(port, (0, False, False))
        assert (await w.lookup(port))[:3] == (port in reference.logins, initiator, target)
        assert value_of(dut.status_logins) == len(reference.logins)
    assert len(seen) > 10, f"the requests were too much alike: {seen}"


@cocotb.test()
async def random_bytes_never_hang_and_get_one_answer_at_most(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    w = await world(dut)
    await w.host()
    answered = 0
    for _ in range(600):
        header: dict[str, Any] = {
            "r_ctl": rng.choice((0x22, 0x22, 0x22, 0x23, 0x02, 0x03, rng.randrange(256))),
            "d_id": rng.choice((ARRAY_ID, ARRAY_ID, ARRAY_ID, rng.randrange(1 << 24))),
            "s_id": rng.choice((HOST_ID, rng.randrange(1 << 24))),
            "type": rng.choice((1, 1, 1, 0x20)),
            "f_ctl": rng.choice((0x290000, 0x290000, 0x990000, rng.randrange(1 << 24))),
            "df_ctl": rng.choice((0, 0, 0, rng.randrange(256))),
            "seq_cnt": rng.choice((0, 0, 0, rng.randrange(1 << 16))),
            "ox_id": rng.randrange(1 << 16),
            "initiate": rng.random() < 0.9,
            "terminate": rng.random() < 0.9,
        }
        if rng.random() < 0.3:
            header |= {
                "r_ctl": 0x22,
                "d_id": ARRAY_ID,
                "type": 1,
                "f_ctl": 0x290000,
                "df_ctl": 0,
                "seq_cnt": 0,
                "initiate": True,
                "terminate": True,
            }
        words = rng.choice((0, 1, 2, 4, 5, 7, 29, rng.randrange(529)))
        frame = Fc(
            payload=bytes([rng.choice((1, 2, 3, 5, 0x10, 0x20, 0x21, rng.randrange(256)))]) * bool(words)
            + rng.randbytes(4 * words - bool(words)),
            **header,
        )
        got = await w.ask(frame)
        assert len(got) <= 1, frame
        if got:
            answered += 1
            assert (
                frame.r_ctl == 0x22
                and frame.d_id == ARRAY_ID
                and frame.type == 1
                and frame.initiate
                and frame.terminate
            )
            assert frame.f_ctl & 0xC00000 == 0 and frame.payload[:1] not in (b"\1", b"\2")
            assert got[0].d_id == frame.s_id and got[0].ox_id == frame.ox_id and got[0].payload[0] in (1, 2)
            assert got[0].f_ctl & 3 in (0, frame.f_ctl & 3)
        if rng.random() < 0.05:
            w.dut.lesb.value = rng.getrandbits(512)
    assert answered > 50
    await w.answer_to(els(FRAME_13))
    await w.host()
    assert await w.login(DEVICE_ID) == 0
