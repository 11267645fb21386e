# SPDX-License-Identifier: Apache-2.0
"""`portplex array …`: what the page does, from a shell. `--json` prints it for programs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console

from portplex.simulate import SimulationFailed, UsageError, build_root

if TYPE_CHECKING:
    from portplex.console.array import ArrayConsole

T = TypeVar("T")

CONTROL_VARIABLE = "PORTPLEX_CONTROL"

array_cli = typer.Typer(no_args_is_help=True, help="Watch and command a running array.")
backup_cli = typer.Typer(no_args_is_help=True, help="Start and command backup jobs.")
array_cli.add_typer(backup_cli, name="backup")

Control = Annotated[
    Path | None,
    typer.Option(envvar=CONTROL_VARIABLE, help="control socket of `portplex serve`; left out, the one that is running"),
]
Json = Annotated[bool, typer.Option("--json", help="print JSON")]
Job = Annotated[int, typer.Option(help="number of the job")]
Volume = Annotated[int, typer.Option(help="logical unit")]
Destination = Annotated[str, typer.Option("--to", help="N_Port_ID of the device, hex")]
Lun = Annotated[int, typer.Option(help="LUN at the device")]
Lba = Annotated[int, typer.Option(help="first block at the device")]
Chunk = Annotated[int, typer.Option(help="blocks, 8 to 128, a multiple of 8")]
Copied = Annotated[int | None, typer.Option("--copy-pointer", help="blocks of the image that exist; left out, all")]

_control: Path | None = None


@array_cli.callback()
def _choose(control: Control = None) -> None:
    global _control
    _control = control


def find_control(control: Path | None) -> Path:
    """The control socket meant. UsageError when none is named and not exactly one simulation runs."""
    from portplex.hil.control import ControlClient, ControlError
    from portplex.runs.serve_bench import CONTROL

    if control is not None:
        return control
    found = []
    for path in sorted(build_root().glob(f"*/*/*/{CONTROL}")):
        try:
            ControlClient(path, timeout=5).close()
        except (ControlError, OSError):
            continue
        found.append(path)
    if not found:
        raise UsageError("no array is running here: start `portplex serve`, or name its socket with --control")
    if len(found) > 1:
        raise UsageError(f"--control: {len(found)} arrays are running, name one: {', '.join(map(str, found))}")
    return found[0]


def _run(work: Coroutine[Any, Any, T]) -> T:
    from portplex.console.bus import ArrayGone, Refused

    try:
        return asyncio.run(work)
    except Refused as refused:
        raise UsageError(str(refused)) from None
    except ArrayGone as gone:
        raise SimulationFailed(str(gone)) from None


def _attach() -> ArrayConsole:
    from portplex.console.array import attach

    return attach(find_control(_control))


def _show(part: str, as_json: bool) -> None:
    from portplex.console import terminal

    seen = _run(_attach().look())
    if as_json:
        facts = seen.model_dump(mode="json")
        name = "array" if part == "status" else part
        print(json.dumps(facts[name], indent=2))
    else:
        Console(highlight=False).print(terminal.PARTS[part](seen))


def _done(text: str, as_json: bool) -> None:
    print(json.dumps({"done": True}) if as_json else text)


@array_cli.command()
def status(as_json: Json = False) -> None:
    """Cache and sizes."""
    _show("status", as_json)


@array_cli.command()
def ports(as_json: Json = False) -> None:
    """Each port: role, link, addresses, logins, frames."""
    _show("ports", as_json)


@array_cli.command()
def volumes(as_json: Json = False) -> None:
    """The logical units."""
    _show("volumes", as_json)


@array_cli.command()
def jobs(as_json: Json = False) -> None:
    """Backup jobs with their pointers."""
    _show("jobs", as_json)


@array_cli.command()
def fabric(as_json: Json = False) -> None:
    """Ports logged in with the fabric, among them what can take a backup."""
    _show("fabric", as_json)


@array_cli.command()
def priority(
    mode: Annotated[str | None, typer.Option(help="online_first or backup_first")] = None,
    quantum: Annotated[int | None, typer.Option(help="backup quantum in bytes")] = None,
    online_time: Annotated[int | None, typer.Option(help="online time in clocks")] = None,
    share: Annotated[int | None, typer.Option(help="percent of the line for backup; sets the online time")] = None,
    as_json: Json = False,
) -> None:
    """Show the priority table, or change what is named."""
    from portplex.management import PriorityMode

    if (mode, quantum, online_time, share) != (None, None, None, None):
        names = [each.name.lower() for each in PriorityMode]
        if mode is not None and mode not in names:
            raise UsageError(f"mode {mode!r}: must be one of {', '.join(names)}")
        chosen = None if mode is None else PriorityMode[mode.upper()]
        _run(_attach().set_priority(chosen, backup_quantum=quantum, online_time=online_time, backup_share=share))
    _show("priority", as_json)


@array_cli.command(name="copy-pointer")
def copy_pointer(
    blocks: Annotated[int, typer.Argument(help="blocks of the image that exist")],
    job: Job = 0,
    as_json: Json = False,
) -> None:
    """More of a job's image exists."""
    _run(_attach().set_copy_pointer(job, blocks))
    _done(f"job {job}: copy pointer {blocks}", as_json)


def _start(kind: str, volume: int, to: str, as_json: bool, **rest: Any) -> None:
    from portplex.console.array import Kind

    try:
        port_id = int(to, 16)
    except ValueError:
        raise UsageError(f"to {to!r}: must be an N_Port_ID of up to 6 hex digits") from None
    _run(_attach().start(Kind(kind), volume, port_id, **rest))
    _done(f"{kind} of volume {volume} is started", as_json)


@backup_cli.command()
def start(
    volume: Volume,
    to: Destination,
    lun: Lun = 0,
    lba: Lba = 0,
    chunk: Chunk = 128,
    copied: Copied = None,
    as_json: Json = False,
) -> None:
    """Back a volume up."""
    _start("backup", volume, to, as_json, lun=lun, lba=lba, chunk=chunk, copy_pointer=copied)


@backup_cli.command()
def restore(
    volume: Volume,
    to: Destination,
    lun: Lun = 0,
    lba: Lba = 0,
    chunk: Chunk = 128,
    copied: Copied = None,
    as_json: Json = False,
) -> None:
    """Bring a volume back from the device (--to names it as for the backup)."""
    _start("restore", volume, to, as_json, lun=lun, lba=lba, chunk=chunk, copy_pointer=copied)


@backup_cli.command()
def abort(job: Job = 0, as_json: Json = False) -> None:
    """End a job."""
    _run(_attach().abort(job))
    _done(f"job {job} is told to end", as_json)
