# SPDX-License-Identifier: Apache-2.0
"""load_monitor against LoadWindow: tables, windows, what reaches the management information store."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import cocotb
from clocked import Clocked, number

from portplex.model.load import LIMIT, Command, ControllerLoad, LoadWindow, PortLoad, controller_load

PORTS = int(os.environ["PORTS"])
TABLE = 0x040
WINDOWS = 1000
READ = Command(write=False, volume=3, lba=1000, blocks=8)


class Store:
    """The store's side of the client: takes a word when `ready` says so, and keeps what was written."""

    def __init__(self, dut: Any, rng: random.Random) -> None:
        self.dut, self.rng = dut, rng
        self.ready = 1.0  # how often
        self.written: list[tuple[int, int]] = []

    def drive(self) -> None:
        self.dut.mis_ready.value = int(self.rng.random() < self.ready)

    def sample(self) -> None:
        if number(self.dut.mis_valid) and number(self.dut.mis_ready):
            assert number(self.dut.mis_write)
            self.written.append((number(self.dut.mis_addr), number(self.dut.mis_wdata)))


class Bench:
    """Each clock goes to the module and to the models, and their tables are compared after it."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.store = Store(dut, self.rng)
        self.clocked = Clocked(dut, self.store)
        self.forget()
        self.window = 1

    def forget(self) -> None:
        self.ports = [LoadWindow() for _ in range(PORTS)]
        self.loads = [PortLoad()] * PORTS
        self.history: list[ControllerLoad] = [ControllerLoad()]  # totals by count of windows
        self.ticks = 0

    async def start(self, window: int) -> None:
        names = "tick command command_write command_volume command_lba command_blocks mis_ready"
        await self.clocked.start(**dict.fromkeys(names.split(), 0), cfg_load_window=window)
        self.window = window
        await self.step()

    def set_window(self, ticks: int) -> None:
        self.window = self.dut.cfg_load_window.value = ticks

    async def step(self, commands: Mapping[int, Command] | None = None, *, tick: bool = False) -> bool:
        """One clock with these commands by port; whether it was the last one of a window."""
        dut, commands = self.dut, commands or {}
        dut.tick.value = int(tick)
        dut.command.value = sum(1 << port for port in commands)
        if commands:
            dut.command_write.value = sum(int(c.write) << port for port, c in commands.items())
            dut.command_volume.value = sum(c.volume << 4 * port for port, c in commands.items())
            dut.command_lba.value = sum(c.lba << 32 * port for port, c in commands.items())
            dut.command_blocks.value = sum(c.blocks << 32 * port for port, c in commands.items())
        await self.clocked.clock()
        for port, command in commands.items():
            self.ports[port].command(command)
        self.ticks += tick
        last = tick and self.ticks >= self.window
        if last:
            self.ticks = 0
            self.loads = [port.end() for port in self.ports]
            self.history.append(controller_load(self.loads))
        self.compare(last)
        return last

    def compare(self, last: bool) -> None:
        dut = self.dut
        io, amount, sequential = number(dut.load_io), number(dut.load_amount), number(dut.load_sequential)
        seen = [
            PortLoad(io >> 32 * p & LIMIT, amount >> 32 * p & LIMIT, bool(sequential >> p & 1)) for p in range(PORTS)
        ]
        assert seen == self.loads, f"window {len(self.history) - 1}: {seen} instead of {self.loads}"
        assert ControllerLoad(number(dut.controller_io), number(dut.controller_amount)) == self.history[-1]
        assert number(dut.load_windows) == len(self.history) - 1
        assert number(dut.window_end) == last

    async def end_window(self) -> None:
        for _ in range(max(self.window, 1)):
            if await self.step(tick=True):
                return
        raise AssertionError(f"no end of the window in {self.window} ticks")

    async def drain(self) -> None:
        for _ in range(1000):
            if not number(self.dut.mis_valid):
                await self.step()
                if not number(self.dut.mis_valid):
                    return
            await self.step()
        raise AssertionError("the store still gets words after 1000 clocks")

    def stored_windows(self) -> list[int]:
        """Counts of the windows in the store, in order; each must come as a whole and be the model's."""
        written, counts = self.store.written, []
        assert len(written) % 3 == 0
        for (a, io), (b, amount), (c, count) in zip(written[::3], written[1::3], written[2::3], strict=True):
            assert (a, b, c) == (TABLE, TABLE + 1, TABLE + 2)
            assert ControllerLoad(io, amount) == self.history[count], f"window {count}"
            counts.append(count)
        assert counts == sorted(set(counts)), "each window once, in order"
        return counts


