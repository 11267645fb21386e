# SPDX-License-Identifier: Apache-2.0
"""Payloads of the extended link services an N_Port and the fabric exchange, with struct (FC-LS)."""

from __future__ import annotations

import struct
from typing import NamedTuple

from portplex.fc.constants import Els, FcType, LsRjtExplanation, LsRjtReason, PrliFlag, PrliResponse

LOGIN_BYTES = 116
DEFAULT_RECEIVE_SIZE = 2112

_LOGIN = struct.Struct(">B3xBBHHHIIQQ32xHHHHHHBBH32x")
_PRLI = struct.Struct(">BBHBBHIII")


class LoginParameters(NamedTuple):
    """Service parameters of FLOGI, PLOGI and their LS_ACC (116 bytes). Class 3 only.

    `word3` is bytes 12 to 15: concurrent sequences and relative offset categories (PLOGI), R_A_TOV in ms (FLOGI
    LS_ACC). `e_d_tov` is in ms, as on the wire.
    """

    wwpn: int
    wwnn: int
    bb_credit: int = 16
    flags: int = 0
    receive_size: int = DEFAULT_RECEIVE_SIZE
    word3: int = 0
    e_d_tov: int = 0
    class3_flags: int = 0x8800
    class3_receive_size: int = DEFAULT_RECEIVE_SIZE

    def pack(self, command: int) -> bytes:
        return _LOGIN.pack(
            command,
            0x20,
            0x20,
            self.bb_credit,
            self.flags,
            self.receive_size,
            self.word3,
            self.e_d_tov,
            self.wwpn,
            self.wwnn,
            self.class3_flags,
            0,
            0,
            self.class3_receive_size,
            0x00FF,
            0,
            0,
            1,
            0,
        )

    @classmethod
    def unpack(cls, payload: bytes) -> LoginParameters:
        """From a payload of 116 bytes at least; struct.error when it is shorter."""
        fields = _LOGIN.unpack_from(payload)
        _, _, _, credit, flags, size, word3, e_d_tov, wwpn, wwnn, class3, _, _, class3_size, _, _, _, _, _ = fields
        return cls(wwpn, wwnn, credit, flags, size & 0x0FFF, word3, e_d_tov, class3, class3_size & 0x0FFF)

    def problem(self, *, flogi: bool = False) -> str | None:
        """Why a port cannot accept these parameters, or None: class 3 offered, receive sizes 256 to 2112. The one in
        the class 3 parameters has no meaning in a FLOGI; Linux leaves it 0."""
        if not self.class3_flags & 0x8000:
            return "class 3 is not offered"
        for size in (self.receive_size,) if flogi else (self.receive_size, self.class3_receive_size):
            if not 256 <= size <= DEFAULT_RECEIVE_SIZE:
                return f"receive data field size {size}: must be 256 to {DEFAULT_RECEIVE_SIZE}"
        return None


class PrliPage(NamedTuple):
    """One PRLI or PRLO service parameter page and the command around it (20 bytes)."""

    fc4_type: int
    flags: int
    parameters: int

    def pack(self, command: int) -> bytes:
        return _PRLI.pack(command, 0x10, 20, self.fc4_type, 0, self.flags << 8, 0, 0, self.parameters)

    @classmethod
    def unpack(cls, payload: bytes) -> PrliPage:
        """The first page; struct.error when the payload is shorter than 20 bytes."""
        _, _, _, fc4_type, _, flags, _, _, parameters = _PRLI.unpack_from(payload)
        return cls(fc4_type, flags >> 8, parameters)

    @property
    def response(self) -> int:
        return self.flags & 0xF


def prli(parameters: int) -> bytes:
    return PrliPage(FcType.FCP, PrliFlag.IMAGE_PAIR, parameters).pack(Els.PRLI)


def prli_accept(parameters: int, *, image: bool = True, response: int = PrliResponse.EXECUTED) -> bytes:
    flags = (PrliFlag.IMAGE_PAIR if image else 0) | response
    return PrliPage(FcType.FCP, flags, parameters).pack(Els.LS_ACC)


def prlo() -> bytes:
    return PrliPage(FcType.FCP, 0, 0).pack(Els.PRLO)


def prlo_accept() -> bytes:
    return PrliPage(FcType.FCP, PrliResponse.EXECUTED, 0).pack(Els.LS_ACC)


def accept() -> bytes:
    """LS_ACC that carries nothing."""
    return struct.pack(">B3x", Els.LS_ACC)


def reject(reason: int, explanation: int = LsRjtExplanation.NONE) -> bytes:
    return struct.pack(">B4xBBB", Els.LS_RJT, reason, explanation, 0)


def logo(n_port_id: int, wwpn: int) -> bytes:
    return struct.pack(">B3xIQ", Els.LOGO, n_port_id, wwpn)


def adisc(command: int, n_port_id: int, wwpn: int, wwnn: int) -> bytes:
    return struct.pack(">B3xIQQI", command, 0, wwpn, wwnn, n_port_id)


def rrq(s_id: int, ox_id: int, rx_id: int) -> bytes:
    return struct.pack(">B3xIHH", Els.RRQ, s_id, ox_id, rx_id)


def scr() -> bytes:
    """State change registration, function 3: everything."""
    return struct.pack(">B3x3xB", Els.SCR, 3)


def rscn(n_port_ids: list[int]) -> bytes:
    """State change of single ports (address format 0)."""
    return struct.pack(">BBH", Els.RSCN, 4, 4 + 4 * len(n_port_ids)) + b"".join(
        struct.pack(">I", n_port_id) for n_port_id in n_port_ids
    )


def parse_rscn(payload: bytes) -> list[int]:
    """The port addresses of an RSCN; ValueError when its length field is wrong."""
    length = payload[2] << 8 | payload[3] if len(payload) >= 4 else 0
    if payload[1:2] != b"\x04" or length < 8 or length % 4 or length > len(payload):
        raise ValueError(f"RSCN says page length {payload[1:2].hex()}, {length} bytes; {len(payload)} are there")
    return [int.from_bytes(payload[at + 1 : at + 4], "big") for at in range(4, length, 4)]


class LsReject(Exception):
    """A link service was answered with LS_RJT."""

    def __init__(self, what: str, payload: bytes) -> None:
        self.reason, self.explanation = payload[5], payload[6]
        reason = LsRjtReason(self.reason).name if self.reason in LsRjtReason.__members__.values() else "?"
        known = self.explanation in LsRjtExplanation.__members__.values()
        explanation = LsRjtExplanation(self.explanation).name if known else "?"
        super().__init__(
            f"{what} was rejected: reason {self.reason:02X}h {reason}, "
            f"explanation {self.explanation:02X}h {explanation}"
        )
