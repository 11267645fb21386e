# SPDX-License-Identifier: Apache-2.0
"""cocotb test of registers that hand a write to a unit, of write strobes, of store words that another unit keeps."""

from __future__ import annotations

from typing import Any

import cocotb
from bench_management_registers import OKAY, SLVERR, Console

JOB, VALUE, ENTRY, WINDOW = 0x0360, 0x0364, 0x0380, 0x1000
UNITS = ("job", "entry")


class Units(Console):
    """The console, and units that take a command after a while, answer later, and refuse some."""

    def __init__(self, dut: Any, store: dict[int, int]) -> None:
        super().__init__(dut, store)
        self.commands: list[tuple[str, int, int]] = []
        self.asked = ""
        self.refuse = 0
        self.sets = 0

    async def reset(self, clock: bool = True) -> None:
        for unit in UNITS:
            for signal in ("ready", "answer", "refused"):
                getattr(self.dut, f"{unit}_{signal}").value = 0
        self.dut.entry_value.value = self.dut.entry_last.value = 0
        await super().reset(clock)

    async def step(self) -> None:
        dut = self.dut
        for unit in UNITS:
            getattr(dut, f"{unit}_answer").value = 0
            getattr(dut, f"{unit}_ready").value = 0
        if self.asked:
            if self.rng.random() < 0.3:
                getattr(dut, f"{self.asked}_answer").value = 1
                getattr(dut, f"{self.asked}_refused").value = self.refuse
                self.asked = ""
        else:
            for unit in UNITS:
                if int(getattr(dut, f"{unit}_valid").value) and self.rng.random() < 0.5:
                    getattr(dut, f"{unit}_ready").value = 1
                    self.commands.append((unit, int(dut.command_address.value), int(dut.command_data.value)))
                    self.asked = unit
        await super().step()
        self.sets += int(dut.test_set.value)


@cocotb.test()
async def commands_are_answered(dut: Any) -> None:
    store: dict[int, int] = {}
    console = Units(dut, store)
    await console.reset()
    for number in range(40):
        console.commands, console.refuse = [], console.rng.choice((0, 0, 1, 0x80))
        entry = number % 4
        cases = (("job", JOB, number % 6), ("entry", ENTRY + 16 * entry, console.rng.getrandbits(32)))
        unit, address, word = cases[console.rng.randrange(2)]
        way = WINDOW + 4 * (0x90 + 4 * entry) if unit == "entry" and console.rng.random() < 0.5 else address
        expected = SLVERR if console.refuse else OKAY
        assert await console.write(way, word) == expected, f"{unit}, refused {console.refuse:#x}"
        assert console.commands == [(unit, address, word)], "the unit is asked once, by the register's own address"
    console.commands, console.refuse = [], 0
    before = dict(store)
    for address, word in ((JOB, 6), (JOB, 256), (ENTRY + 4, 0), (WINDOW + 4 * 0xA4, 0)):
        assert await console.write(address, word) == SLVERR, f"{address:04x} took {word}"
    assert await console.write(JOB, 1, strobe=7) == SLVERR
    assert not console.commands, "the unit was asked although the write is not legal"
    assert store == before, "a word that a unit keeps was written by the registers"


@cocotb.test()
async def values_of_units_are_read(dut: Any) -> None:
    store = {0x94: 77, 0xA8: 88, 0x91: 99}
    console = Units(dut, store)
    await console.reset()
    values = [console.rng.getrandbits(32) for _ in range(8)]
    dut.entry_value.value = sum(value << 32 * n for n, value in enumerate(values[:4]))
    dut.entry_last.value = sum(value << 32 * n for n, value in enumerate(values[4:]))
    for n in range(4):
        assert await console.read(ENTRY + 16 * n) == (values[n], OKAY)
        assert await console.read(ENTRY + 16 * n + 4) == (values[4 + n], OKAY)
    for word, value in store.items():
        if word < 0xB0:
            assert await console.read(WINDOW + 4 * word) == (value, OKAY), "the window shows what the store has"
    assert await console.write(WINDOW + 4 * 0x91, 5) == OKAY and store[0x91] == 5, "a word that is no register's"
    assert await console.read(JOB) == (0, OKAY)


@cocotb.test()
async def write_strobe_comes_with_the_value(dut: Any) -> None:
    console = Units(dut, {})
    await console.reset()
    for number in range(1, 20):
        assert await console.write(VALUE, number) == OKAY
        assert console.sets == number and int(dut.test_value.value) == number
    assert await console.write(VALUE, 5, strobe=1) == SLVERR
    assert await console.read(VALUE) == (19, OKAY) and console.sets == 19
