# SPDX-License-Identifier: GPL-2.0-only

# scapy.contrib.description = Fibre Channel extended link services (FC-LS)
# scapy.contrib.status = loads

"""
Extended link services (FC-LS-3, TYPE 01h): requests by their command code in byte 0, replies by code and length.

    >>> FC(r_ctl=0x22, type=1, d_id=0xfffffe) / ELS_FLOGI(port_name=0x10000000c9000001, node_name=0x20000000c9000001)
    >>> FC(r_ctl=0x23, type=1) / ELS_LS_RJT(reason=9, explanation=0x29)

An LS_ACC does not say which request it answers; its length does, but for those of 28 bytes (ADISC, RLS), which stay a
plain `ELS_LS_ACC` with `data`. Give the right class by hand (`ELS_LS_ACC_RLS(bytes)`) where the request is known.
"""

from __future__ import annotations

from typing import Any, ClassVar

from scapy.config import conf
from scapy.fields import (
    BitField,
    ByteEnumField,
    ByteField,
    FieldLenField,
    FlagsField,
    IntField,
    PacketField,
    PacketListField,
    ShortField,
    StrField,
    StrFixedLenField,
    X3BytesField,
    XByteField,
    XIntField,
    XLongField,
    XShortField,
    XStrField,
    XStrFixedLenField,
)
from scapy.packet import Packet, bind_bottom_up, bind_top_down

from portplex.fc.constants import Els, FcType, LsRjtExplanation, LsRjtReason, PrliResponse, RCtl
from portplex.fc.frame import FC, TYPE_NAMES

ELS_NAMES = {code.value: code.name for code in Els}
LS_RJT_REASONS = {code.value: code.name for code in LsRjtReason}
LS_RJT_EXPLANATIONS = {code.value: code.name for code in LsRjtExplanation}
PRLI_RESPONSES = {0: "none", **{code.value: code.name for code in PrliResponse}}

COMMON_FLAGS = [
    "payload_256",
    "seq_cnt",
    "reserved2",
    "r_t_tov_100us",
    "reserved4",
    "security",
    "reserved6",
    "hunt_group",
    "broadcast",
    "multicast",
    "e_d_tov_ns",
    "alternate_credit",
    "f_port",
    "vendor_version_valid",
    "random_offset",
    "continuous_offset",
]

FCP_SERVICE_FLAGS = [
    "write_xfer_rdy_disabled",
    "read_xfer_rdy_disabled",
    "reserved2",
    "reserved3",
    "target",
    "initiator",
    "overlay",
    "confirm",
    "retry",
    "task_retry_id",
    *(f"reserved{bit}" for bit in range(10, 32)),
]


class _Els(Packet):
    """What every ELS has in common: byte 0 is the command code; a reply answers any request."""

    def extract_padding(self, s: bytes) -> tuple[bytes, bytes | None]:
        return s, None

    def answers(self, other: Packet) -> int:
        return 0

    def mysummary(self) -> Any:
        return self.name


class _ElsReply(_Els):
    def answers(self, other: Packet) -> int:
        return int(isinstance(other, _Els) and not isinstance(other, _ElsReply))


class ClassParameters(Packet):
    """One 16-byte class block of PLOGI and FLOGI (FC-LS-3 clause 6.6)."""

    name = "class parameters"
    fields_desc: ClassVar[list[Any]] = [
        XShortField("flags", 0),
        XShortField("initiator_control", 0),
        XShortField("recipient_control", 0),
        ShortField("receive_size", 0),
        ShortField("concurrent_sequences", 0),
        ShortField("end_to_end_credit", 0),
        ByteField("reserved", 0),
        ByteField("open_sequences", 0),
        ShortField("reserved2", 0),
    ]

    def extract_padding(self, s: bytes) -> tuple[bytes, bytes | None]:
        return b"", s


def _class_3() -> ClassParameters:
    return ClassParameters(flags=0x8800, receive_size=2112, concurrent_sequences=255, open_sequences=1)


def _service_parameters(opcode: Els, *, flogi: bool) -> list[Any]:
    """The 116 bytes of PLOGI, FLOGI and their LS_ACC (FC-LS-3 clause 4.2.7 and 6.6)."""
    return [
        ByteEnumField("opcode", opcode.value, ELS_NAMES),
        X3BytesField("reserved", 0),
        XByteField("high_version", 0x20),
        XByteField("low_version", 0x20),
        ShortField("bb_credit", 1 if flogi else 8),
        FlagsField("common_flags", 0 if flogi else 0x8000, 16, COMMON_FLAGS),
        BitField("bb_sc_n", 0, 4),
        BitField("receive_size", 2112, 12),
        ShortField("total_sequences", 0 if flogi else 255),
        XShortField("relative_offset_categories", 0 if flogi else 0x1F),
        IntField("e_d_tov", 0 if flogi else 2000),
        XLongField("port_name", 0),
        XLongField("node_name", 0),
        PacketField("class_1", ClassParameters(), ClassParameters),
        PacketField("class_2", ClassParameters(), ClassParameters),
        PacketField("class_3", _class_3(), ClassParameters),
        PacketField("class_4", ClassParameters(), ClassParameters),
        XStrFixedLenField("vendor_version", bytes(16), 16),
    ]


