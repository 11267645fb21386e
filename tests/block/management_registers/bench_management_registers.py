# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of management_registers: docs/registers.md, register by register."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer

OKAY, SLVERR = 0, 2
CLOCKS = 400  # in which an access ends, the first one after the store has been read as well
STATUS_INPUTS = """status_link_state status_fabric_login status_logins status_open_tasks status_tx_credit my_id lesb
    port_counters event_done event_failed event_port_lost status_clean status_unpinned status_backup_state
    status_backup_pointer status_backup_error status_backup_sense status_refused seconds load_windows
    status_place_ports status_moves load_io load_amount load_sequential"""
LOOKED_UP = {
    "schedule_data": range(0x0380, 0x03C0),
    "counter_data": range(0x0400, 0x0500),
    "job_data": range(0x0800, 0x0900),
}
UNITS = ("job", "schedule")
STROBES = ("flush", "link_reset_request", "copy_set", "clock_set")
AXIL = "awaddr awprot awvalid wdata wstrb wvalid bready araddr arprot arvalid rready"

# address, reset value, a legal value, an illegal value or None
READ_WRITE = [
    (0x0100, 0, 1, 4),
    (0x0108, 0x30000000, 0x12345678, None),
    (0x010C, 0x50580001, 0x9ABCDEF0, None),
    (0x0110, 0x30000000, 0x11112222, None),
    (0x0114, 0x50580000, 0x33334444, None),
    (0x011C, 2000, 65535, 0),
    (0x0120, 10000, 1, 65536),
    (0x0124, 100, 7, 0),
    (0x0200, 0, 77, 1 << 29),
    (0x0204, 0, 4096, 12),
    (0x0208, 0, 3, 4),
    (0x0230, 0, 5, 1 << 29),
    (0x0234, 0, 8, 32776),
    (0x0238, 0, 1, 8),
    (0x0300, 0, 3, 4),
    (0x0304, 0, 0xABCDEF, 0x1000000),
    (0x0308, 0, 0xFFFF, 0x10000),
    (0x030C, 0, 0xFFFFFFFF, None),
    (0x0310, 128, 8, 0),
    (0x0310, 8, 64, 136),
    (0x0310, 64, 24, 12),
    (0x0314, 0, 0xFFFFFFFF, None),
    (0x0340, 0, 1, 2),
    (0x0344, 65536, 0, 1 << 31),
    (0x0348, 65536, 12345, 1 << 31),
]
WRITE_ONLY = [0x0010, 0x0318]
READ_ONLY = [
    0x0000,
    0x0004,
    0x0008,
    0x000C,
    0x0104,
    0x0118,
    0x0140,
    0x017C,
    0x0180,
    0x01BC,
    0x031C,
    0x0320,
    0x0324,
    0x0328,
]
READ_ONLY += [0x0400, 0x044C]
NOWHERE = [
    0x004C,
    0x00FC,
    0x013C,
    0x01C0,
    0x020C,
    0x0240,
    0x02FC,
    0x0334,
    0x034C,
    0x0450,
    0x0500,
    0x0FFC,
    0x2000,
]
NOWHERE += [0xFFFC, 0x0101, 0x1002]


