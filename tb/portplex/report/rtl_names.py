# SPDX-License-Identifier: Apache-2.0
"""Names of states and fields, read from the RTL: what a wave shows is what the source says."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from portplex.simulate import project_root

_LOCALPARAMS = re.compile(r"\blocalparam\b([^;]*);", re.DOTALL)
_NAMED_VALUE = re.compile(r"\b([A-Z][A-Z0-9_]*)\s*=\s*(?:\d+\s*)?'([bdh])\s*([0-9a-fA-F_]+)")
_DEFINE_VALUE = re.compile(r"^\s*`define\s+([A-Z][A-Z0-9_]*)\s+\d+'([bdh])([0-9a-fA-F_]+)\s*$", re.MULTILINE)
_DEFINE_RANGE = re.compile(r"^\s*`define\s+([A-Z][A-Z0-9_]*)\s+(\d+)(?::(\d+))?\s*$", re.MULTILINE)
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_BASE = {"b": 2, "d": 10, "h": 16}


def named_values(source: str, prefix: str) -> dict[int, str]:
    """Value to name, prefix taken off, of the sized localparams and `defines whose names begin with `prefix`.

    ValueError when there is none, or when two of them have one value: then no table can be made of them."""
    text = _COMMENT.sub("", source)
    found = [entry for block in _LOCALPARAMS.findall(text) for entry in _NAMED_VALUE.findall(block)]
    found += _DEFINE_VALUE.findall(text)
    names: dict[int, str] = {}
    for name, base, digits in found:
        if not name.startswith(prefix):
            continue
        value = int(digits.replace("_", ""), _BASE[base])
        if value in names:
            raise ValueError(f"{prefix}{names[value]} and {name} are both {value}")
        names[value] = name.removeprefix(prefix)
    if not names:
        raise ValueError(f"no constant {prefix}* with a sized value")
    return names


def bit_ranges(source: str, prefix: str) -> dict[str, tuple[int, int]]:
    """Field name to (high, low) of the `defines that name bits: `CTX_PEER 23:0`, `CTX_VALID 64`."""
    found: dict[str, tuple[int, int]] = {}
    for name, high, low in _DEFINE_RANGE.findall(_COMMENT.sub("", source)):
        if name.startswith(prefix) and not name.endswith("_WIDTH"):
            found[name.removeprefix(prefix)] = (int(high), int(low or high))
    return found


@cache
def state_names(file: str, prefix: str = "STATE_") -> dict[int, str]:
    """Value to name of the constants `prefix`* of a file, relative to `hdl/`."""
    return named_values(_hdl(file).read_text(), prefix)


@cache
def field_ranges(file: str, prefix: str) -> dict[str, tuple[int, int]]:
    """Field name to (high, low) of the `defines `prefix`* of a file, relative to `hdl/`."""
    return bit_ranges(_hdl(file).read_text(), prefix)


def _hdl(file: str) -> Path:
    return project_root() / "hdl" / file


def translate_table(names: dict[int, str], width: int) -> str:
    """A GTKWave translate file for a signal of `width` bits shown in hex (in binary when it is one bit wide)."""
    digits = (width + 3) // 4
    return "".join(f"{value:0{digits}X} {name}\n" for value, name in sorted(names.items()))
