# SPDX-License-Identifier: Apache-2.0
"""Reference model of backup placement (seed, switching backup processing from one port to another; figure 8), clock by
clock as `hdl/array/backup_placement.v` does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from portplex.model.load import ControllerLoad, PortLoad
from portplex.model.port_selection import select_port

MOVES_LIMIT = 0xFFFF


class Usage(IntEnum):
    """User-specified port information 640."""

    BOTH = 0
    ONLINE_ONLY = 1
    BACKUP_ONLY = 2
    UNDEFINED = 3


@dataclass(frozen=True, slots=True)
class PlacementSettings:
    """`rebalance` in ticks, the others in bytes."""

    rebalance: int = 1
    margin: int = 0
    spread_floor: int = 0
    load_floor: int = 0


@dataclass(frozen=True, slots=True)
class PlacementView:
    """What placement sees in one clock. Lists have controller 0's ports first; `mask` is a bit a port, 0 allows any."""

    loads: Sequence[PortLoad]
    controllers: Sequence[ControllerLoad]
    usage: Sequence[Usage]
    ready: Sequence[bool]
    mask: int = 0
    holder: int = 0

    @property
    def candidates(self) -> frozenset[int]:
        """Ports that may carry a backup now."""
        return frozenset(
            port
            for port, usage in enumerate(self.usage)
            if usage in (Usage.BOTH, Usage.BACKUP_ONLY)
            and self.ready[port]
            and (not self.mask or self.mask >> port & 1)
        )


class BackupPlacement:
    """`step` is one clock; `ports(view)` are the ports new chunks go to, `moves` how often they changed in a job."""

    def __init__(self) -> None:
        self.chosen: frozenset[int] = frozenset()
        self.moves = 0
        self._ticks = 0

    def ports(self, view: PlacementView) -> frozenset[int]:
        """Where new chunks go; empty while there is no candidate: the backup waits."""
        return self.chosen & view.candidates

    def step(
        self, settings: PlacementSettings, view: PlacementView, *, tick: bool, active: bool, started: bool = False
    ) -> None:
        """One clock of a job that is `active`, or is being `started`."""
        look = tick and self._ticks + 1 >= settings.rebalance
        if started:
            self.chosen = self._selection(settings, view)
        elif not active:
            self.chosen = frozenset()
        else:
            lost = not self.chosen or not self.chosen <= view.candidates
            if view.candidates and (lost or look):
                self._choose(settings, view, forced=lost)
        if started or not active or look:
            self._ticks = 0
        elif tick:
            self._ticks += 1

    def _choose(self, settings: PlacementSettings, view: PlacementView, *, forced: bool) -> None:
        new = self._selection(settings, view)
        if len(new) == 1 and len(self.chosen) == 1 and not forced:
            (present,), (other,) = self.chosen, new
            if not _lighter(view.loads[other], view.loads[present], settings.margin):
                return
        if self.chosen and new != self.chosen:
            self.moves = min(self.moves + 1, MOVES_LIMIT)
        self.chosen = new

    @staticmethod
    def _selection(settings: PlacementSettings, view: PlacementView) -> frozenset[int]:
        """Every light candidate when there are two of them, else the best port; empty without a candidate."""
        light = frozenset(p for p in view.candidates if view.loads[p].amount < settings.spread_floor)
        if len(light) >= 2:
            return light
        best = select_port(
            view.candidates, view.loads, view.controllers, holder=view.holder, load_floor=settings.load_floor
        )
        return frozenset() if best is None else frozenset({best})


def _lighter(other: PortLoad, present: PortLoad, margin: int) -> bool:
    """Whether a move pays: random work instead of sequential, or of the same kind less by more than `margin` bytes."""
    if other.sequential != present.sequential:
        return present.sequential
    return other.amount + margin < present.amount
