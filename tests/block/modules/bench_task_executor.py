# SPDX-License-Identifier: Apache-2.0
"""task_executor: one step after the other; what each does, in which order, and that it waits for the frame under way.

The engines' decisions come from `task_model`; here it matters that they are carried out: window, sequence, context,
timer, host request, completion, reply rows.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
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
    Target,
    initiator,
    pack,
    target,
    unpack,
)  # fmt: skip
from txd import unpack_descriptor

from portplex.fc.fcp import FCP_CMND, FCP_RSP, FCP_XFER_RDY
from portplex.fc.header import Header

TASKS = int(os.environ["TASKS"])
REPLY_ROWS = 4
TASK_SET_FULL = 0x28
STATS = ("timeout", "abts_sent", "sequence_error", "unknown_exchange")
TARGET_EVENTS = (Event.CREATE, Event.INSTRUCTION, Event.TX_DONE, Event.RX_DONE, Event.TIMEOUT, Event.ABTS, Event.KILL)
INITIATOR_EVENTS = (
    Event.CREATE, Event.TX_DONE, Event.TIMEOUT, Event.ABTS, Event.KILL, Event.XFER_RDY, Event.RSP, Event.BLS_REPLY,
)  # fmt: skip
WINDOW = {
    "armed": 1, "notify": 1, "from_responder": 1, "peer": 24, "ox_id": 16, "rx_id": 16, "slot": 9, "position": 17,
    "base": 32, "length": 17,
}  # fmt: skip


def unpack_window(value: int) -> dict[str, int]:
    fields = {}
    for name, width in WINDOW.items():
        fields[name] = value & (1 << width) - 1
        value >>= width
    return fields


@dataclass
class Log:
    """What the executor did in one step, with the clock."""

    windows: list[tuple[int, dict[str, int]]] = field(default_factory=list)
    cancels: list[int] = field(default_factory=list)
    descriptors: list[tuple[int, int, dict[str, int]]] = field(default_factory=list)
    units: dict[int, dict[int, int]] = field(default_factory=dict)  # row: words
    first_unit: int | None = None
    commits: list[tuple[int, dict[str, Any]]] = field(default_factory=list)


class Bench:
    """The generator's side of a step, the frame of that row that is under way, and the reply rows."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.clocked = Clocked(dut, self)
        self.log = Log()
        self.busy_rows: set[int] = set()  # replies not sent yet
        self.tx_busy = self.rx_busy = 0  # clocks left
        self.busy_row = 0
        self.idle_at: int | None = None

    def drive(self) -> None:
        dut, rng = self.dut, self.rng
        for side, left in (("tx", self.tx_busy), ("rx", self.rx_busy)):
            other = self.rng.random() < 0.3  # another row's frame is nobody's business
            getattr(dut, f"{side}_busy").value = int(left > 0 or other)
            getattr(dut, f"{side}_busy_row").value = (
                self.busy_row if left else (self.busy_row + 1) % (TASKS + REPLY_ROWS)
            )
        if self.tx_busy == self.rx_busy == 0 and self.idle_at is None:
            self.idle_at = self.clocked.now
        self.tx_busy, self.rx_busy = max(0, self.tx_busy - 1), max(0, self.rx_busy - 1)
        sent = self.sending and self.busy_rows and rng.random() < 0.02
        dut.reply_sent.value = int(bool(sent))
        if sent:
            row = rng.choice(sorted(self.busy_rows))
            self.sent = row
            dut.reply_sent_row.value = row
        else:
            self.sent = -1

    sent = -1
    sending = True  # the scheduler sends replies
    running = False

    def sample(self) -> None:
        dut, log, now = self.dut, self.log, self.clocked.now
        if not self.running:  # a row is given away some clocks before its descriptor is written
            assert number(dut.reply_room) == (len(self.busy_rows) < REPLY_ROWS)
        self.busy_rows.discard(self.sent)
        if number(dut.window_write):
            log.windows.append((now, unpack_window(number(dut.window_wr_data))))
        if number(dut.cancel):
            log.cancels.append(now)
        if number(dut.iu_write):
            address = number(dut.iu_wr_addr)
            log.units.setdefault(address >> 4, {})[address & 15] = number(dut.iu_wr_data)
            log.first_unit = now if log.first_unit is None else log.first_unit
        if number(dut.descriptor_write):
            row = number(dut.descriptor_wr_row)
            log.descriptors.append((now, row, unpack_descriptor(number(dut.descriptor_wr_data))))
            if row >= TASKS:
                assert row not in self.busy_rows, "a reply row in use was given again"
                self.busy_rows.add(row)
        done = {
            "finished": number(dut.finished),
            "context": unpack(number(dut.context_wr_data)) if number(dut.context_write) else None,
            "timer": number(dut.timer_command),
            "free": bool(number(dut.release_valid)),
            "request": number(dut.request_op) if number(dut.request_push) else None,
            "done": number(dut.done_data) if number(dut.done_push) else None,
            "counters": {name for name in STATS if number(getattr(dut, f"stat_{name}"))},
        }
        nothing = {
            "finished": 0,
            "context": None,
            "timer": 0,
            "free": False,
            "request": None,
            "done": None,
            "counters": set(),
        }
        if done != nothing:
            log.commits.append((now, done))

    async def start(self) -> None:
        names = (
            "start to_engine event_code row row_context tx_tag kill_all direct_reply direct_kind direct_done direct_op "
            "direct_slot direct_status rx_header rx_words rx_payload progress progress_fresh ti_op ti_slot ti_offset "
            "ti_length ti_relative_offset ti_lba ti_status ti_sense ti_residual ti_residual_under ti_residual_over "
            "ti_rsp_code_valid ti_rsp_code create_lun create_lba tx_busy tx_busy_row rx_busy rx_busy_row reply_sent "
            "reply_sent_row"
        )
        await self.clocked.start(**dict.fromkeys(names.split(), 0))

    def header(self) -> Header:
        fields = (8, 24, 8, 24, 8, 24, 8, 8, 16, 16, 16, 32)
        return Header(*(self.rng.randrange(1 << width) for width in fields))

    def inputs(self) -> dict[str, Any]:
        rng = self.rng
        return {
            "row": rng.randrange(TASKS), "tag": rng.randrange(16), "kill_all": rng.randrange(2),
            "header": self.header(), "payload": rng.randbytes(48),
            "progress": rng.choice((None, (4 * rng.randrange(16385), rng.randrange(NONE)))),
            "ti_op": rng.choice((0, 1, 2, 3)), "ti_slot": rng.randrange(512), "ti_offset": 4 * rng.randrange(1024),
            "ti_length": rng.randrange(1, 65537), "ti_relative_offset": rng.randrange(1 << 32),
            "ti_status": rng.choice((0, 2, 8)), "ti_sense": rng.randrange(1 << 20),
            "ti_residual": rng.randrange(1 << 32),
            "ti_residual_under": rng.randrange(2), "ti_residual_over": 0, "ti_rsp_code_valid": rng.randrange(2),
            "ti_rsp_code": rng.choice((0, 9)), "create_lun": rng.randrange(1 << 14),
            "create_lba": rng.randrange(1 << 32),
            "task_management": 0, "rsp_ok": 1, "rsp_status": 0, "rsp_residual": 0, "rsp_failed": 0, "rsp_sense": 0,
            "xfer_ok": 1,
        }  # fmt: skip

    def present(self, i: dict[str, Any]) -> None:
        dut = self.dut
        for name, value in i.items():
            if name.startswith(("ti_", "create_")) or name in ("row", "kill_all"):
                getattr(dut, name).value = value
        dut.tx_tag.value = i["tag"]
        dut.rx_header.value = int.from_bytes(i["header"].pack(), "big")
        dut.rx_payload.value = int.from_bytes(i["payload"][:48].ljust(48, b"\0"), "big")
        dut.rx_words.value = len(i["payload"]) // 4
        done, rx_id = i["progress"] or (0, 0)
        dut.progress.value, dut.progress_fresh.value = rx_id << 17 | done, int(i["progress"] is None)
        dut.row_context.value = 0
        dut.to_engine.value = dut.direct_reply.value = dut.direct_done.value = 0

    async def run(self, row: int) -> Log:
        """Strobe `start`; while the step runs, the row may have a frame under way in either direction."""
        rng = self.rng
        self.log = Log()
        self.busy_row, self.idle_at = row, None
        self.tx_busy, self.rx_busy = rng.choice((0, 0, rng.randrange(40))), rng.choice((0, 0, rng.randrange(40)))
        self.running = True
        self.dut.start.value = 1
        await self.clocked.clock()
        self.dut.start.value = 0
        deadline = self.clocked.now + 100
        while not self.log.commits:
            assert self.clocked.now < deadline, "the step does not end"
            await self.clocked.clock()
        self.running = False
        await self.clocked.clocks(rng.randrange(2, 6))
        assert len(self.log.commits) == 1 and self.log.commits[0][1]["finished"], "one commit"
        return self.log

    async def room(self) -> None:
        """The generator starts nothing that may need a reply while no row is free."""
        deadline = self.clocked.now + 2000
        while len(self.busy_rows) == REPLY_ROWS:
            assert self.clocked.now < deadline
            await self.clocked.clock()

    # -- what must have come of a step --

    def check_order(self, step: Step, log: Log) -> None:
        """Window closed and row cancelled; then both directions quiet; window opened; the sequence; then the rest."""
        commit = log.commits[0][0]
        closed = [now for now, window in log.windows if not window["armed"]]
        opened = [now for now, window in log.windows if window["armed"]]
        assert closed == log.cancels and len(closed) == step.stop and len(opened) == step.arm
        armed = [now for now, _, _ in log.descriptors]
        assert len(armed) == (step.build is not None or step.reply is not None)
        if step.stop:
            assert self.idle_at is not None
            assert all(now >= self.idle_at for now in (*armed, commit)), "went on while a frame was under way"
            assert log.first_unit is None or log.first_unit >= self.idle_at
        assert all(now < armed[0] for now in opened)
        assert all(now <= commit for now in armed)

    def check_sequence(self, step: Step, log: Log, i: dict[str, Any], *, by_initiator: bool | None) -> None:
        if step.build is None and step.reply is None:
            assert not log.units
            return
        kind = step.build if step.build is not None else step.reply
        _, row, d = log.descriptors[0]
        header, c = i["header"], step.context
        late = step.reply is not None and by_initiator is False  # BA_ACC after TI_RELEASE: the ABTS is long gone
        to = (
            (c["peer"], c["ox_id"], c["rx_id"])
            if step.build is not None or late
            else (header.s_id, header.ox_id, header.rx_id)
        )
        assert (d["d_id"], d["ox_id"], d["rx_id"]) == to, kind
        assert (row == i["row"]) if step.build is not None else row >= TASKS
        assert d["initiator"] == (step.build is not None and bool(by_initiator))
        unit = b"".join(word.to_bytes(4, "big") for _, word in sorted(log.units.get(row, {}).items()))
        assert not set(log.units) - {row}
        if kind in (Kind.READ_DATA, Kind.WRITE_DATA):
            where = d["slot"], d["position"], d["parameter"], d["length"], d["max_words"], d["tag"]
            expected = c["slot"], step.position, step.relative_offset, step.length, c["payload_words"], c["tag"]
            assert where == expected and not unit and d["from_cache"]
            return
        assert d["length"] == len(unit) and not d["from_cache"]
        if step.build is not None:
            assert d["tag"] == c["tag"], "a sequence under another tag than its context"
        if kind in (Kind.BA_ACC, Kind.BA_RJT):
            assert d["seq_id_given"] and d["seq_id"] == (c["abts_seq_id"] if late else header.seq_id)
            assert bool(d["f_ctl"] & 0x800000) == (late or not header.f_ctl & 0x800000)
            assert d["r_ctl"] == (0x84 if kind == Kind.BA_ACC else 0x85)
        elif kind == Kind.ABTS:
            assert (d["r_ctl"], d["f_ctl"], d["parameter"], unit) == (0x81, 0x090000, 0, b"")
        elif kind == Kind.CMND:
            op, blocks = c["op"], c["length"] // 512
            begin = {READ: b"\x28\0", WRITE: b"\x2a\0", VERIFY: b"\x2f\2", PROBE: b"\x2f\0"}[op]
            cdb = begin + i["create_lba"].to_bytes(4, "big") + b"\0" + blocks.to_bytes(2, "big")
            command = FCP_CMND(
                lun=i["create_lun"],
                read=op == READ,
                write=op in (WRITE, VERIFY),
                cdb=cdb.ljust(16, b"\0"),
                fcp_dl=0 if op == PROBE else c["length"],
            )
            assert unit == bytes(command)
        elif kind == Kind.XFER_RDY:
            assert unit == bytes(FCP_XFER_RDY(relative_offset=step.relative_offset, burst_length=step.length))
        else:
            response = FCP_RSP(unit)
            if kind == Kind.RSP:
                fields = i["ti_status"], i["ti_residual_under"], i["ti_residual"]
                assert response.rsp_info_length == 8 * i["ti_rsp_code_valid"]
            else:  # a refused command has moved nothing
                length = int.from_bytes(i["payload"][28:32], "big")
                fields = TASK_SET_FULL, int(length > 0), length
            assert (response.status, response.resid_under, response.residual) == fields

    def check_commit(self, step: Step, log: Log, i: dict[str, Any], *, engine: bool) -> None:
        _, commit = log.commits[0]
        done = None
        if step.done is not None:
            op, slot, status = step.done
            done = op << 57 | i["row"] << 49 | slot << 40 | status << 32 | step.scsi[0] << 24 | step.scsi[1]
        assert commit == {
            "finished": 1, "context": step.context if engine else None, "timer": step.timer, "free": step.free,
            "request": step.request, "done": done, "counters": step.counters,
        }, f"{commit}\n{step}"  # fmt: skip

    def check_window(self, step: Step, log: Log, i: dict[str, Any], *, by_initiator: bool) -> None:
        for _, window in log.windows:
            if window["armed"]:
                c = step.context
                assert window == {
                    "armed": 1, "notify": not by_initiator, "from_responder": by_initiator, "peer": c["peer"],
                    "ox_id": c["ox_id"], "rx_id": NONE if by_initiator else i["row"], "slot": c["slot"],
                    "position": step.position, "base": step.relative_offset, "length": step.length,
                }  # fmt: skip

    async def engine(self, context: Context, event: Event, i: dict[str, Any]) -> Step:
        by_initiator = bool(context["initiator"])
        expected = initiator(context, event, i) if by_initiator else target(context, event, i)
        await self.room()
        self.present(i)
        self.dut.to_engine.value, self.dut.event_code.value = 1, event
        self.dut.row_context.value = pack(context)
        log = await self.run(i["row"])
        self.check_order(expected, log)
        self.check_sequence(expected, log, i, by_initiator=by_initiator)
        self.check_window(expected, log, i, by_initiator=by_initiator)
        self.check_commit(expected, log, i, engine=True)
        return expected


