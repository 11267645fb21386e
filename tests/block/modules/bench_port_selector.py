# SPDX-License-Identifier: Apache-2.0
"""port_selector: every branch of the rule by name, and random tables against select_port."""

from __future__ import annotations

import os
import random
from collections.abc import Collection, Sequence
from typing import Any

import cocotb
from cocotb.triggers import Timer

from portplex.model.load import LIMIT, ControllerLoad, PortLoad, controller_load
from portplex.model.port_selection import select_port

CONTROLLERS, PORTS = int(os.environ["CONTROLLERS"]), int(os.environ["PORTS"])
COUNT = CONTROLLERS * PORTS
ALL = range(COUNT)
TABLES = 4000
LAST = COUNT - 1


def random_access(amount: int, io: int = 10) -> PortLoad:
    return PortLoad(io, amount)


def sequential_access(amount: int, io: int = 10) -> PortLoad:
    return PortLoad(io, amount, sequential=True)


def totals(loads: Sequence[PortLoad]) -> list[ControllerLoad]:
    return [controller_load(loads[c * PORTS : (c + 1) * PORTS]) for c in range(CONTROLLERS)]


async def select(
    dut: Any,
    loads: Sequence[PortLoad],
    *,
    candidates: Collection[int] = ALL,
    controllers: Sequence[ControllerLoad] | None = None,
    holder: int = 0,
    floor: int = 0,
) -> int | None:
    """What the module selects; the model must select the same."""
    controllers = controllers or totals(loads)
    dut.cfg_load_floor.value, dut.holder.value = floor, holder
    dut.candidate.value = sum(1 << port for port in candidates)
    dut.load_amount.value = sum(load.amount << 32 * port for port, load in enumerate(loads))
    dut.load_sequential.value = sum(load.sequential << port for port, load in enumerate(loads))
    dut.controller_io.value = sum(c.io << 32 * number for number, c in enumerate(controllers))
    dut.controller_amount.value = sum(c.amount << 32 * number for number, c in enumerate(controllers))
    await Timer(1, "ns")
    best = int(dut.best.value)
    port = best.bit_length() - 1 if best else None
    expected = select_port(candidates, loads, controllers, holder=holder, load_floor=floor)
    assert best == (0 if port is None else 1 << port), f"{best:b}: one port at most"
    assert port == expected, f"{port} instead of {expected}: {candidates} {loads} {controllers} {holder=} {floor=}"
    return port


