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


@cocotb.test()
async def equals_sets_of_conditions(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    target = ScsiTarget([VolumeState(8)] * 16, 1)
    clocked = Clocked(dut)
    names = (
        "look initiator volume report forget nexus_valid nexus_initiator raise_valid raise_condition raise_initiators "
        "raise_volumes"
    )
    await clocked.start(**dict.fromkeys(names.split(), 0))
    assert all(waiting == {POWER_ON_RESET} for waiting in target.attentions.values())
    reports = 0
    for _ in range(600):
        for _ in range(100):
            if not number(dut.busy):
                break
            await clocked.clock()
        assert not number(dut.busy), "busy for more than 100 clocks"
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
