# SPDX-License-Identifier: Apache-2.0
"""write_window against a model in Python: when there is room for more write data, what counts, what is forgotten."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from typing import Any

import cocotb
from clocked import Clocked, number

WINDOW, QUIET = (int(os.environ[name]) for name in ("WINDOW", "QUIET"))
TASKS = 256
CHUNK = 65536


@dataclass
class Window:
    """Bytes of each task that has asked and is counted, of all that have asked; clocks of silence."""

    counted: dict[int, int] = field(default_factory=dict)
    asked: dict[int, int] = field(default_factory=dict)
    quiet: int = 0
    forgotten: int = 0

    @property
    def room(self) -> bool:
        return sum(self.counted.values()) < WINDOW

    def clock(self, ask: tuple[int, int] | None, ended: int | None) -> None:
        """One clock: a task asks for so many bytes, or what a task asked for has come."""
        if self.quiet == QUIET:
            self.counted.clear()
            self.quiet = 0
            self.forgotten += 1
        else:
            self.quiet = 0 if self.room or ended in self.counted else self.quiet + 1
        if ended is not None:
            self.counted.pop(ended, None)
            del self.asked[ended]
        if ask is not None:
            self.counted[ask[0]] = self.asked[ask[0]] = ask[1]


class Bench:
    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.clocked = Clocked(dut, self)
        self.model = Window()

    async def start(self) -> None:
        await self.clocked.start(**dict.fromkeys(("asked", "ended", "task_number", "bytes"), 0))

    async def step(self, ask: tuple[int, int] | None = None, ended: int | None = None) -> None:
        """One clock with these inputs; the room is that of the model, what is asked for in this clock included."""
        dut, model = self.dut, self.model
        task, size = ask or (ended or 0, 0 if ended is None else model.asked[ended])
        dut.asked.value, dut.ended.value = int(ask is not None), int(ended is not None)
        dut.task_number.value, dut.bytes.value = task, size
        await self.clocked.clock()
        model.clock(ask, ended)

    def drive(self) -> None:
        """Inputs are set by `step`."""

    def sample(self) -> None:
        asking = number(self.dut.bytes) if number(self.dut.asked) else 0
        assert number(self.dut.room) == (sum(self.model.counted.values()) + asking < WINDOW), f"{self.model}"


@cocotb.test()
async def equals_the_model(dut: Any) -> None:
    """Tasks ask and end at random, with long silences in between."""
    rng = random.Random(cocotb.RANDOM_SEED)
    bench = Bench(dut)
    await bench.start()
    model = bench.model
    fullest = 0
    for _ in range(200):
        silent = rng.random() < 0.2
        for _ in range(rng.randrange(1, 2 * QUIET if silent else 60)):
            ask = ended = None
            if model.room and rng.random() < 0.3:
                ask = rng.choice(sorted(set(range(TASKS)) - set(model.asked))), rng.choice((512, 4096, CHUNK, CHUNK))
            elif model.asked and not silent and rng.random() < 0.3:
                ended = rng.choice(sorted(model.asked))
            await bench.step(ask, ended)
            fullest = max(fullest, sum(model.counted.values()))
    assert model.forgotten > 5 and WINDOW <= fullest < WINDOW + CHUNK
    while model.asked:
        await bench.step(ended=next(iter(model.asked)))
    assert model.room and not model.counted


@cocotb.test()
async def silence_of_a_host(dut: Any) -> None:
    """A full window that nobody fills holds the others up for QUIET clocks, once; its late data disturb nothing."""
    bench = Bench(dut)
    await bench.start()
    gone = range(WINDOW // CHUNK)
    for task in gone:
        await bench.step(ask=(task, CHUNK))
    waited = 0
    while not bench.model.room:
        await bench.step()
        waited += 1
        assert waited <= QUIET + 2
    assert waited >= QUIET - 2
    for task in range(len(gone), len(gone) + 8):
        await bench.step(ask=(task, CHUNK))
        if task - len(gone) in gone:
            await bench.step(ended=task - len(gone))
        await bench.step(ended=task)
        assert bench.model.room, f"task {task} is held up again"
    assert not bench.model.asked and not bench.model.counted
