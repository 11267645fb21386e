# SPDX-License-Identifier: GPL-2.0-only

# scapy.contrib.description = Fibre Channel common transport, name server (FC-GS)
# scapy.contrib.status = loads

"""
Common transport and the requests to the name server (FC-GS-7, TYPE 20h, well-known address FFFFFCh).

    >>> FC(r_ctl=2, type=0x20, d_id=0xfffffc) / CT(code=0x172) / CT_GPN_FT(fc4_type=8)
"""

from __future__ import annotations

from typing import Any, ClassVar

from scapy.fields import (
    BitField,
    ByteField,
    FieldLenField,
    PacketListField,
    ShortEnumField,
    ShortField,
    StrLenField,
    X3BytesField,
    XByteField,
    XLongField,
    XStrFixedLenField,
)
from scapy.packet import Packet, bind_layers

from portplex.fc.constants import CtCommand, CtService, FcType, RCtl
from portplex.fc.frame import FC

CT_COMMANDS = {code.value: code.name for code in CtCommand}


class CT(Packet):
    """CT_IU preamble, 16 bytes."""

    name = "CT"
    fields_desc: ClassVar[list[Any]] = [
        ByteField("revision", 1),
        X3BytesField("in_id", 0),
        XByteField("gs_type", CtService.DIRECTORY.value),
        XByteField("gs_subtype", CtService.NAME_SERVER.value),
        XByteField("options", 0),
        ByteField("reserved", 0),
        ShortEnumField("code", CtCommand.ACCEPT.value, CT_COMMANDS),
        ShortField("size", 0),
        ByteField("fragment", 0),
        XByteField("reason", 0),
        XByteField("explanation", 0),
        XByteField("vendor", 0),
    ]

    def answers(self, other: Packet) -> int:
        return int(isinstance(other, CT) and self.code >= 0x8000 > other.code)

    def mysummary(self) -> Any:
        return self.sprintf("CT %code%")


class CT_GPN_FT(Packet):
    """Get port names by FC-4 type; GID_FT has the same layout."""

    name = "GPN_FT"
    fields_desc: ClassVar[list[Any]] = [
        ByteField("reserved", 0),
        ByteField("domain", 0),
        ByteField("area", 0),
        XByteField("fc4_type", FcType.FCP.value),
    ]


class CT_PORT_ID(Packet):
    """Get something by N_Port_ID: GA_NXT, GPN_ID, GNN_ID, GSPN_ID."""

    name = "by N_Port_ID"
    fields_desc: ClassVar[list[Any]] = [ByteField("reserved", 0), X3BytesField("n_port_id", 0)]


class CT_PORT_NAME(Packet):
    """Get something by port or node name: GID_PN, GID_NN; also the name in an answer."""

    name = "by name"
    fields_desc: ClassVar[list[Any]] = [XLongField("name_", 0)]


class CT_R_NAME(Packet):
    """Register a port name or node name: RPN_ID, RNN_ID."""

    name = "register name"
    fields_desc: ClassVar[list[Any]] = [
        ByteField("reserved", 0),
        X3BytesField("n_port_id", 0),
        XLongField("name_", 0),
    ]


class CT_RFT_ID(Packet):
    """Register FC-4 types: bit t of the 256-bit map, words in order, bit 0 of a word is its least significant."""

    name = "RFT_ID"
    fields_desc: ClassVar[list[Any]] = [
        ByteField("reserved", 0),
        X3BytesField("n_port_id", 0),
        XStrFixedLenField("types", bytes((0, 0, 1)) + bytes(29), 32),
    ]


class CT_RFF_ID(Packet):
    """Register FC-4 features."""

    name = "RFF_ID"
    fields_desc: ClassVar[list[Any]] = [
        ByteField("reserved", 0),
        X3BytesField("n_port_id", 0),
        ShortField("reserved2", 0),
        XByteField("features", 3),
        XByteField("fc4_type", FcType.FCP.value),
    ]


class CT_RSPN_ID(Packet):
    """Register symbolic port name."""

    name = "RSPN_ID"
    fields_desc: ClassVar[list[Any]] = [
        ByteField("reserved", 0),
        X3BytesField("n_port_id", 0),
        FieldLenField("length", None, length_of="symbolic_name", fmt="B"),
        StrLenField("symbolic_name", b"", length_from=lambda pkt: pkt.length),
    ]


class CT_RSNN_NN(Packet):
    """Register symbolic node name."""

    name = "RSNN_NN"
    fields_desc: ClassVar[list[Any]] = [
        XLongField("node_name", 0),
        FieldLenField("length", None, length_of="symbolic_name", fmt="B"),
        StrLenField("symbolic_name", b"", length_from=lambda pkt: pkt.length),
    ]


class PortEntry(Packet):
    """One port in the answer to GPN_FT."""

    name = "port"
    fields_desc: ClassVar[list[Any]] = [
        BitField("last", 0, 1),
        BitField("reserved", 0, 7),
        X3BytesField("n_port_id", 0),
        XStrFixedLenField("reserved2", bytes(4), 4),
        XLongField("port_name", 0),
    ]

    def extract_padding(self, s: bytes) -> tuple[bytes, bytes | None]:
        return b"", s


class CT_GPN_FT_ACC(Packet):
    """Accept of GPN_FT; the last entry has `last` set."""

    name = "GPN_FT accept"
    fields_desc: ClassVar[list[Any]] = [PacketListField("ports", [], PortEntry)]


for _command, _layer in (
    (CtCommand.GID_FT, CT_GPN_FT),
    (CtCommand.GPN_FT, CT_GPN_FT),
    (CtCommand.GA_NXT, CT_PORT_ID),
    (CtCommand.GPN_ID, CT_PORT_ID),
    (CtCommand.GNN_ID, CT_PORT_ID),
    (CtCommand.GSPN_ID, CT_PORT_ID),
    (CtCommand.GID_PN, CT_PORT_NAME),
    (CtCommand.GID_NN, CT_PORT_NAME),
    (CtCommand.RPN_ID, CT_R_NAME),
    (CtCommand.RNN_ID, CT_R_NAME),
    (CtCommand.RFT_ID, CT_RFT_ID),
    (CtCommand.RFF_ID, CT_RFF_ID),
    (CtCommand.RSPN_ID, CT_RSPN_ID),
    (CtCommand.RSNN_NN, CT_RSNN_NN),
):
    bind_layers(CT, _layer, code=_command.value)

for _r_ctl in (RCtl.UNSOLICITED_CONTROL, RCtl.SOLICITED_CONTROL):
    bind_layers(FC, CT, r_ctl=_r_ctl.value, type=FcType.CT.value)
