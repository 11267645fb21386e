# SPDX-License-Identifier: Apache-2.0
"""Sequences at the receiver: every frame is checked against what the standard allows next (FC-FS-5; invariant I6)."""

from __future__ import annotations

from typing import NamedTuple

from portplex.fc.constants import ORDERED_SETS, SOFI3, SOFN3, FCtl, FCtlUsual
from portplex.fc.header import HEADER_BYTES, Header
from portplex.framelink import Frame

EOFT = frozenset((ORDERED_SETS["EOFt_NEG"], ORDERED_SETS["EOFt_POS"]))
EOFN = frozenset((ORDERED_SETS["EOFn_NEG"], ORDERED_SETS["EOFn_POS"]))
GOOD_EOF = EOFT | EOFN

_END = int(FCtl.END_SEQUENCE)
_FILL = int(FCtl.FILL_MASK)


class Violation(NamedTuple):
    """A rule of the protocol that a received frame broke. `rule` is short and stable (SOF, EOF, SEQ_CNT, SEQ_ID, F_CTL,
    RX_ID, OFFSET, LENGTH, R_CTL, TYPE), `text` says what was expected and what came; `time` is in words."""

    time: int
    rule: str
    text: str


class DataReceiver:
    """Puts the FCP_DATA frames of one exchange into `buffer`, in order, and checks each.

    A target calls `begin_burst` for each FCP_XFER_RDY. A frame that breaks a rule changes nothing and `accept` returns
    (rule, text).
    """

    __slots__ = ("_last", "_middle", "buffer", "end", "offset", "open", "seq_cnt", "seq_id")

    def __init__(self, buffer: bytearray, *, from_responder: bool, end: int = 0) -> None:
        self.buffer = buffer
        self.offset = 0  # of the next byte expected
        self.end = end  # the burst or the command allows bytes below this
        self.open = False  # inside a sequence
        self.seq_id = -1
        self.seq_cnt = 0  # expected next
        self._middle = int(FCtlUsual.READ_DATA if from_responder else FCtlUsual.WRITE_DATA)
        self._last = int(FCtlUsual.READ_DATA_LAST if from_responder else FCtlUsual.WRITE_DATA_LAST)

    def begin_burst(self, offset: int, length: int) -> None:
        self.offset = offset
        self.end = offset + length

    def accept(self, header: Header, frame: Frame) -> tuple[str, str] | None:
        """Take one data frame; None when it was right."""
        data = frame.data
        f_ctl = header.f_ctl
        fill = f_ctl & _FILL
        size = len(data) - HEADER_BYTES - fill
        offset = self.offset
        if self.open:
            if header.seq_id != self.seq_id:
                return "SEQ_ID", f"SEQ_ID {header.seq_id:02X}h inside sequence {self.seq_id:02X}h"
            if header.seq_cnt != self.seq_cnt:
                return "SEQ_CNT", f"SEQ_CNT {header.seq_cnt}, expected {self.seq_cnt}"
            if frame.sof != SOFN3:
                return "SOF", f"SOF {frame.sof:08X}h inside a sequence, expected SOFn3"
        else:
            if frame.sof != SOFI3:
                return "SOF", f"SOF {frame.sof:08X}h on the first frame of a sequence, expected SOFi3"
            if header.seq_cnt not in (0, self.seq_cnt):
                return "SEQ_CNT", f"SEQ_CNT {header.seq_cnt} on the first frame of a sequence, expected 0"
        if header.parameter != offset:
            return "OFFSET", f"relative offset {header.parameter}, expected {offset}"
        if size <= 0 or offset + size > self.end:
            return "LENGTH", f"{size} bytes at offset {offset}, allowed 1 to {self.end - offset}"
        last = f_ctl & _END
        if f_ctl - fill != (self._last if last else self._middle) or (fill and not last):
            return "F_CTL", f"F_CTL {f_ctl:06X}h, expected {self._middle:06X}h or, on the last frame, {self._last:06X}h"
        if frame.eof not in (EOFT if last else EOFN):
            return "EOF", f"EOF {frame.eof:08X}h on the {'last' if last else 'middle'} frame of a sequence"
        self.buffer[offset : offset + size] = memoryview(data)[HEADER_BYTES : HEADER_BYTES + size]
        self.offset = offset + size
        self.seq_id = header.seq_id
        self.seq_cnt = header.seq_cnt + 1 & 0xFFFF
        self.open = not last
        return None


def check_single(
    header: Header, frame: Frame, f_ctl: tuple[int, ...], length: tuple[int, int]
) -> tuple[str, str] | None:
    """A sequence of one frame: SOFi3, EOFt, SEQ_CNT 0, F_CTL one of `f_ctl`, payload between the two lengths in
    bytes."""
    if frame.sof != SOFI3:
        return "SOF", f"SOF {frame.sof:08X}h, expected SOFi3"
    if frame.eof not in EOFT:
        return "EOF", f"EOF {frame.eof:08X}h, expected EOFt"
    if header.f_ctl & ~3 not in f_ctl:  # whatever the number of fill bytes
        return "F_CTL", f"F_CTL {header.f_ctl:06X}h, expected {' or '.join(f'{value:06X}h' for value in f_ctl)}"
    if header.seq_cnt != 0 and header.rx_id == 0xFFFF:
        return "SEQ_CNT", f"SEQ_CNT {header.seq_cnt} in the first sequence of an exchange, expected 0"
    payload = len(frame.data) - HEADER_BYTES
    if not length[0] <= payload <= length[1]:
        return "LENGTH", f"payload of {payload} bytes, expected {length[0]} to {length[1]}"
    return None
