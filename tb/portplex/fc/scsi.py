# SPDX-License-Identifier: GPL-2.0-only

# scapy.contrib.description = SCSI command descriptor blocks and sense data (SPC-4, SBC-3)
# scapy.contrib.status = loads

"""
SCSI command descriptor blocks and fixed format sense data, as they stand in FCP information units.

    >>> FCP_CMND(cdb=SCSI_READ_10(lba=0x1000, blocks=8), fcp_dl=4096, read=1)
"""

from __future__ import annotations

from typing import Any, ClassVar

from scapy.config import conf
from scapy.fields import (
    BitEnumField,
    BitField,
    ByteEnumField,
    ByteField,
    IntField,
    ShortField,
    X3BytesField,
    XByteField,
    XIntField,
    XLongField,
    XStrField,
)
from scapy.packet import Packet

SENSE_KEYS = {
    0x0: "NO SENSE",
    0x1: "RECOVERED ERROR",
    0x2: "NOT READY",
    0x3: "MEDIUM ERROR",
    0x4: "HARDWARE ERROR",
    0x5: "ILLEGAL REQUEST",
    0x6: "UNIT ATTENTION",
    0x7: "DATA PROTECT",
    0x8: "BLANK CHECK",
    0xA: "COPY ABORTED",
    0xB: "ABORTED COMMAND",
    0xD: "VOLUME OVERFLOW",
    0xE: "MISCOMPARE",
}


class _Cdb(Packet):
    """A CDB stands in a field of 16 bytes: what is behind it belongs to that field."""

    def extract_padding(self, s: bytes) -> tuple[bytes, bytes | None]:
        return b"", s

    def mysummary(self) -> Any:
        return self.name


def _opcode(code: int) -> Any:
    return XByteField("opcode", code)


def _six(code: int, *middle: Any) -> list[Any]:
    return [_opcode(code), *middle, XByteField("control", 0)]


def _transfer_10(code: int) -> list[Any]:
    return [
        _opcode(code),
        BitField("protect", 0, 3),
        BitField("dpo", 0, 1),
        BitField("fua", 0, 1),
        BitField("rarc", 0, 1),
        BitField("bytchk", 0, 2),
        XIntField("lba", 0),
        XByteField("group", 0),
        ShortField("blocks", 0),
        XByteField("control", 0),
    ]


def _transfer_12(code: int) -> list[Any]:
    fields = _transfer_10(code)
    return [*fields[:7], IntField("blocks", 0), XByteField("group", 0), XByteField("control", 0)]


def _transfer_16(code: int) -> list[Any]:
    return [
        *_transfer_10(code)[:6],
        XLongField("lba", 0),
        IntField("blocks", 0),
        XByteField("group", 0),
        XByteField("control", 0),
    ]


class SCSI_TEST_UNIT_READY(_Cdb):
    name = "TEST UNIT READY"
    fields_desc: ClassVar[list[Any]] = _six(0x00, XIntField("reserved", 0))


class SCSI_REQUEST_SENSE(_Cdb):
    name = "REQUEST SENSE"
    fields_desc: ClassVar[list[Any]] = _six(
        0x03,
        BitField("reserved", 0, 7),
        BitField("desc", 0, 1),
        ShortField("reserved2", 0),
        ByteField("allocation_length", 18),
    )


class SCSI_READ_6(_Cdb):
    name = "READ(6)"
    fields_desc: ClassVar[list[Any]] = _six(
        0x08, BitField("reserved", 0, 3), BitField("lba", 0, 21), ByteField("blocks", 0)
    )


class SCSI_WRITE_6(_Cdb):
    name = "WRITE(6)"
    fields_desc: ClassVar[list[Any]] = _six(
        0x0A, BitField("reserved", 0, 3), BitField("lba", 0, 21), ByteField("blocks", 0)
    )


class SCSI_INQUIRY(_Cdb):
    name = "INQUIRY"
    fields_desc: ClassVar[list[Any]] = _six(
        0x12,
        BitField("reserved", 0, 7),
        BitField("evpd", 0, 1),
        XByteField("page_code", 0),
        ShortField("allocation_length", 96),
    )


class SCSI_MODE_SELECT_6(_Cdb):
    name = "MODE SELECT(6)"
    fields_desc: ClassVar[list[Any]] = _six(
        0x15,
        BitField("reserved", 0, 3),
        BitField("pf", 1, 1),
        BitField("reserved2", 0, 3),
        BitField("sp", 0, 1),
        ShortField("reserved3", 0),
        ByteField("parameter_list_length", 0),
    )


class SCSI_MODE_SENSE_6(_Cdb):
    name = "MODE SENSE(6)"
    fields_desc: ClassVar[list[Any]] = _six(
        0x1A,
        BitField("reserved", 0, 4),
        BitField("dbd", 0, 1),
        BitField("reserved2", 0, 3),
        BitField("pc", 0, 2),
        BitField("page_code", 0x3F, 6),
        XByteField("subpage_code", 0),
        ByteField("allocation_length", 192),
    )


