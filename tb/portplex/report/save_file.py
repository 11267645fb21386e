# SPDX-License-Identifier: Apache-2.0
"""A GTKWave save file for a run: signals in groups by task, states by name, frames by type on the wire."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from portplex.report.frame_boxes import Box, frame_boxes
from portplex.report.rtl_names import state_names, translate_table
from portplex.report.task_boxes import SIGNALS, TRACES
from portplex.report.wave_filter import WIRE_SIGNALS
from portplex.report.wave_reader import WaveReader

SAVE_FILE = "view.gtkw"
FILTER = "view_filter"

HEX, DECIMAL, BINARY = 0x22, 0x24, 0x28  # right-justified, with the radix
_TRANSLATED = 0x2000
_BLANK, _TRANSACTION = 0x200, 0x10000022
_GROUP_BEGIN, _GROUP_END, _CLOSED = 0x800200, 0x1000200, 0x400000

_IN_WINDOW = 1_000_000  # a frame in the window counts more than all others

MODULES = {
    "bench": ("array_bench", "array_bench"),
    "link": ("link", "link_inst"),
    "port": ("port_controller", "port_controller_inst"),
    "scheduler": ("frame_scheduler", "scheduler"),
    "generator": ("task_generator", "generator"),
    "dispatch": ("rx_dispatch", "dispatch"),
    "executor": ("task_executor", "executor"),
    "host": ("host_engine", "host_engine_inst"),
    "backup": ("backup_engine", "backup_engine_inst"),
    "arbiter": ("priority_arbiter", "priority_arbiter_inst"),
    "cache": ("cache", "cache_inst"),
    "manager": ("cache_manager", "manager"),
    "drive_controller": ("drive_controller", "drive_controller_inst"),
    "drive": ("drive_model", "drive"),
}
"""Short name to module and instance name."""


@dataclass(frozen=True)
class Signal:
    """A trace: module, signal, text shown, radix, and the file and prefix of the constants that name its values."""

    module: str
    name: str
    alias: str
    radix: int = DECIMAL
    names: tuple[str, str] | None = None


def _state(module: str, file: str, *, name: str = "state_reg", alias: str = "state", prefix: str = "STATE_") -> Signal:
    return Signal(module, name, alias, HEX, (file, prefix))


LINK: tuple[Signal, ...] = (
    _state("link", "link/port_state_machine.v", name="status_link_state"),
    Signal("link", "status_tx_credit", "credit to send"),
    Signal("link", "r_rdy_owed", "R_RDY owed", BINARY),
    Signal("link", "txf_request", "next frame may go", BINARY),
    Signal("link", "rxf_valid", "frame received", BINARY),
)
SCHEDULER: tuple[Signal, ...] = (
    _state("scheduler", "port/frame_scheduler.v"),
    Signal("scheduler", "prefer_backup", "prefer backup", BINARY),
    Signal("scheduler", "row_reg", "granted task"),
    Signal("scheduler", "ready_online_reg", "ready, online", HEX),
    Signal("scheduler", "ready_backup_reg", "ready, backup", HEX),
    Signal("scheduler", "stat_online_frame", "online frame granted", BINARY),
    Signal("scheduler", "stat_backup_frame", "backup frame granted", BINARY),
)
EVENTS: tuple[Signal, ...] = (
    _state("generator", "port/task_generator.v", alias="generator"),
    _state("executor", "port/task_executor.v", alias="executor"),
    _state("dispatch", "port/rx_dispatch.v", alias="receive"),
    _state("port", "port/task_context.vh", name="step_event", alias="event", prefix="EVENT_"),
    Signal("port", "step_row", "event of task"),
    Signal("port", "status_open_tasks", "open tasks"),
    Signal("port", "status_logins", "logins"),
)
HOST: tuple[Signal, ...] = (
    _state("host", "array/host_engine.v"),
    Signal("host", "task_reg", "task"),
    _state("host", "array/host_engine.v", name="n_state", alias="task waits for", prefix="TASK_"),
    Signal("host", "hr_valid", "host request", BINARY),
    Signal("host", "status_open", "open commands"),
)
CACHE: tuple[Signal, ...] = (
    _state("manager", "cache/cache_manager.v"),
    Signal("manager", "chunk_valid", "chunk asked for (backup, host)", BINARY),
    Signal("manager", "chunk_rsp_valid", "chunk answered (backup, host)", BINARY),
    Signal("cache", "status_dirty_count", "dirty segments"),
    Signal("cache", "status_pinned", "something pinned", BINARY),
    Signal("cache", "stat_read_hit", "read hit", BINARY),
    Signal("cache", "stat_read_miss", "read miss", BINARY),
)
BACKUP: tuple[Signal, ...] = (
    _state("backup", "array/backup_constants.vh", name="live_state", alias="job", prefix="JOB_"),
    _state("backup", "array/backup_engine.v"),
    Signal("backup", "backup_pointer", "backup_pointer"),
    Signal("backup", "copy_pointer", "copy_pointer"),
    Signal("arbiter", "state_reg", "backup's quantum", BINARY),
    Signal("arbiter", "bytes_reg", "bytes of the quantum"),
    Signal("arbiter", "online_waiting", "online waits", BINARY),
)
DRIVE: tuple[Signal, ...] = (
    Signal("drive_controller", "drv_valid", "segment asked for", BINARY),
    Signal("drive_controller", "drv_write", "destage", BINARY),
    Signal("drive_controller", "drv_segment", "segment"),
    Signal("drive", "busy_reg", "drive busy", BINARY),
    Signal("drive", "waiting_reg", "commands waiting"),
)

AFTER_WIRE = (("link", LINK), ("port controller: scheduler", SCHEDULER))
AFTER_TASKS = (("backup", BACKUP), ("host requests", HOST), ("cache", CACHE), ("drive", DRIVE))
CLOSED = (("port controller: events", EVENTS),)


@dataclass
class SaveFile:
    """`text` is the save file; `missing` names what should be in the waves and is not; `tasks` those with a group."""

    path: Path
    text: str
    groups: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    tasks: list[int] = field(default_factory=list)


def busiest_tasks(reader: WaveReader, window: tuple[int, int], *, initiators: int = 1, targets: int = 2) -> list[int]:
    """Task rows that sent most frames, above all in `window`: so many as initiator, so many as target."""
    port, scheduler = reader.scope(*MODULES["port"]), reader.scope(*MODULES["scheduler"])
    names = [f"{port}.tx_progress_write", f"{port}.tx_progress_wr_row", f"{scheduler}.class_reg"]
    if any(name not in reader.widths for name in names):
        return []
    table = f"{reader.scope('task_table', 'table_of_tasks')}.TASKS"
    rows = next((values[0] for _, values in reader.samples([table])), 256) if table in reader.widths else 256
    count: tuple[Counter[int], Counter[int]] = (Counter(), Counter())
    for time, (write, row, by_initiator) in reader.samples(names):
        if write and row < rows:  # the rows behind the tasks are replies
            count[by_initiator][row] += _IN_WINDOW if window[0] <= time < window[1] else 1
    first = [row for row, _ in count[1].most_common(initiators)]
    return first + [row for row, _ in count[0].most_common() if row not in first][:targets]


def wire_boxes(reader: WaveReader) -> tuple[list[Box], list[Box]]:
    """Boxes from the array and to it; empty when the waves have no wire."""
    directions = []
    for direction in ("from_array", "to_array"):
        names = [f"array_bench.{direction}_{name}" for name in WIRE_SIGNALS]
        found = all(name in reader.widths for name in names)
        directions.append(
            list(frame_boxes(reader.samples(names), from_array=direction == "from_array")) if found else []
        )
    return directions[0], directions[1]


def write_save_file(
    reader: WaveReader, folder: Path, *, tasks: Iterable[int] | None = None, window: tuple[int, int] | None = None
) -> SaveFile:
    """Write `view.gtkw`, its translate files and its filter into `folder`. `window` is the time shown at first.

    Groups of modules that the design does not have are left out; a signal that a module should have and has not is in
    `missing`."""
    save = _Writer(reader, folder)
    window = window or (0, 4000)
    save.tasks = busiest_tasks(reader, window) if tasks is None else list(tasks)
    save.header(window)
    save.wire()
    for title, signals in AFTER_WIRE:
        save.group(title, signals)
    for task in save.tasks:
        save.task(task)
    for title, signals in AFTER_TASKS:
        save.group(title, signals)
    for title, signals in CLOSED:
        save.group(title, signals, closed=True)
    save.path.write_text("\n".join(save.lines) + "\n")
    return SaveFile(save.path, "\n".join(save.lines) + "\n", save.groups, save.missing, save.tasks)


class _Writer:
    def __init__(self, reader: WaveReader, folder: Path) -> None:
        self.reader = reader
        self.folder = folder
        self.path = folder / SAVE_FILE
        self.lines: list[str] = []
        self.groups: list[str] = []
        self.missing: list[str] = []
        self.tasks: list[int] = []
        self.filter = folder / FILTER
        self.filter.write_text(f"#!/bin/sh\nexec {shlex.quote(sys.executable)} -m portplex.report.wave_filter\n")
        self.filter.chmod(0o755)

    def header(self, window: tuple[int, int]) -> None:
        start, end = window
        zoom = -max(0.0, (end - start).bit_length() - 10)  # 2**10 pixels for the window
        self.lines += [
            f'[dumpfile] "{self.reader.path}"',
            f'[savefile] "{self.path}"',
            f"[timestart] {start}",
            "[size] 1500 1180",
            "[pos] -1 -1",
            f"*{zoom:.6f} -1" + " -1" * 26,
            "[sst_width] 0",
            "[signals_width] 330",
            "[sst_expanded] 0",
        ]

    def wire(self) -> None:
        if self.reader.scope(*MODULES["bench"]) is None:
            return
        self._begin("wire")
        for direction in ("from_array", "to_array"):
            names = [f"array_bench.{direction}_{name}" for name in WIRE_SIGNALS]
            self._transaction(f"wire {direction}", names, 2)
        self._end("wire")

    def task(self, task: int) -> None:
        title = f"task {task}"
        self._begin(title)
        scope = self.reader.scope(*MODULES["port"])
        self._transaction(title, [f"{scope}.{name}" for name in SIGNALS], len(TRACES))
        self._end(title)

    def group(self, title: str, signals: Iterable[Signal], *, closed: bool = False) -> None:
        there = [(s, scope) for s in signals if (scope := self.reader.scope(*MODULES[s.module])) is not None]
        if not there:
            return
        self._begin(title, closed=closed)
        for signal, scope in there:
            name = f"{scope}.{signal.name}"
            if name not in self.reader.widths:
                self.missing.append(name)
                continue
            flags = signal.radix
            if signal.names is None:
                self._flags(flags)
            else:
                width = self.reader.widths[name]
                self._flags((BINARY if width == 1 else HEX) | _TRANSLATED)
                self.lines.append(f"^1 {self._table(signal.names, width)}")
            self.lines.append(f"+{{{signal.alias}}} {self.reader.reference(name)}")
        self._end(title, closed=closed)

    def _table(self, names: tuple[str, str], width: int) -> Path:
        file, prefix = names
        path = self.folder / f"names_{Path(file).stem}_{prefix.strip('_').lower()}.txt"
        path.write_text(translate_table(state_names(file, prefix), width))
        return path

    def _transaction(self, args: str, names: list[str], traces: int) -> None:
        missing = [name for name in names if name not in self.reader.widths]
        if missing:
            self.missing += missing
            return
        bits = (
            f"({bit}){self.reader.reference(name)}" if self.reader.widths[name] > 1 else name
            for name in names
            for bit in range(self.reader.widths[name])
        )
        self._flags(_TRANSACTION)
        self.lines += [f'[transaction_args] "{args}"', f"^<1 {self.filter}", f"#{{{args}}} {' '.join(bits)}"]
        self._flags(_BLANK)
        self.lines += ["-"] * (traces - 1)

    def _begin(self, title: str, *, closed: bool = False) -> None:
        self.groups.append(title)
        self._flags(_GROUP_BEGIN | (_CLOSED if closed else 0))
        self.lines.append(f"-{title}")

    def _end(self, title: str, *, closed: bool = False) -> None:
        self._flags(_GROUP_END | (_CLOSED if closed else 0))
        self.lines.append(f"-{title}")

    def _flags(self, flags: int) -> None:
        self.lines.append(f"@{flags:x}")
