# SPDX-License-Identifier: Apache-2.0
"""`portplex array …`: what the page does, from a shell. `--json` prints it for programs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console

from portplex.simulate import SimulationFailed, UsageError, build_root

if TYPE_CHECKING:
    from portplex.console.array import ArrayConsole

T = TypeVar("T")
E = TypeVar("E", bound=IntEnum)

CONTROL_VARIABLE = "PORTPLEX_CONTROL"

array_cli = typer.Typer(no_args_is_help=True, help="Watch and command a running array.")
backup_cli = typer.Typer(no_args_is_help=True, help="Start and command backup jobs.")
schedule_cli = typer.Typer(invoke_without_command=True, help="When prepared jobs are started.")
array_cli.add_typer(backup_cli, name="backup")
array_cli.add_typer(schedule_cli, name="schedule")

Control = Annotated[
    Path | None,
    typer.Option(envvar=CONTROL_VARIABLE, help="control socket of `portplex serve`; left out, the one that is running"),
]
Json = Annotated[bool, typer.Option("--json", help="print JSON")]
Job = Annotated[int, typer.Option(help="number of the job")]
Entry = Annotated[int, typer.Argument(help="number of the entry, 0 to 3")]
Volume = Annotated[int, typer.Option(help="logical unit")]
Destination = Annotated[str, typer.Option("--to", help="N_Port_ID of the device, hex")]
Lun = Annotated[int, typer.Option(help="LUN at the device")]
Lba = Annotated[int, typer.Option(help="first block at the device")]
Chunk = Annotated[int, typer.Option(help="blocks, 8 to 128, a multiple of 8")]
Ports = Annotated[list[int] | None, typer.Option("--port", help="that it may use, may be given again; left out, any")]
Prepare = Annotated[bool, typer.Option("--prepare", help="keep it for a schedule, do not start it")]
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
        Console(highlight=False).print(getattr(terminal, part)(seen))


def _done(text: str, as_json: bool, **more: int) -> None:
    print(json.dumps({"done": True, **more}) if as_json else text)


def _viewer(part: str, text: str) -> None:
    def show(as_json: Json = False) -> None:
        _show(part, as_json)

    array_cli.command(name=part, help=text)(show)


for _part, _text in {
    "status": "Cache and sizes.",
    "ports": "Each port: role, usage, link, addresses, load, frames.",
    "volumes": "The logical units.",
    "jobs": "Backup jobs with their pointers and reasons.",
    "fabric": "Ports logged in with the fabric, among them what can take a backup.",
}.items():
    _viewer(_part, _text)


def _member(kind: type[E], option: str, text: str) -> E:
    try:
        return kind[text.upper()]
    except KeyError:
        known = ", ".join(each.name.lower() for each in kind)
        raise UsageError(f"{option}={text}: must be one of {known}") from None


@array_cli.command()
def usage(
    port: Annotated[int, typer.Argument(help="number of the port")],
    use: Annotated[str, typer.Argument(help="both, online_only or backup_only")],
    as_json: Json = False,
) -> None:
    """Say what a port is for."""
    from portplex.management import PortUsage

    _run(_attach().set_usage(port, _member(PortUsage, "use", use)))
    _done(f"port {port}: {use.replace('_', ' ')}", as_json)


@array_cli.command()
def load(
    load_window: Annotated[int | None, typer.Option(help="ticks in a load window")] = None,
    load_floor: Annotated[int | None, typer.Option(help="bytes below which controllers are compared by I/O")] = None,
    rebalance: Annotated[int | None, typer.Option(help="ticks between two looks for a lighter port")] = None,
    rebalance_margin: Annotated[int | None, typer.Option(help="bytes by which a port must be lighter")] = None,
    spread_floor: Annotated[int | None, typer.Option(help="bytes; ports below carry the backup together")] = None,
    as_json: Json = False,
) -> None:
    """Show load windows and placement of the backup, or change the settings that are named."""
    settings = {
        "load_window": load_window,
        "load_floor": load_floor,
        "rebalance": rebalance,
        "rebalance_margin": rebalance_margin,
        "spread_floor": spread_floor,
    }
    if any(value is not None for value in settings.values()):
        _run(_attach().set_load(**settings))
    _show("load", as_json)


@array_cli.command()
def priority(
    mode: Annotated[str | None, typer.Option(help="online_first or backup_first")] = None,
    percent: Annotated[int | None, typer.Option(help="of the line for backup, 1 to 99; sets the two below")] = None,
    quantum: Annotated[int | None, typer.Option(help="backup quantum in bytes")] = None,
    online_time: Annotated[int | None, typer.Option(help="online time in clocks")] = None,
    as_json: Json = False,
) -> None:
    """Show the priority table, or change what is named."""
    from portplex.management import PriorityMode

    if (mode, percent, quantum, online_time) != (None, None, None, None):
        chosen = None if mode is None else _member(PriorityMode, "mode", mode)
        _run(_attach().set_priority(chosen, percent=percent, backup_quantum=quantum, online_time=online_time))
    _show("priority", as_json)


# ---- time ----


def _seconds(option: str, text: str) -> int:
    """A time of the array's clock: seconds, or a date with time (ISO 8601; UTC unless it says otherwise)."""
    if text.isdecimal():
        return int(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option}={text}: must be a time such as 2027-01-31T02:00, or seconds") from None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