@cocotb.test()
async def four_port_example_of_the_source_document(dut: Any) -> None:
    """Sequential work on three ports of four and random work on one: the backup takes the random one, on whichever port
    it is, and on the heavier controller too."""
    for place in ALL:
        for heavier in (None, *range(CONTROLLERS)):
            loads = [
                random_access(90_000_000 if port == place else 0)
                if port == place
                else sequential_access(80_000_000 if port // PORTS == heavier else 1000 + port)
                for port in ALL
            ]
            for holder in range(CONTROLLERS):
                assert await select(dut, loads, holder=holder, floor=65536) == place


@cocotb.test()
async def without_a_candidate_none_is_selected(dut: Any) -> None:
    assert await select(dut, [random_access(0)] * COUNT, candidates=()) is None


@cocotb.test()
async def the_only_candidate_is_selected_however_heavy(dut: Any) -> None:
    for port in ALL:
        loads = [sequential_access(LIMIT) if p == port else random_access(0) for p in ALL]
        assert await select(dut, loads, candidates={port}) == port


@cocotb.test(skip=PORTS < 2)
async def random_comes_before_sequential(dut: Any) -> None:
    loads = [sequential_access(1) if p % 2 == 0 else random_access(1_000_000) for p in ALL]
    assert await select(dut, loads, candidates={0, 1}) == 1


@cocotb.test(skip=PORTS < 2)
async def of_random_ports_the_smaller_amount_is_selected(dut: Any) -> None:
    assert await select(dut, [random_access(5000 - p) for p in ALL], candidates={0, 1}) == 1


@cocotb.test(skip=PORTS < 2)
async def of_sequential_ports_the_smaller_amount_is_selected(dut: Any) -> None:
    assert await select(dut, [sequential_access(5000 - p) for p in ALL], candidates={0, 1}) == 1


@cocotb.test()
async def of_equal_ports_the_lower_number_is_selected(dut: Any) -> None:
    assert await select(dut, [random_access(7)] * COUNT) == 0
    assert await select(dut, [sequential_access(7)] * COUNT) == 0
    assert await select(dut, [random_access(7)] * COUNT, candidates={LAST}) == LAST


@cocotb.test()
async def a_port_without_io_is_random_with_amount_0(dut: Any) -> None:
    loads = [PortLoad() if p == LAST else sequential_access(1) for p in ALL]
    assert await select(dut, loads) == LAST
    if CONTROLLERS == 1:  # with two, the controllers come before the amount
        assert await select(dut, [PortLoad() if p == LAST else random_access(1) for p in ALL]) == LAST


@cocotb.test(skip=CONTROLLERS < 2)
async def the_controller_with_the_larger_amount_is_heavier(dut: Any) -> None:
    """It loses even with the port of the smallest amount, and with fewer I/O."""
    for heavy in (0, 1):
        loads = [random_access(500 if p // PORTS == heavy else 1000) for p in ALL]
        amounts = [ControllerLoad(io=1 if c == heavy else 900, amount=70000 + (c == heavy)) for c in (0, 1)]
        assert await select(dut, loads, controllers=amounts, holder=heavy) == (1 - heavy) * PORTS


@cocotb.test(skip=CONTROLLERS < 2)
async def below_the_floor_the_number_of_io_tells(dut: Any) -> None:
    for busy in (0, 1):
        loads = [random_access(100)] * COUNT
        controllers = [ControllerLoad(io=50 + (c == busy), amount=9000 - 1000 * (c == busy)) for c in (0, 1)]
        assert await select(dut, loads, controllers=controllers, holder=busy, floor=9001) == (1 - busy) * PORTS


@cocotb.test(skip=CONTROLLERS < 2)
async def one_controller_at_the_floor_is_compared_by_amount(dut: Any) -> None:
    for busy in (0, 1):
        loads = [random_access(100)] * COUNT
        controllers = [ControllerLoad(io=50 - (c == busy), amount=8999 + (c == busy)) for c in (0, 1)]
        assert await select(dut, loads, controllers=controllers, holder=busy, floor=9000) == (1 - busy) * PORTS


@cocotb.test(skip=CONTROLLERS < 2)
async def of_equal_controllers_the_holder_keeps_the_backup(dut: Any) -> None:
    for holder in (0, 1):
        for floor in (0, 65536):  # by amount, and by number of I/O
            assert await select(dut, [random_access(512)] * COUNT, holder=holder, floor=floor) == holder * PORTS
    controllers = [ControllerLoad(io=10, amount=600), ControllerLoad(io=10, amount=500)]
    loads = [random_access(512)] * COUNT
    assert await select(dut, loads, controllers=controllers, holder=1, floor=601) == PORTS, "equal numbers of I/O"
    controllers = [ControllerLoad(io=9, amount=600), ControllerLoad(io=10, amount=600)]
    assert await select(dut, loads, controllers=controllers, holder=1, floor=600) == PORTS, "equal amounts"


@cocotb.test(skip=CONTROLLERS < 2)
async def the_lighter_controller_without_a_candidate_is_passed_over(dut: Any) -> None:
    loads = [random_access(1000 if p < PORTS else 1) for p in ALL]
    assert await select(dut, loads, candidates=range(PORTS)) == 0
    loads = [random_access(1000) if p < PORTS else sequential_access(1) for p in ALL]
    assert await select(dut, loads) == 0, "a sequential port is none while there is a random one"


@cocotb.test()
async def random_tables_equal_the_model(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    picked = set()
    for _ in range(TABLES):
        values = [rng.choice((0, 1, 511, 4096, 65536, LIMIT, rng.getrandbits(32))) for _ in range(2)]
        loads = [
            PortLoad(rng.randrange(3), rng.choice((*values, rng.getrandbits(17))), rng.random() < 0.5) for _ in ALL
        ]
        controllers = totals(loads)
        if rng.random() < 0.5:  # not the sum: a controller's totals may be older than its ports'
            controllers = [ControllerLoad(rng.randrange(3), rng.choice(values)) for _ in range(CONTROLLERS)]
        candidates = {p for p in ALL if rng.random() < 0.8}
        floor = rng.choice((0, values[0], values[0] + 1 & LIMIT, 65536, LIMIT))
        picked.add(
            await select(
                dut,
                loads,
                candidates=candidates,
                controllers=controllers,
                holder=rng.randrange(CONTROLLERS),
                floor=floor,
            )
        )
    assert picked == {None, *ALL}
