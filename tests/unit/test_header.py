# SPDX-License-Identifier: Apache-2.0
"""The struct header against the known-answer frames, itself, and its limits."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portplex.fc.header import Header, crc

FRAMES = json.loads((Path(__file__).resolve().parents[1] / "data" / "known_answer_frames.json").read_text())["frames"]
WIDTHS = (8, 24, 8, 24, 8, 24, 8, 8, 16, 16, 16, 32)
FIELDS = st.tuples(*(st.integers(0, (1 << width) - 1) for width in WIDTHS))


@pytest.mark.fast
@given(FIELDS)
def test_header_round_trip(fields: tuple[int, ...]) -> None:
    header = Header(*fields)
    data = header.pack()
    assert len(data) == 24
    assert Header.unpack(data) == header.checked() == header
    # Built another way: every field as one run of bits, in the order of the standard.
    bits = "".join(f"{value:0{width}b}" for value, width in zip(fields, WIDTHS, strict=True))
    assert data == int(bits, 2).to_bytes(24, "big")


@pytest.mark.fast
def test_known_headers() -> None:
    first = Header.unpack(bytes.fromhex(FRAMES[0]["header"]))
    assert first == Header(0x22, 0xFFFFFE, 0, 0, 0x01, 0x290000, 0, 0, 0, 0x0001, 0xFFFF, 0)
    for frame in FRAMES:
        header = bytes.fromhex(frame["header"])
        assert Header.unpack(header).pack() == header, frame["name"]


@pytest.mark.fast
def test_known_crcs() -> None:
    checked = 0
    for frame in FRAMES:
        if frame["bytes"] - 36 == len(frame["payload"] or "") // 2:
            data = bytes.fromhex(frame["header"] + (frame["payload"] or ""))
            assert crc(data).hex() == frame["crc"], frame["name"]
            checked += 1
    assert checked >= 14
    assert crc(b"123456789").hex() == "2639f4cb"


@pytest.mark.fast
@pytest.mark.parametrize(("index", "width"), list(enumerate(WIDTHS)))
def test_fields_too_wide_are_named(index: int, width: int) -> None:
    name = Header._fields[index]
    header = Header(*(0,) * 12)._replace(**{name: 1 << width})
    with pytest.raises(ValueError, match=rf"{name} = 0x10+: must be 0 to 0xf+"):
        header.checked()


@pytest.mark.fast
def test_short_frames_are_refused() -> None:
    with pytest.raises(struct.error):
        Header.unpack(bytes(23))


@pytest.mark.fast
def test_header_in_words() -> None:
    assert str(Header(0x22, 0xFFFFFE, 0, 0x010001, 1, 0x290000, 0xA, 0, 3, 0x1F, 0xFFFF, 0)) == (
        "R_CTL 22h 010001h to FFFFFEh, TYPE 01h, F_CTL 290000h, SEQ_ID 0Ah, SEQ_CNT 3, OX_ID 001Fh, RX_ID FFFFh, "
        "parameter 00000000h"
    )
