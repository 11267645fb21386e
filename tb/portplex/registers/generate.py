# SPDX-License-Identifier: Apache-2.0
"""What is made from the source of the registers: hardware, Python map, page."""

from __future__ import annotations

from pathlib import Path

from portplex.registers.render_page import render_page
from portplex.registers.render_python import render_python
from portplex.registers.render_verilog import render_verilog
from portplex.registers.source import RegisterMap, read_source
from portplex.simulate import project_root


def generated(source: RegisterMap | None = None) -> dict[Path, str]:
    """Each generated file and the text it must hold."""
    root = project_root()
    source = source or read_source()
    return {
        root / "hdl" / "array" / "management_registers.v": render_verilog(source),
        root / "tb" / "portplex" / "registers" / "register_map.py": render_python(source),
        root / "docs" / "registers.md": render_page(source),
    }


def write_generated() -> list[Path]:
    """Write the files that are out of date; returns their paths."""
    stale = [(path, text) for path, text in generated().items() if not path.exists() or path.read_text() != text]
    for path, text in stale:
        path.write_text(text)
    return [path for path, _ in stale]
