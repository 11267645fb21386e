# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from portplex.simulate import simulate

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "own_device.md"


def test_own_device(simulator: str) -> None:
    simulate(
        "array_bench",
        sources=["bfm/array_bench.f"],
        test_module=str(HERE / "bench_own_device.py"),
        simulator=simulator,
        parameters={"TASKS": 32},
        optimize="-O3",
    )


def test_page_is_what_runs() -> None:
    """Every statement of the page's test stands in the bench that was run."""
    page = PAGE.read_text()
    code = page[page.index("    async def reads_what_it_wrote") : page.index("**The launcher.**")]
    ran = {line.split("#")[0].strip() for line in (HERE / "bench_own_device.py").read_text().splitlines()}
    ran = {line.replace("WWPN", "0x10000000C9000001").replace("wwpn=WWPN", "wwpn=0x10000000C9000001") for line in ran}
    statements = [line.split("#")[0].strip() for line in code.splitlines()[1:]]
    assert [line for line in statements if line and line not in ran] == []
