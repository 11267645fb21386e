# SPDX-License-Identifier: Apache-2.0
"""One scenario, several devices: what a test may ask of a device, wherever it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from portplex.executor import Executor
from portplex.framelink import Frame, FrameLink
from portplex.management import Management
from portplex.model.frame_rules import Direction
from portplex.nport.n_port import Timers

Tap = Callable[[Frame, Direction], None]


class Device(Protocol):
    """A device under test: its ports, its management interface if it has one, and the time they live in.

    `port_taps` has a list for each port: its functions are called for every good frame on that port in both
    directions, in the order of the wire. `taps` is that of port 0.
    """

    @property
    def executor(self) -> Executor: ...

    @property
    def ports(self) -> Sequence[FrameLink]: ...

    @property
    def management(self) -> Management: ...

    @property
    def taps(self) -> list[Tap]: ...

    @property
    def port_taps(self) -> Sequence[list[Tap]]: ...

    @property
    def timers(self) -> Timers:
        """How long a Python host should wait for this device, in words of its executor."""
        ...

    def attach(self, wwpn: int) -> FrameLink:
        """A link for a Python host into the fabric the device is in. A scenario that is its fabric itself, such as a
        `Rig`, takes `ports` instead."""
        ...

    def traffic(self) -> dict[str, int]:
        """Counters since the start, in words and frames: `words`, `frames_tx`, `frames_rx`, `payload_words_tx`,
        `payload_words_rx`; tx is from the device."""
        ...


class DriveAccess(Protocol):
    """Back door to a device's drives, where there is one."""

    async def load(self, image: Path) -> None:
        """Replace the drive's contents from block 0 on by a file's bytes."""
        ...

    async def save(self, image: Path, blocks: int) -> None:
        """Write the first `blocks` blocks of the drive to a file."""
        ...


class TappedLink:
    """A FrameLink that shows every frame it carries to the taps; the frames themselves pass unchanged."""

    def __init__(self, link: Any, taps: list[Tap]) -> None:
        self.on_frame: Callable[[Frame], None] | None = None
        self._link = link
        self._taps = taps
        link.on_frame = self._received
        link.on_sent = self._sent

    @property
    def on_link(self) -> Callable[[bool], None] | None:
        """The link's own callback: taps see frames only."""
        on_link: Callable[[bool], None] | None = self._link.on_link
        return on_link

    @on_link.setter
    def on_link(self, action: Callable[[bool], None] | None) -> None:
        self._link.on_link = action

    def send(self, frame: bytes, *, initiate: bool = True, terminate: bool = True) -> None:
        self._link.send(frame, initiate=initiate, terminate=terminate)

    def _received(self, frame: Frame) -> None:
        direction = Direction.FROM_DEVICE
        for tap in self._taps:
            tap(frame, direction)
        if self.on_frame is not None:
            self.on_frame(frame)

    def _sent(self, frame: Frame) -> None:
        direction = Direction.TO_DEVICE
        for tap in self._taps:
            tap(frame, direction)
