# SPDX-License-Identifier: Apache-2.0
"""The cache back port as a module sees it: lines in a dictionary, random waits, data two clocks after a read is taken
(contracts, section 9)."""

from __future__ import annotations

import random
from typing import Any

from clocked import number

LINE = 16  # bytes


class BackPort:
    """`lines` is the memory; `touched` are the lines that were read or written since it was cleared last."""

    def __init__(self, dut: Any, rng: random.Random, *, writes: bool = True) -> None:
        self.dut, self.rng, self.writes = dut, rng, writes
        self.lines: dict[int, bytes] = {}
        self.touched: set[int] = set()
        self._pipe: list[bytes | None] = [None, None]

    def drive(self) -> None:
        data = self._pipe.pop(0)
        self.dut.bk_ready.value = int(self.rng.random() < 0.7)
        self.dut.bk_rdata_valid.value = int(data is not None)
        self.dut.bk_rdata.value = int.from_bytes(data or self.rng.randbytes(LINE), "big")

    def sample(self) -> None:
        dut = self.dut
        read = None
        if number(dut.bk_valid) and number(dut.bk_ready):
            line = number(dut.bk_line)
            self.touched.add(line)
            if self.writes and number(dut.bk_write):
                self.lines[line] = number(dut.bk_wdata).to_bytes(LINE, "big")
            else:
                read = self.lines[line]
        self._pipe.append(read)

    def get(self, line: int, size: int) -> bytes:
        """`size` bytes from the beginning of a line."""
        return b"".join(self.lines[line + i] for i in range(-(-size // LINE)))[:size]

    def put(self, line: int, data: bytes) -> None:
        """Data from the beginning of a line; the rest of the last line is filled with anything."""
        data += self.rng.randbytes(-len(data) % LINE)
        for i in range(len(data) // LINE):
            self.lines[line + i] = data[LINE * i : LINE * (i + 1)]
