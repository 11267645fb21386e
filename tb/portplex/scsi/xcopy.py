# SPDX-License-Identifier: Apache-2.0
"""EXTENDED COPY(LID1) parameter lists and what RECEIVE COPY RESULTS tells (SPC-4 6.4, 6.20 to 6.22): build and parse.

Segments are block to block (type 02h), copy sources and destinations (CSCD) are named by N_Port_ID (E1h) or by the
designator of a logical unit (E4h). Blocks are 512 bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

from portplex.scsi.cdb import OpCode
from portplex.scsi.sense import Sense
from portplex.scsi.vpd import lun_bytes

HEADER_BYTES = 16
CSCD_BYTES = 32
SEGMENT_BYTES = 28
OWN_UNIT = 0xFFFF
"""CSCD descriptor ID of the logical unit that gets the command."""

NO_ID = 3
"""LIST ID USAGE: there is no list identifier, nothing is held."""


class CscdType(IntEnum):
    """Descriptor type codes of copy sources and destinations."""

    N_PORT_NAME = 0xE0
    N_PORT_ID = 0xE1
    N_PORT_ID_AND_NAME = 0xE2
    IDENTIFICATION = 0xE4


class ResultsAction(IntEnum):
    """Service actions of RECEIVE COPY RESULTS."""

    COPY_STATUS = 0x00
    OPERATING_PARAMETERS = 0x03
    FAILED_SEGMENT_DETAILS = 0x04


class CopyState(IntEnum):
    """COPY COMMAND STATUS."""

    IN_PROGRESS = 0
    COMPLETED = 1
    FAILED = 2


def extended_copy(length: int) -> bytes:
    """CDB of EXTENDED COPY(LID1) with a parameter list of `length` bytes."""
    return struct.pack(">BB8xI2x", OpCode.EXTENDED_COPY, 0, length)


def receive_copy_results(action: int, list_id: int = 0, length: int = 1024) -> bytes:
    """CDB of RECEIVE COPY RESULTS; at most `length` bytes are wanted."""
    return struct.pack(">BBB7xI2x", OpCode.RECEIVE_COPY_RESULTS, action, list_id, length)


def n_port_id(address: int, lun: int = 0, *, relative_port: int = 0, block_length: int = 512) -> bytes:
    """CSCD descriptor E1h: a disk's logical unit behind this N_Port_ID, over the array's port `relative_port` (from 1
    on, 0: any)."""
    return struct.pack(">BBH8s8xI4xI", CscdType.N_PORT_ID, 0, relative_port, lun_bytes(lun), address, block_length)


def identification(designator: bytes, *, relative_port: int = 0, block_length: int = 512) -> bytes:
    """CSCD descriptor E4h: a disk by the NAA designator that its VPD page 83h gives the logical unit."""
    return struct.pack(
        ">BBHBBBB20sI", CscdType.IDENTIFICATION, 0, relative_port, 1, 3, 0, len(designator), designator, block_length
    )


def segment(source: int, destination: int, blocks: int, source_lba: int, destination_lba: int, flags: int = 0) -> bytes:
    """Segment descriptor 02h: block device to block device; CSCDs by their number in the list."""
    return struct.pack(">BBHHHxxHQQ", 2, flags, 0x18, source, destination, blocks, source_lba, destination_lba)


def parameter_list(
    cscds: Sequence[bytes], segments: Sequence[bytes], *, list_id: int = 1, usage: int = 0, inline: bytes = b""
) -> bytes:
    """A parameter list; `usage` is the LIST ID USAGE field."""
    sources, descriptors = b"".join(cscds), b"".join(segments)
    head = struct.pack(">BBH4xII", list_id, usage << 3, len(sources), len(descriptors), len(inline))
    return head + sources + descriptors + inline


class CopyStatus(NamedTuple):
    """RECEIVE COPY STATUS data; `moved` is in units of `units` (0: bytes)."""

    state: CopyState
    segments: int
    units: int
    moved: int

    @classmethod
    def unpack(cls, data: bytes) -> CopyStatus:
        if len(data) != 12 or int.from_bytes(data[:4], "big") != 8:
            raise ValueError(f"RECEIVE COPY STATUS data {data.hex(' ')}: must be 12 bytes")
        state, segments, units, moved = struct.unpack_from(">BHBI", data, 4)
        return cls(CopyState(state & 0x7F), segments, units, moved)


class CopyFailure(NamedTuple):
    """Why a copy failed: sense data of the command, INFORMATION (None: not valid), number of the segment, and status
    and sense data of the device that failed, if one did."""

    sense: Sense
    information: int | None
    segment: int
    from_source: bool = False
    device_status: int | None = None
    device_sense: Sense | None = None

    @classmethod
    def unpack(cls, data: bytes) -> CopyFailure | None:
        """From FAILED SEGMENT DETAILS data; None when nothing has failed."""
        available = int.from_bytes(data[:4], "big")
        if available == 0:
            return None
        if available != len(data) - 4 or len(data) < 78:
            raise ValueError(f"FAILED SEGMENT DETAILS data of {len(data)} bytes, {available} available")
        sense = data[60 : 60 + int.from_bytes(data[58:60], "big")]
        information = int.from_bytes(sense[3:7], "big") if sense[0] & 0x80 else None
        at = sense[8] or sense[9]
        found = cls(Sense.unpack(sense), information, int.from_bytes(sense[10:12], "big"), bool(sense[8]))
        return found._replace(device_status=sense[at], device_sense=Sense.unpack(sense[at + 1 :])) if at else found


class CopyLimits(NamedTuple):
    """Operating parameters of a copy manager; lengths in bytes."""

    without_id: bool
    cscds: int
    segments: int
    list_bytes: int
    segment_bytes: int
    copies: int
    granularity: int
    types: tuple[int, ...]

    @classmethod
    def unpack(cls, data: bytes) -> CopyLimits:
        if len(data) < 44 or len(data) != 44 + data[43]:
            raise ValueError(f"OPERATING PARAMETERS data {data.hex(' ')}: wrong length")
        cscds, segments, list_bytes, segment_bytes = struct.unpack_from(">HHII", data, 8)
        return cls(
            bool(data[4] & 1), cscds, segments, list_bytes, segment_bytes, data[36], 1 << data[37], (*data[44:],)
        )
