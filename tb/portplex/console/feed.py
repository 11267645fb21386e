# SPDX-License-Identifier: Apache-2.0
"""One reader of the array for any number of viewers; it reads only while somebody looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from portplex.console.array import ArrayConsole
from portplex.console.bus import ArrayGone, Refused
from portplex.console.facts import Snapshot

PERIOD = 0.1  # seconds between two looks
RETRY = 1.0  # the same after one that failed
HEARTBEAT = 5.0  # a viewer hears that often from us when nothing changes


class Feed:
    """`follow()` gives what there is and then every change: a Snapshot, the reason (str) why there is none, or None
    when nothing has changed for HEARTBEAT seconds. A slow viewer gets the newest, and misses what was between."""

    def __init__(self, array: ArrayConsole, *, period: float = PERIOD) -> None:
        self.viewers = 0
        self._array = array
        self._period = period
        self._seen: Snapshot | str | None = None
        self._changed = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None
        self._closed = False

    def close(self) -> None:
        """No more: every `follow` ends."""
        self._closed = True
        self._changed.set()

    async def follow(self) -> AsyncIterator[Snapshot | str | None]:
        self.viewers += 1
        if self._reader is None:
            self._reader = asyncio.create_task(self._read())
        last: Snapshot | str | None = None
        try:
            while not self._closed:
                changed = self._changed
                if self._seen is not None and self._seen is not last:
                    last = self._seen
                    yield last
                    continue
                try:
                    await asyncio.wait_for(changed.wait(), HEARTBEAT)
                except TimeoutError:
                    yield None
        finally:
            self.viewers -= 1
            if not self.viewers and self._reader is not None:
                self._reader.cancel()
                self._reader = None
                self._seen = None

    async def _read(self) -> None:
        while True:
            pause = self._period
            seen: Snapshot | str
            try:
                seen = await self._array.look()
            except (ArrayGone, Refused, RuntimeError, ValueError) as error:  # gone, or no array, or one not known
                seen, pause = str(error), RETRY
            if seen != self._seen:
                self._seen = seen
                self._changed.set()
                self._changed = asyncio.Event()
            await asyncio.sleep(pause)
