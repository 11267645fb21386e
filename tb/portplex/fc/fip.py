# SPDX-License-Identifier: GPL-2.0-only

# scapy.contrib.description = FCoE Initialization Protocol (FC-BB-5)
# scapy.contrib.status = loads

"""
FIP: how FCoE end nodes find a fabric, log in, stay alive and are thrown out. Ethernet type 8914h.

    >>> Ether(dst="01:10:18:01:00:02") / FIP(operation=1, subcode=1, flags="FPMA", descriptors=[
    ...     FIP_MAC(mac="52:54:00:00:00:01"), FIP_Name(name_=0x20000000C9000001), FIP_FCoE_Size()])

The two length fields count words and default to None: they are filled in when the packet is built, and a value given
by hand stays. Descriptors are padded to whole words. What follows the descriptor list is `Padding`; `padded` adds it
where FC-BB-5 wants a frame as long as the largest FCoE frame (solicited advertisement, claim response).

A descriptor of a known type whose length is not the one of its type is dissected as `FIP_Descriptor`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from scapy.fields import (
    BitField,
    ByteEnumField,
    ByteField,
    FlagsField,
    IntField,
    MACField,
    MultiEnumField,
    PacketLenField,
    PacketListField,
    ShortEnumField,
    ShortField,
    X3BytesField,
    XByteField,
    XLongField,
    XStrFixedLenField,
    XStrLenField,
)
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Padding, bind_layers

from portplex.fc.constants import (
    ETHERTYPE_FIP,
    FC_MAP,
    FCOE_SIZE,
    FipControl,
    FipDescriptor,
    FipDiscovery,
    FipLinkService,
    FipOperation,
    FipVlan,
    FipVn2vn,
)
from portplex.fc.frame import FC

FIP_ALL_FCOE = "01:10:18:01:00:00"
FIP_ALL_ENODES = "01:10:18:01:00:01"
FIP_ALL_FCFS = "01:10:18:01:00:02"
FIP_ALL_VN2VN = "01:10:18:01:00:04"

FIP_OPERATIONS = {code.value: code.name for code in FipOperation}
FIP_SUBCODES = {
    operation: {code.value: code.name for code in group}
    for operation, group in (
        (FipOperation.DISCOVERY.value, FipDiscovery),
        (FipOperation.LINK_SERVICE.value, FipLinkService),
        (FipOperation.CONTROL.value, FipControl),
        (FipOperation.VLAN.value, FipVlan),
        (FipOperation.VN2VN.value, FipVn2vn),
    )
}
FIP_DESCRIPTOR_NAMES = {code.value: code.name for code in FipDescriptor}

# Least significant bit first, as FlagsField wants them.
FIP_FLAGS = [
    "F_PORT",
    "SOLICITED",
    "AVAILABLE",
    "RECORDED",
    "FDF",
    "FCF",
    *(f"reserved{bit}" for bit in range(6, 14)),
    "SPMA",
    "FPMA",
]


class _Descriptor(Packet):
    """Type, length in words, and what the type says; padded to whole words."""

    def post_build(self, p: bytes, pay: bytes) -> bytes:
        p += bytes(-len(p) % 4)
        if self.length is None:
            p = p[:1] + bytes((len(p) // 4 & 0xFF,)) + p[2:]
        return p + pay

    def extract_padding(self, s: bytes) -> tuple[bytes, bytes | None]:
        return b"", s


def _head(kind: FipDescriptor) -> list[Any]:
    return [ByteEnumField("type", kind.value, FIP_DESCRIPTOR_NAMES), ByteField("length", None)]


class FIP_Priority(_Descriptor):
    """Priority of an FCF; the lowest value is the one to choose."""

    name = "FIP priority"
    fields_desc: ClassVar[list[Any]] = [
        *_head(FipDescriptor.PRIORITY),
        ByteField("reserved", 0),
        ByteField("priority", 128),
    ]


class FIP_MAC(_Descriptor):
    """A MAC address: the sender's, or the one granted."""

    name = "FIP MAC"
    fields_desc: ClassVar[list[Any]] = [*_head(FipDescriptor.MAC), MACField("mac", "00:00:00:00:00:00")]


