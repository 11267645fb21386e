# SPDX-License-Identifier: Apache-2.0
"""One row of the task table over time, from the writes to the table: its RAMs themselves are in no wave file.

Three traces a task: state, exchange, progress. The signals are ports and wires of `port_controller`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from portplex.report.frame_boxes import INITIATOR, TARGET, WORD_TIME, Box, Sample
from portplex.report.rtl_names import field_ranges, state_names

FIELDS_FILE = "port/task_context.vh"

SIGNALS = (
    "context_write",
    "step_row",
    "context_wr_data",
    "release_valid",
    "rx_progress_write",
    "rx_progress_wr_row",
    "rx_progress_wr_data",
    "tx_progress_write",
    "tx_progress_wr_row",
    "tx_progress_wr_data",
)
"""Signals of port_controller, in the order a sample holds their values."""

TRACES = ("state", "exchange", "moved")

_MOVES = {"target SEND": False, "target RECEIVE": True, "initiator DATA": False, "initiator WAIT": True}
"""States in which data moves, and whether it comes in; for an initiator task its operation decides."""


def task_field(value: int, name: str, prefix: str = "CTX_") -> int:
    """A field of a task context (`CTX_*`) or of a progress record (`RXP_*`, `TXP_*`)."""
    high, low = field_ranges(FIELDS_FILE, prefix)[name]
    return value >> low & (1 << high - low + 1) - 1


def task_state(context: int) -> str:
    """Role and state of a context as task_context.vh names them: `target SEND`, `initiator DATA`."""
    role = "INITIATOR_" if task_field(context, "INITIATOR") else "TARGET_"
    code = task_field(context, "STATE")
    return f"{role[:-1].lower()} {state_names(FIELDS_FILE, role).get(code, code)}"


@dataclass
class _Trace:
    boxes: list[Box] = field(default_factory=list)
    since: int = 0
    text: str = ""
    colour: str = ""

    def show(self, time: int, text: str, colour: str) -> None:
        if (text, colour) != (self.text, self.colour):
            if self.text and time > self.since:
                self.boxes.append(Box(self.since, time, self.text, self.colour))
            self.since, self.text, self.colour = time, text, colour


def task_boxes(samples: Iterable[Sample], row: int, *, word_time: int = WORD_TIME) -> dict[str, list[Box]]:
    """Boxes of the traces `TRACES` of task `row`. A sample is (time, values of `SIGNALS` from that time on)."""
    state, exchange, moved = traces = _Trace(), _Trace(), _Trace()
    operations = state_names(FIELDS_FILE, "TI_")
    context = total = now = 0
    for time, values in samples:
        now = time + word_time  # a write shows one clock later
        write, step_row, data, release, rx_write, rx_row, rx_data, tx_write, tx_row, tx_data = values
        if write and step_row == row:
            context = data
        if release and step_row == row:
            context = 0
        if (write or release) and step_row == row:
            if not task_field(context, "VALID"):
                for trace in traces:
                    trace.show(now, "", "")
                continue
            colour = INITIATOR if task_field(context, "INITIATOR") else TARGET
            total = task_field(context, "LENGTH")
            state.show(now, task_state(context), colour)
            ids = f"OX {task_field(context, 'OX_ID'):04X} RX {task_field(context, 'RX_ID'):04X}"
            exchange.show(now, f"{task_field(context, 'PEER'):06X} {ids}", colour)
            if state.text not in _MOVES:
                moved.show(now, "", "")
        inbound = _MOVES.get(state.text)
        if state.colour == INITIATOR and inbound is not None:
            inbound = operations.get(task_field(context, "OP")) == "READ"
        if inbound is True and rx_write and rx_row == row:
            done = task_field(rx_data, "DONE", "RXP_")
            moved.show(now, f"in {done}" + (f" of {total}" if total else ""), state.colour)
        elif inbound is False and tx_write and tx_row == row:
            done = task_field(tx_data, "DONE", "TXP_")
            moved.show(now, f"out {done}" + (f" of {total}" if total else ""), state.colour)
    for trace in traces:
        trace.show(now, "", "")
    return dict(zip(TRACES, (trace.boxes for trace in traces), strict=True))
