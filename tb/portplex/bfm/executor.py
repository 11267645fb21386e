# SPDX-License-Identifier: Apache-2.0
"""The executor under cocotb: same protocol as `VirtualExecutor`, time from the simulator, one pending Timer for the
whole heap."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

import cocotb
from cocotb.simtime import convert, get_sim_time
from cocotb.triggers import Event, Timer

from portplex.executor import Future, Handle, Timeline

T = TypeVar("T")

WORD_NS = 4  # period of the word clock in every bench


class CocotbFuture(Future[T]):
    """A future that cocotb tasks can await, any number of them."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, T]:
        if not self._done:
            event = Event()
            self.add_done_callback(lambda _: event.set())
            yield event.wait()
        return self.result()


class CocotbExecutor:
    """Runs actions and coroutines inside a cocotb test.

    `clock` gives the time in words; the default derives it from simulator time and `word_ns`. Pass a transactor's
    counter where times are compared with the start and end of frames.
    """

    def __init__(self, *, word_ns: int = WORD_NS, clock: Callable[[], int] | None = None) -> None:
        self._word_steps = steps = int(convert(word_ns, "ns", to="step"))
        self._clock = clock or (lambda: int(get_sim_time("step")) // steps)
        self._timeline = Timeline()
        self._due: deque[Callable[[], None]] = deque()
        self._draining = False
        self._starting = 0  # coroutines that have not made their first step
        self._armed: set[int] = set()  # times at which a sleeping task will look at the heap
        self._earliest: int | None = None

    def now(self) -> int:
        return self._clock()

    def call_at(self, time: int, action: Callable[[], None]) -> Handle:
        now = self._clock()
        if time <= now:
            handle = Handle(now, action)
            self._due.append(lambda: handle.action() if handle.action is not None else None)
            if not self._draining:
                self._draining = True
                cocotb.start_soon(self._drain())
            return handle
        handle = self._timeline.add(time, action)
        if self._earliest is None or time < self._earliest:
            self._arm(now)
        return handle

    def future(self) -> Future[Any]:
        return CocotbFuture()

    def start(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        task: Future[T] = CocotbFuture()

        async def run() -> None:
            self._starting -= 1
            try:
                result = await coroutine
            except Exception as error:
                task.set_exception(error)
                if not task.observed:
                    raise
            else:
                task.set_result(result)

        self._starting += 1
        cocotb.start_soon(run())
        return task

    def busy(self) -> bool:
        return bool(self._due) or self._starting > 0 or self._timeline.next_time() is not None

    def _arm(self, now: int) -> None:
        """See to it that a task wakes at the head of the heap. An earlier head than the one armed gets a task of its
        own; the other task finds nothing due later, which costs one wake-up and saves a cancellation."""
        self._earliest = time = self._timeline.next_time()
        if time is not None and time not in self._armed:
            self._armed.add(time)
            cocotb.start_soon(self._sleep(time, time - now))

    async def _sleep(self, time: int, words: int) -> None:
        await Timer(words * self._word_steps, unit="step")
        self._armed.discard(time)
        now = max(self._clock(), time)
        while (following := self._timeline.next_time()) is not None and following <= now:
            self._timeline.pop()()
        self._arm(now)

    async def _drain(self) -> None:
        while self._due:
            self._due.popleft()()
        self._draining = False
