# SPDX-License-Identifier: Apache-2.0
"""`portplex serve`: the simulated array for real hosts, until it is stopped.

In Python, `ServedProcess` does the same in the background and gives a `ControlClient`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from portplex.files import write_whole
from portplex.hil.control import ControlClient, ControlError
from portplex.hil.node import LOGINS
from portplex.management import BLOCK_BYTES, SEGMENT_BLOCKS
from portplex.runs.serve_bench import CONTROL, SETTINGS_VARIABLE, SUMMARY, open_side
from portplex.simulate import SimulationFailed, UsageError, check_simulator, run_folder, simulate

TOP = "array_bench"
BENCH_MODULE = "portplex.runs.serve_bench"
DEFAULT_DRIVE, LARGEST_DRIVE = 32_768, 8_388_608  # blocks
DEFAULT_VOLUMES, MOST_VOLUMES = 4, 16
MOST_PORTS = 2
SEGMENT_BYTES = SEGMENT_BLOCKS * BLOCK_BYTES
SHOW_SECONDS = 0.5

_SUFFIXES = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


@dataclass(frozen=True)
class Volume:
    """A logical unit: its size, and the file with what it holds at first."""

    blocks: int
    image: Path | None = None


def parse_volume(text: str) -> Volume:
    """`64M`, `512K` or a file name; a file's size is rounded up to whole segments of 4 KiB."""
    digits, suffix = text[:-1], text[-1:].upper()
    if digits.isdecimal() and suffix in _SUFFIXES:
        size, image = int(digits) * _SUFFIXES[suffix], None
    else:
        image = Path(text)
        if not image.is_file():
            raise UsageError(f"volume {text!r}: must be a size such as 64M, or a file that is there")
        size = -(-image.stat().st_size // SEGMENT_BYTES) * SEGMENT_BYTES
    if size <= 0 or size % SEGMENT_BYTES or size // BLOCK_BYTES > LARGEST_DRIVE:
        raise UsageError(f"volume {text!r}: its size must be a multiple of 4K, from 4K to 4G")
    return Volume(size // BLOCK_BYTES, image)


@dataclass(frozen=True)
class ServeOptions:
    """`sides` as `open_side` takes them; `save` is a folder for the volumes at the end. `tuning` goes to ServedArray as
    it is."""

    sides: Sequence[str]
    volumes: Sequence[str] = ("16M", "16M", "16M")
    allowed: Sequence[int] | None = None
    login: str = "fabric"
    save: Path | None = None
    capture: bool = True
    simulator: str = "verilator"
    tasks: int = 64
    ports: int = 1
    waves: bool = False
    name: str = "serve"
    tuning: dict[str, int] = field(default_factory=dict)

    def parsed(self) -> list[Volume]:
        if not 1 <= len(self.volumes) <= MOST_VOLUMES:
            raise UsageError(f"volumes: {len(self.volumes)} given, must be 1 to {MOST_VOLUMES}")
        return [parse_volume(text) for text in self.volumes]

    def parameters(self) -> dict[str, int]:
        """Those of the bench. The drive has a power of two of blocks, so that few sizes need a build of their own."""
        volumes = self.parsed()
        blocks = sum(volume.blocks for volume in volumes)
        if blocks > LARGEST_DRIVE:
            raise UsageError(f"volumes: {blocks} blocks in all, the drive has at most {LARGEST_DRIVE} (4G)")
        parameters = {"TASKS": self.tasks}
        if self.ports > 1:
            parameters["PORTS"] = self.ports
        if len(volumes) > DEFAULT_VOLUMES:
            parameters["VOLUMES"] = MOST_VOLUMES
        if blocks > DEFAULT_DRIVE:
            parameters["DRIVE_BLOCKS"] = 1 << (blocks - 1).bit_length()
        return parameters

    def folder(self) -> Path:
        return run_folder(TOP, self.parameters(), self.simulator, self.name)

    def control(self) -> Path:
        return self.folder() / CONTROL

    def arguments(self) -> list[str]:
        """The command line that means the same."""
        line = []
        for side in self.sides:
            kind, _, name = side.partition(":")
            line += [f"--{kind}", name]
        for volume in self.volumes:
            line += ["--volume", volume]
        for wwpn in self.allowed or ():
            line += ["--allow", f"{wwpn:016x}"]
        if self.login != "fabric":
            line += ["--login", self.login]
        if self.save is not None:
            line += ["--save", str(self.save)]
        if self.ports > 1:
            line += ["--ports", str(self.ports)]
        line += ["--sim", self.simulator, "--tasks", str(self.tasks), "--name", self.name]
        for name, value in self.tuning.items():
            line += [f"--{name.replace('_', '-')}", str(value)]
        return line + ([] if self.capture else ["--no-capture"]) + (["--waves"] if self.waves else [])


def serve(options: ServeOptions, console: Console) -> dict[str, Any]:
    """Serve until SIGINT, SIGTERM or the order `stop`; the summary. UsageError for what cannot be, before anything is
    built; SimulationFailed when the simulation broke."""
    check_simulator(options.simulator)
    if not 4 <= options.tasks <= 256:
        raise UsageError(f"tasks={options.tasks}: must be 4 to 256")
    if not 1 <= options.ports <= MOST_PORTS:
        raise UsageError(f"ports={options.ports}: must be 1 to {MOST_PORTS}")
    if options.login not in LOGINS:
        raise UsageError(f"login={options.login}: must be one of {', '.join(LOGINS)}")
    if options.login != LOGINS[0] and len(options.sides) > 1:
        raise UsageError(f"login={options.login}: {len(options.sides)} sides given, must be one without a fabric")
    if options.login != LOGINS[0] and options.ports > 1:
        raise UsageError(f"login={options.login}: {options.ports} ports given, must be one without a fabric")
    if not options.sides:
        raise UsageError("no side: name a --socket, an --interface or a --replay")
    volumes, parameters, folder = options.parsed(), options.parameters(), options.folder()
    _alone(options.control())
    for text in options.sides:  # every mistake is known before the build
        side = open_side(text)
        side.start()
        side.stop()
    if options.save is not None and not options.save.is_dir():
        raise UsageError(f"save {options.save}: there is no such folder")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SUMMARY).unlink(missing_ok=True)
    files = {
        "folder": str(folder),
        "log": str(folder / "run.log"),
        "control": str(options.control()),
        "waves": str(folder / f"{TOP}.fst") if options.waves else None,
    }
    if options.capture:
        files["capture"] = str(folder / "port.pcapng")
        for number in range(len(options.sides)):
            files[f"capture {number}"] = str(folder / f"ethernet{number}.pcapng")
    sides = [f"replay:{folder / f'ethernet{number}.pcapng'}" for number in range(len(options.sides))]
    again = replace(options, sides=sides, save=None, capture=True, waves=False, name="replay")
    image = _drive_image(volumes, folder / "drive_in.img")
    settings = {
        "folder": str(folder),
        "sides": list(options.sides),
        "volumes": [volume.blocks for volume in volumes],
        "image": str(image) if image else None,
        "control": str(options.control()),
        "allowed": list(options.allowed) if options.allowed is not None else None,
        "login": options.login,
        "capture": options.capture,
        "save": str(options.save.resolve()) if options.save else None,
        "tuning": options.tuning,
        "files": files,
        "replay": f"portplex serve {shlex.join(again.arguments())}" if options.capture else "",
    }
    with _stopped_by_signals(options.control()), _View(options, console):
        try:
            simulate(
                TOP,
                sources=[f"bfm/{TOP}.f"],
                test_module=BENCH_MODULE,
                simulator=options.simulator,
                parameters=parameters,
                name=options.name,
                waves=options.waves,
                env={SETTINGS_VARIABLE: json.dumps(settings)},
                optimize="-O3",
            )
        except SimulationFailed:
            if not (folder / SUMMARY).is_file():
                raise
        finally:
            (folder / "drive_in.img").unlink(missing_ok=True)
    summary: dict[str, Any] = json.loads((folder / SUMMARY).read_text())
    if summary["error"]:
        raise UsageError(summary["error"])
    return summary


def _alone(control: Path) -> None:
    """UsageError when another simulation works in this folder."""
    with contextlib.suppress(ControlError):
        ControlClient(control, timeout=5).close()
        raise UsageError(f"name: a simulation is running in {control.parent}; give this one another --name")


def _drive_image(volumes: Sequence[Volume], path: Path) -> Path | None:
    """The volumes one behind the other, or None when all are blank."""
    if not any(volume.image for volume in volumes):
        return None
    whole = b"".join(
        (volume.image.read_bytes() if volume.image else b"").ljust(volume.blocks * BLOCK_BYTES, b"\0")
        for volume in volumes
    )
    write_whole(path, whole)
    return path


@contextlib.contextmanager
def _stopped_by_signals(control: Path) -> Iterator[None]:
    """SIGINT and SIGTERM ask the simulation to stop, and end this process only when it cannot be asked."""

    def stop(number: int, frame: object) -> None:
        try:
            client = ControlClient(control, timeout=10)
            client.order("stop")
            client.close()
        except ControlError:
            raise KeyboardInterrupt from None

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _View:
    """Shows the state of the simulation while it runs: a table in a terminal, else a line when it is ready."""

    def __init__(self, options: ServeOptions, console: Console) -> None:
        self._options = options
        self._console = console
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        client = self._connect()
        if client is None:
            return
        for side in self._options.sides:
            self._console.print(f"ready: {side.replace(':', ' ', 1)}", soft_wrap=True)
        self._console.print(f"control: {self._options.control()}", soft_wrap=True)
        if not self._console.is_terminal:
            client.close()
            return
        before: dict[str, Any] | None = None
        with (
            Live(console=self._console, refresh_per_second=4, transient=True) as live,
            contextlib.suppress(ControlError),
        ):
            while not self._stop.wait(SHOW_SECONDS):
                state = client.state()
                live.update(state_table(state, before))
                before = state
        client.close()

    def _connect(self) -> ControlClient | None:
        with self._console.status("building and starting"):
            while not self._stop.wait(0.1):
                with contextlib.suppress(ControlError, OSError):
                    return ControlClient(self._options.control())
        return None


def state_table(state: dict[str, Any], before: dict[str, Any] | None = None) -> Table:
    """The state for a person; rates over the time since `before`."""
    table = Table(show_header=False, box=None)
    backup, traffic, counts = state["backup"], state["traffic"], state["counts"]
    running, still = state["running_seconds"], state["paused_seconds"]
    table.add_row(
        "simulated time", f"{state['words']:,} words" + ("  (paused: nothing to do)" if state["paused"] else "")
    )
    table.add_row("wall time", f"{running:,.0f} s running, {still:,.0f} s paused")
    if before is not None:
        passed = running + still - before["running_seconds"] - before["paused_seconds"]
        words = state["words"] - before["words"]
        down = 4 * (traffic["payload_words_tx"] - before["traffic"]["payload_words_tx"])
        up = 4 * (traffic["payload_words_rx"] - before["traffic"]["payload_words_rx"])
        passed = max(passed, 1e-3)
        table.add_row(
            "speed", f"{words / passed / 1e3:,.0f} k words/s: the line carries {words / passed * 4 / 1e6:.2f} MB/s"
        )
        table.add_row("payload from / to the array", f"{down / passed / 1e6:.2f} / {up / passed / 1e6:.2f} MB/s")
    hosts = [f"{host['wwpn']} at {host['n_port_id']} (side {host['side']})" for host in state["hosts"]]
    table.add_row("hosts", "\n".join(hosts) or "none")
    table.add_row("logins with the array", str(state["logins"]))
    table.add_row("open commands", f"{state['open_tasks']} of {counts.get('commands', 0):,}")
    table.add_row("backup", f"{backup['state']}, pointers {backup['backup_pointer']:,} / {backup['copy_pointer']:,}")
    late = ", ".join(f"{counts.get(key, 0)} {name}" for key, name in _LATE.items())
    table.add_row("out of patience", late)
    return table


_LATE = {"abts": "ABTS", "rec": "REC", "task_management": "task management"}


def print_summary(summary: dict[str, Any], console: Console) -> None:
    """What the run was, and where its files are."""
    console.print(state_table(summary))
    for what, where in summary["files"].items():
        if what != "folder" and where:
            console.print(f"{what + ':':<11}{where}", highlight=False, soft_wrap=True)
    if summary["replay"]:
        console.print(f"replay:    {summary['replay']}", highlight=False, soft_wrap=True)


class ServedProcess:
    """`portplex serve` in the background, for a story or a test.

    with ServedProcess(ServeOptions(sides=["socket:/tmp/net.sock"])) as served:
        served.client.state()

    Leaving the block stops it. SimulationFailed with the last lines of what it printed when it does not come up in
    `timeout` seconds (a first build takes minutes), or ends with an error.
    """

    def __init__(self, options: ServeOptions, *, timeout: float = 600.0) -> None:
        self.options = options
        self.client: ControlClient
        self.session = 0  # of the launcher and the simulation
        self._timeout = timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._output = options.folder() / "serve.txt"

    def __enter__(self) -> ServedProcess:
        self._output.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "portplex", "serve", *self.options.arguments()]
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        self.session = self._process.pid
        end = time.monotonic() + self._timeout
        try:
            while True:
                if self._process.poll() is not None or time.monotonic() > end:
                    raise SimulationFailed(f"`portplex serve` did not come up: {self._last_words()}")
                if self._connected():
                    return self
                time.sleep(0.1)
        except BaseException:
            self.kill()
            raise

    def _connected(self) -> bool:
        """Does our own simulation answer, and not another in the same folder?"""
        try:
            client = ControlClient(self.options.control())
        except (ControlError, OSError):
            return False
        if client.state()["launcher"] != self.session:
            client.close()
            return False
        self.client = client
        return True

    def __exit__(self, *_: object) -> None:
        self.client.close()
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
            raise SimulationFailed(f"`portplex serve` did not end: {self._last_words()}") from None
        if self._process.returncode:
            raise SimulationFailed(f"`portplex serve` ended with {self._process.returncode}: {self._last_words()}")

    def summary(self) -> dict[str, Any]:
        """What it left; only after the block."""
        found: dict[str, Any] = json.loads((self.options.folder() / SUMMARY).read_text())
        return found

    def _last_words(self) -> str:
        return " | ".join(self._output.read_text(errors="replace").strip().splitlines()[-5:])

    def kill(self) -> None:
        """The hard way: every process of it, at once."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
