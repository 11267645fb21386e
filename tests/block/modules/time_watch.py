# SPDX-License-Identifier: Apache-2.0
"""The model beside `time_bench`, clock by clock, and the console and the engine that its tests play."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from clocked import Clocked, field, number

from portplex.bfm.pins import Pins
from portplex.model.schedule import ArrayClock, TimeSupervisor

TABLES = range(0x090, 0x0B0)
START_PREPARED = 4
ENTRY_CLOCKS = 45  # to look at an entry, divide, and move it on


@dataclass(frozen=True)
class Start:
    """A start the engine has taken: which job, when (seconds), and the time that was due."""

    job: int
    seconds: int
    due: int


class Watch:
    """Every output against the model in every clock; what the store has been told; the engine."""

    def __init__(self, dut: Any, rng: random.Random, schedules: int = 4) -> None:
        self.dut, self.rng, self.schedules = dut, rng, schedules
        self.clock = ArrayClock()
        self.model = TimeSupervisor(schedules)
        self.stored = dict.fromkeys(TABLES, 0)
        self.starts: list[Start] = []
        self.ready: Callable[[], bool] = lambda: True  # whether the engine takes a command now
        self.delay: Callable[[], int] = lambda: 3  # clocks from that to its answer
        self.verdict: Callable[[], int] = lambda: 0  # what it answers
        self.answers_in: int | None = None
        self.asked_before = False
        self.fired_due = 0  # time of the start that is under way
        self.job = 0
        self.idle_due = 0  # clocks in which something was due and nothing fired
        self.expected_strobes = (0, 0)
        self.writes = {False: 0, True: 0}
        self.refused = False
        self.now: dict[int, int] = {}  # the tables in this clock

    def drive(self) -> None:
        dut = self.dut
        ready = self.answers_in is None and self.ready()
        if ready and number(dut.job_valid):
            self.answers_in = self.delay()
        dut.job_ready.value = int(ready)
        dut.job_answer.value = int(self.answers_in == 0)
        dut.job_refused.value = self.verdict() if self.answers_in == 0 else 0xEE
        dut.read_valid.value = self.rng.randrange(2)
        dut.read_entry.value = self.rng.randrange(self.schedules)
        dut.read_field.value = self.rng.randrange(4)

    def outputs(self) -> dict[int, int]:
        """Tables 650 and 660 as the readers see them."""
        dut, found = self.dut, {}
        for base, names in ((0x090, ("control", "period")), (0x0A0, ("due", "last", "answer"))):
            for offset, name in enumerate(names):
                value = number(getattr(dut, f"schedule_{name}"))
                for entry in range(self.schedules):
                    found[base + 4 * entry + offset] = field(value, 32 * entry + 31, 32 * entry)
        return found

    def check_read(self, words: dict[int, int]) -> None:
        """What the read port says of one entry."""
        dut = self.dut
        entry, name = number(dut.read_entry), number(dut.read_field)
        expected = words[(0x090, 0x0A0, 0x091, 0x0A1)[name] + 4 * entry] if number(dut.read_valid) else 0
        assert number(dut.read_data) == expected, f"field {name} of entry {entry} reads {number(dut.read_data):#x}"

    def sample(self) -> None:
        dut, model = self.dut, self.model
        self.now = self.outputs()
        self.check_read(self.now)
        seconds = number(dut.seconds)
        assert seconds == self.clock.seconds, f"the clock says {seconds}, the model {self.clock.seconds}"
        self.note_stored()
        if number(dut.rst):
            self.reset()
        elif number(dut.write_ready):
            self.entries(seconds)
            self.engine(seconds)
            if number(dut.write_valid):
                taken = model.write(
                    number(dut.write_entry), number(dut.write_field), number(dut.write_data), self.clock.seconds
                )
                self.refused = bool(number(dut.write_refused))
                assert taken != self.refused, f"refused: {self.refused}, the model says {not taken}"
                self.writes[taken] += 1
                self.idle_due = 0  # an entry that is set anew is looked at anew
        else:
            assert not number(dut.job_valid), "asks before the entries are back"
        self.all_stored()
        if number(dut.tick):
            self.clock.tick(number(dut.cfg_ticks_per_second))
        if number(dut.set_valid):
            self.clock.set(number(dut.set_seconds))

    def reset(self) -> None:
        self.model.restore(self.stored)
        self.answers_in, self.asked_before, self.expected_strobes = None, False, (0, 0)
        self.idle_due = 0

    def entries(self, seconds: int) -> None:
        """What has changed since the last clock must be that one entry has fired."""
        model, now, before = self.model, self.now, self.model.words()
        if now != before:
            changed = {word >> 2 & 3 for word, value in now.items() if before[word] != value}
            assert len(changed) == 1, f"entries {changed} have changed by themselves"
            entry = changed.pop()
            moment = now[0x0A0 + 4 * entry + 1]
            self.fired_due = model.entries[entry].due
            self.job = model.fire(entry, moment)
            assert now == model.words(), f"entry {entry} fired: {now}, the model has {model.words()}"
            self.idle_due = 0
        self.idle_due = self.idle_due + 1 if model.due(seconds) else 0
        assert self.idle_due < len(model.entries) * ENTRY_CLOCKS, (
            f"{model.due(seconds)} due at {seconds}, nothing fires"
        )

    def engine(self, seconds: int) -> None:
        """One command for each time, after the store has the next one, and not again before its answer."""
        dut, model = self.dut, self.model
        asked = bool(number(dut.job_valid))
        strobes = (number(dut.stat_started), number(dut.stat_refused))
        assert strobes == self.expected_strobes, f"strobes {strobes}, due are {self.expected_strobes}"
        self.expected_strobes = (0, 0)
        taken = False
        if asked:
            assert model.pending is not None and (self.answers_in is None or number(dut.job_ready)), (
                "asks for nothing, or again"
            )
            assert number(dut.job_command) == START_PREPARED and number(dut.job_number) == self.job
            if not self.asked_before:
                control, due = (self.stored[base + 4 * model.pending] for base in (0x090, 0x0A0))
                assert not control & 1 or due > self.fired_due, "a reset now would make the time fire twice"
            taken = bool(number(dut.job_ready))
        else:
            assert not self.asked_before, "what it asks for went away"
        self.asked_before = asked and not taken
        if taken:
            self.starts.append(Start(self.job, seconds, self.fired_due))
        if self.answers_in is not None:
            if number(dut.job_answer):
                reason = number(dut.job_refused)
                model.answer(reason)
                self.expected_strobes = (int(reason == 0), int(reason != 0))
                self.answers_in = None
            else:
                self.answers_in -= 1

    def note_stored(self) -> None:
        """The store takes what comes with a reset, too."""
        dut = self.dut
        if number(dut.mis_taken) and number(dut.mis_write):
            address = number(dut.mis_addr)
            assert address in TABLES and address & 3 < (2 if address < 0x0A0 else 3), f"writes word {address:03x}h"
            self.stored[address] = number(dut.mis_wdata)
        if number(dut.window_valid) and number(dut.window_ready) and number(dut.window_write):
            self.stored[number(dut.window_addr)] = number(dut.window_wdata)

    def all_stored(self) -> None:
        """What is said to be in the store is there, once the outputs show every write and answer of this clock."""
        dut = self.dut
        if number(dut.status_stored) and not number(dut.rst):
            words = self.model.words()
            if self.now == words:
                assert words == {word: self.stored[word] for word in words}, "said to be stored, and is not"


class Desk:
    """A test's console: sets clock and entries, lets time pass, reads the store."""

    def __init__(self, dut: Any, rng: random.Random, schedules: int = 4) -> None:
        self.dut, self.rng = Pins(dut), rng
        self.watch = Watch(self.dut, rng, schedules)
        self.clocked = Clocked(dut, self.watch)

    async def start(self, seconds: int) -> None:
        inputs = "tick set_valid set_seconds write_valid write_entry write_field write_data job_ready job_answer"
        inputs += " read_valid read_entry read_field"
        window = "job_refused window_valid window_write window_addr window_wdata"
        self.clocked.models = []
        await self.clocked.start(cfg_ticks_per_second=1, **dict.fromkeys(f"{inputs} {window}".split(), 0))
        for word in TABLES:  # clock and store go on from test to test
            await self.write_store(word, 0)
        await self.set_clock(seconds)
        self.watch.clock.seconds = seconds
        self.clocked.models = [self.watch]
        await self.reset()

    async def loaded(self) -> None:
        """Until the entries are back from the store."""
        for _ in range(200):
            if number(self.dut.write_ready):
                return
            await self.clocked.clock()
        raise AssertionError("not ready 200 clocks after reset")

    async def reset(self, clocks: int = 3) -> None:
        self.dut.rst.value = 1
        await self.clocked.clocks(clocks)
        self.dut.rst.value = 0
        await self.loaded()

    async def set_clock(self, seconds: int) -> None:
        self.dut.set_valid.value, self.dut.set_seconds.value = 1, seconds
        await self.clocked.clock()
        self.dut.set_valid.value = 0

    async def write(self, entry: int, which: int, value: int) -> bool:
        """Set a field; False where that was refused."""
        dut = self.dut
        dut.write_entry.value, dut.write_field.value, dut.write_data.value = entry, which, value
        dut.write_valid.value = 1
        await self.clocked.clock()
        dut.write_valid.value = 0
        return not self.watch.refused

    async def schedule(self, entry: int, *, due: int, period: int = 0, job: int = 0) -> bool:
        """Turn an entry off, set it, turn it on; False where that was refused."""
        assert await self.write(entry, 0, job << 8)
        assert await self.write(entry, 1, due)
        assert await self.write(entry, 2, period)
        return await self.write(entry, 0, job << 8 | 1)

    async def second(self) -> None:
        self.dut.tick.value = 1
        await self.clocked.clock()
        self.dut.tick.value = 0

    async def quiet(self) -> None:
        """Until nothing is due, nothing is asked, and the store has it all."""
        for _ in range(2000):
            model = self.watch.model
            if not model.due(self.watch.clock.seconds) and model.pending is None and number(self.dut.status_stored):
                return
            await self.clocked.clock()
        raise AssertionError(f"not quiet after 2000 clocks: {self.watch.model.words()}")

    async def seconds(self, count: int) -> None:
        """Second by second, each with all that it starts."""
        for _ in range(count):
            await self.second()
            await self.quiet()

    async def read_store(self, word: int) -> int:
        dut = self.dut
        dut.window_valid.value, dut.window_write.value, dut.window_addr.value = 1, 0, word
        await self._window()
        for _ in range(3):
            if number(dut.window_rdata_valid):
                return number(dut.window_rdata)
            await self.clocked.clock()
        raise AssertionError("the store does not answer")

    async def write_store(self, word: int, value: int) -> None:
        dut = self.dut
        dut.window_valid.value, dut.window_write.value, dut.window_addr.value = 1, 1, word
        dut.window_wdata.value = value
        await self._window()

    async def _window(self) -> None:
        taken = False
        for _ in range(8):
            taken = await self._clock_and_taken()
            if taken:
                break
        assert taken, "the store does not take it"
        self.dut.window_valid.value = 0

    async def _clock_and_taken(self) -> bool:
        spy = _Spy(self.dut)
        self.clocked.models.append(spy)
        await self.clocked.clock()
        self.clocked.models.remove(spy)
        return spy.taken


class _Spy:
    """Whether the store has taken what the window asks in this clock."""

    def __init__(self, dut: Any) -> None:
        self.dut, self.taken = dut, False

    def drive(self) -> None:
        pass

    def sample(self) -> None:
        self.taken = bool(number(self.dut.window_ready))
