# SPDX-License-Identifier: Apache-2.0
"""The scapy layers against known answers, tshark and themselves."""

from __future__ import annotations

import json
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portplex.fc.capture import CaptureWriter
from portplex.fc.constants import ORDERED_SETS, RCtl
from portplex.fc.layers import FC, FC2

ROOT = Path(__file__).resolve().parents[2]
KNOWN: list[dict[str, Any]] = json.loads((ROOT / "tests" / "data" / "known_answer_frames.json").read_text())["frames"]


def wire(known: dict[str, Any]) -> bytes:
    """A known-answer frame as a capture of link type 225 holds it."""
    sof = struct.pack(">I", ORDERED_SETS[known["sof"]])
    return sof + bytes.fromhex(known["header"] + known["payload"] + known["crc"] + known["eof"])


def tshark(capture: Path, *arguments: str) -> list[str]:
    out = subprocess.run(
        ["tshark", "-r", capture, "-o", "fc.reassemble:FALSE", *arguments], capture_output=True, text=True, check=True
    )
    return out.stdout.splitlines()


@pytest.mark.fast
def test_scapy_campaign() -> None:
    command = [sys.executable, "-m", "scapy.tools.UTscapy", "-t", "tests/unit/fc.uts", "-f", "text", "-q"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    passed = re.search(r"PASSED=(\d+) FAILED=0", done.stdout)
    assert passed and int(passed[1]) >= 20, done.stdout[-3000:]


@pytest.mark.fast
@pytest.mark.parametrize("known", KNOWN, ids=lambda k: f"{k['number']}-{k['name']}")
def test_known_answer_frames(known: dict[str, Any]) -> None:
    expected = wire(known)
    packet = FC2(expected)
    assert packet.crc_ok()
    assert bytes(packet) == expected
    rebuilt = FC2(expected)
    rebuilt.crc = None
    if known["number"] < 14:  # FC-NVMe information units stay Raw
        rebuilt.clear_cache()
    assert bytes(rebuilt) == expected


@pytest.mark.fast
def test_known_answer_frames_in_tshark(tmp_path: Path, require_tool: Callable[[str], None]) -> None:
    require_tool("tshark")
    capture = tmp_path / "known.pcapng"
    with CaptureWriter(capture, ["port 0"]) as writer:
        for index, known in enumerate(KNOWN[:13]):
            writer.write(1_000_000_007 + index, wire(known), direction=1)
        broken = bytearray(wire(KNOWN[5]))
        broken[40] ^= 1
        writer.write(2_000_000_000, bytes(broken))
    rows = tshark(capture, "-T", "fields", "-e", "frame.time_epoch", "-e", "fc.crc.status", "-e", "fc.r_ctl")
    status = [row.split("\t")[1] for row in rows]
    assert status == ["1"] * 13 + ["0"]
    assert rows[0].split("\t")[0] == "1.000000007"
    assert [int(row.split("\t")[2], 16) for row in rows[:13]] == [int(k["header"][:2], 16) for k in KNOWN[:13]]
    assert not tshark(capture, "-Y", "_ws.malformed")


@pytest.mark.fast
@given(st.binary(max_size=80), st.binary(min_size=24, max_size=24))
def test_build_of_dissect_is_identity(payload: bytes, header: bytes) -> None:
    data = header + payload + bytes(-len(payload) % 4)
    assert bytes(FC(data)) == data
    frame = bytes.fromhex("bcb55656") + data + bytes(4) + bytes.fromhex("bc957575")
    assert bytes(FC2(frame)) == frame


@pytest.mark.fast
@given(st.sampled_from(list(RCtl)), st.sampled_from([0x00, 0x01, 0x08, 0x20]), st.binary(max_size=200))
def test_any_payload_dissects_without_error(r_ctl: int, fc_type: int, payload: bytes) -> None:
    packet = FC(bytes(FC(r_ctl=r_ctl, type=fc_type, f_ctl=0x290000)) + payload)
    packet.summary()
    packet.show2(dump=True)


@pytest.mark.fast
def test_capture_has_its_name_only_when_whole(tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path / "run.pcapng", ["port 0"])
    writer.write(5, wire(KNOWN[0]))
    assert not (tmp_path / "run.pcapng").exists()
    writer.close()
    writer.close()
    assert (tmp_path / "run.pcapng").exists()