@cocotb.test()
async def every_event_is_carried_out(dut: Any) -> None:
    """Both roles, every state and event, with frames of the row and of others under way in either direction."""
    bench = Bench(dut)
    await bench.start()
    rng = bench.rng
    kinds: set[Kind | None] = set()
    cases: list[tuple[int, Event, dict[str, int]]] = [(s, e, {}) for s in Target for e in TARGET_EVENTS]
    cases += [(s, e, {}) for s in Initiator for e in INITIATOR_EVENTS]
    cases += [(s, Event.INSTRUCTION, {"ti_op": op}) for s in (Target.WAIT, Target.ABORT) for op in range(4)]
    cases += [(Initiator.WAIT, Event.XFER_RDY, {"op": WRITE, "done": 0})] * 2 + [(Initiator.WAIT, Event.RSP, {})] * 4
    cases *= 2
    rng.shuffle(cases)
    for state, event, given in cases:
        context = unpack(rng.randrange(1 << 154)) | {
            "valid": 1,
            "state": state,
            "initiator": int(state >= Initiator.CMND),
        }
        i = bench.inputs() | {name: value for name, value in given.items() if name == "ti_op"}
        i["tag"] = rng.choice((context["tag"], i["tag"]))
        i["abts_seq_id"] = i["header"].seq_id
        i["rx_id"] = i["header"].rx_id
        if context["initiator"]:
            length = 512 * rng.randrange(1, 129)
            context |= {
                "op": rng.choice((READ, WRITE, VERIFY, PROBE)),
                "length": length,
                "offset": 4 * rng.randrange(1024),
            }
            context |= {"done": rng.choice((0, length, 512 * rng.randrange(length // 512))), "rx_id": NONE}
            context |= given
            i["progress"] = rng.choice((None, (length, i["rx_id"])))
            burst = rng.choice((length - context["done"], 512))
            i |= {"xfer_offset": context["done"], "xfer_length": burst, "rsp_status": rng.choice((0, 0, 8))}
            if event == Event.XFER_RDY:
                i["payload"] = bytes(FCP_XFER_RDY(relative_offset=context["done"], burst_length=burst))
            if event == Event.RSP:
                i["payload"] = bytes(FCP_RSP(status=i["rsp_status"]))[:24]
        elif event == Event.CREATE:
            i["task_management"] = rng.choice((0, 0x10))
            i["payload"] = bytes(FCP_CMND(lun_reset=int(i["task_management"] > 0), read=1, fcp_dl=4096))
        step = await bench.engine(context, event, i)
        kinds |= {step.build, step.reply}
    every = set(Kind) - {Kind.BA_RJT, Kind.TASK_SET_FULL}  # those two are given by the generator
    assert kinds >= every, f"never built: {every - kinds}"


@cocotb.test()
async def direct_steps(dut: Any) -> None:
    """Replies and completions that belong to no task: no context, no timer, no engine is touched."""
    bench = Bench(dut)
    await bench.start()
    rng = bench.rng
    for number_of_step in range(40):
        await bench.room()
        i = bench.inputs()
        reply = rng.choice((None, Kind.BA_RJT, Kind.TASK_SET_FULL)) if number_of_step >= 8 else Kind.TASK_SET_FULL
        if reply == Kind.TASK_SET_FULL:
            length = rng.choice((0, 512, rng.randrange(1 << 32)))
            i["payload"] = bytes(FCP_CMND(read=1, fcp_dl=length))
        bench.present(i)
        # the context at hand is that of no task of this step, and may look like either role
        dut.row_context.value = rng.randrange(1 << 154)
        dut.event_code.value = rng.randrange(11)
        done = None
        if reply is None:
            done = rng.choice((8, 9, 10, 11)), rng.randrange(512), rng.randrange(8)
            dut.direct_op.value, dut.direct_slot.value, dut.direct_status.value = done
            dut.direct_done.value = 1
        else:
            dut.direct_reply.value, dut.direct_kind.value = 1, reply
        log = await bench.run(i["row"])
        step = Step({}, reply=reply, done=done, timer=Clock.KEEP)
        bench.check_order(step, log)
        bench.check_sequence(step, log, i, by_initiator=None)
        bench.check_commit(step, log, i, engine=False)


@cocotb.test()
async def reply_rows_run_out(dut: Any) -> None:
    """Four replies wait to be sent: `reply_room` falls, and rises with the first that is."""
    bench = Bench(dut)
    await bench.start()
    bench.sending = False
    rows: list[int] = []
    for _ in range(REPLY_ROWS):
        i = bench.inputs()
        bench.present(i)
        dut.direct_reply.value, dut.direct_kind.value = 1, Kind.BA_RJT
        log = await bench.run(i["row"])
        rows.append(log.descriptors[0][1])
    assert sorted(rows) == list(range(TASKS, TASKS + REPLY_ROWS)) and not number(dut.reply_room)
    bench.sending = True
    await bench.room()
    await bench.clocked.clocks(2)
    assert number(dut.reply_room)
