# SPDX-License-Identifier: Apache-2.0
"""job_commands: orders of three sides reach the engine one after the other, and each side hears its own answer."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from clocked import Clocked, number

COMMANDS = (0, 1, 7, 5, 6, 2, 3)  # START_BACKUP, START_RESTORE, ABORT, PAUSE, RESUME, START_VERIFY, PREPARE by bit
START_BACKUP, PREPARE, START_PREPARED, ABORT = 0, 3, 4, 7
UNCLEAR = 0x18


class Side:
    """The console, the time supervisor or the copy manager: an order is shown until it is taken, then its answer is
    awaited."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.order: tuple[int, int, int] | None = None  # command, job, kind
        self.taken = False
        self.answers: list[tuple[tuple[int, int, int], int]] = []  # order, what the engine said


class Bench:
    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.console, self.timed, self.copy = Side("console"), Side("timed"), Side("copy")
        self.word = 0
        self.engine: tuple[int, int, int] | None = None  # the order it owes an answer for
        self.done: list[tuple[int, int, int]] = []
        self.refusals: dict[tuple[int, int, int], int] = {}
        self.unclear = 0
        self.shown: tuple[int, int, int] | None = None

    def drive(self) -> None:
        dut, rng = self.dut, self.rng
        if self.console.order is None and rng.random() < 0.3:
            self.word = 1 << rng.randrange(7) if rng.random() < 0.8 else rng.getrandbits(7)
            kind, job = rng.randrange(3), rng.randrange(8)
            self.word |= kind << 8 | job << 12
            bits = self.word & 0x7F
            clear = bits and not bits & bits - 1
            command = COMMANDS[bits.bit_length() - 1] if clear else -1
            self.console.order = command, job, kind if command == PREPARE else 0
        if self.timed.order is None and rng.random() < 0.2:
            self.timed.order = (START_PREPARED, rng.randrange(8), 0)
        if self.copy.order is None and rng.random() < 0.2:
            self.copy.order = (rng.choice((START_BACKUP, ABORT)), rng.randrange(8), 0)
        dut.console_valid.value = int(self.console.order is not None and not self.console.taken)
        dut.console_data.value = self.word
        dut.timed_valid.value = int(self.timed.order is not None and not self.timed.taken)
        if self.timed.order is not None:
            dut.timed_command.value, dut.timed_number.value = self.timed.order[:2]
        dut.copy_valid.value = int(self.copy.order is not None and not self.copy.taken)
        if self.copy.order is not None:
            dut.copy_command.value, dut.copy_number.value = self.copy.order[:2]
        self.prompt = rng.random() < 0.5  # the answer in the clock in which the order is taken
        self.ready = self.engine is None and rng.random() < 0.4
        answer = (self.engine is not None and rng.random() < 0.3) or (
            self.engine is None and self.ready and self.prompt
        )
        self.reason = rng.choice((0, 0x11, 0x16)) if answer else rng.getrandbits(8)
        dut.job_ready.value, dut.job_answer.value, dut.job_refused.value = int(self.ready), int(answer), self.reason
        self.answering = answer

    def sample(self) -> None:
        dut = self.dut
        offered = number(dut.job_valid)
        command = number(dut.job_command)
        seen = command, number(dut.job_number), number(dut.job_kind) if command == PREPARE else 0
        if self.shown is not None:
            assert offered and seen == self.shown, "an order that has been shown has changed"
        self.shown = seen if offered and not self.ready else None
        taken = offered and self.ready
        if taken:
            assert self.engine is None, "an order before the answer to the one before it"
            self.engine = seen
            self.done.append(seen)
        for side, valid, ready in (
            (self.console, dut.console_valid, dut.console_ready), (self.timed, dut.timed_valid, dut.timed_ready),
            (self.copy, dut.copy_valid, dut.copy_ready),
        ):  # fmt: skip
            if number(valid) and number(ready):
                side.taken = True
                assert side.order is not None
                if side.order[0] >= 0:
                    assert taken and seen == side.order and number(dut.job_part) == (side is self.copy)
        answers = (dut.console_answer, dut.timed_answer, dut.copy_answer)
        for side, answer in zip((self.console, self.timed, self.copy), answers, strict=True):
            if not number(answer):
                continue
            assert side.taken and side.order is not None, f"{side.name}: an answer to nothing"
            if side.order[0] < 0:
                assert number(dut.console_refused) == UNCLEAR
                self.unclear += 1
            else:
                assert self.answering and self.engine == side.order
                reason = number(dut.console_refused) if side is self.console else self.reason
                assert reason == self.reason
                side.answers.append((side.order, reason))
                self.engine = None
            side.order, side.taken = None, False
        assert self.engine is None or not self.answering, "nobody heard the engine's answer"


@cocotb.test()
async def orders_and_answers(dut: Any) -> None:
    bench = Bench(dut)
    clocked = Clocked(dut, bench)
    inputs = (
        "console_valid", "console_data", "timed_valid", "timed_command", "timed_number", "copy_valid",
        "copy_command", "copy_number",
    )  # fmt: skip
    await clocked.start(**dict.fromkeys((*inputs, "job_ready", "job_answer", "job_refused"), 0))
    await clocked.clocks(6000)
    sides = (bench.console, bench.timed, bench.copy)
    assert min(*(len(side.answers) for side in sides), bench.unclear) > 50
    assert {order[0] for order, _ in bench.console.answers} == set(COMMANDS)
    await clocked.clock()
    refused = [reason for _, reason in bench.console.answers]
    assert 0 in refused and 0x11 in refused
