# SPDX-License-Identifier: Apache-2.0
"""One end of a link against a bench that sends every word itself, legal or not.

Counters, wire words and frames are judged against the protocol facts, zlib and an 8b/10b model.
"""

from __future__ import annotations

import random
import struct
import zlib
from typing import Any

import cocotb
from known_answers import KNOWN_ANSWERS
from link_bench import (
    SENT_IN_STATE,
    STATES,
    LinkBench,
    Received,
    Sent,
    Word,
    bytes_of,
    disparity_after,
    frame_words,
    header_of,
    os,
    words_of,
)

from portplex.fc.constants import ORDERED_SET_NAMES, ORDERED_SETS

GOOD = header_of(0x600D) + bytes(range(16))


async def active_link(dut: Any, **start: Any) -> LinkBench:
    bench = LinkBench(dut)
    await bench.start(**start)
    await bench.bring_up()
    return bench


async def enter(bench: LinkBench, state: str) -> None:
    """Bring the end from AC into `state`, by what it is sent or told."""
    if state in ("LF1", "OL2", "LR2", "LR3"):
        bench.fill = os({"LF1": "NOS", "OL2": "OLS", "LR2": "LR", "LR3": "LRR"}[state])
    elif state == "LR1":
        await bench.strobe("link_reset_request")
    elif state == "OL1":
        bench.dut.link_enable.value = 0
    elif state == "LF2":
        bench.fill = Word(0, 0, 15)
    elif state == "OL3":
        bench.fill = os("OLS")
        await bench.until(lambda: bench.state() == "OL2", "OL2 on the way to OL3")
        bench.fill = Word(0, 0, 15)
    await bench.until(lambda: bench.state() == state, f"state {state}")
    await bench.clocks(2)


@cocotb.test()
async def initialises_from_every_state(dut: Any) -> None:
    bench = await active_link(dut, r_t_tov=4)
    for state in STATES:
        await enter(bench, state)
        assert bench.end.wire[-1] == os(SENT_IN_STATE[STATES.index(state)]), state
        assert int(dut.link_active.value) == (state == "AC")
        dut.link_enable.value = 1
        bench.fill = os("IDLE")
        await bench.bring_up()


@cocotb.test()
async def needs_three_identical_words(dut: Any) -> None:
    bench = await active_link(dut)
    for name in ("NOS", "OLS", "LR", "LRR"):
        for _ in range(3):
            bench.rx.extend([os(name), os(name), os("IDLE")])
        await bench.clocks(16)
        assert bench.state() == "AC", name
    bench.rx.extend([os("NOS")] * 3)
    await bench.until(lambda: bench.state() == "LF1", "three NOS recognised", 10)
    await bench.clocks(2)
    assert bench.end.downs == 1
    assert bench.counters()["link_failure"] == 1


@cocotb.test()
async def six_idles_before_the_first_frame(dut: Any) -> None:
    bench = LinkBench(dut)
    await bench.start()
    bench.end.to_send.append(Sent(GOOD))
    bench.peer_answers = True
    await bench.until(lambda: bool(bench.end.frames()), "first frame")
    start = bench.end.frames()[0].start
    active = bench.active_since
    assert active is not None
    assert bench.end.wire[active:start] == [os("IDLE")] * (start - active) and start - active >= 6


@cocotb.test()
async def time_outs_of_link_initialisation(dut: Any) -> None:
    bench = await active_link(dut, r_t_tov=5)
    for state, after in (("LR1", "LF2"), ("LR2", "LF2"), ("LF1", "LF2"), ("OL2", "OL3")):
        await enter(bench, state)
        bench.fill = os("R_RDY")  # nothing that any state waits for
        begin = bench.now
        await bench.until(lambda state=state: bench.state() != state, f"time-out of {state}", 200)
        assert bench.state() == after
        assert 4 * bench.tick_every <= bench.now - begin <= 7 * bench.tick_every, (state, bench.now - begin)
        await bench.bring_up()
    await enter(bench, "LR3")
    bench.fill = os("R_RDY")
    await bench.until(lambda: bench.state() == "LF2", "time-out of LR3", 200)
    await bench.bring_up()
    # R_T_TOV does not end a state that waits for nothing
    await bench.clocks(20 * bench.tick_every)
    assert bench.state() == "AC"


