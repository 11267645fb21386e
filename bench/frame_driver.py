# SPDX-License-Identifier: Apache-2.0
"""cocotb: a saturated loop through the transactors, every frame that comes back compared byte for byte."""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path
from typing import Any

import cocotb

from portplex.bfm.fc_port import FcPort
from portplex.bfm.transactors import Transactors
from portplex.framelink import Frame


@cocotb.test()
async def saturate(dut: Any) -> None:
    count, size = int(os.environ["SPEED_FRAMES"]), int(os.environ["SPEED_BYTES"])
    rng = random.Random(cocotb.RANDOM_SEED)
    data = [rng.randbytes(size) for _ in range(64)]
    began = time.process_time()
    transactors = Transactors(dut)
    port = FcPort(transactors, 0)
    await port.wait_link(deadline=20_000)
    port.set_credit(8)
    sent = received = 0
    done = cocotb.triggers.Event()

    def check(frame: Frame) -> None:
        nonlocal sent, received
        assert frame.data == data[received % 64], f"frame {received} came back changed"
        received += 1
        if sent < count:
            port.send(data[sent % 64])
            sent += 1
        elif received == count:
            done.set()

    port.on_frame = check
    for _ in range(min(24, count)):
        port.send(data[sent % 64])
        sent += 1
    await done.wait()
    seconds = time.process_time() - began
    result = {"cycles": transactors.now(), "seconds": seconds, "frames": received, "wakes": transactors.wakes}
    Path(os.environ["SPEED_RESULT"]).write_text(json.dumps(result))
