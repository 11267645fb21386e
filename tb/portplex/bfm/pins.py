# SPDX-License-Identifier: Apache-2.0
"""The ports of a design under a bench that sets them in every clock: a handle is looked up once, and written only when
its value is another, as a write that changes nothing costs as much as any. What is read is a plain number, as cocotb's
type of it costs several times as much.

dut = Pins(dut)
dut.ready.value = 1
"""

from __future__ import annotations

from typing import Any


def value_of(signal: Any) -> int:
    """Value of a signal, cocotb's handle or a Pin, unsigned; ValueError when a bit is X or Z."""
    handle = signal._handle
    if isinstance(signal, Pin):
        handle = handle._handle
    return int(handle.get_signal_val_binstr(), 2)  # what `value` of cocotb's handle begins with


class Pin:
    """A signal that only this object sets."""

    __slots__ = ("_handle", "_last")

    def __init__(self, handle: Any) -> None:
        self._handle = handle
        self._last: int | None = None

    @property
    def value(self) -> int:
        """What the simulator says, as `value_of`."""
        return value_of(self)

    @value.setter
    def value(self, value: int) -> None:
        if value != self._last:
            self._last = value
            self._handle.value = value


class Pins:
    """The signals of `dut` by name. Whoever sets one sets it here, never at the handle, which this would not notice."""

    def __init__(self, dut: Any) -> None:
        self._dut = dut

    def __getattr__(self, name: str) -> Pin:
        pin = Pin(getattr(self._dut, name))
        setattr(self, name, pin)
        return pin
