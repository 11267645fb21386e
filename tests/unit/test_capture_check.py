# SPDX-License-Identifier: Apache-2.0
"""Wireshark's verdict on captures: right frames pass, a bad CRC and a frame cut short are found."""

from __future__ import annotations

from pathlib import Path
from zlib import crc32

import pytest

from portplex.fc.capture import LINKTYPE_ETHERNET, LINKTYPE_FC_2_WITH_FRAME_DELIMS, CaptureWriter, fc_record
from portplex.fc.constants import ORDERED_SETS
from portplex.hil.fcoe import encode
from portplex.report import capture_check
from portplex.report.capture_check import check_capture
from portplex.simulate import SimulationFailed

# FCP_CMND and FLOGI of the known-answer frames.
COMMAND = bytes.fromhex(
    "06010e000001000108290000030000000010ffff000000000000000000000000000000012a00000010000000080000000000000000001000"
)
FLOGI = bytes.fromhex(
    "22fffffe0000000001290000000000000001ffff00000000" + "04000000" + "20200010000008400000000000000000"
)


def record(link_type: int, frame: bytes, flip: int = 0) -> bytes:
    if link_type == LINKTYPE_ETHERNET:
        data = bytearray(encode(bytes.fromhex("0efc00010e00"), bytes.fromhex("0efc00010001"), frame))
        data[-8] ^= flip
        return bytes(data)
    crc = int.from_bytes(crc32(frame).to_bytes(4, "little"), "big") ^ flip  # the least significant byte comes first
    return fc_record(ORDERED_SETS["SOFi3"], frame, crc, ORDERED_SETS["EOFt_NEG"])


@pytest.mark.parametrize("link_type", [LINKTYPE_ETHERNET, LINKTYPE_FC_2_WITH_FRAME_DELIMS])
def test_tshark_finds_what_is_wrong(tmp_path: Path, require_tool, link_type: int) -> None:
    require_tool("tshark")
    path = tmp_path / "frames.pcapng"
    right = record(link_type, COMMAND)
    verdicts = []
    for records in ([right] * 3, [right, record(link_type, COMMAND, flip=1), right], [record(link_type, FLOGI)]):
        writer = CaptureWriter(path, ["one"], link_type=link_type)
        for time, data in enumerate(records):
            writer.write(time, data)
        writer.close()
        found = check_capture(path)
        assert found is not None
        verdicts.append((found.frames, found.wrong, len(found.first)))
    assert verdicts == [(3, 0, 0), (3, 1, 1), (1, 1, 1)]


def test_no_tshark_is_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_check.shutil, "which", lambda _: None)
    assert check_capture(tmp_path / "frames.pcapng") is None


def test_tshark_that_fails_is_said(tmp_path: Path, require_tool) -> None:
    require_tool("tshark")
    with pytest.raises(SimulationFailed, match=r"tshark .* failed"):
        check_capture(tmp_path / "nothing.pcapng")