class SCSI_START_STOP_UNIT(_Cdb):
    name = "START STOP UNIT"
    fields_desc: ClassVar[list[Any]] = _six(
        0x1B,
        BitField("reserved", 0, 7),
        BitField("immed", 0, 1),
        ByteField("reserved2", 0),
        ByteField("modifier", 0),
        BitField("power_condition", 0, 4),
        BitField("reserved3", 0, 1),
        BitField("no_flush", 0, 1),
        BitField("loej", 0, 1),
        BitField("start", 1, 1),
    )


class SCSI_READ_CAPACITY_10(_Cdb):
    name = "READ CAPACITY(10)"
    fields_desc: ClassVar[list[Any]] = [
        _opcode(0x25),
        ByteField("reserved", 0),
        XIntField("lba", 0),
        X3BytesField("reserved2", 0),
        XByteField("control", 0),
    ]


class SCSI_READ_10(_Cdb):
    name = "READ(10)"
    fields_desc: ClassVar[list[Any]] = _transfer_10(0x28)


class SCSI_WRITE_10(_Cdb):
    name = "WRITE(10)"
    fields_desc: ClassVar[list[Any]] = _transfer_10(0x2A)


class SCSI_WRITE_AND_VERIFY_10(_Cdb):
    name = "WRITE AND VERIFY(10)"
    fields_desc: ClassVar[list[Any]] = _transfer_10(0x2E)


class SCSI_VERIFY_10(_Cdb):
    name = "VERIFY(10)"
    fields_desc: ClassVar[list[Any]] = _transfer_10(0x2F)


class SCSI_SYNCHRONIZE_CACHE_10(_Cdb):
    name = "SYNCHRONIZE CACHE(10)"
    fields_desc: ClassVar[list[Any]] = _transfer_10(0x35)


class SCSI_WRITE_SAME_10(_Cdb):
    name = "WRITE SAME(10)"
    fields_desc: ClassVar[list[Any]] = _transfer_10(0x41)


class SCSI_MODE_SENSE_10(_Cdb):
    name = "MODE SENSE(10)"
    fields_desc: ClassVar[list[Any]] = [
        _opcode(0x5A),
        BitField("reserved", 0, 3),
        BitField("llbaa", 0, 1),
        BitField("dbd", 0, 1),
        BitField("reserved2", 0, 3),
        BitField("pc", 0, 2),
        BitField("page_code", 0x3F, 6),
        XByteField("subpage_code", 0),
        X3BytesField("reserved3", 0),
        ShortField("allocation_length", 192),
        XByteField("control", 0),
    ]


class SCSI_EXTENDED_COPY(_Cdb):
    name = "EXTENDED COPY"
    fields_desc: ClassVar[list[Any]] = [
        _opcode(0x83),
        XByteField("service_action", 0),
        XLongField("reserved", 0),
        IntField("parameter_list_length", 0),
        ByteField("reserved2", 0),
        XByteField("control", 0),
    ]


class SCSI_RECEIVE_COPY_RESULTS(_Cdb):
    name = "RECEIVE COPY RESULTS"
    fields_desc: ClassVar[list[Any]] = [
        _opcode(0x84),
        BitField("reserved", 0, 3),
        BitEnumField(
            "service_action",
            0,
            5,
            {0: "COPY STATUS", 1: "RECEIVE DATA", 3: "OPERATING PARAMETERS", 4: "FAILED SEGMENT DETAILS"},
        ),
        XByteField("list_id", 0),
        X3BytesField("reserved2", 0),
        XIntField("reserved3", 0),
        IntField("allocation_length", 1024),
        ByteField("reserved4", 0),
        XByteField("control", 0),
    ]


class SCSI_READ_16(_Cdb):
    name = "READ(16)"
    fields_desc: ClassVar[list[Any]] = _transfer_16(0x88)


class SCSI_COMPARE_AND_WRITE(_Cdb):
    name = "COMPARE AND WRITE"
    fields_desc: ClassVar[list[Any]] = [
        *_transfer_10(0x89)[:6],
        XLongField("lba", 0),
        X3BytesField("reserved", 0),
        ByteField("blocks", 0),
        XByteField("group", 0),
        XByteField("control", 0),
    ]


class SCSI_WRITE_16(_Cdb):
    name = "WRITE(16)"
    fields_desc: ClassVar[list[Any]] = _transfer_16(0x8A)


class SCSI_VERIFY_16(_Cdb):
    name = "VERIFY(16)"
    fields_desc: ClassVar[list[Any]] = _transfer_16(0x8F)


