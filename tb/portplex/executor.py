# SPDX-License-Identifier: Apache-2.0
"""Time and waiting, without a simulator: the `Executor` protocol, `Future`, and `VirtualExecutor`.

Time is an `int` number of words (clocks) since reset. Everything in `fabric/` and `nport/` is written against
`Executor`; under a simulator it runs on `bfm/executor.py`, in unit tests on `VirtualExecutor`, which jumps from event
to event.

Every wait has a deadline. `wait_for` and `VirtualExecutor.run_until` raise `DeadlineExceeded`, which says what was
waited for and what was last seen.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")


class DeadlineExceeded(Exception):
    """A wait ran into its deadline.

    `what` names the thing waited for, `deadline` is the time in words at which the wait was given up, `last_seen` is
    the last sign of life.
    """

    def __init__(self, what: str, deadline: int, last_seen: str) -> None:
        super().__init__(f"waited for {what} until word {deadline}; last seen: {last_seen}")
        self.what = what
        self.deadline = deadline
        self.last_seen = last_seen


class Handle:
    """One action on the time line; `cancel()` takes it off, at any time and more than once."""

    __slots__ = ("action", "time")

    def __init__(self, time: int, action: Callable[[], None]) -> None:
        self.time = time
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        self.action = None


class Timeline:
    """Actions in order of time, first come first served within one time."""

    __slots__ = ("_count", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Handle]] = []
        self._count = 0

    def add(self, time: int, action: Callable[[], None]) -> Handle:
        handle = Handle(time, action)
        self._count += 1
        heapq.heappush(self._heap, (time, self._count, handle))
        return handle

    def next_time(self) -> int | None:
        """Time of the next action not cancelled, or None."""
        heap = self._heap
        while heap and heap[0][2].action is None:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def pop(self) -> Callable[[], None]:
        """The next action; ask `next_time` first."""
        action = heapq.heappop(self._heap)[2].action
        assert action is not None
        return action


class Future(Generic[T]):
    """A value that comes later, awaitable in a coroutine started by the executor that made it.

    Reading `result()` before it is there, or setting it twice, raises RuntimeError.
    """

    __slots__ = ("_callbacks", "_done", "_exception", "_result", "observed")

    def __init__(self) -> None:
        self._done = False
        self._result: T | None = None
        self._exception: BaseException | None = None
        self._callbacks: list[Callable[[Future[T]], None]] = []
        self.observed = False  # somebody waits for it, or has read it

    def done(self) -> bool:
        return self._done

    def result(self) -> T:
        if not self._done:
            raise RuntimeError("the result of this future is not there yet")
        self.observed = True
        if self._exception is not None:
            raise self._exception
        return self._result  # type: ignore[return-value]

    def exception(self) -> BaseException | None:
        """The exception it ended with, or None."""
        if not self._done:
            raise RuntimeError("the result of this future is not there yet")
        self.observed = True
        return self._exception

    def set_result(self, value: T) -> None:
        self._finish(value, None)

    def set_exception(self, exception: BaseException) -> None:
        self._finish(None, exception)

    def _finish(self, value: T | None, exception: BaseException | None) -> None:
        if self._done:
            raise RuntimeError("this future has its result already")
        self._done = True
        self._result = value
        self._exception = exception
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)

    def add_done_callback(self, callback: Callable[[Future[T]], None]) -> None:
        """Call `callback(self)` when done; at once when it is done already."""
        self.observed = True
        if self._done:
            callback(self)
        else:
            self._callbacks.append(callback)

    def __await__(self) -> Generator[Any, None, T]:
        if not self._done:
            self.observed = True
            yield self
        return self.result()


class Executor(Protocol):
    """Where actions and coroutines run."""

    def now(self) -> int:
        """Words since reset."""
        ...

    def call_at(self, time: int, action: Callable[[], None]) -> Handle:
        """Run `action` at `time`; a time that is not in the future means as soon as possible, after what runs now."""
        ...

    def future(self) -> Future[Any]: ...

    def start(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine; its first step runs soon, not inside this call. A failure nobody waits for is raised by the
        executor."""
        ...

    def busy(self) -> bool:
        """Is anything left to run, now or at a later time? A coroutine that waits for a future nobody times does not
        count."""
        ...


