# SPDX-License-Identifier: Apache-2.0
"""The rules of frames, sequences and exchanges on one link, checked as they pass (invariants I6, I8, I11).

`FrameRules` sees every frame of both directions in the order of the wire. It knows nothing of a device's inside: what
it finds is wrong by FC-FS-5 (clauses 9, 10, 12), FCP-4 (clauses 4, 9) and the source document's login rule (figure 14).
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from portplex.fc.constants import ORDERED_SETS, Address, CtCommand, Els, FcType, RCtl
from portplex.fc.header import Header
from portplex.framelink import Frame

SOFI3 = ORDERED_SETS["SOFi3"]
SOFN3 = ORDERED_SETS["SOFn3"]
EOFT = frozenset((ORDERED_SETS["EOFt_NEG"], ORDERED_SETS["EOFt_POS"]))
EOFN = frozenset((ORDERED_SETS["EOFn_NEG"], ORDERED_SETS["EOFn_POS"]))

END_SEQUENCE = 1 << 19
RESPONDER = 1 << 23
INITIATIVE = 1 << 16
RELATIVE_OFFSET = 1 << 3
MAX_PAYLOAD = 2112
CT_UNABLE = 0x09  # reason of a CT reject

# Every frame asks for these, and to look up an enum's member takes longer than all that is done with it.
FCP = FcType.FCP.value
BLS = FcType.BLS.value
BA_REPLIES = (RCtl.BA_ACC.value, RCtl.BA_RJT.value)
UNSOLICITED_COMMAND = RCtl.UNSOLICITED_COMMAND.value
SOLICITED_DATA = RCtl.SOLICITED_DATA.value
DATA_DESCRIPTOR = RCtl.DATA_DESCRIPTOR.value
COMMAND_STATUS = RCtl.COMMAND_STATUS.value


class Direction(Enum):
    """Seen from the device under test."""

    FROM_DEVICE = "from the device"
    TO_DEVICE = "to the device"


class Violation(NamedTuple):
    """One broken rule: invariant, time in words, what was seen."""

    rule: str
    time: int
    text: str


class _Sequence:
    __slots__ = ("key", "next_count", "next_offset", "seq_id")

    def __init__(self, seq_id: int, next_count: int, next_offset: int) -> None:
        self.seq_id = seq_id
        self.next_count = next_count
        self.next_offset = next_offset


@dataclass(slots=True)
class _Exchange:
    """An FCP exchange from its command to its response."""

    originator: int
    responder: int
    ox_id: int
    length: int
    rx_id: int = 0xFFFF
    read_done: int = 0
    write_next: int = 0
    write_ready: int = 0  # end of the burst the target has asked for
    burst: tuple[int, int] = (0, 0)
    task_management: bool = False
    aborted: bool = False
    frames_lost: bool = False  # in a link reset
    started: int = 0


@dataclass(slots=True)
class FrameRules:
    """Give every frame to `observe`; read `violations`, and at the end of traffic call `finish`.

    `strict_input` also checks what is sent to the device (off where a test breaks frames on purpose). `keep` bounds the
    list of violations; `counts["failed"]` counts all of them, `counts["compared"]` the frames looked at.
    `on_violation` is called with each one that is kept, at once.
    """

    strict_input: bool = True
    keep: int = 100
    on_violation: Callable[[Violation], None] | None = None
    violations: list[Violation] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=lambda: Counter(compared=0, failed=0))
    commands_accepted: int = 0  # FCP_CMNDs to the device from ports that may send them
    _sequences: dict[tuple[int, int, int, int, int], _Sequence] = field(default_factory=dict)
    _exchanges: dict[tuple[int, int], _Exchange] = field(default_factory=dict)
    _plogi: dict[tuple[int, int, int], int] = field(default_factory=dict)
    _logged_in: set[frozenset[int]] = field(default_factory=set)
    _els: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    _asked: dict[int, int] = field(default_factory=dict)  # OX_ID of the device's GPN_ID: N_Port_ID

    def observe(self, frame: Frame, direction: Direction) -> None:
        """Check one frame; for frames with a bad CRC only that is said, since nothing else in them can be believed."""
        self.counts["compared"] += 1
        checked = self.strict_input or direction is Direction.FROM_DEVICE
        if not frame.crc_ok:
            if checked:
                self._violate("I6", frame, f"bad CRC {direction.value}")
            return
        header = Header.unpack(frame.data)
        if checked:
            self._check_frame(frame, header)
            self._check_sequence(frame, header)
        if header.type == FCP:
            self._fcp(frame, header, direction, checked)
        elif header.type == FcType.ELS:
            self._link_service(frame, header)
        elif header.type == FcType.CT:
            self._name_server(frame, header, direction)
        elif header.type == BLS:
            self._basic(header)

    def link_reset(self) -> None:
        """Frames in flight are lost: open exchanges may go on behind a gap, and lack data."""
        self._sequences.clear()
        for exchange in self._exchanges.values():
            exchange.frames_lost = True

    def link_down(self) -> None:
        """The device's exchanges and logins are gone."""
        self._forget_all()
        self._els.clear()

    def _forget_all(self) -> None:
        self._sequences.clear()
        self._exchanges.clear()
        self._logged_in.clear()

    def finish(self) -> None:
        """Traffic has ended: nothing may be open (I8), and something must have been compared."""
        for exchange in self._exchanges.values():
            if not exchange.aborted:
                ports = f"{exchange.originator:06x} > {exchange.responder:06x}"
                self._add("I8", exchange.started, f"exchange {ports} ox {exchange.ox_id:04x} never ended")
        for key in self._sequences:
            self._add("I8", 0, f"sequence {key[2]:02x} of {key[0]:06x} > {key[1]:06x} never ended")
        if self.counts["compared"] == 0:
            self._add("I6", 0, "no frame was compared")

    @property
    def open_exchanges(self) -> int:
        """FCP exchanges without their response."""
        return len(self._exchanges)

    # ---- one frame

    def _add(self, rule: str, time: int, text: str) -> None:
        self.counts["failed"] += 1
        if len(self.violations) < self.keep:
            self.violations.append(Violation(rule, time, text))
            if self.on_violation is not None:
                self.on_violation(self.violations[-1])

    def _violate(self, rule: str, frame: Frame, text: str) -> None:
        self._add(rule, frame.start, f"{text}; header {frame.data[:24].hex()}")

    def _check_frame(self, frame: Frame, header: Header) -> None:
        f_ctl = header.f_ctl
        payload = len(frame.data) - 24
        if payload > MAX_PAYLOAD or payload % 4:
            self._violate("I6", frame, f"payload of {payload} bytes")
        if f_ctl & 3 and payload < 4:
            self._violate("I6", frame, "fill bytes in a frame without payload")
        if frame.eof in EOFT:
            if not f_ctl & END_SEQUENCE:
                self._violate("I6", frame, "EOFt, but F_CTL says the sequence goes on")
        elif frame.eof in EOFN:
            if f_ctl & END_SEQUENCE:
                self._violate("I6", frame, "EOFn, but F_CTL says the sequence ends")
        else:
            self._violate("I6", frame, f"end delimiter {frame.eof:08x}")
        if f_ctl & INITIATIVE and not f_ctl & END_SEQUENCE:
            self._violate("I6", frame, "initiative passed before the end of the sequence")

    def _check_sequence(self, frame: Frame, header: Header) -> None:
        r_ctl, d_id, _, s_id, kind, f_ctl, seq_id, _, seq_cnt, ox_id, _, parameter = header
        if kind == BLS and r_ctl in BA_REPLIES:
            return  # stands in the sequence of the ABTS: its SEQ_ID is the other port's choice
        key = (s_id, d_id, seq_id, ox_id, f_ctl & RESPONDER)
        sequence = self._sequences.get(key)
        if frame.sof == SOFI3:
            if sequence is not None:
                self._violate("I6", frame, f"SEQ_ID {seq_id:02x} started again while open")
            sequence = _Sequence(seq_id, seq_cnt, parameter)
        elif frame.sof == SOFN3:
            if sequence is None:
                exchange = self._exchanges.get((d_id if f_ctl & RESPONDER else s_id, ox_id))
                if exchange is None or not exchange.frames_lost:
                    self._violate("I6", frame, "SOFn3 without an open sequence")
                    return
                sequence = _Sequence(seq_id, seq_cnt, parameter)
        else:
            self._violate("I6", frame, f"start delimiter {frame.sof:08x}")
            return
        if seq_cnt != sequence.next_count:
            self._violate("I6", frame, f"SEQ_CNT {seq_cnt}, expected {sequence.next_count}")
        if f_ctl & RELATIVE_OFFSET:
            if parameter != sequence.next_offset:
                self._violate("I6", frame, f"offset {parameter:#x}, expected {sequence.next_offset:#x}")
            sequence.next_offset = parameter + len(frame.data) - 24 - (f_ctl & 3)
        sequence.next_count = seq_cnt + 1 & 0xFFFF
        if f_ctl & END_SEQUENCE:
            self._sequences.pop(key, None)
        else:
            self._sequences[key] = sequence

    # ---- FCP

    def _fcp(self, frame: Frame, header: Header, direction: Direction, checked: bool) -> None:
        from_originator = not header.f_ctl & RESPONDER
        originator = header.s_id if from_originator else header.d_id
        key = (originator, header.ox_id)
        exchange = self._exchanges.get(key)
        r_ctl = header.r_ctl
        if r_ctl == UNSOLICITED_COMMAND:
            self._command(frame, header, direction, checked, exchange)
            return
        if exchange is None:
            if checked:
                self._violate("I6", frame, f"FCP R_CTL {r_ctl:02x} outside an exchange")
            return
        if not from_originator:
            if exchange.rx_id == 0xFFFF:
                exchange.rx_id = header.rx_id
            elif header.rx_id != exchange.rx_id and checked:
                self._violate("I6", frame, f"RX_ID changed from {exchange.rx_id:04x}")
        elif checked and exchange.rx_id != 0xFFFF and header.rx_id != exchange.rx_id:
            self._violate("I6", frame, f"RX_ID is not the responder's {exchange.rx_id:04x}")
        if r_ctl == SOLICITED_DATA:
            self._data(frame, header, exchange, from_originator, checked)
        elif r_ctl == DATA_DESCRIPTOR:
            offset, burst = struct.unpack_from(">II", frame.data, 24)
            if exchange.frames_lost:
                exchange.write_next = offset
            if checked and (offset != exchange.write_next or offset + burst > exchange.length or not burst):
                self._violate("I6", frame, f"XFER_RDY of {burst} bytes at {offset} of {exchange.length}")
            exchange.write_ready = offset + burst
        elif r_ctl == COMMAND_STATUS:
            self._response(frame, exchange, checked)
            del self._exchanges[key]
            if frame.data[35:36] != b"\0":  # not GOOD: what the originator still had to send may never come
                self._drop_sequences(exchange.originator, exchange.responder, header.ox_id)

    def _command(
        self, frame: Frame, header: Header, direction: Direction, checked: bool, exchange: _Exchange | None
    ) -> None:
        if exchange is not None and not exchange.aborted and checked:
            self._violate("I8", frame, f"OX_ID {header.ox_id:04x} used again while its exchange is open")
        if len(frame.data) < 24 + 32:
            if checked:
                self._violate("I6", frame, "FCP_CMND shorter than 32 bytes")
            return
        known = frozenset((header.s_id, header.d_id)) in self._logged_in
        if not known:
            if checked:
                self._violate("I11", frame, f"command between {header.s_id:06x} and {header.d_id:06x}, not logged in")
            return
        if direction is Direction.TO_DEVICE:
            self.commands_accepted += 1
        length = int.from_bytes(frame.data[52:56], "big")
        self._exchanges[header.s_id, header.ox_id] = _Exchange(
            header.s_id,
            header.d_id,
            header.ox_id,
            length,
            task_management=bool(frame.data[34]),
            started=frame.start,
        )

    def _data(self, frame: Frame, header: Header, exchange: _Exchange, write: bool, checked: bool) -> None:
        end = header.parameter + len(frame.data) - 24 - (header.f_ctl & 3)
        if write:
            if exchange.frames_lost:
                exchange.write_next = header.parameter
            if checked and (header.parameter != exchange.write_next or end > exchange.write_ready):
                self._violate(
                    "I6",
                    frame,
                    f"write data {header.parameter}..{end}, expected {exchange.write_next}..{exchange.write_ready}",
                )
            exchange.write_next = end
        else:
            if exchange.frames_lost:
                exchange.read_done = header.parameter
            if checked and (header.parameter != exchange.read_done or end > exchange.length):
                self._violate(
                    "I6",
                    frame,
                    f"read data {header.parameter}..{end}, expected {exchange.read_done}..{exchange.length}",
                )
            exchange.read_done = end

    def _response(self, frame: Frame, exchange: _Exchange, checked: bool) -> None:
        if not checked or exchange.task_management or exchange.frames_lost:
            return
        if len(frame.data) < 24 + 24:
            self._violate("I6", frame, "FCP_RSP shorter than 24 bytes")
            return
        flags, status, residual = frame.data[34], frame.data[35], int.from_bytes(frame.data[36:40], "big")
        moved = max(exchange.read_done, exchange.write_next)
        expected = exchange.length - residual if flags & 0x08 else exchange.length
        if status == 0 and moved != expected:
            self._violate("I6", frame, f"GOOD after {moved} bytes, command and residual say {expected}")
        if status == 0 and exchange.write_next != exchange.write_ready:
            self._violate(
                "I6", frame, f"GOOD with {exchange.write_ready - exchange.write_next} bytes of a burst missing"
            )

    # ---- link services

    def _basic(self, header: Header) -> None:
        """After ABTS its sender's sequences are over; those of the other side only when it has answered."""
        if header.r_ctl == RCtl.ABTS:
            originator = header.s_id if not header.f_ctl & RESPONDER else header.d_id
            exchange = self._exchanges.get((originator, header.ox_id))
            if exchange is not None:
                exchange.aborted = True
            self._drop_sequences(header.s_id, header.d_id, header.ox_id)
        elif header.r_ctl in BA_REPLIES:
            self._drop_sequences(header.s_id, header.d_id, header.ox_id)
            if header.r_ctl == RCtl.BA_ACC:
                self._exchanges.pop((header.d_id, header.ox_id), None)

    def _drop_sequences(self, sender: int, receiver: int, ox_id: int) -> None:
        """Forget open sequences of `sender` in an exchange."""
        for key in [k for k in self._sequences if k[:2] == (sender, receiver) and k[3] == ox_id]:
            del self._sequences[key]

    def _link_service(self, frame: Frame, header: Header) -> None:
        if len(frame.data) < 28:
            return
        code = frame.data[24]
        pair = frozenset((header.s_id, header.d_id))
        if header.r_ctl == RCtl.ELS_REQUEST:
            self._els[header.s_id, header.ox_id] = (code, header.d_id)
            if code in (Els.LOGO, Els.PLOGI, Els.PRLO):
                self._logged_in.discard(pair)
                if code != Els.PRLO:
                    self._forget(pair)
            if code == Els.FLOGI or (code == Els.LOGO and Address.FABRIC_LOGIN in pair):
                self._forget_all()  # the device's own fabric login ends, or an N_Port at the other end begins anew
        elif header.r_ctl == RCtl.ELS_REPLY:
            request = self._els.pop((header.d_id, header.ox_id), None)
            if request is None and self._els.get((0, header.ox_id), (0, 0))[0] == Els.FLOGI:
                request = self._els.pop((0, header.ox_id))  # FLOGI is sent before there is an address
            if request is None:
                self._violate("I6", frame, "reply to a link service nobody asked for")
            elif request[0] == Els.PRLI and code == Els.LS_ACC:
                self._logged_in.add(pair)

    def _name_server(self, frame: Frame, header: Header, direction: Direction) -> None:
        """The device asks whether a port is still there (GPN_ID after RSCN); if it is not, its login has ended."""
        command = int.from_bytes(frame.data[32:34], "big")
        if direction is Direction.FROM_DEVICE and command == CtCommand.GPN_ID:
            self._asked[header.ox_id] = int.from_bytes(frame.data[40:44], "big")
        elif direction is Direction.TO_DEVICE:
            port = self._asked.pop(header.ox_id, None)
            if port is not None and command == CtCommand.REJECT and frame.data[37] == CT_UNABLE:
                pair = frozenset((header.d_id, port))
                self._logged_in.discard(pair)
                self._forget(pair)

    def _forget(self, pair: frozenset[int]) -> None:
        """A logout ends every exchange of the two ports."""
        for key in [k for k, x in self._exchanges.items() if frozenset((x.originator, x.responder)) == pair]:
            del self._exchanges[key]
        for sequence in [k for k in self._sequences if frozenset(k[:2]) == pair]:
            del self._sequences[sequence]
