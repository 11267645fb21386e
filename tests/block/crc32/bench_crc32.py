# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of crc32: zlib is the judge."""

from __future__ import annotations

import random
import struct
import zlib
from typing import Any

import cocotb
from cocotb.triggers import Timer


@cocotb.test()
async def equals_zlib(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    for length in (1, 2, 6, 534, *(rng.randrange(1, 600) for _ in range(5))):
        data = rng.randbytes(4 * length)
        crc = 0xFFFFFFFF
        for (word,) in struct.iter_unpack(">I", data):
            dut.crc_in.value = crc
            dut.data.value = word
            await Timer(1, "ns")
            crc = int(dut.crc_out.value)
        assert crc ^ 0xFFFFFFFF == zlib.crc32(data), f"{length} words"
