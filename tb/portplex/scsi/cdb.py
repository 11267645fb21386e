# SPDX-License-Identifier: Apache-2.0
"""SCSI commands: build and parse CDBs. Every built CDB is 16 bytes, as FCP_CMND carries it.

Layouts: SPC-5 (INQUIRY, REPORT LUNS, REQUEST SENSE, MODE SENSE), SBC-4 (READ, WRITE, READ CAPACITY, SYNCHRONIZE CACHE).
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple

CDB_BYTES = 16
BLOCK = 512

_10 = struct.Struct(">BBIBHB6x")
_16 = struct.Struct(">BBQIBB")


class OpCode(IntEnum):
    """Operation code, CDB byte 0."""

    TEST_UNIT_READY = 0x00
    REQUEST_SENSE = 0x03
    INQUIRY = 0x12
    MODE_SENSE_6 = 0x1A
    READ_CAPACITY_10 = 0x25
    READ_10 = 0x28
    WRITE_10 = 0x2A
    VERIFY_10 = 0x2F
    SYNCHRONIZE_CACHE_10 = 0x35
    MODE_SENSE_10 = 0x5A
    EXTENDED_COPY = 0x83
    RECEIVE_COPY_RESULTS = 0x84
    READ_16 = 0x88
    WRITE_16 = 0x8A
    SYNCHRONIZE_CACHE_16 = 0x91
    SERVICE_ACTION_IN_16 = 0x9E
    REPORT_LUNS = 0xA0


READ_CAPACITY_16_ACTION = 0x10

READS = frozenset((OpCode.READ_10, OpCode.READ_16))
WRITES = frozenset((OpCode.WRITE_10, OpCode.WRITE_16))


class Cdb(NamedTuple):
    """What a CDB asks for. Fields a command does not have are 0; `length` is its allocation length in bytes."""

    opcode: int
    lba: int = 0
    blocks: int = 0
    length: int = 0
    page: int = 0
    evpd: bool = False
    service_action: int = 0
    bytchk: int = 0

    @property
    def name(self) -> str:
        """`READ(10)`-like name, or the operation code in hex."""
        if self.opcode == OpCode.SERVICE_ACTION_IN_16 and self.service_action == READ_CAPACITY_16_ACTION:
            return "READ CAPACITY(16)"
        try:
            words = OpCode(self.opcode).name.split("_")
        except ValueError:
            return f"opcode {self.opcode:02x}h"
        if words[-1].isdigit():
            return f"{' '.join(words[:-1])}({words[-1]})"
        return " ".join(words)


def _check(name: str, value: int, limit: int) -> None:
    if not 0 <= value < limit:
        raise ValueError(f"{name} = {value}: must be 0 to {limit - 1}")


def _block_10(opcode: int, lba: int, blocks: int) -> bytes:
    _check("lba", lba, 1 << 32)
    _check("blocks", blocks, 1 << 16)
    return _10.pack(opcode, 0, lba, 0, blocks, 0)


def _block_16(opcode: int, lba: int, blocks: int) -> bytes:
    _check("lba", lba, 1 << 64)
    _check("blocks", blocks, 1 << 32)
    return _16.pack(opcode, 0, lba, blocks, 0, 0)


def read_10(lba: int, blocks: int) -> bytes:
    return _block_10(OpCode.READ_10, lba, blocks)


def write_10(lba: int, blocks: int) -> bytes:
    return _block_10(OpCode.WRITE_10, lba, blocks)


def verify_10(lba: int, blocks: int, *, bytchk: int = 0) -> bytes:
    """VERIFY(10): of the medium alone (BYTCHK 0), or against as many blocks of the data-out buffer (1)."""
    _check("bytchk", bytchk, 2)
    return _10.pack(OpCode.VERIFY_10, bytchk << 1, *_10.unpack(_block_10(OpCode.VERIFY_10, lba, blocks))[2:])


def read_16(lba: int, blocks: int) -> bytes:
    return _block_16(OpCode.READ_16, lba, blocks)


def write_16(lba: int, blocks: int) -> bytes:
    return _block_16(OpCode.WRITE_16, lba, blocks)


def read(lba: int, blocks: int) -> bytes:
    """READ(10) where it can say it, READ(16) otherwise."""
    return read_10(lba, blocks) if lba < 1 << 32 and blocks < 1 << 16 else read_16(lba, blocks)


def write(lba: int, blocks: int) -> bytes:
    """WRITE(10) where it can say it, WRITE(16) otherwise."""
    return write_10(lba, blocks) if lba < 1 << 32 and blocks < 1 << 16 else write_16(lba, blocks)


def test_unit_ready() -> bytes:
    return bytes(CDB_BYTES)


def request_sense(length: int = 252) -> bytes:
    _check("length", length, 1 << 8)
    return struct.pack(">B3xBx10x", OpCode.REQUEST_SENSE, length)


def inquiry(page: int | None = None, length: int = 252) -> bytes:
    """Standard INQUIRY data, or the VPD page `page`; at most `length` bytes of it."""
    _check("length", length, 1 << 16)
    return struct.pack(">BBBHx10x", OpCode.INQUIRY, page is not None, page or 0, length)


def mode_sense_6(page: int = 0x3F, length: int = 252) -> bytes:
    _check("page", page, 0x40)
    _check("length", length, 1 << 8)
    return struct.pack(">BBBBBx10x", OpCode.MODE_SENSE_6, 0, page, 0, length)


def read_capacity_10() -> bytes:
    return _10.pack(OpCode.READ_CAPACITY_10, 0, 0, 0, 0, 0)


def read_capacity_16(length: int = 32) -> bytes:
    return _16.pack(OpCode.SERVICE_ACTION_IN_16, READ_CAPACITY_16_ACTION, 0, length, 0, 0)


def synchronize_cache_10(lba: int = 0, blocks: int = 0) -> bytes:
    return _block_10(OpCode.SYNCHRONIZE_CACHE_10, lba, blocks)


def report_luns(length: int = 1024) -> bytes:
    _check("length", length, 1 << 32)
    return struct.pack(">B5xIxx4x", OpCode.REPORT_LUNS, length)


def parse(cdb: bytes | memoryview) -> Cdb:
    """The fields of a CDB of 16 bytes. An unknown operation code gives a Cdb with nothing but that code."""
    opcode = cdb[0]
    if opcode in (
        OpCode.READ_10,
        OpCode.WRITE_10,
        OpCode.SYNCHRONIZE_CACHE_10,
        OpCode.READ_CAPACITY_10,
    ):
        _, _, lba, _, blocks, _ = _10.unpack_from(cdb)
        return Cdb(opcode, lba, blocks)
    if opcode == OpCode.VERIFY_10:
        _, flags, lba, _, blocks, _ = _10.unpack_from(cdb)
        return Cdb(opcode, lba, blocks, bytchk=flags >> 1 & 3)
    if opcode in (OpCode.READ_16, OpCode.WRITE_16, OpCode.SYNCHRONIZE_CACHE_16):
        _, _, lba, blocks, _, _ = _16.unpack_from(cdb)
        return Cdb(opcode, lba, blocks)
    if opcode == OpCode.SERVICE_ACTION_IN_16:
        return Cdb(opcode, length=int.from_bytes(cdb[10:14], "big"), service_action=cdb[1] & 0x1F)
    if opcode == OpCode.INQUIRY:
        return Cdb(opcode, length=cdb[3] << 8 | cdb[4], page=cdb[2], evpd=bool(cdb[1] & 1))
    if opcode == OpCode.MODE_SENSE_6:
        return Cdb(opcode, length=cdb[4], page=cdb[2] & 0x3F)
    if opcode == OpCode.MODE_SENSE_10:
        return Cdb(opcode, length=cdb[7] << 8 | cdb[8], page=cdb[2] & 0x3F)
    if opcode == OpCode.REQUEST_SENSE:
        return Cdb(opcode, length=cdb[4])
    if opcode == OpCode.REPORT_LUNS:
        return Cdb(opcode, length=int.from_bytes(cdb[6:10], "big"))
    return Cdb(opcode)
