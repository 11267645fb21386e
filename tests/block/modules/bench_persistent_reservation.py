# SPDX-License-Identifier: Apache-2.0
"""persistent_reservation against model/reservations.py: random actions of many initiators on several volumes."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from clocked import Clocked, number

from portplex.model import reservations as model
from portplex.model.reservations import Reservations

RESERVE_OUT, RESERVE, RELEASE = 18, 19, 20  # OP_*
ACCESS = {"status": 1, "read": 2, "write": 3, "reserve": 4, "out": 5}
CONDITIONS = {0x10: model.PREEMPTED, 0x20: model.RELEASED, 0x40: model.REGISTRATIONS_PREEMPTED}
VOLUMES, INITIATORS = (0, 3, 15), (0, 1, 17, 31)


def port_id(initiator: int) -> int:
    """Port of the array and N_Port_ID of an initiator; the same N_Port_IDs on both ports."""
    return (initiator & 1) << 24 | 0x010200 + initiator // 2


class Resets:
    """A reset of volumes in one clock that is set beforehand."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.clocks_left, self.volumes = -1, 0

    def drive(self) -> None:
        self.dut.reset_volumes.value = self.volumes if self.clocks_left == 0 else 0
        self.clocks_left -= 1

    def sample(self) -> None:
        pass


class Bench:
    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.resets = Resets(dut)
        self.clocked = Clocked(dut, self.resets)
        self.units = {volume: Reservations() for volume in VOLUMES}
        self.names = dict.fromkeys(INITIATORS, 0)

    async def start(self) -> None:
        names = (
            "check_volume check_initiator check_access login_valid login_initiator login_wwpn reset_volumes in_volume "
            "logout_valid logout_id logout_all port_id "
            "in_initiator start op volume initiator action scope_type key action_key raise_ready"
        )
        await self.clocked.start(**dict.fromkeys(names.split(), 0))
        for initiator in INITIATORS:  # names are not reset
            await self.login(initiator, 0)

    async def login(self, initiator: int, name: int) -> None:
        dut = self.dut
        dut.login_valid.value, dut.login_initiator.value, dut.login_wwpn.value = 1, initiator, name
        await self.clocked.clock()
        dut.login_valid.value = 0
        for unit in self.units.values():
            unit.nexus_lost(initiator, name != self.names[initiator])
        self.names[initiator] = name

    def reset(self, volumes: int) -> None:
        """A reset has come: RESERVE of these volumes ends, registrations and persistent reservations stay."""
        for volume, unit in self.units.items():
            if volumes >> volume & 1:
                unit.reserver = None

    async def act_with_reset(self, relation: int, volumes: int, *command: int) -> None:
        """A command, and a reset of volumes in the clock in which it is taken (0), before (less) or after (more). The
        command is carried out in the clock after it was taken, so it is first if the reset is not older than that."""
        self.resets.clocks_left, self.resets.volumes = max(relation, 0), volumes
        if relation < 0:
            await self.clocked.clocks(-relation)
        if relation <= 0:
            self.reset(volumes)
        await self.act(*command)
        if relation > 0:
            while self.resets.clocks_left >= 0:  # a short command has ended before
                await self.clocked.clock()
            self.reset(volumes)

    async def act(self, op: int, volume: int, initiator: int, action: int, kind: int, key: int, new: int) -> None:
        """One action; status, sense, unit attentions and aborts as the model says."""
        dut = self.dut
        dut.op.value, dut.volume.value, dut.initiator.value = op, volume, initiator
        dut.port_id.value = port_id(initiator)
        dut.action.value, dut.scope_type.value, dut.key.value, dut.action_key.value = action, kind, key, new
        dut.start.value = 1
        told: list[tuple[model.Sense, set[int]]] = []
        for _ in range(60):
            await self.clocked.clock()
            if number(dut.raise_valid):
                await self.clocked.clocks(random.randrange(3))
                mask = number(dut.raise_initiators)
                told.append((CONDITIONS[number(dut.raise_condition)], {i for i in range(32) if mask >> i & 1}))
                dut.raise_ready.value = 1
                await self.clocked.clock()
                dut.raise_ready.value = 0
            if number(dut.done):
                break
        else:
            raise AssertionError("no answer in 60 clocks")
        dut.start.value = 0
        unit = self.units[volume]
        if op == RESERVE_OUT:
            outcome = model.CONFLICT if unit.conflict(initiator, "out") else unit.out(action, initiator, kind, key, new)
        elif unit.keys or not unit.legacy(initiator, release=op == RELEASE):
            outcome = model.CONFLICT
        else:
            outcome = model.Outcome()
        what = f"op {op} volume {volume} initiator {initiator} action {action} kind {kind:02x} keys {key:x} {new:x}"
        key_asc = outcome.sense[0] << 16 | outcome.sense[1] << 8 | outcome.sense[2]
        assert (number(dut.status), number(dut.sense)) == (outcome.status, key_asc), what
        assert number(dut.abort_initiators) == sum(1 << i for i in outcome.aborts), what
        assert told == [(condition, who) for condition, who in outcome.attentions if who], what
        await self.clocked.clock()

    async def compare(self) -> None:
        """Every conflict, and what PERSISTENT RESERVE IN tells."""
        dut = self.dut
        for volume, unit in self.units.items():
            for initiator in INITIATORS:
                dut.check_volume.value, dut.check_initiator.value = volume, initiator
                dut.in_volume.value, dut.in_initiator.value = volume, initiator
                for name, access in ACCESS.items():
                    dut.check_access.value = access
                    await self.clocked.clock()
                    assert number(dut.conflict) == unit.conflict(initiator, name), f"{name} of {initiator}: {unit}"
                assert number(dut.in_registered) == sum(1 << i for i in unit.keys)
                assert number(dut.in_generation) == unit.generation and number(dut.in_held) == (unit.kind is not None)
                if initiator in unit.keys:
                    assert number(dut.in_key) == unit.keys[initiator]
                    assert number(dut.in_holds) == unit.holds(initiator)
                    assert number(dut.in_wwpn) == self.names[initiator]
                if unit.kind is not None:
                    key = 0 if unit.kind in model.ALL_REGISTRANTS else unit.keys[unit.holder]
                    assert (number(dut.in_type), number(dut.in_holder_key)) == (unit.kind, key)


