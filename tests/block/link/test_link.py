# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from portplex.simulate import simulate

HERE = Path(__file__).parent


def test_link(simulator: str) -> None:
    simulate("link", sources=["link/link.f"], test_module=str(HERE / "bench_link.py"), simulator=simulator)


def test_link_pair(simulator: str) -> None:
    simulate(
        "link_pair",
        sources=["link/link.f", HERE / "link_pair.v"],
        test_module=str(HERE / "bench_link_pair.py"),
        simulator=simulator,
    )
