# SPDX-License-Identifier: Apache-2.0
"""Which seed a bench gets that is given none."""

from __future__ import annotations

import pytest

from portplex.simulate import UsageError, default_seed


@pytest.mark.fast
@pytest.mark.parametrize(("seed", "long", "expected"), [("", "", 1), ("7", "", 7), ("", "1", None), ("7", "1", 7)])
def test_default_seed(monkeypatch: pytest.MonkeyPatch, seed: str, long: str, expected: int | None) -> None:
    monkeypatch.setenv("SEED", seed)
    monkeypatch.setenv("PORTPLEX_LONG", long)
    assert default_seed() == expected


@pytest.mark.fast
@pytest.mark.parametrize("seed", ["x", "-1", "1.5", "4294967296"])
def test_seed_that_is_none_is_said(monkeypatch: pytest.MonkeyPatch, seed: str) -> None:
    monkeypatch.setenv("SEED", seed)
    with pytest.raises(UsageError, match=f"SEED={seed}: must be 0 to 4294967295"):
        default_seed()
