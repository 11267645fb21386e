# SPDX-License-Identifier: Apache-2.0
"""Virtual time: order of events, futures, coroutines, deadlines and what they say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portplex.executor import DeadlineExceeded, Future, VirtualExecutor, sleep, wait_for


@pytest.mark.fast
@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=30))
def test_actions_run_in_order_of_time(plan: list[tuple[int, bool]]) -> None:
    executor = VirtualExecutor()
    seen: list[tuple[int, int]] = []
    handles = [
        executor.call_at(time, lambda index=index: seen.append((executor.now(), index)))
        for index, (time, _) in enumerate(plan)
    ]
    for handle, (_, cancelled) in zip(handles, plan, strict=True):
        if cancelled:
            handle.cancel()
    executor.run_for(100)
    assert seen == sorted((time, index) for index, (time, cancelled) in enumerate(plan) if not cancelled)
    assert executor.now() == 100


@pytest.mark.fast
def test_coroutines_interleave_and_return() -> None:
    executor = VirtualExecutor()
    trace: list[str] = []

    async def worker(name: str, pause: int) -> int:
        for _ in range(2):
            await sleep(executor, pause)
            trace.append(f"{name}{executor.now()}")
        return pause

    async def both() -> int:
        first, second = executor.start(worker("a", 10)), executor.start(worker("b", 15))
        return await first + await second

    assert executor.run(both()) == 25
    assert trace == ["a10", "b15", "a20", "b30"]


@pytest.mark.fast
def test_wait_for_says_what_it_waited_for() -> None:
    executor = VirtualExecutor()
    never: Future[int] = executor.future()

    async def wait() -> None:
        await wait_for(executor, never, 70, "FCP_RSP of READ(10)", lambda: "burst 2 sent")

    with pytest.raises(DeadlineExceeded, match=r"FCP_RSP of READ\(10\) until word 70; last seen: burst 2 sent"):
        executor.run(wait())
    assert executor.now() == 70
    assert not never.done()
    never.set_result(1)  # late, and harmless


@pytest.mark.fast
def test_wait_for_passes_results_and_failures() -> None:
    executor = VirtualExecutor()

    async def wait(future: Future[int]) -> int:
        return await wait_for(executor, future, 100, "it")

    good: Future[int] = executor.future()
    executor.call_at(100, lambda: good.set_result(7) if not good.done() else None)
    bad: Future[int] = executor.future()
    executor.call_at(5, lambda: bad.set_exception(KeyError("gone")))
    with pytest.raises(KeyError, match="gone"):
        executor.run(wait(bad))
    assert executor.run(wait(good)) == 7
    assert executor.run(wait(good)) == 7  # done already


@pytest.mark.fast
def test_run_until_names_a_deadlock() -> None:
    executor = VirtualExecutor()
    with pytest.raises(DeadlineExceeded, match=r"the login until word 500; last seen: word 0, no action is left"):
        executor.run_until(executor.future(), 500, "the login")
    executor.call_at(900, lambda: None)
    with pytest.raises(DeadlineExceeded, match=r"the next action is at word 900"):
        executor.run_until(executor.future(), 500, "the login")


@pytest.mark.fast
def test_failure_nobody_waits_for_is_raised() -> None:
    executor = VirtualExecutor()

    async def fail() -> None:
        await sleep(executor, 3)
        raise ValueError("lost")

    executor.start(fail())
    with pytest.raises(ValueError, match="lost"):
        executor.run_for(10)


@pytest.mark.fast
def test_future_is_set_once() -> None:
    executor = VirtualExecutor()
    future: Future[int] = executor.future()
    with pytest.raises(RuntimeError, match="not there yet"):
        future.result()
    future.set_result(1)
    with pytest.raises(RuntimeError, match="already"):
        future.set_result(2)


@pytest.mark.fast
def test_foreign_awaitables_are_refused() -> None:
    executor = VirtualExecutor()

    class Foreign:
        def __await__(self):
            yield "trigger"

    async def wait() -> None:
        await Foreign()

    with pytest.raises(TypeError, match="only futures of this executor"):
        executor.run(wait())
