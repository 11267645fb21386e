# SPDX-License-Identifier: Apache-2.0
"""The pump: lets a simulation and the world outside take turns.

A coroutine of the simulation polls the sources of a `WallExecutor` every `poll_words` words. When the simulation has
nothing to do it blocks in `select` instead, and simulated time stands still until something comes.

Two clocks. Array, link, Python N_Ports and switch count words of simulated time: none of their timers can expire while
the simulation is paused or slow. FIP (advertisements, keep-alives, rate limit) follows the wall, as the hosts do.
"""

from __future__ import annotations

import time
from typing import Protocol

from portplex.executor import Executor, sleep
from portplex.framelink import Frame
from portplex.hil.wall_clock import WallExecutor
from portplex.model.frame_rules import Direction

POLL_WORDS = 1_000
SETTLE_WORDS = 4_000
LOOK_POLLS = 50


class Simulation(Protocol):
    """What the pump asks of the simulation."""

    @property
    def executor(self) -> Executor: ...

    def pending(self) -> bool:
        """Is there something that only simulated time can carry on: a frame or an access queued, a coroutine that
        waits for words?"""
        ...

    async def idle(self) -> bool:
        """Ask the device: has it nothing to do? Called when no frame has passed for a while, and now and then."""
        ...


class Pump:
    """`run()` is a coroutine of the simulation and ends after `stop()`. Put `observe` into the device's taps.

    `paused` says whether simulated time stands still; `pauses` counts.
    """

    def __init__(
        self,
        simulation: Simulation,
        wall: WallExecutor,
        *,
        poll_words: int = POLL_WORDS,
        settle_words: int = SETTLE_WORDS,
    ) -> None:
        if poll_words < 1:
            raise ValueError(f"poll_words = {poll_words}: must be 1 at least")
        self.simulation = simulation
        self.wall = wall
        self.poll_words = poll_words
        self.settle_words = settle_words
        self.paused = False
        self.stopped = False
        self._started = time.monotonic()
        self._paused_at = 0.0
        self._paused_seconds = 0.0
        self.pauses = 0
        self.polls = 0
        self._active = True

    def observe(self, frame: Frame, direction: Direction) -> None:
        """A frame has passed the device's port."""
        self._active = True

    def stop(self) -> None:
        self.stopped = True

    @property
    def seconds(self) -> tuple[float, float]:
        """Wall time since `run` began: in which simulated time passed, and in which it stood still."""
        now = time.monotonic()
        still = self._paused_seconds + (now - self._paused_at if self.paused else 0.0)
        return now - self._started - still, still

    async def run(self) -> None:
        simulation, executor = self.simulation, self.simulation.executor
        self._started = time.monotonic()
        last = executor.now()
        while not self.stopped:
            await sleep(executor, self.poll_words)
            self.polls += 1
            if self.wall.turn():
                self._active = True
            settled = not self._active and executor.now() - last >= self.settle_words
            if self._active:
                last = executor.now()
            self._active = False
            if settled or self.polls % LOOK_POLLS == 0:
                idle = await simulation.idle()
                if settled and idle:
                    self._pause()

    def _pause(self) -> None:
        """Stand still until something comes in, or a timer of the wall puts something into the simulation; at once back
        when that has happened already."""
        self._paused_at = time.monotonic()
        self.paused = True
        self.pauses += 1
        while not (self.stopped or self._active or self.simulation.pending()):
            self._active = bool(self.wall.turn(1.0))
        self.paused = False
        self._paused_seconds += time.monotonic() - self._paused_at