class ELS_PLOGI(_Els):
    """N_Port login."""

    name = "PLOGI"
    fields_desc: ClassVar[list[Any]] = _service_parameters(Els.PLOGI, flogi=False)


class ELS_FLOGI(_Els):
    """Fabric login. In an LS_ACC the two fields before e_d_tov together are R_A_TOV in ms."""

    name = "FLOGI"
    fields_desc: ClassVar[list[Any]] = _service_parameters(Els.FLOGI, flogi=True)


class ELS_PDISC(_Els):
    """Discover N_Port service parameters."""

    name = "PDISC"
    fields_desc: ClassVar[list[Any]] = _service_parameters(Els.PDISC, flogi=False)


class ELS_FDISC(_Els):
    """Further N_Port_ID from the fabric (NPIV)."""

    name = "FDISC"
    fields_desc: ClassVar[list[Any]] = _service_parameters(Els.FDISC, flogi=True)


class ELS_LS_ACC_PLOGI(_ElsReply):
    """Accept of PLOGI, FLOGI, PDISC and FDISC."""

    name = "LS_ACC"
    fields_desc: ClassVar[list[Any]] = _service_parameters(Els.LS_ACC, flogi=False)


class ELS_LS_ACC(_ElsReply):
    """Accept with whatever follows the first word."""

    name = "LS_ACC"
    fields_desc: ClassVar[list[Any]] = [
        ByteEnumField("opcode", Els.LS_ACC.value, ELS_NAMES),
        X3BytesField("reserved", 0),
        XStrField("data", b""),
    ]


class ELS_LS_RJT(_ElsReply):
    """Reject, with its reason."""

    name = "LS_RJT"
    fields_desc: ClassVar[list[Any]] = [
        ByteEnumField("opcode", Els.LS_RJT.value, ELS_NAMES),
        X3BytesField("reserved", 0),
        ByteField("reserved2", 0),
        ByteEnumField("reason", LsRjtReason.UNABLE.value, LS_RJT_REASONS),
        ByteEnumField("explanation", 0, LS_RJT_EXPLANATIONS),
        XByteField("vendor", 0),
    ]

    def mysummary(self) -> Any:
        return self.sprintf("LS_RJT %reason% (%explanation%)")


class ELS_LOGO(_Els):
    """Logout."""

    name = "LOGO"
    fields_desc: ClassVar[list[Any]] = [
        ByteEnumField("opcode", Els.LOGO.value, ELS_NAMES),
        X3BytesField("reserved", 0),
        ByteField("reserved2", 0),
        X3BytesField("n_port_id", 0),
        XLongField("port_name", 0),
    ]


class ServiceParameterPage(Packet):
    """One 16-byte page of PRLI and PRLO; for FCP (type 08h) the last word holds the roles."""

    name = "service parameter page"
    fields_desc: ClassVar[list[Any]] = [
        ByteEnumField("type", FcType.FCP.value, TYPE_NAMES),
        ByteField("type_extension", 0),
        BitField("originator_pa_valid", 0, 1),
        BitField("responder_pa_valid", 0, 1),
        BitField("image_pair", 1, 1),
        BitField("reserved", 0, 1),
        BitField("response", 0, 4),
        ByteField("reserved2", 0),
        XIntField("originator_pa", 0),
        XIntField("responder_pa", 0),
        FlagsField("parameters", 0x22, 32, FCP_SERVICE_FLAGS),
    ]

    def extract_padding(self, s: bytes) -> tuple[bytes, bytes | None]:
        return b"", s


def _pages(opcode: Els) -> list[Any]:
    return [
        ByteEnumField("opcode", opcode.value, ELS_NAMES),
        ByteField("page_length", 16),
        FieldLenField("payload_length", None, length_of="pages", fmt="H", adjust=lambda pkt, length: length + 4),
        PacketListField(
            "pages", [ServiceParameterPage()], ServiceParameterPage, length_from=lambda pkt: pkt.payload_length - 4
        ),
    ]


class ELS_PRLI(_Els):
    """Process login."""

    name = "PRLI"
    fields_desc: ClassVar[list[Any]] = _pages(Els.PRLI)


class ELS_PRLO(_Els):
    """Process logout."""

    name = "PRLO"
    fields_desc: ClassVar[list[Any]] = _pages(Els.PRLO)


