# SPDX-License-Identifier: Apache-2.0
"""The facts of the page for a terminal: tables for the shell commands, all of them together for the live view."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from portplex.console.facts import Job, Port, Snapshot
from portplex.console.feed import Feed

Part = Callable[[Snapshot], RenderableType]


def _table(title: str, heads: Iterable[str], rows: Iterable[Iterable[RenderableType]]) -> Table:
    """Heads that begin with `>` have their column to the right."""
    table = Table(title=title or None, title_justify="left", box=None, header_style="dim", pad_edge=False)
    for head in heads:
        table.add_column(head.lstrip(">"), justify="right" if head.startswith(">") else "left")
    for row in rows:
        table.add_row(*row)
    return table


def status(seen: Snapshot) -> RenderableType:
    array = seen.array
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_row("cache", "all on the drives" if array.clean else "holds what is not on the drives yet")
    table.add_row("size", f"{array.cache_segments:,} segments, {array.volumes} volumes, {array.tasks} tasks a port")
    return table


def ports(seen: Snapshot) -> RenderableType:
    """A column a port: it fits a narrow terminal."""
    facts: dict[str, Callable[[Port], str]] = {
        "role": lambda port: port.role,
        "link": lambda port: port.link,
        "N_Port_ID": lambda port: f"{port.n_port_id:06X}",
        "WWPN": lambda port: port.wwpn,
        "logins": lambda port: f"{port.logins:,}",
        "open tasks": lambda port: f"{port.open_tasks:,}",
        "online frames": lambda port: f"{port.online_frames:,}",
        "backup frames": lambda port: f"{port.backup_frames:,}",
        "host requests": lambda port: f"{port.host_requests:,}",
    }
    heads = ("Ports", *(f"{port.number}" for port in seen.ports))
    return _table("", heads, ((name, *map(fact, seen.ports)) for name, fact in facts.items()))


def volumes(seen: Snapshot) -> RenderableType:
    return _table(
        "Volumes",
        ("LU", ">blocks", ">MiB", "access"),
        (
            (
                str(volume.number),
                f"{volume.blocks:,}",
                f"{volume.blocks / 2048:,.3g}",
                "write protected" if volume.write_protected else "read and write",
            )
            for volume in seen.volumes
        ),
    )


_COLOURS = {"done": "green", "failed": "red", "aborted": "yellow"}


def _job(job: Job) -> Iterable[RenderableType]:
    return (
        str(job.number),
        Text(job.state, style=_COLOURS.get(job.state, "cyan")),
        str(job.volume),
        f"{job.port_id:06X}/{job.lun}/{job.lba}",
        ProgressBar(total=max(1, job.capacity), completed=job.backup_pointer, width=10),
        f"{job.backup_pointer:,}",
        f"{job.copy_pointer:,}",
        f"{job.capacity:,}",
    )


def jobs(seen: Snapshot) -> RenderableType:
    if not seen.jobs:
        return Text("Backup jobs: none yet")
    heads = ("job", "state", "LU", "device/LUN/block", "", ">backup pointer", ">copy pointer", ">blocks")
    reasons = (Text(f"job {job.number}: {job.error_text}", style="red") for job in seen.jobs if job.error_text)
    return Group(_table("Backup jobs", heads, map(_job, seen.jobs)), *reasons)


def priority(seen: Snapshot) -> RenderableType:
    now = seen.priority
    return _table(
        "Priority",
        ("mode", ">quantum (bytes)", ">online time (clocks)", ">share of backup"),
        [
            (
                now.mode.replace("_", " "),
                f"{now.backup_quantum:,}",
                f"{now.online_time:,}",
                f"{now.backup_share} %",
            )
        ],
    )


def fabric(seen: Snapshot) -> RenderableType:
    if seen.fabric is None:
        return Text("Fabric: cannot be seen from here")
    found = ((f"{port.n_port_id:06X}", port.wwpn, port.what) for port in seen.fabric)
    return _table("Fabric", ("N_Port_ID", "WWPN", "what"), found)


PARTS: dict[str, Part] = {
    "status": status,
    "ports": ports,
    "jobs": jobs,
    "priority": priority,
    "volumes": volumes,
    "fabric": fabric,
}


def everything(seen: Snapshot) -> RenderableType:
    """All parts, one below the other."""
    return Group(*(part for each in PARTS.values() for part in (each(seen), Text())))


async def view(feed: Feed, console: Console) -> None:
    """Show what the feed brings until cancelled."""
    with Live(console=console, auto_refresh=False, screen=console.is_terminal) as live:
        async for seen in feed.follow():
            if seen is not None:
                shown = everything(seen) if isinstance(seen, Snapshot) else Text(seen, style="red")
                live.update(shown, refresh=True)
