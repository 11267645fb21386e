# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of the transactors: two FC ports on one wire. Judges: the wire itself, zlib, and lists kept here."""

from __future__ import annotations

import json
import logging
import os
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge, Timer

from portplex.bfm.axil import AxiLite, BusError
from portplex.bfm.fc_port import BAD_FRAMES_TOLD, Fault, FcPort, LinkTimeout
from portplex.bfm.library import Bad
from portplex.bfm.transactors import Transactors
from portplex.framelink import Frame

IDLE, R_RDY, NOS, OLS, LR, LRR = 0xBC95B5B5, 0xBC954A4A, 0xBC55BF45, 0xBC358A55, 0xBC49BF49, 0xBC35BF49
SOFI3, SOFN3 = 0xBCB55656, 0xBCB53636
WORDS = 4  # ns


async def start(dut: Any, credit: int = 8) -> tuple[Transactors, FcPort, FcPort]:
    """Both ports, link up, whatever the test before has left."""
    transactors = Transactors(dut)
    ports = FcPort(transactors, 0, name="a"), FcPort(transactors, 1, name="b")
    for port in ports:
        port.clear()
        port.enable()
        port.hold_r_rdy(False)
        port.link_reset()  # credits as after login, nothing in flight
        port.set_credit(credit)
        port.grant_credit(credit)
    await Timer(200 * WORDS, "ns")
    for port in ports:
        await port.wait_link(deadline=2000)
    for _ in range(4):  # what the clear and the link reset left behind
        await Timer(10 * WORDS, "ns")
    transactors.drain()
    return transactors, *ports


class Wire:
    """Every word of both directions, sampled by Python at each clock: slow and independent."""

    def __init__(self, dut: Any) -> None:
        self.a: list[tuple[int, int]] = []
        self.b: list[tuple[int, int]] = []
        self._task = cocotb.start_soon(self._watch(dut))

    async def _watch(self, dut: Any) -> None:
        edge = RisingEdge(dut.clk)
        while True:
            await edge
            self.a.append((int(dut.a_data.value), int(dut.a_charisk.value)))
            self.b.append((int(dut.b_data.value), int(dut.b_charisk.value)))

    def stop(self) -> None:
        self._task.cancel()


def is_sof(word: tuple[int, int]) -> bool:
    return word[1] == 8 and word[0] in (SOFI3, SOFN3)


def is_eof(word: tuple[int, int]) -> bool:
    return word[1] == 8 and word[0] >> 16 in (0xBC95, 0xBCB5) and word[0] & 0xFFFF in (0x7575, 0xD5D5, 0xF5F5)


def frames_and_gaps(words: list[tuple[int, int]]) -> tuple[list[list[tuple[int, int]]], list[list[int]]]:
    """Frames with their delimiters, and the primitives between each two."""
    frames: list[list[tuple[int, int]]] = []
    gaps: list[list[int]] = []
    inside = False
    for word in words:
        if is_sof(word):
            frames.append([word])
            inside = True
        elif inside:
            frames[-1].append(word)
            if is_eof(word):
                inside = False
                gaps.append([])
        elif gaps:
            assert word[1] == 8, f"data word {word[0]:08x} between frames"
            gaps[-1].append(word[0])
    return frames, gaps[:-1]


def data_of(frame: list[tuple[int, int]]) -> bytes:
    return b"".join(struct.pack(">I", word) for word, _ in frame[1:-2])


# 5b/6b codes of x and 3b/4b codes of y, for negative disparity
SIX_B = tuple(
    f"{code:06b}" for code in bytes.fromhex("271d2d3135291938392515340d2c1c171b2313320b2a1a3a332616360e2e1e2b")
)
FOUR_B = tuple(f"{int(code, 16):04b}" for code in "b95cda6e")


def disparity_after(words: list[int]) -> bool:
    """Running disparity (True = positive) after data words that follow a SOF, from the 8b/10b code tables."""
    positive = True
    for word in words:
        for byte in struct.pack(">I", word):
            for code in (SIX_B[byte & 31], FOUR_B[byte >> 5]):
                if 2 * code.count("1") != len(code):
                    positive = not positive
    return positive


