# SPDX-License-Identifier: Apache-2.0
"""The story of `make hil`: a Linux kernel uses the simulated array's disks while the array backs one of them up through
the same port."""

from __future__ import annotations

import contextlib
import json
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from portplex.files import write_whole
from portplex.hil.control import ControlClient, ControlError
from portplex.hil.guest import Guest, GuestError, qemu_version, saved_state
from portplex.hil.guest_image import guest_image
from portplex.report.capture_check import check_capture
from portplex.runs.serve import ServedProcess, ServeOptions
from portplex.simulate import SimulationFailed

VOLUMES = ("16M", "16M", "16M")
USED, SAVED, FRESH = 0, 1, 2  # LUNs: fio's, the one that is backed up, the one it is restored to
FILES = 12
FILE_KIB = 160
DEPTHS = ((1, "64k"), (4, "4k"), (16, "4k"))
FIO_SIZE = "1M"
JOB_SECONDS = 600.0
STEP_SECONDS = 180.0


@dataclass
class Fio:
    """One pass of fio. Pointers are those of the backup, in blocks, when the pass began and ended."""

    depth: int
    block: str
    seconds: float
    pointers: tuple[int, int]


@dataclass
class Story:
    """What happened so far. `passed` only at the end."""

    folder: Path
    console: Console
    steps: dict[str, float] = field(default_factory=dict)  # name to seconds
    fio: list[Fio] = field(default_factory=list)
    backup: dict[str, Any] = field(default_factory=dict)
    restore: dict[str, Any] = field(default_factory=dict)
    files: int = 0
    captures: dict[str, Any] = field(default_factory=dict)
    served: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    passed: bool = False

    @contextlib.contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Print what is being done, and how long it took."""
        self.console.print(f"  {what} ...", end="")
        started = time.monotonic()
        yield
        self.steps[what] = round(time.monotonic() - started, 1)
        self.console.print(f" {self.steps[what]:.1f} s", highlight=False)


def _require(truth: object, what: str) -> None:
    if not truth:
        raise SimulationFailed(what)


class Job(threading.Thread):
    """An order that takes long, on a connection of its own."""

    def __init__(self, control: Path, order: str, **arguments: Any) -> None:
        super().__init__(name=order, daemon=True)
        self._control, self._order, self._arguments = control, order, arguments
        self._result: dict[str, Any] = {}
        self._error: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            client = ControlClient(self._control)
            self._result = client.order(self._order, timeout=JOB_SECONDS, **self._arguments)
            client.close()
        except (ControlError, OSError) as error:
            self._error = error

    def result(self) -> dict[str, Any]:
        """How it ended; waits for it. SimulationFailed when the order did not."""
        self.join(JOB_SECONDS)
        if self._error is not None or self.is_alive():
            raise SimulationFailed(str(self._error or f"{self._order} did not end in {JOB_SECONDS:g} s"))
        return self._result


def run_story(console: Console, *, name: str = "hil", simulator: str = "verilator") -> dict[str, Any]:
    """The whole story; its summary, also written to summary.json beside the captures. UsageError when something it
    needs is missing; what fails later is in the summary."""
    started = time.monotonic()
    qemu_version()  # before anything is downloaded or built
    with tempfile.TemporaryDirectory(prefix="portplex-") as sockets:
        socket = Path(sockets) / "net"
        options = ServeOptions([f"socket:{socket}"], VOLUMES, name=name, simulator=simulator)
        story = Story(options.folder(), console)
        story.folder.mkdir(parents=True, exist_ok=True)
        console.print("A Linux host on the array's port")
        with story.step("guest image"):
            image = guest_image()
        with story.step("booted guest, saved for the next time"):
            saved_state(image)
        served = ServedProcess(options)
        try:
            with contextlib.ExitStack() as stack:
                with story.step("simulated array"):
                    stack.enter_context(served)
                guest = Guest(image, net=socket, log=story.folder)
                with story.step("guest restored"):
                    stack.enter_context(guest)
                _tell(story, guest, served)
            _look_back(story, served)
            story.passed = True
        except (GuestError, ControlError, SimulationFailed) as error:
            console.print(" failed")
            story.error = str(error)
    summary = _summary(story, time.monotonic() - started)
    write_whole(story.folder / "story.json", json.dumps(summary, indent=2) + "\n")
    return summary


def _tell(story: Story, guest: Guest, served: ServedProcess) -> None:
    """Everything that happens while array and guest are up."""
    with story.step("login, disks"):
        guest.login()
        disks = guest.wait_for_disks(len(VOLUMES))
    used, saved, fresh = disks[USED], disks[SAVED], disks[FRESH]
    for disk in (used, saved):
        with story.step(f"mkfs.ext4 {disk}"):
            guest.check(f"mkfs.ext4 -q -F {disk}", STEP_SECONDS)
    with story.step(f"{FILES} files with checksums on {saved}"):
        guest.check(f"mkdir -p /mnt/a /mnt/b; mount {saved} /mnt/b; cd /mnt/b && mkdir -p deep/er", STEP_SECONDS)
        for number in range(FILES):
            name = f"/mnt/b/{'deep/er/' if number % 2 else ''}file{number}"
            guest.check(f"head -c {FILE_KIB * 1024 - 37 * number} /dev/urandom >{name}", STEP_SECONDS)
        guest.check(
            "cd /mnt/b && find . -type f | sort | xargs sha256sum >/tmp/sums && cp /tmp/sums /mnt/b", STEP_SECONDS
        )
        guest.check("umount /mnt/b", STEP_SECONDS)
    with story.step(f"mount {used}"):
        guest.check(f"mount {used} /mnt/a", STEP_SECONDS)
    job = Job(served.options.control(), "backup", volume=SAVED)
    # At least once at every depth, and again as long as the backup runs.
    while len(story.fio) < len(DEPTHS) or (job.is_alive() and len(story.fio) < 30):
        _fio(story, guest, served, *DEPTHS[len(story.fio) % len(DEPTHS)])
    with story.step("backup to its end"):
        story.backup = job.result()
    _require(story.backup["done"], f"the backup ended as {story.backup}")
    _require(not story.backup["pointer_violations"], f"backup pointers: {story.backup['pointer_violations']}")
    during = sum(fio.pointers[0] < story.backup["blocks"] and fio.pointers[1] > 0 for fio in story.fio)
    _require(during, "no pass of fio ran while the backup did")
    with story.step(f"umount {used}, fsck of both"):
        guest.check("umount /mnt/a", STEP_SECONDS)
        for disk in (used, saved):
            guest.check(f"e2fsck -f -n {disk}", STEP_SECONDS)
    with story.step(f"restore to {fresh}"):
        story.restore = Job(served.options.control(), "restore", volume=FRESH).result()
    _require(story.restore["done"], f"the restore ended as {story.restore}")
    with story.step(f"{fresh} mounted read-only, checksums"):
        # What the guest has read of the fresh volume before is not what is there now.
        guest.check(f"blockdev --flushbufs {fresh}; mount -o ro {fresh} /mnt/b", STEP_SECONDS)
        sums = guest.check("cd /mnt/b && cmp sums /tmp/sums && sha256sum -c /tmp/sums", STEP_SECONDS)
        story.files = sums.count(": OK")
        guest.check("umount /mnt/b")
    _require(story.files == FILES, f"{story.files} of {FILES} files have the right checksum: {sums}")
    with story.step("logout"):
        guest.logout()
        guest.wait_for("! ls /sys/class/fc_host/* ", 30, "the guest's host to go")


def _fio(story: Story, guest: Guest, served: ServedProcess, depth: int, block: str) -> None:
    def pointer() -> int:
        return int(served.client.state()["backup"]["backup_pointer"])

    before, started = pointer(), time.monotonic()
    with story.step(f"fio verify, {block} at depth {depth}"):
        guest.check(
            f"cd /mnt/a && fio --name=v --filename=fio.dat --size={FIO_SIZE} --rw=randwrite --bs={block}"
            f" --iodepth={depth} --ioengine=libaio --direct=1 --verify=crc32c --verify_fatal=1 --randrepeat=0"
            " --output-format=terse",
            STEP_SECONDS,
        )
    story.fio.append(Fio(depth, block, round(time.monotonic() - started, 1), (before, pointer())))


def _look_back(story: Story, served: ServedProcess) -> None:
    """What is left when both are gone."""
    story.served = served.summary()
    counts = story.served["counts"]
    for name in ("abts", "rec", "task_management"):
        _require(not counts.get(name), f"the guest lost patience: {counts}")
    for what, path in story.served["files"].items():
        if what.startswith("capture"):
            with story.step(f"tshark reads {Path(path).name}"):
                found = check_capture(Path(path))
            story.captures[Path(path).name] = found._asdict() if found is not None else "not checked: tshark is missing"
            _require(found is None or not found.wrong, f"{path}: tshark finds {found}")


def _summary(story: Story, seconds: float) -> dict[str, Any]:
    served = story.served
    return {
        "result": "passed" if story.passed else "failed",
        "error": story.error,
        "seconds": round(seconds, 1),
        "steps": story.steps,
        "fio": [vars(fio) for fio in story.fio],
        "backup": story.backup,
        "restore": story.restore,
        "files": story.files,
        "captures": story.captures,
        "words": served.get("words"),
        "running_seconds": served.get("running_seconds"),
        "paused_seconds": served.get("paused_seconds"),
        "traffic": served.get("traffic"),
        "counts": served.get("counts"),
        "folder": str(story.folder),
        "logs": {"guest": str(story.folder / "console.log"), "array": str(story.folder / "run.log")},
    }


def print_story(summary: dict[str, Any], console: Console) -> None:
    """The summary for a person."""
    table = Table(title=f"A Linux host on the port: {summary['result']}", show_header=False, title_justify="left")
    backup, restore = summary["backup"], summary["restore"]
    table.add_row("time", f"{summary['seconds']:.0f} s")
    if summary["words"]:
        speed = summary["words"] / max(summary["running_seconds"], 0.001)
        table.add_row("simulated", f"{summary['words']:,} words, {speed / 1e3:,.0f} k words/s; {summary['counts']}")
    for fio in summary["fio"]:
        first, last = fio["pointers"]
        table.add_row(
            f"fio {fio['block']} depth {fio['depth']}",
            f"verified in {fio['seconds']} s; backup pointer {first} to {last}",
        )
    for name, job in (("backup", backup), ("restore", restore)):
        if job:
            table.add_row(name, f"{job['state']}, {job['blocks']:,} blocks in {job['words']:,} words")
    table.add_row("files", f"{summary['files']} of {FILES} right after restore")
    for name, found in summary["captures"].items():
        text = found if isinstance(found, str) else f"{found['frames']:,} frames, {found['wrong']} bad or malformed"
        table.add_row(name, text)
    console.print(table)
    if summary["error"]:
        console.print(summary["error"], markup=False, highlight=False)
    folder = Path(summary["folder"])
    for what, name in (
        ("FC capture", "port.pcapng"),
        ("FCoE capture", "ethernet0.pcapng"),
        ("array's log", "run.log"),
        ("guest's log", "console.log"),
        ("summary", "story.json"),
    ):
        console.print(f"{what + ':':<14}{folder / name}", highlight=False, soft_wrap=True)
