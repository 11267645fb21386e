# SPDX-License-Identifier: Apache-2.0
"""The process GTKWave starts for a transaction trace: changes of signals come in as VCD, coloured boxes go out.

What it draws is named by the trace's arguments: `wire from_array`, `wire to_array`, or `task <n>`. Protocol (GTKWave
manual, transaction filters): `$comment data_end` ends a request; the answer is `$name`, `#time ?colour?text` for the
beginning of a box, `#time` for its end, `$next` between traces, `$finish` at the end. It serves until its input ends.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TextIO

from portplex.report.frame_boxes import Box, Sample, frame_boxes, named_boxes
from portplex.report.task_boxes import SIGNALS, TRACES, task_boxes

WIRE_SIGNALS = ("data", "charisk")
"""How the names of the two signals of a direction end, in the order of a sample."""


class Request:
    """One block of VCD: the arguments of the trace, and the changes of its signals."""

    def __init__(self) -> None:
        self.args = ""
        self.names: dict[str, str] = {}  # identifier to name of the signal
        self.changes: list[tuple[int, str, int]] = []  # time, identifier, value

    def samples(self, wanted: tuple[str, ...]) -> Iterator[Sample]:
        """The values of the signals whose names end with `wanted`, once a time at which any of them changed."""
        index = {}
        for place, name in enumerate(wanted):
            found = [i for i, full in self.names.items() if full == name or full.endswith("_" + name)]
            if len(found) != 1:
                raise ValueError(f"the trace needs one signal {name}, it has {sorted(self.names.values())}")
            index[found[0]] = place
        return settled(((time, index[i], value) for time, i, value in self.changes if i in index), len(wanted))


def settled(changes: Iterable[tuple[int, int, int]], width: int) -> Iterator[Sample]:
    """Changes (time, place, value) in order of time, gathered into one sample for each time."""
    values = [0] * width
    last: int | None = None
    for time, place, value in changes:
        if last is not None and time != last:
            yield last, tuple(values)
        last = time
        values[place] = value
    if last is not None:
        yield last, tuple(values)


def read_request(lines: Iterable[str]) -> Request | None:
    """The next request, or None when the input ends before one is whole."""
    request = Request()
    changes = request.changes
    time = 0
    for line in lines:
        first = line[:1]
        if first == "b":
            digits, _, identifier = line[1:].rstrip().partition(" ")
            changes.append((time, identifier, int(digits, 2) if digits.isdecimal() else 0))  # x and z count as 0
        elif first == "#":
            time = int(line[1:])
        elif first == "$":
            words = line.split()
            if words[0] == "$var":
                request.names[words[3]] = words[4].split("[")[0]
            elif words[:2] == ["$comment", "args"]:
                request.args = line.split('"')[1]
            elif words[:2] == ["$comment", "data_end"]:
                return request
        elif first in ("0", "1", "x", "z"):
            changes.append((time, line[1:].rstrip(), 1 if first == "1" else 0))
    return None


def answer(request: Request) -> dict[str, list[Box]]:
    """Trace name to its boxes."""
    what, _, which = request.args.partition(" ")
    if what == "wire" and which in ("from_array", "to_array"):
        boxes = list(frame_boxes(request.samples(WIRE_SIGNALS), from_array=which == "from_array"))
        return {f"{which} frames": boxes, f"{which} names": list(named_boxes(boxes))}
    if what == "task" and which.isdecimal():
        traces = task_boxes(request.samples(SIGNALS), int(which))
        return {f"task {which} {name}": traces[name] for name in TRACES}
    raise ValueError(f"arguments {request.args!r}: must be `wire from_array`, `wire to_array` or `task <n>`")


def write_answer(traces: dict[str, list[Box]], out: TextIO) -> None:
    """Answer GTKWave. A box that begins where another ends takes over from it."""
    for number, (name, boxes) in enumerate(traces.items()):
        if number:
            out.write("$next\n")
        out.write(f"$name {name}\n#0\n")
        for position, box in enumerate(boxes):
            out.write(f"#{box.start} ?{box.colour}?{box.text}\n")
            if position + 1 == len(boxes) or boxes[position + 1].start > box.end:
                out.write(f"#{box.end}\n")
    out.write("$finish\n")
    out.flush()


def main() -> None:
    """Serve GTKWave until it closes the pipe."""
    while (request := read_request(sys.stdin)) is not None:
        try:
            traces = answer(request)
        except Exception as error:  # whatever it is: GTKWave stands still until it has an answer
            traces = {f"error: {error}": []}
        write_answer(traces, sys.stdout)


if __name__ == "__main__":
    main()
