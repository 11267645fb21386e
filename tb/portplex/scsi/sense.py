# SPDX-License-Identifier: Apache-2.0
"""SCSI sense data: what a CHECK CONDITION says (SPC-5, fixed format 70h and descriptor format 72h)."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

FIXED_BYTES = 18


class SenseKey(IntEnum):
    """Sense key, 4 bits."""

    NO_SENSE = 0x0
    RECOVERED_ERROR = 0x1
    NOT_READY = 0x2
    MEDIUM_ERROR = 0x3
    HARDWARE_ERROR = 0x4
    ILLEGAL_REQUEST = 0x5
    UNIT_ATTENTION = 0x6
    DATA_PROTECT = 0x7
    BLANK_CHECK = 0x8
    VENDOR = 0x9
    COPY_ABORTED = 0xA
    ABORTED_COMMAND = 0xB
    VOLUME_OVERFLOW = 0xD
    MISCOMPARE = 0xE
    COMPLETED = 0xF


class Sense(NamedTuple):
    """Sense key, additional sense code and its qualifier."""

    key: int
    asc: int
    ascq: int

    def pack(self) -> bytes:
        """Fixed format, 18 bytes."""
        return bytes((0x70, 0, self.key, 0, 0, 0, 0, FIXED_BYTES - 8, 0, 0, 0, 0, self.asc, self.ascq, 0, 0, 0, 0))

    @classmethod
    def unpack(cls, data: bytes) -> Sense:
        """From fixed (70h, 71h) or descriptor (72h, 73h) format; ValueError that shows the bytes otherwise."""
        code = data[0] & 0x7F if data else 0
        if code in (0x70, 0x71) and len(data) >= 14:
            return cls(data[2] & 0xF, data[12], data[13])
        if code in (0x72, 0x73) and len(data) >= 4:
            return cls(data[1] & 0xF, data[2], data[3])
        shown = data.hex(" ") or "(empty)"
        raise ValueError(f"sense data {shown}: must be fixed or descriptor format, 14 or 4 bytes at least")

    def __str__(self) -> str:
        known = self.key in SenseKey.__members__.values()
        key = SenseKey(self.key).name.replace("_", " ") if known else f"key {self.key:X}h"
        return f"{key}, {self.asc:02X}h/{self.ascq:02X}h"


NO_SENSE = Sense(SenseKey.NO_SENSE, 0, 0)
INVALID_OPCODE = Sense(SenseKey.ILLEGAL_REQUEST, 0x20, 0x00)
LBA_OUT_OF_RANGE = Sense(SenseKey.ILLEGAL_REQUEST, 0x21, 0x00)
INVALID_FIELD = Sense(SenseKey.ILLEGAL_REQUEST, 0x24, 0x00)
LUN_NOT_SUPPORTED = Sense(SenseKey.ILLEGAL_REQUEST, 0x25, 0x00)
POWER_ON = Sense(SenseKey.UNIT_ATTENTION, 0x29, 0x00)
MISCOMPARE = Sense(SenseKey.MISCOMPARE, 0x1D, 0x00)
WRITE_ERROR = Sense(SenseKey.MEDIUM_ERROR, 0x0C, 0x00)
SPACE_EXHAUSTED = Sense(SenseKey.DATA_PROTECT, 0x27, 0x07)
WRITE_PROTECTED = Sense(SenseKey.DATA_PROTECT, 0x27, 0x00)
