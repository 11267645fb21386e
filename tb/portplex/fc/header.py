# SPDX-License-Identifier: Apache-2.0
"""The FC-2 frame header and CRC with struct: the hot path. Tests, logs and captures use the scapy layers instead.

Layout: FC-FS-5, six big-endian words
    R_CTL D_ID | CS_CTL S_ID | TYPE F_CTL | SEQ_ID DF_CTL SEQ_CNT | OX_ID RX_ID | parameter
"""

from __future__ import annotations

import struct
from typing import NamedTuple
from zlib import crc32

HEADER_BYTES = 24

_WORDS = struct.Struct(">IIIIII")
_CRC = struct.Struct("<I")


class Header(NamedTuple):
    """A frame header; every field is an int of the width of the standard."""

    r_ctl: int
    d_id: int
    cs_ctl: int
    s_id: int
    type: int
    f_ctl: int
    seq_id: int
    df_ctl: int
    seq_cnt: int
    ox_id: int
    rx_id: int
    parameter: int

    def __str__(self) -> str:
        return (
            f"R_CTL {self.r_ctl:02X}h {self.s_id:06X}h to {self.d_id:06X}h, TYPE {self.type:02X}h, "
            f"F_CTL {self.f_ctl:06X}h, SEQ_ID {self.seq_id:02X}h, SEQ_CNT {self.seq_cnt}, "
            f"OX_ID {self.ox_id:04X}h, RX_ID {self.rx_id:04X}h, parameter {self.parameter:08X}h"
        )

    def pack(self) -> bytes:
        """The 24 bytes. A field wider than the standard allows raises struct.error or spoils its neighbour: see
        `checked`."""
        r_ctl, d_id, cs_ctl, s_id, type_, f_ctl, seq_id, df_ctl, seq_cnt, ox_id, rx_id, parameter = self
        return _WORDS.pack(
            r_ctl << 24 | d_id,
            cs_ctl << 24 | s_id,
            type_ << 24 | f_ctl,
            seq_id << 24 | df_ctl << 16 | seq_cnt,
            ox_id << 16 | rx_id,
            parameter,
        )

    @classmethod
    def unpack(cls, data: bytes | bytearray | memoryview) -> Header:
        """The header of a frame that starts at byte 0 of `data`; struct.error when it is shorter than 24 bytes."""
        word0, word1, word2, word3, word4, parameter = _WORDS.unpack_from(data)
        fields = (
            word0 >> 24,
            word0 & 0xFFFFFF,
            word1 >> 24,
            word1 & 0xFFFFFF,
            word2 >> 24,
            word2 & 0xFFFFFF,
            word3 >> 24,
            word3 >> 16 & 0xFF,
            word3 & 0xFFFF,
            word4 >> 16,
            word4 & 0xFFFF,
            parameter,
        )
        return tuple.__new__(cls, fields)  # half the time of cls(*fields)

    def checked(self) -> Header:
        """Itself, when every field fits; ValueError that names the field, its value and what is allowed otherwise."""
        for name, value, bits in zip(self._fields, self, _WIDTHS, strict=True):
            if not 0 <= value < 1 << bits:
                raise ValueError(f"{name} = {value:#x}: must be 0 to {(1 << bits) - 1:#x}")
        return self


_WIDTHS = (8, 24, 8, 24, 8, 24, 8, 8, 16, 16, 16, 32)


def crc(frame: bytes | bytearray | memoryview) -> bytes:
    """The four CRC bytes of header + payload, as transmitted."""
    return _CRC.pack(crc32(frame))
