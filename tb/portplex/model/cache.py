# SPDX-License-Identifier: Apache-2.0
"""Reference model of the cache directory (`hdl/cache/cache_directory.v`) and the geometry of chunks, segments and sets.

The directory decides which 4 KiB segments are in the cache and which one leaves. The model holds the same facts in
another form (a list of ways in order of use instead of a rank in each way), so that both can judge each other. No
simulator is imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

BLOCK_BYTES = 512  # contract 1
SEGMENT_BLOCKS = 8
SEGMENT_LINES = 256  # lines of 16 bytes
RESPONSE_PAGE_LINES = 16
MAX_CHUNK_BLOCKS = 128


class ChunkOp(IntEnum):
    """Operations of the chunk service (contract 8)."""

    ACQUIRE_READ = 0
    ACQUIRE_WRITE = 1
    RELEASE = 2
    RELEASE_DIRTY = 3
    RELEASE_DISCARD = 4
    SYNCHRONIZE = 5
    ACQUIRE_EXCLUSIVE = 6


class Op(IntEnum):
    """Operations of the directory."""

    ACQUIRE = 0
    COMMIT = 1
    FILLED = 2
    UNPIN = 3
    SCAN = 4
    DESTAGED = 5
    CLEAN = 6


class Status(IntEnum):
    """Results of the directory. For SCAN: HIT = one found, FULL = none. For CLEAN: HIT = not dirty, FILL = its destage
    begins, BUSY = it is being destaged, BLANK = dirty and pinned, or written while it is destaged."""

    HIT = 0
    FILL = 1
    BLANK = 2
    BUSY = 3
    FULL = 4


@dataclass(frozen=True, slots=True)
class ChunkSegment:
    """One segment that a chunk touches: its number in the volume, the blocks of it that belong to the chunk, and
    whether all do."""

    segment: int
    first: int
    blocks: int

    @property
    def full(self) -> bool:
        return self.blocks == SEGMENT_BLOCKS


def chunk_segments(lba: int, blocks: int) -> list[ChunkSegment]:
    """Segments touched by `blocks` (1 to 128) blocks from `lba` on, in order: 1 to 17 of them. ValueError for another
    size."""
    if not 1 <= blocks <= MAX_CHUNK_BLOCKS:
        raise ValueError(f"blocks={blocks}: must be 1 to {MAX_CHUNK_BLOCKS}")
    if lba < 0 or lba + blocks > 1 << 32:
        raise ValueError(f"lba={lba}, blocks={blocks}: must lie within 32-bit block numbers")
    found = []
    at = lba
    while at < lba + blocks:
        first = at % SEGMENT_BLOCKS
        count = min(SEGMENT_BLOCKS - first, lba + blocks - at)
        found.append(ChunkSegment(at // SEGMENT_BLOCKS, first, count))
        at += count
    return found


def segment_set(volume: int, segment: int, sets: int) -> int:
    """Set of a segment: its low bits, the volume's bits mirrored into them (volume bit 0 flips the highest set bit)."""
    width = sets.bit_length() - 1
    mirrored = sum(1 << (width - 1 - bit) for bit in range(min(width, 8)) if volume >> bit & 1)
    return segment % sets ^ mirrored


