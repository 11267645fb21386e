# SPDX-License-Identifier: Apache-2.0
"""Words of the wire to boxes with frame names, for the wave viewer.

    for box in frame_boxes(samples, from_array=True):
        print(box.start, box.end, box.colour, box.text)       # 11914 12010 ... FCP_CMND READ(10) lba 64 x 8

A sample is (time, (data, charisk)): the word on the wire from that time on, until the next sample.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from portplex.fc.constants import IDLE, ORDERED_SET_NAMES, ORDERED_SETS, FCtl, FcType, RCtl
from portplex.fc.header import HEADER_BYTES, Header
from portplex.fc.layers import FC, FCP_CMND, FCP_RSP, FCP_XFER_RDY

WORD_TIME = 4
"""Time units (ns) of one word in every bench of this project."""

INITIATOR, TARGET, SERVICES, TROUBLE, PRIMITIVE = "chocolate4", "RoyalBlue4", "purple4", "red3", "gray35"
"""Colours: the array as initiator (backup), as target (hosts), link services, trouble and aborts, primitives."""

HOLD_WORDS = 540
"""A name is shown for so long after its frame, about one slot of a full frame, unless the next frame comes."""

_SOFS = {word for name, word in ORDERED_SETS.items() if name.startswith("SOF")}
_EOFS = {word for name, word in ORDERED_SETS.items() if name.startswith("EOF")}
_GOOD_EOFS = {ORDERED_SETS[name] for name in ("EOFt_NEG", "EOFt_POS", "EOFn_NEG", "EOFn_POS")}
_ORDERED_SET = 0b1000
_DATA = (RCtl.SOLICITED_DATA, RCtl.UNCATEGORIZED, RCtl.UNSOLICITED_DATA)

Sample = tuple[int, tuple[int, ...]]


class Box(NamedTuple):
    """A coloured box from `start` to `end` (same unit as the samples) with a text in it."""

    start: int
    end: int
    text: str
    colour: str
    detail: str = ""


def frame_label(frame: bytes) -> str:
    """Name of a frame (header and payload, no CRC): `PLOGI`, `FCP_CMND READ(10) lba 64 x 8`, `FCP_DATA 2048 @4096`."""
    if len(frame) < HEADER_BYTES:
        return f"runt, {len(frame)} bytes"
    header = Header.unpack(frame)
    if header.type == FcType.FCP and header.r_ctl in _DATA:  # most of all frames: no layers for them
        size = len(frame) - HEADER_BYTES - (header.f_ctl & FCtl.FILL_MASK)
        return f"FCP_DATA {size}" + (f" @{header.parameter}" if header.f_ctl & FCtl.RELATIVE_OFFSET else "")
    packet = FC(frame)
    payload = packet.payload
    if isinstance(payload, FCP_XFER_RDY):
        return f"FCP_XFER_RDY {payload.burst_length} @{payload.relative_offset}"
    if isinstance(payload, FCP_CMND):
        blocks = getattr(payload.cdb, "lba", None), getattr(payload.cdb, "blocks", None)
        return str(payload.mysummary()) + ("" if None in blocks else f" lba {blocks[0]} x {blocks[1]}")
    if isinstance(payload, FCP_RSP):
        sense = payload.sense
        return str(payload.mysummary()) + (f" {sense.mysummary()}" if hasattr(sense, "asc") else "")
    if header.type == FcType.BLS or type(payload).__name__ in ("NoPayload", "Raw", "Padding"):
        try:
            return RCtl(header.r_ctl).name
        except ValueError:
            return f"R_CTL {header.r_ctl:02X}"
    return str(payload.mysummary() or payload.name)


def frame_colour(header: Header, *, from_array: bool) -> str:
    """By whose exchange it is: the array's own, a host's, or link services."""
    if header.r_ctl in (RCtl.ABTS, RCtl.BA_RJT, RCtl.BA_ACC):
        return TROUBLE
    if header.type in (FcType.ELS, FcType.CT):
        return SERVICES
    by_responder = bool(header.f_ctl & FCtl.EXCHANGE_RESPONDER)
    return TARGET if by_responder == from_array else INITIATOR


def frame_boxes(samples: Iterable[Sample], *, from_array: bool, word_time: int = WORD_TIME) -> Iterator[Box]:
    """One box a frame, one a primitive sequence, one an R_RDY. Bad frames are boxes too and say what is wrong."""
    start = 0
    frame: bytearray | None = None
    run: tuple[int, int] | None = None  # start and word of a primitive sequence
    pending: tuple[int, int, int] | None = None
    for time, word, charisk in _with_end(samples):
        if pending is not None:
            was, data, kind = pending
            if run is not None and (kind != _ORDERED_SET or data != run[1]):
                yield Box(run[0], was, ORDERED_SET_NAMES[run[1]], PRIMITIVE)
                run = None
            if kind == 0:
                if frame is not None:
                    frame += data.to_bytes(4, "big") * max(1, (time - was) // word_time)
            elif kind == _ORDERED_SET and data in _SOFS:
                if frame is not None:
                    yield Box(start, was, "frame without EOF", TROUBLE)
                start, frame = was, bytearray()
            elif frame is not None:
                yield _frame_box(start, was + word_time, bytes(frame), data, from_array)
                frame = None
            elif kind == _ORDERED_SET and data != IDLE and data in ORDERED_SET_NAMES and run is None:
                run = (was, data)
        pending = (time, word, charisk)
    if run is not None and pending is not None:
        yield Box(run[0], pending[0], ORDERED_SET_NAMES[run[1]], PRIMITIVE)


def _with_end(samples: Iterable[Sample]) -> Iterator[tuple[int, int, int]]:
    """The samples, and an IDLE behind the last one, so that it has an end too."""
    time = 0
    for time, (word, charisk) in samples:
        yield time, word, charisk
    yield time + WORD_TIME, IDLE, _ORDERED_SET


def _frame_box(start: int, end: int, body: bytes, eof: int, from_array: bool) -> Box:
    frame, crc = body[:-4], body[-4:]
    trouble = ""
    if eof not in _EOFS:
        trouble = "frame without EOF"
    elif eof not in _GOOD_EOFS:
        trouble = ORDERED_SET_NAMES[eof]
    elif len(frame) < HEADER_BYTES:
        trouble = "runt"
    elif crc != struct.pack("<I", zlib.crc32(frame)):
        trouble = "BAD CRC"
    if len(frame) < HEADER_BYTES:
        return Box(start, end, trouble, TROUBLE)
    header = Header.unpack(frame)
    text = f"{trouble} {frame_label(frame)}".strip()
    detail = (
        f"{text}  {header.s_id:06X}>{header.d_id:06X} OX {header.ox_id:04X} RX {header.rx_id:04X} CNT {header.seq_cnt}"
    )
    return Box(start, end, text, TROUBLE if trouble else frame_colour(header, from_array=from_array), detail)


def named_boxes(boxes: Iterable[Box], *, word_time: int = WORD_TIME) -> Iterator[Box]:
    """The frames alone, each with its name and addresses shown until the next frame: readable although a command
    is on the wire for a thirtieth of the time of a full data frame."""
    last: Box | None = None
    for box in boxes:
        if not box.detail:
            continue
        if last is not None:
            yield Box(last.start, min(box.start, last.end + HOLD_WORDS * word_time), last.detail, last.colour)
        last = box
    if last is not None:
        yield Box(last.start, last.end + HOLD_WORDS * word_time, last.detail, last.colour)
