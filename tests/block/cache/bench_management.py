# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of cache's management information store, allow list and segment list, through the composite `cache`."""

from __future__ import annotations

import os
import random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer

from portplex.bfm.pins import value_of

PORTS = int(os.environ.get("PORTS", "1"))
INPUTS = (
    "fr_rd_valid",
    "fr_rd_line",
    "fr_wr_valid",
    "fr_wr_line",
    "fr_wr_data",
    "fr_wr_strobe",
    "sl_rd_slot",
    "sl_rd_index",
    "sl_wr_valid",
    "sl_wr_slot",
    "sl_wr_index",
    "sl_wr_line",
    "page_rd_slot",
    "page_rd_index",
    "bk_valid",
    "bk_write",
    "bk_line",
    "bk_wdata",
    "chunk_valid",
    "chunk_op",
    "chunk_slot",
    "chunk_volume",
    "chunk_lba",
    "chunk_blocks",
    "chunk_rsp_ready",
    "drv_ready",
    "drv_rsp_valid",
    "drv_rsp_tag",
    "drv_rsp_error",
    "mis_valid",
    "mis_write",
    "mis_addr",
    "mis_wdata",
    "allow_valid",
    "allow_wwpn",
    "flush",
)
STORE: dict[int, int] = {}  # words written, over all tests of a run: they survive the reset each begins with


async def start(dut: Any) -> None:
    for name in INPUTS:
        getattr(dut, name).value = 0
    dut.rst.value = 1
    Clock(dut.clk, 4, unit="ns").start()
    await FallingEdge(dut.clk)
    await FallingEdge(dut.clk)
    dut.rst.value = 0


async def write_word(dut: Any, address: int, value: int) -> None:
    dut.mis_valid.value, dut.mis_write.value = 1, 1
    dut.mis_addr.value, dut.mis_wdata.value = address, value
    for _ in range(10):
        await Timer(1, "ns")
        taken = value_of(dut.mis_ready) & 1
        await FallingEdge(dut.clk)
        if taken:
            break
    else:
        raise AssertionError("write not taken in 10 clocks")
    dut.mis_valid.value = 0
    STORE[address] = value


async def set_entry(dut: Any, entry: int, wwpn: int) -> None:
    await write_word(dut, 2 * entry, wwpn >> 32)
    await write_word(dut, 2 * entry + 1, wwpn & 0xFFFFFFFF)


async def allowed(dut: Any, wwpn: int, port: int = 0, hold: bool = False) -> bool:
    """Ask the allow list; the question is a strobe or is held until the answer."""
    dut.allow_valid.value = 1 << port
    dut.allow_wwpn.value = wwpn << 64 * port
    for clock in range(400):
        await FallingEdge(dut.clk)
        if clock == 0 and not hold:
            dut.allow_valid.value = 0
            dut.allow_wwpn.value = 0
        done = value_of(dut.allow_done)
        if done:
            assert done == 1 << port
            answer = bool(value_of(dut.allow_ok))
            await Timer(3, "ns")
            dut.allow_valid.value = 0
            await FallingEdge(dut.clk)
            await FallingEdge(dut.clk)
            assert not value_of(dut.allow_done), "asked once, answered twice"
            return answer
    raise AssertionError(f"no answer for {wwpn:016x} in 400 clocks")


@cocotb.test()
async def allow_list_tells_entry_and_hidden_volumes(dut: Any) -> None:
    """Which entry it is, and its mask of volumes (words 0C0-0DF); the answer stays until the next question."""
    rng = random.Random(cocotb.RANDOM_SEED)
    await start(dut)
    for entry in (0, 1, 17, 31):
        wwpn, mask = rng.getrandbits(63) + 1, rng.getrandbits(16)
        await set_entry(dut, entry, wwpn)
        await write_word(dut, 0xC0 + entry, mask | 0xFFFF0000)
        assert await allowed(dut, wwpn)
        assert value_of(dut.allow_entry) == mask << 5 | entry
        await write_word(dut, 0xC0 + entry, 0)
        await set_entry(dut, entry, 0)
        assert not await allowed(dut, wwpn)


