# SPDX-License-Identifier: Apache-2.0
"""Words to frame boxes, task table writes to task boxes, RTL to state names, and the process GTKWave talks to."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portplex.fc.constants import ORDERED_SETS
from portplex.management import BackupState
from portplex.report import waves
from portplex.report.frame_boxes import (
    INITIATOR,
    PRIMITIVE,
    SERVICES,
    TARGET,
    TROUBLE,
    Box,
    Sample,
    frame_boxes,
    named_boxes,
)
from portplex.report.rtl_names import bit_ranges, named_values, state_names, translate_table
from portplex.report.task_boxes import task_boxes
from portplex.report.wave_reader import WaveReader
from portplex.simulate import UsageError

ROOT = Path(__file__).resolve().parents[2]
KNOWN: list[dict[str, Any]] = json.loads((ROOT / "tests" / "data" / "known_answer_frames.json").read_text())["frames"]
LABELS = {
    1: "FLOGI",
    2: "PLOGI",
    3: "LS_ACC",
    4: "PRLI",
    5: "LS_ACC",
    6: "FCP_CMND WRITE(10) lba 4096 x 8",
    7: "FCP_XFER_RDY 4096 @0",
    8: "FCP_DATA 2048 @0",
    9: "FCP_DATA 2048 @2048",
    10: "FCP_RSP GOOD",
    11: "ABTS",
    12: "BA_ACC",
    13: "LOGO",
}
IDLE = (ORDERED_SETS["IDLE"], 8)
R_RDY = (ORDERED_SETS["R_RDY"], 8)


def frame_words(known: dict[str, Any], *, spoil: int | None = None, eof: str | None = None) -> list[tuple[int, int]]:
    """(word, charisk) of a known-answer frame; `spoil` turns one bit of that word."""
    body = bytes.fromhex(known["header"] + known["payload"] + known["crc"])
    words = [(int.from_bytes(body[i : i + 4], "big"), 0) for i in range(0, len(body), 4)]
    if spoil is not None:
        words[spoil] = (words[spoil][0] ^ 1, 0)
    return [(ORDERED_SETS[known["sof"]], 8), *words, (ORDERED_SETS[eof] if eof else int(known["eof"], 16), 8)]


def on_the_wire(words: list[tuple[int, int]]) -> Iterator[Sample]:
    """Only changes, as a wave file has them: a word that repeats is not there a second time. A word takes 4 ns."""
    before = None
    for place, word in enumerate(words):
        if word != before:
            yield 4 * place, word
        before = word


def boxes(words: list[tuple[int, int]], *, from_array: bool = False) -> list[Box]:
    return list(frame_boxes(on_the_wire([*[IDLE] * 6, *words, *[IDLE] * 6]), from_array=from_array))


@pytest.mark.fast
@pytest.mark.parametrize("known", KNOWN[:13], ids=lambda k: f"{k['number']}-{k['name']}")
def test_known_answer_frames_get_their_names(known: dict[str, Any]) -> None:
    (box,) = boxes(frame_words(known))
    assert box.text == LABELS[known["number"]]
    assert box.start == 4 * 6
    assert box.end == 4 * (6 + 1 + known["bytes"] // 4 - 2 + 1)  # the table counts SOF and EOF in


@pytest.mark.fast
def test_colour_tells_role_and_trouble() -> None:
    def colour(number: int, *, from_array: bool, **change: Any) -> str:
        (box,) = boxes(frame_words(KNOWN[number - 1], **change), from_array=from_array)
        return box.colour

    assert [colour(n, from_array=False) for n in (6, 8)] == [TARGET, TARGET]  # a host's command and write data
    assert [colour(n, from_array=True) for n in (7, 10)] == [TARGET, TARGET]  # and what the array answers
    assert [colour(n, from_array=True) for n in (6, 8)] == [INITIATOR, INITIATOR]  # the array's own command
    assert [colour(n, from_array=False) for n in (7, 10)] == [INITIATOR, INITIATOR]
    assert [colour(n, from_array=True) for n in (1, 2, 5, 13)] == [SERVICES] * 4
    assert [colour(n, from_array=False) for n in (11, 12)] == [TROUBLE] * 2
    assert colour(6, from_array=False, spoil=3) == TROUBLE


@pytest.mark.fast
def test_bad_frames_say_what_is_wrong() -> None:
    assert boxes(frame_words(KNOWN[5], spoil=9))[0].text.startswith("BAD CRC FCP_CMND")
    assert boxes(frame_words(KNOWN[5], eof="EOFa_NEG"))[0].text.startswith("EOFa_NEG FCP_CMND")
    assert boxes(frame_words(KNOWN[5])[:-1])[0].text.startswith("frame without EOF")
    assert boxes([frame_words(KNOWN[5])[0], (0x11, 0), (0x22, 0), (ORDERED_SETS["EOFt_NEG"], 8)])[0].text == "runt"
    cut = [box.text for box in boxes([*frame_words(KNOWN[5])[:9], *frame_words(KNOWN[0])])]
    assert cut == ["frame without EOF", "FLOGI"]


@pytest.mark.fast
def test_primitives_are_boxes_too() -> None:
    ols, lr = (ORDERED_SETS["OLS"], 8), (ORDERED_SETS["LR"], 8)
    found = boxes([*[ols] * 5, *[lr] * 3, IDLE, R_RDY, IDLE, IDLE, *frame_words(KNOWN[0])])
    assert [(b.start // 4, b.end // 4, b.text) for b in found[:3]] == [
        (6, 11, "OLS"),
        (11, 14, "LR"),
        (15, 16, "R_RDY"),
    ]
    assert {b.colour for b in found[:3]} == {PRIMITIVE} and found[3].text == "FLOGI"


@pytest.mark.fast
def test_names_are_shown_until_the_next_frame() -> None:
    words = [*frame_words(KNOWN[5]), *[IDLE] * 40, *frame_words(KNOWN[6]), *[IDLE] * 2000, *frame_words(KNOWN[9])]
    exact = boxes(words)
    shown = list(named_boxes(exact))
    assert [b.start for b in shown] == [b.start for b in exact]
    assert shown[0].end == exact[1].start and shown[1].end == exact[1].end + 540 * 4
    assert shown[0].text == "FCP_CMND WRITE(10) lba 4096 x 8  010001>010E00 OX 0010 RX FFFF CNT 0"


@pytest.mark.fast
@given(
    st.lists(
        st.tuples(st.sampled_from([0, 0x5A5A5A5A, *ORDERED_SETS.values()]), st.sampled_from([0, 8, 15])), max_size=60
    )
)
def test_any_words_give_boxes_in_order(words: list[tuple[int, int]]) -> None:
    found = boxes(words)
    assert all(b.start < b.end for b in found)
    assert all(a.end <= b.start for a, b in itertools.pairwise(found))


@pytest.mark.fast
def test_state_names_come_from_the_rtl() -> None:
    # contracts, section 3: status_link_state
    link = ["AC", "LR1", "LR2", "LR3", "LF1", "LF2", "OL1", "OL2", "OL3"]
    assert state_names("link/port_state_machine.v") == dict(enumerate(link))
    # docs/registers.md: BACKUP_STATE
    assert state_names("array/backup_constants.vh", "JOB_") == {s.value: s.name for s in BackupState}
    course = ["IDLE", "LOAD", "LOGIN", "PROBE", "TRANSFER", "LOGOUT", "END"]
    assert state_names("array/backup_engine.v") == dict(enumerate(course))
    # contracts, section 6: ti_op
    assert state_names("port/task_context.vh", "TI_") == {
        0: "SEND", 1: "RECEIVE", 2: "RESPOND", 3: "RELEASE", 4: "ABORT",
        8: "LOGIN", 9: "WRITE", 10: "READ", 11: "LOGOUT", 12: "VERIFY", 13: "PROBE",
    }  # fmt: skip


@pytest.mark.fast
def test_parser_of_constants() -> None:
    source = """
    localparam [4:0] STATE_A = 5'd0, // STATE_OLD = 5'd9
        STATE_B = 5'h1F, OTHER = 5'd3;
    localparam STATE_C = 5'b0_0010; /* localparam STATE_D = 5'd4; */
    """
    assert named_values(source, "STATE_") == {0: "A", 31: "B", 2: "C"}
    assert translate_table({0: "A", 31: "B"}, 5) == "00 A\n1F B\n"
    assert translate_table({0: "A", 10: "B"}, 4) == "0 A\nA B\n"
    with pytest.raises(ValueError, match="no constant STEP_"):
        named_values(source, "STEP_")
    with pytest.raises(ValueError, match="both 0"):
        named_values("localparam STATE_A = 1'd0; localparam STATE_B = 1'd0;", "STATE_")
    assert bit_ranges("`define X_A 7:4\n`define X_B 3\n`define X_WIDTH 8\n", "X_") == {"A": (7, 4), "B": (3, 3)}


def context(*, state: int, initiator: int, peer: int, ox_id: int, rx_id: int, length: int, op: int) -> int:
    """A task context, packed as hdl/port/task_context.vh lays it out."""
    return peer | ox_id << 24 | rx_id << 40 | state << 60 | 1 << 64 | initiator << 65 | length << 98 | op << 140


@pytest.mark.fast
def test_task_boxes_follow_the_writes_of_one_row() -> None:
    quiet = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    ids = {"peer": 0x010200, "ox_id": 0x12, "rx_id": 3}

    def write(row: int, **fields: int) -> tuple[int, ...]:
        return (1, row, context(**ids, **fields), *quiet[3:])  # type: ignore[arg-type]

    samples: list[Sample] = [
        (0, write(3, state=1, initiator=0, length=0, op=0)),
        (4, quiet),
        (20, write(4, state=9, initiator=1, length=0, op=0)),  # another row
        (40, write(3, state=2, initiator=0, length=0, op=0)),
        (44, (*quiet[:7], 1, 3, 2048)),
        (48, quiet),
        (60, (*quiet[:7], 1, 5, 4096)),  # progress of another row
        (80, (*quiet[:7], 1, 3, 4096)),
        (84, quiet),
        (100, write(3, state=1, initiator=0, length=0, op=0)),
        (120, (0, 3, 0, 1, *quiet[4:])),  # released
        (160, write(3, state=10, initiator=1, length=8192, op=9)),
        (164, (*quiet[:7], 1, 3, 2048)),
        (200, quiet),
    ]
    found = task_boxes(samples, 3)
    assert [(b.start, b.end, b.text, b.colour) for b in found["state"]] == [
        (4, 44, "target WAIT", TARGET),
        (44, 104, "target SEND", TARGET),
        (104, 124, "target WAIT", TARGET),
        (164, 204, "initiator DATA", INITIATOR),
    ]
    assert [(b.start, b.end, b.text) for b in found["exchange"]] == [
        (4, 124, "010200 OX 0012 RX 0003"),
        (164, 204, "010200 OX 0012 RX 0003"),
    ]
    assert [(b.start, b.end, b.text) for b in found["moved"]] == [
        (48, 84, "out 2048"),
        (84, 104, "out 4096"),
        (168, 204, "out 2048 of 8192"),
    ]


def vcd(args: str, samples: Iterator[Sample]) -> str:
    """A request as GTKWave 3.3 writes it."""
    lines = ["$comment data_start 0x1 $end", f'$comment args "{args}" $end', "$scope module array_bench $end"]
    lines += [
        "$var wire 32 1 from_array_data[31:0] $end",
        "$var wire 4 2 from_array_charisk[3:0] $end",
        "$upscope $end",
    ]
    lines += ["$enddefinitions $end", "#0", "$dumpvars", "bx 1", "bx 2", "$end"]
    for time, (word, charisk) in samples:
        lines += [f"#{time}", f"b{word:b} 1", f"b{charisk:b} 2"]
    return "\n".join([*lines, "$comment data_end 0x1 $end"]) + "\n"


@pytest.mark.fast
def test_filter_process_speaks_the_protocol_of_gtkwave() -> None:
    words = [IDLE, *frame_words(KNOWN[5]), R_RDY, IDLE, IDLE]
    requests = vcd("wire from_array", on_the_wire(words)) + vcd("nonsense", on_the_wire(words))
    command = [sys.executable, "-m", "portplex.report.wave_filter"]
    done = subprocess.run(command, input=requests, capture_output=True, text=True, timeout=30, check=True)
    assert done.stderr == ""
    end = 4 * (1 + 1 + 15 + 1)
    first, second, nothing = done.stdout.split("$finish\n")
    assert nothing == ""
    frames, names = first.split("$next\n")
    assert frames.splitlines() == [
        "$name from_array frames",
        "#0",
        f"#4 ?{INITIATOR}?FCP_CMND WRITE(10) lba 4096 x 8",
        f"#{end} ?{PRIMITIVE}?R_RDY",
        f"#{end + 4}",
    ]
    assert names.startswith("$name from_array names\n#0\n#4 ?")
    assert second.splitlines()[0].startswith("$name error: arguments 'nonsense'")


@pytest.mark.fast
def test_open_waves_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTPLEX_BUILD", str(tmp_path))
    record = tmp_path / "last_run.json"
    with pytest.raises(UsageError, match=r"no run yet .*make sim WAVES=1"):
        waves.open_waves()
    record.write_text("{")
    with pytest.raises(UsageError, match="is not what a run writes"):
        waves.open_waves()
    record.write_text(json.dumps({"waves": None}))
    with pytest.raises(UsageError, match=r"wrote no waves: `make sim WAVES=1`"):
        waves.open_waves()
    fst = tmp_path / "run.fst"
    record.write_text(json.dumps({"waves": str(fst)}))
    with pytest.raises(UsageError, match="are gone"):
        waves.open_waves()
    fst.write_bytes(b"no FST")
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(UsageError, match="gtkwave is not installed"):
        waves.open_waves()
    (tmp_path / "bin" / "gtkwave").write_text("#!/bin/sh\n")
    (tmp_path / "bin" / "gtkwave").chmod(0o755)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageError, match="DISPLAY is not set"):
        waves.open_waves()
    with pytest.raises(UsageError, match="cannot be read"):
        WaveReader(fst)
    with pytest.raises(UsageError, match="does not exist"):
        WaveReader(tmp_path / "other.fst")


@pytest.mark.fast
def test_window_shows_both_roles() -> None:
    def data(start: int, colour: str) -> Box:
        return Box(start, start + 2084, "FCP_DATA 2048 @0", colour, "detail")

    alone = [data(2108 * n, TARGET) for n in range(20)]
    mixed = [data(100_000 + 2108 * n, (TARGET, INITIATOR)[n % 2]) for n in range(8)]
    start, end = waves.interesting_window([*alone, *mixed], [])
    assert end - start == 3400 * 4
    assert 99_000 < start <= 100_000 + 2 * 2108
    assert waves.interesting_window([], []) == (0, 3400 * 4)
    start, end = waves.login_window([Box(5000, 5152, "FLOGI", SERVICES, "detail"), *alone], [])
    assert 4800 < start < 5000 < 5152 < end
