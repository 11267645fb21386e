# SPDX-License-Identifier: Apache-2.0
"""cocotb test of an FC port transactor against hdl/link with an echo behind it."""

from __future__ import annotations

import random
from typing import Any

import cocotb

from portplex.bfm.fc_port import FcPort
from portplex.bfm.transactors import Transactors


@cocotb.test()
async def echo_over_the_link(dut: Any) -> None:
    """Everything sent comes back from an independently written link, with full credit both ways and no gap lost."""
    rng = random.Random(cocotb.RANDOM_SEED)
    port = FcPort(Transactors(dut), 0)
    await port.wait_link(deadline=20_000)
    port.set_credit(8)
    port.grant_credit(8)
    sent = [rng.randbytes(4 * rng.randrange(6, 535)) for _ in range(60)] + [bytes(24), rng.randbytes(24 + 2048)]
    for frame in sent:
        # R_CTL data, TYPE FCP: a link may look at the header
        port.send(frame, initiate=bool(frame[-1] & 1), terminate=bool(frame[-1] & 2))
    back = [await port.recv(20_000) for _ in sent]
    assert [frame.data for frame in back] == sent
    assert [frame.sof & 0xFFFF == 0x5656 for frame in back] == [bool(frame[-1] & 1) for frame in sent]
    assert [frame.eof & 0xFFFF == 0x7575 for frame in back] == [bool(frame[-1] & 2) for frame in sent]
    stats = port.stats
    assert stats.frames_bad == 0 and stats.bad["no_credit"] == 0 and stats.frames_received == len(sent)
