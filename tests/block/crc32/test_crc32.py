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