class Console:
    """AXI4-Lite master, the store behind the registers, and the units that some writes go to: they take a command after
    a while and answer it later. Stepped once a clock at the falling edge."""

    def __init__(self, dut: Any, store: dict[int, int]) -> None:
        self.dut, self.store = dut, store
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.strobes: dict[str, int] = {}
        self.commands: list[tuple[str, int, int]] = []  # unit, address, word
        self.refuse = 0  # what the units answer
        self.shown: dict[int, int] = {}  # what the units show, by address; 0 otherwise
        self._asked = ""

    async def reset(self, clock: bool = True) -> None:
        dut = self.dut
        for name in [*STATUS_INPUTS.split(), *LOOKED_UP, "mis_ready", "mis_rdata_valid", "mis_rdata"]:
            getattr(dut, name).value = 0
        for unit in UNITS:
            for signal in ("ready", "answer", "refused"):
                getattr(dut, f"{unit}_{signal}").value = 0
        for name in AXIL.split():
            getattr(dut, f"s_axil_{name}").value = 0
        dut.s_axil_wstrb.value = 15
        dut.rst.value = 1
        if clock:
            Clock(dut.clk, 4, unit="ns").start()
        for _ in range(3):
            await FallingEdge(dut.clk)
        dut.rst.value = 0
        await FallingEdge(dut.clk)

    async def step(self) -> None:
        dut = self.dut
        ready = self.rng.random() < 0.6
        dut.mis_ready.value = int(ready)
        answer = None
        if ready and int(dut.mis_valid.value):
            address = int(dut.mis_addr.value)
            if int(dut.mis_write.value):
                self.store[address] = int(dut.mis_wdata.value)
            else:
                answer = self.store.get(address, 0)
        self._serve()
        self._show()
        await FallingEdge(dut.clk)
        dut.mis_rdata_valid.value = int(answer is not None)
        if answer is not None:
            dut.mis_rdata.value = answer
        for name in STROBES:
            self.strobes[name] = self.strobes.get(name, 0) + int(getattr(dut, name).value)

    def _show(self) -> None:
        """The word that is looked up is there in that clock, and at its unit's port only."""
        dut = self.dut
        address = int(dut.look_address.value) if int(dut.look.value) else -1
        for name, addresses in LOOKED_UP.items():
            asked = address in addresses
            getattr(dut, name).value = self.shown.get(address, 0) if asked else self.rng.getrandbits(32)

    def _serve(self) -> None:
        """One clock of the units."""
        dut = self.dut
        for unit in UNITS:
            getattr(dut, f"{unit}_answer").value = 0
            getattr(dut, f"{unit}_ready").value = 0
        if self._asked:
            if self.rng.random() < 0.3:
                getattr(dut, f"{self._asked}_answer").value = 1
                getattr(dut, f"{self._asked}_refused").value = self.refuse
                self._asked = ""
            return
        for unit in UNITS:
            if int(getattr(dut, f"{unit}_valid").value) and self.rng.random() < 0.5:
                getattr(dut, f"{unit}_ready").value = 1
                self.commands.append((unit, int(dut.look_address.value), int(dut.command_data.value)))
                self._asked = unit

    async def _until(self, name: str) -> None:
        for _ in range(CLOCKS):
            if int(getattr(self.dut, name).value):
                return
            await self.step()
        raise AssertionError(f"{name} not within {CLOCKS} clocks")

    async def write(self, address: int, value: int, strobe: int = 15) -> int:
        dut = self.dut
        dut.s_axil_awaddr.value, dut.s_axil_wdata.value, dut.s_axil_wstrb.value = address, value, strobe
        dut.s_axil_awvalid.value = 1
        if self.rng.random() < 0.5:
            await self.step()  # address before data
        dut.s_axil_wvalid.value = 1
        await self._accepted("s_axil_awready")
        dut.s_axil_awvalid.value = dut.s_axil_wvalid.value = 0
        await self._until("s_axil_bvalid")
        response = int(dut.s_axil_bresp.value)
        dut.s_axil_bready.value = 1
        await self.step()
        dut.s_axil_bready.value = 0
        return response

    async def _accepted(self, ready: str) -> None:
        """Ready depends on valid, which was set at this falling edge: look again just before the rising edge."""
        for _ in range(CLOCKS):
            await Timer(1, "ns")
            if int(getattr(self.dut, ready).value):
                await self.step()
                return
            await self.step()
        raise AssertionError(f"{ready} not within {CLOCKS} clocks")

    async def read(self, address: int) -> tuple[int, int]:
        dut = self.dut
        dut.s_axil_araddr.value = address
        dut.s_axil_arvalid.value = 1
        await self._accepted("s_axil_arready")
        dut.s_axil_arvalid.value = 0
        await self._until("s_axil_rvalid")
        for _ in range(self.rng.randrange(3)):
            await self.step()
        result = int(dut.s_axil_rdata.value), int(dut.s_axil_rresp.value)
        dut.s_axil_rready.value = 1
        await self.step()
        dut.s_axil_rready.value = 0
        return result


@cocotb.test()
async def every_register(dut: Any) -> None:
    console = Console(dut, {})
    await console.reset()
    for address, reset, legal, illegal in READ_WRITE:
        assert await console.read(address) == (reset, OKAY), f"reset value of {address:04x}"
        assert await console.write(address, legal) == OKAY, f"{address:04x}"
        if illegal is not None:
            assert await console.write(address, illegal) == SLVERR, f"{address:04x} took {illegal:#x}"
        assert await console.write(address, legal ^ 1, strobe=7) == SLVERR, "a write of less than a word"
        assert await console.read(address) == (legal, OKAY), f"{address:04x}"
    assert int(dut.cfg_wwpn.value) == 0x123456789ABCDEF0
    assert int(dut.cfg_volume_blocks.value) == 8 << 96 | 4096 and int(dut.cfg_volume_flags.value) == 1 << 6 | 3
    for address in READ_ONLY:
        assert (await console.read(address))[1] == OKAY, f"{address:04x}"
        assert await console.write(address, 0) == SLVERR, f"{address:04x} is read only"
    for address in WRITE_ONLY:
        assert await console.read(address) == (0, OKAY)
        assert await console.write(address, 0) == OKAY
    for address in NOWHERE:
        assert (await console.read(address))[1] == SLVERR, f"{address:04x}"
        assert await console.write(address, 0) == SLVERR, f"{address:04x}"


