# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of management_registers by the generated map: access, reset values and ranges of everything there is.

The map comes from the same source as the hardware; bench_management_registers.py says by hand what some of it must be.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from typing import Any

import cocotb
from bench_management_registers import OKAY, SLVERR, Console
from cocotb.triggers import FallingEdge

from portplex.registers.model import RegisterInfo
from portplex.registers.register_map import DEFAULT_PARAMETERS, REGISTERS, Register

PARAMETERS = DEFAULT_PARAMETERS | json.loads(os.environ["PARAMETERS"])


def everything() -> Iterator[tuple[RegisterInfo, tuple[int, ...]]]:
    """Every register and element that exists."""
    for info in REGISTERS.values():
        for index in info.indices(PARAMETERS):
            yield info, index


def words(info: RegisterInfo, rng: random.Random) -> Iterator[int]:
    """Words at the edges of each field's range, words of random bits, and one bit more than the fields have."""
    fields = [field for field in info.fields if "w" in field.access]
    for field in fields:
        lowest, highest = field.minimum, field.limit(PARAMETERS)
        edges = {lowest, lowest + 1, lowest + field.step, highest - field.step, highest - 1, highest}
        edges |= {lowest - 1, highest + 1, rng.randint(lowest, highest), rng.getrandbits(field.width)}
        others = sum(max(f.reset, f.minimum) << f.low for f in fields if f is not field and not f.pulse)
        for value in sorted(edge for edge in edges if 0 <= edge < 1 << field.width):
            yield others | value << field.low
        if highest + 1 < 1 << 32 - field.low:
            yield others | highest + 1 << field.low
    yield from (rng.getrandbits(32), 1 << rng.randrange(32), 0, 0xFFFFFFFF)


def seen(info: RegisterInfo, word: int) -> int:
    """What a read gives after this word was written; what a unit keeps is what it shows, 0 here."""
    if info.command:
        return 0
    kept = [field for field in info.fields if field.access == "rw" and not field.pulse and not field.clears]
    return word & sum(field.mask for field in kept)


@cocotb.test()
async def reset_values_and_access(dut: Any) -> None:
    console = Console(dut, {})
    await console.reset()
    there = set()
    for info, index in everything():
        address = info.at(*index)
        there.add(address)
        value, answer = await console.read(address)
        assert answer == OKAY, f"{info.name}{index}"
        if info.access != "ro":
            assert value == info.reset, f"{info.name}{index} is {value:#x} after a reset"
    for address in range(0, 0x1000, 4):
        if address not in there:
            assert (await console.read(address))[1] == SLVERR, f"{address:04x} is in no register, and can be read"
            assert await console.write(address, 0) == SLVERR, f"{address:04x} is in no register, and can be written"


@cocotb.test()
async def ranges_are_checked(dut: Any) -> None:
    console = Console(dut, {})
    await console.reset()
    taken = refused = 0
    for info, index in everything():
        address = info.at(*index)
        now = info.reset if info.access == "rw" else 0
        for word in words(info, console.rng) if info.access != "ro" else (0, console.rng.getrandbits(32)):
            legal = info.legal(word, PARAMETERS)
            answer = await console.write(address, word)
            assert answer == (OKAY if legal else SLVERR), f"{info.name}{index} = {word:#x}: answer {answer}"
            assert await console.write(address, word, strobe=console.rng.randrange(15)) == SLVERR
            taken, refused = taken + legal, refused + (not legal)
            if info.access != "ro":
                now = seen(info, word) if legal else now
                assert await console.read(address) == (now, OKAY), f"{info.name}{index} after {word:#x}"
    assert taken > 100 and refused > 100


