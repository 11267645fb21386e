# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from portplex.simulate import simulate

HERE = Path(__file__).parent
SOURCES = ["bfm/clock_source.v", "bfm/fc_port_bfm.v", "bfm/axil_bfm.v", HERE / "axil_registers.v", HERE / "bfm_pair.v"]


def test_transactors(simulator: str) -> None:
    simulate("bfm_pair", sources=SOURCES, test_module=str(HERE / "bench_bfm.py"), simulator=simulator)
