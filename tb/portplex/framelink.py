# SPDX-License-Identifier: Apache-2.0
"""What every FC port looks like to the software above it: frames in, frames out, link up or down. No simulator here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(slots=True)
class Frame:
    """One frame as on the wire. `data` is header (24 bytes) and payload, without CRC; times are words since reset."""

    data: bytes
    sof: int
    eof: int
    crc: int = 0
    crc_ok: bool = True
    start: int = 0
    end: int = 0


class FrameLink(Protocol):
    """One end of a link that carries whole frames: a transactor in simulation, a queue in tests, a network interface.

    `on_frame` is called once for each good frame received, `on_link` when the link comes up (True) or goes down
    (False). `send` never blocks: the frame waits for credit, and is dropped and counted when the link is down.
    """

    on_frame: Callable[[Frame], None] | None
    on_link: Callable[[bool], None] | None

    def send(self, frame: bytes, *, initiate: bool = True, terminate: bool = True) -> None:
        """Queue header and payload (24 to 2136 bytes, a multiple of 4; no CRC) with SOFi3 or SOFn3 and EOFt or EOFn."""
        ...
