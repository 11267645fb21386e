# SPDX-License-Identifier: Apache-2.0
"""A Fibre Channel port of the bench: frames in and out of an fc_port_bfm, and everything a link can do wrong."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cocotb.triggers import Event as Signal
from cocotb.triggers import SimTimeoutError, with_timeout

from portplex.bfm.library import Bad, Control, Event, Item, Kind, LinkOrder
from portplex.bfm.transactors import Transactors
from portplex.framelink import Frame

MAX_DATA = 24 + 2112
FRAME_GAP = 6
DEADLINE = 1_000_000
BAD_FRAMES_TOLD = 10
LINK_STATES = ("AC", "LR1", "LR2", "LR3", "LF1", "LF2", "OL1", "OL2", "OL3")
"""Of the port state machine (FC-FS-5, clause 7), by number."""
FRAME, SENT = Kind.FRAME.value, Kind.SENT.value  # to look up an enum's member takes longer than to compare it


class LinkTimeout(Exception):
    """A wait on a port reached its deadline; the message says what was last seen."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What to do to one frame on its way out. Word indices count from SOF = 0; masks are XORed into the word.

    The frame's CRC is made over the good words first; then come `flips` (errors the CRC catches), `crc_xor`, `length`
    (words kept between SOF and EOF: a truncated frame), the EOF in the form running disparity asks for, and the rest.
    """

    flips: Mapping[int, int] = field(default_factory=dict)
    crc_xor: int = 0
    length: int | None = None
    sof: int | None = None
    eof: int | None = None  # any form; made to fit the running disparity
    wrong_disparity: bool = False
    no_eof: bool = False
    k_flags: Mapping[int, int] = field(default_factory=dict)  # K nibble of a word
    words: Mapping[int, int] = field(default_factory=dict)  # replaces a whole word
    gap: int = FRAME_GAP
    no_credit: bool = False  # sent without waiting for credit


class Stats(NamedTuple):
    """Counters of a port since it was made; words are transmission words. `bad` counts frames by what was wrong."""

    frames_sent: int
    frames_received: int
    frames_bad: int
    payload_words_sent: int
    payload_words_received: int
    frame_words_sent: int
    frame_words_received: int
    idle_words_sent: int
    idle_words_received: int
    r_rdy_sent: int
    r_rdy_received: int
    credit_min: int
    dropped: int
    flushed: int
    digest: int
    clock: int
    bad: dict[str, int]


class FcPort:
    """FrameLink over the transactor with number `number`.

    Callbacks: `on_frame` good frames, `on_bad_frame` frames with a fault and which, `on_link` up or down, `on_reset`
    link reset (the link stays up, frames in flight are lost), `on_sent` frames as they left. Without `on_frame`, good
    frames wait for `recv`.
    """

    def __init__(self, transactors: Transactors, number: int, *, name: str | None = None) -> None:
        self.name = name or f"port{number}"
        self.number = number
        self.on_frame: Callable[[Frame], None] | None = None
        self.on_bad_frame: Callable[[Frame, Bad], None] | None = None
        self.on_link: Callable[[bool], None] | None = None
        self.on_reset: Callable[[], None] | None = None
        self.link_up = False
        self.link_state = 5
        self.resets = 0
        self.downs = 0
        self.last_seen = "nothing yet"
        self._on_sent: Callable[[Frame], None] | None = None
        self._all = transactors
        self._library = transactors.library
        self._c_send = self._library.fc_send
        self._received: deque[Frame] = deque()
        self._changed = Signal()
        self._idle = False
        self._bad_told = 0
        transactors.attach_port(number, self._deliver)
        if self._library.active(number):  # made while the link is up: a later test of the same simulation
            self.link_up, self.link_state = True, 0
        self.on_sent = None

    # ---- sending

    def send(self, frame: bytes, *, initiate: bool = True, terminate: bool = True) -> None:
        """Queue header and payload (24 to 2136 bytes, multiple of 4); dropped and counted unless the link is active."""
        size = len(frame)
        if size & 3 or not 24 <= size <= MAX_DATA:
            raise ValueError(
                f"frame of {size} bytes: must be 24 to {MAX_DATA} and a multiple of 4; use send_faulty for others"
            )
        self._c_send(self.number, frame, size, initiate, terminate)

    def send_faulty(self, frame: bytes, fault: Fault, *, initiate: bool = True, terminate: bool = True) -> None:
        """Queue a frame with a fault. `frame` may have any length that is a multiple of 4, also none and too much."""
        if len(frame) & 3:
            raise ValueError(f"frame of {len(frame)} bytes: must be a multiple of 4 (the wire carries whole words)")
        words = self._library.build(frame, initiate, terminate)
        sof, inner, eof = words[0], words[1:-1], words[-1]
        for index, mask in fault.flips.items():
            self._check_index(index, len(inner))
            inner[index - 1] ^= mask
        inner[-1] ^= fault.crc_xor
        if fault.length is not None:
            if not 0 <= fault.length <= len(inner):
                raise ValueError(f"length={fault.length}: must be 0 to {len(inner)} words")
            inner = inner[: fault.length]
        eof = self._library.eof_form(fault.eof or eof, inner)
        if fault.wrong_disparity:
            eof ^= 0x00200000
        words = [sof if fault.sof is None else fault.sof, *inner] + ([] if fault.no_eof else [eof])
        k_flags = bytearray(len(words))
        k_flags[0] = 8
        if not fault.no_eof:
            k_flags[-1] = 8
        for index, word in fault.words.items():
            words[self._check_index(index, len(words) - 1)] = word
        for index, nibble in fault.k_flags.items():
            k_flags[self._check_index(index, len(words) - 1)] = nibble
        flags = Item.FRAME if fault.no_credit else Item.FRAME | Item.CREDIT
        self._library.push(self.number, words, bytes(k_flags), flags, fault.gap)

    @staticmethod
    def _check_index(index: int, last: int) -> int:
        if not 0 <= index <= last:
            raise ValueError(f"word {index}: must be 0 to {last} (0 = SOF)")
        return index

    def send_raw(self, words: Sequence[int], k_flags: Sequence[int], *, gap: int = 0, any_state: bool = True) -> None:
        """Queue words exactly as they are, after at least `gap` fill words. `k_flags`: K nibbles, 8 = ordered set.

        With `any_state` they are sent in any link state, in place of its primitives; otherwise only while active.
        """
        if len(words) != len(k_flags) or not words:
            raise ValueError(f"{len(words)} words and {len(k_flags)} k_flags: must be equally many, at least 1")
        if not 0 <= gap <= 63:
            raise ValueError(f"gap={gap}: must be 0 to 63")
        flags = Item.ANY_STATE if any_state else Item.NONE
        self._library.push(self.number, list(words), bytes(k_flags), flags, gap)

    def send_primitive(self, word: int, count: int = 1) -> None:
        """Send an ordered set `count` times without a break, two fill words after whatever was before."""
        if count < 1:
            raise ValueError(f"count={count}: must be at least 1")
        self.send_raw([word] * count, [8] * count, gap=2)

    # ---- receiving

    async def recv(self, deadline: int = DEADLINE) -> Frame:
        """The next good frame (only while `on_frame` is not set). Raises LinkTimeout after `deadline` words."""
        await self._until(lambda: bool(self._received), "a frame", deadline)
        return self._received.popleft()

    def count(self) -> int:
        """Frames waiting for `recv`."""
        return len(self._received)

    def pending(self) -> int:
        """Items not yet sent."""
        return self._library.pending(self.number)

    async def wait_link(self, up: bool = True, deadline: int = DEADLINE) -> None:
        """Until the link is up (or down)."""
        await self._until(lambda: self.link_up == up, f"link {'up' if up else 'down'}", deadline)

    async def wait_idle(self, deadline: int = DEADLINE) -> None:
        """Until everything queued has left."""
        self._idle = False
        self._library.notify_idle(self.number)
        await self._until(lambda: self._idle, "transmitter idle", deadline)

    async def _until(self, condition: Callable[[], bool], what: str, deadline: int) -> None:
        end = self._all.now() + deadline
        while not condition():
            self._changed.clear()
            left = end - self._all.now()
            try:
                if left <= 0:
                    raise SimTimeoutError
                await with_timeout(self._changed.wait(), left * self._all.period_ns, "ns")
            except SimTimeoutError:
                link = LINK_STATES[self.link_state]
                state = f"link state {link}, {self.pending()} items unsent, last seen: {self.last_seen}"
                raise LinkTimeout(f"{self.name}: no {what} within {deadline} words ({state})") from None

    # ---- link and credit

    def set_credit(self, credit: int) -> None:
        """BB_Credit the device gave at login (1 before)."""
        self._control(Control.TX_CREDIT, credit, 1)

    def grant_credit(self, credit: int) -> None:
        """BB_Credit granted to the device: frames beyond it are marked Bad.NO_CREDIT (default 8)."""
        self._control(Control.RX_CREDIT, credit, 1)

    def hold_r_rdy(self, hold: bool = True) -> None:
        """Keep R_RDYs back, or send those kept back."""
        self._control(Control.HOLD_R_RDY, int(hold), 0)

    def drop_r_rdy(self, count: int) -> None:
        """Lose the next `count` R_RDYs."""
        self._control(Control.DROP_R_RDY, count, 0)

    def extra_r_rdy(self, count: int) -> None:
        """Send `count` R_RDYs too many."""
        self._control(Control.EXTRA_R_RDY, count, 0)

    def disable(self) -> None:
        """Send OLS until `enable`."""
        self._control(Control.LINK, LinkOrder.OFFLINE, 0)

    def fail(self) -> None:
        """Send NOS until `enable`."""
        self._control(Control.LINK, LinkOrder.FAILED, 0)

    def enable(self) -> None:
        """Let the link come up again."""
        self._control(Control.LINK, LinkOrder.NORMAL, 0)

    def link_reset(self) -> None:
        """One link reset (LR)."""
        self._control(Control.LINK, LinkOrder.RESET, 0)

    def clear(self) -> None:
        """Drop what is queued and what waits for `recv`; the item already handed to the wire is still sent."""
        self._library.clear(self.number)
        self._received.clear()

    def _control(self, operation: Control, argument: int, least: int) -> None:
        if not least <= argument <= 65535:
            raise ValueError(f"{operation.name.lower()}={argument}: must be {least} to 65535")
        self._library.control(self.number, operation, argument)

    # ---- facts

    @property
    def on_sent(self) -> Callable[[Frame], None] | None:
        """Called once for each frame that left, at the next wake-up; costs a copy of each frame while set."""
        return self._on_sent

    @on_sent.setter
    def on_sent(self, action: Callable[[Frame], None] | None) -> None:
        self._on_sent = action
        self._library.report_sent(self.number, action is not None)

    @property
    def stats(self) -> Stats:
        """Counters as of the transactor's last poll (at most 4 clocks old)."""
        c = self._library.stats(self.number)
        names = ("crc", "eof_form", "truncated", "k_inside", "too_long", "no_credit", "eof_invalid")
        return Stats(
            c.frames_sent,
            c.frames_received,
            c.frames_bad,
            c.payload_words_sent,
            c.payload_words_received,
            c.frame_words_sent,
            c.frame_words_received,
            max(0, c.clock - c.frame_words_sent - c.r_rdy_sent),
            max(0, c.clock - c.frame_words_received - c.r_rdy_received),
            c.r_rdy_sent,
            c.r_rdy_received,
            c.credit_min,
            c.dropped,
            c.flushed,
            c.digest,
            c.clock,
            {name: c.bad[bit] for bit, name in enumerate(names)},
        )

    # ---- events

    def _deliver(self, event: Event) -> None:
        _, kind, wrong, _, start, end, sof, eof, crc, _, data = event
        if kind == FRAME:
            frame = Frame(data, sof, eof, crc, not wrong & 1, start, end)
            if wrong & ~32:  # NO_CREDIT alone is the sender's fault, the frame itself is good
                if self.on_bad_frame is not None:
                    self.on_bad_frame(frame, Bad(wrong))
                else:
                    self._tell_bad(frame, Bad(wrong))
            elif self.on_frame is not None:
                self.on_frame(frame)
            else:
                self._received.append(frame)
                self._changed.set()
        elif kind == SENT:
            if self._on_sent is not None:
                self._on_sent(Frame(data, sof, eof, crc, True, start, end))
        elif kind == Kind.IDLE:
            self._idle = True
            self._changed.set()
        elif kind == Kind.LINK:
            self._link_changed(event.value, event.end)
        elif kind == Kind.RESET:
            self._received.clear()
            if self.link_up or event.value:
                self._all.log.warning("%s: reset at %d, %d items flushed", self.name, event.end, event.value)
            self._link_changed(5, event.end)

    def _tell_bad(self, frame: Frame, wrong: Bad) -> None:
        """Nobody else sees a broken frame, so the log does: the first ones of a port."""
        self._bad_told += 1
        if self._bad_told <= BAD_FRAMES_TOLD:
            what = f"broken frame dropped ({wrong.name}), SOF at word {frame.start}, {len(frame.data)} bytes"
            self._all.log.warning("%s: %s, header %s", self.name, what, frame.data[:24].hex())

    def _link_changed(self, state: int, time: int) -> None:
        before, self.link_state = self.link_state, state
        self.last_seen = f"link state {LINK_STATES[state]} at word {time}"
        if state == 0 and not self.link_up:
            self.link_up = True
            if self.on_link is not None:
                self.on_link(True)
        elif state >= 4 and self.link_up:
            self.link_up = False
            self.downs += 1
            if self.on_link is not None:
                self.on_link(False)
        elif before == 0 and state in (1, 2, 3):
            self.resets += 1
            if self.on_reset is not None:
                self.on_reset()
        self._changed.set()
