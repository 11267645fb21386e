# SPDX-License-Identifier: Apache-2.0
"""service_parameters: words of FLOGI and PLOGI, against protocol facts sections 5 and 12."""

from __future__ import annotations

import os
import random
import struct
from typing import Any

import cocotb
from bench_link_services import FRAME_1, FRAME_2, HOST_WWNN, HOST_WWPN
from cocotb.triggers import Timer

CREDIT, SIZE, E_D_TOV = (int(os.environ[name]) for name in ("RX_BUFFERS", "RECEIVE_BYTES", "E_D_TOV_MS"))


async def payload(dut: Any, fabric: bool, wwpn: int, wwnn: int) -> bytes:
    """Words 1 to 28, 112 bytes."""
    dut.fabric.value = int(fabric)
    dut.cfg_wwpn.value = wwpn
    dut.cfg_wwnn.value = wwnn
    words = []
    for index in range(1, 29):
        dut.index.value = index
        await Timer(1, "ns")
        words.append(int(dut.word.value))
    return struct.pack(">28I", *words)


@cocotb.test(skip=(CREDIT, SIZE, E_D_TOV) != (16, 2112, 2000))
async def the_known_answers(dut: Any) -> None:
    assert await payload(dut, True, HOST_WWPN, HOST_WWNN) == FRAME_1[4:]
    assert await payload(dut, False, HOST_WWPN, HOST_WWNN) == FRAME_2[4:]


@cocotb.test()
async def each_field_stands_where_the_table_says(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    for fabric in (True, False):
        names = rng.randbytes(16)
        got = bytes(4) + await payload(dut, fabric, int.from_bytes(names[:8], "big"), int.from_bytes(names[8:], "big"))
        assert got[4:6] == b"\x20\x20", "versions"
        assert struct.unpack(">H", got[6:8]) == (CREDIT,)
        assert struct.unpack(">H", got[10:12]) == (SIZE,), "BB_SC_N is 0"
        assert got[16:20] == (bytes(4) if fabric else struct.pack(">I", E_D_TOV))
        assert got[20:36] == names
        assert not any(got[36:68]) and not any(got[84:]), "neither class 1, 2 nor 4"
        assert got[68] & 0x80 and struct.unpack(">H", got[74:76]) == (SIZE,), "class 3"