class ELS_LS_ACC_PRLI(_ElsReply):
    """Accept of PRLI and PRLO."""

    name = "LS_ACC"
    fields_desc: ClassVar[list[Any]] = _pages(Els.LS_ACC)


def _adisc(opcode: Els) -> list[Any]:
    return [
        ByteEnumField("opcode", opcode.value, ELS_NAMES),
        X3BytesField("reserved", 0),
        ByteField("reserved2", 0),
        X3BytesField("hard_address", 0),
        XLongField("port_name", 0),
        XLongField("node_name", 0),
        ByteField("reserved3", 0),
        X3BytesField("n_port_id", 0),
    ]


class ELS_ADISC(_Els):
    """Discover address."""

    name = "ADISC"
    fields_desc: ClassVar[list[Any]] = _adisc(Els.ADISC)


class ELS_LS_ACC_ADISC(_ElsReply):
    """Accept of ADISC."""

    name = "LS_ACC"
    fields_desc: ClassVar[list[Any]] = _adisc(Els.LS_ACC)


class ELS_RTV(_Els):
    """Read timeout values."""

    name = "RTV"
    fields_desc: ClassVar[list[Any]] = [ByteEnumField("opcode", Els.RTV.value, ELS_NAMES), X3BytesField("reserved", 0)]


class ELS_LS_ACC_RTV(_ElsReply):
    """Accept of RTV; times in ms, or E_D_TOV in ns when bit 26 of the qualifier is set."""

    name = "LS_ACC"
    fields_desc: ClassVar[list[Any]] = [
        ByteEnumField("opcode", Els.LS_ACC.value, ELS_NAMES),
        X3BytesField("reserved", 0),
        IntField("r_a_tov", 10000),
        IntField("e_d_tov", 2000),
        XIntField("qualifier", 0),
    ]


class ELS_RLS(_Els):
    """Read link error status block."""

    name = "RLS"
    fields_desc: ClassVar[list[Any]] = [
        ByteEnumField("opcode", Els.RLS.value, ELS_NAMES),
        X3BytesField("reserved", 0),
        ByteField("reserved2", 0),
        X3BytesField("port_id", 0),
    ]


class ELS_LS_ACC_RLS(_ElsReply):
    """Accept of RLS: the link error status block."""

    name = "LS_ACC"
    fields_desc: ClassVar[list[Any]] = [
        ByteEnumField("opcode", Els.LS_ACC.value, ELS_NAMES),
        X3BytesField("reserved", 0),
        IntField("link_failure", 0),
        IntField("loss_of_sync", 0),
        IntField("loss_of_signal", 0),
        IntField("primitive_sequence_error", 0),
        IntField("invalid_word", 0),
        IntField("invalid_crc", 0),
    ]


class ELS_ECHO(_Els):
    """Echo: the LS_ACC repeats the data."""

    name = "ECHO"
    fields_desc: ClassVar[list[Any]] = [
        ByteEnumField("opcode", Els.ECHO.value, ELS_NAMES),
        X3BytesField("reserved", 0),
        XStrField("data", b""),
    ]


def _exchange(opcode: Els) -> list[Any]:
    return [
        ByteEnumField("opcode", opcode.value, ELS_NAMES),
        X3BytesField("reserved", 0),
        ByteField("reserved2", 0),
        X3BytesField("originator_s_id", 0),
        XShortField("ox_id", 0xFFFF),
        XShortField("rx_id", 0xFFFF),
    ]


class ELS_RRQ(_Els):
    """Reinstate recovery qualifier."""

    name = "RRQ"
    fields_desc: ClassVar[list[Any]] = _exchange(Els.RRQ)


class ELS_REC(_Els):
    """Read exchange concise."""

    name = "REC"
    fields_desc: ClassVar[list[Any]] = _exchange(Els.REC)


class ELS_LS_ACC_REC(_ElsReply):
    """Accept of REC: state of the exchange (bit 30 of e_stat sequence initiative, 29 complete)."""

    name = "LS_ACC"
    fields_desc: ClassVar[list[Any]] = [
        ByteEnumField("opcode", Els.LS_ACC.value, ELS_NAMES),
        X3BytesField("reserved", 0),
        XShortField("ox_id", 0xFFFF),
        XShortField("rx_id", 0xFFFF),
        ByteField("reserved2", 0),
        X3BytesField("originator_id", 0),
        ByteField("reserved3", 0),
        X3BytesField("responder_id", 0),
        XIntField("fc4_value", 0),
        XIntField("e_stat", 0),
    ]


