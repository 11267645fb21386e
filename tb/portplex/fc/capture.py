# SPDX-License-Identifier: Apache-2.0
"""Captures: pcapng files that Wireshark opens, with frame delimiters and simulated nanoseconds.

scapy's own writer stamps in microseconds of wall time and builds each record through several objects; a run writes
thousands of frames a second, so the few fixed blocks are packed here.
"""

from __future__ import annotations

import struct
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

LINKTYPE_ETHERNET = 1
LINKTYPE_FC_2_WITH_FRAME_DELIMS = 225

INBOUND, OUTBOUND = 1, 2

_PACKET = struct.Struct("<IIIIIII")  # kind, length, interface, time high and low, bytes captured, bytes on the wire
_LENGTH = struct.Struct("<I")
_WORD = struct.Struct(">I")
_TWO_WORDS = struct.Struct(">II")


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def _block(kind: int, body: bytes) -> bytes:
    length = 12 + len(body)
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)


_FLAGS = (b"", *(_option(2, struct.pack("<I", direction)) + _option(0, b"") for direction in (INBOUND, OUTBOUND)))


class CaptureWriter:
    """A pcapng file of one link type with one interface a name, written as frames come.

    The file is written under a temporary name and takes its own when it is closed, so that a killed run leaves no
    file that looks whole.
    """

    def __init__(
        self, path: Path, interfaces: list[str], *, link_type: int = LINKTYPE_FC_2_WITH_FRAME_DELIMS, comment: str = ""
    ) -> None:
        self.path = path
        self.count = 0
        self._part = path.with_name(path.name + ".part")
        self._file: BinaryIO = self._part.open("wb", buffering=1 << 20)  # a frame fills the default buffer
        section = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
        if comment:
            section += _option(1, comment.encode()) + _option(0, b"")
        self._file.write(_block(0x0A0D0D0A, section))
        for name in interfaces:
            options = _option(2, name.encode()) + _option(9, b"\x09") + _option(0, b"")  # if_tsresol: nanoseconds
            self._file.write(_block(1, struct.pack("<HHI", link_type, 0, 0) + options))

    def write(self, time_ns: int, record: bytes, *, interface: int = 0, direction: int = 0) -> None:
        """Add one frame: `record` as the link type wants it, `time_ns` simulated nanoseconds, direction 1 in, 2 out."""
        size = len(record)
        end = _FLAGS[direction] if size % 4 == 0 else bytes(-size % 4) + _FLAGS[direction]
        length = 32 + size + len(end)
        head = _PACKET.pack(6, length, interface, time_ns >> 32, time_ns & 0xFFFFFFFF, size, size)
        write = self._file.write
        write(head)
        write(record)
        write(end + _LENGTH.pack(length))
        self.count += 1

    def close(self) -> None:
        """Finish the file under its own name; calling it again does nothing."""
        if not self._file.closed:
            self._file.close()
            self._part.replace(self.path)

    def __enter__(self) -> CaptureWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def fc_record(sof: int, frame: bytes, crc: int, eof: int) -> bytes:
    """A record of link type 225: SOF word, header and payload, CRC word as on the wire, EOF word."""
    return b"".join((_WORD.pack(sof), frame, _TWO_WORDS.pack(crc, eof)))
