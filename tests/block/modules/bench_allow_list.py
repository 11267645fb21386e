# SPDX-License-Identifier: Apache-2.0
"""allow_list against a Python list of WWPNs, with a store that answers at its own pace."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from typing import Any

import cocotb
from clocked import Clocked, number

PORTS = int(os.environ["PORTS"])
DEADLINE = 2000  # clocks: 65 reads of about three clocks for each port


class Store:
    """Words of the management information store; a read is taken now or later, its word comes a clock after."""

    def __init__(self, dut: Any, rng: random.Random) -> None:
        self.dut, self.rng = dut, rng
        self.words = [rng.getrandbits(32) for _ in range(1024)]
        self.taken: int | None = None
        self.ready = False

    def drive(self) -> None:
        self.ready = self.rng.random() < 0.7
        self.dut.mis_ready.value = int(self.ready)
        self.dut.mis_rdata_valid.value = int(self.taken is not None)
        self.dut.mis_rdata.value = self.rng.getrandbits(32) if self.taken is None else self.words[self.taken]

    def sample(self) -> None:
        self.taken = number(self.dut.mis_addr) if self.ready and number(self.dut.mis_valid) else None


@dataclass
class Port:
    """One port's question: a strobe, or held until the answer."""

    number: int
    wwpn: int = 0
    clocks: int = 0
    open: bool = False
    hold: bool = False
    fresh: bool = False  # asked in this clock


class Askers:
    """All ports: what they ask, and what the list as it stands would answer."""

    def __init__(self, dut: Any, store: Store, rng: random.Random) -> None:
        self.dut, self.store, self.rng = dut, store, rng
        self.ports = [Port(port) for port in range(PORTS)]
        self.answers = {False: 0, True: 0}
        self.asking = True

    def entries(self) -> list[int]:
        words = self.store.words
        return [words[2 * entry] << 32 | words[2 * entry + 1] for entry in range(32)]

    def question(self) -> int:
        """Listed; nearly listed: halves of different entries, shifted by half an entry, one bit off; none; any."""
        rng, entries = self.rng, self.entries()
        one, other = rng.randrange(32), rng.randrange(32)
        mixed = entries[one] >> 32 << 32 | entries[other] & 0xFFFFFFFF
        shifted = (entries[one] & 0xFFFFFFFF) << 32 | entries[(one + 1) % 32] >> 32
        near = entries[one] ^ 1 << rng.randrange(64)
        ends = rng.choice((entries[0], entries[31]))
        return rng.choice((entries[one], ends, mixed, shifted, near, 0, rng.getrandbits(64)))

    def drive(self) -> None:
        for port in self.ports:
            port.fresh = not port.open and self.asking and self.rng.random() < 0.2
            if port.fresh:
                port.wwpn, port.hold, port.open, port.clocks = self.question(), self.rng.random() < 0.5, True, 0
        shown = [port for port in self.ports if port.open and (port.hold or port.fresh)]
        self.dut.allow_valid.value = sum(1 << port.number for port in shown)
        self.dut.allow_wwpn.value = sum(port.wwpn << 64 * port.number for port in shown)

    def sample(self) -> None:
        done = number(self.dut.allow_done)
        for port in self.ports:
            port.clocks += 1
            if done >> port.number & 1:
                assert port.open and not port.fresh, f"port {port.number}: an answer to no question"
                listed = port.wwpn != 0 and port.wwpn in self.entries()
                assert number(self.dut.allow_ok) == listed, f"port {port.number}: {port.wwpn:016x}, listed: {listed}"
                self.answers[listed] += 1
                port.open = False
            assert not port.open or port.clocks < DEADLINE, f"port {port.number}: no answer in {DEADLINE} clocks"


@cocotb.test()
async def answers_as_the_list_says(dut: Any) -> None:
    """Every question one answer, right for the list as it stands; entries of zero match nobody."""
    rng = random.Random(cocotb.RANDOM_SEED)
    store = Store(dut, rng)
    askers = Askers(dut, store, rng)
    clocked = Clocked(dut, store, askers)
    await clocked.start(allow_valid=0, allow_wwpn=0, mis_ready=0, mis_rdata_valid=0, mis_rdata=0)
    for empty in (0, 5, 31):
        askers.asking = True
        await clocked.clocks(6000)
        askers.asking = False
        while any(port.open for port in askers.ports):
            await clocked.clock()
        store.words[:64] = [rng.getrandbits(32) for _ in range(64)]
        for entry in rng.sample(range(32), empty):
            store.words[2 * entry] = store.words[2 * entry + 1] = 0
    assert min(askers.answers.values()) > 20, askers.answers
