# SPDX-License-Identifier: Apache-2.0
"""The time supervisor's model under schedules that hypothesis invents, against times counted one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from portplex.model.schedule import ASKED, LAST_SECOND, ArrayClock, Field, TimeSupervisor, control, next_due

SECONDS = st.integers(0, LAST_SECOND)
DAY = 86_400


@given(due=st.integers(0, 10_000), period=st.integers(1, 500), late=st.integers(0, 5_000))
def test_next_time_is_the_first_after_now(due: int, period: int, late: int) -> None:
    expected = due
    while expected <= due + late:
        expected += period
    assert next_due(due, period, due + late) == expected


@given(
    first=st.datetimes(datetime(2024, 1, 1), datetime(2099, 12, 31)),
    days=st.integers(1, 800),
    every=st.sampled_from([1, 7]),
)
def test_daily_and_weekly_keep_their_time_of_day(first: datetime, days: int, every: int) -> None:
    """Over midnights, year's ends and leap days; weekly keeps the day of the week, too."""
    first = first.replace(microsecond=0, tzinfo=UTC)
    now = int((first + timedelta(days=days)).timestamp())
    following = next_due(int(first.timestamp()), every * DAY, now)
    assert following is not None
    then = datetime.fromtimestamp(following, UTC)
    assert then.time() == first.time() and 0 < following - now <= every * DAY
    if every == 7:
        assert then.weekday() == first.weekday()


@given(due=SECONDS, period=SECONDS, late=SECONDS)
def test_nothing_is_due_beyond_the_last_second(due: int, period: int, late: int) -> None:
    now = min(due + late, LAST_SECOND)
    following = next_due(due, period, now)
    assert following is None or now < following <= LAST_SECOND


@given(counts=st.lists(st.integers(0, 5), max_size=60), start=st.sampled_from([0, 100, LAST_SECOND - 2]))
def test_clock_counts_ticks_and_stays_at_the_end(counts: list[int], start: int) -> None:
    clock = ArrayClock()
    clock.set(start)
    for ticks_per_second in counts:
        before = clock.seconds
        clock.tick(ticks_per_second)
        assert before <= clock.seconds <= min(before + 1, LAST_SECOND)
        assert clock.ticks < max(ticks_per_second, 1)


@pytest.mark.parametrize(
    ("entry", "field", "value"),
    [(4, 0, 0), (0, 3, 0), (0, 0, 1 << 11), (0, 0, 1 << 4), (0, 0, control(0, enabled=False, operation=1)), (0, 0, 1)],
)
def test_illegal_write_changes_nothing(entry: int, field: int, value: int) -> None:
    supervisor = TimeSupervisor()
    before = supervisor.words()
    assert not supervisor.write(entry, field, value, 1)
    assert supervisor.words() == before


def test_misuse_is_an_error() -> None:
    supervisor = TimeSupervisor()
    with pytest.raises(ValueError, match="entry 0 is not due"):
        supervisor.fire(0, 0)
    with pytest.raises(ValueError, match="nothing was asked"):
        supervisor.answer(0)


class Schedules(RuleBasedStateMachine):
    """Console, clock, engine and resets in any order. `rows` counts the times of each entry by itself: a row is all
    times an entry will have from what the console last set, and each is used up when it, or a later one, fires."""

    def __init__(self) -> None:
        super().__init__()
        self.supervisor = TimeSupervisor()
        self.now = 1_000
        self.fired: list[set[int]] = [set() for _ in range(4)]  # times of the row that are used up
        self.count = 0

    def settle(self) -> int:
        """Fire all that is due, answered at once; how many times."""
        fired = 0
        seen: set[int] = set()
        while waiting := self.supervisor.due(self.now):
            number = waiting[0]
            assert number not in seen, "one entry fires twice at one moment"
            seen.add(number)
            entry = self.supervisor.entries[number]
            time, period = entry.due, entry.period
            assert time <= self.now and time not in self.fired[number], "a time fires twice"
            self.supervisor.fire(number, self.now)
            times = range(time, self.now + 1, period) if period else (time,)
            self.fired[number].update(times)
            assert entry.answer == ASKED and entry.last == self.now
            assert not self.supervisor.due(self.now), "asks again before the answer"
            self.supervisor.answer(0)
            fired += 1
        self.count += fired
        return fired

    @rule(entry=st.integers(0, 3), ahead=st.integers(-50, 400), period=st.sampled_from([0, 1, 7, 60, 100]))
    def schedule(self, entry: int, ahead: int, period: int) -> None:
        """The console sets an entry, off first as it must be."""
        write = self.supervisor.write
        assert write(entry, Field.CONTROL, control(entry, enabled=False), self.now)
        assert write(entry, Field.DUE, self.now + ahead, self.now)
        assert write(entry, Field.PERIOD, period, self.now)
        assert write(entry, Field.CONTROL, control(entry), self.now) == (ahead > 0)
        self.fired[entry] = set()

    @rule(entry=st.integers(0, 3), ahead=st.integers(-50, 400))
    def move(self, entry: int, ahead: int) -> None:
        """A new time for an entry that may be on: not in the past."""
        on = self.supervisor.entries[entry].enabled
        assert self.supervisor.write(entry, Field.DUE, self.now + ahead, self.now) == (not on or ahead > 0)
        if not on or ahead > 0:
            self.fired[entry] = set()

    @rule(seconds=st.integers(1, 130))
    def pass_time(self, seconds: int) -> None:
        """Second by second."""
        for _ in range(seconds):
            self.now += 1
            self.settle()

    @rule(seconds=st.integers(1, 900))
    def set_ahead(self, seconds: int) -> None:
        before = [entry.enabled and entry.due <= self.now + seconds for entry in self.supervisor.entries]
        self.now += seconds
        assert self.settle() == sum(before), "an entry that came due fires once, however many times went by"

    @precondition(lambda self: self.now > 500)
    @rule(seconds=st.integers(1, 400))
    def set_back(self, seconds: int) -> None:
        self.now -= seconds
        assert self.settle() == 0, "setting the clock back fires nothing"

    @rule(seconds=st.integers(0, 200))
    def reset(self, seconds: int) -> None:
        """The clock goes on in a reset, entries come from the store; what came due meanwhile fires once."""
        words = self.supervisor.words()
        self.supervisor = TimeSupervisor()
        self.supervisor.restore(words)
        assert self.supervisor.words() == words
        self.set_ahead(seconds)

    @invariant()
    def enabled_is_to_come(self) -> None:
        assert all(not entry.enabled or entry.due > self.now for entry in self.supervisor.entries)


TestSchedules = Schedules.TestCase
