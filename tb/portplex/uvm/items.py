# SPDX-License-Identifier: Apache-2.0
"""Transactions of the agents."""

from __future__ import annotations

from typing import Any

from pyuvm import uvm_sequence_item

from portplex.framelink import Frame
from portplex.model.frame_rules import Direction


class FrameItem(uvm_sequence_item):
    """A frame to be sent to the device: header and payload. `fault` (of the transactor) breaks it on the way out."""

    def __init__(
        self, name: str, data: bytes, *, initiate: bool = True, terminate: bool = True, fault: Any = None
    ) -> None:
        super().__init__(name)
        self.data = data
        self.initiate = initiate
        self.terminate = terminate
        self.fault = fault


class ObservedFrame:
    """A frame as the monitor saw it, with the side it came from and the number of the device's port."""

    __slots__ = ("direction", "frame", "port")

    def __init__(self, frame: Frame, direction: Direction, port: int = 0) -> None:
        self.frame = frame
        self.direction = direction
        self.port = port


class RegisterItem(uvm_sequence_item):
    """One access to a management register; a read leaves what it found in `value`."""

    def __init__(self, name: str, address: int, value: int | None = None) -> None:
        super().__init__(name)
        self.address = address
        self.write = value is not None
        self.value = value or 0
