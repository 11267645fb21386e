# SPDX-License-Identifier: Apache-2.0
"""The capture of a device's ports, read back with scapy's own reader: every frame, in the order in which they began."""

from __future__ import annotations

import random
import struct
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.utils import RawPcapNgReader

from portplex.fc.capture import INBOUND, OUTBOUND
from portplex.framelink import Frame
from portplex.model.frame_rules import Direction
from portplex.port_capture import LONGEST_FRAME, WORD_NS, PortCapture

OVERHEAD_WORDS = 3  # SOF, CRC, EOF


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 400), st.integers(0, 1 << 32))
def test_every_frame_in_the_order_of_time(count: int, seed: int) -> None:
    """Four wires, one frame after the other on each; told when they end, as a transactor does."""
    rng = random.Random(seed)
    free: dict[tuple[int, Direction], int] = {}
    seen = []
    for number in range(count):
        port, direction = rng.randrange(2), rng.choice(list(Direction))
        words = rng.choice((6, 9, 518, LONGEST_FRAME - OVERHEAD_WORDS - 1))
        start = free.get((port, direction), 0) + rng.randint(2, 40)
        end = free[port, direction] = start + words + OVERHEAD_WORDS - 1
        data = struct.pack(">I", number) * words
        seen.append((Frame(data, 0xBCB55656, 0xBC957575, number, True, start, end), direction, port))
    seen.sort(key=lambda entry: entry[0].end)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "frames.pcapng"
        capture = PortCapture(path, 2)
        for frame, direction, port in seen:
            capture.observe(frame, direction, port)
        capture.close()
        capture.close()  # does nothing
        with RawPcapNgReader(str(path)) as reader:
            found = list(reader)
    times = [meta.tshigh << 32 | meta.tslow for _, meta in found]
    assert times == sorted(frame.start * WORD_NS for frame, _, _ in seen)
    ways = {Direction.FROM_DEVICE: OUTBOUND, Direction.TO_DEVICE: INBOUND}
    wanted = {
        frame.crc: (
            struct.pack(">I", frame.sof) + frame.data + struct.pack(">II", frame.crc, frame.eof),
            frame.start * WORD_NS,
            f"port {port}".encode(),
            ways[direction],
        )
        for frame, direction, port in seen
    }
    got = {
        int.from_bytes(record[4:8], "big"): (record, time, meta.ifname, meta.direction)
        for (record, meta), time in zip(found, times, strict=True)
    }
    assert got == wanted
    assert all(meta.tsresol == 1_000_000_000 for _, meta in found)
