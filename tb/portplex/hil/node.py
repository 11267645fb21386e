# SPDX-License-Identifier: Apache-2.0
"""What stands between the gateway and the harness: the protocol of a node, its clock, and small frames nodes answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from zlib import crc32

from portplex.fc.constants import ORDERED_SETS, SOFI3, Els, FCtlUsual, FcType, RCtl
from portplex.fc.header import HEADER_BYTES, Header
from portplex.framelink import Frame
from portplex.hil.fcoe import FcoeFrame
from portplex.hil.fip import Fip

DEFAULT_MAC = bytes.fromhex("0250504c5801")  # locally administered
LOGINS = ("fabric", "vn2vn", "point-to-point")  # the ways a host logs in with a served array

_EOFT = ORDERED_SETS["EOFt_NEG"]


@dataclass(frozen=True, slots=True)
class FipTimes:
    """Periods of FC-BB-5 in ms, and how many words of the executor are one ms."""

    words_per_ms: int = 250_000  # 4 ns a word
    fka_ms: int = 8_000  # advertisements and keep-alives of end nodes
    vn_keep_alive_ms: int = 90_000  # keep-alives of VN_Ports
    beacon_ms: int = 8_000
    probe_wait_ms: int = 100
    claim_wait_ms: int = 400
    login_retry_ms: int = 2_000
    missed: float = 2.5  # periods of silence after which a peer is given up

    def words(self, milliseconds: float) -> int:
        return max(1, round(milliseconds * self.words_per_ms))


class Host(NamedTuple):
    """A peer that is logged in; `mac` of its ENode."""

    mac: bytes
    n_port_id: int
    wwpn: int


class Node(Protocol):
    """One end of the Ethernet: an FCF, a VN2VN node, or a point-to-point port. `transmit` is set by the gateway."""

    mac: bytes
    transmit: Callable[[bytes], None]
    counts: Counter[str]

    def start(self) -> None: ...

    def stop(self) -> None:
        """Take leave of the peers and forget them."""
        ...

    def lost(self) -> None:
        """The Ethernet is gone: forget the peers."""
        ...

    def knows(self, mac: bytes) -> bool:
        """Is this the address of a peer that is logged in?"""
        ...

    def receive_fip(self, frame: Fip) -> None:
        """A FIP frame that is well formed. FipError, before anything has changed, when it must be dropped."""
        ...

    def receive_fcoe(self, frame: FcoeFrame) -> None:
        """An FCoE frame whose CRC and delimiters are right."""
        ...


def nowhere(data: bytes) -> None:
    """A node that no gateway has taken yet sends to nobody."""


def single_frame(data: bytes, time: int) -> Frame:
    """A sequence of one frame around header and payload."""
    return Frame(data, SOFI3, _EOFT, crc32(data), True, time, time)


def els_request(data: bytes) -> tuple[Header, int] | None:
    """Header and command code when the frame is a request of an extended link service, else None."""
    header = Header.unpack(data)
    if header.type != FcType.ELS or header.r_ctl != RCtl.ELS_REQUEST or len(data) <= HEADER_BYTES:
        return None
    return header, data[HEADER_BYTES]


def els_reply(request: Header, d_id: int, s_id: int, payload: bytes) -> bytes:
    """Header and payload of the answer to a request of an extended link service."""
    head = Header(RCtl.ELS_REPLY, d_id, 0, s_id, FcType.ELS, FCtlUsual.ELS_REPLY, 0, 0, 0, request.ox_id, 0xFFFE, 0)
    return head.pack() + payload


def accept_with(parameters: bytes) -> bytes:
    """The LS_ACC to a FLOGI out of one's own FLOGI: the same service parameters, F_Port bit clear."""
    return bytes((Els.LS_ACC,)) + parameters[1:8] + bytes((parameters[8] & ~0x10,)) + parameters[9:]
