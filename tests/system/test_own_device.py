# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from portplex.simulate import simulate

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "own_device.md"


@pytest.mark.parametrize("case", ["reads_what_it_wrote", "ReadsWhatItWrote"])
def test_own_device(simulator: str, case: str) -> None:
    run = simulate(
        "array_bench",
        sources=["bfm/array_bench.f"],
        test_module=str(HERE / "bench_own_device.py"),
        testcase=case,
        name=case,
        simulator=simulator,
        parameters={"TASKS": 32},
        optimize="-O3",
    )
    assert (run.folder / "frames.pcapng").stat().st_size > 10_000


def test_page_is_what_runs() -> None:
    """Every statement of the page's tests stands in the bench that was run."""
    page = PAGE.read_text()
    test = page[page.index("    import cocotb") : page.index("**The launcher.**")]
    uvm = page[page.index("    import pyuvm") : page.index("The check phase")]
    ran = {line.split("#")[0].strip() for line in (HERE / "bench_own_device.py").read_text().splitlines()}
    statements = [line.split("#")[0].strip() for line in (test + uvm).splitlines()]
    statements = [line for line in statements if not line.startswith(("async def", "def"))]  # the bench has types
    assert len(statements) > 60
    assert [line for line in statements if line and line not in ran] == []
