# SPDX-License-Identifier: Apache-2.0
"""Reads pcapng files: Ethernet frames with their times and directions (the writer is `fc/capture.py`)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from portplex.fc.capture import LINKTYPE_ETHERNET
from portplex.simulate import UsageError

_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_FLAGS_OPTION, _RESOLUTION_OPTION = 2, 9


class CapturedFrame(NamedTuple):
    """`time_ns` as in the file; `direction` 1 in, 2 out, 0 unknown."""

    time_ns: int
    data: bytes
    direction: int


def _blocks(data: bytes) -> Iterator[tuple[str, int, bytes]]:
    """Byte order, type and body of each block; struct.error or ValueError when the file ends inside one."""
    order, at = "<", 0
    while at < len(data):
        (kind,) = struct.unpack_from(order + "I", data, at)
        if kind == _SECTION:  # reads the same in both byte orders
            order = "<" if data[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            if struct.unpack_from(order + "I", data, at + 8)[0] != 0x1A2B3C4D:
                raise ValueError("the byte order mark is wrong")
        elif at == 0:
            raise ValueError("it does not begin with a section header")
        (length,) = struct.unpack_from(order + "I", data, at + 4)
        if length < 12 or length % 4 or at + length > len(data):
            raise ValueError(f"the block at byte {at} says that it has {length} bytes")
        yield order, kind, data[at + 8 : at + length - 4]
        at += length


def _options(order: str, data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(data):
        code, length = struct.unpack_from(order + "HH", data, at)
        if code == 0:
            break
        found[code] = data[at + 4 : at + 4 + length]
        at += 4 + length + -length % 4
    return found


def read_frames(path: Path) -> list[CapturedFrame]:
    """Every Ethernet frame of a pcapng file. UsageError when it cannot be read, is no such file, or holds none."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"capture {path}: cannot be read ({error.strerror})") from None
    frames: list[CapturedFrame] = []
    interfaces: list[tuple[int, float]] = []  # link type, nanoseconds a tick
    try:
        for order, kind, body in _blocks(data):
            if kind == _SECTION:
                interfaces.clear()
            elif kind == _INTERFACE:
                (link_type,) = struct.unpack_from(order + "H", body)
                resolution = _options(order, body[8:]).get(_RESOLUTION_OPTION, b"\x06")[0]
                tick = 2.0 ** -(resolution & 0x7F) if resolution & 0x80 else 10.0**-resolution
                interfaces.append((link_type, tick * 1e9))
            elif kind == _PACKET:
                index, high, low, size, original = struct.unpack_from(order + "IIIII", body)
                link_type, tick_ns = interfaces[index]
                if len(body) < 20 + size:
                    raise ValueError("a frame is longer than its block")
                if link_type != LINKTYPE_ETHERNET or size != original:  # cut frames are of no use
                    continue
                flags = _options(order, body[20 + size + -size % 4 :]).get(_FLAGS_OPTION, bytes(4))
                direction = struct.unpack(order + "I", flags)[0] & 3
                frames.append(CapturedFrame(round((high << 32 | low) * tick_ns), body[20 : 20 + size], direction))
    except (struct.error, ValueError, IndexError) as error:
        raise UsageError(f"capture {path}: is no whole pcapng file ({error})") from None
    if not frames:
        raise UsageError(f"capture {path}: holds no whole Ethernet frame")
    return frames
