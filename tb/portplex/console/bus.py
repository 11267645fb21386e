# SPDX-License-Identifier: Apache-2.0
"""Buses of the console: to a running simulation through its control socket, and reads of one look in one request."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from portplex.hil.control import ControlClient, ControlError, ControlGone
from portplex.management import Bus


class ArrayGone(Exception):
    """The array does not answer; the message says why."""


class Refused(Exception):
    """The array, or the console in its place, does not do it. `reason` is a word for programs: `range` for a value
    that cannot be, `absent` for a port, job or entry that is not there, others for the state of things."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@runtime_checkable
class WideBus(Protocol):
    """A bus that reads several registers at once."""

    async def read_many(self, addresses: Sequence[int]) -> list[int]: ...


class SocketBus:
    """Registers of the array behind `portplex serve`. Connects when it is first used, and again after the simulation
    has gone and come back. ArrayGone when nobody answers, Refused for an access the array answers with an error."""

    def __init__(self, path: Path, *, timeout: float = 30.0) -> None:
        self._path = path
        self._timeout = timeout
        self._client: ControlClient | None = None
        self._lock = threading.Lock()  # a connection has one order at a time, also when who asked has lost patience

    async def read(self, address: int) -> int:
        return int(await self._order("read", address=address))

    async def read_many(self, addresses: Sequence[int]) -> list[int]:
        found: list[int] = await self._order("read_many", addresses=list(addresses))
        return found

    async def write(self, address: int, value: int) -> None:
        await self._order("write", address=address, value=value)

    async def fabric(self) -> list[dict[str, Any]] | None:
        """Ports that are logged in with the fabric of the simulation; None where it has none."""
        found: list[dict[str, Any]] | None = await self._order("fabric")
        return found

    async def _order(self, name: str, **arguments: Any) -> Any:
        return await asyncio.to_thread(self._give, name, arguments)

    def _give(self, name: str, arguments: dict[str, Any]) -> Any:
        with self._lock:
            try:
                if self._client is None:
                    self._client = ControlClient(self._path, timeout=self._timeout)
                return self._client.order(name, **arguments)
            except ControlGone as gone:
                self.close()
                raise ArrayGone(str(gone)) from None
            except ControlError as error:
                raise Refused("hardware", str(error)) from None

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


class LookBus:
    """Reads for one look at an array: each register once, and from the second look on all that the look before read in
    one request, in the same order. Of the registers that are wanted seldom a look reads one in SELDOM, so none is older
    than SELDOM looks."""

    SELDOM = 2

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._known: dict[int, bool] = {}  # of the last look: is it wanted seldom?
        self._values: dict[int, int] = {}
        self._turn = 0

    async def begin(self, *, whole: bool = False) -> None:
        """A new look; `whole` reads everything."""
        before, self._known = self._known, {}
        values, self._values = self._values, {}  # a refusal, as from an array with fewer registers, starts anew
        self._turn = (self._turn + 1) % self.SELDOM
        due = [
            address
            for place, (address, seldom) in enumerate(before.items())
            if whole or not seldom or place % self.SELDOM == self._turn
        ]
        await self._read(due)
        self._values = {**{address: values[address] for address in before if address in values}, **self._values}

    async def want(self, addresses: Mapping[int, bool]) -> None:
        """These will be read, True for seldom; what is not there yet is read at once."""
        self._known.update(addresses)
        await self._read([address for address in addresses if address not in self._values])

    async def _read(self, addresses: list[int]) -> None:
        if not addresses:
            return
        if isinstance(self._bus, WideBus):
            found = await self._bus.read_many(addresses)
        else:
            found = [await self._bus.read(address) for address in addresses]
        self._values.update(zip(addresses, found, strict=True))

    async def read(self, address: int) -> int:
        if address not in self._known:
            await self.want({address: False})
        return self._values[address]

    async def write(self, address: int, value: int) -> None:
        raise RuntimeError(f"write to {address:#06x}: a look only reads")
