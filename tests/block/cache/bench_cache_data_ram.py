# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of cache_data_ram: every byte equals a bytearray's, each front client has a line every four clocks."""

from __future__ import annotations

import os
import random
from collections import deque
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer

PORTS = int(os.environ.get("PORTS", "2"))
SEGMENTS = int(os.environ.get("SEGMENTS", "2"))
TASKS = int(os.environ.get("TASKS", "2"))
LINES = SEGMENTS * 256 + TASKS * 128
MEMORY = bytearray(16 * LINES)  # one for all tests of a run: contents survive the reset each begins with
LATENCY = 2  # clocks from taking a read to its data (contracts 7 and 9)


def fields(values: list[int], width: int) -> int:
    return sum(value << width * i for i, value in enumerate(values))


class Client:
    """One reader or writer: what it offers, and how often it was served."""

    def __init__(self) -> None:
        self.offer: dict[str, Any] | None = None
        self.taken: list[int] = []


class Bench:
    """Drives every client, one step a clock, and compares all read data with `memory`."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.memory = MEMORY
        self.readers = [Client() for _ in range(PORTS)]
        self.writers = [Client() for _ in range(PORTS)]
        self.back = [Client(), Client()]
        self.expected: dict[str, deque[tuple[int, bytes]]] = {f"{k}{i}": deque() for k in "fb" for i in range(2)}
        self.clock = 0
        self.compared = 0
        self.lines = list(range(LINES))

    async def start(self) -> None:
        self.dut.rst.value = 1
        self.drive()
        Clock(self.dut.clk, 4, unit="ns").start()
        await FallingEdge(self.dut.clk)
        await FallingEdge(self.dut.clk)
        self.dut.rst.value = 0

    def read_memory(self, line: int) -> bytes:
        return bytes(self.memory[16 * line : 16 * line + 16]) if line < LINES else bytes(16)

    def write_memory(self, line: int, data: bytes, strobe: int = 0xFFFF) -> None:
        if line < LINES:
            for i in range(16):
                if strobe >> (15 - i) & 1:
                    self.memory[16 * line + i] = data[i]

    def drive(self) -> None:
        dut = self.dut
        for clients, name in ((self.readers, "fr_rd"), (self.writers, "fr_wr"), (self.back, "bk")):
            offers = [c.offer or {} for c in clients]
            getattr(dut, f"{name}_valid").value = fields([int(c.offer is not None) for c in clients], 1)
            getattr(dut, f"{name}_line").value = fields([o.get("line", 0) for o in offers], 20)
            if name == "fr_wr":
                dut.fr_wr_data.value = fields([int.from_bytes(o.get("data", b""), "big") for o in offers], 128)
                dut.fr_wr_strobe.value = fields([o.get("strobe", 0) for o in offers], 16)
            if name == "bk":
                dut.bk_wdata.value = fields([int.from_bytes(o.get("data", b""), "big") for o in offers], 128)
                dut.bk_write.value = fields([int(o.get("write", False)) for o in offers], 1)

    def collect(self, key: str, valid: int, data: int, index: int) -> None:
        queue = self.expected[key]
        due = bool(queue) and queue[0][0] == self.clock
        assert due == bool(valid >> index & 1), f"clock {self.clock} {key}: read data {'missing' if due else 'unasked'}"
        if due:
            want = queue.popleft()[1]
            got = (data >> 128 * index & (1 << 128) - 1).to_bytes(16, "big")
            assert got == want, f"clock {self.clock} {key}: {got.hex()} instead of {want.hex()}"
            self.compared += 1

    async def step(self) -> None:
        """Drive the offers, see what is taken at the coming edge, and pass it."""
        dut = self.dut
        self.drive()
        await Timer(1, "ns")
        if any(self.expected.values()) or int(dut.fr_rd_data_valid.value) or int(dut.bk_rdata_valid.value):
            front_valid, front = int(dut.fr_rd_data_valid.value), int(dut.fr_rd_data.value)
            back_valid, back = int(dut.bk_rdata_valid.value), int(dut.bk_rdata.value)
            for i in range(PORTS):
                self.collect(f"f{i}", front_valid, front, i)
            for i in range(2):
                self.collect(f"b{i}", back_valid, back, i)
        writes = []
        rd_ready, wr_ready, bk_ready = int(dut.fr_rd_ready.value), int(dut.fr_wr_ready.value), int(dut.bk_ready.value)
        for clients, ready, kind in (
            (self.readers, rd_ready, "f"),
            (self.writers, wr_ready, "w"),
            (self.back, bk_ready, "b"),
        ):
            for i, client in enumerate(clients):
                offer = client.offer
                if offer is None or not ready >> i & 1:
                    continue
                client.offer = None
                client.taken.append(self.clock)
                if kind == "w" or offer.get("write"):
                    writes.append(offer)
                else:
                    self.expected[f"{kind}{i}"].append((self.clock + LATENCY, self.read_memory(offer["line"])))
        for offer in writes:  # reads of the same clock see the old contents
            self.write_memory(offer["line"], offer["data"], offer.get("strobe", 0xFFFF))
        self.clock += 1
        await FallingEdge(dut.clk)

    def new_offers(self, rate: float) -> None:
        """Fill empty clients with random accesses. Two writers never share a line at once (pins see to that)."""
        busy = {c.offer["line"] for c in [*self.writers, *self.back] if c.offer is not None}
        for client in self.readers:
            if client.offer is None and self.rng.random() < rate:
                client.offer = {"line": self.rng.choice(self.lines)}
        for kind, clients in (("w", self.writers), ("b", self.back)):
            for client in clients:
                if client.offer is not None or self.rng.random() >= rate:
                    continue
                line = self.rng.choice(self.lines)
                if line in busy:
                    continue
                busy.add(line)
                data = self.rng.randbytes(16)
                if kind == "w":
                    strobe = self.rng.choice((0xFFFF, 0xFFFF, 0xF000, 0x00FF, self.rng.randrange(1 << 16)))
                    client.offer = {"line": line, "data": data, "strobe": strobe}
                else:
                    client.offer = {"line": line, "data": data, "write": self.rng.random() < 0.5}


@cocotb.test()
async def equals_bytearray(dut: Any) -> None:
    """Random accesses of all clients, dense on few lines, sparse over all, and past the end; a reset in the middle."""
    bench = Bench(dut)
    await bench.start()
    for lines, rate in (
        ([0, 1, LINES - 1], 1.0),
        (list(range(LINES)), 0.6),
        ([5, LINES, (1 << 20) - 1], 0.9),
        (list(range(64)), 1.0),
    ):
        bench.lines = lines
        for _ in range(400):
            bench.new_offers(rate)
            await bench.step()
        for _ in range(8):
            await bench.step()
        dut.rst.value = 1
        await FallingEdge(dut.clk)
        dut.rst.value = 0
    assert bench.compared > 1000


@cocotb.test()
async def each_front_client_has_every_fourth_clock(dut: Any) -> None:
    """All clients ask all the time: each front client is served exactly every 4 clocks, the back port every clock."""
    bench = Bench(dut)
    await bench.start()
    for _ in range(200):
        bench.new_offers(1.0)
        await bench.step()
    for client in [*bench.readers, *bench.writers]:
        gaps = {b - a for a, b in zip(client.taken, client.taken[1:], strict=False)}
        # a writer may have skipped a turn when all its choices were busy: whole turns only
        assert gaps and all(gap % 4 == 0 for gap in gaps), gaps
        assert len(client.taken) >= 48
    assert {b - a for a, b in zip(bench.readers[0].taken, bench.readers[0].taken[1:], strict=False)} == {4}
    assert len(bench.back[0].taken) + len(bench.back[1].taken) >= 195


@cocotb.test()
async def back_client_0_goes_first(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start()
    for _ in range(20):
        for client in bench.back:
            client.offer = client.offer or {"line": 3, "write": False}
        await bench.step()
    assert len(bench.back[0].taken) == 20 and not bench.back[1].taken
    bench.back[0].offer = None
    await bench.step()
    assert len(bench.back[1].taken) == 1
