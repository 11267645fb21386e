# SPDX-License-Identifier: Apache-2.0
"""Properties of the cache reference model."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from portplex.model.cache import CacheDirectory, Status, chunk_segments, minimum_ways, segment_set

SIZES = st.sampled_from([(2, 2), (4, 4), (8, 2), (64, 8)])


@given(lba=st.integers(0, (1 << 32) - 128), blocks=st.integers(1, 128))
def test_chunk_is_cut_into_segments(lba: int, blocks: int) -> None:
    parts = chunk_segments(lba, blocks)
    covered = [p.segment * 8 + p.first + i for p in parts for i in range(p.blocks)]
    assert covered == list(range(lba, lba + blocks))
    assert 1 <= len(parts) <= 17
    assert all(p.full for p in parts[1:-1])
    assert all(p.full == (p.first == 0 and p.blocks == 8) for p in parts)


@pytest.mark.parametrize(("lba", "blocks"), [(0, 0), (0, 129), (-1, 1), (0xFFFFFFFF, 2)])
def test_impossible_chunk_is_refused(lba: int, blocks: int) -> None:
    with pytest.raises(ValueError, match=str(blocks)):
        chunk_segments(lba, blocks)


@pytest.mark.parametrize(("sets", "ways"), [(3, 2), (1, 2), (64, 1), (64, 32), (512, 4)])
def test_impossible_cache_is_refused(sets: int, ways: int) -> None:
    with pytest.raises(ValueError, match=r"sets|ways"):
        CacheDirectory(sets, ways)


@given(
    width=st.integers(1, 9), volume=st.integers(0, 255), first=st.integers(0, (1 << 29) - 17), length=st.integers(1, 17)
)
def test_a_chunk_fits_the_smallest_legal_cache(width: int, volume: int, first: int, length: int) -> None:
    """Consecutive segments spread over the sets: a chunk never needs more than `minimum_ways` ways of one set."""
    sets = 1 << width
    used = [segment_set(volume, first + i, sets) for i in range(length)]
    assert all(0 <= s < sets for s in used)
    assert max(used.count(s) for s in set(used)) <= minimum_ways(sets, length)


@given(width=st.integers(1, 9), segment=st.integers(0, (1 << 29) - 1))
def test_neighbouring_volumes_use_other_sets(width: int, segment: int) -> None:
    assert segment_set(0, segment, 1 << width) != segment_set(1, segment, 1 << width)


@settings(max_examples=50)
@given(size=SIZES, wanted=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), max_size=60))
def test_without_pins_a_set_keeps_what_was_used_last(size: tuple[int, int], wanted: list[tuple[int, int]]) -> None:
    """Clean reads only: each set holds exactly the last `ways` different segments that were asked for."""
    sets, ways = size
    directory = CacheDirectory(sets, ways)
    history: dict[int, list[tuple[int, int]]] = {s: [] for s in range(sets)}
    for volume, segment in wanted:
        result = directory.acquire(volume, segment)
        recent = history[result.set]
        assert (result.status is Status.HIT) == ((volume, segment) in recent[:ways])
        if result.status is Status.FILL:
            directory.filled(result.set, result.way, dirty=False)
        directory.unpin(result.set, result.way)
        if (volume, segment) in recent:
            recent.remove((volume, segment))
        recent.insert(0, (volume, segment))


class DirectoryRules(RuleBasedStateMachine):
    """Any legal order of operations; what must hold of the cache as a whole is checked after each."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = CacheDirectory(2, 2)
        self.owed: set[tuple[int, int]] = set()  # (volume, segment) written and not confirmed by the drive since

    def places(self, which: str) -> list[tuple[int, int]]:
        return [(s, w) for s, w, way in self.directory if getattr(way, which) and (which != "valid" or way.pins)]

    def key(self, place: tuple[int, int]) -> tuple[int, int]:
        way = self.directory.table[place[0]][place[1]]
        return way.volume, way.segment

    @rule(volume=st.integers(0, 1), segment=st.integers(0, 5), overwrite=st.booleans())
    def acquire(self, volume: int, segment: int, overwrite: bool) -> None:
        before = {self.key((s, w)) for s, w, way in self.directory if way.used}
        result = self.directory.acquire(volume, segment, overwrite)
        present = (volume, segment) in before
        assert present == (result.status in (Status.HIT, Status.BUSY))
        after = {self.key((s, w)) for s, w, way in self.directory if way.used}
        assert len(before - after) <= (result.status in (Status.FILL, Status.BLANK))

    @precondition(lambda self: self.places("pins"))
    @rule(data=st.data(), written=st.booleans())
    def unpin(self, data: st.DataObject, written: bool) -> None:
        place = data.draw(st.sampled_from(self.places("pins")))
        written = written and not self.directory.table[place[0]][place[1]].filling
        if written:
            self.owed.add(self.key(place))
        self.directory.unpin(*place, written)

    @precondition(lambda self: self.places("valid"))
    @rule(data=st.data())
    def commit(self, data: st.DataObject) -> None:
        place = data.draw(st.sampled_from(self.places("valid")))
        self.directory.commit(*place)
        self.owed.add(self.key(place))

    @precondition(lambda self: self.places("filling"))
    @rule(data=st.data())
    def filled(self, data: st.DataObject) -> None:
        self.directory.filled(*data.draw(st.sampled_from(self.places("filling"))), dirty=False)

    @rule(s=st.integers(0, 1))
    def scan(self, s: int) -> None:
        result = self.directory.scan(s)
        if result.status is Status.HIT:
            self.owed.discard((result.volume, result.segment))  # owed again when written from now on

    @precondition(lambda self: self.places("destaging"))
    @rule(data=st.data(), confirmed=st.booleans())
    def destaged(self, data: st.DataObject, confirmed: bool) -> None:
        place = data.draw(st.sampled_from(self.places("destaging")))
        if not confirmed:
            self.owed.add(self.key(place))
        self.directory.destaged(*place, confirmed)

    @rule()
    def reset(self) -> None:
        self.owed |= {self.key(place) for place in self.places("destaging")}
        self.directory.recover()
        assert self.directory.pin_count == 0

    @invariant()
    def a_segment_has_one_place(self) -> None:
        used = [(way.volume, way.segment) for _, _, way in self.directory if way.used]
        assert len(used) == len(set(used))
        for s, w, way in self.directory:
            if way.used:
                assert segment_set(way.volume, way.segment, 2) == s
                assert self.directory.find(way.volume, way.segment) == (s, w)

    @invariant()
    def flags_make_sense(self) -> None:
        for _, _, way in self.directory:
            assert way.valid + way.filling + way.blank <= 1
            assert way.valid or not (way.dirty or way.destaging)
            assert way.used or way.pins == 0
            assert way.pins == 1 or not (way.filling or way.blank)
            assert way.dirty or not way.destaging
            assert way.destaging or not way.redirtied

    @invariant()
    def what_is_owed_to_the_drive_is_dirty(self) -> None:
        """I4: nothing that was written leaves the cache or becomes clean before the drive has confirmed it."""
        dirty = {(way.volume, way.segment) for _, _, way in self.directory if way.dirty}
        assert self.owed <= dirty


TestDirectoryRules = DirectoryRules.TestCase
TestDirectoryRules.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)


def test_forgotten_write_is_caught() -> None:
    """The rules find a directory that forgets a write during destaging (fault planted here)."""

    class Forgetful(CacheDirectory):
        def destaged(self, s: int, w: int, confirmed: bool) -> None:
            self.table[s][w].redirtied = False
            super().destaged(s, w, confirmed)

    directory = Forgetful(2, 2)
    machine = DirectoryRules()
    machine.directory = directory
    machine.acquire(0, 0, True)
    directory.unpin(0, 0, True) if directory.table[0][0].pins else directory.unpin(0, 1, True)
    place = directory.find(0, 0)
    assert place
    machine.scan(place[0])
    directory.acquire(0, 0)
    directory.commit(*place)
    machine.owed.add((0, 0))
    directory.destaged(*place, True)
    with pytest.raises(AssertionError):
        machine.what_is_owed_to_the_drive_is_dirty()
