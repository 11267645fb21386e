# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import pytest

from portplex.registers.render_verilog import render_verilog
from portplex.registers.source import SOURCE, read_source
from portplex.simulate import project_root, simulate

SOURCES = ["array/management_registers.f"]


def test_management_registers(simulator: str) -> None:
    simulate(
        "management_registers",
        sources=SOURCES,
        test_module=str(Path(__file__).with_name("bench_management_registers.py")),
        simulator=simulator,
    )


@pytest.mark.parametrize("parameters", [{}, {"PORTS": 2, "VOLUMES": 5, "COUNTERS": 7, "DRIVE_BLOCKS": 4096}])
def test_register_map(parameters: dict[str, int], simulator: str) -> None:
    simulate(
        "management_registers",
        sources=SOURCES,
        test_module=str(Path(__file__).with_name("bench_register_map.py")),
        simulator=simulator,
        parameters=parameters,
        env={"PARAMETERS": json.dumps(parameters)},
    )


def test_commands(simulator: str, tmp_path: Path) -> None:
    """Registers beside the real ones, whose writes a unit takes or refuses."""
    text = (project_root() / SOURCE).read_text()
    mark = "    external mem {"
    assert text.count(mark) == 1
    source, module = tmp_path / "with_commands.rdl", tmp_path / "management_registers.v"
    source.write_text(text.replace(mark, Path(__file__).with_name("commands.rdl").read_text() + mark))
    module.write_text(render_verilog(read_source(source)))
    simulate(
        "management_registers",
        sources=["array/register_access.v", module],
        test_module=str(Path(__file__).with_name("bench_commands.py")),
        simulator=simulator,
        parameters={"SEGMENTS": 64},  # a build of its own
    )
