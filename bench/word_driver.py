# SPDX-License-Identifier: Apache-2.0
"""cocotb: the way without transactors. Python drives and reads every transmission word of a device's port, each clock.

The device's pins are `clk`, `rst`, `rx_data`, `rx_charisk`, `tx_data`, `tx_charisk`. The test brings the link up, keeps
credit, sends frames and compares what an echoing device returns (SPEED_ECHO=0: only counts what comes).
"""

from __future__ import annotations

import itertools
import json
import os
import random
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

IDLE, R_RDY, NOS, OLS, LR, LRR = 0xBC95B5B5, 0xBC954A4A, 0xBC55BF45, 0xBC358A55, 0xBC49BF49, 0xBC35BF49
ANSWERS = {NOS: OLS, OLS: LR, LR: LRR, LRR: IDLE}


def wire_words(data: bytes, flips: list[int]) -> list[int]:
    """SOFi3, data, CRC and EOFt in the form the running disparity asks for."""
    body = data + struct.pack("<I", zlib.crc32(data))
    negative = sum(flips[byte] for byte in body) & 1
    return [0xBCB55656, *struct.unpack(f">{len(body) // 4}I", body), 0xBC957575 if negative else 0xBCB57575]


def disparity_flips() -> list[int]:
    unbalanced = {0, 1, 2, 4, 8, 15, 16, 23, 24, 27, 29, 30, 31}
    return [((byte & 31) in unbalanced) ^ ((byte >> 5) in (0, 4, 7)) for byte in range(256)]


async def enable(dut: Any, edge: RisingEdge) -> None:
    """Write 1 to PORT_CONTROL of the array, so that its port leaves the offline state."""
    dut.s_axil_awaddr.value, dut.s_axil_wdata.value, dut.s_axil_wstrb.value = 0x0100, 1, 15
    dut.s_axil_awvalid.value = dut.s_axil_wvalid.value = dut.s_axil_bready.value = 1
    taken = {"aw": False, "w": False}
    while not all(taken.values()):
        await edge
        for name in taken:
            if int(getattr(dut, f"s_axil_{name}ready").value):
                taken[name] = True
                getattr(dut, f"s_axil_{name}valid").value = 0


@cocotb.test()
async def drive_words(dut: Any) -> None:
    count, size = int(os.environ["SPEED_FRAMES"]), int(os.environ["SPEED_BYTES"])
    echo = os.environ.get("SPEED_ECHO", "1") == "1"
    limit = int(os.environ.get("SPEED_CYCLES", "10000000"))
    rng = random.Random(cocotb.RANDOM_SEED)
    frames = [wire_words(rng.randbytes(size), disparity_flips()) for _ in range(count)]
    clk, tx_data, tx_charisk, rx_data, rx_charisk = dut.clk, dut.tx_data, dut.tx_charisk, dut.rx_data, dut.rx_charisk
    dut.rst.value = 1
    rx_data.value, rx_charisk.value = NOS, 8
    Clock(clk, 4, unit="ns", impl="gpi").start()
    edge = RisingEdge(clk)
    for _ in range(16):
        await edge
    dut.rst.value = 0
    if hasattr(dut, "s_axil_awaddr"):
        await enable(dut, edge)
    length = int(os.environ["SPEED_SLICE"])
    marks = [time.process_time()]
    began = marks[0]
    answer, active, credit, owed = NOS, False, 8, 0
    sending: list[int] = []
    at = gap = sent = received = cycles = 0
    inside = False
    got: list[int] = []
    while cycles < limit and received < count:
        await edge
        cycles += 1
        if cycles % length == 0:
            marks.append(time.process_time())
        word, k = int(tx_data.value), int(tx_charisk.value)
        if k:
            if inside:
                got.append(word)
                inside = False
                if echo:
                    assert got == frames[received], f"frame {received} came back changed"
                received += 1
                owed += 1
            elif word in ANSWERS:
                answer, active = ANSWERS[word], False
            elif word == IDLE:
                if not active and answer in (IDLE, LRR):
                    active, gap = True, -12  # IDLE for the device before the first frame
            elif word == R_RDY:
                credit += 1
            elif word >> 16 == 0xBCB5:
                inside, got = True, [word]
        elif inside:
            got.append(word)
        if sending:
            at += 1
            rx_data.value = sending[at]
            if at == len(sending) - 1:
                rx_charisk.value = 8
                sending, gap = [], 0
            elif at == 1:
                rx_charisk.value = 0
            continue
        gap += 1
        if not active:
            rx_data.value, rx_charisk.value = answer, 8
        elif owed and gap > 0 and gap % 3 == 0:  # two fill words on each side
            rx_data.value, rx_charisk.value = R_RDY, 8
            owed -= 1
        elif gap > 6 and gap % 3 == 0 and credit and sent < count:
            sending, at = frames[sent], 0
            rx_data.value, rx_charisk.value = sending[0], 8
            credit -= 1
            sent += 1
        else:
            rx_data.value, rx_charisk.value = IDLE, 8
    seconds = time.process_time() - began
    assert received == count or not echo, f"{received} of {count} frames came back in {cycles} clocks"
    slices = [after - before for before, after in itertools.pairwise(marks)]
    result = {"cycles": cycles, "seconds": seconds, "frames": received, "slices": slices}
    Path(os.environ["SPEED_RESULT"]).write_text(json.dumps(result))