@cocotb.test()
async def interrupts(dut: Any) -> None:
    """Events stay until a 1 is written to their bit, one in that very clock as well; `irq` follows what is enabled."""
    console = Console(dut, {})
    await console.reset()
    rng = console.rng
    events = {"event_done": 0, "event_failed": 1} | {f"event_port_lost {p}": 2 + p for p in range(PARAMETERS["PORTS"])}
    pending = enabled = 0

    async def happen(chosen: int) -> None:
        dut.event_done.value, dut.event_failed.value = chosen & 1, chosen >> 1 & 1
        dut.event_port_lost.value = chosen >> 2
        await console.step()
        dut.event_done.value = dut.event_failed.value = dut.event_port_lost.value = 0

    for _ in range(200):
        chosen = rng.getrandbits(len(events))
        action = rng.randrange(3)
        if action == 0:
            await happen(chosen)
            pending |= chosen
        elif action == 1:
            assert await console.write(Register.INTERRUPT_STATUS, chosen) == OKAY
            pending &= ~chosen
        else:
            assert await console.write(Register.INTERRUPT_ENABLE, chosen) == OKAY
            enabled = chosen
        await console.step()
        assert bool(int(dut.irq.value)) == bool(pending & enabled), f"{pending=:b} {enabled=:b}"
        assert await console.read(Register.INTERRUPT_STATUS) == (pending, OKAY)
    assert await console.write(Register.INTERRUPT_ENABLE, 1) == OKAY

    async def clear(event_at: int | None) -> tuple[int, int]:
        """Clear a pending event, with another one in one clock; in which clock `irq` was low, and what is pending."""
        await happen(1)
        await console.step()
        rng.seed(1)  # each time in the same clocks
        low = 0

        async def watch() -> None:
            nonlocal low
            for clock in range(40):
                dut.event_done.value = int(clock == event_at)
                await FallingEdge(dut.clk)
                if not low and not int(dut.irq.value):
                    low = clock + 1

        watching = cocotb.start_soon(watch())
        assert await console.write(Register.INTERRUPT_STATUS, 1) == OKAY
        await watching
        return low, (await console.read(Register.INTERRUPT_STATUS))[0] & 1

    low, left = await clear(None)
    assert low and not left
    cleared = low - 2  # an event shown here meets the clear in the next clock; `irq` follows a clock later
    results = [(await clear(cleared + late))[1] for late in (-1, 0, 1)]
    assert results == [0, 1, 1], f"event before, in, after the clock of the clear: pending {results}"


@cocotb.test()
async def mirrored_words(dut: Any) -> None:
    """Each way in reaches both places, illegal values neither; a reset brings back what the store has."""
    console = Console(dut, {})
    await console.reset()
    mirrored = [(info, index) for info, index in everything() if info.mirrored]
    last: dict[tuple[str, tuple[int, ...]], int] = {}
    for info, index in mirrored:
        place = info.word(*index)
        for word in words(info, console.rng):
            legal = info.legal(word, PARAMETERS)
            way = console.rng.choice((info.at(*index), Register.STORE + 4 * place))
            assert await console.write(way, word) == (OKAY if legal else SLVERR), f"{info.name}{index} = {word:#x}"
            if legal:
                last[info.name, index] = word
            expected = last.get((info.name, index), info.reset)
            assert await console.read(info.at(*index)) == (expected, OKAY)
            assert await console.read(Register.STORE + 4 * place) == (expected, OKAY)
    for info, index in mirrored:  # zeros stay to the test of the blank store
        word = max(w for w in words(info, console.rng) if info.legal(w, PARAMETERS))
        assert await console.write(info.at(*index), word) == OKAY
        last[info.name, index] = word
    await console.reset(clock=False)
    for info, index in mirrored:
        assert await console.read(info.at(*index)) == (last[info.name, index], OKAY), f"{info.name}{index}"


@cocotb.test()
async def illegal_words_in_the_store(dut: Any) -> None:
    """After a reset a word that is not legal has given way to the reset value; legal words beside it stand."""
    mirrored = [(info, index) for info, index in everything() if info.mirrored]
    rng = random.Random(cocotb.RANDOM_SEED)
    store, expected = {}, {}
    for info, index in mirrored:
        choices = [word for word in words(info, rng) if word]
        word = rng.choice(choices)
        store[info.word(*index)] = word
        expected[info.at(*index)] = word if info.legal(word, PARAMETERS) else info.reset
    console = Console(dut, store)
    await console.reset()
    for info, index in mirrored:
        address = info.at(*index)
        assert await console.read(address) == (expected[address], OKAY), f"{info.name}{index}"
        assert store[info.word(*index)] == expected[address], f"{info.name}{index} in the store"
