# SPDX-License-Identifier: Apache-2.0
"""initiator_task: every event in every state, and long random lives of tasks, against figure 13 in Python."""

from __future__ import annotations

import itertools
import random
from typing import Any

import cocotb
from clocked import Clocked, number
from task_model import (
    NONE,
    PROBE,
    READ,
    VERIFY,
    WRITE,
    Clock,
    Context,
    Event,
    Initiator,
    Kind,
    Step,
    initiator,
    pack,
    unpack,
)

EVENTS = (
    Event.CREATE, Event.TX_DONE, Event.TIMEOUT, Event.ABTS, Event.KILL, Event.XFER_RDY, Event.RSP, Event.BLS_REPLY,
)  # fmt: skip
COUNTERS = ("timeout", "abts_sent", "sequence_error", "unknown_exchange")


class Bench:
    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.clocked = Clocked(dut)

    async def start(self) -> None:
        await self.clocked.start(
            start=0, event_code=0, row_context=0, done_tag=0, kill_all=0, rx_id=0, xfer_ok=0, xfer_offset=0,
            xfer_length=0, rsp_ok=0, rsp_status=0, rsp_residual=0, rsp_failed=0, rsp_sense=0, progress=0,
            progress_fresh=0,
        )  # fmt: skip

    def context(self, state: int, op: int) -> Context:
        rng = self.rng
        length = 4 * rng.randrange(1, 16385)
        done = rng.choice((0, length, 4 * rng.randrange(length // 4 + 1))) if op in (WRITE, VERIFY) else 0
        fields = {"valid": 1, "initiator": 1, "state": state, "op": op, "length": length, "done": done}
        rx_id = rng.choice((NONE, rng.randrange(NONE)))
        return unpack(rng.randrange(1 << 154)) | fields | {"rx_id": rx_id, "offset": rng.randrange(0, 4096, 4)}

    def inputs(self, context: Context, **given: Any) -> dict[str, Any]:
        """Mostly what fits the task, so that long paths are taken too."""
        rng = self.rng
        left = context["length"] - context["done"]
        progress = rng.choice(
            (None, (context["length"], rng.randrange(NONE)), (rng.randrange(65537), rng.randrange(NONE)))
        )
        known = progress[1] if context["op"] == READ and progress else context["rx_id"]
        values = {
            "tag": rng.choice((context["tag"], rng.randrange(16))),
            "kill_all": rng.randrange(2),
            "rx_id": rng.choice((known, known, known, rng.randrange(1 << 16))),
            "xfer_ok": int(rng.random() < 0.9),
            "xfer_offset": rng.choice((context["done"], context["done"], rng.randrange(1 << 32))),
            "xfer_length": rng.choice((left, left, 4 * rng.randrange(1, 512), left + 4, left - 1 & 0xFFFFFFFF, 0)),
            "rsp_ok": int(rng.random() < 0.9),
            "rsp_status": rng.choice((0, 0, 0, 2, 8, 0x28)),
            "rsp_residual": int(rng.random() < 0.2),
            "rsp_failed": int(rng.random() < 0.2),
            "rsp_sense": rng.randrange(1 << 24),
            "progress": progress,
        }
        return values | given

    async def step(self, context: Context, event: Event, inputs: dict[str, Any]) -> Step:
        """One event; every output is compared with the model."""
        dut = self.dut
        expected = initiator(context, event, inputs)
        for name, value in inputs.items():
            if name != "progress":
                getattr(dut, "done_tag" if name == "tag" else name).value = value
        done, rx_id = inputs["progress"] or (self.rng.randrange(1 << 17), self.rng.randrange(NONE))
        dut.progress.value = self.rng.randrange(1 << 25) << 33 | rx_id << 17 | done
        dut.progress_fresh.value = int(inputs["progress"] is None)
        dut.row_context.value, dut.event_code.value, dut.start.value = pack(context), event, 1
        await self.clocked.clock()
        dut.start.value = 0
        dut.row_context.value = self.rng.randrange(1 << 154)  # the actions stand, whatever comes then
        await self.clocked.clocks(self.rng.randrange(3))
        what = f"{event.name} in {context['state']}, {context}, {inputs}"
        assert unpack(number(dut.next)) == expected.context, what
        actions = (expected.free, expected.stop, expected.arm, expected.build is not None, expected.reply is not None)
        outputs = (dut.act_free, dut.act_quiesce, dut.act_arm, dut.act_build, dut.act_reply)
        assert tuple(bool(number(output)) for output in outputs) == actions, what
        kind = expected.build if expected.build is not None else expected.reply
        assert kind is None or number(dut.build_kind) == kind, what
        assert bool(number(dut.act_done)) == (expected.done is not None), what
        if expected.done is not None:
            assert number(dut.done_status) == expected.done[2], what
            assert (number(dut.done_scsi_status), number(dut.done_sense)) == expected.scsi, what
        assert number(dut.timer_command) == expected.timer, what
        assert {name for name in COUNTERS if number(getattr(dut, f"stat_{name}"))} == expected.counters, what
        if expected.arm or expected.build in (Kind.CMND, Kind.WRITE_DATA):
            where = number(dut.position), number(dut.relative_offset), number(dut.length)
            assert where == (expected.position, expected.relative_offset, expected.length), what
        return expected


@cocotb.test()
async def every_event_in_every_state(dut: Any) -> None:
    """States times events times operations, each several times with inputs that fit and that do not."""
    bench = Bench(dut)
    await bench.start()
    for state, event, op in itertools.product(Initiator, EVENTS, (READ, WRITE, VERIFY, PROBE)):
        for _ in range(8 if event in (Event.XFER_RDY, Event.RSP) else 2):
            context = bench.context(state, op)
            await bench.step(context, event, bench.inputs(context))


@cocotb.test()
async def one_thing_wrong(dut: Any) -> None:
    """A good FCP_XFER_RDY and a good FCP_RSP, and the same with each field wrong by itself."""
    bench = Bench(dut)
    await bench.start()
    burst = bench.context(Initiator.WAIT, WRITE) | {"length": 8192, "done": 4096, "rx_id": 0x1234}
    good = {
        "xfer_ok": 1, "xfer_offset": 4096, "xfer_length": 4096, "rsp_ok": 1, "rsp_status": 0, "rsp_residual": 0,
        "rsp_failed": 0, "progress": None, "rx_id": 0x1234,
    }  # fmt: skip
    wrong: tuple[dict[str, int], ...] = (
        {}, {"xfer_ok": 0}, {"xfer_offset": 4092}, {"xfer_offset": 1 << 17 | 4096}, {"xfer_length": 0},
        {"xfer_length": 4100}, {"xfer_length": 4095}, {"xfer_length": 4098}, {"xfer_length": 1 << 17 | 4},
        {"rx_id": 0x1235},
    )  # fmt: skip
    for change in wrong:
        step = await bench.step(burst, Event.XFER_RDY, bench.inputs(burst, **(good | change)))
        assert (step.build == Kind.WRITE_DATA) == (change == {})
    done = burst | {"done": 8192}
    for change in ({}, {"rsp_ok": 0}, {"rsp_status": 2}, {"rsp_residual": 1}, {"rsp_failed": 1}, {"rx_id": 0x1235}):
        step = await bench.step(done, Event.RSP, bench.inputs(done, **(good | change)))
        assert (step.done == (WRITE, done["slot"], 0)) == (change == {})
    for moved in (0, 8188, 8192):
        read = burst | {"op": READ, "done": 0, "rx_id": NONE}
        step = await bench.step(read, Event.RSP, bench.inputs(read, **(good | {"progress": (moved, 0x1234)})))
        assert step.done is not None and (step.done[2] == 0) == (moved == 8192)
    probe = burst | {"op": PROBE, "length": 512, "done": 0}
    step = await bench.step(probe, Event.RSP, bench.inputs(probe, **good))
    assert step.done == (PROBE, probe["slot"], 0), "a probe moves no data"
    step = await bench.step(
        probe, Event.XFER_RDY, bench.inputs(probe, **(good | {"xfer_offset": 0, "xfer_length": 512}))
    )
    assert step.build == Kind.ABTS, "a probe has no data to send"


@cocotb.test()
async def random_lives(dut: Any) -> None:
    """From the instruction to the end: one completion, at most two ABTS, the OX_ID rests after an abort."""
    bench = Bench(dut)
    await bench.start()
    rng = bench.rng
    lives = 0
    for _ in range(100):
        context = bench.context(0, rng.choice((READ, WRITE, VERIFY, PROBE))) | {"done": 0, "rx_id": NONE, "retry": 0}
        step = await bench.step(context, Event.CREATE, bench.inputs(context))
        timer, completions, aborts, rested = Clock.STOP, 0, 0, False
        for _ in range(60):
            event = rng.choice((*EVENTS[1:], Event.TX_DONE, Event.XFER_RDY, Event.TIMEOUT))
            if event == Event.TIMEOUT and timer in (Clock.STOP, Clock.KEEP):
                continue
            if event in (Event.KILL, Event.ABTS) and rng.random() < 0.8:
                continue
            step = await bench.step(step.context, event, bench.inputs(step.context))
            timer = step.timer if step.timer != Clock.KEEP else timer
            completions += step.done is not None
            aborts += step.build == Kind.ABTS
            rested |= step.timer == Clock.SETTLE
            if step.free:
                break
        assert completions <= 1 and aborts <= 2
        assert not step.free or completions == 1
        lives += step.free
    assert lives > 20, f"only {lives} tasks came to an end"