@cocotb.test()
async def status_is_shown(dut: Any) -> None:
    console = Console(dut, {})
    await console.reset()
    dut.status_link_state.value, dut.status_fabric_login.value = 5, 1
    dut.status_logins.value, dut.status_open_tasks.value, dut.my_id.value = 33, 256, 0x010203
    dut.status_clean.value, dut.status_unpinned.value, dut.status_tx_credit.value = 1, 0, 231
    dut.status_backup_pointer.value, dut.status_backup_error.value, dut.status_backup_sense.value = (
        640,
        0x0204,
        0x30C00,
    )
    words = [console.rng.getrandbits(32) for _ in range(48)]
    for name, first in (("lesb", 0), ("port_counters", 16)):
        getattr(dut, name).value = sum(w << (32 * i) for i, w in enumerate(words[first : first + 16]))
    expected = {0x0000: 0x50504C58, 0x0004: 8 << 19 | 4 << 14 | 4 << 9 | 32, 0x0008: 512, 0x0118: 0x010203}
    expected |= {0x0138: 231}
    expected |= {0x0104: 256 << 16 | 33 << 8 | 1 << 4 | 5, 0x0320: 640, 0x0324: 0x0204, 0x0328: 0x30C00}
    expected |= {0x0140 + 4 * i: w for i, w in enumerate(words[:32])} | {
        0x0400 + 4 * i: w for i, w in enumerate(words[32:])
    }
    console.shown = {address: value for address, value in expected.items() if address in LOOKED_UP["counter_data"]}
    for address, value in expected.items():
        assert await console.read(address) == (value, OKAY), f"{address:04x}"
    for state, flags in ((0, 0), (1, 4), (2, 4), (3, 4), (4, 8), (5, 16), (6, 0)):
        dut.status_backup_state.value = state
        assert await console.read(0x031C) == (state, OKAY)
        assert await console.read(0x000C) == (flags | 1, OKAY)


@cocotb.test()
async def commands_are_strobes(dut: Any) -> None:
    console = Console(dut, {})
    await console.reset()
    cases = (
        (0x0010, 1, "flush"),
        (0x0100, 2, "link_reset_request"),
    )
    for address, value, name in cases:
        console.strobes = {}
        assert await console.write(address, value) == OKAY
        await console.step()
        assert {n: c for n, c in console.strobes.items() if c} == {name: 1}


@cocotb.test()
async def window_and_priority_table(dut: Any) -> None:
    store = {0x0B0: 1, 0x0B1: 4096, 0x0B2: 0}
    console = Console(dut, store)
    await console.reset()
    assert await console.read(0x0340) == (1, OKAY), "after a reset the table comes from the store"
    assert await console.read(0x0344) == (4096, OKAY) and await console.read(0x0348) == (0, OKAY)
    assert await console.write(0x1000 + 4 * 0x3FF, 0xDEADBEEF) == OKAY and store[0x3FF] == 0xDEADBEEF
    assert await console.read(0x1FFC) == (0xDEADBEEF, OKAY)
    assert await console.write(0x1000 + 4 * 0x0B1, 8192) == OKAY
    assert int(dut.cfg_backup_quantum.value) == 8192 and await console.read(0x0344) == (8192, OKAY)
    assert await console.write(0x1000 + 4 * 0x0B0, 2) == SLVERR and store[0x0B0] == 1
    assert await console.write(0x0348, 999) == OKAY and store[0x0B2] == 999
    await console.reset(clock=False)
    assert await console.read(0x0348) == (999, OKAY)

    blank = Console(dut, {})
    await blank.reset(clock=False)
    assert await blank.read(0x0344) == (65536, OKAY)
    assert {word: value for word, value in blank.store.items() if word >= 0x0B0} == {0x0B1: 65536, 0x0B2: 65536}
