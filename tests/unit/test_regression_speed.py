# SPDX-License-Identifier: Apache-2.0
"""What keeps the regression short must not change what it sees."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from _pytest.pathlib import fnmatch_ex

from portplex.bfm.pins import Pins
from portplex.simulate import python_environment

from ..conftest import GROUPS, ByGroup, for_workers

ROOT = Path(__file__).resolve().parents[2]


class Handle:
    """A signal of cocotb, of four bits, that notes its writes; as the simulator's object under it, too."""

    def __init__(self) -> None:
        self.now = "xxxx"
        self.writes: list[int] = []
        self._handle = self

    def get_signal_val_binstr(self) -> str:
        return self.now

    def set(self, value: int) -> None:
        self.writes.append(value)
        self.now = f"{value:04b}"

    value = property(None, set)


class Dut:
    def __init__(self) -> None:
        self.looked_up: list[str] = []
        self.handles: dict[str, Handle] = {}

    def __getattr__(self, name: str) -> Handle:
        self.looked_up.append(name)
        return self.handles.setdefault(name, Handle())


def test_pins_write_what_changes() -> None:
    """The first write always, later ones when the value is another; reads are the simulator's, whatever was written."""
    dut = Dut()
    pins = Pins(dut)
    for value in (0, 0, 1, 1, True, 5, 0):
        pins.ready.value = value
    assert dut.handles["ready"].writes == [0, 1, 5, 0]
    dut.handles["ready"].now = "1110"
    assert pins.ready.value == 14
    with pytest.raises(ValueError, match="xxxx"):
        int(pins.data.value)
    pins.data.value = 3
    assert dut.looked_up == ["ready", "data"]


@pytest.mark.parametrize("forbidden", [False, True])
def test_python_of_a_simulation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, forbidden: bool) -> None:
    """Asserts of benches and of what stands beside them are rewritten, no other module is; what Python compiles is kept
    in the build where it must not be beside the sources."""
    monkeypatch.setattr(sys, "dont_write_bytecode", forbidden)
    monkeypatch.setenv("PORTPLEX_BUILD", str(tmp_path))
    found = python_environment()
    assert found.get("PYTHONPYCACHEPREFIX") == (str(tmp_path / ".pycache") if forbidden else None)
    pattern = found["COCOTB_REWRITE_ASSERTION_FILES"]
    for path, rewritten in (
        ("tests/block/array_host/array_host_rig.py", True),
        ("tests/system/bench_units.py", True),
        ("tb/portplex/simulate.py", False),
        (".venv/lib/python3.11/site-packages/scapy/packet.py", False),
    ):
        assert fnmatch_ex(pattern, ROOT / path) is rewritten, path  # as pytest matches python_files


def test_order_for_workers() -> None:
    """Every test once; neighbours of a file apart, unit tests last."""
    tests = [*(f"block {n}" for n in range(4)), "unit 0", *(f"system {n}" for n in range(3)), "unit 1"]
    assert for_workers(tests, lambda test: test.startswith("unit")) == [
        "block 0", "system 0", "block 1", "system 1", "block 2", "system 2", "block 3", "unit 0", "unit 1",
    ]  # fmt: skip
    assert for_workers([], lambda test: True) == []


def test_groups_of_the_regression(pytestconfig: pytest.Config) -> None:
    """What shares an image or a run is one piece of work; every other test is one by itself."""
    scope = ByGroup.__new__(ByGroup)._split_scope
    assert scope("tests/hil/test_guest.py::test_one[a/b]") == scope("tests/hil/test_story.py::test_two") == "guest"
    assert scope("tests/unit/test_hil_pump.py::test_three") == "tests/unit/test_hil_pump.py::test_three"
    assert all((pytestconfig.rootpath / start).is_dir() for start in GROUPS)