class FIP_FC_MAP(_Descriptor):
    """FC-MAP: the upper half of fabric-provided MAC addresses."""

    name = "FIP FC-MAP"
    fields_desc: ClassVar[list[Any]] = [
        *_head(FipDescriptor.FC_MAP),
        X3BytesField("reserved", 0),
        X3BytesField("fc_map", FC_MAP),
    ]


class FIP_Name(_Descriptor):
    """Switch name or node name."""

    name = "FIP name"
    fields_desc: ClassVar[list[Any]] = [
        *_head(FipDescriptor.NAME),
        ShortField("reserved", 0),
        XLongField("name_", 0),
    ]


class FIP_Fabric(_Descriptor):
    """Virtual fabric, FC-MAP and fabric name."""

    name = "FIP fabric"
    fields_desc: ClassVar[list[Any]] = [
        *_head(FipDescriptor.FABRIC),
        ShortField("vf_id", 0),
        ByteField("reserved", 0),
        X3BytesField("fc_map", FC_MAP),
        XLongField("fabric_name", 0),
    ]


class FIP_FCoE_Size(_Descriptor):
    """Bytes of the largest FCoE frame, without the Ethernet header."""

    name = "FIP FCoE size"
    fields_desc: ClassVar[list[Any]] = [*_head(FipDescriptor.FCOE_SIZE), ShortField("size", FCOE_SIZE)]


def _encapsulated(kind: FipDescriptor) -> list[Any]:
    return [
        *_head(kind),
        ShortField("reserved", 0),
        PacketLenField("frame", FC(), FC, length_from=lambda pkt: max(0, 4 * pkt.length - 4)),
    ]


class FIP_FLOGI(_Descriptor):
    """A FLOGI request or its reply: header and payload, no delimiters, no CRC."""

    name = "FIP FLOGI"
    fields_desc: ClassVar[list[Any]] = _encapsulated(FipDescriptor.FLOGI)


class FIP_FDISC(_Descriptor):
    """An FDISC (NPIV) request or its reply."""

    name = "FIP FDISC"
    fields_desc: ClassVar[list[Any]] = _encapsulated(FipDescriptor.FDISC)


class FIP_LOGO(_Descriptor):
    """A fabric LOGO request or its reply."""

    name = "FIP LOGO"
    fields_desc: ClassVar[list[Any]] = _encapsulated(FipDescriptor.LOGO)


class FIP_ELP(_Descriptor):
    """Exchange link parameters, between FCFs."""

    name = "FIP ELP"
    fields_desc: ClassVar[list[Any]] = _encapsulated(FipDescriptor.ELP)


class FIP_VN_ID(_Descriptor):
    """A VN_Port: MAC address, N_Port_ID and port name."""

    name = "FIP VN_Port ID"
    fields_desc: ClassVar[list[Any]] = [
        *_head(FipDescriptor.VN_ID),
        MACField("mac", "00:00:00:00:00:00"),
        ByteField("reserved", 0),
        X3BytesField("n_port_id", 0),
        XLongField("port_name", 0),
    ]


class FIP_FKA(_Descriptor):
    """Period of advertisements and keep-alives in ms; `no_keep_alive` tells the end node not to send any."""

    name = "FIP FKA period"
    fields_desc: ClassVar[list[Any]] = [
        *_head(FipDescriptor.FKA),
        ByteField("reserved", 0),
        BitField("reserved2", 0, 7),
        BitField("no_keep_alive", 0, 1),
        IntField("period", 8000),
    ]


class FIP_Vendor(_Descriptor):
    """Eight bytes that name a vendor."""

    name = "FIP vendor"
    fields_desc: ClassVar[list[Any]] = [
        *_head(FipDescriptor.VENDOR),
        ShortField("reserved", 0),
        XStrFixedLenField("vendor_id", bytes(8), 8),
    ]


class FIP_VLAN(_Descriptor):
    """A VLAN that offers FCoE."""

    name = "FIP VLAN"
    fields_desc: ClassVar[list[Any]] = [
        *_head(FipDescriptor.VLAN),
        BitField("reserved", 0, 4),
        BitField("vlan", 1, 12),
    ]


