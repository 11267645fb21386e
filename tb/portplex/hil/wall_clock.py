# SPDX-License-Identifier: Apache-2.0
"""An executor whose time is a clock on the wall: for FIP, whose periods a real host counts in real seconds, and for
Python hosts on a real Ethernet."""

from __future__ import annotations

import select
import time
from typing import Protocol, TypeVar

from portplex.executor import DeadlineExceeded, Future, VirtualExecutor

T = TypeVar("T")

WORD_NS = 4
WORDS_PER_SECOND = 1_000_000_000 // WORD_NS

_LONGEST_WAIT = 0.1  # seconds; output that could not be sent at once is tried again so often


class Source(Protocol):
    """Something from outside: a gateway, a socket for orders."""

    def poll(self, seconds: float = 0.0) -> int:
        """Handle what has come, waiting at most `seconds`; how much it was."""
        ...

    def filenos(self) -> list[int]:
        """File descriptors that become readable when there is something."""
        ...


class WallExecutor(VirtualExecutor):
    """An Executor in wall time: a word is 4 ns of a clock that never goes back, so that `FipTimes` holds as it is.

    Nothing runs by itself: whoever owns it calls `turn`, or `run`, which turns until a coroutine has ended. `sources`
    are polled in each turn.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[Source] = []
        self._start = time.monotonic_ns()

    def now(self) -> int:
        return (time.monotonic_ns() - self._start) // WORD_NS

    @staticmethod
    def words(seconds: float) -> int:
        return round(seconds * WORDS_PER_SECOND)

    def turn(self, seconds: float = 0.0) -> int:
        """Poll all sources and run what is due; wait at most `seconds` (never longer than 0.1) when there is nothing.
        The number of things the sources handed on."""
        if seconds > 0:
            self._wait(min(seconds, _LONGEST_WAIT))
        found = 0
        for source in self.sources:
            found += source.poll()
        limit = self.now()
        while self._step(limit):
            pass
        self._raise_unobserved()
        return found

    def _wait(self, seconds: float) -> None:
        following = self._timeline.next_time()
        if self._ready:
            return
        if following is not None:
            seconds = min(seconds, max(0, following - self.now()) / WORDS_PER_SECOND)
        select.select([number for source in self.sources for number in source.filenos()], [], [], seconds)

    def run_until(self, future: Future[T], deadline: int, what: str = "the future") -> T:
        """Turn until `future` is done; DeadlineExceeded at `deadline` (absolute, in words)."""
        future.observed = True
        while not future.done():
            left = deadline - self.now()
            if left < 0:
                raise DeadlineExceeded(what, deadline, f"word {self.now()} of wall time")
            self.turn(left / WORDS_PER_SECOND)
        return future.result()

    def run_for(self, words: int) -> None:
        """Turn for that long."""
        end = self.now() + words
        while (left := end - self.now()) > 0:
            self.turn(left / WORDS_PER_SECOND)
