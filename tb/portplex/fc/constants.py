# SPDX-License-Identifier: Apache-2.0
"""Fibre Channel values, once: Python imports them, `generate_headers` renders them as Verilog headers.

Sources: FC-FS-5 (ordered sets, R_CTL, TYPE, F_CTL, addresses), FC-LS (ELS), FC-GS (CT), FCP-4, FC-BB (FCoE codes), as
collected in the project's protocol facts.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

# ---- Ordered sets: 32-bit words, first character in bits 31:24 (always K28.5 = BCh) ----

# The two forms of an EOF differ in the second character; which one is sent depends on the running disparity (RD) before
# it: _NEG follows RD-, _POS follows RD+. Both leave RD negative, as every other ordered set but the SOFs expects.
ORDERED_SETS: dict[str, int] = {
    "SOFi2": 0xBCB55555,
    "SOFn2": 0xBCB53535,
    "SOFi3": 0xBCB55656,
    "SOFn3": 0xBCB53636,
    "SOFf": 0xBCB55858,
    "SOFc1": 0xBCB51717,
    "SOFi1": 0xBCB55757,
    "SOFn1": 0xBCB53737,
    "SOFc4": 0xBCB51919,
    "SOFi4": 0xBCB55959,
    "SOFn4": 0xBCB53939,
    "EOFt_NEG": 0xBC957575,
    "EOFt_POS": 0xBCB57575,
    "EOFn_NEG": 0xBC95D5D5,
    "EOFn_POS": 0xBCB5D5D5,
    "EOFa_NEG": 0xBC95F5F5,
    "EOFa_POS": 0xBCB5F5F5,
    "EOFni_NEG": 0xBC8AD5D5,
    "EOFni_POS": 0xBCAAD5D5,
    "EOFdt_NEG": 0xBC959595,
    "EOFdt_POS": 0xBCB59595,
    "EOFdti_NEG": 0xBC8A9595,
    "EOFdti_POS": 0xBCAA9595,
    "EOFrt_NEG": 0xBC959999,
    "EOFrt_POS": 0xBCB59999,
    "EOFrti_NEG": 0xBC8A9999,
    "EOFrti_POS": 0xBCAA9999,
    "IDLE": 0xBC95B5B5,
    "R_RDY": 0xBC954A4A,
    "BB_SCs": 0xBC959696,
    "BB_SCr": 0xBC95D6D6,
    "ARBff": 0xBC94FFFF,
    "NOS": 0xBC55BF45,
    "OLS": 0xBC358A55,
    "LR": 0xBC49BF49,
    "LRR": 0xBC35BF49,
}
ORDERED_SET_NAMES: dict[int, str] = {word: name for name, word in ORDERED_SETS.items()}

IDLE = ORDERED_SETS["IDLE"]
R_RDY = ORDERED_SETS["R_RDY"]
SOFI3 = ORDERED_SETS["SOFi3"]
SOFN3 = ORDERED_SETS["SOFn3"]

# ---- Sizes, in bytes unless named otherwise ----

HEADER_BYTES = 24
CRC_BYTES = 4
MAX_PAYLOAD_BYTES = 2112
MIN_RECEIVE_SIZE = 256
MIN_FILL_WORDS = 6
X_ID_UNASSIGNED = 0xFFFF


class RCtl(IntEnum):
    """R_CTL, routing and information, 8 bits."""

    UNCATEGORIZED = 0x00
    SOLICITED_DATA = 0x01
    UNSOLICITED_CONTROL = 0x02
    SOLICITED_CONTROL = 0x03
    UNSOLICITED_DATA = 0x04
    DATA_DESCRIPTOR = 0x05
    UNSOLICITED_COMMAND = 0x06
    COMMAND_STATUS = 0x07
    EXTENDED_RESPONSE = 0x08
    ELS_REQUEST = 0x22
    ELS_REPLY = 0x23
    FC4_LS_REQUEST = 0x32
    FC4_LS_REPLY = 0x33
    VFT = 0x50
    IFR = 0x51
    ENCAPSULATION = 0x52
    BA_NOP = 0x80
    ABTS = 0x81
    RMC = 0x82
    BA_ACC = 0x84
    BA_RJT = 0x85
    PRMT = 0x86
    ACK_1 = 0xC0
    ACK_0 = 0xC1
    P_RJT = 0xC2
    F_RJT = 0xC3
    P_BSY = 0xC4
    F_BSY_DATA = 0xC5
    F_BSY_LINK = 0xC6
    LCR = 0xC7
    END = 0xC9


class FcType(IntEnum):
    """TYPE, data structure type, 8 bits."""

    BLS = 0x00
    ELS = 0x01
    IP = 0x05
    FCP = 0x08
    CT = 0x20
    SW_ILS = 0x22
    NVME = 0x28


class FCtl(IntFlag):
    """F_CTL bits, 24 bits."""

    EXCHANGE_RESPONDER = 1 << 23
    SEQUENCE_RECIPIENT = 1 << 22
    FIRST_SEQUENCE = 1 << 21
    LAST_SEQUENCE = 1 << 20
    END_SEQUENCE = 1 << 19
    END_CONNECTION = 1 << 18
    PRIORITY_ENABLE = 1 << 17
    SEQUENCE_INITIATIVE = 1 << 16
    X_ID_REASSIGNED = 1 << 15
    INVALIDATE_X_ID = 1 << 14
    ACK_FORM_1 = 1 << 12
    ACK_FORM_0 = 3 << 12
    RETRANSMITTED = 1 << 9
    UNIDIRECTIONAL = 1 << 8
    CONTINUE_SEQUENCE_MASK = 3 << 6
    ABORT_SEQUENCE_MASK = 3 << 4
    RELATIVE_OFFSET = 1 << 3
    FILL_MASK = 3


class FCtlUsual(IntEnum):
    """F_CTL as it usually stands in a frame, 24 bits."""

    REQUEST = 0x290000
    RESPONSE = 0x990000
    ELS_REPLY = 0x980000
    XFER_RDY = 0x890000
    WRITE_DATA = 0x000008
    WRITE_DATA_LAST = 0x090008
    READ_DATA = 0x800008
    READ_DATA_LAST = 0x880008
    ABTS = 0x090000


class DfCtl(IntEnum):
    """DF_CTL, optional headers present, 8 bits."""

    NONE = 0x00
    ESP_HEADER = 0x40
    NETWORK_HEADER = 0x20
    DEVICE_HEADER_16 = 0x01
    DEVICE_HEADER_32 = 0x02
    DEVICE_HEADER_64 = 0x03


class Address(IntEnum):
    """Well-known addresses, 24 bits."""

    UNIDENTIFIED = 0x000000
    MULTICAST = 0xFFFFF5
    CLOCK = 0xFFFFF6
    KEY = 0xFFFFF7
    ALIAS = 0xFFFFF8
    QOS = 0xFFFFF9
    MANAGEMENT = 0xFFFFFA
    TIME = 0xFFFFFB
    NAME_SERVER = 0xFFFFFC
    FABRIC_CONTROLLER = 0xFFFFFD
    FABRIC_LOGIN = 0xFFFFFE
    BROADCAST = 0xFFFFFF


class Els(IntEnum):
    """ELS command code, payload byte 0."""

    LS_RJT = 0x01
    LS_ACC = 0x02
    PLOGI = 0x03
    FLOGI = 0x04
    LOGO = 0x05
    ABTX = 0x06
    RCS = 0x07
    RES = 0x08
    RSS = 0x09
    RSI = 0x0A
    ESTS = 0x0B
    ESTC = 0x0C
    ADVC = 0x0D
    RTV = 0x0E
    RLS = 0x0F
    ECHO = 0x10
    TEST = 0x11
    RRQ = 0x12
    REC = 0x13
    SRR = 0x14
    FPIN = 0x16
    EDC = 0x17
    RDP = 0x18
    RDF = 0x19
    PRLI = 0x20
    PRLO = 0x21
    SCN = 0x22
    TPLS = 0x23
    TPRLO = 0x24
    PDISC = 0x50
    FDISC = 0x51
    ADISC = 0x52
    FARP_REQ = 0x54
    FARP_REPLY = 0x55
    RPS = 0x56
    RPL = 0x57
    FAN = 0x60
    RSCN = 0x61
    SCR = 0x62
    RNFT = 0x63
    LINIT = 0x70
    LSTS = 0x72
    RNID = 0x78
    RLIR = 0x79
    LIRR = 0x7A
    RPSC = 0x7D
    LKA = 0x80
    AUTH = 0x90


class LsRjtReason(IntEnum):
    """LS_RJT reason code."""

    INVALID_COMMAND = 0x01
    LOGICAL_ERROR = 0x03
    LOGICAL_BUSY = 0x05
    PROTOCOL_ERROR = 0x07
    UNABLE = 0x09
    UNSUPPORTED = 0x0B
    IN_PROGRESS = 0x0E
    VENDOR = 0xFF


class LsRjtExplanation(IntEnum):
    """LS_RJT reason explanation."""

    NONE = 0x00
    SERVICE_PARAMETER_OPTION = 0x01
    SERVICE_PARAMETER_INITIATOR = 0x03
    INVALID_S_ID = 0x15
    INVALID_OX_ID_RX_ID = 0x17
    IN_PROGRESS = 0x19
    PLOGI_REQUIRED = 0x1E
    NO_RESOURCES = 0x29
    NO_DATA = 0x2A
    NOT_SUPPORTED = 0x2C
    INVALID_LENGTH = 0x2D


class BaRjtReason(IntEnum):
    """BA_RJT reason code."""

    INVALID_COMMAND = 0x01
    LOGICAL_ERROR = 0x03
    LOGICAL_BUSY = 0x05
    PROTOCOL_ERROR = 0x07
    UNABLE = 0x09
    VENDOR = 0xFF


class BaRjtExplanation(IntEnum):
    """BA_RJT reason explanation."""

    NONE = 0x00
    INVALID_OX_ID_RX_ID = 0x03
    SEQUENCE_ABORTED = 0x05


class PRjtReason(IntEnum):
    """P_RJT and F_RJT reason code (class 2)."""

    INVALID_D_ID = 0x01
    INVALID_S_ID = 0x02
    UNAVAILABLE_TEMPORARY = 0x03
    UNAVAILABLE_PERMANENT = 0x04
    CLASS = 0x05
    DELIMITER = 0x06
    TYPE = 0x07
    R_CTL = 0x09
    F_CTL = 0x0A
    OX_ID = 0x0B
    RX_ID = 0x0C
    SEQ_ID = 0x0D
    DF_CTL = 0x0E
    SEQ_CNT = 0x0F
    PARAMETER = 0x10
    EXCHANGE_ERROR = 0x11
    PROTOCOL_ERROR = 0x12
    LENGTH = 0x13
    UNEXPECTED_ACK = 0x14
    LOGIN_REQUIRED = 0x16
    TOO_MANY_SEQUENCES = 0x17
    CANNOT_ESTABLISH_EXCHANGE = 0x18
    PRLI_REQUIRED = 0x24
    VENDOR = 0xFF


class ServiceFlag(IntFlag):
    """Feature flags of the common service parameters, payload bytes 8-9 of PLOGI and FLOGI."""

    CONTINUOUS_OFFSET = 0x8000
    RANDOM_OFFSET = 0x4000
    VENDOR_VERSION_VALID = 0x2000
    F_PORT = 0x1000
    ALTERNATE_CREDIT = 0x0800
    E_D_TOV_NS = 0x0400
    MULTICAST = 0x0200
    BROADCAST = 0x0100
    HUNT_GROUP = 0x0080
    SECURITY = 0x0020
    R_T_TOV_100_US = 0x0008
    SEQ_CNT = 0x0002
    PAYLOAD_256 = 0x0001


class ClassFlag(IntFlag):
    """Class flags, first half-word of a class block of PLOGI and FLOGI."""

    VALID = 0x8000
    SEQUENTIAL = 0x0800
    PRIORITY = 0x0080


class PrliFlag(IntFlag):
    """Flags of a PRLI page, byte 2."""

    ORIGINATOR_PA = 0x80
    RESPONDER_PA = 0x40
    IMAGE_PAIR = 0x20


class PrliResponse(IntEnum):
    """Response code of a PRLI page in LS_ACC, byte 2 bits 3:0."""

    EXECUTED = 1
    NO_RESOURCES = 2
    INITIALIZATION_INCOMPLETE = 3
    NO_PROCESS = 4
    CONFIGURATION = 5
    CONDITIONAL = 6
    MULTIPLE = 7
    INVALID = 8


class PrliFcp(IntFlag):
    """Service parameters of an FCP PRLI page, bytes 12-15."""

    TASK_RETRY_ID = 0x0200
    RETRY = 0x0100
    CONFIRM = 0x0080
    OVERLAY = 0x0040
    INITIATOR = 0x0020
    TARGET = 0x0010
    READ_XFER_RDY_DISABLED = 0x0002
    WRITE_XFER_RDY_DISABLED = 0x0001


class CtCommand(IntEnum):
    """CT command and response codes of the name server (FC-GS), 16 bits."""

    GA_NXT = 0x0100
    GPN_ID = 0x0112
    GNN_ID = 0x0113
    GSPN_ID = 0x0118
    GID_PN = 0x0121
    GID_NN = 0x0131
    GID_FT = 0x0171
    GPN_FT = 0x0172
    GNN_FT = 0x0173
    GID_PT = 0x01A1
    RPN_ID = 0x0212
    RNN_ID = 0x0213
    RFT_ID = 0x0217
    RSPN_ID = 0x0218
    RFF_ID = 0x021F
    RSNN_NN = 0x0239
    REJECT = 0x8001
    ACCEPT = 0x8002


class CtService(IntEnum):
    """CT GS_Type and GS_Subtype."""

    DIRECTORY = 0xFC
    NAME_SERVER = 0x02


class NameServerFeature(IntFlag):
    """FC-4 feature bits of RFF_ID for FCP."""

    TARGET = 1
    INITIATOR = 2


class FcpAttribute(IntEnum):
    """FCP_CMND task attribute, byte 9 bits 2:0."""

    SIMPLE = 0
    HEAD_OF_QUEUE = 1
    ORDERED = 2
    ACA = 4


class FcpTaskManagement(IntFlag):
    """FCP_CMND task management flags, byte 10."""

    CLEAR_ACA = 0x40
    TARGET_RESET = 0x20
    LUN_RESET = 0x10
    CLEAR_TASK_SET = 0x04
    ABORT_TASK_SET = 0x02


class FcpCmndFlag(IntFlag):
    """FCP_CMND direction bits, byte 11 bits 1:0."""

    READ = 0x02
    WRITE = 0x01


class FcpRspFlag(IntFlag):
    """FCP_RSP flags, byte 10."""

    CONF_REQUEST = 0x10
    RESID_UNDER = 0x08
    RESID_OVER = 0x04
    SENSE_VALID = 0x02
    RSP_INFO_VALID = 0x01


class FcpRspCode(IntEnum):
    """FCP_RSP response code, byte 3 of RSP_INFO."""

    COMPLETE = 0
    DATA_LENGTH = 1
    COMMAND_FIELD = 2
    OFFSET_MISMATCH = 3
    REJECTED = 4
    FAILED = 5
    BAD_LUN = 9


class ScsiStatus(IntEnum):
    """SCSI status byte (SAM)."""

    GOOD = 0x00
    CHECK_CONDITION = 0x02
    CONDITION_MET = 0x04
    BUSY = 0x08
    RESERVATION_CONFLICT = 0x18
    TASK_SET_FULL = 0x28
    ACA_ACTIVE = 0x30
    TASK_ABORTED = 0x40


class FcoeSof(IntEnum):
    """SOF code of an FCoE header."""

    SOFf = 0x28
    SOFi4 = 0x29
    SOFi2 = 0x2D
    SOFi3 = 0x2E
    SOFn4 = 0x31
    SOFn2 = 0x35
    SOFn3 = 0x36
    SOFc4 = 0x39


class FcoeEof(IntEnum):
    """EOF code of an FCoE trailer."""

    EOFn = 0x41
    EOFt = 0x42
    EOFrt = 0x44
    EOFdt = 0x46
    EOFni = 0x49
    EOFdti = 0x4E
    EOFrti = 0x4F
    EOFa = 0x50


class FipOperation(IntEnum):
    """FIP operation code; each has subcodes of its own."""

    DISCOVERY = 1
    LINK_SERVICE = 2
    CONTROL = 3
    VLAN = 4
    VN2VN = 5


class FipDiscovery(IntEnum):
    """Subcode of FIP discovery."""

    SOLICITATION = 1
    ADVERTISEMENT = 2


class FipLinkService(IntEnum):
    """Subcode of a FIP link service."""

    REQUEST = 1
    REPLY = 2


class FipControl(IntEnum):
    """Subcode of FIP control."""

    KEEP_ALIVE = 1
    CLEAR_VIRTUAL_LINK = 2


class FipVlan(IntEnum):
    """Subcode of FIP VLAN discovery."""

    REQUEST = 1
    REPLY = 2


class FipVn2vn(IntEnum):
    """Subcode of FIP VN2VN."""

    PROBE_REQUEST = 1
    PROBE_REPLY = 2
    CLAIM_NOTIFICATION = 3
    CLAIM_RESPONSE = 4
    BEACON = 5


class FipFlag(IntFlag):
    """Flags of a FIP header, 16 bits."""

    FPMA = 0x8000
    SPMA = 0x4000
    FCF = 0x0020
    FDF = 0x0010
    RECORDED = 0x0008
    AVAILABLE = 0x0004
    SOLICITED = 0x0002
    F_PORT = 0x0001


class FipDescriptor(IntEnum):
    """FIP descriptor type. Types from 128 on are not critical: a receiver that does not know them passes over them."""

    PRIORITY = 1
    MAC = 2
    FC_MAP = 3
    NAME = 4
    FABRIC = 5
    FCOE_SIZE = 6
    FLOGI = 7
    FDISC = 8
    LOGO = 9
    ELP = 10
    VN_ID = 11
    FKA = 12
    VENDOR = 13
    VLAN = 14
    FC4_FEATURES = 15


ETHERTYPE_FCOE = 0x8906
ETHERTYPE_FIP = 0x8914
FC_MAP = 0x0EFC00
VN2VN_FC_MAP = 0x0EFD00
FCOE_SIZE = 2158  # bytes of a full FCoE frame behind the Ethernet header: 14 + 24 + 2112 + 8

FCP_CMND_BYTES = 32
FCP_XFER_RDY_BYTES = 12
FCP_RSP_BYTES = 24
