# SPDX-License-Identifier: Apache-2.0
"""Breaks chosen frames between the fabric and the array: changed, lost, sent twice, or with any fault of the wire.

injector = Injector(device.fc_port)
injector.once(is_write_data, flip(10))
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from portplex.bfm.fc_port import Fault, FcPort
from portplex.fc.constants import FcType, RCtl
from portplex.fc.header import Header

When = Callable[[Header], bool]


@dataclass(slots=True)
class Outgoing:
    """A frame on its way to the array; an action may send something else in its place."""

    injector: Injector
    data: bytes
    initiate: bool
    terminate: bool

    def good(self, data: bytes | None = None, fault: Fault | None = None) -> None:
        """Send a frame that the array may take as it is."""
        self.injector.put(self.data if data is None else data, self.initiate, self.terminate, fault, False)

    def bad(self, data: bytes | None = None, fault: Fault | None = None) -> None:
        """Send a frame that the array has to discard: the scoreboard does not look at it."""
        self.injector.put(self.data if data is None else data, self.initiate, self.terminate, fault, True)


Action = Callable[[Outgoing], None]


class Injector:
    """Takes over the sending side of a port. Rules apply in order; each is used up after `count` frames."""

    def __init__(self, port: FcPort) -> None:
        self.port = port
        self.hits = 0
        self._send = port.send
        self._rules: list[tuple[When, Action, int]] = []
        self._discarded: deque[int] = deque()  # positions in the order of sending
        self._put = 0
        self._seen = 0
        port.send = self.send  # type: ignore[method-assign]

    def once(self, when: When, action: Action, count: int = 1) -> None:
        """Let `action` deal with the next `count` frames for which `when` holds."""
        self._rules.append((when, action, count))

    def send(self, frame: bytes, *, initiate: bool = True, terminate: bool = True) -> None:
        if self._rules:
            header = Header.unpack(frame)
            for index, (when, action, count) in enumerate(self._rules):
                if when(header):
                    self._rules[index : index + 1] = [(when, action, count - 1)] if count > 1 else []
                    self.hits += 1
                    action(Outgoing(self, frame, initiate, terminate))
                    return
        self.put(frame, initiate, terminate, None, False)

    def put(self, data: bytes, initiate: bool, terminate: bool, fault: Fault | None, discarded: bool) -> None:
        if discarded:
            self._discarded.append(self._put)
        self._put += 1
        if fault is None:
            self._send(data, initiate=initiate, terminate=terminate)
        else:
            self.port.send_faulty(data, fault, initiate=initiate, terminate=terminate)

    def was_discarded(self) -> bool:
        """Called once for each frame seen leaving, in order: is the array to discard it?"""
        position, self._seen = self._seen, self._seen + 1
        if self._discarded and self._discarded[0] == position:
            self._discarded.popleft()
            return True
        return False


def is_write_data(header: Header) -> bool:
    """FCP_DATA of a host."""
    return header.type == FcType.FCP and header.r_ctl == RCtl.SOLICITED_DATA and not header.f_ctl >> 23 & 1


def is_command(header: Header) -> bool:
    """FCP_CMND."""
    return header.type == FcType.FCP and header.r_ctl == RCtl.UNSOLICITED_COMMAND


def lose(frame: Outgoing) -> None:
    """The frame never arrives."""


def twice(frame: Outgoing) -> None:
    """The frame arrives, and then again."""
    frame.good()
    frame.bad()


def broken(fault: Fault) -> Action:
    """The frame arrives with a fault of the wire."""
    return lambda frame: frame.bad(fault=fault)


def rewritten(**fields: int) -> Action:
    """The frame arrives with other header fields and a CRC that is right for them."""

    def action(frame: Outgoing) -> None:
        header = Header.unpack(frame.data)._replace(**fields)
        frame.bad(header.pack() + frame.data[24:])

    return action
