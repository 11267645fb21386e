# SPDX-License-Identifier: Apache-2.0
"""bench.json and the arithmetic of `bench/figures.py`; `bench/run.py` when one fails. No times here."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from portplex.fc.header import Header
from portplex.framelink import Frame
from portplex.model.frame_rules import Direction
from portplex.nport.backup_disk import WriteRecord

BENCH = Path(__file__).resolve().parents[2] / "bench"


def load(name: str, file: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, BENCH / file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


figures = load("figures", "figures.py")  # under the name bench/run.py imports
bench_run = load("portplex_bench_run", "run.py")


@pytest.mark.fast
@pytest.mark.parametrize(
    ("value", "target", "holds"),
    [
        (96.3, ">= 96.3", True),
        (96.29, ">= 96.3", False),
        (543, "<= 543", True),
        (544, "<= 543", False),
        (0, "<= 1", True),
    ],
)
def test_figure_holds_or_not(value: float, target: str, holds: bool) -> None:
    assert figures.Figure("f", value, "unit", target).holds is holds


@pytest.mark.fast
@pytest.mark.parametrize("target", ["96.3", "> 96.3", ">= much"])
def test_figure_refuses_a_target_it_cannot_read(target: str) -> None:
    with pytest.raises(ValueError):
        assert figures.Figure("f", 1, "unit", target).holds


@pytest.mark.fast
def test_bench_json_is_a_list_of_the_documented_keys(tmp_path: Path) -> None:
    found = [figures.Figure("share", 96.8192, "% of line", ">= 96.3"), figures.Figure("wait", 600, "words", "<= 543")]
    path = tmp_path / "bench" / "bench.json"
    assert bench_run.run([], {"one": lambda: found[:1], "two": lambda: found[1:]}, path) == 0  # a miss is no failure
    assert json.loads(path.read_text()) == [
        {"name": "share", "value": 96.82, "unit": "% of line", "target": ">= 96.3", "holds": True},
        {"name": "wait", "value": 600, "unit": "words", "target": "<= 543", "holds": False},
    ]


@pytest.mark.fast
def test_miss_is_said_clearly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figure = figures.Figure("wait", 600, "words", "<= 543")
    assert bench_run.run(["one"], {"one": lambda: [figure]}, tmp_path / "bench.json") == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "MISSED: wait"


@pytest.mark.fast
def test_failed_measurement_leaves_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bench.json"
    path.write_text("[]")  # of an earlier run: must not pass for this one
    ran = []

    def broken() -> list[object]:
        raise RuntimeError("no frame came back")

    def after() -> list[object]:
        ran.append(1)
        return [figures.Figure("share", 1, "%", ">= 0")]

    assert bench_run.run([], {"broken": broken, "after": after}, path) == 1
    assert ran == [1]
    assert list(tmp_path.iterdir()) == []
    error = capsys.readouterr().err
    assert "no frame came back" in error and "not measured: broken" in error


@pytest.mark.fast
def test_unknown_measurement_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_run.run(["speed"], {"throughput": list}, tmp_path / "bench.json") == 2
    assert "'speed': must be one of throughput" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.fast
def test_guest_measurements_have_a_file_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """make bench-hil leaves bench.json as it is, and make bench measures nothing that needs QEMU."""
    asked: list[tuple[str, ...]] = []

    def measurements(names: tuple[str, ...]) -> dict[str, object]:
        asked.append(names)
        return {name: lambda: [figures.Figure("share", 1, "%", ">= 0")] for name in names}

    monkeypatch.setattr(bench_run, "measurements", measurements)
    monkeypatch.setattr(bench_run, "build_root", lambda: tmp_path)
    assert bench_run.main([]) == 0
    whole = (tmp_path / "bench" / "bench.json").read_text()
    assert bench_run.main(["--hil"]) == 0
    assert (tmp_path / "bench" / "bench.json").read_text() == whole
    assert len(json.loads((tmp_path / "bench" / "bench_hil.json").read_text())) == len(asked[1])
    assert not set(asked[0]) & set(asked[1])
    assert "guest_throughput" in asked[1]
    assert bench_run.main(["--hil", "throughput"]) == 2


load("on_array", "on_array.py")
time_share = load("time_share", "time_share.py")
two_ports = load("two_ports", "two_ports.py")


def turns(backup: int, online: int, quanta: int) -> list[object]:
    """Frames of the array, 527 words each: so many online, then so many of the backup, again and again."""
    kinds = ([False] * online + [True] * backup) * quanta
    seen = sys.modules["on_array"].Seen
    return [seen(527 * n, 527 * n + 520, True, kind, 2048) for n, kind in enumerate(kinds)]


@pytest.mark.fast
def test_time_share_counts_100_quanta_and_tells_a_wrong_share() -> None:
    found = time_share.measured(turns(3, 9, 105))
    assert found == {"quanta": 100, "backup_words": 300 * 527, "online_words": 900 * 527}
    assert time_share.deviation({**found, "expected": 0.25}) < 1e-9
    assert time_share.deviation({**found, "expected": 0.2425}) > 3, "of the kind that gets less"
    with pytest.raises(RuntimeError, match="99 quanta at 7 %"):
        time_share.deviation({**time_share.measured(turns(3, 9, 102)), "expected": 0.25, "percent": 7})


def fcp(r_ctl: int, ox_id: int, start: int, *, originator: bool = True, payload: bytes = b"") -> Frame:
    f_ctl = 0x29_0000 if originator else 0x80_0000
    header = Header(r_ctl, 0x010200, 0, 0x010300, 0x08, f_ctl, 0, 0, 0, ox_id, 0xFFFF, 0)
    return Frame(header.pack() + payload, 0, 0, start=start, end=start + 10)


@pytest.mark.fast
def test_two_ports_counts_what_the_backup_sends() -> None:
    """WRITE and data of the array's own exchanges count, twice when sent twice; what hosts do on the wire does not."""
    out, into = Direction.FROM_DEVICE, Direction.TO_DEVICE
    write, read = bytes(12) + b"\x2a" + bytes(19), bytes(12) + b"\x28" + bytes(19)
    wire = two_ports.Wire()
    wire.tap(fcp(0x06, 1, 100, payload=write), out)
    wire.tap(fcp(0x06, 1, 110, payload=write), into)  # a host's, with the same OX_ID
    wire.tap(fcp(0x06, 2, 120, payload=read), out)
    for start in (200, 300):
        wire.tap(fcp(0x01, 1, start, payload=bytes(512)), out)
    wire.tap(fcp(0x01, 9, 400, originator=False, payload=bytes(512)), out)  # read data for a host
    wire.tap(fcp(0x07, 9, 500, originator=False), out)
    wire.tap(fcp(0x07, 1, 600, originator=False), into)
    assert (wire.commands, wire.data_bytes, wire.last_answer, wire.longest_chunk) == ([100], 1024, 610, 510)
    records = [WriteRecord(0, 0, lba, 8, 1) for lba in (0, 16, 16, 24)]
    assert two_ports.not_once(records, 32) == 16, "8 skipped, 8 written twice"
    assert two_ports.not_once([*records[:2], records[3], WriteRecord(0, 0, 8, 8, 2)], 32) == 0


cpu_profile = load("cpu_profile", "cpu_profile.py")


@pytest.mark.fast
@pytest.mark.parametrize(
    ("dso", "whose"),
    [
        ("array_bench", "RTL model"),
        ("[kernel.kallsyms]", "kernel (sockets, files)"),
        ("libcocotbvpi_verilator.so", "cocotb, VPI"),
        ("libpython3.11.so.1.0", "harness (Python, its C library)"),
        ("libc.so.6", "harness (Python, its C library)"),
    ],
)
def test_profile_tells_whose_code_a_library_is(dso: str, whose: str) -> None:
    assert cpu_profile.part(dso) == whose
