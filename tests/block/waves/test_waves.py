# SPDX-License-Identifier: Apache-2.0
"""Wave files of real designs: every signal of the save file is in them, and GTKWave draws the frames."""

from __future__ import annotations

import itertools
import json
import struct
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from portplex.report import save_file
from portplex.report.frame_boxes import INITIATOR, SERVICES, TARGET, frame_label
from portplex.report.save_file import Signal, wire_boxes, write_save_file
from portplex.report.wave_reader import WaveReader
from portplex.report.waves import grab
from portplex.simulate import available_simulators, simulate

HERE = Path(__file__).parent
BENCH = str(HERE / "bench_waves.py")
COLOURS = {INITIATOR: (139, 69, 19), TARGET: (39, 64, 139), SERVICES: (85, 26, 139)}  # X11's rgb.txt


@pytest.fixture(scope="module")
def array_waves() -> Path:
    """The array with a bit of every kind of traffic, on the simulator that builds it fastest."""
    run = simulate(
        "array_bench",
        sources=["bfm/array_bench.f"],
        test_module=BENCH,
        testcase="all_kinds_of_traffic",
        simulator=available_simulators()[-1],
        parameters={"TASKS": 8, "CACHE_SETS": 8, "DRIVE_BLOCKS": 64},
        seed=12,
        waves=True,
        optimize="-O0",
    )
    assert run.waves is not None
    return run.waves


def test_link_waves(simulator: str, tmp_path: Path) -> None:
    run = simulate(
        "link",
        sources=["link/link.f"],
        test_module=BENCH,
        testcase="link_alone",
        simulator=simulator,
        name="link_waves",
        waves=True,
        optimize="-O0",
    )
    assert run.waves is not None
    reader = WaveReader(run.waves)
    save = write_save_file(reader, tmp_path)
    assert save.groups == ["link"]
    assert save.missing == []
    assert f"^1 {tmp_path}/names_port_state_machine_state.txt\n+{{state}} link.status_link_state[3:0]\n" in save.text
    names = dict(line.split(maxsplit=1) for line in (tmp_path / "names_port_state_machine_state.txt").open())
    shown = [names[f"{value:X}"].strip() for _, (value,) in reader.samples(["link.status_link_state"])]
    # what the peer's NOS, OLS, LR and IDLE make of a port that starts in LF2 (FC-FS-5 table 22)
    assert [name for name, _ in itertools.groupby(shown)] == ["LF2", "LF1", "OL2", "LR2", "AC"]


def test_every_signal_of_the_save_file_exists(
    array_waves: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = WaveReader(array_waves)
    save = write_save_file(reader, tmp_path)
    assert save.missing == []
    assert [g for g in save.groups if not g.startswith("task")] == [
        "wire",
        "link",
        "port controller: scheduler",
        "backup",
        "host requests",
        "cache",
        "drive",
        "port controller: events",
    ]
    assert len(save.tasks) == 3 and len(set(save.tasks)) == 3 and all(0 <= task < 8 for task in save.tasks)
    renamed = (*save_file.LINK, Signal("link", "status_link_stat", "state"))
    monkeypatch.setattr(save_file, "AFTER_WIRE", (("link", renamed),))
    assert write_save_file(reader, tmp_path).missing == [
        "array_bench.array.controller_inst.port[0].link_inst.status_link_stat"
    ]


def test_boxes_are_the_frames_the_transactor_saw(array_waves: Path) -> None:
    directions = wire_boxes(WaveReader(array_waves))
    seen = json.loads((array_waves.parent / "frames.json").read_text())
    for from_array, boxes in zip((True, False), directions, strict=True):
        expected = Counter(frame_label(bytes.fromhex(data)) for outbound, _, data in seen if outbound is from_array)
        found = Counter(box.text for box in boxes if box.detail)
        assert expected and found == expected
    colours = {
        text: {b.colour for d in directions for b in d if b.text == text} for text in ("PLOGI", "FCP_XFER_RDY 4096 @0")
    }
    assert colours == {"PLOGI": {SERVICES}, "FCP_XFER_RDY 4096 @0": {INITIATOR, TARGET}}


def test_screenshot(array_waves: Path, tmp_path: Path, require_tool: Callable[[str], None]) -> None:
    for tool in ("gtkwave", "xvfb-run"):
        require_tool(tool)
    picture = tmp_path / "waves.png"
    save = grab(array_waves, picture, tmp_path)
    assert save.missing == []
    width, height, colours = png_colours(picture)
    assert width >= 1400 and height >= 1000
    assert picture.stat().st_size < 300_000
    assert len(colours) > 50
    for name, rgb in COLOURS.items():  # boxes are drawn only when the filter answers
        assert colours[rgb] > 300, f"no {name} box in {picture}: {(tmp_path / 'view.log').read_text()}"


def png_colours(path: Path) -> tuple[int, int, Counter[tuple[int, ...]]]:
    """Width, height and the count of each colour of an 8-bit RGB or RGBA PNG without interlace (RFC 2083)."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed = 8, b""
    width = height = pixel = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", body)
            assert depth == 8 and colour in (2, 6) and interlace == 0
            pixel = 3 if colour == 2 else 4
        elif kind == b"IDAT":
            packed += body
        at += 12 + size
    raw = zlib.decompress(packed)
    stride = width * pixel
    above = bytearray(stride)
    colours: Counter[tuple[int, ...]] = Counter()
    for row in range(height):
        kind, line = raw[row * (stride + 1)], bytearray(raw[row * (stride + 1) + 1 : (row + 1) * (stride + 1)])
        for i in range(stride if kind else 0):
            left, up = (line[i - pixel] if i >= pixel else 0), above[i]
            if kind == 1:
                line[i] = line[i] + left & 255
            elif kind == 2:
                line[i] = line[i] + up & 255
            elif kind == 3:
                line[i] = line[i] + (left + up) // 2 & 255
            else:
                corner = above[i - pixel] if i >= pixel else 0
                a, b, c = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
                line[i] = line[i] + (left if a <= b and a <= c else up if b <= c else corner) & 255
        above = line
        colours.update(zip(line[0::pixel], line[1::pixel], line[2::pixel], strict=True))
    return width, height, colours
