# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from portplex.simulate import simulate


@pytest.mark.fast
def test_crc32(simulator: str) -> None:
    simulate(
        "crc32",
        sources=["link/crc32.v"],
        test_module=str(Path(__file__).with_name("bench_crc32.py")),
        simulator=simulator,
        optimize="-O0",  # part of `make test-fast`: the build takes longer than the run
    )


def test_model_with_a_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Built twice, with what the first run used, and then no more."""
    monkeypatch.setenv("PORTPLEX_BUILD", str(tmp_path))

    def run() -> None:
        bench = str(Path(__file__).with_name("bench_crc32.py"))
        simulate("crc32", sources=["link/crc32.v"], test_module=bench, optimize="-O0", profile=True)

    run()
    (folder,) = tmp_path.glob("crc32/.build/*-profile")
    profiles = list(folder.glob("Vtop*.gcda"))
    assert profiles, "the first run left no profile"
    made = {file: file.stat().st_mtime_ns for file in (*profiles, folder / "crc32")}
    run()
    assert made == {file: file.stat().st_mtime_ns for file in made}, "built again, or run with the instruments left in"