def wire_words(data: bytes, *, initiate: bool = True, terminate: bool = True) -> list[int]:
    """A frame as FC-FS wants it on the wire."""
    inner = [word for (word,) in struct.iter_unpack(">I", data)]
    inner += struct.unpack(">I", struct.pack("<I", zlib.crc32(data)))
    eof = (
        (0xBCB57575 if terminate else 0xBCB5D5D5)
        if disparity_after(inner)
        else (0xBC957575 if terminate else 0xBC95D5D5)
    )
    return [SOFI3 if initiate else SOFN3, *inner, eof]


@cocotb.test()
async def link_initialises(dut: Any) -> None:
    """From reset both sides go NOS, OLS, LR, LRR, IDLE, at least 6 IDLE before a frame sent at once."""
    wire = Wire(dut)
    transactors = Transactors(dut)
    a, b = FcPort(transactors, 0), FcPort(transactors, 1)
    a.on_link = lambda up: a.send(bytes(24)) if up else None
    transactors.reset(8)
    await Timer(300 * WORDS, "ns")
    assert a.link_up and b.link_up
    assert (await b.recv(1000)).data == bytes(24)
    wire.stop()
    last_nos = max(i for i, (word, _) in enumerate(wire.a) if word == NOS)
    for words in (wire.a[last_nos:], wire.b[last_nos:]):
        order = [words[0][0]]
        order += [word for (word, _), (before, _) in zip(words[1:], words, strict=False) if word != before]
        known = [word for word in order if word in (NOS, OLS, LR, LRR, IDLE)]
        assert known[:4] == [NOS, OLS, LR, LRR] or known[:4] == [OLS, LR, LRR, IDLE], [hex(w) for w in known]
    first = next(i for i, word in enumerate(wire.a) if is_sof(word) and i > last_nos)
    assert all(word == (IDLE, 8) for word in wire.a[first - 6 : first])


@cocotb.test()
async def link_control(dut: Any) -> None:
    """OLS, NOS and LR ordered by Python are on the wire, the peer answers, and both sides say what happened."""
    _, a, b = await start(dut)
    ups: list[bool] = []
    b.on_link = ups.append
    for order, word in ((a.disable, OLS), (a.fail, NOS)):
        order()
        await b.wait_link(False, 500)
        await a.wait_link(False, 500)
        wire = Wire(dut)
        await Timer(50 * WORDS, "ns")
        wire.stop()
        assert all(sent == (word, 8) for sent in wire.a)
        dropped = a.stats.dropped
        a.send(bytes(24))
        assert a.stats.dropped == dropped + 1
        a.enable()
        await a.wait_link(True, 3000)
        await b.wait_link(True, 3000)
    assert ups == [False, True, False, True]
    resets = []
    a.on_reset = lambda: resets.append("a")
    b.on_reset = lambda: resets.append("b")
    wire = Wire(dut)
    a.link_reset()
    await Timer(100 * WORDS, "ns")
    wire.stop()
    assert sorted(resets) == ["a", "b"] and a.link_up and b.link_up and ups[4:] == []
    assert (LR, 8) in wire.a and (LRR, 8) in wire.b
    assert b.link_state == 0 and a.link_state == 0