@cocotb.test()
async def equals_the_model(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    random.seed(cocotb.RANDOM_SEED)
    bench = Bench(dut)
    await bench.start()
    for kind in sorted(model.TYPES):  # each type has been seen before chance decides
        for action, key, new in ((0, 0, 1), (1, 1, 0), (3, 1, 0)):  # REGISTER, RESERVE, CLEAR
            await bench.act(RESERVE_OUT, 0, 0, action, kind, key, new)
            assert bench.units[0].kind == (kind if action == 1 else None)
            await bench.compare()
    for step in range(1500):
        volume, initiator = rng.choice(VOLUMES), rng.choice(INITIATORS)
        unit = bench.units[volume]
        mine = unit.keys.get(initiator, 0)
        keys = (mine, mine, mine, *unit.keys.values(), 0, rng.randrange(1, 3), rng.getrandbits(64))
        now = unit.kind or rng.choice(sorted(model.TYPES))
        kind = rng.choice((now, now, now, *model.TYPES, rng.randrange(256)))
        action = rng.choice((0, 0, 1, 1, 2, 4, 4, 5, 6, rng.choice((0, 1, 3))))
        op = rng.choice((RESERVE_OUT,) * 12 + (RESERVE, RELEASE, RELEASE))
        await bench.act(op, volume, initiator, action, kind, rng.choice(keys), rng.choice(keys))
        if rng.random() < 0.05:
            await bench.login(initiator, rng.choice((bench.names[initiator], step)))
        if rng.random() < 0.05:
            bench.resets.clocks_left, bench.resets.volumes = 0, 1 << volume
            await bench.clocked.clock()
            bench.reset(1 << volume)
        if rng.random() < 0.05:
            every, port, n_port_id = rng.random() < 0.2, rng.randrange(2), port_id(initiator) & 0xFFFFFF
            dut.logout_valid.value, dut.logout_all.value = 1 << port, every << port
            dut.logout_id.value = n_port_id << 24 * port
            await bench.clocked.clock()
            dut.logout_valid.value = 0
            for other in bench.units.values():
                holder = -1 if other.reserver is None else port_id(other.reserver)
                if holder == port << 24 | n_port_id or (every and holder >> 24 == port):
                    other.reserver = None
        await bench.compare()


@cocotb.test()
async def reset_in_any_clock_of_a_command(dut: Any) -> None:
    """A reset of some volumes before a command, with it, in each clock of it: RESERVE and RELEASE of a volume that is
    not reset do what they would do without it, a volume that is reset stays reserved only by a command that was taken
    with the reset or after it, and what PERSISTENT RESERVE OUT does stays."""
    rng = random.Random(cocotb.RANDOM_SEED)
    random.seed(cocotb.RANDOM_SEED)
    bench = Bench(dut)
    await bench.start()
    me, other = INITIATORS[2:]
    own, away = VOLUMES[1:]
    for relation in range(-2, 6):
        for volumes in (1 << own, 1 << away, 1 << own | 1 << away, 0xFFFF & ~(1 << own), 0xFFFF):
            for before in (None, me, other):
                for op in (RESERVE, RELEASE):
                    for volume, reserver in ((own, before), (away, other)):
                        if reserver is not None:
                            await bench.act(RESERVE, volume, reserver, 0, 0, 0, 0)
                    await bench.act_with_reset(relation, volumes, op, own, me, 0, 0, 0, 0)
                    await bench.compare()
                    await bench.act_with_reset(0, 0xFFFF, RELEASE, own, me, 0, 0, 0, 0)
    # the same with registrations: PREEMPT takes 36 clocks, and longer with the unit attentions it raises
    for relation in (*range(-2, 6), *range(30, 45)):
        for action in range(7):
            await bench.act(RESERVE, away, other, 0, 0, 0, 0)
            await bench.act(RESERVE_OUT, own, other, 6, 0, 0, 2)  # REGISTER AND IGNORE
            await bench.act(RESERVE_OUT, own, me, 6, 0, 0, 1)
            await bench.act(RESERVE_OUT, own, other, 1, 5, 2, 0)  # RESERVE, Write Exclusive - Registrants Only
            new = 2 if action in (4, 5) else rng.choice((0, 3))
            volumes = rng.choice((0xFFFF, 1 << own, 1 << away))
            await bench.act_with_reset(relation, volumes, RESERVE_OUT, own, me, action, 5, 1, new)
            await bench.compare()
            await bench.act(RESERVE_OUT, own, me, 6, 0, 0, 1)
            await bench.act(RESERVE_OUT, own, me, 3, 0, 1, 0)  # CLEAR
    for _ in range(1000):
        op, volume = rng.choice((RESERVE, RESERVE, RELEASE)), rng.choice(VOLUMES)
        volumes = rng.choice((rng.getrandbits(16), 0, 1 << rng.choice(VOLUMES)))
        await bench.act_with_reset(rng.randrange(-1, 4), volumes, op, volume, rng.choice(INITIATORS), 0, 0, 0, 0)
        await bench.compare()
