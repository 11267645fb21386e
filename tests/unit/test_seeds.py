# SPDX-License-Identifier: Apache-2.0
"""Which seed a bench gets that is given none."""

from __future__ import annotations

import pytest

from portplex.simulate import default_seed


@pytest.mark.fast
@pytest.mark.parametrize(("seed", "long", "expected"), [("", "", 1), ("7", "", 7), ("", "1", None), ("7", "1", 7)])
def test_default_seed(monkeypatch: pytest.MonkeyPatch, seed: str, long: str, expected: int | None) -> None:
    monkeypatch.setenv("SEED", seed)
    monkeypatch.setenv("PORTPLEX_LONG", long)
    assert default_seed() == expected
