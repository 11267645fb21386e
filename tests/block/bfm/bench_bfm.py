# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of the transactors: two FC ports on one wire. The judges are the wire itself, zlib, and lists kept here."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.triggers import Timer

from portplex.bfm.fc_port import FcPort
from portplex.bfm.transactors import Transactors
from portplex.framelink import Frame


async def start(dut: Any) -> tuple[Transactors, FcPort, FcPort]:
    transactors = Transactors(dut)
    a, b = FcPort(transactors, 0, name="a"), FcPort(transactors, 1, name="b")
    await a.wait_link(deadline=2000)
    await b.wait_link(deadline=2000)
    return transactors, a, b


@cocotb.test()
async def frames_of_all_sizes_both_ways(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    transactors, a, b = await start(dut)
    a.set_credit(8)
    b.set_credit(8)
    sizes = [24, 28, 2136, *(4 * rng.randrange(6, 535) for _ in range(40))]
    there = [rng.randbytes(size) for size in sizes]
    back = [rng.randbytes(size) for size in reversed(sizes)]
    got: list[Frame] = []
    b.on_frame = got.append
    for one, other in zip(there, back, strict=True):
        a.send(one)
        b.send(other, initiate=False, terminate=False)
    await a.wait_idle()
    await b.wait_idle()
    received = [await a.recv() for _ in back]
    assert [frame.data for frame in received] == back
    assert all(frame.sof == 0xBCB53636 and frame.eof & 0xFF0FFFFF == 0xBC05D5D5 for frame in received)
    assert [frame.data for frame in got] == there
