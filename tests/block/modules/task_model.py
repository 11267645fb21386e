# SPDX-License-Identifier: Apache-2.0
"""Figures 13 and 14 in Python: what one event does to a task. Written from docs/port.md and the contracts, section 6.

A context is a dictionary of fields. `target()` and `initiator()` return a `Step`: the context afterwards and what is to
be done, in the executor's terms. Benches of the engines compare every output with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

# field: (lowest bit, width) of a row of the task table
FIELDS = {
    "peer": (0, 24), "ox_id": (24, 16), "rx_id": (40, 16), "tag": (56, 4), "state": (60, 4), "valid": (64, 1),
    "initiator": (65, 1), "fc4": (66, 1), "payload_words": (67, 10), "slot": (77, 9), "offset": (86, 12),
    "length": (98, 17), "done": (115, 17), "status": (132, 8), "op": (140, 4), "retry": (144, 1), "answer": (145, 1),
    "abts_seq_id": (146, 8),
}  # fmt: skip
SEND, RECEIVE, RESPOND, RELEASE, ABORT_TASK, LOGIN, WRITE, READ, LOGOUT = 0, 1, 2, 3, 4, 8, 9, 10, 11
VERIFY, PROBE = 12, 13  # VERIFY(10): with data to compare, and of the medium alone
GOOD, ABORTED, TIMED_OUT, REJECTED, SCSI, PROTOCOL, LINK_DOWN, NOT_LOGGED_IN = range(8)
NONE = 0xFFFF  # an X_ID that is not assigned

Context = dict[str, int]


class Target(IntEnum):
    WAIT, SEND, RECEIVE, RESPOND, ABORT = range(1, 6)


class Initiator(IntEnum):
    CMND, WAIT, DATA, ABTS, SETTLE = range(8, 13)


class Event(IntEnum):
    CREATE, INSTRUCTION, TX_DONE, RX_DONE, TIMEOUT, ABTS, KILL, XFER_RDY, RSP, BLS_REPLY, CMND = range(11)


class Kind(IntEnum):
    CMND, XFER_RDY, RSP, READ_DATA, WRITE_DATA, ABTS, BA_ACC, BA_RJT, TASK_SET_FULL = range(9)


class Clock(IntEnum):
    KEEP, EXCHANGE, SETTLE, STOP = range(4)


class Request(IntEnum):
    COMMAND, ABORT, TASK_MANAGEMENT = range(3)


def pack(context: Context) -> int:
    return sum(context.get(name, 0) << low for name, (low, _) in FIELDS.items())


def unpack(value: int) -> Context:
    return {name: value >> low & (1 << width) - 1 for name, (low, width) in FIELDS.items()}


@dataclass
class Step:
    """What one event leads to; None where nothing of the kind happens."""

    context: Context
    free: bool = False
    stop: bool = False  # take back the window and the sequence of the task
    arm: bool = False  # open the receive window
    build: Kind | None = None  # a sequence of the task
    reply: Kind | None = None  # a sequence outside the exchange
    done: tuple[int, int, int] | None = None  # operation, slot, status
    scsi: tuple[int, int] = (0, 0)  # status and sense of the completion
    request: Request | None = None
    timer: Clock = Clock.KEEP
    counters: set[str] = field(default_factory=set)
    position: int = 0  # of the sequence or window, in the slot
    relative_offset: int = 0
    length: int = 0

    def end(self) -> None:
        self.free = True
        self.context["valid"] = 0

    def go(self, state: IntEnum) -> None:
        """To a state in which a sequence of the task will go out, or none that went out before counts any more."""
        self.context["state"] = state
        self.context["tag"] = (self.context["tag"] + 1) % 16


def target(c: Context, event: Event, i: dict[str, Any]) -> Step:
    """A host's task (figure 14). `i` has the instruction (`ti_*`), `tag`, `task_management`, `abts_seq_id`."""
    step = Step(dict(c), position=i["ti_offset"], relative_offset=i["ti_relative_offset"], length=i["ti_length"])
    state = c["state"]
    moving = {Target.SEND: SEND, Target.RECEIVE: RECEIVE}.get(state)  # type: ignore[call-overload]
    if event == Event.CREATE:
        step.context["state"] = Target.WAIT
        step.request = Request.TASK_MANAGEMENT if i["task_management"] else Request.COMMAND
        step.timer = Clock.STOP
    elif event == Event.INSTRUCTION and i["ti_op"] in (SEND, RECEIVE):
        if state == Target.WAIT:
            step.go(Target.SEND if i["ti_op"] == SEND else Target.RECEIVE)
            step.context["slot"] = i["ti_slot"]
            step.arm = i["ti_op"] == RECEIVE
            step.build = Kind.READ_DATA if i["ti_op"] == SEND else Kind.XFER_RDY
        else:
            step.done = i["ti_op"], i["ti_slot"], ABORTED if state == Target.ABORT else PROTOCOL
    elif event == Event.INSTRUCTION and i["ti_op"] == RESPOND and state == Target.WAIT:
        step.go(Target.RESPOND)
        step.build = Kind.RSP
    elif event == Event.INSTRUCTION and i["ti_op"] == RELEASE and state == Target.ABORT:
        step.end()
        step.reply = Kind.BA_ACC if c["answer"] else None
    elif event == Event.INSTRUCTION and i["ti_op"] == ABORT_TASK and state != Target.ABORT:
        step.context["answer"] = 0  # the array ends it: the peer gets no answer
        step.go(Target.ABORT)
        step.stop, step.timer, step.request = True, Clock.STOP, Request.ABORT
        step.done = (moving, c["slot"], ABORTED) if moving is not None else None
    elif event == Event.TX_DONE and i["tag"] == c["tag"]:
        if state == Target.SEND:
            step.context["state"] = Target.WAIT
            step.done = SEND, c["slot"], GOOD
        elif state == Target.RECEIVE:  # from now on the host has to act
            step.timer = Clock.EXCHANGE
        elif state == Target.RESPOND:
            step.end()
    elif event in (Event.RX_DONE, Event.TIMEOUT) and state == Target.RECEIVE:
        step.context["state"] = Target.WAIT
        step.stop, step.timer = True, Clock.STOP
        step.done = RECEIVE, c["slot"], GOOD if event == Event.RX_DONE else TIMED_OUT
        step.counters = {"timeout"} if event == Event.TIMEOUT else set()
    elif event in (Event.ABTS, Event.KILL):
        step.context["answer"] = int(event == Event.ABTS)  # a peer that has logged out gets no answer
        step.context["abts_seq_id"] = i["abts_seq_id"]
        if state != Target.ABORT:
            step.go(Target.ABORT)
            step.stop, step.timer, step.request = True, Clock.STOP, Request.ABORT
            step.done = (moving, c["slot"], ABORTED) if moving is not None else None
    return step


