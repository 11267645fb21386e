# SPDX-License-Identifier: Apache-2.0
"""The Verilog headers equal what the Python constants render to; the constants obey the standard's own rules."""

from __future__ import annotations

import re

import pytest

from portplex.fc.constants import ORDERED_SETS
from portplex.fc.generate_headers import headers


@pytest.mark.fast
def test_headers_are_up_to_date() -> None:
    for path, text in headers().items():
        assert path.read_text() == text, f"{path.name}: run `python -m portplex.fc.generate_headers`"


@pytest.mark.fast
def test_macros_are_sized_and_unique() -> None:
    names: list[str] = []
    for text in headers().values():
        for name, width, digits in re.findall(r"^`define (\w+) (\d+)'h([0-9A-F]+)$", text, re.MULTILINE):
            names.append(name)
            assert int(digits, 16) < 1 << int(width), name
    assert len(names) == len(set(names))
    assert {"OS_IDLE", "OS_EOFT_NEG", "FC_RCTL_ELS_REQUEST", "FC_ADDR_FABRIC_LOGIN"} <= set(names)


@pytest.mark.fast
def test_ordered_sets() -> None:
    """All start with K28.5; the two forms of an EOF differ only in the bit that makes D21.4 D21.5 (D10.4 D10.5)."""
    assert all(word >> 24 == 0xBC for word in ORDERED_SETS.values())
    assert len(set(ORDERED_SETS.values())) == len(ORDERED_SETS)
    eofs = {name[:-4] for name in ORDERED_SETS if name.startswith("EOF")}
    for eof in eofs:
        assert ORDERED_SETS[f"{eof}_NEG"] ^ ORDERED_SETS[f"{eof}_POS"] == 0x00200000, eof
