# SPDX-License-Identifier: Apache-2.0
"""The map of features to tests (`tests/plan/*.toml`) and the tests themselves agree, both ways."""

from __future__ import annotations

import ast
import tomllib
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLANS = sorted((ROOT / "tests" / "plan").glob("*.toml"))
KEYS = {"id", "title", "source", "stimulus", "checking", "tests"}


def _is_cocotb_test(node: ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    names = (ast.unparse(d.func if isinstance(d, ast.Call) else d) for d in node.decorator_list)
    return any(name in ("cocotb.test", "pyuvm.test", "cocotb.parametrize") for name in names)


def named_in_tree() -> set[str]:
    """`path::name` of every pytest function and every cocotb or pyuvm test below `tests/`."""
    found: set[str] = set()
    for file in (ROOT / "tests").rglob("*.py"):
        name = file.relative_to(ROOT).as_posix()
        tree = ast.parse(file.read_text())
        for node in ast.walk(tree):
            pytest_file = file.name.startswith("test_")
            if (isinstance(node, ast.FunctionDef) and pytest_file and node.name.startswith("test_")) or (
                isinstance(node, ast.AsyncFunctionDef | ast.ClassDef) and _is_cocotb_test(node)
            ):
                found.add(f"{name}::{node.name}")
    return found


def features() -> list[tuple[str, dict[str, object]]]:
    return [(plan.name, feature) for plan in PLANS for feature in tomllib.loads(plan.read_text())["feature"]]


@pytest.mark.fast
def test_features_are_complete_and_unique() -> None:
    assert PLANS
    ids = Counter(feature["id"] for _, feature in features())
    assert not [i for i, n in ids.items() if n > 1], "feature ids used twice"
    for plan, feature in features():
        assert set(feature) == KEYS, f"{plan} {feature.get('id')}: keys must be {sorted(KEYS)}"
        assert feature["tests"], f"{plan} {feature['id']}: names no test"


@pytest.mark.fast
def test_plan_and_tests_agree() -> None:
    named = {test for _, feature in features() for test in feature["tests"]}  # type: ignore[attr-defined]
    there = named_in_tree()
    assert not sorted(named - there), "the plan names tests that do not exist"
    assert not sorted(there - named), "tests that no feature of the plan names"
