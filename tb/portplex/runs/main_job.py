# SPDX-License-Identifier: Apache-2.0
"""`portplex sim`: run the main job on the simulated array and say what came of it."""

from __future__ import annotations

import json
import random
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from portplex.management import PriorityMode
from portplex.runs.main_job_bench import CAPTURE, PROGRESS, SETTINGS_VARIABLE, SUMMARY
from portplex.scenario.main_job import MainJobOptions
from portplex.simulate import (
    SimulationFailed,
    UsageError,
    build_root,
    check_simulator,
    run_folder,
    simulate,
    waves_wanted,
)

TOP = "array_bench"
BENCH_MODULE = "portplex.runs.main_job_bench"
LAST_RUN = "last_run.json"
IMAGES = ("drive_before.img", "drive_after.img", "backup.img")


def pick_seed(seed: int | None) -> int:
    """The seed given, or a fresh one of 32 bits."""
    return random.SystemRandom().getrandbits(32) if seed is None else seed


def run_main_job(
    options: MainJobOptions,
    *,
    simulator: str,
    tasks: int,
    waves: bool,
    profile: bool = False,
    name: str = "main_job",
    console: Console | None = None,
) -> dict[str, Any]:
    """Run it and return the summary; `result` in it is `passed` or `failed`. Raises UsageError before anything is
    written, and SimulationFailed when the simulation itself broke."""
    check_simulator(simulator, profile=profile)
    if not 4 <= tasks <= 256:
        raise UsageError(f"tasks={tasks}: must be 4 to 256")
    waves = waves_wanted() or waves
    parameters = {"TASKS": tasks}
    folder = run_folder(TOP, parameters, simulator, name)
    replay = (
        f"make sim SIM={simulator} SEED={options.seed} HOSTS={options.hosts} BLOCKS={options.blocks} TASKS={tasks}"
        + (" WAVES=1" if waves else "")
        + (f' ARGS="--mode {options.mode.name.lower()}"' if options.mode is not PriorityMode.ONLINE_FIRST else "")
    )
    files = {
        "folder": str(folder),
        "waves": str(folder / f"{TOP}.fst") if waves else None,
        "capture": str(folder / CAPTURE),
        "log": str(folder / "run.log"),
        "summary": str(folder / SUMMARY),
    }
    for old in (SUMMARY, PROGRESS, CAPTURE, f"{TOP}.fst", *IMAGES):
        (folder / old).unlink(missing_ok=True)
    settings = {
        "options": {**asdict(options), "mode": options.mode.name},
        "simulator": simulator,
        "folder": str(folder),
        "files": files,
        "replay": replay,
    }
    with _Progress(folder / PROGRESS, console):
        try:
            simulate(
                TOP,
                sources=[f"bfm/{TOP}.f"],
                test_module=BENCH_MODULE,
                simulator=simulator,
                parameters=parameters,
                name=name,
                seed=options.seed,
                waves=waves,
                env={SETTINGS_VARIABLE: json.dumps(settings)},
                optimize="-O3",
                profile=profile,
            )
        except SimulationFailed:
            if not (folder / SUMMARY).is_file():
                raise
    (build_root() / LAST_RUN).write_text(json.dumps({"top": TOP, **files}) + "\n")
    summary: dict[str, Any] = json.loads((folder / SUMMARY).read_text())
    return summary


class _Progress:
    """Shows the last line of a file that another process writes."""

    def __init__(self, file: Path, console: Console | None) -> None:
        self._file = file
        self._console = console
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        if self._console is not None:
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._console is not None:
            self._thread.join()

    def _watch(self) -> None:
        assert self._console is not None
        shown = 0
        first = "building, half a minute on Verilator when it is the first time or hdl/ has changed"
        if not self._console.is_terminal:
            self._console.print(first)
        with self._console.status(first) as status:
            while not self._stop.wait(0.2):
                lines = self._file.read_text().splitlines() if self._file.is_file() else []
                if len(lines) > shown:
                    status.update(lines[-1].strip())
                    if not self._console.is_terminal:
                        for line in lines[shown:]:
                            self._console.print(line, highlight=False)
                    shown = len(lines)


def print_summary(summary: dict[str, Any], console: Console) -> None:
    """The summary for a person; every fact in it is in summary.json too."""
    online, backup, checks = summary["online"], summary["backup"], summary["checks"]
    table = Table(title=f"Main job: {summary['result']}", show_header=False, title_justify="left")
    rows: list[tuple[str, str]] = [
        ("simulator, seed", f"{summary['simulator']}, {summary['seed']}"),
        ("time", f"{summary['cycles']:,} words in {summary['wall_seconds']} s"),
        ("frames from / to the array", f"{summary['frames_tx']:,} / {summary['frames_rx']:,}"),
        ("payload from / to the array", f"{summary['payload_bytes_tx']:,} / {summary['payload_bytes_rx']:,} bytes"),
        (
            "payload share of the line, both at work",
            f"{summary['payload_share_tx']:.1%} / {summary['payload_share_rx']:.1%}",
        ),
        ("host commands", f"{online['commands']:,} ({online['bytes']:,} bytes)"),
        ("latency alone (words)", _latency(online["latency_words_without_backup"])),
        ("latency with backup (words)", _latency(online["latency_words"])),
        ("backup", f"{backup['blocks']:,} blocks in {backup['words']:,} words, image equal: {backup['image_equal']}"),
        ("pointer history (backup/copy)", _history(backup["pointer_history"])),
        (
            "checks",
            f"{checks['frames']:,} frames, {checks['blocks']:,} blocks, {checks['pointers']:,} pointers compared; "
            f"{checks['failed']} failed",
        ),
    ]
    for row in rows:
        table.add_row(*row)
    console.print(table)
    for problem in summary["problems"][:20]:
        console.print(f"[red]problem:[/red] {problem}", highlight=False, soft_wrap=True)
    for what, where in summary["files"].items():
        if what != "folder":
            console.print(f"{what + ':':<9}{where or 'none (WAVES=1 writes them)'}", highlight=False, soft_wrap=True)
    console.print(f"replay:  {summary['replay']}", highlight=False, soft_wrap=True)


def _latency(values: dict[str, int]) -> str:
    return f"p50 {values['p50']:,}  p99 {values['p99']:,}  max {values['max']:,}"


def _history(history: list[list[int]]) -> str:
    """The pointers at about eight moments of the run."""
    step = max(1, len(history) // 8)
    shown = history[::step]
    if history and shown[-1] != history[-1]:
        shown = [*shown, history[-1]]
    return " ".join(f"{backup}/{copy}" for _, backup, copy in shown)