def initiator(c: Context, event: Event, i: dict[str, Any]) -> Step:
    """A task of the array (figure 13). `i` has `tag`, `kill_all`, `rx_id`, the device's `xfer_*` and `rsp_*`, and
    `progress`: (bytes, RX_ID) of the data received, or None."""
    step = Step(dict(c), position=c["offset"], length=c["length"])
    state = c["state"]
    read, probe = c["op"] == READ, c["op"] == PROBE
    under_way = state in (Initiator.CMND, Initiator.WAIT, Initiator.DATA)
    known = i["progress"][1] if read and i["progress"] else c["rx_id"]
    moved = (i["progress"] or (0, 0))[0] if read else c["done"]

    def finish(status: int) -> None:
        step.end()
        step.stop, step.timer = True, Clock.STOP
        step.done = c["op"], c["slot"], status

    def abort(status: int) -> None:
        step.go(Initiator.ABTS)
        step.context |= {"status": status, "rx_id": known}
        step.stop, step.timer, step.build = True, Clock.STOP, Kind.ABTS
        step.counters.add("abts_sent")

    def settle() -> None:  # R_A_TOV, until the OX_ID may be used again
        step.context["state"] = Initiator.SETTLE
        step.stop, step.timer = True, Clock.SETTLE
        step.done = c["op"], c["slot"], c["status"]

    if event == Event.CREATE:
        step.go(Initiator.CMND)
        step.arm, step.build, step.timer = read, Kind.CMND, Clock.STOP
    elif event == Event.TX_DONE and i["tag"] == c["tag"]:
        if state in (Initiator.CMND, Initiator.DATA):
            step.context["state"] = Initiator.WAIT
        if state != Initiator.SETTLE:
            step.timer = Clock.EXCHANGE
    elif event in (Event.XFER_RDY, Event.RSP) and under_way:
        if known not in (NONE, i["rx_id"]):
            step.counters.add("unknown_exchange")
        elif event == Event.XFER_RDY:
            fits = c["done"] == i["xfer_offset"] and 0 < i["xfer_length"] <= c["length"] - c["done"]
            if (
                i["xfer_ok"]
                and not read
                and not probe
                and state == Initiator.WAIT
                and fits
                and i["xfer_length"] % 4 == 0
            ):
                step.go(Initiator.DATA)
                step.context |= {"rx_id": i["rx_id"], "done": c["done"] + i["xfer_length"]}
                step.build, step.timer = Kind.WRITE_DATA, Clock.STOP
                step.position, step.relative_offset, step.length = c["offset"] + c["done"], c["done"], i["xfer_length"]
            else:
                step.counters.add("sequence_error")
                abort(PROTOCOL)
        else:
            step.scsi = i["rsp_status"], i["rsp_sense"]
            if not i["rsp_ok"] or i["rsp_failed"]:
                finish(PROTOCOL)
            elif i["rsp_status"] or i["rsp_residual"]:
                finish(SCSI)
            elif (probe or moved == c["length"]) and state == Initiator.WAIT:
                finish(GOOD)
            else:  # GOOD before all data has moved is no good
                step.counters.add("sequence_error")
                finish(PROTOCOL)
    elif event == Event.TIMEOUT:
        if state == Initiator.SETTLE:
            step.end()
        else:
            step.counters.add("timeout")
            if state != Initiator.ABTS:
                abort(TIMED_OUT)
            elif c["retry"]:
                settle()
            else:  # ABTS once more, and no more
                step.context["retry"] = 1
                abort(c["status"])
    elif event == Event.BLS_REPLY:
        if state == Initiator.ABTS:
            settle()
        else:
            step.counters.add("unknown_exchange")
    elif event == Event.ABTS:  # the device gives the exchange up
        step.reply = Kind.BA_ACC
        if state != Initiator.SETTLE:
            finish(c["status"] if state == Initiator.ABTS else ABORTED)
    elif event == Event.KILL:
        finish(LINK_DOWN if i["kill_all"] else NOT_LOGGED_IN)
        if state == Initiator.SETTLE:  # the array has heard already
            step.done = None
    return step