async def wait_for(
    executor: Executor, future: Future[T], timeout: int, what: str, last_seen: Callable[[], str] = lambda: "nothing"
) -> T:
    """The result of `future`, or DeadlineExceeded after `timeout` words. The future itself stays open then."""
    if future.done():
        return future.result()
    deadline = executor.now() + timeout
    waiter: Future[T] = executor.future()

    def expire() -> None:
        if not waiter.done():
            waiter.set_exception(DeadlineExceeded(what, deadline, last_seen()))

    def finish(done: Future[T]) -> None:
        if waiter.done():
            return
        exception = done.exception()
        if exception is not None:
            waiter.set_exception(exception)
        else:
            waiter.set_result(done.result())

    handle = executor.call_at(deadline, expire)
    future.add_done_callback(finish)
    try:
        return await waiter
    finally:
        handle.cancel()


async def sleep(executor: Executor, words: int) -> None:
    """Let `words` words pass (at least one)."""
    future: Future[None] = executor.future()
    executor.call_at(executor.now() + max(words, 1), lambda: future.set_result(None))
    await future


class VirtualExecutor:
    """Discrete events in pure Python: time jumps to the next action. Deterministic: no clock, no threads, no hash
    order."""

    def __init__(self) -> None:
        self._now = 0
        self._timeline = Timeline()
        self._ready: deque[Callable[[], None]] = deque()
        self._failed: list[Future[Any]] = []

    def now(self) -> int:
        return self._now

    def call_at(self, time: int, action: Callable[[], None]) -> Handle:
        return self._timeline.add(max(time, self._now), action)

    def future(self) -> Future[Any]:
        return Future()

    def start(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        task: Future[T] = Future()

        def resume(_: Future[Any] | None = None) -> None:
            self._ready.append(step)

        def step() -> None:
            try:
                awaited = coroutine.send(None)
            except StopIteration as stop:
                task.set_result(stop.value)
            except Exception as error:
                task.set_exception(error)
                if not task.observed:
                    self._failed.append(task)
            else:
                if not isinstance(awaited, Future):
                    name = getattr(coroutine, "__qualname__", "a coroutine")
                    raise TypeError(f"{name} awaits {awaited!r}: only futures of this executor can be awaited")
                awaited.add_done_callback(resume)

        resume()
        return task

    def busy(self) -> bool:
        return bool(self._ready) or self._timeline.next_time() is not None

    def run_until(self, future: Future[T], deadline: int, what: str = "the future") -> T:
        """Run until `future` is done and return its result; DeadlineExceeded when it is not by `deadline` (absolute, in
        words) or when nothing is left that could complete it."""
        future.observed = True
        while not future.done():
            if not self._step(deadline):
                following = self._timeline.next_time()
                after = "no action is left" if following is None else f"the next action is at word {following}"
                raise DeadlineExceeded(what, deadline, f"word {self._now}, {after}")
        self._raise_unobserved()
        return future.result()

    def run(self, coroutine: Coroutine[Any, Any, T], timeout: int = 100_000_000) -> T:
        """Start a coroutine and run until it has ended, at most `timeout` words from now."""
        name = getattr(coroutine, "__qualname__", "a coroutine")
        return self.run_until(self.start(coroutine), self._now + timeout, name)

    def run_for(self, words: int) -> None:
        """Run everything due within the next `words` words, then stand at that time."""
        end = self._now + words
        while self._step(end):
            pass
        self._now = end
        self._raise_unobserved()

    def _step(self, limit: int) -> bool:
        """Do one thing not later than `limit`; False when there is none."""
        if self._ready:
            self._ready.popleft()()
            return True
        time = self._timeline.next_time()
        if time is None or time > limit:
            return False
        self._now = time
        self._timeline.pop()()
        return True

    def _raise_unobserved(self) -> None:
        failed, self._failed = self._failed, []
        for task in failed:
            if not task.observed:
                task.result()
