# SPDX-License-Identifier: Apache-2.0
"""`portplex waves` opens a run in GTKWave, `portplex screenshot` draws the pictures of the documentation.

The save file and what it needs are written into the run's folder, see `save_file`.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from portplex.management import PriorityMode
from portplex.report.frame_boxes import INITIATOR, TARGET, WORD_TIME, Box
from portplex.report.save_file import SaveFile, wire_boxes, write_save_file
from portplex.report.wave_reader import WaveReader
from portplex.runs.main_job import LAST_RUN, print_summary, run_main_job
from portplex.scenario.main_job import MainJobOptions
from portplex.simulate import SimulationFailed, UsageError, build_root, project_root

PICTURE = Path("docs") / "images" / "waves.png"
LOGIN_PICTURE = PICTURE.with_name("waves_login.png")
PICTURE_LIMIT = 300_000
WINDOW_WORDS = 3400
"""Words in the first view: about six full frames, each wide enough for its name."""

SHORTEST = 15
"""Words of a frame without payload, with the fill words behind it."""

SCREEN = "1600x1240x24"
GRAB_SECONDS = 60

_RC = """hide_sst 1
splash_disable on
initial_signal_window_width 340
max_fsd_iter 0
use_roundcaps 0
fontname_signals Monospace 9
fontname_waves Monospace 8
"""


def last_run() -> dict[str, Any]:
    """What the last `portplex sim` left (keys top, folder, waves, ...). UsageError when there was none."""
    record = build_root() / LAST_RUN
    if not record.is_file():
        raise UsageError(f"there is no run yet ({record} does not exist): `make sim WAVES=1` makes one")
    try:
        found: dict[str, Any] = json.loads(record.read_text())
    except ValueError:
        raise UsageError(f"{record}: is not what a run writes; `make sim WAVES=1` makes a new one") from None
    return found


def last_waves() -> Path:
    """The FST of the last run. UsageError when it has none."""
    waves = last_run().get("waves")
    if not waves:
        raise UsageError("the last run wrote no waves: `make sim WAVES=1` writes them")
    path = Path(waves)
    if not path.is_file():
        raise UsageError(f"the waves of the last run are gone ({path}): `make sim WAVES=1` writes them again")
    return path


def prepare(
    fst: Path, folder: Path | None = None, choose: Callable[[list[Box], list[Box]], tuple[int, int]] | None = None
) -> tuple[SaveFile, tuple[int, int]]:
    """Write the save file of `fst` into `folder` (its own folder by default); also the window it opens on, which
    `choose` (by default `interesting_window`) finds from the boxes from and to the array."""
    reader = WaveReader(fst.resolve())
    window = (choose or interesting_window)(*wire_boxes(reader))
    return write_save_file(reader, folder or fst.resolve().parent, window=window), window


def interesting_window(outbound: list[Box], inbound: list[Box], words: int = WINDOW_WORDS) -> tuple[int, int]:
    """The stretch of `words` words in which data frames of both roles change most often and most kinds of frame are
    seen; the beginning when there are no frames."""
    span = words * WORD_TIME
    frames = sorted((b for b in [*outbound, *inbound] if b.detail), key=lambda b: b.start)
    sent = {id(b) for b in outbound if b.text.startswith("FCP_DATA")}
    best, start = (-1, -1), 0
    for position, first in enumerate(frames):
        inside = []
        for box in frames[position : position + words // SHORTEST]:
            if box.end > first.start + span:
                break
            inside.append(box)
        roles = [b.colour for b in inside if id(b) in sent and b.colour in (INITIATOR, TARGET)]
        changes = sum(a != b for a, b in itertools.pairwise(roles))
        kinds = len({(b.text.split(" @")[0].split(" lba")[0], b.colour) for b in inside})
        if (changes, kinds) > best:
            best, start = (changes, kinds), first.start
    return max(0, start - span // 50), max(0, start - span // 50) + span


def login_window(outbound: list[Box], inbound: list[Box], words: int = WINDOW_WORDS // 3) -> tuple[int, int]:
    """The first logins: `words` words from the array's FLOGI on."""
    start = next((box.start for box in outbound if box.text == "FLOGI"), 0)
    return max(0, start - words // 10), start + words * WORD_TIME


def open_waves(fst: Path | None = None) -> None:
    """Open `fst`, or the waves of the last run, in GTKWave and return when it is closed. UsageError says what is
    missing."""
    path = fst or last_waves()
    gtkwave = _tool("gtkwave")
    if not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
        raise UsageError(f"DISPLAY is not set: GTKWave needs a screen; without one look at {PICTURE} or copy {path}")
    save, _ = prepare(path)
    subprocess.run([gtkwave, str(path), str(save.path)], check=False)


def grab(
    fst: Path,
    picture: Path,
    folder: Path | None = None,
    choose: Callable[[list[Box], list[Box]], tuple[int, int]] | None = None,
) -> SaveFile:
    """Draw `fst` in GTKWave on a screen of its own, at the stretch that `choose` finds, and put the PNG at `picture`.

    UsageError when a tool is missing, SimulationFailed when no picture came out."""
    for tool in ("gtkwave", "xvfb-run", "Xvfb"):
        _tool(tool)
    folder = folder or fst.resolve().parent
    save, (start, end) = prepare(fst, folder, choose)
    part = folder / "view.png"
    part.unlink(missing_ok=True)
    (folder / "view.rc").write_text(_RC)
    (folder / "view.tcl").write_text(
        f"gtkwave::setZoomRangeTimes {start}ns {end}ns\n"
        f"gtkwave::setMarker {(start + end) // 2}ns\n"
        f"gtkwave::/File/Grab_To_File {part.name}\n"
        "gtkwave::/File/Quit\n"
    )
    command = ["xvfb-run", "-a", "-s", f"-screen 0 {SCREEN}", "gtkwave", "--rcfile", "view.rc"]
    # names relative to the folder: the title of the window is in the picture
    command += ["--script", "view.tcl", os.path.relpath(fst.resolve(), folder), save.path.name]
    with (folder / "view.log").open("w") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True, cwd=folder
        )
        try:
            process.wait(timeout=GRAB_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
    if not part.is_file():
        raise SimulationFailed(f"GTKWave made no picture in {GRAB_SECONDS} s; see {folder / 'view.log'}")
    picture.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(part, picture)
    return save


def take_screenshots(console: Console) -> None:
    """Run a small main job with waves and draw docs/images/waves.png and waves_login.png from it."""
    for tool in ("gtkwave", "xvfb-run", "Xvfb"):
        _tool(tool)
    # turns of one or two frames, so that a stretch short enough to be read has several of both kinds
    options = MainJobOptions(
        seed=1, hosts=2, blocks=128, mode=PriorityMode.ONLINE_FIRST, backup_quantum=2048, online_time=1000
    )
    summary = run_main_job(options, simulator="verilator", tasks=32, waves=True, name="screenshot", console=console)
    print_summary(summary, console)
    for name, choose in ((PICTURE, interesting_window), (LOGIN_PICTURE, login_window)):
        picture = project_root() / name
        save = grab(Path(summary["files"]["waves"]), picture, choose=choose)
        if save.missing:
            raise SimulationFailed(f"the waves lack {', '.join(save.missing)}")
        size = picture.stat().st_size
        if size > PICTURE_LIMIT:
            raise SimulationFailed(f"{picture}: {size} bytes, at most {PICTURE_LIMIT} are wanted")
        console.print(f"{picture}: {size:,} bytes", highlight=False, soft_wrap=True)


def _tool(name: str) -> str:
    """Path of a program. UsageError when it is not installed."""
    found = shutil.which(name)
    if found is None:
        package = "gtkwave" if name == "gtkwave" else "xvfb"
        raise UsageError(f"{name} is not installed: `make setup` installs it where it may (Debian package {package})")
    return found
