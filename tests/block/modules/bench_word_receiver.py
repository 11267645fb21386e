# SPDX-License-Identifier: Apache-2.0
"""word_receiver: each ordered set by kind, and the synchronisation procedure against a model of its rule."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from clocked import Clocked, number

from portplex.fc.constants import ORDERED_SETS

KINDS = {"IDLE": 1, "R_RDY": 2, "NOS": 3, "OLS": 4, "LR": 5, "LRR": 6, "SOFi3": 7, "SOFn3": 8}
CREDIT = {0xBCB55555, 0xBCB53535, 0xBCB55858}  # SOFi2, SOFn2, SOFf: classes that take a buffer
DATA, FILL, SOF_CREDIT, SOF_OTHER, EOFT, EOFN, EOF_BAD, OTHER, INVALID = 0, 1, 9, 10, 11, 12, 13, 14, 15
IDLE = 0xBC95B5B5


async def make(dut: Any) -> Clocked:
    clocked = Clocked(dut)
    await clocked.start(rx_data=0, rx_charisk=0, rx_invalid=0)
    return clocked


async def word(clocked: Clocked, data: int, charisk: int = 8, invalid: int = 0) -> int:
    dut = clocked.dut
    dut.rx_data.value, dut.rx_charisk.value, dut.rx_invalid.value = data, charisk, invalid
    await clocked.clock()
    assert number(dut.word_data) == data
    return number(dut.word_kind)


@cocotb.test()
async def every_ordered_set_by_kind(dut: Any) -> None:
    clocked = await make(dut)
    for n in range(3):
        assert not number(dut.in_sync)
        assert await word(clocked, IDLE) == INVALID, f"word {n} before synchronisation"
    assert number(dut.in_sync)
    for name, kind in KINDS.items():
        assert await word(clocked, ORDERED_SETS[name]) == kind, name
    assert await word(clocked, 0xBC94FFFF) == FILL
    for data in CREDIT:
        assert await word(clocked, data) == SOF_CREDIT
    for data in (0xBCB51717, 0xBCB55757, 0xBCB53737, 0xBCB51919, 0xBCB55959, 0xBCB53939, 0xBCB50000):
        assert await word(clocked, data) == SOF_OTHER, f"{data:08x}"
    for second in (0x95, 0xB5, 0x8A, 0xAA):
        for end in (0x75, 0xD5, 0xF5, 0x95, 0x99):
            normal = second in (0x95, 0xB5)
            if not normal and end in (0x75, 0xF5):
                continue  # no EOF has this form
            kind = EOFT if normal and end == 0x75 else EOFN if normal and end == 0xD5 else EOF_BAD
            assert await word(clocked, 0xBC000000 | second << 16 | end << 8 | end) == kind, f"{second:02x} {end:02x}"
            assert number(dut.word_eof_positive) == (second in (0xB5, 0xAA))
    for data in (0xBCF50000, 0xBC959696, 0xBC95D6D6, 0xBC15F7F7):
        assert await word(clocked, data) == OTHER, f"{data:08x}"
    assert await word(clocked, 0x12345678, 0) == DATA
    assert await word(clocked, 0xBCB55656, 0) == DATA, "K28.5 without its flag is data"
    assert number(dut.in_sync)


@cocotb.test()
async def synchronisation_by_the_rule(dut: Any) -> None:
    """Four invalid words, each taken back by two valid ones in a row, lose it; three ordered sets regain it."""
    rng = random.Random(cocotb.RANDOM_SEED)
    clocked = await make(dut)
    sync, sets, level, valid_run, lost = False, 0, 0, 0, 0
    for step in range(6000):
        share = (0.05, 0.4, 0.8)[step // 200 % 3]
        bad = rng.random() < share
        if bad:
            data, charisk, invalid = rng.choice(
                ((IDLE, 8, 1 << rng.randrange(4)), (0x01020304, 0, 1 << rng.randrange(4)), (IDLE, 4, 0), (IDLE, 9, 0),
                 (0x1C95B5B5, 8, 0))
            )  # fmt: skip
        else:
            data, charisk, invalid = rng.choice(((IDLE, 8, 0), (0x01020304, 0, 0)))
        kind = await word(clocked, data, charisk, invalid)
        assert (kind == INVALID) == (bad or not sync), step
        strobe = number(dut.stat_invalid_word), number(dut.stat_sync_lost)
        expected_lost = False
        assert strobe[0] == (sync and bad)
        if sync:
            if bad:
                level, valid_run = level + 1, 0
                if level == 4:
                    sync, sets, expected_lost = False, 0, True
            else:
                valid_run += 1
                if valid_run == 2:
                    level, valid_run = max(0, level - 1), 0
        elif bad:
            sets = 0
        elif charisk:
            sets += 1
            if sets == 3:
                sync, level, valid_run = True, 0, 0
        assert strobe[1] == expected_lost and number(dut.in_sync) == sync, step
        lost += expected_lost
    assert lost > 5
