# SPDX-License-Identifier: Apache-2.0
"""Every module of hdl/ is the top of a block test, or stands in a short table with the bench that covers it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from portplex.simulate import resolve_sources

ROOT = Path(__file__).resolve().parents[2]
HDL, BLOCK, SYSTEM = ROOT / "hdl", ROOT / "tests" / "block", ROOT / "tests" / "system"

# module: (top of the block test that covers it, where the sources of that top are listed)
COMPOSITES: dict[str, tuple[str, str]] = {
    # port controller: wiring of modules that have block tests; its meaning is whole exchanges, with a link around it
    "port_controller": ("port_bench", "port/port_controller.f"),
    # jobs, chunks and records are judged together: what one says must be true of the others
    "backup_jobs": ("backup_engine", "array/backup_engine.f"),
    "backup_chunks": ("backup_engine", "array/backup_engine.f"),
    "backup_record": ("backup_engine", "array/backup_engine.f"),
    # the half of the register block that is not generated
    "register_access": ("management_registers", "array/management_registers.f"),
    "stream_turn": ("port_mux", "array/port_mux.f"),
    # with the real store beside it, where its entries outlive a reset
    "time_supervisor": ("time_bench", "array/time_supervisor.v"),
    # judged together, through the commands that use them: scsi_target says what a list, a job and a result mean
    "copy_manager": ("array_host_bench", "array/copy_manager.f"),
    "copy_list": ("array_host_bench", "array/copy_manager.f"),
    "copy_results": ("array_host_bench", "array/copy_manager.f"),
    # wiring only: the whole array, in tests/block/waves and every system test
    "array_controller": ("array_bench", "bfm/array_bench.f"),
    "controller": ("array_bench", "bfm/array_bench.f"),
    "storage_array": ("array_bench", "bfm/array_bench.f"),
}


def tops() -> set[str]:
    """First arguments of simulate() and run() below tests/block, parametrized ones too."""
    found: set[str] = set()
    for file in BLOCK.rglob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func)
            if name in ("simulate", "run") and node.args and isinstance(node.args[0], ast.Constant):
                found.add(str(node.args[0].value))
            if name == "pytest.mark.parametrize" and _first_is_top(node.args[0]):
                found |= {str(row.elts[0].value) for row in _rows(node.args[1])}  # type: ignore[attr-defined]
    return found


def _first_is_top(names: ast.expr) -> bool:
    return isinstance(names, ast.Tuple) and isinstance(names.elts[0], ast.Constant) and names.elts[0].value == "top"


def _rows(values: ast.expr) -> list[ast.Tuple]:
    assert isinstance(values, ast.List)
    return [row for row in values.elts if isinstance(row, ast.Tuple)]


def modules() -> set[str]:
    return {file.stem for file in HDL.rglob("*.v") if "formal" not in file.relative_to(HDL).parts}


@pytest.mark.fast
def test_every_module_is_covered() -> None:
    own = tops()
    assert "crc32" in own, "the search for tops finds nothing"
    missing = sorted(modules() - own - set(COMPOSITES))
    assert not missing, f"without a block test of their own and not in COMPOSITES: {missing}"
    assert not sorted(set(COMPOSITES) - modules()), "COMPOSITES names modules that are gone"
    assert not sorted(set(COMPOSITES) & own), "COMPOSITES names modules that have a block test now"


@pytest.mark.fast
@pytest.mark.parametrize("module", sorted(COMPOSITES))
def test_composites_contain_their_parts(module: str) -> None:
    top, listed = COMPOSITES[module]
    assert top in tops(), f"{top} is not the top of a block test"
    assert module in {source.stem for source in resolve_sources([listed])}, f"{listed} does not name {module}"
