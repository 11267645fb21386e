# SPDX-License-Identifier: Apache-2.0
"""The command line. A user's mistake is one message on stderr and exit status 2; a failed run ends with 1."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from typer.core import TyperGroup

from portplex.console.shell import Control, array_cli, find_control
from portplex.management import PriorityMode
from portplex.simulate import SimulationFailed, UsageError


class Commands(TyperGroup):
    """Says of a number that is none what it was and what is allowed; typer leaves both out."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            if error.param is None or not isinstance(error.__cause__, ValidationError):
                raise
            value = error.__cause__.errors()[0]["input"]
            name, meaning = error.param.opts[0].lstrip("-"), getattr(error.param, "help", "")
            raise UsageError(f"{name}={value!r}: must be a whole number ({meaning})") from None


cli = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Portplex: a storage array and its harness.",
)
cli.add_typer(array_cli, name="array")
console = Console(highlight=False)


@cli.callback()
def _commands() -> None:
    """Commands of Portplex."""


@cli.command()
def sim(
    simulator: Annotated[str, typer.Option("--sim", help="verilator or icarus")] = "verilator",
    seed: Annotated[int | None, typer.Option(help="32-bit seed; left out, one is picked and printed")] = None,
    hosts: Annotated[int, typer.Option(help="host initiators, 1 to 16")] = 4,
    blocks: Annotated[int, typer.Option(help="blocks of the saved volume, a multiple of 8, 64 to 16384")] = 2048,
    tasks: Annotated[int, typer.Option(help="contexts of the task table, 4 to 256")] = 32,
    mode: Annotated[str, typer.Option(help="online_first or backup_first")] = "online_first",
    waves: Annotated[bool, typer.Option("--waves", help="write an FST of the run")] = False,
    profile: Annotated[
        bool, typer.Option("--profile", help="build the model twice, the second time with a profile of the run")
    ] = False,
) -> None:
    """The main job: hosts and a backup share one port."""
    from portplex.runs.main_job import pick_seed, print_summary, run_main_job
    from portplex.scenario.main_job import MainJobOptions

    try:
        priority = PriorityMode[mode.upper()]
    except KeyError:
        raise UsageError(f"mode {mode!r}: must be one of {', '.join(m.name.lower() for m in PriorityMode)}") from None
    chosen = pick_seed(seed)
    if not 0 <= chosen < 1 << 32:
        raise UsageError(f"seed={chosen}: must be 0 to {(1 << 32) - 1}")
    try:
        options = MainJobOptions(seed=chosen, hosts=hosts, blocks=blocks, mode=priority)
    except ValueError as error:
        raise UsageError(str(error)) from None
    summary = run_main_job(options, simulator=simulator, tasks=tasks, waves=waves, profile=profile, console=console)
    print_summary(summary, console)
    if summary["result"] != "passed":
        raise typer.Exit(1)


@cli.command()
def serve(
    socket: Annotated[
        list[str] | None, typer.Option(help="unix socket for a guest's `-netdev stream`; may be given again")
    ] = None,
    interface: Annotated[
        list[str] | None, typer.Option(help="network interface with FCoE hosts; may be given again")
    ] = None,
    replay: Annotated[list[str] | None, typer.Option(help="capture whose inbound frames are played")] = None,
    volume: Annotated[list[str] | None, typer.Option(help="size (64M) or image file of the next volume")] = None,
    allow: Annotated[
        list[str] | None, typer.Option(help="WWPN that may log in, 16 hex digits; none: every host")
    ] = None,
    login: Annotated[str, typer.Option(help="fabric, vn2vn or point-to-point; the last two with one side")] = "fabric",
    save: Annotated[Path | None, typer.Option(help="folder for the volumes' images at the end")] = None,
    capture: Annotated[bool, typer.Option(help="write captures of the port and of the Ethernet")] = True,
    simulator: Annotated[str, typer.Option("--sim", help="verilator or icarus")] = "verilator",
    tasks: Annotated[int, typer.Option(help="contexts of the task table, 4 to 256")] = 64,
    ports: Annotated[int, typer.Option(help="Fibre Channel ports of the array, 1 or 2; both are on the fabric")] = 1,
    waves: Annotated[bool, typer.Option("--waves", help="write an FST of the run")] = False,
    name: Annotated[str, typer.Option(help="name of the run's folder")] = "serve",
    poll_words: Annotated[
        int, typer.Option(help="simulated words between two looks at the Ethernet, 1 or more")
    ] = 1_000,
    fka_ms: Annotated[int, typer.Option(help="period of advertisements and keep-alives, 1 or more")] = 30_000,
    e_d_tov_ms: Annotated[int, typer.Option(help="E_D_TOV that fabric login tells hosts, 1 or more")] = 60_000,
    r_a_tov_ms: Annotated[int, typer.Option(help="the same of R_A_TOV")] = 120_000,
) -> None:
    """The simulated array for real hosts, until Ctrl-C."""
    from portplex.runs.serve import ServeOptions, print_summary
    from portplex.runs.serve import serve as run

    for option, value in (
        ("poll-words", poll_words),
        ("fka-ms", fka_ms),
        ("e-d-tov-ms", e_d_tov_ms),
        ("r-a-tov-ms", r_a_tov_ms),
    ):
        if value < 1:
            raise UsageError(f"{option}={value}: must be 1 or more")
    sides = [f"socket:{path}" for path in socket or ()]
    sides += [f"interface:{each}" for each in interface or ()]
    sides += [f"replay:{path}" for path in replay or ()]
    options = ServeOptions(
        sides=sides,
        volumes=volume or ServeOptions.volumes,
        allowed=[_wwpn(text) for text in allow] if allow else None,
        login=login,
        save=save,
        capture=capture,
        simulator=simulator,
        tasks=tasks,
        ports=ports,
        waves=waves,
        name=name,
        tuning={"poll_words": poll_words, "fka_ms": fka_ms, "e_d_tov_ms": e_d_tov_ms, "r_a_tov_ms": r_a_tov_ms},
    )
    print_summary(run(options, console), console)


