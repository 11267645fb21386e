# SPDX-License-Identifier: Apache-2.0
"""The command line. A user's mistake is one message on stderr and exit status 2; a failed run ends with 1."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console

from portplex.management import PriorityMode
from portplex.simulate import SimulationFailed, UsageError

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Portplex: a storage array and its harness.",
)
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
    summary = run_main_job(options, simulator=simulator, tasks=tasks, waves=waves, console=console)
    print_summary(summary, console)
    if summary["result"] != "passed":
        raise typer.Exit(1)


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

    take_screenshots(console)


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
