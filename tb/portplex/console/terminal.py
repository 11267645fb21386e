# SPDX-License-Identifier: Apache-2.0
"""The facts of the page for a terminal: tables for the shell commands, all of them together for the live view."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from portplex.console.facts import Clock, FabricPort, Job, Port, Priority, Schedule, Snapshot, Volume
from portplex.console.feed import Feed
from portplex.console.texts import moment

T = TypeVar("T")

_STYLES = {"done": "green", "failed": "red", "aborted": "yellow"}


def _ports(numbers: Sequence[int], none: str) -> str:
    return ", ".join(map(str, numbers)) or none


def words(name: str) -> str:
    """A name of the API for people."""
    return name.replace("_", " ")


def _table(title: str, columns: Mapping[str, Callable[[T], Any]], items: Iterable[T]) -> Table:
    """A row an item. Heads that begin with `>` have their column to the right; numbers get separators."""
    table = Table(title=title or None, title_justify="left", box=None, header_style="dim", pad_edge=False)
    for head in columns:
        table.add_column(head.lstrip(">"), justify="right" if head.startswith(">") else "left")
    for item in items:
        table.add_row(*(_cell(fact(item)) for fact in columns.values()))
    return table


def _cell(fact: Any) -> RenderableType:
    if isinstance(fact, int):
        return f"{fact:,}"
    return fact if isinstance(fact, str | Text | ProgressBar) else str(fact)


def _list(title: str, facts: Mapping[str, Any]) -> Table:
    """A row a fact."""
    table = Table(show_header=False, box=None, pad_edge=False, title=title or None, title_justify="left")
    for name, fact in facts.items():
        table.add_row(Text(name, style="dim"), _cell(fact))
    return table


def status(seen: Snapshot) -> RenderableType:
    array = seen.array
    return _list(
        "",
        {
            "cache": "all on the drives" if array.clean else "holds what is not on the drives yet",
            "size": f"{array.cache_segments:,} segments, {array.volumes} volumes, {array.tasks} tasks a port",
        },
    )


PORT: dict[str, Callable[[Port], Any]] = {
    "role": lambda port: port.role,
    "usage": lambda port: words(port.usage),
    "link": lambda port: port.link,
    "N_Port_ID": lambda port: f"{port.n_port_id:06X}",
    "WWPN": lambda port: port.wwpn,
    "credit": lambda port: port.credit,
    "load: I/O": lambda port: port.load_io,
    "load: bytes": lambda port: port.load_amount,
    "load: access": lambda port: port.load_access,
    "logins": lambda port: port.logins,
    "open tasks": lambda port: port.open_tasks,
    "online frames": lambda port: port.online_frames,
    "backup frames": lambda port: port.backup_frames,
    "host requests": lambda port: port.host_requests,
}


def ports(seen: Snapshot) -> RenderableType:
    """A column a port: it fits a narrow terminal."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for head in ("Ports", *(str(port.number) for port in seen.ports)):
        table.add_column(head)
    for name, fact in PORT.items():
        table.add_row(name, *(_cell(fact(port)) for port in seen.ports))
    return table


def load(seen: Snapshot) -> RenderableType:
    now = seen.load
    return _list(
        "Placement of the backup",
        {
            "ports": _ports(now.ports, "none"),
            "moves": now.moves,
            "load windows": now.windows,
            "load window": f"{now.load_window:,} ticks",
            "rebalance": f"{now.rebalance:,} ticks",
            "rebalance margin": f"{now.rebalance_margin:,} bytes",
            "spread floor": f"{now.spread_floor:,} bytes",
            "load floor": f"{now.load_floor:,} bytes",
        },
    )


VOLUME: dict[str, Callable[[Volume], Any]] = {
    "LU": lambda volume: volume.number,
    ">blocks": lambda volume: volume.blocks,
    ">MiB": lambda volume: f"{volume.blocks / 2048:,.3g}",
    "access": lambda volume: "write protected" if volume.write_protected else "read and write",
}


