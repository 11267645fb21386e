# SPDX-License-Identifier: Apache-2.0
"""What reads of a volume may return while writes are under way.

Every write is an interval from `begin_write` to `end_write`, every read one from `begin_read` to `check_read`; blocks
of 512 bytes are atomic, commands are not. A block may be read as the data of write W unless W was certainly overwritten
before the read began: some other write, known to have been done, began after W had ended and ended before the read
began. A write that ended `UNKNOWN` (aborted, timed out) may or may not have happened.

Order is the order of the calls: the model needs no clock. It holds one image and, for blocks with more than one
possible value only, the writes that may have set them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import Enum
from zlib import crc32

BLOCK = 512

_OPEN = 1 << 62  # end of a write or read that has not ended


class Outcome(Enum):
    """How a write ended."""

    DONE = "done"  # GOOD: it is there
    UNKNOWN = "unknown"  # it may be there, in part or whole
    REFUSED = "refused"  # certainly nothing of it is there


class DataMismatch(AssertionError):
    """A read returned what no write could have left there."""


class Write:
    """A write under way or ended; `data` covers the blocks from `lba` on."""

    __slots__ = ("begin", "blocks", "data", "done", "end", "lba")

    def __init__(self, lba: int, data: bytes, begin: int) -> None:
        self.lba = lba
        self.data = data
        self.blocks = len(data) // BLOCK
        self.begin = begin
        self.end = _OPEN
        self.done = False

    def block(self, number: int) -> bytes:
        at = (number - self.lba) * BLOCK
        return self.data[at : at + BLOCK]


class Read:
    """A read under way."""

    __slots__ = ("begin", "blocks", "lba")

    def __init__(self, lba: int, blocks: int, begin: int) -> None:
        self.lba = lba
        self.blocks = blocks
        self.begin = begin


class VolumeModel:
    """The model of one volume of `blocks` blocks, all zero or as `image` says."""

    def __init__(self, blocks: int, image: bytes | None = None) -> None:
        if blocks < 1:
            raise ValueError(f"blocks = {blocks}: must be 1 at least")
        if image is not None and len(image) != blocks * BLOCK:
            raise ValueError(f"image of {len(image)} bytes: must be {blocks} blocks of {BLOCK}")
        self.blocks = blocks
        self.image = bytearray(blocks * BLOCK) if image is None else bytearray(image)
        self.counts: Counter[str] = Counter(compared=0, failed=0, reads=0, writes=0)
        self._moment = 0
        self._candidates: dict[int, list[Write | None]] = {}  # None: the image
        self._reads: dict[Read, None] = {}  # in the order they began

    @property
    def compared(self) -> int:
        """Blocks compared so far; a run that leaves it at 0 has checked nothing."""
        return self.counts["compared"]

    def begin_write(self, lba: int, data: bytes) -> Write:
        """A write of whole blocks goes out."""
        if not data or len(data) % BLOCK:
            raise ValueError(f"data of {len(data)} bytes: must be whole blocks of {BLOCK}, one at least")
        self._check_range(lba, len(data) // BLOCK)
        self._moment += 1
        write = Write(lba, bytes(data), self._moment)
        candidates = self._candidates
        for block in range(lba, lba + write.blocks):
            held = candidates.get(block)
            if held is None:
                candidates[block] = [None, write]
            else:
                held.append(write)
        return write

    def end_write(self, write: Write, outcome: Outcome = Outcome.DONE) -> None:
        if write.end != _OPEN:
            raise ValueError(f"the write at LBA {write.lba} has ended already")
        self._moment += 1
        write.end = self._moment
        write.done = outcome is Outcome.DONE
        self.counts["writes"] += 1
        span = range(write.lba, write.lba + write.blocks)
        if outcome is Outcome.REFUSED:
            for block in span:
                held = self._candidates[block]
                held.remove(write)
                if held == [None]:
                    del self._candidates[block]
        elif write.done:
            candidates = self._candidates
            alone = all(len(held) == 2 and held[0] is None for held in map(candidates.__getitem__, span))
            if alone and self._oldest_read(write.lba, span.stop) > write.end:
                self.image[write.lba * BLOCK : span.stop * BLOCK] = write.data
                for block in span:
                    del candidates[block]
            else:
                self._settle(span)

    def begin_read(self, lba: int, blocks: int) -> Read:
        self._check_range(lba, blocks)
        self._moment += 1
        read = Read(lba, blocks, self._moment)
        self._reads[read] = None
        return read

    def drop_read(self, read: Read) -> None:
        """The read failed and has nothing to compare."""
        self._reads.pop(read, None)

    def check_read(self, read: Read, data: bytes | bytearray | memoryview) -> None:
        """Compare what the read returned; DataMismatch names the first wrong block. Counts every block compared."""
        if len(data) != read.blocks * BLOCK:
            raise ValueError(f"read of {read.blocks} blocks at LBA {read.lba} returned {len(data)} bytes")
        del self._reads[read]
        self.counts["reads"] += 1
        self.counts["compared"] += read.blocks
        data = bytes(data)
        first, end = read.lba, read.lba + read.blocks
        span = range(first, end)
        candidates = self._candidates
        expected = self.image[first * BLOCK : end * BLOCK]
        touched = [] if candidates.keys().isdisjoint(span) else [block for block in span if block in candidates]
        for block in touched:
            at = (block - first) * BLOCK
            got = data[at : at + BLOCK]
            if got in self._legal(block, read):
                expected[at : at + BLOCK] = got
            else:
                expected[at] = ~got[0] & 0xFF
        if expected != data:
            self._fail(read, data, expected)
        if touched:
            self._settle(touched)

    def _fail(self, read: Read, data: bytes, expected: bytearray) -> None:
        """Count the blocks that differ and name the first."""
        spans = [slice(at, at + BLOCK) for at in range(0, len(data), BLOCK)]
        wrong = [read.lba + index for index, at in enumerate(spans) if data[at] != expected[at]]
        self.counts["failed"] += len(wrong)
        block = wrong[0]
        legal = " or ".join(_show(value) for value in self._legal(block, read))
        raise DataMismatch(
            f"{len(wrong)} of {read.blocks} blocks read at LBA {read.lba} are wrong; block {block} is "
            f"{_show(data[spans[block - read.lba]])}, legal: {legal}"
        )

    def check_image(self, image: bytes | bytearray | memoryview) -> None:
        """Compare a whole volume image, as a read of all blocks at this moment."""
        self.check_read(self.begin_read(0, self.blocks), image)

    def unsettled(self) -> list[int]:
        """Blocks that may hold more than one value now."""
        self._settle(sorted(self._candidates))
        return sorted(self._candidates)

    def _check_range(self, lba: int, blocks: int) -> None:
        if lba < 0 or blocks < 1 or lba + blocks > self.blocks:
            raise ValueError(f"lba = {lba}, blocks = {blocks}: the volume has blocks 0 to {self.blocks - 1}")

    def _legal(self, block: int, read: Read) -> list[bytes]:
        at = block * BLOCK
        held = self._candidates.get(block)
        if held is None:
            return [bytes(self.image[at : at + BLOCK])]
        return [
            bytes(self.image[at : at + BLOCK]) if write is None else write.block(block)
            for write in self._alive(held, read.begin)
        ]

    @staticmethod
    def _alive(held: list[Write | None], moment: int) -> list[Write | None]:
        """The writes that a read begun at `moment` may see: those not certainly overwritten before it."""
        newest = max((w.begin for w in held if w is not None and w.done and w.end < moment), default=-1)
        return [w for w in held if (0 if w is None else w.end) >= newest] if newest >= 0 else held

    def _oldest_read(self, first: int, end: int) -> int:
        """When the oldest read under way of these blocks began; the next moment when there is none."""
        for read in self._reads:
            if read.lba < end and first < read.lba + read.blocks:
                return read.begin
        return self._moment + 1

    def _settle(self, span: Iterable[int]) -> None:
        """Forget, in these blocks, what no read begun before now can see any more."""
        candidates = self._candidates
        for block in span:
            held = candidates.get(block)
            if held is None:
                continue
            alive = self._alive(held, self._oldest_read(block, block + 1))
            if len(alive) == 1:
                write = alive[0]
                if write is not None:
                    self.image[block * BLOCK : (block + 1) * BLOCK] = write.block(block)
                del candidates[block]
            elif len(alive) < len(held):
                candidates[block] = alive


def _show(block: bytes) -> str:
    """The begin of a block and its checksum, so that two blocks with the same begin can be told apart."""
    return f"{block[:8].hex(' ')}.. (crc {crc32(block):08x})"
