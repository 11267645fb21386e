# SPDX-License-Identifier: Apache-2.0
"""ls_receive: every frame is handed on once as request or reply, or dropped; judged by a reading of FC-LS in Python."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import cocotb
from bench_link_services import ARRAY_ID, FABRIC_LOGIN, FRAME_2, HOST_ID, Fc, els, flogi, plogi, rscn
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from portplex.bfm.pins import value_of


def fate(frame: Fc, my_id: int | None, fabric: bool) -> str:
    """request, reply or dropped. FLOGI of an N_Port comes to FFFFFEh, where there is no fabric."""
    end, first, initiative = frame.f_ctl & 0x080000, frame.f_ctl & 0x200000, frame.f_ctl & 0x010000
    responder, recipient = frame.f_ctl & 0x800000, frame.f_ctl & 0x400000
    if not (frame.initiate and frame.terminate and end) or recipient or frame.seq_cnt or frame.df_ctl:
        return "dropped"
    if responder:
        kinds = ((0x23, 1), (0x03, 0x20))
        return "reply" if frame.payload and (frame.r_ctl, frame.type) in kinds else "dropped"
    if not first or not initiative or (frame.r_ctl, frame.type) != (0x22, 1):
        return "dropped"
    if frame.payload[:1] == b"\4" and frame.d_id == 0xFFFFFE and not fabric:
        return "request"
    if frame.d_id != my_id:
        return "dropped"
    return "dropped" if frame.payload[:1] in (b"\1", b"\2") else "request"


async def start(dut: Any) -> None:
    for name in ("ls_rx_valid", "ls_rx_header", "ls_rx_words", "ls_rx_sof_initiate", "ls_rx_eof_terminate"):
        getattr(dut, name).value = 0
    for name in ("ls_rx_rd_data", "reply_busy", "request_done", "reply_done", "in_fabric", "request_rd_addr"):
        getattr(dut, name).value = 0
    dut.my_id.value = ARRAY_ID
    dut.my_id_valid.value = 1
    dut.rst.value = 1
    Clock(dut.clk, 4, unit="ns").start()
    for _ in range(3):
        await FallingEdge(dut.clk)
    dut.rst.value = 0


async def give(dut: Any, frame: Fc, held: int = 3) -> tuple[str, bytes]:
    """Let the module have one frame for at most 80 clocks; what it made of it, and what it copied to the reply buffer.

    A request or reply is held for some clocks before it is done, and must stay as it is.
    """
    dut.ls_rx_header.value = int.from_bytes(frame.header(), "big")
    dut.ls_rx_words.value = len(frame.payload) // 4
    dut.ls_rx_sof_initiate.value = int(frame.initiate)
    dut.ls_rx_eof_terminate.value = int(frame.terminate)
    dut.ls_rx_valid.value = 1
    copied: dict[int, int] = {}
    seen = ""
    address = 0
    dropped = 0
    for _ in range(80):
        await FallingEdge(dut.clk)
        word = frame.payload[4 * address : 4 * address + 4]
        dut.ls_rx_rd_data.value = int.from_bytes(word, "big") if word else 0xDEADBEEF
        address = value_of(dut.ls_rx_rd_addr)
        # the word on ls_rx_rd_data during the coming edge is the one copied at that edge
        if value_of(dut.capture_write):
            copied[value_of(dut.capture_addr)] = int.from_bytes(word, "big")
        dropped += value_of(dut.stat_dropped)
        now = "request" * value_of(dut.request_valid) + "reply" * value_of(dut.reply_valid)
        if now and not value_of(dut.ls_rx_done):
            assert seen in ("", now) and not dropped
            seen = now
            held -= 1
            if held == 0:
                (dut.request_done if now == "request" else dut.reply_done).value = 1
        if value_of(dut.ls_rx_done):
            break
    else:
        raise AssertionError(f"not done with {frame}")
    dut.request_done.value = 0
    dut.reply_done.value = 0
    dut.ls_rx_valid.value = 0
    assert dropped == (not seen) and not value_of(dut.request_valid) and not value_of(dut.reply_valid)
    await FallingEdge(dut.clk)
    assert not value_of(dut.ls_rx_done) and not value_of(dut.stat_dropped)
    return seen or "dropped", b"".join(copied[n].to_bytes(4, "big") for n in sorted(copied))


@cocotb.test()
async def each_frame_has_one_fate(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    await start(dut)
    seen: dict[str, int] = {}
    for _ in range(700):
        kind = rng.choice(((0x22, 1, 0x290000), (0x22, 1, 0x290000), (0x23, 1, 0x990000), (0x03, 0x20, 0x990000)))
        words = rng.choice((0, 1, 2, 5, 28, 29, 30, 64, rng.randrange(529)))
        body = rng.randbytes(4 * words)
        if words:
            body = bytes([rng.choice((1, 2, *range(3, 16)))]) + body[1:]
        frame = Fc(kind[0], ARRAY_ID, HOST_ID, kind[1], body, f_ctl=kind[2])
        wrong = rng.choice(
            (None, None, None, "f_ctl", "f_ctl", "r_ctl", "type", "d_id", "df_ctl", "seq_cnt", "sof", "eof")
        )
        if wrong == "f_ctl":
            frame = replace(frame, f_ctl=frame.f_ctl ^ 1 << rng.randrange(24))
        elif wrong == "r_ctl":
            frame = replace(frame, r_ctl=rng.choice((0x22, 0x23, 0x02, 0x03, rng.randrange(256))))
        elif wrong == "type":
            frame = replace(frame, type=rng.choice((1, 0x20)))
        elif wrong == "d_id":
            frame = replace(frame, d_id=rng.choice((FABRIC_LOGIN, ARRAY_ID ^ 1 << rng.randrange(24))))
            if frame.d_id == FABRIC_LOGIN and words:
                frame = replace(frame, payload=bytes([rng.choice((3, 4))]) + body[1:])
        elif wrong == "df_ctl":
            frame = replace(frame, df_ctl=1 << rng.randrange(8))
        elif wrong == "seq_cnt":
            frame = replace(frame, seq_cnt=1 << rng.randrange(16))
        elif wrong:
            frame = replace(frame, initiate=wrong != "sof", terminate=wrong != "eof")
        logged_in = rng.random() < 0.9
        dut.my_id_valid.value = int(logged_in)
        fabric = rng.random() < 0.5
        dut.in_fabric.value = int(fabric)
        want = fate(frame, ARRAY_ID if logged_in else None, fabric)
        got, copied = await give(dut, frame, held=rng.randrange(1, 6))
        assert got == want, frame
        assert copied == frame.payload[:116], "the first 29 words, for ECHO"
        seen[want] = seen.get(want, 0) + 1
        if want != "dropped":
            check_words(dut, frame.payload)
    assert min(seen.values()) > 80 and len(seen) == 3, seen


def check_words(dut: Any, payload: bytes) -> None:
    for index, name in ((0, "word0"), (1, "word1"), (2, "word2"), (3, "word3"), (4, "word4")):
        if len(payload) >= 4 * index + 4:
            assert getattr(dut, name).value == int.from_bytes(payload[4 * index : 4 * index + 4], "big")
    if len(payload) >= 28:
        assert dut.wwpn.value == int.from_bytes(payload[20:28], "big")


@cocotb.test()
async def service_parameters_are_judged(dut: Any) -> None:
    """Receive data field: the smaller of the two, 256 to 2112 bytes, whole words; 2048 are used at most."""
    rng = random.Random(cocotb.RANDOM_SEED)
    await start(dut)
    sizes = (0, 252, 256, 258, 260, 1024, 2047, 2048, 2052, 2110, 2112, 2116)
    pairs = [(a, b) for a in sizes for b in sizes] + [(0x840, 0xF840), (0x840, 0x1000), (0x840, 0x8840)]
    for common, class3 in pairs:
        valid = rng.random() < 0.5
        assert (await give(dut, els(plogi(common=common, class3=class3, flags=0x8800 if valid else 0x0800))))[
            0
        ] == "request"
        good = all(256 <= size <= 2112 and size % 4 == 0 for size in (common, class3))
        assert value_of(dut.class3_valid) == valid
        assert value_of(dut.size_valid) == good, (common, class3)
        if good:
            assert value_of(dut.payload_words) == min(common, class3, 2048) // 4
    # Linux leaves the class 3 size of its FLOGI at 0: there the common one counts
    for common, good in ((0x840, True), (2110, False), (252, False)):
        payload = flogi(1)[:10] + common.to_bytes(2, "big") + flogi(1)[12:72] + bytes(4) + flogi(1)[76:]
        assert (await give(dut, els(payload, 0, FABRIC_LOGIN)))[0] == "request"
        assert value_of(dut.size_valid) == good


@cocotb.test()
async def the_holder_reads_the_payload(dut: Any) -> None:
    """While a request is held: each word two clocks after its address."""
    await start(dut)
    frame = els(rscn(*range(0x050000, 0x050000 + 63)))
    dut.ls_rx_header.value = int.from_bytes(frame.header(), "big")
    dut.ls_rx_words.value = 64
    dut.ls_rx_sof_initiate.value = dut.ls_rx_eof_terminate.value = dut.ls_rx_valid.value = 1
    for _ in range(80):
        await FallingEdge(dut.clk)
        if value_of(dut.request_valid):
            break
    else:
        raise AssertionError("no request")
    for word in (1, 63, 30, 2):
        dut.request_rd_addr.value = word
        await FallingEdge(dut.clk)
        assert value_of(dut.ls_rx_rd_addr) == word
    assert value_of(dut.request_valid) and not value_of(dut.ls_rx_done)


@cocotb.test()
async def a_frame_waits_while_the_reply_buffer_is_taken(dut: Any) -> None:
    await start(dut)
    frame = els(FRAME_2)
    dut.reply_busy.value = 1
    dut.ls_rx_header.value = int.from_bytes(frame.header(), "big")
    dut.ls_rx_words.value = 29
    dut.ls_rx_valid.value = 1
    for _ in range(100):
        await FallingEdge(dut.clk)
        assert not value_of(dut.ls_rx_done) and not value_of(dut.capture_write) and not value_of(dut.request_valid)
    dut.reply_busy.value = 0
    assert (await give(dut, frame))[0] == "request"
