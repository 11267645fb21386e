# SPDX-License-Identifier: Apache-2.0
"""management_store against a table of 1024 words: its clients, turns, contents over resets."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from typing import Any

import cocotb
from clocked import Clocked, field, number

CLIENTS = int(os.environ["CLIENTS"])


@dataclass
class Offer:
    write: bool
    address: int
    data: int
    waited: int = 0


class Clients:
    """Clients that hold what they want until it is taken, and the words as they must be."""

    def __init__(self, dut: Any, rng: random.Random) -> None:
        self.dut = dut
        self.rng = rng
        self.share = 1.0
        self.table = [0] * 1024
        self.offers: list[Offer | None] = [None] * CLIENTS
        self.due: tuple[int, int] | None = None  # client and word of the read taken in the clock before
        self.taken = [0] * CLIENTS
        self.reads = 0
        self.longest = 0

    def drive(self) -> None:
        rng, dut = self.rng, self.dut
        for client in range(CLIENTS):
            if self.offers[client] is None and rng.random() < self.share:
                address = rng.choice((0, 1023, rng.randrange(1024), rng.randrange(8)))
                self.offers[client] = Offer(rng.random() < 0.5, address, rng.getrandbits(32))
        there = [(client, offer) for client, offer in enumerate(self.offers) if offer is not None]
        dut.mis_valid.value = sum(1 << client for client, _ in there)
        dut.mis_write.value = sum(offer.write << client for client, offer in there)
        dut.mis_addr.value = sum(offer.address << 10 * client for client, offer in there)
        dut.mis_wdata.value = sum(offer.data << 32 * client for client, offer in there)

    def sample(self) -> None:
        valid = number(self.dut.mis_rdata_valid)
        assert valid == (1 << self.due[0] if self.due else 0), f"read data for {valid:b}, due is {self.due}"
        if self.due:
            client, word = self.due
            assert field(number(self.dut.mis_rdata), 32 * client + 31, 32 * client) == word, f"client {client}"
            self.reads += 1
        self.due = None
        ready = number(self.dut.mis_ready)
        served = [client for client, offer in enumerate(self.offers) if offer is not None and ready >> client & 1]
        assert len(served) == any(offer is not None for offer in self.offers), f"ready {ready:b} serves {served}"
        for client, offer in enumerate(self.offers):
            if offer is None:
                continue
            if client not in served:
                offer.waited += 1
                self.longest = max(self.longest, offer.waited)
                continue
            if offer.write:
                self.table[offer.address] = offer.data
            else:
                self.due = client, self.table[offer.address]
            self.taken[client] += 1
            self.offers[client] = None


@cocotb.test()
async def clients_and_one_table(dut: Any) -> None:
    """Every word as last written, read data one clock after, nobody waits for another twice; rst keeps all."""
    clients = Clients(dut, random.Random(cocotb.RANDOM_SEED))
    clocked = Clocked(dut, clients)
    await clocked.start(mis_valid=0, mis_write=0, mis_addr=0, mis_wdata=0)
    for share in (1.0, 0.3, 0.7):
        clients.share = share
        await clocked.clocks(500 * CLIENTS)
        clients.share = 0.0
        await clocked.clocks(2 * CLIENTS)  # what is offered is taken
        dut.rst.value = 1
        await clocked.clocks(2)
        dut.rst.value = 0
    assert clients.longest == CLIENTS - 1 and min(clients.taken) > 400 and clients.reads > 500
