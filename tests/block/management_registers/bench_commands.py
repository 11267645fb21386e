# SPDX-License-Identifier: Apache-2.0
"""cocotb test of registers that hand a write to a unit, of write strobes, of store words that another unit keeps."""

from __future__ import annotations

from typing import Any

import cocotb
from bench_management_registers import OKAY, SLVERR, Console

CONTROL, COPY_POINTER, CLOCK_SET, WINDOW = 0x0318, 0x0314, 0x0024, 0x1000
SCHEDULE, DUE, LAST = 0x0380, 0x0384, 0x038C
COUNTERS, JOBS = 0x0400, 0x0800
DUE_WORD, LAST_WORD, FREE_WORD = 0xA0, 0xA1, 0xA2


@cocotb.test()
async def commands_are_answered(dut: Any) -> None:
    store: dict[int, int] = {}
    console = Console(dut, store)
    await console.reset()
    rng = console.rng
    for number in range(40):
        console.commands, console.refuse = [], rng.choice((0, 0, 1, 0x80))
        entry = number % 4
        order = rng.getrandbits(7) | rng.randrange(3) << 8 | rng.randrange(8) << 12
        cases = ("job", CONTROL, order), ("schedule", DUE + 16 * entry, rng.getrandbits(32))
        unit, address, word = cases[rng.randrange(2)]
        way = WINDOW + 4 * (DUE_WORD + 4 * entry) if unit == "schedule" and rng.random() < 0.5 else address
        expected = SLVERR if console.refuse else OKAY
        assert await console.write(way, word) == expected, f"{unit}, refused {console.refuse:#x}"
        assert console.commands == [(unit, address, word)], "the unit is asked once, by the register's own address"
    console.commands, console.refuse = [], 0
    before = dict(store)
    for address, word in (
        (CONTROL, 3 << 8), (CONTROL, 1 << 15), (SCHEDULE, 2), (LAST, 0), (WINDOW + 4 * LAST_WORD, 0),
    ):  # fmt: skip
        assert await console.write(address, word) == SLVERR, f"{address:04x} took {word}"
    assert await console.write(CONTROL, 1, strobe=7) == SLVERR
    assert not console.commands, "the unit was asked although the write is not legal"
    assert store == before, "a word that a unit keeps was written by the registers"


@cocotb.test()
async def values_of_units_are_read(dut: Any) -> None:
    store = {DUE_WORD + 4: 77, LAST_WORD: 88, FREE_WORD: 99}
    console = Console(dut, store)
    await console.reset()
    addresses = [*(first + 16 * n for n in range(4) for first in (DUE, LAST)), *range(COUNTERS, COUNTERS + 80, 4)]
    addresses += [JOBS + 32 * n + 4 * word for n in range(8) for word in range(1, 5)]
    console.shown = {address: console.rng.getrandbits(32) for address in addresses}
    for address, value in console.shown.items():
        assert await console.read(address) == (value, OKAY), f"{address:04x}"
    console.shown = {SCHEDULE + 16: 0xFFFFFFFF, JOBS + 32: 0xFFFFFFFF}
    assert await console.read(SCHEDULE + 16) == (0x70F, OKAY) and await console.read(JOBS + 32) == (0xF, OKAY)
    for word, value in dict(store).items():
        if word < 0xB0:
            assert await console.read(WINDOW + 4 * word) == (value, OKAY), "the window shows what the store has"
    assert await console.write(WINDOW + 4 * FREE_WORD, 5) == OKAY and store[FREE_WORD] == 5, "no register's word"
    assert await console.read(CONTROL) == (0, OKAY)


@cocotb.test()
async def write_strobe_comes_with_the_value(dut: Any) -> None:
    console = Console(dut, {})
    await console.reset()
    for address, strobe, port in (
        (COPY_POINTER, "copy_set", "cfg_copy_pointer"), (CLOCK_SET, "clock_set", "clock_set_seconds"),
    ):  # fmt: skip
        for number in range(1, 20):
            assert await console.write(address, number) == OKAY
            assert console.strobes[strobe] == number and int(getattr(dut, port).value) == number
        assert await console.write(address, 5, strobe=1) == SLVERR
        assert await console.read(address) == (19, OKAY) and console.strobes[strobe] == 19
