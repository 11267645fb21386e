# SPDX-License-Identifier: Apache-2.0
"""FCP information units with struct (FCP-4): FCP_CMND, FCP_XFER_RDY, FCP_RSP."""

from __future__ import annotations

import struct
from typing import NamedTuple

from portplex.fc.constants import FcpRspFlag
from portplex.scsi.cdb import CDB_BYTES

DATA_BYTES = 2048  # payload of a full data frame

_CMND = struct.Struct(">8sBBBB16sI")
_XFER_RDY = struct.Struct(">II4x")
_RSP = struct.Struct(">8xHBBIII")


class Cmnd(NamedTuple):
    """FCP_CMND. `lun` is 8 bytes, `cdb` 16; `length` is FCP_DL in bytes."""

    lun: bytes
    cdb: bytes
    length: int
    read: bool = False
    write: bool = False
    attribute: int = 0
    task_management: int = 0
    reference: int = 0

    def pack(self) -> bytes:
        direction = (2 if self.read else 0) | (1 if self.write else 0)
        return _CMND.pack(
            self.lun, self.reference, self.attribute, self.task_management, direction, self.cdb, self.length
        )

    @classmethod
    def unpack(cls, payload: bytes | memoryview) -> Cmnd:
        """From 32 bytes; struct.error when there are fewer, ValueError when the CDB is longer than 16 bytes."""
        lun, reference, attribute, management, flags, cdb, length = _CMND.unpack_from(payload)
        if flags & 0xFC:
            raise ValueError(f"additional CDB length {flags >> 2} words: must be 0")
        return cls(lun, cdb, length, bool(flags & 2), bool(flags & 1), attribute & 7, management, reference)


def xfer_rdy(offset: int, length: int) -> bytes:
    return _XFER_RDY.pack(offset, length)


def parse_xfer_rdy(payload: bytes | memoryview) -> tuple[int, int]:
    """(relative offset, burst length); struct.error when shorter than 12 bytes."""
    offset, length = _XFER_RDY.unpack_from(payload)
    return offset, length


class Rsp(NamedTuple):
    """FCP_RSP. `residual` is bytes not moved (positive) or wanted beyond FCP_DL (negative); `code` is RSP_CODE or
    None."""

    status: int
    residual: int = 0
    sense: bytes = b""
    code: int | None = None

    def pack(self) -> bytes:
        """A multiple of 4 bytes; SNS_INFO filled with zeros to whole words."""
        flags = 0
        if self.residual > 0:
            flags |= FcpRspFlag.RESID_UNDER
        elif self.residual < 0:
            flags |= FcpRspFlag.RESID_OVER
        info = b""
        if self.code is not None:
            flags |= FcpRspFlag.RSP_INFO_VALID
            info = bytes((0, 0, 0, self.code, 0, 0, 0, 0))
        if self.sense:
            flags |= FcpRspFlag.SENSE_VALID
        sense = self.sense + bytes(-len(self.sense) % 4)
        return _RSP.pack(0, flags, self.status, abs(self.residual), len(sense), len(info)) + info + sense

    @classmethod
    def unpack(cls, payload: bytes | memoryview) -> Rsp:
        """struct.error when shorter than 24 bytes, ValueError when its lengths point beyond its end."""
        _, flags, status, residual, sense_length, info_length = _RSP.unpack_from(payload)
        if not flags & FcpRspFlag.RSP_INFO_VALID:
            info_length = 0
        if not flags & FcpRspFlag.SENSE_VALID:
            sense_length = 0
        if 24 + info_length + sense_length > len(payload):
            raise ValueError(
                f"FCP_RSP of {len(payload)} bytes says {info_length} bytes of RSP_INFO and {sense_length} of sense"
            )
        code = payload[27] if info_length >= 4 else None
        sense = bytes(payload[24 + info_length : 24 + info_length + sense_length])
        if flags & FcpRspFlag.RESID_OVER:
            residual = -residual
        elif not flags & FcpRspFlag.RESID_UNDER:
            residual = 0
        return cls(status, residual, sense, code)


NO_CDB = bytes(CDB_BYTES)
