# SPDX-License-Identifier: GPL-2.0-only

# scapy.contrib.description = Fibre Channel Protocol for SCSI (FCP-4)
# scapy.contrib.status = loads

"""
Information units of FCP (TYPE 08h). Data is plain payload: `FC(r_ctl=1, type=8, f_ctl=0x090008) / data`.

    >>> FC(d_id=0x010e00, ox_id=0x10) / FCP_CMND(lun=1, write=1, cdb=SCSI_WRITE_10(blocks=8), fcp_dl=4096)
    >>> FC(ox_id=0x10, rx_id=3) / FCP_RSP(status=2, sense=SCSI_SENSE(key=5, asc=0x21))
"""

from __future__ import annotations

from typing import Any, ClassVar

from scapy.config import conf
from scapy.fields import (
    BitEnumField,
    BitField,
    ByteEnumField,
    ByteField,
    FieldLenField,
    IntField,
    PacketField,
    PacketLenField,
    ShortField,
    X3BytesField,
    XByteField,
    XIntField,
    XLongField,
    XShortField,
    XStrFixedLenField,
    XStrLenField,
)
from scapy.packet import Packet, bind_layers

from portplex.fc.constants import FcpRspCode, FcType, RCtl
from portplex.fc.frame import FC, R_CTL_NAMES
from portplex.fc.scsi import SCSI_CDB, SCSI_SENSE, dissect_cdb, status_field

ATTRIBUTES = {0: "SIMPLE", 1: "HEAD OF QUEUE", 2: "ORDERED", 4: "ACA"}
RSP_CODES = {code.value: code.name for code in FcpRspCode}


class CdbField(PacketField):
    """A CDB in its 16 bytes, padded with zeros."""

    def getfield(self, pkt: Packet, s: bytes) -> tuple[bytes, Any]:
        return s[16:], dissect_cdb(s[:16])

    def addfield(self, pkt: Packet, s: bytes, val: Any) -> bytes:
        return s + bytes(self.i2m(pkt, val))[:16].ljust(16, b"\x00")


class _Iu(Packet):
    def mysummary(self) -> Any:
        return self.name


