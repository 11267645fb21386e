# SPDX-License-Identifier: Apache-2.0
"""Common transport with struct (FC-GS): the preamble, and the requests and answers of the name server."""

from __future__ import annotations

import struct
from typing import NamedTuple

from portplex.fc.constants import CtService

PREAMBLE_BYTES = 16

_PREAMBLE = struct.Struct(">B3sBBBxHHxBBB")


class CtReason:
    """Reason codes of a CT reject."""

    INVALID_COMMAND = 0x01
    LOGICAL_ERROR = 0x03
    INVALID_SIZE = 0x04
    PROTOCOL_ERROR = 0x07
    UNABLE = 0x09
    UNSUPPORTED = 0x0B


class CtExplanation:
    """Explanations of a CT reject by the name server."""

    NONE = 0x00
    PORT_ID_NOT_REGISTERED = 0x01
    PORT_NAME_NOT_REGISTERED = 0x02
    NODE_NAME_NOT_REGISTERED = 0x03
    FC4_TYPES_NOT_REGISTERED = 0x07


class Ct(NamedTuple):
    """A CT information unit for the name server; `size` is the maximum or residual size in words."""

    command: int
    body: bytes = b""
    size: int = 0
    reason: int = 0
    explanation: int = 0
    gs_type: int = CtService.DIRECTORY
    gs_subtype: int = CtService.NAME_SERVER

    def pack(self) -> bytes:
        preamble = _PREAMBLE.pack(
            1,
            bytes(3),
            self.gs_type,
            self.gs_subtype,
            0,
            self.command,
            self.size,
            self.reason,
            self.explanation,
            0,
        )
        return preamble + self.body + bytes(-len(self.body) % 4)

    @classmethod
    def unpack(cls, payload: bytes) -> Ct:
        """struct.error when shorter than 16 bytes."""
        _, _, gs_type, gs_subtype, _, command, size, reason, explanation, _ = _PREAMBLE.unpack_from(payload)
        return cls(command, payload[PREAMBLE_BYTES:], size, reason, explanation, gs_type, gs_subtype)


class CtReject(Exception):
    """The name server rejected a request."""

    def __init__(self, what: str, reply: Ct) -> None:
        self.reason, self.explanation = reply.reason, reply.explanation
        super().__init__(
            f"{what} was rejected by the name server: reason {reply.reason:02X}h, explanation {reply.explanation:02X}h"
        )


def fc4_types(types: set[int]) -> bytes:
    """FC-4 TYPEs bitmap of 32 bytes: type t is bit t mod 32 of word t div 32."""
    words = [0] * 8
    for fc4_type in types:
        words[fc4_type // 32] |= 1 << fc4_type % 32
    return struct.pack(">8I", *words)


def parse_fc4_types(bitmap: bytes) -> set[int]:
    words = struct.unpack_from(">8I", bitmap)
    return {32 * index + bit for index, word in enumerate(words) for bit in range(32) if word >> bit & 1}


def id_list(entries: list[tuple[int, bytes]]) -> bytes:
    """Entries of N_Port_ID and what follows it; the last one has bit 7 of its first byte set."""
    last = len(entries) - 1
    return b"".join(
        struct.pack(">I", n_port_id | (0x8000_0000 if index == last else 0)) + rest
        for index, (n_port_id, rest) in enumerate(entries)
    )


def parse_id_list(body: bytes, entry_bytes: int) -> list[tuple[int, bytes]]:
    """The reverse; ends at the entry marked last. ValueError when none is."""
    entries = []
    for at in range(0, len(body) - entry_bytes + 1, entry_bytes):
        entries.append((int.from_bytes(body[at + 1 : at + 4], "big"), body[at + 4 : at + entry_bytes]))
        if body[at] & 0x80:
            return entries
    raise ValueError(f"list of {len(body)} bytes: no entry of {entry_bytes} bytes is marked last")