@cocotb.test()
async def frames_of_all_sizes_both_ways(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    _, a, b = await start(dut)
    sizes = [24, 28, 2136, *(4 * rng.randrange(6, 535) for _ in range(40))]
    there = [rng.randbytes(size) for size in sizes]
    back = [rng.randbytes(size) for size in reversed(sizes)]
    got: list[Frame] = []
    sent: list[Frame] = []
    b.on_frame, a.on_sent = got.append, sent.append
    for one, other in zip(there, back, strict=True):
        a.send(one)
        b.send(other, initiate=False, terminate=False)
    await a.wait_idle()
    await b.wait_idle()
    received = [await a.recv() for _ in back]
    await Timer(20 * WORDS, "ns")
    assert [frame.data for frame in received] == back
    assert all(frame.sof == SOFN3 and frame.eof & 0xFF0FFFFF == 0xBC05D5D5 and frame.crc_ok for frame in received)
    assert [frame.data for frame in got] == there
    assert [(f.data, f.sof, f.eof, f.crc) for f in sent] == [(f.data, f.sof, f.eof, f.crc) for f in got]
    assert all(two.start - one.start == got[1].start - sent[1].start for one, two in zip(sent, got, strict=True))
    assert all(f.end - f.start == len(f.data) // 4 + 2 for f in got)


@cocotb.test()
async def wire_is_right_and_gapless(dut: Any) -> None:
    """What is on the wire is what FC-FS asks for, with 6 fill words between frames, R_RDY inside them."""
    rng = random.Random(cocotb.RANDOM_SEED)
    _, a, b = await start(dut)
    data = [rng.randbytes(4 * rng.randrange(100, 535)) for _ in range(12)]
    wire = Wire(dut)
    for one in data:
        a.send(one, terminate=False)
        b.send(one, initiate=False)
    await a.wait_idle()
    await b.wait_idle()
    await Timer(30 * WORDS, "ns")
    wire.stop()
    for words, options in ((wire.a, {"terminate": False}), (wire.b, {"initiate": False})):
        frames, gaps = frames_and_gaps(words)
        assert [[word for word, _ in frame] for frame in frames] == [wire_words(one, **options) for one in data]
        assert all(k == 0 for frame in frames for _, k in frame[1:-1])
        assert [len(gap) for gap in gaps] == [6] * 11, gaps
        assert sum(gap.count(R_RDY) for gap in gaps) >= 10
        for gap in gaps:
            assert set(gap) <= {IDLE, R_RDY}
            for at, word in enumerate(gap):
                if word == R_RDY:
                    assert 2 <= at <= 3 and gap.count(R_RDY) == 1


@cocotb.test()
async def credit_is_respected(dut: Any) -> None:
    """With credit n the sender never has more than n frames unanswered, held R_RDYs stop it, lost ones stay lost."""
    _, a, b = await start(dut)
    for credit in (1, 2, 3, 8):
        a.set_credit(credit)
        b.grant_credit(credit)
        while b.count():
            await b.recv()
        wire = Wire(dut)
        b.hold_r_rdy()
        await Timer(20 * WORDS, "ns")
        for _ in range(credit + 3):
            a.send(bytes(range(40)))
        await Timer(30 * WORDS * (credit + 3), "ns")
        assert b.count() == credit and a.pending() == 3, (credit, b.count(), a.pending())
        assert a.stats.credit_min == 0
        b.hold_r_rdy(False)
        await a.wait_idle(5000)
        await Timer(60 * WORDS, "ns")
        wire.stop()
        outstanding = most = 0
        for mine, theirs in zip(wire.a, wire.b, strict=True):
            outstanding += is_sof(mine)
            most = max(most, outstanding)
            outstanding -= theirs == (R_RDY, 8)
        assert most == credit and outstanding == 0
        assert b.count() == credit + 3 and b.stats.bad["no_credit"] == 0
    b.drop_r_rdy(2)
    await Timer(20 * WORDS, "ns")
    for _ in range(20):
        a.send(bytes(24))
    await a.wait_idle(10_000)
    await Timer(60 * WORDS, "ns")
    before = b.stats.frames_received
    b.hold_r_rdy()
    await Timer(20 * WORDS, "ns")
    for _ in range(10):
        a.send(bytes(24))
    await Timer(500 * WORDS, "ns")
    assert b.stats.frames_received - before == 6  # 8 less the two lost
    a.link_reset()
    b.hold_r_rdy(False)
    await Timer(200 * WORDS, "ns")
    b.hold_r_rdy()
    b.extra_r_rdy(0)
    await Timer(20 * WORDS, "ns")
    before, flagged = b.stats.frames_received, b.stats.bad["no_credit"]
    for _ in range(9):
        a.send(bytes(24))
    a.send_faulty(bytes(24), Fault(no_credit=True))
    await Timer(500 * WORDS, "ns")
    assert b.stats.frames_received - before == 8, "restored by the link reset"
    b.hold_r_rdy(False)
    await a.wait_idle(5000)
    b.hold_r_rdy()
    await Timer(100 * WORDS, "ns")
    for _ in range(8):
        a.send(bytes(24))
    for _ in range(2):
        a.send_faulty(bytes(24), Fault(no_credit=True))
    await Timer(500 * WORDS, "ns")
    assert b.stats.bad["no_credit"] - flagged == 2
    b.hold_r_rdy(False)
    await Timer(100 * WORDS, "ns")
    extra = a.stats.r_rdy_received
    b.extra_r_rdy(5)
    await Timer(100 * WORDS, "ns")
    assert a.stats.r_rdy_received - extra == 5


@cocotb.test()
async def faults_are_exactly_as_asked(dut: Any) -> None:
    """Each fault changes the words it names and no other, and the other side says what is wrong."""
    rng = random.Random(cocotb.RANDOM_SEED)
    _, a, b = await start(dut)
    data = rng.randbytes(64)
    good = wire_words(data)
    inner = good[1:-1]

    def with_eof(kind: int, words: list[int]) -> list[int]:
        return [SOFI3, *words, (0xBCB50000 if disparity_after(words) else 0xBC950000) | kind]

    flipped = [*inner[:2], inner[2] ^ 0x00010000, *inner[3:]]
    bad_crc = [*inner[:-1], inner[-1] ^ 0x80]
    idle_inside = [*good[:5], IDLE, *good[6:]]
    too_long = wire_words(bytes(2140))
    cases: list[tuple[Fault, bytes, list[int], dict[int, int], Bad]] = [
        (Fault(flips={3: 0x00010000}), data, with_eof(0x7575, flipped), {}, Bad.CRC),
        (Fault(crc_xor=0x80), data, with_eof(0x7575, bad_crc), {}, Bad.CRC),
        (Fault(sof=0xBCB55555), data, [0xBCB55555, *good[1:]], {}, Bad.NONE),
        (Fault(eof=0xBC95F5F5), data, with_eof(0xF5F5, inner), {}, Bad.EOF_INVALID),
        (
            Fault(eof=0xBC8AD5D5),
            data,
            [*good[:-1], 0xBCAAD5D5 if disparity_after(inner) else 0xBC8AD5D5],
            {},
            Bad.EOF_INVALID,
        ),
        (Fault(wrong_disparity=True), data, [*good[:-1], good[-1] ^ 0x00200000], {}, Bad.EOF_FORM),
        (Fault(length=8), data, with_eof(0x7575, inner[:8]), {}, Bad.CRC),
        (Fault(length=3), data, with_eof(0x7575, inner[:3]), {}, Bad.CRC | Bad.TRUNCATED),
        (Fault(no_eof=True), data, good[:-1], {}, Bad.TRUNCATED),
        (Fault(k_flags={4: 1}), data, good, {4: 1}, Bad.K_INSIDE),
        (Fault(words={5: IDLE}, k_flags={5: 8}), data, idle_inside, {5: 8}, Bad.CRC | Bad.TRUNCATED),
        (Fault(), bytes(2140), too_long, {}, Bad.TOO_LONG),
        (Fault(), bytes(2800), wire_words(bytes(2800)), {}, Bad.TOO_LONG | Bad.CRC),
    ]
    for fault, sent, words, k_flags, wrong in cases:
        found: list[Bad] = []
        fine: list[Frame] = []
        b.on_bad_frame = lambda frame, bad, found=found: found.append(bad)  # type: ignore[misc]
        b.on_frame = fine.append
        wire = Wire(dut)
        a.send_faulty(sent, fault)
        a.send(data)
        await a.wait_idle(5000)
        await Timer(20 * WORDS, "ns")
        wire.stop()
        at = next(i for i, (word, k) in enumerate(wire.a) if k == 8 and word == words[0])
        ks = [8, *[0] * (len(words) - 2), 0 if fault.no_eof else 8]
        for index, nibble in k_flags.items():
            ks[index] = nibble
        assert wire.a[at : at + len(words)] == list(zip(words, ks, strict=True)), fault
        assert wire.a[at - 1] == (IDLE, 8)
        assert [bad & ~Bad.NO_CREDIT for bad in found] == ([wrong] if wrong else []), (fault, found)
        assert [frame.data for frame in fine[-1:]] == [data], "the good frame behind it arrives"
        assert len(fine) == (1 if wrong else 2)


@cocotb.test()
async def broken_frames_are_told(dut: Any) -> None:
    """Where nobody asked for broken frames the log has the first ones; a link that stays down is named by its state."""
    _, a, b = await start(dut)
    told: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    log = logging.getLogger("portplex.bfm")
    log.addHandler(handler)
    header, before = bytes(range(24)), b.stats.frames_bad
    for _ in range(BAD_FRAMES_TOLD + 2):
        a.send_faulty(header + bytes(8), Fault(crc_xor=1))
        await a.wait_idle(5000)
    await Timer(20 * WORDS, "ns")
    log.removeHandler(handler)
    assert len(told) == BAD_FRAMES_TOLD and b.stats.frames_bad == before + BAD_FRAMES_TOLD + 2
    assert told[0].startswith("b: broken frame dropped (CRC), SOF at word "), told[0]
    assert told[0].endswith(f"32 bytes, header {header.hex()}"), told[0]
    a.fail()
    await b.wait_link(up=False)
    assert b.downs == 1
    try:
        await b.wait_link(deadline=500)
    except LinkTimeout as error:
        assert "no link up within 500 words (link state LF1" in str(error), error
    else:
        raise AssertionError("the link came up although the other end sends NOS")


@cocotb.test()
async def raw_words_and_primitives(dut: Any) -> None:
    _, a, b = await start(dut)
    rng = random.Random(cocotb.RANDOM_SEED)
    words = [rng.getrandbits(32) for _ in range(1500)]
    ks = [rng.choice((0, 0, 0, 1, 4)) for _ in words]
    wire = Wire(dut)
    a.send_raw(words, ks)
    a.send_primitive(0xBC959696, 3)
    await a.wait_idle(5000)
    await Timer(20 * WORDS, "ns")
    wire.stop()
    at = wire.a.index((words[0], ks[0]))
    assert wire.a[at : at + 1500] == list(zip(words, ks, strict=True))
    assert wire.a[at + 1500 : at + 1506] == [(IDLE, 8)] * 2 + [(0xBC959696, 8)] * 3 + [(IDLE, 8)]
    assert b.link_up


@cocotb.test()
async def idle_costs_nothing(dut: Any) -> None:
    """No wake-up of Python while nothing arrives; one for each frame when frames are apart."""
    transactors, a, b = await start(dut)
    before, sent, received = transactors.wakes, a.stats, b.stats
    await Timer(20_000 * WORDS, "ns")
    assert transactors.wakes == before
    for _ in range(5):
        a.send(bytes(100))
        await Timer(200 * WORDS, "ns")
    assert b.count() == 5 and transactors.wakes == before + 5
    assert a.stats.frame_words_sent - sent.frame_words_sent == 5 * 28
    assert b.stats.frame_words_received - received.frame_words_received == 5 * 28
    assert b.stats.payload_words_received - received.payload_words_received == 5 * 19
    now = transactors.now()
    await Timer(1000 * WORDS, "ns")
    assert transactors.now() == now + 1000


@cocotb.test()
async def waits_have_deadlines(dut: Any) -> None:
    transactors, a, _ = await start(dut)
    for wait in (a.recv(50), a.wait_link(False, 50)):
        try:
            await wait
        except LinkTimeout as error:
            assert "within 50 words" in str(error) and "last seen" in str(error)
        else:
            raise AssertionError("no deadline")
    wrong: list[Callable[[], object]] = [
        lambda: a.send(bytes(20)),
        lambda: a.send(bytes(27)),
        lambda: a.send(bytes(2140)),
        lambda: a.send_faulty(bytes(25), Fault()),
        lambda: a.send_faulty(bytes(24), Fault(flips={9: 1})),
        lambda: a.send_raw([1], []),
        lambda: a.send_primitive(IDLE, 0),
        lambda: a.set_credit(0),
        lambda: FcPort(transactors, 0),
        lambda: FcPort(transactors, 256),
    ]
    try:
        Transactors(dut)
    except RuntimeError as error:
        assert "already" in str(error)
    else:
        raise AssertionError("two takers of the same events")
    for call in wrong:
        try:
            call()
        except ValueError as error:
            assert any(c.isdigit() for c in str(error))
        else:
            raise AssertionError("accepted")


@cocotb.test()
async def reset_flushes(dut: Any) -> None:
    transactors, a, b = await start(dut)
    ups: list[bool] = []
    a.on_link = ups.append
    for _ in range(10):
        a.send(bytes(2136))
    await Timer(100 * WORDS, "ns")
    transactors.reset(20)
    await a.wait_link(False, 100)
    await a.wait_link(True, 2000)
    await b.wait_link(True, 2000)
    await Timer(2000 * WORDS, "ns")
    assert ups == [False, True] and a.pending() == 0 and a.stats.flushed >= 10
    assert b.count() == 0


@cocotb.test()
async def registers(dut: Any) -> None:
    """Random writes and reads against a dictionary; errors and silence raise."""
    rng = random.Random(cocotb.RANDOM_SEED)
    transactors = Transactors(dut)
    bus = AxiLite(transactors, 0)
    expected = {4 * n: await bus.read(4 * n) for n in range(64)}
    for _ in range(150):
        address = 4 * rng.randrange(64)
        if rng.random() < 0.5:
            expected[address] = rng.getrandbits(32)
            await bus.write(address, expected[address])
        else:
            assert await bus.read(address) == expected[address]
    for address, text in ((0x100, "SLVERR"), (0x200, "DECERR"), (0xF00, "no answer within 300 clocks")):
        for access in (bus.read(address, deadline=300), bus.write(address, 1, deadline=300)):
            try:
                await access
            except BusError as error:
                assert text in str(error) and f"{address:#06x}" in str(error)
            else:
                raise AssertionError("no error")
        if address == 0xF00:
            transactors.reset(4)  # the slave still holds half a write
            await Timer(60 * WORDS, "ns")
    waiting = cocotb.start_soon(bus.read(0xF00, deadline=5000))
    await Timer(50 * WORDS, "ns")
    transactors.reset(4)
    try:
        await waiting
    except BusError as error:
        assert "reset" in str(error)
    else:
        raise AssertionError("no error")
    await bus.write(0, 0x12345678)
    assert await bus.read(0) == 0x12345678
    for call in (bus.read(2), bus.read(1 << 16), bus.write(0, 1 << 32), bus.read(0, deadline=0)):
        try:
            await call
        except ValueError:
            continue
        raise AssertionError("accepted")


@cocotb.test()
async def same_seed_same_times(dut: Any) -> None:
    """Traffic that depends on the seed and on what arrives when; its times are left for the caller to compare."""
    rng = random.Random(cocotb.RANDOM_SEED)
    _, a, b = await start(dut, credit=3)
    times: list[tuple[int, int]] = []

    def answer(frame: Frame) -> None:
        times.append((frame.start, frame.end))
        b.send(frame.data[: 4 * rng.randrange(6, len(frame.data) // 4 + 1)])

    b.on_frame = answer
    a.on_frame = lambda frame: times.append((frame.start, frame.end))
    for _ in range(30):
        a.send(bytes(4 * rng.randrange(6, 200)))
        await Timer(rng.randrange(1, 300), "ns")
    await a.wait_idle()
    await Timer(2000 * WORDS, "ns")
    assert len(times) == 60
    if "PORTPLEX_TIMES" in os.environ:
        Path(os.environ["PORTPLEX_TIMES"]).write_text(json.dumps(times))
