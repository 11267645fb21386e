# SPDX-License-Identifier: Apache-2.0
"""unit_attention against sets of conditions: what waits, what is reported first, what one report takes away."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from clocked import Clocked, number

from portplex.model.scsi_target import (
    ATTENTIONS,
    LUNS_CHANGED,
    NEXUS_LOSS,
    POWER_ON_RESET,
    ScsiTarget,
    VolumeState,
    sense_word,
)


async def start(dut: Any) -> tuple[Clocked, ScsiTarget]:
    """After reset; the conditions are those of the model."""
    target = ScsiTarget([VolumeState(8)] * 16, 1)
    clocked = Clocked(dut)
    names = (
        "look initiator volume report forget nexus_valid nexus_initiator raise_valid raise_condition raise_initiators "
        "raise_volumes"
    )
    await clocked.start(**dict.fromkeys(names.split(), 0))
    assert all(waiting == {POWER_ON_RESET} for waiting in target.attentions.values())
    return clocked, target


async def idle(clocked: Clocked) -> None:
    for _ in range(100):
        if not number(clocked.dut.busy):
            return
        await clocked.clock()
    raise AssertionError("busy for more than 100 clocks")


@cocotb.test()
async def equals_sets_of_conditions(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    clocked, target = await start(dut)
    reports = 0
    for _ in range(600):
        await idle(clocked)
        event = rng.randrange(6)
        if event == 0:
            for initiator in rng.sample(range(32), rng.randrange(1, 4)):  # one after the other, while it is busy
                dut.nexus_valid.value, dut.nexus_initiator.value = 1, initiator
                await clocked.clock()
                target.attend(NEXUS_LOSS, [initiator], range(16))
            dut.nexus_valid.value = 0
        elif event == 1:
            bit, initiators, volumes = rng.randrange(len(ATTENTIONS)), rng.getrandbits(32), rng.getrandbits(16)
            dut.raise_valid.value, dut.raise_condition.value = 1, 1 << bit
            dut.raise_initiators.value, dut.raise_volumes.value = initiators, volumes
            await clocked.clock()
            dut.raise_valid.value = 0
            there = [i for i in range(32) if initiators >> i & 1], [v for v in range(16) if volumes >> v & 1]
            target.attend(ATTENTIONS[bit], *there)
        elif event == 2:
            initiator = rng.randrange(32)
            dut.initiator.value, dut.forget.value = initiator, 1
            await clocked.clock()
            dut.forget.value = 0
            for volume in range(16):
                target.attentions[initiator, volume].discard(LUNS_CHANGED)
        else:
            initiator, volume = rng.randrange(32), rng.randrange(16)
            dut.look.value, dut.initiator.value, dut.volume.value = 1, initiator, volume
            await clocked.clock()
            dut.look.value = 0
            waiting = target.attentions[initiator, volume]
            assert number(dut.pending) == bool(waiting)
            if waiting:
                dut.report.value = 1
                expected = sense_word(target.report(initiator, volume))
                assert number(dut.sense) == expected
                await clocked.clock()
                dut.report.value = 0
                reports += 1
    assert reports > 200


@cocotb.test()
async def reports_while_a_nexus_is_noted(dut: Any) -> None:
    """The user looks two clocks after it was not busy and reports or forgets one clock later. A new I_T nexus in
    any of those clocks delays neither, and what it sets for the initiator that is being told is told next."""
    rng = random.Random(cocotb.RANDOM_SEED)
    clocked, target = await start(dut)
    told = 0
    for _ in range(1500):
        await idle(clocked)
        initiator, volume = rng.randrange(32), rng.randrange(16)
        if rng.random() < 0.5:
            condition = rng.choice(ATTENTIONS)
            dut.raise_valid.value, dut.raise_condition.value = 1, 1 << ATTENTIONS.index(condition)
            dut.raise_initiators.value, dut.raise_volumes.value = 1 << initiator, 1 << volume
            await clocked.clock()
            dut.raise_valid.value = 0
            target.attend(condition, [initiator], [volume])
            await idle(clocked)
        nexus = {rng.randrange(-1, 5): rng.choice((initiator, rng.randrange(32))) for _ in range(2)}
        forget = rng.random() < 0.3
        waiting = bool(target.attentions[initiator, volume])
        dut.initiator.value, dut.volume.value = initiator, volume
        for clock in range(4):
            dut.nexus_valid.value, dut.nexus_initiator.value = int(clock in nexus), nexus.get(clock, 0)
            dut.look.value = int(clock == 2)
            dut.report.value = int(clock == 3 and waiting and not forget)
            dut.forget.value = int(clock == 3 and forget)
            await clocked.clock()
            if clock == 2:
                assert number(dut.pending) == waiting
                if waiting and not forget:
                    assert number(dut.sense) == sense_word(target.report(initiator, volume))
                    told += 1
            if clock == 3 and forget:
                for v in range(16):
                    target.attentions[initiator, v].discard(LUNS_CHANGED)
        dut.nexus_valid.value, dut.report.value, dut.forget.value = 0, 0, 0
        for clock, new in nexus.items():
            if 0 <= clock < 4:
                target.attend(NEXUS_LOSS, [new], range(16))
        await idle(clocked)
        for v in {volume, rng.randrange(16)}:  # what is left, as it would be told
            dut.volume.value, dut.look.value = v, 1
            await clocked.clock()
            left = target.attentions[initiator, v]
            first = next((n for n, condition in enumerate(ATTENTIONS) if condition in left), None)
            assert number(dut.pending) == bool(left)
            assert first is None or number(dut.sense) == sense_word(ATTENTIONS[first])
        dut.look.value = 0
    assert told > 300
