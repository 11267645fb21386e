# SPDX-License-Identifier: Apache-2.0
"""Register accesses: the Python half of an axil_bfm."""

from __future__ import annotations

from collections import deque

from cocotb.triggers import Event as Signal

from portplex.bfm.library import Event
from portplex.bfm.transactors import Transactors

DEADLINE = 10_000


class BusError(Exception):
    """An access that did not end well; the message names it and how it ended."""


class _Access:
    __slots__ = ("data", "done", "status", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.done = Signal()
        self.status = 0
        self.data = 0


class AxiLite:
    """AXI4-Lite master with number `number`: one access at a time, in the order asked for."""

    def __init__(
        self, transactors: Transactors, number: int = 0, *, address_width: int = 16, deadline: int = DEADLINE
    ) -> None:
        self._library = transactors.library
        self.number = number
        self.deadline = deadline
        self._limit = 1 << address_width
        self._open: deque[_Access] = deque()
        transactors.attach_master(number, self._deliver)

    async def read(self, address: int, *, deadline: int | None = None) -> int:
        """The 32-bit word at `address` (a multiple of 4). Raises BusError: SLVERR, DECERR, deadline (clocks), reset."""
        return await self._access(False, address, 0, deadline)

    async def write(self, address: int, value: int, *, deadline: int | None = None) -> None:
        """Write a 32-bit word; returns when the slave has answered. Raises BusError as `read`."""
        if not 0 <= value < 1 << 32:
            raise ValueError(f"value={value}: must be 0 to 0xFFFFFFFF")
        await self._access(True, address, value, deadline)

    async def _access(self, write: bool, address: int, value: int, deadline: int | None) -> int:
        if address & 3 or not 0 <= address < self._limit:
            raise ValueError(f"address={address:#x}: must be a multiple of 4 below {self._limit:#x}")
        deadline = self.deadline if deadline is None else deadline
        if not 1 <= deadline < 1 << 31:
            raise ValueError(f"deadline={deadline}: must be 1 to {(1 << 31) - 1} clocks")
        access = _Access(f"write {value:#010x} to {address:#06x}" if write else f"read {address:#06x}")
        self._open.append(access)
        self._library.axil_push(self.number, write, address, value, deadline)
        await access.done.wait()
        if access.status:
            ends = {1: "EXOKAY", 2: "SLVERR", 3: "DECERR", 4: f"no answer within {deadline} clocks", 5: "reset"}
            raise BusError(f"{access.text}: {ends[access.status]}")
        return access.data

    def _deliver(self, event: Event) -> None:
        access = self._open.popleft()
        access.status, access.data = event.flags, event.value
        access.done.set()
