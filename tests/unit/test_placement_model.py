# SPDX-License-Identifier: Apache-2.0
"""Properties of port selection and of backup placement: what must hold in any history, whatever the tables say."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from portplex.model.load import LIMIT, ControllerLoad, PortLoad, controller_load
from portplex.model.placement import BackupPlacement, PlacementSettings, PlacementView, Usage
from portplex.model.port_selection import lighter_controller, select_port

AMOUNTS = st.one_of(st.sampled_from((0, 1, 4096, 65536, LIMIT)), st.integers(0, LIMIT))
LOADS = st.builds(PortLoad, io=st.integers(0, 3), amount=AMOUNTS, sequential=st.booleans())
FOUR = st.lists(LOADS, min_size=4, max_size=4)
CANDIDATES = st.sets(st.integers(0, 3))
FLOORS = st.sampled_from((0, 4097, LIMIT))


def totals(loads: list[PortLoad]) -> list[ControllerLoad]:
    return [controller_load(loads[:2]), controller_load(loads[2:])]


@pytest.mark.parametrize("place", range(4))
def test_four_port_example_of_the_source_document(place: int) -> None:
    """Sequential work on three ports, random on one: it takes the backup wherever it is and whatever else is so."""
    for amounts, holder in product(permutations((0, 1000, 70_000, 9_000_000)), (0, 1)):
        loads = [PortLoad(9, amount, sequential=port != place) for port, amount in enumerate(amounts)]
        assert select_port(range(4), loads, totals(loads), holder=holder, load_floor=65536) == place


@given(loads=FOUR, candidates=CANDIDATES, holder=st.integers(0, 1), floor=FLOORS)
def test_no_port_is_better_than_the_selected_one(
    loads: list[PortLoad], candidates: set[int], holder: int, floor: int
) -> None:
    controllers = totals(loads)
    lighter = lighter_controller(controllers, holder, floor)
    selected = select_port(candidates, loads, controllers, holder=holder, load_floor=floor)
    if not candidates:
        assert selected is None
        return
    assert selected in candidates
    order = {p: (loads[p].sequential, p // 2 != lighter, loads[p].amount, p) for p in candidates}
    assert order[selected] == min(order.values())


@given(loads=FOUR, holder=st.integers(0, 1), floor=FLOORS)
def test_the_lighter_controller(loads: list[PortLoad], holder: int, floor: int) -> None:
    controllers = totals(loads)
    lighter = lighter_controller(controllers, holder, floor)
    light, heavy = controllers[lighter], controllers[1 - lighter]
    if max(light.amount, heavy.amount) < floor:
        assert light.io <= heavy.io
        assert light.io != heavy.io or lighter == holder
    else:
        assert light.amount <= heavy.amount
        assert light.amount != heavy.amount or lighter == holder


@given(loads=FOUR, candidates=CANDIDATES, margin=AMOUNTS, spread=FLOORS)
def test_a_standing_load_moves_the_backup_once_at_most(
    loads: list[PortLoad], candidates: set[int], margin: int, spread: int
) -> None:
    """A look that finds nothing new changes nothing: a backup does not wander between ports."""
    placement, table = BackupPlacement(), PlacementSettings(1, margin, spread)
    first = PlacementView([PortLoad()] * 4, totals([PortLoad()] * 4), [Usage.BOTH] * 4, [True] * 4)
    placement.step(table, first, tick=False, active=True, started=True)
    view = replace(first, loads=loads, controllers=totals(loads), ready=[p in candidates for p in range(4)])
    placement.step(table, view, tick=True, active=True)
    chosen, moves = placement.chosen, placement.moves
    for _ in range(5):
        placement.step(table, view, tick=True, active=True)
        assert (placement.chosen, placement.moves) == (chosen, moves)


class Placement(RuleBasedStateMachine):
    """Any history of loads, settings, links and jobs on one controller's two ports."""

    def __init__(self) -> None:
        super().__init__()
        self.placement = BackupPlacement()
        self.settings = PlacementSettings(rebalance=2)
        self.loads = [PortLoad(), PortLoad()]
        self.usage = [Usage.BOTH, Usage.BOTH]
        self.ready = [True, True]
        self.mask = 0
        self.active = False

    def view(self) -> PlacementView:
        return PlacementView(self.loads, [controller_load(self.loads)], self.usage, self.ready, self.mask)

    @rule(port=st.integers(0, 1), load=LOADS)
    def load(self, port: int, load: PortLoad) -> None:
        self.loads[port] = load

    @rule(rebalance=st.integers(0, 3), margin=AMOUNTS, spread=FLOORS)
    def set(self, rebalance: int, margin: int, spread: int) -> None:
        self.settings = PlacementSettings(rebalance, margin, spread)

    @rule(port=st.integers(0, 1), ready=st.booleans(), usage=st.sampled_from(Usage))
    def switch(self, port: int, ready: bool, usage: Usage) -> None:
        self.ready[port], self.usage[port] = ready, usage

    @rule(mask=st.integers(0, 3))
    def start(self, mask: int) -> None:
        self.mask, self.active = mask, True
        moves = self.placement.moves
        self.placement.step(self.settings, self.view(), tick=False, active=True, started=True)
        assert self.placement.moves == moves, "a start is no move"
        assert bool(self.placement.ports(self.view())) == bool(self.view().candidates)

    @rule()
    def end(self) -> None:
        self.active = False
        self.placement.step(self.settings, self.view(), tick=False, active=False)
        assert not self.placement.chosen

    @rule(tick=st.booleans())
    def clock(self, tick: bool) -> None:
        view, before, moves = self.view(), self.placement.chosen, self.placement.moves
        self.placement.step(self.settings, view, tick=tick, active=self.active)
        after = self.placement.chosen
        assert self.placement.moves == moves + bool(before and after and before != after)
        if not self.active:
            assert not after
            return
        assert bool(self.placement.ports(view)) == bool(view.candidates), "a backup waits only without a candidate"
        if before and before <= view.candidates and before != after:
            assert tick, "a port that is still allowed is left at a regular look only"
            light = {p for p in view.candidates if self.loads[p].amount < self.settings.spread_floor}
            if len(light) == 2:
                assert after == light
            elif len(before) == 1:
                (here,), (there,) = before, after
                attracted = self.loads[here].sequential and not self.loads[there].sequential
                gain = self.loads[here].amount - self.loads[there].amount
                assert attracted or gain > self.settings.margin

    @invariant()
    def only_candidates_are_placed(self) -> None:
        for port in self.placement.ports(self.view()):
            assert self.ready[port] and self.usage[port] in (Usage.BOTH, Usage.BACKUP_ONLY)
            assert not self.mask or self.mask >> port & 1


TestPlacement = Placement.TestCase
TestPlacement.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
