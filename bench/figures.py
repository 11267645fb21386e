# SPDX-License-Identifier: Apache-2.0
"""Figures: what a measurement returns, and bench.json, the file all of them end in."""

from __future__ import annotations

import json
import operator
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_COMPARE = {">=": operator.ge, "<=": operator.le}
KEYS = ("name", "value", "unit", "target", "holds")


class Figure(NamedTuple):
    """One measured value. `target` is `>= x` or `<= x` in the same unit."""

    name: str
    value: float
    unit: str
    target: str

    @property
    def holds(self) -> bool:
        """Whether the value, as it is written down, reaches the target. ValueError when the target cannot be read."""
        sign, _, limit = self.target.partition(" ")
        if sign not in _COMPARE:
            raise ValueError(f"target {self.target!r} of {self.name}: must be '>= x' or '<= x'")
        return bool(_COMPARE[sign](self.rounded, float(limit)))

    @property
    def rounded(self) -> float:
        """The value with four significant digits, whole numbers as they are."""
        return self.value if float(self.value).is_integer() else float(f"{self.value:.4g}")

    def row(self) -> dict[str, object]:
        """As it stands in bench.json."""
        return dict(zip(KEYS, (self.name, self.rounded, self.unit, self.target, self.holds), strict=True))


def write(figures: Sequence[Figure], path: Path) -> None:
    """Write bench.json: under another name first, so that no half file looks whole."""
    text = json.dumps([figure.row() for figure in figures], indent=2) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(text)
    part.replace(path)


def table(figures: Sequence[Figure]) -> str:
    """The same for a person, one line a figure."""
    rows = [(f.name, f"{f.rounded:,g}" if f.rounded < 1e6 else f"{f.rounded:,.0f}", f.unit, f.target) for f in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = []
    for figure, row in zip(figures, rows, strict=True):
        name, value, unit, target = row
        verdict = "holds" if figure.holds else "MISSED"
        lines.append(f"{name:<{widths[0]}}  {value:>{widths[1]}} {unit:<{widths[2]}}  {target:<{widths[3]}}  {verdict}")
    return "\n".join(lines)