class FIP_FC4_Features(_Descriptor):
    """FC-4 types and features of a VN_Port, the layout of RFT_ID and of 4 bits a type."""

    name = "FIP FC-4 features"
    fields_desc: ClassVar[list[Any]] = [
        *_head(FipDescriptor.FC4_FEATURES),
        ShortField("reserved", 0),
        XStrFixedLenField("types", bytes((0, 0, 1)) + bytes(29), 32),
        XStrFixedLenField("features", bytes(128), 128),
    ]


class FIP_Descriptor(_Descriptor):
    """A descriptor of another type, or of a length its type does not have."""

    name = "FIP descriptor"
    fields_desc: ClassVar[list[Any]] = [
        ByteEnumField("type", 128, FIP_DESCRIPTOR_NAMES),
        ByteField("length", None),
        XStrLenField("data", b"", length_from=lambda pkt: max(0, 4 * pkt.length - 2)),
    ]


FIP_DESCRIPTORS: dict[int, type[Packet]] = {
    cls.fields_desc[0].default: cls
    for cls in (
        FIP_Priority,
        FIP_MAC,
        FIP_FC_MAP,
        FIP_Name,
        FIP_Fabric,
        FIP_FCoE_Size,
        FIP_FLOGI,
        FIP_FDISC,
        FIP_LOGO,
        FIP_ELP,
        FIP_VN_ID,
        FIP_FKA,
        FIP_Vendor,
        FIP_VLAN,
        FIP_FC4_Features,
    )
}
_WORDS = {code: (len(cls()) + 3) // 4 for code, cls in FIP_DESCRIPTORS.items()}
_ENCAPSULATING = {7, 8, 9, 10}


def _descriptor_class(pkt: Packet, listed: list[Any], current: Packet | None, remain: bytes) -> type[Packet] | None:
    """The class of the descriptor at the head of `remain`, told by type and length; None ends the list."""
    if len(remain) < 2:
        return None
    code, words = remain[0], remain[1]
    fits = words >= _WORDS[code] if code in _ENCAPSULATING else words == _WORDS.get(code)
    return FIP_DESCRIPTORS[code] if fits and len(remain) >= 4 * words else FIP_Descriptor


def _operation(pkt: Packet | None) -> int:
    return int(pkt.operation) if pkt is not None else 0


class FIP(Packet):
    """FIP header (10 bytes) and its descriptor list; `length` is that of the list in words."""

    name = "FIP"
    fields_desc: ClassVar[list[Any]] = [
        BitField("version", 1, 4),
        BitField("reserved", 0, 12),
        ShortEnumField("operation", FipOperation.DISCOVERY.value, FIP_OPERATIONS),
        XByteField("reserved2", 0),
        MultiEnumField("subcode", 1, FIP_SUBCODES, depends_on=_operation, fmt="B"),
        ShortField("length", None),
        FlagsField("flags", 0, 16, FIP_FLAGS),
        PacketListField(
            "descriptors", [], next_cls_cb=_descriptor_class, length_from=lambda pkt: 4 * pkt.length, max_count=1024
        ),
    ]

    def post_build(self, p: bytes, pay: bytes) -> bytes:
        if self.length is None:
            p = p[:6] + ((len(p) - 10) // 4).to_bytes(2, "big") + p[8:]
        return p + pay

    def guess_payload_class(self, payload: bytes) -> type[Packet]:
        return Padding

    def descriptor(self, layer: type[Packet]) -> Packet | None:
        """The first descriptor of this class, or None."""
        return next((entry for entry in self.descriptors if isinstance(entry, layer)), None)

    def answers(self, other: Packet) -> int:
        """A reply to a link service request, an advertisement to a solicitation."""
        return int(
            isinstance(other, FIP)
            and self.operation == other.operation
            and self.operation in (1, 2, 4)
            and (other.subcode, self.subcode) == (1, 2)
        )

    def hashret(self) -> bytes:
        return bytes(self.operation.to_bytes(2, "big"))

    def mysummary(self) -> Any:
        return self.sprintf("FIP %operation% %subcode%")


def padded(fip: Packet, size: int = FCOE_SIZE) -> Packet:
    """`fip` with padding up to `size` bytes behind the Ethernet header."""
    return fip / Padding(bytes(max(0, size - len(fip))))


bind_layers(Ether, FIP, type=ETHERTYPE_FIP)
