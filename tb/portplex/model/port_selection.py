# SPDX-License-Identifier: Apache-2.0
"""Reference model of port selection (seed, operation with two or more ports; design section 4), step by step as the
source document tells it. `hdl/array/port_selector.v` does it with one comparison."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from portplex.model.load import ControllerLoad, PortLoad


def lighter_controller(controllers: Sequence[ControllerLoad], holder: int, load_floor: int) -> int:
    """The controller with the smaller transfer amount; when all are below `load_floor` bytes, the one with fewer I/O.
    Of equal ones the `holder` of the backup."""
    low = all(controller.amount < load_floor for controller in controllers)
    loads = [controller.io if low else controller.amount for controller in controllers]
    lightest = [number for number, load in enumerate(loads) if load == min(loads)]
    return holder if holder in lightest else lightest[0]


def select_port(
    candidates: Collection[int],
    loads: Sequence[PortLoad],
    controllers: Sequence[ControllerLoad],
    *,
    holder: int = 0,
    load_floor: int = 0,
) -> int | None:
    """Number of the port a backup is to use, None without a candidate. `loads` has controller 0's ports first, the same
    number for each controller."""
    if not candidates:
        return None
    left = set(candidates)
    ports = len(loads) // len(controllers)
    # Backup is sequential: a port with random work is taken before any with sequential work.
    random = {port for port in left if not loads[port].sequential}
    left = random or left
    lighter = lighter_controller(controllers, holder, load_floor)
    there = {port for port in left if port // ports == lighter}
    left = there or left
    smallest = min(loads[port].amount for port in left)
    return min(port for port in left if loads[port].amount == smallest)
