# SPDX-License-Identifier: Apache-2.0
"""The checks at the end of every run: each finds its planted fault, and good figures pass."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from portplex.bfm.fc_port import Stats
from portplex.model.frame_rules import FrameRules
from portplex.uvm.end_checks import checker_problems, credit_problems, frame_problems, request_problems


def stats(sent: int, answered: int, no_credit: int = 0) -> Stats:
    values = dict.fromkeys(Stats._fields, 0)
    return Stats(**{**values, "frames_sent": sent, "r_rdy_received": answered, "bad": {"no_credit": no_credit}})  # type: ignore[arg-type]


@pytest.mark.fast
def test_good_figures_pass() -> None:
    assert not credit_problems(stats(100, 100))
    assert not credit_problems(stats(100, 97), unanswered=3)
    assert not frame_problems(broken(0, 0))
    assert not frame_problems(broken(3, 0), cut=3)
    assert not request_problems({"host_requests": 5}, FrameRules(commands_accepted=5))
    assert not checker_problems(top())


@pytest.mark.fast
@pytest.mark.parametrize(
    ("sent", "answered", "no_credit", "unanswered", "words"),
    [
        (10, 10, 1, 0, "1 frames without credit"),
        (10, 9, 0, 0, "10 frames sent to the array, 9 R_RDYs"),
        (10, 11, 0, 5, "10 frames sent to the array, 11 R_RDYs"),
        (10, 6, 0, 3, "10 frames sent to the array, 6 R_RDYs"),
    ],
)
def test_planted_credit_fault_is_caught(sent: int, answered: int, no_credit: int, unanswered: int, words: str) -> None:
    (found,) = credit_problems(stats(sent, answered, no_credit), unanswered=unanswered)
    assert found.startswith("I5") and words in found


def broken(truncated: int, crc: int) -> Stats:
    good = stats(10, 10, no_credit=1)
    return good._replace(frames_bad=truncated + crc, bad={**good.bad, "truncated": truncated, "crc": crc})


@pytest.mark.fast
def test_planted_broken_frame_is_caught() -> None:
    (found,) = frame_problems(broken(0, 2))
    assert found == "I6: 2 broken frames from the array: crc 2"
    (found,) = frame_problems(broken(3, 1), cut=3)
    assert found.startswith("I6: 4 broken frames") and "truncated 3, crc 1" in found


@pytest.mark.fast
def test_planted_request_without_command_is_caught() -> None:
    (found,) = request_problems({"host_requests": 6}, FrameRules(commands_accepted=5))
    assert found.startswith("I11") and "6 host requests from 5 commands" in found


def top(i4_failures: int = 0, i7_failures: int = 0, i7_checks: int = 9) -> SimpleNamespace:
    values = {"i4_failures": i4_failures, "i7_failures": i7_failures, "i7_checks": i7_checks}
    return SimpleNamespace(**{name: SimpleNamespace(value=value) for name, value in values.items()})


@pytest.mark.fast
@pytest.mark.parametrize(
    ("counts", "words"),
    [({"i4_failures": 2}, "I4"), ({"i7_failures": 1}, "I7: a task"), ({"i7_checks": 0}, "I7: the checker has seen no")],
)
def test_failures_of_the_hdl_checkers_are_told(counts: dict[str, int], words: str) -> None:
    (found,) = checker_problems(top(**counts))
    assert found.startswith(words)
