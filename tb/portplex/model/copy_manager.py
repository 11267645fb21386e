# SPDX-License-Identifier: Apache-2.0
"""Copy manager: what becomes of an EXTENDED COPY(LID1) command, from its parameter list and from what the backup engine
makes of each segment (SPC-4 5.17, 6.4), and what RECEIVE COPY RESULTS tells of it. Lengths in blocks of 512 bytes
unless they are said to be bytes."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from portplex.model.backup import Refusal
from portplex.scsi.sense import Sense, SenseKey
from portplex.scsi.xcopy import CSCD_BYTES, HEADER_BYTES, NO_ID, OWN_UNIT, SEGMENT_BYTES, CopyState, CscdType

MAX_CSCDS = 4
MAX_SEGMENTS = 8
HELD = 8
"""Copies that have ended of which the results are held."""

NO_SENSE = (0, 0, 0)
MEDIUM_ERROR = Sense(SenseKey.MEDIUM_ERROR, 0x11, 0)
ERROR_STATUS, ERROR_SMALL, ERROR_CACHE = 4, 0x1A, 0x20

_REFUSED = {
    Refusal.SELF: (0x26, 0x0C),
    Refusal.CONFLICT: (0x00, 0x16),
    Refusal.NO_PORT: (0x08, 0x04),
    Refusal.VOLUME: (0x21, 0x00),
    Refusal.LBA: (0x21, 0x00),
    Refusal.CHUNK: (0x21, 0x00),
}


@dataclass(frozen=True, slots=True)
class Part:
    """A segment as a job of the backup engine: blocks `first` to `end` of the volume go to block `lba` on of the
    device, over the ports of the mask `ports` (0: any)."""

    volume: int
    first: int
    end: int
    port_id: int
    lun: int
    lba: int
    ports: int = 0


@dataclass(frozen=True, slots=True)
class JobEnd:
    """What the engine made of a part: refused, done, or `copied` blocks and an error; `aborted` by the console;
    `no_job`: none was free."""

    refused: Refusal = Refusal.NONE
    copied: int | None = None
    error: int = 0
    sense: int = 0
    aborted: bool = False
    no_job: bool = False


@dataclass(slots=True)
class CopyEnd:
    """How an EXTENDED COPY ended. `left` is INFORMATION (blocks of the segment not copied), None when not valid."""

    sense: tuple[int, int, int] = NO_SENSE
    left: int | None = None
    segment: int = 0
    bytes_copied: int = 0
    processed: int = 0
    source_failed: bool = False
    device_status: int | None = None
    device_sense: Sense | None = None

    @property
    def failed(self) -> bool:
        return self.sense != NO_SENSE

    def status_data(self) -> bytes:
        """RECEIVE COPY STATUS data of a copy that has ended."""
        state = CopyState.FAILED if self.failed else CopyState.COMPLETED
        return struct.pack(">IBHBI", 8, state, self.processed, 0, self.bytes_copied)

    def failure_data(self) -> bytes:
        """FAILED SEGMENT DETAILS data."""
        if not self.failed:
            return bytes(4)
        device, at = b"", bytes(2)
        if self.device_status is not None and self.device_sense is not None:
            device = bytes((0, 0, self.device_status)) + self.device_sense.pack()
            at = bytes((20, 0)) if self.source_failed else bytes((0, 20))
        head = struct.pack(">BBBIB", 0xF0, 0, self.sense[0], self.left or 0, 10 + len(device))
        sense = head + at + struct.pack(">HBB4x", self.segment, self.sense[1], self.sense[2]) + device
        return struct.pack(">I52xBBH", 56 + len(sense), 2, 0, len(sense)) + sense


@dataclass(slots=True)
class _Cscd:
    own: bool
    far: bool
    disk: bool
    port_id: int
    lun: int
    ports: int


class ListRefusedError(Exception):
    """The parameter list is wrong before a segment has been looked at: sense in args[0]."""


def _need(legal: bool, asc: int, ascq: int = 0) -> None:
    if not legal:
        raise ListRefusedError((5, asc, ascq))


class CopyManager:
    """Results of copies, and the engine that does the work: it is asked once a segment."""

    def __init__(self, designator: Callable[[int], bytes], engine: Callable[[Part], JobEnd], ports: int = 1) -> None:
        self.designator = designator
        self.engine = engine
        self.ports = ports
        self.results: deque[tuple[tuple[int, int, int], CopyEnd]] = deque(maxlen=HELD)

    def find(self, initiator: int, volume: int, list_id: int) -> CopyEnd | None:
        """The newest result with this list identifier."""
        key = (initiator, volume, list_id)
        return next((end for k, end in reversed(self.results) if k == key), None)

    def run(self, data: bytes, volume: int, initiator: int) -> CopyEnd:
        """An EXTENDED COPY with this parameter list, to its end."""
        try:
            cscds, segments = self._check(data, volume)
        except ListRefusedError as refused:
            return CopyEnd(refused.args[0])
        end = CopyEnd()
        for number, segment in enumerate(segments):
            end.segment, end.processed = number, number + 1
            if not self._segment(end, segment, cscds, volume):
                break
        if not end.failed:
            end.processed = len(segments)
        if data[1] >> 3 & 3 != NO_ID:
            self.results.append(((initiator, volume, data[0]), end))
        return end

    def limits_data(self) -> bytes:
        """OPERATING PARAMETERS data."""
        types = bytes((0x02, CscdType.N_PORT_ID, CscdType.IDENTIFICATION))
        longest = MAX_CSCDS * CSCD_BYTES + MAX_SEGMENTS * SEGMENT_BYTES
        body = struct.pack(
            ">B3xHHIIIIIHHBBBB3xB",
            1,
            MAX_CSCDS,
            MAX_SEGMENTS,
            longest,
            65535 * 512,
            0,
            0,
            0,
            0,
            1,
            1,
            9,
            0,
            0,
            len(types),
        )
        return struct.pack(">I", len(body + types)) + body + types

    def _check(self, data: bytes, volume: int) -> tuple[list[_Cscd], list[bytes]]:
        usage, cscd_bytes = data[1] >> 3 & 3, int.from_bytes(data[2:4], "big")
        segment_bytes, inline = struct.unpack_from(">II", data, 8)
        _need(usage != 1 and (usage != NO_ID or data[0] == 0), 0x26)
        _need(cscd_bytes <= MAX_CSCDS * CSCD_BYTES, 0x26, 0x06)
        _need(segment_bytes <= MAX_SEGMENTS * SEGMENT_BYTES, 0x26, 0x08)
        _need(inline == 0, 0x26, 0x0B)
        _need(HEADER_BYTES + cscd_bytes + segment_bytes <= len(data), 0x1A)
        _need(cscd_bytes % CSCD_BYTES == 0, 0x26)
        first = HEADER_BYTES + cscd_bytes
        cscds = [self._cscd(data[at : at + CSCD_BYTES], volume) for at in range(HEADER_BYTES, first, CSCD_BYTES)]
        segments = []
        for at in range(0, segment_bytes, SEGMENT_BYTES):
            segment = data[first + at : first + at + SEGMENT_BYTES]
            _need(segment[0] == 2, 0x26, 0x09)
            _need(segment_bytes - at >= SEGMENT_BYTES, 0x26)
            _need(segment[2:4] == b"\0\x18" and not segment[1] & 4, 0x26)
            segments.append(segment)
        return cscds, segments

    def _cscd(self, data: bytes, volume: int) -> _Cscd:
        kind, port = data[0], int.from_bytes(data[2:4], "big")
        _need(kind in (CscdType.N_PORT_ID, CscdType.IDENTIFICATION), 0x26, 0x07)
        _need(not data[1] & 0xE0, 0x26)
        _need(int.from_bytes(data[29:32], "big") in (0, 512), 0x26)
        own = (data[4] & 0xF, data[5] & 0x3F, data[7]) == (1, 3, 16) and data[8:24] == self.designator(volume)
        return _Cscd(
            own=kind == CscdType.IDENTIFICATION and own,
            far=kind == CscdType.N_PORT_ID and port <= self.ports and not any(data[6:12]),
            disk=data[1] & 0x1F == 0,
            port_id=int.from_bytes(data[21:24], "big"),
            lun=int.from_bytes(data[4:6], "big"),
            ports=1 << port - 1 if port else 0,
        )

    def _segment(self, end: CopyEnd, data: bytes, cscds: list[_Cscd], volume: int) -> bool:
        """One segment; False when the copy ends with it."""
        source_id, destination_id, blocks, first, lba = struct.unpack_from(">HHxxHQQ", data, 4)
        unit = _Cscd(True, False, True, 0, 0, 0)

        def named(number: int) -> _Cscd:
            missing = _Cscd(False, False, True, 0, 0, 0)
            return unit if number == OWN_UNIT else cscds[number] if number < len(cscds) else missing

        source, destination = named(source_id), named(destination_id)
        why = None
        if not source.own or not (destination.own or destination.far):
            why = (0x08, 0x04)
        elif not source.disk or not (destination.own or destination.disk):
            why = (0x0D, 0x03)
        elif destination.own:
            why = (0x26, 0x0C)
        elif first + blocks > 0xFFFFFFFF or lba + blocks > 0xFFFFFFFF:
            why = (0x21, 0x00)
        copied = 0
        if why is None and blocks:
            part = Part(volume, first, first + blocks, destination.port_id, destination.lun, lba, destination.ports)
            job = self.engine(part)
            copied = job.copied if job.copied is not None else 0 if job.refused or job.no_job else blocks
            why = self._why(end, job)
        end.bytes_copied += 512 * copied
        if why is not None:
            end.sense, end.left = (10, *why), blocks - copied
        return why is None

    @staticmethod
    def _why(end: CopyEnd, job: JobEnd) -> tuple[int, int] | None:
        """ASC and ASCQ for what became of a job, None when it is done."""
        if job.no_job:
            return 0x55, 0x03
        if job.refused:
            return _REFUSED[job.refused]
        if job.aborted:
            return 0x5A, 0x00
        if not job.error:
            return None
        error = job.error & 0xFF
        if error == ERROR_CACHE:
            end.source_failed, end.device_status, end.device_sense = True, 2, MEDIUM_ERROR
        elif error in (ERROR_STATUS, ERROR_SMALL):
            sense = Sense(job.sense >> 16 & 0xF, job.sense >> 8 & 0xFF, job.sense & 0xFF)
            end.device_status, end.device_sense = job.error >> 8 & 0xFF, sense
        else:
            return 0x0D, 0x02
        return 0x0D, 0x01
