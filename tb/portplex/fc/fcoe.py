# SPDX-License-Identifier: GPL-2.0-only

# scapy.contrib.description = Fibre Channel over Ethernet (FC-BB-5)
# scapy.contrib.status = loads

"""
FCoE: a frame with one-byte delimiter codes in an Ethernet frame of type 8906h.

    >>> Ether() / FCoE(sof=0x2e) / FC(d_id=0x010e00, s_id=0x010001) / ELS_LOGO()
"""

from __future__ import annotations

import struct
from typing import Any, ClassVar

from scapy.fields import BitField, ByteEnumField, StrFixedLenField, TrailerField, XLEIntField
from scapy.layers.l2 import Ether
from scapy.packet import Packet, bind_layers

from portplex.fc.constants import FcoeEof, FcoeSof
from portplex.fc.frame import FC, fc_crc

ETHERTYPE_FCOE = 0x8906


class FCoE(Packet):
    """FCoE header and trailer around a frame; the reserved bytes of the trailer come last."""

    name = "FCoE"
    fields_desc: ClassVar[list[Any]] = [
        BitField("version", 0, 4),
        BitField("reserved", 0, 100),
        ByteEnumField("sof", FcoeSof.SOFi3.value, {code.value: code.name for code in FcoeSof}),
        # Trailers are taken from the end in the order of declaration.
        TrailerField(StrFixedLenField("reserved_trailer", bytes(3), 3)),
        TrailerField(ByteEnumField("eof", FcoeEof.EOFt.value, {code.value: code.name for code in FcoeEof})),
        TrailerField(XLEIntField("crc", None)),
    ]

    def post_build(self, p: bytes, pay: bytes) -> bytes:
        if self.crc is None:
            pay = pay[:-8] + struct.pack("<I", fc_crc(pay[:-8])) + pay[-4:]
        return p + pay

    def guess_payload_class(self, payload: bytes) -> type[Packet]:
        return FC

    def hashret(self) -> bytes:
        return bytes(self.payload.hashret())

    def answers(self, other: Packet) -> int:
        return int(isinstance(other, FCoE) and self.payload.answers(other.payload))

    def mysummary(self) -> Any:
        return self.sprintf("FCoE %sof%..%eof%")


bind_layers(Ether, FCoE, type=ETHERTYPE_FCOE)