class FCP_CMND(_Iu):
    """Command: one CDB (16 bytes, longer with additional_cdb) or a task management function."""

    name = "FCP_CMND"
    fields_desc: ClassVar[list[Any]] = [
        BitField("lun_method", 0, 2),
        BitField("lun", 0, 14),
        XStrFixedLenField("lun_lower", bytes(6), 6),
        ByteField("reference", 0),
        BitField("reserved", 0, 1),
        BitField("priority", 0, 4),
        BitEnumField("attribute", 0, 3, ATTRIBUTES),
        BitField("reserved_tmf_msb", 0, 1),
        BitField("clear_aca", 0, 1),
        BitField("target_reset", 0, 1),
        BitField("lun_reset", 0, 1),
        BitField("reserved_tmf", 0, 1),
        BitField("clear_task_set", 0, 1),
        BitField("abort_task_set", 0, 1),
        BitField("reserved_tmf_lsb", 0, 1),
        BitField("additional_cdb_words", None, 6),
        BitField("read", 0, 1),
        BitField("write", 0, 1),
        CdbField("cdb", SCSI_CDB(bytes(16)), dissect_cdb),
        XStrLenField("additional_cdb", b"", length_from=lambda pkt: 4 * (pkt.additional_cdb_words or 0)),
        XIntField("fcp_dl", 0),
    ]

    @classmethod
    def dispatch_hook(cls, _pkt: bytes | None = None, *args: Any, **kargs: Any) -> type[Packet]:
        # FC-NVMe command IUs share R_CTL and TYPE; their first two bytes tell them apart.
        return conf.raw_layer if _pkt and _pkt[:2] == b"\xfd\x28" else cls

    def post_build(self, p: bytes, pay: bytes) -> bytes:
        if self.additional_cdb_words is None:
            p = p[:11] + bytes([p[11] & 3 | len(self.additional_cdb) // 4 << 2]) + p[12:]
        return p + pay

    def mysummary(self) -> Any:
        management = [
            f
            for f in ("clear_aca", "target_reset", "lun_reset", "clear_task_set", "abort_task_set")
            if getattr(self, f)
        ]
        return f"FCP_CMND {management[0].upper() if management else self.cdb.name}"


class FCP_XFER_RDY(_Iu):
    """The target is ready for a burst of write data."""

    name = "FCP_XFER_RDY"
    fields_desc: ClassVar[list[Any]] = [
        XIntField("relative_offset", 0),
        IntField("burst_length", 0),
        XIntField("reserved", 0),
    ]

    def answers(self, other: Packet) -> int:
        return int(isinstance(other, FCP_CMND))


class FCP_RSP(_Iu):
    """Response: status, residual, response information, sense."""

    name = "FCP_RSP"
    fields_desc: ClassVar[list[Any]] = [
        XLongField("reserved", 0),
        ShortField("retry_delay", 0),
        BitField("bidirectional", 0, 3),
        BitField("conf_request", 0, 1),
        BitField("resid_under", 0, 1),
        BitField("resid_over", 0, 1),
        BitField("sense_valid", None, 1),
        BitField("rsp_info_valid", None, 1),
        status_field(),
        IntField("residual", 0),
        FieldLenField("sense_length", None, length_of="sense", fmt="I"),
        FieldLenField("rsp_info_length", None, length_of="rsp_info", fmt="I"),
        PacketLenField("rsp_info", None, lambda s: FCP_RSP_INFO(s), length_from=lambda p: p.rsp_info_length),  # type: ignore[arg-type]
        PacketLenField("sense", None, SCSI_SENSE, length_from=lambda p: p.sense_length),  # type: ignore[arg-type]
    ]

    def post_build(self, p: bytes, pay: bytes) -> bytes:
        flags = p[10]
        if self.sense_valid is None and len(self.sense or b""):
            flags |= 0x02
        if self.rsp_info_valid is None and len(self.rsp_info or b""):
            flags |= 0x01
        return p[:10] + bytes([flags]) + p[11:] + pay

    def answers(self, other: Packet) -> int:
        return int(isinstance(other, FCP_CMND))

    def mysummary(self) -> Any:
        return self.sprintf("FCP_RSP %status%")


class FCP_RSP_INFO(Packet):
    """Response information: the outcome of task management or of a malformed command."""

    name = "response information"
    fields_desc: ClassVar[list[Any]] = [
        X3BytesField("reserved", 0),
        ByteEnumField("code", 0, RSP_CODES),
        XIntField("reserved2", 0),
    ]

    def extract_padding(self, s: bytes) -> tuple[bytes, bytes | None]:
        return b"", s


class FCP_SRR(_Iu):
    """Sequence retransmission request (R_CTL 32h)."""

    name = "SRR"
    fields_desc: ClassVar[list[Any]] = [
        XByteField("opcode", 0x14),
        X3BytesField("reserved", 0),
        XShortField("ox_id", 0xFFFF),
        XShortField("rx_id", 0xFFFF),
        XIntField("relative_offset", 0),
        ByteEnumField("iu_r_ctl", RCtl.COMMAND_STATUS.value, R_CTL_NAMES),
        X3BytesField("reserved2", 0),
    ]


for _r_ctl, _layer in (
    (RCtl.UNSOLICITED_COMMAND, FCP_CMND),
    (RCtl.DATA_DESCRIPTOR, FCP_XFER_RDY),
    (RCtl.COMMAND_STATUS, FCP_RSP),
    (RCtl.FC4_LS_REQUEST, FCP_SRR),
):
    bind_layers(FC, _layer, r_ctl=_r_ctl.value, type=FcType.FCP.value)