@cocotb.test()
async def loss_of_synchronisation(dut: Any) -> None:
    bench = await active_link(dut, r_t_tov=10)
    bad, idle = Word(0xBC95B5B5, 8, 1), os("IDLE")
    # three invalid words, each taken back by two good ones: still synchronised
    for _ in range(6):
        bench.rx.extend([bad, idle, idle])
    bench.rx.extend([bad, bad, bad, idle, idle, idle, idle, idle, idle])
    await bench.clocks(40)
    assert bench.counters() == {"invalid_word": 9}
    # one good word between is not enough
    bench.rx.extend([bad, idle, bad, idle, bad, idle, bad])
    # out of synchronisation nothing counts or is recognised until three ordered sets have come
    for _ in range(4):
        bench.rx.extend([bad, os("NOS"), os("NOS")])
    bench.rx.extend([bad, *frame_words(header_of(0))[:-1], bad])
    await bench.clocks(40)
    assert bench.state() == "AC"
    assert bench.counters() == {"invalid_word": 13, "loss_of_sync": 1}
    bench.rx.extend(frame_words(GOOD))
    await bench.until(lambda: len(bench.end.received) == 1, "frame after synchronisation came back")
    # lost for longer than R_T_TOV
    failures = bench.counters().get("link_failure", 0)
    bench.fill = bad
    await bench.until(lambda: bench.state() == "LF2", "link failure after R_T_TOV", 400)
    await bench.clocks(2)
    assert bench.counters()["link_failure"] == failures + 1
    assert bench.end.downs == 1


@cocotb.test()
async def known_answer_frames_sent(dut: Any) -> None:
    bench = await active_link(dut)
    await bench.login(32)
    for known in KNOWN_ANSWERS:
        terminate = ORDERED_SET_NAMES[known.eof_word].startswith("EOFt")
        bench.end.to_send.append(Sent(known.header + known.payload, known.sof == "SOFi3", terminate))
    await bench.until(lambda: bench.end.done == len(KNOWN_ANSWERS), "all sent", 4000)
    for known, frame in zip(KNOWN_ANSWERS, bench.end.frames(), strict=True):
        assert frame.sof == known.sof, known.name
        assert frame.body == known.header + known.payload, known.name
        assert frame.words[-1] == int.from_bytes(known.crc, "big"), known.name
        assert ORDERED_SETS[frame.eof] == known.eof_word, known.name
        assert 4 * (frame.end - frame.start + 1) == known.total_bytes, known.name
    assert bench.counters()["sent"] == len(KNOWN_ANSWERS)


@cocotb.test()
async def known_answer_frames_received(dut: Any) -> None:
    bench = await active_link(dut)
    expected = []
    for known in KNOWN_ANSWERS:
        eof = ORDERED_SET_NAMES[known.eof_word]
        bench.rx.append(os(known.sof))
        bench.rx.extend(Word(word) for word in words_of(known.header + known.payload + known.crc))
        bench.rx.extend([os(eof), *[os("IDLE")] * 600])
        expected.append(Received(known.header + known.payload, known.sof == "SOFi3", eof.startswith("EOFt")))
    await bench.until(lambda: len(bench.end.received) == len(expected), "all received", 30000)
    assert bench.end.received == expected
    assert bench.counters() == {"good": len(expected)}