class SCSI_SYNCHRONIZE_CACHE_16(_Cdb):
    name = "SYNCHRONIZE CACHE(16)"
    fields_desc: ClassVar[list[Any]] = _transfer_16(0x91)


class SCSI_WRITE_SAME_16(_Cdb):
    name = "WRITE SAME(16)"
    fields_desc: ClassVar[list[Any]] = _transfer_16(0x93)


class SCSI_SERVICE_ACTION_IN_16(_Cdb):
    """Service action 10h is READ CAPACITY(16)."""

    name = "SERVICE ACTION IN(16)"
    fields_desc: ClassVar[list[Any]] = [
        _opcode(0x9E),
        BitField("reserved", 0, 3),
        BitEnumField("service_action", 0x10, 5, {0x10: "READ CAPACITY(16)", 0x12: "GET LBA STATUS"}),
        XLongField("lba", 0),
        IntField("allocation_length", 32),
        XByteField("reserved2", 0),
        XByteField("control", 0),
    ]


class SCSI_REPORT_LUNS(_Cdb):
    name = "REPORT LUNS"
    fields_desc: ClassVar[list[Any]] = [
        _opcode(0xA0),
        ByteField("reserved", 0),
        XByteField("select_report", 0),
        X3BytesField("reserved2", 0),
        IntField("allocation_length", 4096),
        ByteField("reserved3", 0),
        XByteField("control", 0),
    ]


class SCSI_MAINTENANCE_IN(_Cdb):
    """Service action 0Ah REPORT TARGET PORT GROUPS, 0Ch REPORT SUPPORTED OPERATION CODES."""

    name = "MAINTENANCE IN"
    fields_desc: ClassVar[list[Any]] = [
        _opcode(0xA3),
        BitField("reserved", 0, 3),
        BitEnumField(
            "service_action", 0x0C, 5, {0x0A: "REPORT TARGET PORT GROUPS", 0x0C: "REPORT SUPPORTED OPERATION CODES"}
        ),
        XByteField("options", 0),
        XByteField("requested_opcode", 0),
        ShortField("requested_service_action", 0),
        IntField("allocation_length", 4096),
        ByteField("reserved2", 0),
        XByteField("control", 0),
    ]


class SCSI_READ_12(_Cdb):
    name = "READ(12)"
    fields_desc: ClassVar[list[Any]] = _transfer_12(0xA8)


class SCSI_WRITE_12(_Cdb):
    name = "WRITE(12)"
    fields_desc: ClassVar[list[Any]] = _transfer_12(0xAA)


class SCSI_CDB(_Cdb):
    """A command this file has no layer for: operation code and the other 15 bytes."""

    name = "CDB"
    fields_desc: ClassVar[list[Any]] = [_opcode(0xFF), XStrField("rest", b"")]

    def mysummary(self) -> Any:
        return self.sprintf("opcode %opcode%")


CDBS: dict[int, type[Packet]] = {
    int(cls.fields_desc[0].default or 0): cls for cls in _Cdb.__subclasses__() if cls is not SCSI_CDB
}


def dissect_cdb(s: bytes) -> Packet:
    """The layer for a CDB in its 16-byte field; Raw when there is nothing."""
    if not s:
        return conf.raw_layer(s)
    return CDBS.get(s[0], SCSI_CDB)(s)


class SCSI_SENSE(Packet):
    """Fixed format sense data, 18 bytes (SPC-4 clause 4.5.3)."""

    name = "sense"
    fields_desc: ClassVar[list[Any]] = [
        BitField("valid", 0, 1),
        BitField("response_code", 0x70, 7),
        ByteField("segment", 0),
        BitField("filemark", 0, 1),
        BitField("eom", 0, 1),
        BitField("ili", 0, 1),
        BitField("reserved", 0, 1),
        BitEnumField("key", 0, 4, SENSE_KEYS),
        XIntField("information", 0),
        ByteField("additional_length", 10),
        XIntField("command_specific", 0),
        XByteField("asc", 0),
        XByteField("ascq", 0),
        XByteField("fru", 0),
        X3BytesField("key_specific", 0),
    ]

    def extract_padding(self, s: bytes) -> tuple[bytes, bytes | None]:
        return b"", s

    def mysummary(self) -> Any:
        return self.sprintf("%key% %asc%/%ascq%")


SCSI_STATUS_NAMES = {
    0x00: "GOOD",
    0x02: "CHECK CONDITION",
    0x04: "CONDITION MET",
    0x08: "BUSY",
    0x18: "RESERVATION CONFLICT",
    0x28: "TASK SET FULL",
    0x30: "ACA ACTIVE",
    0x40: "TASK ABORTED",
}


def status_field(name: str = "status") -> Any:
    """The SCSI status byte (SAM-5)."""
    return ByteEnumField(name, 0, SCSI_STATUS_NAMES)