class ELS_SCR(_Els):
    """State change registration; function 3 is full registration."""

    name = "SCR"
    fields_desc: ClassVar[list[Any]] = [
        ByteEnumField("opcode", Els.SCR.value, ELS_NAMES),
        X3BytesField("reserved", 0),
        X3BytesField("reserved2", 0),
        ByteField("function", 3),
    ]


class RSCNPage(Packet):
    """One affected address; format 0 port, 1 area, 2 domain, 3 fabric."""

    name = "affected address"
    fields_desc: ClassVar[list[Any]] = [
        BitField("reserved", 0, 2),
        BitField("event", 0, 4),
        BitField("address_format", 0, 2),
        X3BytesField("address", 0),
    ]

    def extract_padding(self, s: bytes) -> tuple[bytes, bytes | None]:
        return b"", s


class ELS_RSCN(_Els):
    """Registered state change notification."""

    name = "RSCN"
    fields_desc: ClassVar[list[Any]] = [
        ByteEnumField("opcode", Els.RSCN.value, ELS_NAMES),
        ByteField("page_length", 4),
        FieldLenField("payload_length", None, length_of="pages", fmt="H", adjust=lambda pkt, length: length + 4),
        PacketListField("pages", [RSCNPage()], RSCNPage, length_from=lambda pkt: pkt.payload_length - 4),
    ]


class ELS_RNID(_Els):
    """Request node identification data."""

    name = "RNID"
    fields_desc: ClassVar[list[Any]] = [
        ByteEnumField("opcode", Els.RNID.value, ELS_NAMES),
        X3BytesField("reserved", 0),
        XByteField("format", 0xDF),
        X3BytesField("reserved2", 0),
    ]


class ELS(_Els):
    """A request this file has no layer for."""

    name = "ELS"
    fields_desc: ClassVar[list[Any]] = [
        ByteEnumField("opcode", 0, ELS_NAMES),
        StrFixedLenField("reserved", bytes(3), 3),
        StrField("data", b""),
    ]

    def mysummary(self) -> Any:
        return self.sprintf("ELS %opcode%")


ELS_REQUESTS: dict[int, type[Packet]] = {
    cls.fields_desc[0].default: cls
    for cls in (
        ELS_PLOGI,
        ELS_FLOGI,
        ELS_PDISC,
        ELS_FDISC,
        ELS_LOGO,
        ELS_PRLI,
        ELS_PRLO,
        ELS_ADISC,
        ELS_RTV,
        ELS_RLS,
        ELS_ECHO,
        ELS_RRQ,
        ELS_REC,
        ELS_SCR,
        ELS_RSCN,
        ELS_RNID,
    )
}

ELS_ACCEPTS_BY_LENGTH: dict[int, type[Packet]] = {116: ELS_LS_ACC_PLOGI, 16: ELS_LS_ACC_RTV, 24: ELS_LS_ACC_REC}


def els_class(payload: bytes) -> type[Packet]:
    """The layer for the payload of an ELS frame without fill bytes; Raw when it is too short for a command code."""
    if len(payload) < 4:
        return conf.raw_layer
    code = payload[0]
    if code == Els.LS_RJT:
        return ELS_LS_RJT
    if code == Els.LS_ACC:
        if payload[1] == 16 and len(payload) >= 20:
            return ELS_LS_ACC_PRLI
        return ELS_ACCEPTS_BY_LENGTH.get(len(payload), ELS_LS_ACC)
    return ELS_REQUESTS.get(code, ELS)


class _ElsDispatch(Packet):
    """Never in a packet: hands the payload to the layer that fits."""

    name = "ELS dispatch"

    @classmethod
    def dispatch_hook(cls, _pkt: bytes | None = None, *args: Any, **kargs: Any) -> type[Packet]:
        return els_class(_pkt or b"")


# Building sets R_CTL and TYPE for every layer; dissecting goes through the dispatch, since code and length decide.
_REQUEST_LAYERS: list[type[Packet]] = [*ELS_REQUESTS.values(), ELS]
_REPLY_LAYERS: list[type[Packet]] = [
    ELS_LS_RJT,
    ELS_LS_ACC,
    ELS_LS_ACC_PRLI,
    ELS_LS_ACC_ADISC,
    ELS_LS_ACC_RLS,
    *ELS_ACCEPTS_BY_LENGTH.values(),
]
for _cls in _REQUEST_LAYERS:
    bind_top_down(FC, _cls, r_ctl=RCtl.ELS_REQUEST.value, type=FcType.ELS.value)
for _cls in _REPLY_LAYERS:
    bind_top_down(FC, _cls, r_ctl=RCtl.ELS_REPLY.value, type=FcType.ELS.value)
for _r_ctl in (RCtl.ELS_REQUEST, RCtl.ELS_REPLY):
    bind_bottom_up(FC, _ElsDispatch, r_ctl=_r_ctl.value, type=FcType.ELS.value)
