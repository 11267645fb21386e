# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from portplex.simulate import Run, SimulationFailed, UsageError, simulate

BENCH = Path(__file__).with_name("bench_crc32.py")


def crc32(simulator: str, bench: Path = BENCH, **options: Any) -> Run:
    """`-O0`, as it is part of `make test-fast`: the build takes longer than the run."""
    options = {"sources": ["link/crc32.v"], "optimize": "-O0", **options}
    return simulate("crc32", test_module=str(bench), simulator=simulator, **options)


@pytest.mark.fast
def test_crc32(simulator: str) -> None:
    crc32(simulator)


def test_waves_of_the_environment(simulator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """WAVES is heard by every run, also by one that was built without, and where the caller has no word of waves."""
    monkeypatch.setenv("WAVES", "0")
    assert crc32(simulator, name="waves").waves is None
    monkeypatch.setenv("WAVES", "1")
    waves = crc32(simulator, name="waves").waves
    assert waves and waves.stat().st_size > 0
    monkeypatch.setenv("WAVES", "0")
    assert crc32(simulator, name="waves", waves=True).waves == waves
    monkeypatch.setenv("WAVES", "yes")
    with pytest.raises(UsageError, match="WAVES=yes: must be 0 or 1"):
        crc32(simulator, name="waves")


def test_the_message_says_what_failed(simulator: str, tmp_path: Path) -> None:
    bench = tmp_path / "bench_failing.py"
    bench.write_text(
        "import cocotb\n@cocotb.test()\nasync def fails(dut):\n    raise ValueError('credit=0: must be 1\\nand more')\n"
    )
    with pytest.raises(
        SimulationFailed, match=r"1 of 1 tests failed; see .*run.log\n  ValueError: credit=0: must be 1\n"
    ):
        crc32(simulator, bench)
    bench.write_text("import no_such_thing\n")
    with pytest.raises(SimulationFailed, match=r"No module named 'no_such_thing'"):
        crc32(simulator, bench)
    design = tmp_path / "crc32.v"
    design.write_text("module crc32; no_such_module u0 (); endmodule\n")
    with pytest.raises(SimulationFailed, match=r"see .*build.log\n.*no_such_module"):
        crc32(simulator, bench, sources=[design], parameters={})


def test_model_with_a_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Built twice, with what the first run used, and then no more."""
    monkeypatch.setenv("PORTPLEX_BUILD", str(tmp_path))

    def run() -> None:
        crc32("verilator", profile=True)

    run()
    (folder,) = tmp_path.glob("crc32/.build/*-profile")
    profiles = list(folder.glob("Vtop*.gcda"))
    assert profiles, "the first run left no profile"
    made = {file: file.stat().st_mtime_ns for file in (*profiles, folder / "crc32")}
    run()
    assert made == {file: file.stat().st_mtime_ns for file in made}, "built again, or run with the instruments left in"