def minimum_ways(sets: int, chunk: int = 17) -> int:
    """Ways that a cache of `sets` sets needs to hold one chunk of `chunk` segments (17: 64 KiB that begin within a
    segment)."""
    return -(-chunk // sets)


@dataclass(slots=True)
class Way:
    """One way of a set. `valid`, `filling` and `blank` exclude each other; none of them = unused."""

    valid: bool = False
    dirty: bool = False
    filling: bool = False
    blank: bool = False
    destaging: bool = False
    redirtied: bool = False
    pins: int = 0
    exclusive: bool = False
    volume: int = 0
    segment: int = 0

    @property
    def used(self) -> bool:
        return self.valid or self.filling or self.blank


@dataclass(frozen=True, slots=True)
class Result:
    """Answer of the directory: what happened, and to which place."""

    status: Status
    set: int
    way: int
    volume: int = 0
    segment: int = 0


@dataclass
class CacheDirectory:
    """Set-associative directory with true LRU. Operations that name a place must name one that is used (AssertionError
    if not)."""

    sets: int
    ways: int
    table: list[list[Way]] = field(init=False)
    order: list[list[int]] = field(init=False)  # ways of each set, used last first

    def __post_init__(self) -> None:
        for name, value, low, high in (("sets", self.sets, 2, 512), ("ways", self.ways, 2, 16)):
            if not low <= value <= high or value & value - 1:
                raise ValueError(f"{name}={value}: must be a power of two, {low} to {high}")
        if self.sets * self.ways > 1024:
            raise ValueError(f"sets={self.sets}, ways={self.ways}: at most 1024 segments")
        self.table = [[Way() for _ in range(self.ways)] for _ in range(self.sets)]
        self.order = [list(range(self.ways)) for _ in range(self.sets)]

    def __iter__(self) -> Iterator[tuple[int, int, Way]]:
        """Every way with its set and way number."""
        return ((s, w, way) for s, row in enumerate(self.table) for w, way in enumerate(row))

    @property
    def dirty_count(self) -> int:
        return sum(way.dirty for _, _, way in self)

    @property
    def pin_count(self) -> int:
        return sum(way.pins for _, _, way in self)

    def find(self, volume: int, segment: int) -> tuple[int, int] | None:
        """Place of a segment that is in the cache or on its way."""
        s = segment_set(volume, segment, self.sets)
        for w, way in enumerate(self.table[s]):
            if way.used and (way.volume, way.segment) == (volume, segment):
                return s, w
        return None

    def acquire(self, volume: int, segment: int, overwrite: bool = False, exclusive: bool = False) -> Result:
        """Pin a segment: HIT when it is there; FILL (BLANK when it is overwritten in full) when a way was given to it,
        an unused one or the clean unpinned one used longest ago; BUSY while it belongs to somebody else, or is
        pinned and asked for alone; FULL when no way can be given."""
        s = segment_set(volume, segment, self.sets)
        place = self.find(volume, segment)
        if place:
            way = self.table[s][place[1]]
            if not way.valid or way.exclusive or (exclusive and way.pins):
                return Result(Status.BUSY, s, place[1], volume, segment)
            way.pins += 1
            way.exclusive = exclusive
            self._touch(s, place[1])
            return Result(Status.HIT, s, place[1], volume, segment)
        oldest_first = self.order[s][::-1]
        unused = [w for w in oldest_first if not self.table[s][w].used]
        clean = [
            w
            for w in oldest_first
            if self.table[s][w].valid and not self.table[s][w].dirty and not self.table[s][w].pins
        ]
        if not unused + clean:
            return Result(Status.FULL, s, 0)
        w = (unused + clean)[0]
        self.table[s][w] = Way(
            filling=not overwrite, blank=overwrite, pins=1, exclusive=exclusive, volume=volume, segment=segment
        )
        self._touch(s, w)
        return Result(Status.BLANK if overwrite else Status.FILL, s, w, volume, segment)

    def commit(self, s: int, w: int) -> None:
        """A pinned segment is about to be written."""
        way = self.table[s][w]
        assert way.valid and way.pins
        way.dirty = True
        way.redirtied = way.destaging

    def filled(self, s: int, w: int, dirty: bool) -> None:
        """The drive's data has arrived."""
        way = self.table[s][w]
        assert way.filling
        way.filling, way.valid, way.dirty = False, True, dirty

    def unpin(self, s: int, w: int, written: bool = False) -> None:
        """One pin less. Written contents become valid and dirty; what was never valid is dropped."""
        way = self.table[s][w]
        assert way.pins
        way.pins -= 1
        way.exclusive = False
        if written:
            way.valid = way.dirty = True
            way.redirtied = way.destaging
        way.filling = way.blank = False

    def scan(self, s: int) -> Result:
        """Begin to destage the dirty unpinned segment of a set that was used longest ago."""
        for w in reversed(self.order[s]):
            way = self.table[s][w]
            if way.valid and way.dirty and not way.destaging and not way.pins:
                way.destaging = True
                return Result(Status.HIT, s, w, way.volume, way.segment)
        return Result(Status.FULL, s, 0)

    def clean(self, volume: int, segment: int, settled: bool = False) -> Result:
        """Begin to destage one segment if it is dirty; `settled`: only look where it would be."""
        s = segment_set(volume, segment, self.sets)
        place = self.find(volume, segment)
        way = self.table[s][place[1]] if place else Way()
        if settled or not place or not (way.valid and way.dirty):
            return Result(Status.HIT, s, place[1] if place else 0)
        if way.destaging:
            return Result(Status.BLANK if way.redirtied else Status.BUSY, s, place[1])
        if way.pins:
            return Result(Status.BLANK, s, place[1])
        way.destaging = True
        return Result(Status.FILL, s, place[1], volume, segment)

    def destaged(self, s: int, w: int, confirmed: bool) -> None:
        """The drive has answered a destage: clean only when it confirmed and nobody wrote meanwhile (invariant I4)."""
        way = self.table[s][w]
        assert way.destaging
        if confirmed and not way.redirtied:
            way.dirty = False
        way.destaging = way.redirtied = False

    def recover(self) -> None:
        """After a reset: valid and dirty segments stay, everything under way is forgotten."""
        for _, _, way in self:
            way.filling = way.blank = way.destaging = way.redirtied = False
            way.pins = 0
            way.exclusive = False

    def _touch(self, s: int, w: int) -> None:
        self.order[s].remove(w)
        self.order[s].insert(0, w)
