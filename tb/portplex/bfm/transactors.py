# SPDX-License-Identifier: Apache-2.0
"""The one place where HDL wakes Python: events of all transactors are taken from the C library and handed out."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import ClassVar, Protocol

import cocotb
from cocotb.handle import LogicObject
from cocotb.simtime import get_sim_time
from cocotb.task import Task
from cocotb.triggers import ValueChange

from portplex.bfm.library import Event, Kind, Library, library

RECORD_VARIABLE = "PORTPLEX_RECORD"
"""Environment variable with the file that a run is recorded in, for bench/plain_loop.cpp to replay without Python."""

AXIL = Kind.AXIL.value  # to look up an enum's member takes longer than to compare it


class BenchTop(Protocol):
    """The top of a bench with transactors: `wake` is clock_source's output, brought out as a port."""

    wake: LogicObject


class Transactors:
    """All transactors of a simulation. Make one before its FcPorts and AxiLites; it starts itself.

    `wakes` counts how often Python ran; with nothing arriving it does not move. A test may have one; a second one is a
    RuntimeError. With PORTPLEX_RECORD set the run is recorded in that file.
    """

    _running: ClassVar[Task[None] | None] = None

    def __init__(self, top: BenchTop, *, period_ns: int = 4) -> None:
        if Transactors._running is not None and not Transactors._running.done():
            raise RuntimeError("this test already has a Transactors; only one can take the events")
        self.library: Library = library()
        self.log = logging.getLogger("portplex.bfm")
        self.wakes = 0
        self.period_ns = period_ns
        self._zero = -1
        self._wake = top.wake
        self._ports: dict[int, Callable[[Event], None]] = {}
        self._masters: dict[int, Callable[[Event], None]] = {}
        self.library.drain()  # left over from a test before this one
        recording = os.environ.get(RECORD_VARIABLE)
        if recording and Transactors._running is None:
            self.library.record(recording)
        Transactors._running = cocotb.start_soon(self._run())

    def now(self) -> int:
        """Words since the first reset ended (0 before). Costs one call into the simulator (time step 1 ns)."""
        if self._zero < 0:
            self._zero = self.library.time_zero()
            if self._zero < 0:
                return 0
        return (get_sim_time("step") - self._zero) // self.period_ns

    def reset(self, clocks: int = 16) -> None:
        """Ask clock_source for a reset of `clocks` clocks; every transactor flushes and says so."""
        if clocks < 1:
            raise ValueError(f"clocks={clocks}: must be at least 1")
        self.library.reset_push(clocks)

    def attach_port(self, number: int, deliver: Callable[[Event], None]) -> None:
        self._attach(self._ports, "port", number, deliver)

    def attach_master(self, number: int, deliver: Callable[[Event], None]) -> None:
        self._attach(self._masters, "AXI4-Lite master", number, deliver)

    def _attach(
        self, table: dict[int, Callable[[Event], None]], what: str, number: int, deliver: Callable[[Event], None]
    ) -> None:
        if not 0 <= number <= 255:
            raise ValueError(f"{what} {number}: must be 0 to 255")
        if number in table:
            raise ValueError(f"{what} {number}: already has a Python half")
        table[number] = deliver

    async def _run(self) -> None:
        change = ValueChange(self._wake)
        self.drain()
        while True:
            await change
            self.wakes += 1
            self.drain()

    def drain(self) -> None:
        """Hand out what waits in the C library."""
        for event in self.library.drain():
            deliver = (self._masters if event.kind == AXIL else self._ports).get(event.source)
            if deliver is not None:
                deliver(event)
