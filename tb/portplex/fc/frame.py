# SPDX-License-Identifier: GPL-2.0-only

# scapy.contrib.description = Fibre Channel frames (FC-FS)
# scapy.contrib.status = loads

"""
FC: Fibre Channel frame header (FC-FS-5 clause 9), and the frame with its delimiters as captures
hold it (link type 225).

    >>> FC2(FC(d_id=0x010e00, s_id=0x010001, r_ctl=0x22, type=1, ox_id=4) / ELS_LOGO(n_port_id=0x010001))
    >>> FC2(bytes_of_a_frame).summary()

CRC, fill bytes and the length-dependent fields default to None and are filled in when the frame is built; a value given
by hand is kept, so that a broken frame is built by writing the broken value.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any, ClassVar

from scapy.config import conf
from scapy.fields import (
    ConditionalField,
    FlagsField,
    ShortField,
    TrailerField,
    X3BytesField,
    XByteEnumField,
    XByteField,
    XIntField,
    XLEIntField,
    XShortField,
    XStrFixedLenField,
)
from scapy.fields import IntEnumField as _IntEnumField
from scapy.packet import Packet

from portplex.fc.constants import ORDERED_SETS, FCtlUsual, FcType, RCtl

LINKTYPE_FC_2 = 224
LINKTYPE_FC_2_WITH_FRAME_DELIMS = 225

R_CTL_NAMES = {code.value: code.name for code in RCtl}
TYPE_NAMES = {code.value: code.name for code in FcType}
SOF_WORDS = {word: name for name, word in ORDERED_SETS.items() if name.startswith("SOF")}
EOF_WORDS = {word: name.split("_")[0] for name, word in ORDERED_SETS.items() if name.startswith("EOF")}

# Least significant bit first, as FlagsField wants them (FC-FS-5 table 31).
F_CTL_FLAGS = [
    "fill0",
    "fill1",
    "reserved2",
    "relative_offset",
    "abort0",
    "abort1",
    "continue0",
    "continue1",
    "unidirectional",
    "retransmitted",
    "reserved10",
    "reserved11",
    "ack0",
    "ack1",
    "x_id_invalid",
    "x_id_reassigned",
    "sequence_initiative",
    "priority_enable",
    "end_connection",
    "end_sequence",
    "last_sequence",
    "first_sequence",
    "sequence_recipient",
    "exchange_responder",
]


class XIntEnumField(_IntEnumField):
    """A 32-bit enumeration shown in hex when it has no name."""

    def i2repr_one(self, pkt: Packet | None, x: int) -> str:
        return str((self.i2s or {}).get(x, f"{x:#010x}"))


class FC(Packet):
    """Frame header and payload, without delimiters and CRC (link type 224)."""

    name = "FC"
    fields_desc: ClassVar[list[Any]] = [
        XByteEnumField("r_ctl", 0x22, R_CTL_NAMES),
        X3BytesField("d_id", 0),
        XByteField("cs_ctl", 0),
        X3BytesField("s_id", 0),
        XByteEnumField("type", 0x01, TYPE_NAMES),
        FlagsField("f_ctl", None, 24, F_CTL_FLAGS),
        XByteField("seq_id", 0),
        XByteField("df_ctl", 0),
        ShortField("seq_cnt", 0),
        XShortField("ox_id", 0xFFFF),
        XShortField("rx_id", 0xFFFF),
        XIntField("parameter", 0),
        ConditionalField(XStrFixedLenField("esp_header", b"", 8), lambda pkt: pkt.df_ctl & 0x40),
        ConditionalField(XStrFixedLenField("network_d_naa", b"", 8), lambda pkt: pkt.df_ctl & 0x20),
        ConditionalField(XStrFixedLenField("network_s_naa", b"", 8), lambda pkt: pkt.df_ctl & 0x20),
        ConditionalField(XStrFixedLenField("device_header", b"", 16), lambda pkt: pkt.df_ctl & 0x03 == 1),
        ConditionalField(XStrFixedLenField("device_header_32", b"", 32), lambda pkt: pkt.df_ctl & 0x03 == 2),
        ConditionalField(XStrFixedLenField("device_header_64", b"", 64), lambda pkt: pkt.df_ctl & 0x03 == 3),
    ]

    # (R_CTL, TYPE) -> F_CTL as it usually stands (protocol facts section 3)
    _USUAL_F_CTL: ClassVar[dict[tuple[int, int], int]] = {
        (RCtl.ELS_REQUEST, FcType.ELS): FCtlUsual.REQUEST,
        (RCtl.ELS_REPLY, FcType.ELS): FCtlUsual.ELS_REPLY,
        (RCtl.UNSOLICITED_CONTROL, FcType.CT): FCtlUsual.REQUEST,
        (RCtl.SOLICITED_CONTROL, FcType.CT): FCtlUsual.ELS_REPLY,
        (RCtl.UNSOLICITED_COMMAND, FcType.FCP): FCtlUsual.REQUEST,
        (RCtl.DATA_DESCRIPTOR, FcType.FCP): FCtlUsual.XFER_RDY,
        (RCtl.COMMAND_STATUS, FcType.FCP): FCtlUsual.RESPONSE,
        (RCtl.EXTENDED_RESPONSE, FcType.FCP): FCtlUsual.RESPONSE,
        (RCtl.FC4_LS_REQUEST, FcType.NVME): FCtlUsual.REQUEST,
        (RCtl.FC4_LS_REPLY, FcType.NVME): FCtlUsual.RESPONSE,
        (RCtl.ABTS, FcType.BLS): FCtlUsual.ABTS,
        (RCtl.BA_ACC, FcType.BLS): FCtlUsual.ELS_REPLY,
        (RCtl.BA_RJT, FcType.BLS): FCtlUsual.ELS_REPLY,
    }

    fill: bytes = b""

    def post_build(self, p: bytes, pay: bytes) -> bytes:
        fill = self.fill or bytes(-len(pay) % 4)
        if self.f_ctl is None:
            f_ctl = self._USUAL_F_CTL.get((self.r_ctl, self.type), FCtlUsual.ABTS) | len(fill)
            p = p[:9] + f_ctl.to_bytes(3, "big") + p[12:]
        elif not self.fill and fill and int(self.f_ctl) & 3 == 0:
            p = p[:11] + bytes([p[11] | len(fill)]) + p[12:]
        return p + pay + fill

    def extract_padding(self, s: bytes) -> tuple[bytes, bytes | None]:
        # Fill bytes belong inside the CRC; as scapy padding they would go behind every trailer.
        count = int(self.f_ctl) & 3
        if count and len(s) >= count:
            self.fill = s[-count:]
            self.raw_packet_cache = None
            return s[:-count], None
        return s, None

    def copy(self) -> FC:
        clone: FC = super().copy()
        clone.fill = self.fill
        return clone

    def clone_with(self, payload: Any = None, **kargs: Any) -> Any:
        clone = super().clone_with(payload, **kargs)
        clone.fill = self.fill
        return clone

    def hashret(self) -> bytes:
        low, high = sorted((self.s_id, self.d_id))
        return struct.pack(">IIH", low, high, self.ox_id) + bytes(self.payload.hashret())

    def answers(self, other: Packet) -> int:
        if not isinstance(other, FC) or self.ox_id != other.ox_id:
            return 0
        if self.s_id != other.d_id or self.d_id != other.s_id:
            return 0
        if isinstance(self.payload, Packet) and type(self.payload).__name__ != "NoPayload":
            return int(self.payload.answers(other.payload))
        return int(self.r_ctl in (0x84, 0x85) and other.r_ctl == 0x81)

    def mysummary(self) -> Any:
        what = R_CTL_NAMES.get(self.r_ctl, f"R_CTL {self.r_ctl:02x}")
        text = f"FC {self.s_id:06x} > {self.d_id:06x} ox {self.ox_id:04x} rx {self.rx_id:04x}"
        if type(self.payload).__name__ in ("NoPayload", "Raw", "Padding"):
            text += f" {what} seq {self.seq_id:02x}/{self.seq_cnt} {len(self.payload)} bytes"
        return text


def fc_crc(frame: bytes) -> int:
    """CRC-32 of header and payload (FC-FS-5 clause 9.7), the value that goes out least significant byte first."""
    return zlib.crc32(frame)


class FC2(Packet):
    """Frame with start and end delimiter words and CRC, as a capture of link type 225 holds it."""

    name = "FC-2"
    fields_desc: ClassVar[list[Any]] = [
        XIntEnumField("sof", 0xBCB55656, SOF_WORDS),
        # Trailers are taken from the end in the order of declaration: EOF, and in front of it the CRC.
        TrailerField(XIntEnumField("eof", 0xBC957575, EOF_WORDS)),
        TrailerField(XLEIntField("crc", None)),
    ]

    def post_build(self, p: bytes, pay: bytes) -> bytes:
        if self.crc is None:
            pay = pay[:-8] + struct.pack("<I", fc_crc(pay[:-8])) + pay[-4:]
        return p + pay

    def crc_ok(self) -> bool:
        """Whether the CRC in the frame (or the one that will be built) is that of its header and payload."""
        wire = bytes(self)
        return bool(struct.unpack("<I", wire[-8:-4])[0] == fc_crc(wire[4:-8]))

    def guess_payload_class(self, payload: bytes) -> type[Packet]:
        return FC

    def hashret(self) -> bytes:
        return bytes(self.payload.hashret())

    def answers(self, other: Packet) -> int:
        return int(isinstance(other, FC2) and self.payload.answers(other.payload))

    def mysummary(self) -> Any:
        sof = SOF_WORDS.get(self.sof, f"{self.sof:08x}")
        eof = EOF_WORDS.get(self.eof, f"{self.eof:08x}")
        return f"{sof}..{eof}"


conf.l2types.register(LINKTYPE_FC_2, FC)
conf.l2types.register(LINKTYPE_FC_2_WITH_FRAME_DELIMS, FC2)
