# SPDX-License-Identifier: Apache-2.0
"""Joins an Ethernet side to a node: sorts frames by type, drops what is wrong, holds back FIP storms, captures.

switch = Switch(executor)
gateway = Gateway(executor, QemuStream(path), Fcf(executor, switch))
gateway.start()
while running:
    gateway.poll(0.01)
    ...let the executor's time pass...
"""

from __future__ import annotations

from collections import Counter

from portplex.executor import Executor
from portplex.fc.capture import INBOUND, OUTBOUND, CaptureWriter
from portplex.fc.constants import ETHERTYPE_FCOE, ETHERTYPE_FIP
from portplex.hil import fcoe
from portplex.hil.ethernet import EthernetSide
from portplex.hil.fip import Fip, FipError, RateLimit
from portplex.hil.node import FipTimes, Node

WORD_NS = 4


class Gateway:
    """`counts` are frames received and dropped here; the node's are in `node.counts`, the side's in `side.counts`.

    `fip_burst` and `fip_period_ms` bound the FIP frames of one address: so many at once, then one a period. Strangers
    together get four times as much. The capture (link type Ethernet) is the caller's to close; its
    times are those of `capture_clock`, which is `executor` by default.
    """

    def __init__(
        self,
        executor: Executor,
        side: EthernetSide,
        node: Node,
        *,
        times: FipTimes | None = None,
        fip_burst: int = 16,
        fip_period_ms: float = 100,
        capture: CaptureWriter | None = None,
        capture_clock: Executor | None = None,
    ) -> None:
        self.executor = executor
        self.side = side
        self.node = node
        self.counts: Counter[str] = Counter()
        self._capture = capture
        self._clock = capture_clock or executor
        words = (times or FipTimes()).words(fip_period_ms)
        self._limit = RateLimit(executor, burst=fip_burst, period=words)
        node.transmit = self._transmit
        side.on_frame = self.receive
        side.on_link = self._link_changed

    def start(self) -> None:
        """Open the Ethernet side (UsageError when it cannot be) and let the node speak."""
        self.side.start()
        self.node.start()

    def stop(self) -> None:
        """Take leave, then close the Ethernet side."""
        self.node.stop()
        self.side.stop()

    def poll(self, seconds: float = 0.0) -> int:
        """Hand on what has come; wait at most `seconds` for the first frame. The number of frames handed on."""
        return self.side.poll(seconds)

    def filenos(self) -> list[int]:
        """File descriptors to watch for reading."""
        return self.side.filenos()

    def receive(self, data: bytes) -> None:
        """One Ethernet frame."""
        counts = self.counts
        counts["received"] += 1
        if self._capture is not None:
            self._capture.write(self._clock.now() * WORD_NS, data, direction=INBOUND)
        if len(data) < fcoe.ETHERNET_BYTES:
            counts["ethernet_short"] += 1
            return
        source = data[6:12]
        if source[0] & 1 or source == self.node.mac:
            counts["ethernet_source"] += 1
            return
        kind = data[12] << 8 | data[13]
        if kind == ETHERTYPE_FCOE:
            frame = fcoe.decode(data, counts, self.executor.now())
            if frame is not None:
                self.node.receive_fcoe(frame)
        elif kind == ETHERTYPE_FIP:
            self._receive_fip(data, source)
        else:
            counts["other_ethertype"] += 1

    def _receive_fip(self, data: bytes, source: bytes) -> None:
        if not self._limit.allows(source, self.node.knows(source)):
            self.counts["fip_rate"] += 1
            return
        try:
            self.node.receive_fip(Fip.unpack(data))
        except FipError as error:
            self.counts[error.reason] += 1

    def _transmit(self, data: bytes) -> None:
        self.counts["sent"] += 1
        if self._capture is not None:
            self._capture.write(self._clock.now() * WORD_NS, data, direction=OUTBOUND)
        self.side.send(data)

    def _link_changed(self, up: bool) -> None:
        self.counts["link_up" if up else "link_down"] += 1
        if not up:
            self.node.lost()
