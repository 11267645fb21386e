# SPDX-License-Identifier: Apache-2.0
"""volume_watch against the model: who is told of which capacity, of other volumes, of another LUN mask."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from clocked import Clocked, number

from portplex.model.scsi_target import CAPACITY_CHANGED, LUNS_CHANGED, NEXUS_LOSS, ScsiTarget, Sense, VolumeState

VOLUMES = 4
CONDITIONS = {0x100: CAPACITY_CHANGED, 0x200: LUNS_CHANGED}
STATES = (VolumeState(8), VolumeState(16), VolumeState(0), VolumeState(16, present=False), VolumeState(8, True, True))


class Ear:
    """Takes what is raised, after random waits."""

    def __init__(self, dut: Any, rng: random.Random) -> None:
        self.dut, self.rng = dut, rng
        self.told: dict[tuple[int, int], set[Sense]] = {}
        self.quiet = 0

    def drive(self) -> None:
        self.dut.raise_ready.value = self.rng.getrandbits(1)

    def sample(self) -> None:
        dut = self.dut
        self.quiet = 0 if number(dut.raise_valid) else self.quiet + 1
        if number(dut.raise_valid) and number(dut.raise_ready):
            initiators, volumes = number(dut.raise_initiators), number(dut.raise_volumes)
            for initiator in (i for i in range(32) if initiators >> i & 1):
                for volume in (v for v in range(16) if volumes >> v & 1):
                    told = self.told.setdefault((initiator, volume), set())
                    told.add(CONDITIONS[number(dut.raise_condition)])


@cocotb.test()
async def tells_what_the_model_tells(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    target = ScsiTarget([rng.choice(STATES) for _ in range(VOLUMES)], 1)
    ear = Ear(dut, rng)
    clocked = Clocked(dut, ear)

    def show() -> None:
        volumes = target.volumes
        dut.cfg_volume_blocks.value = sum(v.blocks << 32 * i for i, v in enumerate(volumes))
        dut.cfg_volume_flags.value = sum((v.present | v.write_protected << 1) << 2 * i for i, v in enumerate(volumes))

    names = "login_valid login_initiator login_hidden raise_ready cfg_volume_blocks cfg_volume_flags"
    await clocked.start(**dict.fromkeys(names.split(), 0))
    show()  # nobody has logged in: nobody is told
    compared = 0
    for _ in range(600):
        for waiting in target.attentions.values():
            waiting.clear()
        ear.told.clear()
        if rng.random() < 0.3:
            initiator, hidden = rng.randrange(32), rng.choice((0, 0, 1, 6))
            target.login(0, initiator, hidden=hidden)
            dut.login_valid.value, dut.login_initiator.value, dut.login_hidden.value = 1, initiator, hidden
            await clocked.clock()
            dut.login_valid.value = 0
        else:
            for _ in range(rng.randint(1, 3)):
                target.configure(rng.randrange(VOLUMES), rng.choice(STATES))
                show()
                await clocked.clock()
        ear.quiet = 0
        for _ in range(100):
            if ear.quiet > 2:
                break
            await clocked.clock()
        else:
            raise AssertionError("it does not come to rest in 100 clocks")
        for key, waiting in target.attentions.items():
            told = ear.told.get(key, set())
            assert told == waiting - {NEXUS_LOSS}, f"initiator, volume {key}: told {told}, not {waiting}"
            compared += bool(told)
    assert compared > 1000
