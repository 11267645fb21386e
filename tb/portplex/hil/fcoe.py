# SPDX-License-Identifier: Apache-2.0
"""FCoE with struct: Ethernet frames to Fibre Channel frames and back (FC-BB-5; the scapy layer is `fc/fcoe.py`).

Layout: Ethernet header (14) | version and reserved (13), SOF code | FC header and payload | CRC, EOF code, reserved (3)
"""

from __future__ import annotations

import struct
from collections import Counter
from typing import NamedTuple
from zlib import crc32

from portplex.fc.constants import (
    ETHERTYPE_FCOE,
    FC_MAP,
    FCOE_SIZE,
    MAX_PAYLOAD_BYTES,
    ORDERED_SETS,
    SOFI3,
    SOFN3,
    FcoeEof,
    FcoeSof,
)
from portplex.fc.header import HEADER_BYTES
from portplex.framelink import Frame

ETHERNET_BYTES = 14
MIN_ETHERNET_BYTES = 60  # without the frame check sequence
MAX_ETHERNET_BYTES = ETHERNET_BYTES + FCOE_SIZE

_HEAD_BYTES = ETHERNET_BYTES + 14
_TAIL_BYTES = 8
_HEAD = struct.Struct(">6s6sH13xB")
_TAIL = struct.Struct("<IB3x")

_EOFT = ORDERED_SETS["EOFt_NEG"]
_EOFN = ORDERED_SETS["EOFn_NEG"]
# Class 3 is what this fabric offers; an EOF other than these two says that the frame is bad or of another class.
_SOF: dict[int, int] = {FcoeSof.SOFi3: SOFI3, FcoeSof.SOFn3: SOFN3}
_EOF: dict[int, int] = {FcoeEof.EOFt: _EOFT, FcoeEof.EOFn: _EOFN}
_SOF_CODES = frozenset(int(code) for code in FcoeSof)
_EOF_CODES = frozenset(int(code) for code in FcoeEof)


class FcoeFrame(NamedTuple):
    """A good FCoE frame: MAC addresses (6 bytes each) and the frame inside."""

    destination: bytes
    source: bytes
    frame: Frame


def mac_of(n_port_id: int, fc_map: int = FC_MAP) -> bytes:
    """The fabric-provided MAC address of an N_Port_ID: FC-MAP in the upper half."""
    return (fc_map << 24 | n_port_id).to_bytes(6, "big")


def n_port_id_of(mac: bytes, fc_map: int = FC_MAP) -> int | None:
    """The N_Port_ID in a fabric-provided MAC address, or None when it is another address."""
    return int.from_bytes(mac[3:], "big") if int.from_bytes(mac[:3], "big") == fc_map else None


def encode(destination: bytes, source: bytes, frame: bytes, *, initiate: bool = True, terminate: bool = True) -> bytes:
    """An Ethernet frame around header and payload (24 to 2136 bytes, a multiple of 4; ValueError otherwise)."""
    size = len(frame)
    if not HEADER_BYTES <= size <= HEADER_BYTES + MAX_PAYLOAD_BYTES or size % 4:
        raise ValueError(f"frame of {size} bytes: must be 24 to 2136, a multiple of 4")
    sof = FcoeSof.SOFi3 if initiate else FcoeSof.SOFn3
    eof = FcoeEof.EOFt if terminate else FcoeEof.EOFn
    return _HEAD.pack(destination, source, ETHERTYPE_FCOE, sof) + frame + _TAIL.pack(crc32(frame), eof)


def decode(data: bytes, counts: Counter[str], time: int = 0) -> FcoeFrame | None:
    """The frame inside an Ethernet frame of type 8906h; None when it is bad, with the reason counted.

    Reasons: `fcoe_short`, `fcoe_long`, `fcoe_length` (not whole words), `fcoe_version`, `fcoe_sof` and `fcoe_eof`
    (unknown codes), `fcoe_class` (a SOF of a class not offered), `fcoe_invalid` (an EOF other than EOFn and EOFt),
    `fcoe_crc`. `time` (words) is stamped on the frame.
    """
    size = len(data) - _HEAD_BYTES - _TAIL_BYTES
    if size < HEADER_BYTES:
        counts["fcoe_short"] += 1
        return None
    if size > HEADER_BYTES + MAX_PAYLOAD_BYTES:
        counts["fcoe_long"] += 1
        return None
    if size % 4:
        counts["fcoe_length"] += 1
        return None
    if data[ETHERNET_BYTES] >> 4:
        counts["fcoe_version"] += 1
        return None
    destination, source, _, sof_code = _HEAD.unpack_from(data)
    crc, eof_code = _TAIL.unpack_from(data, _HEAD_BYTES + size)
    sof = _SOF.get(sof_code)
    if sof is None:
        counts["fcoe_class" if sof_code in _SOF_CODES else "fcoe_sof"] += 1
        return None
    eof = _EOF.get(eof_code)
    if eof is None:
        counts["fcoe_invalid" if eof_code in _EOF_CODES else "fcoe_eof"] += 1
        return None
    frame = data[_HEAD_BYTES : _HEAD_BYTES + size]
    if crc32(frame) != crc:
        counts["fcoe_crc"] += 1
        return None
    return FcoeFrame(destination, source, Frame(frame, sof, eof, crc, True, time, time))
