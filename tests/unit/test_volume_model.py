# SPDX-License-Identifier: Apache-2.0
"""The volume model against a store in which every write happens at some moment of its interval, block by block, and
against the definition applied to the whole history; planted faults are found."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portplex.model.volume import BLOCK, DataMismatch, Outcome, Read, VolumeModel, Write

BLOCKS = 6


def value(number: int) -> bytes:
    return number.to_bytes(4, "big") * (BLOCK // 4)


@dataclass
class History:
    """Everything that happened, nothing forgotten: (begin, end, done) by value, per block."""

    moment: int = 0
    writes: list[list] = field(default_factory=list)  # [number, lba, blocks, begin, end, done]

    def legal(self, block: int, begin: int) -> set[int]:
        here = [[0, 0, 0, -2, -1, True], *(w for w in self.writes if w[1] <= block < w[1] + w[2])]
        return {
            w[0]
            for w in here
            if not any(v[5] and w[4] is not None and w[4] < v[3] and v[4] is not None and v[4] < begin for v in here)
        }


def play(seed: int, steps: int, corrupt: bool) -> tuple[int, int]:
    """A random run; (reads compared, illegal reads offered). Every illegal read must be refused, every legal one
    accepted."""
    rng = random.Random(seed)
    model = VolumeModel(BLOCKS)
    store = [0] * BLOCKS
    history = History()
    number = 0
    writes: list[tuple[Write, list, set[int]]] = []
    reads: list[tuple[Read, int, dict[int, int]]] = []
    checked = refused = 0
    for _ in range(steps):
        history.moment += 1
        what = rng.random()
        if what < 0.25 and len(writes) < 4:
            lba = rng.randrange(BLOCKS)
            blocks = rng.randint(1, BLOCKS - lba)
            number += 1
            record = [number, lba, blocks, history.moment, None, False]
            history.writes.append(record)
            writes.append((model.begin_write(lba, value(number) * blocks), record, set(range(lba, lba + blocks))))
        elif what < 0.5 and writes:
            write, record, pending = writes.pop(rng.randrange(len(writes)))
            outcome = rng.choice([Outcome.DONE, Outcome.DONE, Outcome.UNKNOWN, Outcome.REFUSED])
            if outcome is Outcome.REFUSED and len(pending) < record[2]:
                outcome = Outcome.DONE
            if outcome is Outcome.REFUSED:
                history.writes.remove(record)
            else:
                for block in pending:
                    if outcome is Outcome.DONE or rng.random() < 0.5:
                        store[block] = record[0]
                record[4], record[5] = history.moment, outcome is Outcome.DONE
            model.end_write(write, outcome)
        elif what < 0.7 and len(reads) < 3:
            lba = rng.randrange(BLOCKS)
            read = model.begin_read(lba, rng.randint(1, BLOCKS - lba))
            reads.append((read, history.moment, {}))
        elif what < 0.85 and reads:
            read, begin, seen = reads.pop(rng.randrange(len(reads)))
            got = [seen.get(block, store[block]) for block in range(read.lba, read.lba + read.blocks)]
            if corrupt and rng.random() < 0.5:
                got[rng.randrange(len(got))] = rng.randint(0, number + 1)
            legal = all(got[i] in history.legal(read.lba + i, begin) for i in range(len(got)))
            checked += 1
            try:
                model.check_read(read, b"".join(map(value, got)))
                assert legal, f"accepted {got} at LBA {read.lba}"
            except DataMismatch:
                assert not legal, f"refused {got} at LBA {read.lba}"
                refused += 1
        else:
            for _write, record, pending in writes:  # some blocks of the writes under way happen now
                for block in [b for b in sorted(pending) if rng.random() < 0.4]:
                    pending.discard(block)
                    store[block] = record[0]
            for read, _, seen in reads:
                for block in range(read.lba, read.lba + read.blocks):
                    if block not in seen and rng.random() < 0.4:
                        seen[block] = store[block]
    return checked, refused


@pytest.mark.fast
@settings(max_examples=150, deadline=None)
@given(st.integers(0, 1 << 32))
def test_what_a_store_does_is_legal(seed: int) -> None:
    _, refused = play(seed, 80, corrupt=False)
    assert refused == 0


@pytest.mark.fast
@settings(max_examples=150, deadline=None)
@given(st.integers(0, 1 << 32))
def test_model_equals_its_definition(seed: int) -> None:
    play(seed, 80, corrupt=True)


@pytest.mark.fast
def test_runs_above_compare_and_refuse() -> None:
    results = [play(seed, 80, corrupt=True) for seed in range(30)]
    assert sum(checked for checked, _ in results) > 100
    assert sum(refused for _, refused in results) > 30


@pytest.mark.fast
def test_stale_and_foreign_data_are_found() -> None:
    model = VolumeModel(8)
    for number in (1, 2):
        model.end_write(model.begin_write(2, value(number) * 3))
    model.check_read(model.begin_read(0, 8), value(0) * 2 + value(2) * 3 + value(0) * 3)
    with pytest.raises(DataMismatch, match=r"1 of 3 blocks read at LBA 2 are wrong; block 3 is 00 00 00 01"):
        model.check_read(model.begin_read(2, 3), value(2) + value(1) + value(2))  # stale
    with pytest.raises(DataMismatch, match=r"legal: 00 00 00 02"):
        model.check_read(model.begin_read(4, 1), value(0))  # lost write
    torn = bytearray(value(2))
    torn[511] ^= 1
    with pytest.raises(DataMismatch):
        model.check_read(model.begin_read(4, 1), torn)  # one bit
    assert model.counts["failed"] == 3
    assert model.counts["reads"] == 4
    assert model.compared == 8 + 3 + 1 + 1


@pytest.mark.fast
def test_unknown_write_stays_open_until_overwritten() -> None:
    model = VolumeModel(1)
    model.end_write(model.begin_write(0, value(1)), Outcome.UNKNOWN)
    assert model.unsettled() == [0]
    model.check_read(model.begin_read(0, 1), value(0))
    model.check_read(model.begin_read(0, 1), value(1))
    model.end_write(model.begin_write(0, value(2)))
    assert model.unsettled() == []
    with pytest.raises(DataMismatch):
        model.check_read(model.begin_read(0, 1), value(1))


@pytest.mark.fast
def test_read_across_a_write_may_see_both() -> None:
    model = VolumeModel(2)
    early = model.begin_read(0, 2)
    model.end_write(model.begin_write(0, value(1) * 2))
    model.check_read(early, value(0) + value(1))
    assert model.unsettled() == []
    model.check_image(value(1) * 2)


@pytest.mark.fast
def test_nothing_compared_is_visible_and_arguments_are_checked() -> None:
    model = VolumeModel(4)
    assert model.compared == 0
    model.drop_read(model.begin_read(0, 1))
    assert model.compared == 0
    with pytest.raises(ValueError, match="lba = 3, blocks = 2: the volume has blocks 0 to 3"):
        model.begin_read(3, 2)
    with pytest.raises(ValueError, match="data of 100 bytes"):
        model.begin_write(0, bytes(100))
    write = model.begin_write(0, value(1))
    model.end_write(write)
    with pytest.raises(ValueError, match="has ended already"):
        model.end_write(write)
    with pytest.raises(ValueError, match="image of 5 bytes"):
        VolumeModel(4, bytes(5))