@cocotb.test()
async def payload_lengths_both_ways(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    bench = await active_link(dut)
    await bench.login(255)
    lengths = [0, 1, 2, 3, 7, 511, 512, 513, 527, 528, *(rng.randrange(529) for _ in range(6))]
    bodies = [header_of(n) + rng.randbytes(4 * length) for n, length in enumerate(lengths)]
    for n, body in enumerate(bodies):
        bench.end.to_send.append(Sent(body, n % 2 == 0, n % 3 == 0))
        eof = "EOFt" if n % 3 == 0 else "EOFn"
        bench.rx.extend(frame_words(body, sof="SOFi3" if n % 2 == 0 else "SOFn3", eof=eof) + [os("IDLE")] * 60)
    await bench.until(lambda: len(bench.end.received) == bench.end.done == len(bodies), "both directions", 20000)
    assert bench.end.received == [Received(b, n % 2 == 0, n % 3 == 0) for n, b in enumerate(bodies)]
    for n, (frame, body) in enumerate(zip(bench.end.frames(), bodies, strict=True)):
        eof = "EOFt" if n % 3 == 0 else "EOFn"
        assert [frame.sof == "SOFi3", *frame.words] == [
            n % 2 == 0,
            *words_of(body + struct.pack("<I", zlib.crc32(body))),
        ]
        assert frame.eof == eof + ("_POS" if disparity_after(frame.words, True) else "_NEG")


@cocotb.test()
async def gaps_are_six_words(dut: Any) -> None:
    """Gapless when the port answers in time, also with an R_RDY; as much later as the port is late."""
    bench = await active_link(dut)
    await bench.login(255)
    for delay, gap in ((0, 6), (3, 6), (6, 6), (7, 7), (9, 9)):
        since = len(bench.end.wire)
        bench.end.answer_delay = delay
        done = bench.end.done + 12
        lengths = [0, 1, 30, 0, 0, 12, 40, 1, 2, 3, 0, 0]
        bench.end.to_send.extend(Sent(header_of(n) + bytes(4 * length)) for n, length in enumerate(lengths))
        for n in range(6):
            bench.rx.extend(frame_words(header_of(n)) + [os("IDLE")] * 25)
        await bench.until(lambda done=done: bench.end.done == done, "frames sent", 4000)
        gaps = bench.end.gaps(since)
        # a late port leaves room for an R_RDY, which may cost the two IDLEs after it
        for words in gaps:
            assert len(words) == gap or (delay > 6 and "R_RDY" in words and len(words) <= gap + 2), (delay, words)
        assert len(gaps) == 11
        assert all(words[0] == words[1] == words[-1] == words[-2] == "IDLE" for words in gaps)
        rises = [r for r in bench.end.requests if r >= since]
        crc_words = [f.end - 1 for f in bench.end.frames(since)]
        assert rises[-12:] == crc_words, "txf_request rises with the CRC word"
        await bench.clocks(400)
    assert len(bench.end.received) == bench.end.count("R_RDY") == 30


@cocotb.test()
async def r_rdy_at_every_moment(dut: Any) -> None:
    """One owed R_RDY never lengthens a gap, whenever it falls due: too late for this gap, it waits for the next."""
    bench = await active_link(dut)
    await bench.login(255)
    for phase in range(26):
        since = len(bench.end.wire)
        done = bench.end.done + 4
        bench.end.to_send.extend(Sent(header_of(n)) for n in range(4))
        bench.rx.extend([os("IDLE")] * phase + frame_words(GOOD))
        await bench.until(lambda done=done: bench.end.done == done, "frames sent")
        gaps = bench.end.gaps(since)
        assert [len(words) for words in gaps] == [6, 6, 6], (phase, gaps)
        await bench.until(lambda since=since: bench.end.count("R_RDY", since) == 1, "the R_RDY", 60)
        await bench.clocks(10)


@cocotb.test()
async def r_rdy_spacing_and_urgency(dut: Any) -> None:
    """Two IDLEs on each side of every R_RDY; many owed ones lengthen a gap, but not by more than they need."""
    bench = await active_link(dut)
    await bench.login(255)
    bench.end.popping = False
    bodies = [header_of(n) for n in range(8)]
    for body in bodies:
        bench.rx.extend(frame_words(body) + [os("IDLE")] * 6)
    await bench.until(lambda: bench.counters().get("good") == 8, "8 frames wait")
    assert bench.end.count("R_RDY") == 0, "no R_RDY before a buffer is free"
    since = len(bench.end.wire)
    bench.end.popping = True
    bench.end.to_send.extend(Sent(header_of(n) + bytes(400)) for n in range(8))
    await bench.until(lambda: bench.end.count("R_RDY") == 8 and bench.end.done == 8, "R_RDYs and frames", 4000)
    names = [ORDERED_SET_NAMES[w.data] if w.k else "data" for w in bench.end.wire[since:]]
    for place, name in enumerate(names):
        if name == "R_RDY":
            assert names[place - 2 : place] == names[place + 1 : place + 3] == ["IDLE", "IDLE"], place
    for words in bench.end.gaps(since):
        assert len(words) <= max(6, 2 + 3 * words.count("R_RDY")), words
    # idle: owed at once
    since = len(bench.end.wire)
    bench.rx.extend(frame_words(GOOD))
    await bench.until(lambda: bench.end.count("R_RDY", since) == 1, "R_RDY while idle", 60)


DISCARDS: dict[str, tuple[str, bool]] = {
    # fault: counter, R_RDY owed
    "crc bit flip": ("crc", True),
    "crc field": ("crc", True),
    "too long": ("too_long", True),
    "much too long": ("too_long", True),
    "no EOF": ("truncated", True),
    "SOF inside": ("truncated", True),
    "header only": ("truncated", True),
    "runt": ("truncated", True),
    "empty": ("truncated", True),
    "EOFa": ("bad_eof", True),
    "EOFni": ("bad_eof", True),
    "EOFdt": ("bad_eof", True),
    "wrong disparity form": ("bad_eof", True),
    "class 2": ("bad_sof", True),
    "class F": ("bad_sof", True),
    "class 1": ("bad_sof", False),
    "unknown SOF": ("bad_sof", False),
    "missing SOF": ("bad_sof", False),
    "EOF alone": ("bad_sof", False),
    "K inside": ("bad_character", True),
    "K28.5 shifted": ("bad_character", True),
    "code violation": ("bad_character", True),
}


def faulty(fault: str, rng: random.Random) -> list[Word]:
    """A frame with one fault."""
    body = header_of(7) + rng.randbytes(40)
    good = frame_words(body)
    other = "_NEG" if ORDERED_SET_NAMES[good[-1].data].endswith("_POS") else "_POS"
    place = rng.randrange(1, len(good) - 2)
    if fault == "crc bit flip":
        flipped = [*good[:place], Word(good[place].data ^ (1 << rng.randrange(32))), *good[place + 1 :]]
        data = [w.data for w in flipped[1:-1]]
        return [*flipped[:-1], os("EOFt_POS" if disparity_after(data, True) else "EOFt_NEG")]
    if fault == "crc field":
        return frame_words(body, crc=rng.randbytes(4))
    if fault == "too long":
        return frame_words(header_of(7) + rng.randbytes(2116))
    if fault == "much too long":
        return frame_words(header_of(7) + rng.randbytes(6000))
    if fault == "no EOF":
        return [*good[:-1], os("IDLE")]
    if fault == "SOF inside":
        return good[:9]
    if fault in ("header only", "runt", "empty"):
        words = good[1 : {"header only": 7, "runt": 4, "empty": 1}[fault]]
        eof = "EOFt_POS" if disparity_after((w.data for w in words), True) else "EOFt_NEG"
        return [good[0], *words, os(eof)]
    if fault in ("EOFa", "EOFni", "EOFdt"):
        return frame_words(body, eof=fault)
    if fault == "wrong disparity form":
        return [*good[:-1], os("EOFt" + other)]
    if fault in ("class 2", "class F", "class 1"):
        return frame_words(body, sof={"class 2": "SOFn2", "class F": "SOFf", "class 1": "SOFc1"}[fault])
    if fault == "unknown SOF":
        return [Word(0xBCB51234, 8), *good[1:]]
    if fault == "missing SOF":
        return good[1:]
    if fault == "EOF alone":
        return good[-1:]
    if fault == "K inside":
        return [*good[:place], Word(0xF7F7F7F7, rng.choice((1, 2, 4, 8, 15))), *good[place + 1 :]]
    if fault == "K28.5 shifted":
        return [*good[:-1], Word(0x00BC9575, 4), Word(0x75000000), os("IDLE")]
    assert fault == "code violation"
    return [*good[:place], good[place]._replace(invalid=1 << rng.randrange(4)), *good[place + 1 :]]


@cocotb.test()
async def every_discard_has_its_counter(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    bench = await active_link(dut)
    expected: dict[str, int] = {}
    r_rdys = good = 0
    for fault, (counter, owed) in DISCARDS.items():
        for repeat in range(2):
            bench.rx.extend(faulty(fault, rng))
            if fault != "SOF inside":
                bench.rx.extend([os("IDLE")] * rng.choice((2, 6)))
            bench.rx.extend(frame_words(GOOD) + [os("IDLE")] * 30)
            await bench.until(lambda: not bench.rx, "words sent", 4000)
            await bench.clocks(40)
            expected[counter] = expected.get(counter, 0) + 1
            if counter == "bad_character":
                invalid = 2 if fault == "K28.5 shifted" else 1
                expected["invalid_word"] = expected.get("invalid_word", 0) + min(invalid, 1)
            good += 1
            r_rdys += 1 + owed
            expected["good"] = good
            assert bench.counters() == expected, (fault, repeat)
            assert bench.end.received == [Received(GOOD, True, True)] * good, fault
            assert bench.end.count("R_RDY") == r_rdys, fault
    assert bench.state() == "AC"


@cocotb.test()
async def receive_overrun(dut: Any) -> None:
    """More frames than buffers: the last are lost and counted, and answered by no R_RDY; the first stay whole."""
    bench = await active_link(dut)
    bench.end.popping = False
    bodies = [header_of(n) + bytes([n] * 16) for n in range(11)]
    for body in bodies:
        bench.rx.extend(frame_words(body) + [os("IDLE")] * 6)
    await bench.until(lambda: not bench.rx, "all sent")
    await bench.clocks(10)
    assert bench.counters() == {"good": 8, "overrun": 3}
    bench.end.popping = True
    await bench.until(lambda: len(bench.end.received) == 8 and bench.end.count("R_RDY") == 8, "queue read")
    await bench.clocks(50)
    assert [r.body for r in bench.end.received] == bodies[:8]
    assert bench.end.count("R_RDY") == 8


@cocotb.test()
async def no_frame_without_credit(dut: Any) -> None:
    bench = await active_link(dut)
    assert bench.credit() == 1, "before login"
    bench.end.to_send.extend(Sent(header_of(n)) for n in range(7))
    await bench.until(lambda: bench.end.done == 1, "first frame")
    await bench.clocks(200)
    assert bench.end.done == 1 and bench.credit() == 0
    assert not int(dut.txf_request.value)
    # BB_Credit 1: one frame for each R_RDY
    for n in (2, 3):
        bench.rx.extend([os("R_RDY"), os("IDLE"), os("IDLE")])
        await bench.until(lambda n=n: bench.end.done == n, "frame for an R_RDY", 100)
        await bench.clocks(100)
        assert bench.end.done == n
    # a login of 3 while one frame is unanswered leaves 2
    await bench.login(3)
    await bench.until(lambda: bench.end.done == 5, "two more")
    await bench.clocks(100)
    assert bench.end.done == 5 and bench.credit() == 0
    # R_RDYs beyond what was sent do not raise credit above the login
    bench.rx.extend([os("R_RDY"), os("IDLE"), os("IDLE")] * 9)
    await bench.until(lambda: bench.end.done == 7, "the rest")
    await bench.clocks(60)
    assert bench.credit() <= 3
    bench.rx.extend([os("R_RDY"), os("IDLE"), os("IDLE")] * 9)
    await bench.clocks(60)
    assert bench.credit() == 3


@cocotb.test()
async def credit_loss_starts_link_reset(dut: Any) -> None:
    bench = await active_link(dut, e_d_tov=8)
    await bench.login(2)
    bench.end.to_send.extend(Sent(header_of(n)) for n in range(4))
    await bench.until(lambda: bench.credit() == 0, "credit used up")
    begin = bench.now
    await bench.until(lambda: bench.state() == "LR1", "link reset by itself", 400)
    assert 7 * bench.tick_every <= bench.now - begin <= 10 * bench.tick_every
    bench.peer_answers = True
    await bench.until(lambda: bench.state() == "AC", "link reset done")
    bench.peer_answers = False
    bench.fill = os("IDLE")
    await bench.until(lambda: bench.end.done == 4, "the rest after the reset")
    assert (bench.end.resets, bench.end.downs) == (1, 0)
    assert len(bench.end.frames()) == 4


@cocotb.test()
async def link_reset_while_active(dut: Any) -> None:
    """Frames in flight are lost both ways; the head that the port is reading stays, and no R_RDY is sent for it."""
    for request in (False, True):
        bench = await active_link(dut)
        await bench.login(5)
        bench.end.popping = False
        bodies = [header_of(n) + bytes([n] * 8) for n in range(3)]
        for body in bodies:
            bench.rx.extend(frame_words(body) + [os("IDLE")] * 6)
        bench.rx.extend(frame_words(header_of(3) + bytes(400))[:60])
        bench.end.to_send.append(Sent(header_of(1) + bytes(2000)))
        await bench.until(lambda bench=bench, left=9 * request: len(bench.rx) == left, "three and a half frames")
        assert bench.credit() == 4
        if request:
            await bench.strobe("link_reset_request")
        else:
            bench.fill = os("LR")
        await bench.until(lambda bench=bench: bench.state() != "AC", "reset begins", 20)
        bench.peer_answers = True
        await bench.until(lambda bench=bench: bench.state() == "AC", "reset ends")
        bench.peer_answers = False
        bench.fill = os("IDLE")
        assert (bench.end.resets, bench.end.downs) == (1, 0)
        assert bench.credit() == 5
        # an LR also ends the frame that it cuts off
        assert bench.counters() == {"good": 3} | ({"link_reset": 3} if request else {"link_reset": 2, "truncated": 1})
        assert bench.end.frames() == [], "the frame on the wire was cut off"
        # all 8 buffers can be filled although the head is still held
        for n in range(8):
            bench.rx.extend(frame_words(header_of(100 + n)) + [os("IDLE")] * 6)
        await bench.until(lambda bench=bench: bench.counters().get("good") == 11, "8 frames")
        since = len(bench.end.wire)
        bench.end.popping = True
        await bench.until(lambda bench=bench: len(bench.end.received) == 9, "queue read")
        await bench.clocks(60)
        assert [r.body for r in bench.end.received] == [bodies[0], *(header_of(100 + n) for n in range(8))]
        assert bench.end.count("R_RDY", since) == bench.end.count("R_RDY") == 8
        dut.rst.value = 1
        await bench.clocks(2)
        bench.stop()


@cocotb.test()
async def transmit_underrun(dut: Any) -> None:
    bench = await active_link(dut)
    await bench.login(8)
    body = header_of(1) + bytes(range(64))
    bench.end.to_send.extend([Sent(body, supply=0), Sent(body, supply=9), Sent(body)])
    await bench.until(lambda: bench.end.done == 3, "three frames")
    await bench.clocks(4)
    first, second, third = bench.end.frames()
    for frame, length in ((first, 6), (second, 15)):
        assert frame.words == words_of(body)[:length]
        assert frame.eof == ("EOFa_POS" if disparity_after(frame.words, True) else "EOFa_NEG")
    assert third.body == body and third.eof.startswith("EOFt")
    assert bench.counters() == {"sent": 1, "underrun": 2}
    assert bench.credit() == 5
    assert bytes_of(third.words[-1:]) == struct.pack("<I", zlib.crc32(body))