@cocotb.test()
async def store_serves_its_clients_in_turn(dut: Any) -> None:
    """Two clients and the allow list at once: data right, nobody waits for more than two, contents over reset."""
    rng = random.Random(cocotb.RANDOM_SEED)
    await start(dut)
    offers: list[tuple[bool, int, int] | None] = [None, None]
    waiting = [0, 0]
    due: list[tuple[int, int] | None] = [None, None]
    compared = done = 0
    dut.allow_wwpn.value = (1 << 64 * PORTS) - 1  # held: the list is searched again and again
    dut.allow_valid.value = 1
    for clock in range(3000):
        if clock % 1000 == 999:
            dut.rst.value = 1
            await FallingEdge(dut.clk)
            dut.rst.value = 0
            due = [None, None]
        for c in range(2):
            if offers[c] is None and rng.random() < (1.0 if clock < 1500 else 0.4):
                # addresses of the clients do not overlap, so that the order of writes is each client's own
                offers[c] = (rng.random() < 0.5, 64 + 2 * rng.randrange(480) + c, rng.getrandbits(32))
        dut.mis_valid.value = sum(1 << c for c in range(2) if offers[c])
        dut.mis_write.value = sum(int(o[0]) << c for c, o in enumerate(offers) if o)
        dut.mis_addr.value = sum(o[1] << 10 * c for c, o in enumerate(offers) if o)
        dut.mis_wdata.value = sum(o[2] << 32 * c for c, o in enumerate(offers) if o)
        await Timer(1, "ns")
        valid, data = value_of(dut.mis_rdata_valid), value_of(dut.mis_rdata)
        for c in range(2):
            assert bool(valid >> c & 1) == (due[c] is not None), f"clock {clock} client {c}"
            if due[c] is not None:
                address, want = due[c]  # type: ignore[misc]
                assert data >> 32 * c & 0xFFFFFFFF == want, f"clock {clock} client {c} word {address:03x}"
                compared += 1
            due[c] = None
        ready = value_of(dut.mis_ready)
        for c in range(2):
            offer = offers[c]
            if offer is None:
                continue
            if not ready >> c & 1:
                waiting[c] += 1
                assert waiting[c] <= 2, f"client {c} waits for more than two others"
                continue
            waiting[c] = 0
            if offer[0]:
                STORE[offer[1]] = offer[2]
            else:
                due[c] = (offer[1], STORE.get(offer[1], 0))
            offers[c] = None
        if value_of(dut.allow_done):
            assert not value_of(dut.allow_ok)
            done += 1
        await FallingEdge(dut.clk)
    assert compared > 500 and done >= 2
    dut.allow_valid.value = 0


@cocotb.test()
async def allow_list_knows_who_may_log_in(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    await start(dut)
    assert not await allowed(dut, 0x2100_0000_1234_5678), "the empty list allows somebody"
    assert not await allowed(dut, 0), "WWPN 0 allowed by an empty entry"
    names = {entry: rng.getrandbits(63) | 1 << 33 for entry in (0, 7, 31)}
    for entry, wwpn in names.items():
        await set_entry(dut, entry, wwpn)
    for hold in (False, True):
        for port in range(PORTS):
            for wwpn in names.values():
                assert await allowed(dut, wwpn, port, hold)
                assert not await allowed(dut, wwpn ^ 1 << rng.randrange(32), port, hold), "low half differs"
                assert not await allowed(dut, wwpn ^ 1 << 32 + rng.randrange(32), port, hold), "high half differs"
            assert not await allowed(dut, names[0] >> 32 << 32 | names[7] & 0xFFFFFFFF, port, hold), (
                "halves of two entries"
            )
            assert not await allowed(dut, 0, port, hold)
    await set_entry(dut, 7, 0)
    assert not await allowed(dut, names[7])
    assert not await allowed(dut, names[7] & 0xFFFFFFFF), "high word 0 matches an empty entry"
    dut.rst.value = 1
    await FallingEdge(dut.clk)
    dut.rst.value = 0
    assert await allowed(dut, names[31]), "the list does not survive a reset"


@cocotb.test()
async def segment_list_has_two_writers(dut: Any) -> None:
    """The responder's page and the manager's chunk reach their slots; the port reads one clock after the address."""
    await start(dut)
    for _ in range(400):
        await FallingEdge(dut.clk)
        if not value_of(dut.status_busy):
            break
    dut.chunk_valid.value, dut.chunk_op.value, dut.chunk_slot.value, dut.chunk_blocks.value = 1, 1, 3, 128
    expected = {}
    page = 0x1234
    for clock in range(160):
        dut.sl_wr_valid.value, dut.sl_wr_slot.value, dut.sl_wr_line.value = int(len(expected) < 20), 1, page
        dut.sl_wr_index.value = len(expected)
        await Timer(1, "ns")
        if len(expected) < 20 and value_of(dut.sl_wr_ready):
            expected[len(expected)] = page
            page += 17
        await FallingEdge(dut.clk)
        if clock == 0:
            dut.chunk_valid.value = 0
    dut.sl_wr_valid.value = 0
    assert value_of(dut.chunk_rsp_valid), "a write of 16 whole segments needs no drive"

    async def entry(slot: int, index: int, port: int) -> int:
        dut.sl_rd_slot.value, dut.sl_rd_index.value = slot << 9 * port, index << 5 * port
        await FallingEdge(dut.clk)
        return value_of(dut.sl_rd_line) >> 20 * port & 0xFFFFF

    for port in range(PORTS):
        for index, line in expected.items():
            assert await entry(1, index, port) == line
        lines = [await entry(3, index, port) for index in range(16)]
        assert len(set(lines)) == 16 and all(line % 256 == 0 for line in lines)
