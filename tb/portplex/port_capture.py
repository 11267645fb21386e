# SPDX-License-Identifier: Apache-2.0
"""A capture of everything that passes a device's ports, in the order of time."""

from __future__ import annotations

from bisect import bisect_left
from math import inf
from pathlib import Path

from portplex.fc.capture import INBOUND, OUTBOUND, CaptureWriter, fc_record
from portplex.framelink import Frame
from portplex.model.frame_rules import Direction

WORD_NS = 4
LONGEST_FRAME = 1_000  # words; no frame that starts earlier can still be under way
TOGETHER = 64  # frames sorted and written at a time


def _start(waiting: tuple[Frame, Direction, int]) -> int:
    return waiting[0].start


class PortCapture:
    """A pcapng file with link type 225 and an interface for each port; `observe` is a tap. Directions are those of the
    device."""

    def __init__(self, path: Path, ports: int = 1) -> None:
        self.path = path
        self.writer = CaptureWriter(path, [f"port {number}" for number in range(ports)])
        self._waiting: list[tuple[Frame, Direction, int]] = []  # as they came: by the time they ended

    def observe(self, frame: Frame, direction: Direction, port: int = 0) -> None:
        self._waiting.append((frame, direction, port))
        if len(self._waiting) >= TOGETHER:
            self._write_before(frame.end - LONGEST_FRAME)

    def _write_before(self, limit: float) -> None:
        """Write the frames that started before word `limit` in the order in which they did."""
        outward = Direction.FROM_DEVICE
        self._waiting.sort(key=_start)
        count = bisect_left(self._waiting, limit, key=_start)
        for frame, direction, port in self._waiting[:count]:
            record = fc_record(frame.sof, frame.data, frame.crc, frame.eof)
            way = OUTBOUND if direction is outward else INBOUND
            self.writer.write(frame.start * WORD_NS, record, interface=port, direction=way)
        del self._waiting[:count]

    def close(self) -> None:
        """Write what waits and finish the file; calling it again does nothing."""
        self._write_before(inf)
        self.writer.close()