class Host:
    """Commands of one port: most go on where the last one ended, some break off in one way, some are huge."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.last = READ

    def command(self) -> Command:
        rng, last = self.rng, self.last
        lba = last.lba + last.blocks
        command = replace(last, lba=lba & LIMIT, blocks=rng.choice((0, 1, 8, 128, 65535)))
        what = rng.randrange(12)
        if what == 0:
            command = replace(command, lba=rng.choice((lba + 1, lba - 1, rng.getrandbits(32))) & LIMIT)
        elif what == 1:
            command = replace(command, volume=rng.randrange(16))
        elif what == 2:
            command = replace(command, write=not command.write)
        elif what == 3:
            command = replace(command, blocks=rng.getrandbits(rng.choice((20, 23, 32))))
        elif what == 4:
            command = replace(command, lba=LIMIT - rng.randrange(200))
        self.last = command
        return command


@cocotb.test()
async def thousand_random_windows_equal_the_model(dut: Any) -> None:
    bench = Bench(dut)
    rng, hosts = bench.rng, [Host(bench.rng) for _ in range(PORTS)]
    await bench.start(4)
    sequential = busy = full = 0
    while len(bench.history) <= WINDOWS:
        bench.set_window(rng.choice((0, 1, 2, 3, 5, 8)))
        bench.store.ready = rng.choice((0.1, 0.5, 1.0))
        rates = [rng.choice((0.0, 0.05, 0.5, 1.0)) for _ in range(PORTS)]
        beat = rng.choice((1, 2, 5))  # clocks in a tick
        last = False
        while not last:
            commands = {p: hosts[p].command() for p in range(PORTS) if rng.random() < rates[p]}
            last = await bench.step(commands, tick=rng.randrange(beat) == 0)
        sequential += sum(load.sequential for load in bench.loads)
        busy += sum(load.io > 0 for load in bench.loads)
        full += sum(load.amount == LIMIT for load in bench.loads)
    bench.store.ready = 1.0
    await bench.drain()
    stored = bench.stored_windows()
    assert stored[-1] == WINDOWS and len(stored) > WINDOWS // 10
    dut._log.info(f"{WINDOWS} windows: {busy} port windows with I/O, {sequential} sequential, {full} at the limit")
    assert min(busy, sequential, full, busy - sequential) > WINDOWS // 50, "the stimulus is one-sided"


@cocotb.test()
async def read_counts_once_and_write_four_times(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start(2)
    await bench.step({0: READ})
    await bench.step({0: replace(READ, write=True, blocks=3)})
    await bench.end_window()
    assert bench.loads[0] == PortLoad(io=2, amount=8 * 512 + 4 * 3 * 512, sequential=False)


@cocotb.test()
async def sequential_needs_volume_direction_and_place(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start(1)
    following = replace(READ, lba=READ.lba + READ.blocks)
    for second, sequential in (
        (following, True),
        (replace(following, blocks=0), True),
        (replace(following, volume=2), False),
        (replace(following, write=True), False),
        (replace(following, lba=following.lba + 1), False),
        (replace(following, lba=following.lba - 1), False),
        (READ, False),
    ):
        await bench.step({0: READ})
        await bench.step({0: second})
        await bench.end_window()
        assert bench.loads[0].sequential is sequential, second


@cocotb.test()
async def end_of_the_address_space_is_not_followed_by_its_beginning(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start(1)
    await bench.step({0: replace(READ, lba=LIMIT - 7, blocks=8)})
    await bench.step({0: replace(READ, lba=0)})
    await bench.end_window()
    assert not bench.loads[0].sequential


@cocotb.test()
async def the_latest_command_tells_the_access(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start(1)
    await bench.step({0: READ})
    await bench.end_window()
    assert not bench.loads[0].sequential, "no command came before the first"
    await bench.step({0: replace(READ, lba=1008)})
    await bench.end_window()
    assert bench.loads[0].sequential, "the previous command is remembered from window to window"
    await bench.step({0: replace(READ, lba=1016)})
    await bench.step({0: READ})
    await bench.end_window()
    assert not bench.loads[0].sequential
    await bench.step({0: replace(READ, lba=1008)})
    await bench.end_window()
    await bench.end_window()
    assert bench.loads[0] == PortLoad(), "a window without a command is random"
    await bench.step({0: replace(READ, lba=1016)})
    await bench.end_window()
    assert bench.loads[0].sequential, "the previous command is remembered over an empty window"


@cocotb.test()
async def ports_are_counted_apart(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start(1)
    for port in range(PORTS):
        await bench.step({p: replace(READ, lba=1000 + 8 * port) for p in range(port, PORTS)})
    await bench.step(tick=True)
    assert [load.io for load in bench.loads] == list(range(1, PORTS + 1))
    assert bench.history[-1].io == PORTS * (PORTS + 1) // 2


@cocotb.test()
async def amounts_stop_at_the_largest_number(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start(1)
    blocks = (1 << 21) - 1  # 2048 bytes a block written: 2^32 - 2048
    for length, amount in ((blocks, LIMIT - 2047), (blocks + 1, LIMIT), (LIMIT, LIMIT)):
        await bench.step({p: replace(READ, write=True, blocks=length) for p in range(PORTS)})
        await bench.end_window()
        assert [load.amount for load in bench.loads] == [amount] * PORTS
        assert bench.history[-1].amount == min(PORTS * amount, LIMIT)
    for _ in range(3):
        await bench.step({0: replace(READ, write=True, blocks=blocks)})
    await bench.end_window()
    assert bench.loads[0] == PortLoad(io=3, amount=LIMIT, sequential=False)


@cocotb.test()
async def numbers_of_io_stop_at_the_largest_number(dut: Any) -> None:
    """No test gives 2^32 commands: the count of the window under way is set."""
    bench = Bench(dut)
    await bench.start(100)
    for missing in (4, 1, 0):
        dut.io_reg.value = sum((LIMIT - missing - port) << 32 * port for port in range(PORTS))
        for port, window in enumerate(bench.ports):
            window.io = LIMIT - missing - port
        for _ in range(3):
            await bench.step(dict.fromkeys(range(PORTS), READ))
        await bench.end_window()
        assert [load.io for load in bench.loads] == [min(LIMIT, LIMIT - missing - p + 3) for p in range(PORTS)]
        assert bench.history[-1].io == (LIMIT if PORTS > 1 or missing <= 3 else LIMIT - 1)
        await bench.end_window()
        assert bench.loads == [PortLoad()] * PORTS, "the next window begins at 0"
    await bench.drain()
    assert bench.stored_windows() == [1, 2, 3, 4, 5, 6]


@cocotb.test()
async def a_command_in_the_last_clock_belongs_to_the_window(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start(2)
    await bench.step(tick=True)
    assert await bench.step({0: READ}, tick=True)
    assert bench.loads[0].io == 1
    await bench.step({0: READ})  # and one in the next clock to the next
    await bench.end_window()
    assert bench.loads[0].io == 1


@cocotb.test()
async def the_length_of_a_window_may_change(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start(100)
    for _ in range(50):
        assert not await bench.step({0: READ}, tick=True)
    bench.set_window(20)
    assert await bench.step(tick=True), "longer than the new length: it ends with the next tick"
    assert bench.loads[0].io == 50
    bench.set_window(0)
    assert await bench.step(tick=True), "0 is one tick"
    bench.set_window(65535)
    for _ in range(300):
        assert not await bench.step(tick=True)


@cocotb.test()
async def totals_reach_the_store(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start(6)
    for count in range(5):
        for port in range(PORTS):
            await bench.step({port: replace(READ, blocks=count + 1, write=port == 1)})
        await bench.end_window()
    await bench.drain()
    assert bench.stored_windows() == [1, 2, 3, 4, 5], "a store with time for it gets every window"


@cocotb.test()
async def a_slow_store_gets_whole_windows(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start(1)
    for taken in range(3):  # the store stops before each word of a window
        bench.store.ready = 0.0
        await bench.step({0: READ}, tick=True)
        bench.store.ready = 1.0
        for _ in range(taken + 1):
            await bench.step()
        bench.store.ready = 0.0
        for _ in range(4):
            await bench.step({0: READ}, tick=True)
        bench.store.ready = 1.0
        await bench.drain()
        assert bench.stored_windows()[-2:] == [5 * taken + 1, 5 * taken + 5], "the one begun, then the newest"


@cocotb.test()
async def reset_forgets(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start(2)
    await bench.step(dict.fromkeys(range(PORTS), READ))
    await bench.end_window()
    await bench.step({p: replace(READ, lba=1008) for p in range(PORTS)}, tick=True)
    dut.rst.value = 1
    bench.store.ready = 0.0
    await bench.clocked.clocks(2)
    dut.rst.value = 0
    bench.forget()
    bench.store.written.clear()
    bench.store.ready = 1.0
    await bench.step()
    await bench.step({p: replace(READ, lba=1016) for p in range(PORTS)})
    await bench.end_window()
    assert bench.loads == [PortLoad(1, 4096, False)] * PORTS, "and the previous command with it"
    await bench.drain()
    assert bench.stored_windows() == [1]
