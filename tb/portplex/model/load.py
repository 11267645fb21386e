# SPDX-License-Identifier: Apache-2.0
"""Reference model of the load tables: port load information 450 (seed figure 5) and controller load information 610
(figure 6), as `hdl/array/load_monitor.v` keeps them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

BLOCK_BYTES = 512
WRITE_WEIGHT = 4  # seed, figure 5: the times data of a write is moved for duplexing
LIMIT = 0xFFFFFFFF  # every number is 32 bits and stops there


@dataclass(frozen=True, slots=True)
class Command:
    """One accepted READ or WRITE. `lba` and `blocks` are 32 bits, in blocks of 512 bytes."""

    write: bool
    volume: int
    lba: int
    blocks: int

    @property
    def amount(self) -> int:
        """What it adds to the transfer amount 452, in bytes."""
        return self.blocks * BLOCK_BYTES * (WRITE_WEIGHT if self.write else 1)

    def continues(self, previous: Command | None) -> bool:
        """Whether access is sequential: volume and direction of the previous command, from the block where it ended."""
        return previous is not None and (self.write, self.volume, self.lba) == (
            previous.write,
            previous.volume,
            previous.lba + previous.blocks,
        )


@dataclass(frozen=True, slots=True)
class PortLoad:
    """One window of a port: number of I/O operations 451, transfer amount 452 in bytes, access information 453."""

    io: int = 0
    amount: int = 0
    sequential: bool = False


@dataclass(frozen=True, slots=True)
class ControllerLoad:
    """One window of a controller: number of I/O operations 611, transfer amount 612 in bytes."""

    io: int = 0
    amount: int = 0


class LoadWindow:
    """The window under way of one port. The previous command is remembered from window to window. `io` and `amount` go
    on beyond the largest number of the tables."""

    def __init__(self) -> None:
        self.io = 0
        self.amount = 0
        self._previous: Command | None = None
        self._sequential = False

    def command(self, command: Command) -> None:
        """A command the port's array has accepted."""
        self.io += 1
        self.amount += command.amount
        self._sequential = command.continues(self._previous)
        self._previous = command

    def end(self) -> PortLoad:
        """The window ends: its numbers; the next one begins empty."""
        load = PortLoad(min(self.io, LIMIT), min(self.amount, LIMIT), self._sequential)
        self.io = self.amount = 0
        self._sequential = False
        return load


def controller_load(ports: Iterable[PortLoad]) -> ControllerLoad:
    """Totals of a controller's ports."""
    ports = list(ports)
    return ControllerLoad(
        io=min(sum(port.io for port in ports), LIMIT), amount=min(sum(port.amount for port in ports), LIMIT)
    )
