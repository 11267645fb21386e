# SPDX-License-Identifier: Apache-2.0
"""Writes every frame the monitor publishes to a capture file, in the order of time."""

from __future__ import annotations

import heapq
from pathlib import Path

from pyuvm import ConfigDB, uvm_subscriber

from portplex.bfm.executor import WORD_NS
from portplex.fc.capture import INBOUND, OUTBOUND, CaptureWriter, fc_record
from portplex.model.frame_rules import Direction
from portplex.uvm.items import ObservedFrame

LONGEST_FRAME = 1_000  # words; no frame that starts earlier can still be under way


class FrameCapture(uvm_subscriber):
    """A pcapng file with link type 225; its path is `CAPTURE` in the ConfigDB. Direction is that of the device."""

    def build_phase(self) -> None:
        self.path: Path = ConfigDB().get(self, "", "CAPTURE")
        self.writer = CaptureWriter(self.path, ["port 0"])
        self._waiting: list[tuple[int, int, bytes, int]] = []
        self._count = 0

    def write(self, item: ObservedFrame) -> None:
        frame = item.frame
        direction = OUTBOUND if item.direction is Direction.FROM_DEVICE else INBOUND
        self._count += 1
        record = fc_record(frame.sof, frame.data, frame.crc, frame.eof)
        heapq.heappush(self._waiting, (frame.start, self._count, record, direction))
        while self._waiting[0][0] < frame.end - LONGEST_FRAME:
            self._put()

    def _put(self) -> None:
        start, _, record, direction = heapq.heappop(self._waiting)
        self.writer.write(start * WORD_NS, record, direction=direction)

    def close(self) -> None:
        """Write what waits and finish the file; the final phase does this for a test that has not."""
        while self._waiting:
            self._put()
        self.writer.close()

    def final_phase(self) -> None:
        self.close()
