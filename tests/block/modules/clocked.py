# SPDX-License-Identifier: Apache-2.0
"""What the benches of single modules share: a clock cut in two steps, so that models see exactly what the module sees.

A test runs in the first nanosecond after a rising edge: outputs of registers are new, inputs set now are there for the
next edge. `clock()` lets every model drive its inputs, waits until combinational paths have settled, lets every model
sample what the coming edge will act on, and returns after that edge. No edge trigger is used, so both simulators agree.
"""

from __future__ import annotations

from typing import Any, Protocol

from cocotb.clock import Clock
from cocotb.triggers import Timer

from portplex.bfm.pins import value_of as number  # noqa: F401, the benches' name of it


class Model(Protocol):
    """Something beside the module: sets inputs from its state, then looks at outputs and takes a step."""

    def drive(self) -> None: ...

    def sample(self) -> None: ...


class Clocked:
    """The clock of a bench (period 4 ns) and the models that move with it."""

    def __init__(self, dut: Any, *models: Model) -> None:
        self.dut = dut
        self.models = list(models)
        self.now = 0

    async def start(self, **inputs: int) -> None:
        """Start the clock, give inputs their first value and hold reset for four clocks (where there is one)."""
        for name, value in inputs.items():
            getattr(self.dut, name).value = value
        Clock(self.dut.clk, 4, unit="ns").start()
        await Timer(1, "ns")
        models, self.models = self.models, []
        reset = getattr(self.dut, "rst", None)
        if reset is not None:
            reset.value = 1
        await self.clocks(4)
        if reset is not None:
            reset.value = 0
        self.models = models
        self.now = 0

    async def clock(self) -> None:
        for model in self.models:
            model.drive()
        await Timer(2, "ns")
        for model in self.models:
            model.sample()
        await Timer(2, "ns")
        self.now += 1

    async def clocks(self, count: int) -> None:
        for _ in range(count):
            await self.clock()


def field(value: int, high: int, low: int) -> int:
    """Bits `high` to `low` of a value."""
    return value >> low & (1 << high - low + 1) - 1