@array_cli.command()
def clock(
    time: Annotated[str | None, typer.Option("--set", help="now, or a time such as 2027-01-31T02:00 (UTC)")] = None,
    ticks_per_second: Annotated[int | None, typer.Option(help="1 to 65535")] = None,
    as_json: Json = False,
) -> None:
    """Show the array's clock, or set it."""
    if time is not None or ticks_per_second is not None:
        now = int(datetime.now(UTC).timestamp())
        seconds = None if time is None else now if time == "now" else _seconds("set", time)
        _run(_attach().set_clock(seconds=seconds, ticks_per_second=ticks_per_second))
    _show("clock", as_json)


@schedule_cli.callback()
def _schedules(context: typer.Context, as_json: Json = False) -> None:
    """Show all entries, or set one."""
    if context.invoked_subcommand is None:
        _show("schedules", as_json)


@schedule_cli.command(name="set")
def set_schedule(
    entry: Entry,
    job: Annotated[int, typer.Option(help="a prepared one")],
    due: Annotated[str, typer.Option(help="a time such as 2027-01-31T02:00 (UTC), or seconds since 1970")],
    period: Annotated[int, typer.Option(help="seconds; 0 once")] = 0,
    as_json: Json = False,
) -> None:
    """Start a prepared job at a time."""
    _run(_attach().set_schedule(entry, job=job, due=_seconds("due", due), period=period))
    _done(f"entry {entry}: job {job} is started at {due}", as_json)


@schedule_cli.command(name="clear")
def clear_schedule(entry: Entry, as_json: Json = False) -> None:
    """Turn an entry off."""
    _run(_attach().clear_schedule(entry))
    _done(f"entry {entry} is off", as_json)


# ---- jobs ----


@array_cli.command(name="copy-pointer")
def copy_pointer(
    blocks: Annotated[int, typer.Argument(help="blocks of the image that exist")],
    job: Job = 0,
    as_json: Json = False,
) -> None:
    """More of the image of the job under way exists."""
    _run(_attach().set_copy_pointer(job, blocks))
    _done(f"job {job}: copy pointer {blocks}", as_json)


def _starter(name: str, kind: str, text: str) -> None:
    def start(
        volume: Volume,
        to: Destination,
        lun: Lun = 0,
        lba: Lba = 0,
        chunk: Chunk = 128,
        copied: Copied = None,
        port: Ports = None,
        job: Annotated[int | None, typer.Option(help="number of the job; left out, the lowest that is free")] = None,
        prepare: Prepare = False,
        as_json: Json = False,
    ) -> None:
        from portplex.console.array import Kind

        try:
            port_id = int(to, 16)
        except ValueError:
            raise UsageError(f"to {to!r}: must be an N_Port_ID of up to 6 hex digits") from None
        taken = _run(
            _attach().start(
                Kind(kind),
                volume,
                port_id,
                lun=lun,
                lba=lba,
                chunk=chunk,
                copy_pointer=copied,
                ports=port,
                job=job,
                prepare=prepare,
            )
        )
        done = "prepared" if prepare else "started"
        _done(f"{kind} of volume {volume} is {done}: job {taken}", as_json, job=taken)

    backup_cli.command(name=name, help=text)(start)


_starter("start", "backup", "Back a volume up.")
_starter("restore", "restore", "Bring a volume back from the device (--to names it as for the backup).")
_starter("verify", "verify", "Compare a volume with what the device has.")


def _commander(order: str, text: str) -> None:
    def command(job: Job = 0, as_json: Json = False) -> None:
        from portplex.management import Order

        _run(_attach().order(Order[order.upper()], job))
        _done(f"job {job}: {order}", as_json)

    backup_cli.command(name=order, help=text)(command)


_commander("pause", "Let a job wait; the next one goes on.")
_commander("resume", "Let a paused job go on, behind those that wait.")
_commander("abort", "End a job.")
