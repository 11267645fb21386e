# SPDX-License-Identifier: Apache-2.0
"""The C library of the transactors as Python sees it (portplex_bfm.h), the very instance the simulator calls."""

from __future__ import annotations

import ctypes
import os
import struct
from enum import IntEnum, IntFlag
from functools import lru_cache
from typing import NamedTuple

from portplex.bfm.build import LIBRARY_VARIABLE


class Kind(IntEnum):
    """Kinds of event (PP_EVENT_*)."""

    FRAME = 1
    SENT = 2
    LINK = 3
    IDLE = 4
    RESET = 5
    AXIL = 6


class Item(IntFlag):
    """Flags of a queued item (PP_ITEM_*)."""

    NONE = 0
    CREDIT = 1
    ANY_STATE = 2
    FRAME = 4


class Bad(IntFlag):
    """What is wrong with a received frame."""

    NONE = 0
    CRC = 1
    EOF_FORM = 2
    TRUNCATED = 4
    K_INSIDE = 8
    TOO_LONG = 16
    NO_CREDIT = 32
    EOF_INVALID = 64


class Control(IntEnum):
    """Orders to an fc_port_bfm (CONTROL_* in the HDL)."""

    LINK = 0
    TX_CREDIT = 1
    RX_CREDIT = 2
    HOLD_R_RDY = 3
    DROP_R_RDY = 4
    EXTRA_R_RDY = 5
    CLEAR_STATS = 6


class LinkOrder(IntEnum):
    """Argument of Control.LINK."""

    NORMAL = 0
    OFFLINE = 1
    FAILED = 2
    RESET = 3


class Event(NamedTuple):
    """One event; times in words since reset. `data` is header and payload of a frame, `length` its bytes."""

    source: int
    kind: int
    flags: int
    length: int
    start: int
    end: int
    sof: int
    eof: int
    crc: int
    value: int
    data: bytes


class Stats(ctypes.Structure):
    """struct pp_stats: counters of one port since the start."""

    _fields_ = (
        *(
            (name, ctypes.c_uint64)
            for name in (
                "frames_sent",
                "frames_received",
                "frames_bad",
                "payload_words_sent",
                "payload_words_received",
                "frame_words_sent",
                "frame_words_received",
                "r_rdy_sent",
                "r_rdy_received",
                "credit_min",
                "clock",
                "digest",
                "dropped",
                "flushed",
            )
        ),
        ("bad", ctypes.c_uint64 * 8),
    )


_HEAD = struct.Struct("<4I2Q4I")


class Library:
    """Typed calls into the shared library. One instance a process; use `library()`."""

    def __init__(self, path: str) -> None:
        self._c = ctypes.PyDLL(path)  # short calls, no other thread to let in: keep the interpreter lock
        c = self._c
        c.pp_fc_send.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_int, ctypes.c_int]
        c.pp_drain.argtypes = [ctypes.POINTER(ctypes.c_void_p)]
        c.pp_drain.restype = ctypes.c_int64
        c.pp_get_time_zero.restype = ctypes.c_int64
        c.pp_eof_form.restype = ctypes.c_uint32
        c.pp_eof_form.argtypes = [ctypes.c_uint32, ctypes.c_void_p, ctypes.c_int]
        self._events = ctypes.c_void_p()
        self._events_at = ctypes.byref(self._events)
        self.fc_send = c.pp_fc_send
        self.time_zero = c.pp_get_time_zero

    def build(self, data: bytes, initiate: bool, terminate: bool) -> list[int]:
        """All words of a good frame: SOF, header and payload, CRC, EOF."""
        words = (ctypes.c_uint32 * (len(data) // 4 + 3))()
        count = self._c.pp_fc_build(data, len(data), int(initiate), int(terminate), words)
        return list(words[:count])

    def eof_form(self, eof: int, words: list[int]) -> int:
        """The form of `eof` that running disparity asks for after `words` (all between SOF and EOF)."""
        return int(self._c.pp_eof_form(eof, (ctypes.c_uint32 * len(words))(*words), len(words)))

    def push(self, port: int, words: list[int], k_flags: bytes, flags: Item, gap: int) -> bool:
        """Queue any words; False when the link is down and they were dropped."""
        array = (ctypes.c_uint32 * len(words))(*words)
        return bool(self._c.pp_fc_push(port, array, k_flags, len(words), int(flags), gap) == 0)

    def control(self, port: int, operation: Control, argument: int) -> None:
        self._c.pp_fc_push_control(port, int(operation), argument)

    def notify_idle(self, port: int) -> None:
        self._c.pp_fc_notify_idle(port)

    def report_sent(self, port: int, on: bool) -> None:
        self._c.pp_fc_report_sent(port, int(on))

    def pending(self, port: int) -> int:
        return int(self._c.pp_fc_pending(port))

    def clear(self, port: int) -> None:
        self._c.pp_fc_clear(port)

    def active(self, port: int) -> bool:
        return bool(self._c.pp_fc_active(port))

    def stats(self, port: int) -> Stats:
        stats = Stats()
        self._c.pp_fc_stats(port, ctypes.byref(stats))
        return stats

    def axil_push(self, master: int, write: bool, address: int, data: int, deadline: int) -> None:
        self._c.pp_axil_push(master, int(write), address, data, deadline)

    def reset_push(self, clocks: int) -> None:
        self._c.pp_reset_push(clocks)

    def record(self, path: str) -> None:
        """Write everything the HDL takes from now on to `path`, closed when the simulator exits. Raises OSError."""
        if self._c.pp_record(path.encode()):
            raise OSError(f"recording {path}: cannot be written")

    def drain(self) -> list[Event]:
        """All events since the last call, of all ports, oldest first."""
        events: list[Event] = []
        size = self._c.pp_drain(self._events_at)
        if not size:
            return events
        block = ctypes.string_at(self._events.value or 0, size)
        at = 0
        while at < size:
            head = _HEAD.unpack_from(block, at)
            at += 48
            end = at + head[3]
            events.append(tuple.__new__(Event, (*head, block[at:end])))  # half the time of Event(*head, ...)
            at = (end + 7) & ~7
        return events


@lru_cache(maxsize=1)
def library() -> Library:
    """The library this simulation's HDL was started with. Raises RuntimeError outside a simulation with transactors."""
    path = os.environ.get(LIBRARY_VARIABLE)
    if not path:
        raise RuntimeError(
            f"{LIBRARY_VARIABLE} is not set: this simulation was not started by portplex.simulate with transactors"
        )
    return Library(path)
