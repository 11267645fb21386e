# SPDX-License-Identifier: Apache-2.0
"""bench.json and the arithmetic of `bench/figures.py`; `bench/run.py` when one fails. No times here."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

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
