# SPDX-License-Identifier: Apache-2.0
"""Every command that REPORT SUPPORTED OPERATION CODES lists has its cases in the bench of the host engine, by name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from portplex.model.scsi_target import COMMANDS

BENCH = Path(__file__).parents[1] / "block" / "array_host" / "bench_array_host.py"

PLAIN = ("simple", "residuals", "invalid")
BLOCKS = (*PLAIN, "0blocks", "beyond_eol")
# name in tests: operation codes (with service action) of its lengths, cases that have a meaning for it
TABLE: dict[str, tuple[tuple[int | tuple[int, int], ...], tuple[str, ...]]] = {
    "test_unit_ready": ((0x00,), PLAIN),
    "request_sense": ((0x03,), PLAIN),
    "read": ((0x08, 0x28, 0x88, 0xA8), BLOCKS),
    "write": ((0x0A, 0x2A, 0x8A, 0xAA), BLOCKS),
    "inquiry": ((0x12,), PLAIN),
    "mode_select": ((0x15, 0x55), PLAIN),
    "reserve": ((0x16, 0x56), PLAIN),
    "release": ((0x17, 0x57), PLAIN),
    "mode_sense": ((0x1A, 0x5A), PLAIN),
    "start_stop_unit": ((0x1B,), PLAIN),
    "read_capacity": ((0x25, (0x9E, 0x10)), PLAIN),
    "write_and_verify": ((0x2E, 0x8E), BLOCKS),
    "verify": ((0x2F, 0x8F), BLOCKS),
    "prefetch": ((0x34, 0x90), BLOCKS),
    "synchronize_cache": ((0x35, 0x91), BLOCKS),
    "write_same": ((0x41, 0x93), BLOCKS),
    "unmap": ((0x42,), BLOCKS),
    "persistent_reserve_in": (tuple((0x5E, action) for action in range(4)), PLAIN),
    "persistent_reserve_out": (tuple((0x5F, action) for action in range(7)), PLAIN),
    "extended_copy": (((0x83, 0),), PLAIN),
    "receive_copy_results": (((0x84, 0), (0x84, 3), (0x84, 4)), PLAIN),
    "compare_and_write": ((0x89,), BLOCKS),
    "report_luns": ((0xA0,), PLAIN),
    "report_target_port_groups": (((0xA3, 0x0A),), PLAIN),
    "report_supported_operation_codes": (((0xA3, 0x0C),), PLAIN),
}


@pytest.mark.fast
def test_every_command_is_in_the_table() -> None:
    table = [code for codes, _ in TABLE.values() for code in codes]
    offered = [opcode if action is None else (opcode, action) for opcode, action, _ in COMMANDS]
    assert sorted(map(str, table)) == sorted(map(str, offered))


@pytest.mark.fast
@pytest.mark.parametrize("command", TABLE)
def test_command_has_its_cases(command: str) -> None:
    tests = {node.name for node in ast.parse(BENCH.read_text()).body if isinstance(node, ast.AsyncFunctionDef)}
    missing = [name for case in TABLE[command][1] if (name := f"test_{command}_{case}") not in tests]
    assert not missing, f"{BENCH.name} lacks {missing}"