def volumes(seen: Snapshot) -> RenderableType:
    return _table("Volumes", VOLUME, seen.volumes)


JOB: dict[str, Callable[[Job], Any]] = {
    "job": lambda job: job.number,
    "state": lambda job: Text(job.state, style="red" if job.error else _STYLES.get(job.state, "cyan")),
    "kind": lambda job: job.kind,
    "LU": lambda job: f"{job.volume} from {job.first}" if job.first else job.volume,
    "device/LUN/block": lambda job: f"{job.port_id:06X}/{job.lun}/{job.lba}",
    "ports": lambda job: _ports(job.ports, "any"),
    "": lambda job: ProgressBar(total=max(1, job.capacity), completed=job.backup_pointer, width=8),
    ">backup pointer": lambda job: job.backup_pointer,
    ">copy pointer": lambda job: job.copy_pointer,
    ">blocks": lambda job: job.capacity,
}


def jobs(seen: Snapshot) -> RenderableType:
    if not seen.jobs:
        return Text("Backup jobs: none yet")
    reasons = (Text(f"job {job.number}: {job.error_text}", style="red") for job in seen.jobs if job.error_text)
    return Group(_table("Backup jobs", JOB, seen.jobs), *reasons)


SCHEDULE: dict[str, Callable[[Schedule], Any]] = {
    "entry": lambda entry: entry.number,
    "": lambda entry: "on" if entry.enabled else "off",
    "starts": lambda entry: f"{entry.operation} of job {entry.job}",
    "due": lambda entry: moment(entry.due) if entry.due else "",
    "every": lambda entry: f"{entry.period:,} s" if entry.period else "once",
    "last": lambda entry: moment(entry.last) if entry.last else "never",
    "answer": lambda entry: entry.answer_text,
}


def schedules(seen: Snapshot) -> RenderableType:
    return Group(clock(seen), _table("Schedules (UTC)", SCHEDULE, seen.schedules))


def clock(seen: Snapshot) -> RenderableType:
    now: Clock = seen.clock
    return _list("", {"clock": f"{moment(now.seconds)} UTC, {now.ticks_per_second:,} ticks a second"})


PRIORITY: dict[str, Callable[[Priority], Any]] = {
    "mode": lambda now: words(now.mode),
    ">percent asked": lambda now: now.percent or "",
    ">share of backup": lambda now: f"{now.backup_share} %",
    ">quantum (bytes)": lambda now: now.backup_quantum,
    ">online time (clocks)": lambda now: now.online_time,
}


def priority(seen: Snapshot) -> RenderableType:
    return _table("Priority", PRIORITY, [seen.priority])


FABRIC: dict[str, Callable[[FabricPort], Any]] = {
    "N_Port_ID": lambda port: f"{port.n_port_id:06X}",
    "WWPN": lambda port: port.wwpn,
    "what": lambda port: port.what,
}


def fabric(seen: Snapshot) -> RenderableType:
    if seen.fabric is None:
        return Text("Fabric: cannot be seen from here")
    return _table("Fabric", FABRIC, seen.fabric)


def everything(seen: Snapshot) -> RenderableType:
    """All parts, one below the other or side by side where the terminal is wide enough."""
    rows = ((status,), (ports, load), (jobs,), (schedules,), (priority,), (volumes, fabric))
    return Group(*(part for row in rows for part in (Columns([each(seen) for each in row], padding=(0, 4)), Text())))


async def view(feed: Feed, console: Console) -> None:
    """Show what the feed brings until cancelled."""
    with Live(console=console, auto_refresh=False, screen=console.is_terminal) as live:
        async for seen in feed.follow():
            if seen is not None:
                shown = everything(seen) if isinstance(seen, Snapshot) else Text(seen, style="red")
                live.update(shown, refresh=True)
