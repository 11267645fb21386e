# SPDX-License-Identifier: Apache-2.0
"""target_task: every event in every state, and long random lives of tasks, against figure 14 in Python."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from clocked import Clocked, number
from task_model import Clock, Context, Event, Kind, Step, Target, pack, target, unpack

EVENTS = (Event.CREATE, Event.INSTRUCTION, Event.TX_DONE, Event.RX_DONE, Event.TIMEOUT, Event.ABTS, Event.KILL)


class Bench:
    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.clocked = Clocked(dut)

    async def start(self) -> None:
        await self.clocked.start(
            start=0, event_code=0, row_context=0, done_tag=0, task_management=0, abts_seq_id=0, ti_op=0, ti_slot=0,
            ti_offset=0, ti_length=0, ti_relative_offset=0,
        )  # fmt: skip

    def context(self, state: int) -> Context:
        return unpack(self.rng.randrange(1 << 154)) | {"valid": 1, "initiator": 0, "state": state}

    def inputs(self, context: Context, **given: int) -> dict[str, int]:
        rng = self.rng
        values = {
            "ti_op": rng.choice((0, 0, 1, 1, 2, 2, 3, 3, 8, 9, 15)), "ti_slot": rng.randrange(512),
            "ti_offset": rng.randrange(0, 4096, 4), "ti_length": rng.randrange(1, 65537),
            "ti_relative_offset": rng.randrange(1 << 32), "task_management": rng.randrange(2),
            "abts_seq_id": rng.randrange(256), "tag": rng.choice((context["tag"], rng.randrange(16))),
        }  # fmt: skip
        return values | given

    async def step(self, context: Context, event: Event, inputs: dict[str, int]) -> Step:
        """One event; every output is compared with the model."""
        dut = self.dut
        expected = target(context, event, inputs)
        for name, value in inputs.items():
            getattr(dut, "done_tag" if name == "tag" else name).value = value
        dut.row_context.value, dut.event_code.value, dut.start.value = pack(context), event, 1
        await self.clocked.clock()
        dut.start.value = 0
        dut.row_context.value = self.rng.randrange(1 << 154)  # the actions stand, whatever comes then
        await self.clocked.clocks(self.rng.randrange(3))
        what = f"{event.name} in {context['state']}, {inputs}"
        assert unpack(number(dut.next)) == expected.context, what
        actions = (expected.free, expected.stop, expected.arm, expected.build is not None, expected.reply is not None)
        outputs = (dut.act_free, dut.act_quiesce, dut.act_arm, dut.act_build, dut.act_reply)
        assert tuple(bool(number(output)) for output in outputs) == actions, what
        kind = expected.build if expected.build is not None else expected.reply
        assert kind is None or number(dut.build_kind) == kind, what
        assert bool(number(dut.act_done)) == (expected.done is not None), what
        if expected.done is not None:
            assert (number(dut.done_op), number(dut.done_slot), number(dut.done_status)) == expected.done, what
        assert bool(number(dut.act_request)) == (expected.request is not None), what
        assert expected.request is None or number(dut.request_op) == expected.request, what
        assert number(dut.timer_command) == expected.timer, what
        assert number(dut.stat_timeout) == ("timeout" in expected.counters), what
        if expected.build in (Kind.READ_DATA, Kind.XFER_RDY):
            assert number(dut.slot) == expected.context["slot"], what
            where = number(dut.position), number(dut.relative_offset), number(dut.length)
            assert where == (expected.position, expected.relative_offset, expected.length), what
        return expected


@cocotb.test()
async def every_event_in_every_state(dut: Any) -> None:
    """States times events times operations, each with the tag that is due and with another."""
    bench = Bench(dut)
    await bench.start()
    for state in Target:
        for event in EVENTS:
            for op in (0, 1, 2, 3, 4, 9) if event == Event.INSTRUCTION else (0,):
                for right_tag in (True, False):
                    context = bench.context(state)
                    tag = (context["tag"] + (0 if right_tag else bench.rng.randrange(1, 16))) % 16
                    await bench.step(context, event, bench.inputs(context, ti_op=op, tag=tag))


@cocotb.test()
async def random_lives(dut: Any) -> None:
    """From the command to the end: freed once, with no SEND or RECEIVE that the array is still waiting for."""
    bench = Bench(dut)
    await bench.start()
    rng = bench.rng
    lives = 0
    for _ in range(100):
        context = bench.context(0) | {"answer": 0}
        step = await bench.step(context, Event.CREATE, bench.inputs(context))
        outstanding: int | None = None
        timer = Clock.STOP
        sending = False
        for _ in range(40):
            before = step.context
            event = rng.choice((*EVENTS[1:], Event.INSTRUCTION, Event.TX_DONE, Event.TX_DONE))
            if event == Event.TIMEOUT and timer != Clock.EXCHANGE:
                continue
            inputs = bench.inputs(before)
            if event in (Event.ABTS, Event.KILL) and rng.random() < 0.7:
                continue
            if event == Event.INSTRUCTION and inputs["ti_op"] < 2 and outstanding is not None:
                continue  # at most one SEND or RECEIVE of a task at a time
            step = await bench.step(before, event, inputs)
            if step.build is not None:
                sending = True
            if event == Event.INSTRUCTION and inputs["ti_op"] < 2:
                outstanding = inputs["ti_op"]
            if step.done is not None:
                assert step.done[0] == outstanding, "a completion of nothing"
                outstanding = None
            timer = step.timer if step.timer != Clock.KEEP else timer
            if step.free:
                assert sending or before["state"] == Target.ABORT
                break
        assert not step.free or outstanding is None
        lives += step.free
    assert lives > 20, f"only {lives} tasks came to an end"
