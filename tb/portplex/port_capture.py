# SPDX-License-Identifier: Apache-2.0
"""A capture of everything that passes a device's ports, in the order of time."""

from __future__ import annotations

import heapq
from pathlib import Path

from portplex.fc.capture import INBOUND, OUTBOUND, CaptureWriter, fc_record
from portplex.framelink import Frame
from portplex.model.frame_rules import Direction

WORD_NS = 4
LONGEST_FRAME = 1_000  # words; no frame that starts earlier can still be under way


class PortCapture:
    """A pcapng file with link type 225 and an interface for each port; `observe` is a tap. Directions are those of the
    device."""

    def __init__(self, path: Path, ports: int = 1) -> None:
        self.path = path
        self.writer = CaptureWriter(path, [f"port {number}" for number in range(ports)])
        self._waiting: list[tuple[int, int, bytes, int, int]] = []
        self._count = 0

    def observe(self, frame: Frame, direction: Direction, port: int = 0) -> None:
        way = OUTBOUND if direction is Direction.FROM_DEVICE else INBOUND
        self._count += 1
        record = fc_record(frame.sof, frame.data, frame.crc, frame.eof)
        heapq.heappush(self._waiting, (frame.start, self._count, record, way, port))
        while self._waiting[0][0] < frame.end - LONGEST_FRAME:
            self._put()

    def _put(self) -> None:
        start, _, record, direction, port = heapq.heappop(self._waiting)
        self.writer.write(start * WORD_NS, record, interface=port, direction=direction)

    def close(self) -> None:
        """Write what waits and finish the file; calling it again does nothing."""
        while self._waiting:
            self._put()
        self.writer.close()
