# SPDX-License-Identifier: Apache-2.0
"""The known-answer frames of `tests/data/known_answer_frames.json`, as the link's benches use them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple


class KnownAnswer(NamedTuple):
    """One frame and how it must look on the wire."""

    name: str
    sof: str
    header: bytes
    payload: bytes
    crc: bytes  # as transmitted
    eof_word: int
    total_bytes: int  # SOF, header, payload, CRC, EOF


def _load() -> tuple[KnownAnswer, ...]:
    file = Path(__file__).parents[2] / "data" / "known_answer_frames.json"
    return tuple(
        KnownAnswer(
            frame["name"],
            frame["sof"],
            bytes.fromhex(frame["header"]),
            bytes.fromhex(frame["payload"]),
            bytes.fromhex(frame["crc"]),
            int(frame["eof"], 16),
            frame["bytes"],
        )
        for frame in json.loads(file.read_text())["frames"]
    )


KNOWN_ANSWERS = _load()
