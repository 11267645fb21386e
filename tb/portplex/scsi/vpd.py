# SPDX-License-Identifier: Apache-2.0
"""What a logical unit says about itself: INQUIRY data, VPD pages, REPORT LUNS, READ CAPACITY, LUN addresses; both ways.

Layouts: SPC-5 (INQUIRY, VPD 00h, 80h, 83h, REPORT LUNS), SBC-4 (VPD B0h, READ CAPACITY), SAM-6 (LUN).
"""

from __future__ import annotations

import struct
from typing import NamedTuple

SUPPORTED_PAGES = 0x00
UNIT_SERIAL_NUMBER = 0x80
DEVICE_IDENTIFICATION = 0x83
BLOCK_LIMITS = 0xB0

DISK = 0x00  # peripheral device type
NO_DEVICE = 0x7F  # peripheral qualifier 3, type 1Fh: no unit can be at this LUN


class Inquiry(NamedTuple):
    """Standard INQUIRY data. `device_type` is byte 0: qualifier in bits 7:5, device type in bits 4:0."""

    device_type: int
    vendor: str
    product: str
    revision: str

    def pack(self) -> bytes:
        """36 bytes; names are cut or filled with blanks to 8, 16 and 4 characters. SPC-4, HiSup, CmdQue, response
        format 2."""
        return struct.pack(
            ">BBBBBBBB8s16s4s",
            self.device_type,
            0x00,
            0x06,
            0x12,
            31,
            0x00,
            0x00,
            0x02,
            self.vendor.encode("ascii").ljust(8),
            self.product.encode("ascii").ljust(16),
            self.revision.encode("ascii").ljust(4),
        )

    @classmethod
    def unpack(cls, data: bytes) -> Inquiry:
        if len(data) < 36:
            raise ValueError(f"INQUIRY data of {len(data)} bytes: must be 36 at least")
        vendor, product, revision = struct.unpack_from(">8s16s4s", data, 8)
        return cls(data[0], *(field.decode("ascii", "replace").rstrip() for field in (vendor, product, revision)))


def vpd_page(page: int, body: bytes, device_type: int = DISK) -> bytes:
    """A VPD page: header of 4 bytes and its body."""
    return struct.pack(">BBH", device_type, page, len(body)) + body


def parse_vpd_page(data: bytes) -> tuple[int, bytes]:
    """Page code and body; ValueError when the page says it is longer than what is there."""
    if len(data) < 4:
        raise ValueError(f"VPD page of {len(data)} bytes: must be 4 at least")
    page, length = data[1], data[2] << 8 | data[3]
    if len(data) < 4 + length:
        raise ValueError(f"VPD page {page:02X}h says {length} bytes, {len(data) - 4} are there")
    return page, data[4 : 4 + length]


def device_identification(wwn: int) -> bytes:
    """Body of page 83h with one designator: NAA, 8 bytes, of the logical unit."""
    return struct.pack(">BBBBQ", 0x01, 0x03, 0x00, 8, wwn)


def parse_device_identification(body: bytes) -> list[tuple[int, int, bytes]]:
    """The designators of page 83h: (association, type, value)."""
    designators = []
    while len(body) >= 4:
        length = body[3]
        designators.append((body[1] >> 4 & 3, body[1] & 0xF, body[4 : 4 + length]))
        body = body[4 + length :]
    return designators


def block_limits(maximum_blocks: int, optimal_blocks: int) -> bytes:
    """Body of page B0h, 60 bytes: maximum and optimal transfer length in blocks, nothing else offered."""
    return struct.pack(">BBHII48x", 0, 0, 1, maximum_blocks, optimal_blocks)


def lun_bytes(lun: int) -> bytes:
    """A LUN as 8 bytes: peripheral addressing below 256, flat addressing below 16384."""
    if 0 <= lun < 256:
        return bytes((0, lun)) + bytes(6)
    if lun < 16384:
        return bytes((0x40 | lun >> 8, lun & 0xFF)) + bytes(6)
    raise ValueError(f"lun = {lun}: must be 0 to 16383")


def parse_lun(data: bytes | memoryview) -> int:
    """The LUN number in 8 bytes, or -1 for an addressing method not known here."""
    method = data[0] >> 6
    if method > 1 or any(data[2:8]):
        return -1
    return (data[0] & 0x3F) << 8 | data[1]


def report_luns(luns: list[int]) -> bytes:
    return struct.pack(">I4x", 8 * len(luns)) + b"".join(lun_bytes(lun) for lun in luns)


def parse_report_luns(data: bytes) -> list[int]:
    """LUN numbers in what came of the list."""
    if len(data) < 8:
        raise ValueError(f"REPORT LUNS data of {len(data)} bytes: must be 8 at least")
    end = min(len(data), 8 + int.from_bytes(data[:4], "big"))
    return [parse_lun(data[at : at + 8]) for at in range(8, end - 7, 8)]


def read_capacity_10(blocks: int, block_size: int = 512) -> bytes:
    """8 bytes; FFFFFFFFh stands for more blocks than 32 bits can say."""
    return struct.pack(">II", min(blocks - 1, 0xFFFFFFFF), block_size)


def read_capacity_16(blocks: int, block_size: int = 512) -> bytes:
    return struct.pack(">QI20x", blocks - 1, block_size)


def parse_read_capacity(data: bytes) -> tuple[int, int]:
    """(blocks, block size) from READ CAPACITY(10) or (16) data, told apart by their length."""
    if len(data) >= 32:
        last, size = struct.unpack_from(">QI", data)
    elif len(data) == 8:
        last, size = struct.unpack(">II", data)
    else:
        raise ValueError(f"READ CAPACITY data of {len(data)} bytes: must be 8 or 32")
    return last + 1, size