def _wwpn(text: str) -> int:
    digits = text.replace(":", "")
    if len(digits) != 16 or set(digits.lower()) - set("0123456789abcdef") or not int(digits, 16):
        raise UsageError(f"allow {text!r}: must be a WWPN of 16 hex digits, not all zero")
    return int(digits, 16)


@cli.command(name="console")
def management_console(
    control: Control = None,
    terminal: Annotated[bool, typer.Option("--terminal", help="show it here instead of serving a page")] = False,
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="TCP port, 0 for a free one")] = 8420,
    token_file: Annotated[
        Path | None, typer.Option(help="file with the token; left out, PORTPLEX_CONSOLE_TOKEN or a new one")
    ] = None,
) -> None:
    """The management console of a running array: a page for browsers, until Ctrl-C."""
    from portplex.runs.console import console as serve_page
    from portplex.runs.console import watch

    found = find_control(control)
    if terminal:
        watch(found, console)
    else:
        serve_page(found, host=host, port=port, token_file=token_file, output=console)


@cli.command()
def hil() -> None:
    """A Linux guest uses the simulated array's disks while one of them is backed up: the story of `make hil`."""
    from portplex.runs.hil_story import print_story, run_story

    summary = run_story(console)
    print_story(summary, console)
    if summary["result"] != "passed":
        raise typer.Exit(1)


@cli.command()
def guest(
    socket: Annotated[Path | None, typer.Option(help="of a running `portplex serve`; left out, an own array")] = None,
    volume: Annotated[list[str] | None, typer.Option(help="size of a volume of the own array, several times")] = None,
) -> None:
    """A shell in a Linux guest on the array's port; what comes through a pipe is run as a script."""
    from portplex.runs.guest_shell import guest_shell

    raise typer.Exit(guest_shell(socket, volume or ["16M"] * 3, Console(stderr=True, highlight=False)))


@cli.command()
def registers() -> None:
    """Make hardware, Python map and page of the management registers from their SystemRDL source."""
    from portplex.registers.generate import write_generated

    written = write_generated()
    for path in written:
        console.print(f"written: {path}", markup=False, soft_wrap=True)
    if not written:
        console.print("up to date")


@cli.command()
def lint() -> None:
    """Verilator -Wall over the RTL, and the licence line of every file."""
    from portplex.report.lint import lint_all

    problems = lint_all(console)
    if problems:
        raise typer.Exit(1)


@cli.command()
def waves() -> None:
    """Open the last run's waves in GTKWave."""
    from portplex.report.waves import open_waves

    open_waves()


@cli.command()
def screenshot() -> None:
    """Draw the pictures of the documentation from a fresh run."""
    from portplex.report.waves import take_screenshots
    from portplex.runs.console_picture import take_picture

    take_screenshots(console)
    take_picture(console)


def app() -> None:
    """Entry point of the `portplex` command."""
    try:
        cli()
    except UsageError as error:
        print(f"portplex: {error}", file=sys.stderr)
        sys.exit(2)
    except (SimulationFailed, OSError) as error:
        print(f"portplex: {error}", file=sys.stderr)
        sys.exit(1)
