# SPDX-License-Identifier: Apache-2.0
"""The array as the console sees it: `look` reads everything, the other methods carry out orders.

Web page, terminal view and shell commands use this and nothing else. It works on any `Management`, in any loop.
A value out of its register's range (docs/registers.md) is refused before anything is written. Everything else the array
decides; its reason becomes a `Refused` that names argument, value and what is possible.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

from portplex.console.bus import ArrayGone, LookBus, Refused, SocketBus
from portplex.console.facts import (
    Array,
    Clock,
    FabricPort,
    Job,
    Load,
    Port,
    Priority,
    Schedule,
    Snapshot,
    Volume,
    read_facts,
)
from portplex.console.texts import moment
from portplex.management import (
    JOBS,
    PRECEDENCE_WORD,
    BackupState,
    JobKind,
    Management,
    Order,
    OrderRefused,
    PortUsage,
    PriorityMode,
)
from portplex.model.backup import LEGAL, UNDER_WAY, JobCommand
from portplex.model.schedule import SCHEDULES
from portplex.registers.register_map import REGISTERS

LAST_LBA = 0xFFFFFFFF
AT_WORK = (*UNDER_WAY, BackupState.QUEUED)
FREE = (BackupState.IDLE, BackupState.DONE, BackupState.FAILED, BackupState.ABORTED)


class Kind(StrEnum):
    """What a job does."""

    BACKUP = "backup"
    RESTORE = "restore"
    VERIFY = "verify"


START = {Kind.BACKUP: Order.START_BACKUP, Kind.RESTORE: Order.START_RESTORE, Kind.VERIFY: Order.START_VERIFY}

REASONS = {
    0x11: "no_volume",
    0x13: "range",
    0x14: "own_port",
    0x15: "volume_busy",
    0x16: "job_state",
    0x17: "not_prepared",
    0x19: "no_port",
}
"""Words for the array's reasons (register BACKUP_REFUSED)."""


def _range(name: str, value: object, low: int, high: int, step: int = 1, *, reason: str = "range") -> Refused:
    multiple = f" and a multiple of {step}" if step > 1 else ""
    return Refused(reason, f"{name}={value}: must be {low} to {high}{multiple}")


def check_number(name: str, value: int, count: int) -> None:
    """Refused unless the array has this port, job or entry."""
    if not 0 <= value < count:
        raise _range(name, value, 0, count - 1, reason="absent")


def state_of(job: Job) -> BackupState:
    return BackupState[job.state.upper()]


class ArrayConsole:
    """`fabric` tells which ports are logged in with the fabric ({n_port_id, wwpn, what}), where that can be known."""

    def __init__(
        self, management: Management, *, fabric: Callable[[], Awaitable[list[dict[str, Any]] | None]] | None = None
    ) -> None:
        self._array = management
        self._fabric = fabric
        self._bus = LookBus(management.bus)
        self._view = Management(self._bus)
        self._looking = asyncio.Lock()
        self._ordering = asyncio.Lock()
        self._ordered = False  # since the last look

    # ---- what there is ----

    async def look(self, *, whole: bool = False) -> Snapshot:
        """Everything; `whole` also reads what is read more seldom."""
        bus = self._bus
        async with self._looking:
            await bus.begin(whole=whole or self._ordered)
            self._ordered = False
            await self._view.identify()
            await bus.want({REGISTERS["JOB_STATE"].at(job): False for job in range(JOBS)})
            array = await read_facts(bus, Array)
            load = await read_facts(bus, Load)
            volumes = [await read_facts(bus, Volume, n, number=n) for n in range(array.volumes)]
            known = None if self._fabric is None else await self._fabric()
            return Snapshot(
                array=array,
                clock=await read_facts(bus, Clock),
                load=load,
                ports=[await read_facts(bus, Port, n, number=n, backup=n in load.ports) for n in range(array.ports)],
                volumes=[volume for volume in volumes if volume.present],
                jobs=[await read_facts(bus, Job, n, number=n) for n in range(JOBS) if await self._used(n)],
                schedules=[await read_facts(bus, Schedule, n, number=n) for n in range(SCHEDULES)],
                priority=await read_facts(bus, Priority),
                fabric=None if known is None else [FabricPort(**port) for port in known],
            )

    @asynccontextmanager
    async def _order_given(self) -> AsyncIterator[None]:
        """An order is several accesses, and two people may order at once. The next look shows all it has changed."""
        async with self._ordering:
            try:
                yield
            finally:
                self._ordered = True

    async def _used(self, job: int) -> bool:
        return await self._bus.read(REGISTERS["JOB_STATE"].at(job)) != BackupState.IDLE

    # ---- jobs ----

    async def start(
        self,
        kind: Kind,
        volume: int,
        port_id: int,
        *,
        lun: int = 0,
        lba: int = 0,
        chunk: int = 128,
        copy_pointer: int | None = None,
        ports: Sequence[int] | None = None,
        job: int | None = None,
        prepare: bool = False,
    ) -> int:
        """Queue a job, or `prepare` it for a schedule; its number. Blocks below `copy_pointer` exist; left out, all of
        the volume. `ports` are those it may use, left out any. Without `job` the lowest that is free is taken."""
        async with self._order_given():
            seen = await self.look(whole=True)
            for port in ports or ():
                check_number("ports", port, seen.array.ports)
            mask = sum(1 << port for port in set(ports or ()))
            given = {"volume": volume, "port_id": port_id, "lun": lun, "lba": lba, "chunk": chunk}
            for name, value in given.items():
                self._check(seen, name, value, f"BACKUP_{name.upper()}")
            blocks = next((each.blocks for each in seen.volumes if each.number == volume), 0)
            copied = blocks if copy_pointer is None else copy_pointer
            if blocks and not 0 <= copied <= blocks:
                raise _range("copy_pointer", copied, 0, blocks)
            if job is None:
                job = self._free_job(seen)
            check_number("job", job, JOBS)
            self._keep_copying(seen, copied)
            await self._array.prepare_backup(volume, port_id=port_id, lun=lun, lba=lba, chunk=chunk, ports=mask)
            await self._array.set_copy_pointer(copied)
            order = Order.PREPARE if prepare else START[kind]
            await self._order(order, job, JobKind[kind.name], volume=volume, port_id=port_id, lba=lba, ports=ports)
            return job

    @staticmethod
    def _free_job(seen: Snapshot) -> int:
        """The lowest that was never used, else the lowest that has ended and that no schedule starts again."""
        kept = {job.number for job in seen.jobs if state_of(job) not in FREE}
        kept |= {entry.job for entry in seen.schedules if entry.enabled}
        free = sorted(set(range(JOBS)) - kept)
        if not free:
            raise Refused("no_job", f"job: all {JOBS} are in use; abort one that is not needed")
        used = {job.number for job in seen.jobs}
        return next((number for number in free if number not in used), free[0])

    @staticmethod
    def _keep_copying(seen: Snapshot, copied: int) -> None:
        """The array has one register for the copy pointer of a start and of the job under way, which it would raise."""
        for job in seen.jobs:
            if state_of(job) in UNDER_WAY and job.copy_pointer < min(copied, job.capacity):
                raise Refused(
                    "copying",
                    f"copy_pointer={copied}: the image of job {job.number}, which is under way, is copied up to "
                    f"{job.copy_pointer} only: must be 0 to {job.copy_pointer} until it is whole",
                )

    async def order(self, order: Order, job: int) -> None:
        """Pause, resume or abort a job."""
        async with self._order_given():
            check_number("job", job, JOBS)
            await self._order(order, job)

    async def _order(self, order: Order, job: int, kind: JobKind = JobKind.BACKUP, **given: Any) -> None:
        try:
            await self._array.order(order, job, kind=kind)
        except OrderRefused as refused:
            reason = REASONS.get(refused.reason, "hardware")
            text = self._explain(await self.look(whole=True), reason, order, job, **given)
            raise Refused(reason, text or str(refused)) from None

    @staticmethod
    def _explain(seen: Snapshot, reason: str, order: Order, number: int, **given: Any) -> str:
        """What the array's reason means for these arguments; empty where its own words say it all."""
        job = next((each for each in seen.jobs if each.number == number), None)
        volume = given.get("volume", job.volume if job is not None else 0)
        blocks = next((each.blocks for each in seen.volumes if each.number == volume), 0)
        match reason:
            case "no_volume" if blocks:
                return f"volume={volume}: it has another size than when job {number} was paused"
            case "no_volume":
                there = ", ".join(str(each.number) for each in seen.volumes) or "none"
                return f"volume={volume}: there is no such logical unit; there are: {there}"
            case "range" if "lba" in given:
                return f"lba={given['lba']}: must be 0 to {LAST_LBA - blocks}, the image has {blocks} blocks"
            case "own_port" if "port_id" in given:
                return f"port_id={given['port_id']:06X}h: that is the array itself"
            case "volume_busy":
                others = [each for each in seen.jobs if each.volume == volume and each.number != number]
                busy = [f"job {each.number} is at work on it" for each in others if state_of(each) in AT_WORK]
                return f"volume={volume}: {', '.join(busy) or 'a job was at work on it'}"
            case "job_state":
                state = "idle" if job is None else job.state
                wanted = ", ".join(each.name.lower() for each in LEGAL[JobCommand[order.name]])
                return f"job={number}: is {state}; for {order.name.lower().replace('_', ' ')} must be one of {wanted}"
            case "no_port":
                usage = ", ".join(f"port {port.number} {port.usage}" for port in seen.ports)
                ports = given.get("ports") or "any"
                return f"ports={ports}: none of them may carry a backup; usage: {usage}"
        return ""

    async def set_copy_pointer(self, job: int, blocks: int) -> None:
        """More of the image of the job under way exists. It only grows."""
        async with self._order_given():
            check_number("job", job, JOBS)
            found = next((each for each in (await self.look(whole=True)).jobs if each.number == job), None)
            if found is None or state_of(found) not in UNDER_WAY:
                state = "idle" if found is None else found.state
                raise Refused("job_state", f"job={job}: is {state}; its copy pointer moves while it is under way")
            if not found.copy_pointer <= blocks <= found.capacity:
                raise _range("copy_pointer", blocks, found.copy_pointer, found.capacity)
            await self._array.set_copy_pointer(blocks)

    # ---- settings ----

    def _check(self, seen: Snapshot, name: str, value: int, register: str) -> None:
        """Refused, with the range, for a value that the hardware would refuse."""
        field = REGISTERS[register].fields[0]
        parameters = {"VOLUMES": seen.array.volumes, "PORTS": seen.array.ports}
        if not field.legal(value, parameters):
            raise _range(name, value, field.minimum, field.limit(parameters), field.step)

    async def _set(self, **values: int | None) -> None:
        """Registers with the names of the arguments (`seconds`: of the clock); all are looked at before the first is
        written."""
        wanted = {name: value for name, value in values.items() if value is not None}
        register = {name: "CLOCK_SET" if name == "seconds" else name.upper() for name in wanted}
        async with self._order_given():
            seen = await self.look()
            for name, value in wanted.items():
                self._check(seen, name, value, register[name])
            for name, value in wanted.items():
                await self._array.bus.write(REGISTERS[register[name]].address, value)

    async def set_usage(self, port: int, usage: PortUsage) -> None:
        """What a port is for (table 640)."""
        async with self._order_given():
            check_number("port", port, (await self.look()).array.ports)
            await self._array.set_usage(port, usage)

    async def set_load(
        self,
        *,
        load_window: int | None = None,
        load_floor: int | None = None,
        rebalance: int | None = None,
        rebalance_margin: int | None = None,
        spread_floor: int | None = None,
    ) -> None:
        """Load windows and placement of the backup; what is left out stays."""
        await self._set(
            load_window=load_window,
            load_floor=load_floor,
            rebalance=rebalance,
            rebalance_margin=rebalance_margin,
            spread_floor=spread_floor,
        )

    async def set_clock(self, *, seconds: int | None = None, ticks_per_second: int | None = None) -> None:
        """The array's clock, ahead or back, and its rate."""
        await self._set(ticks_per_second=ticks_per_second, seconds=seconds)

    async def set_priority(
        self,
        mode: PriorityMode | None = None,
        *,
        percent: int | None = None,
        backup_quantum: int | None = None,
        online_time: int | None = None,
    ) -> None:
        """Table 670; what is left out stays. `percent` of the line for the backup sets both others."""
        if percent is not None and not (backup_quantum is online_time is None):
            raise Refused("range", "percent, backup_quantum, online_time: percent sets the others, give it or them")
        if percent is not None and not 1 <= percent <= 99:
            raise _range("percent", percent, 1, 99)
        if percent is None and (backup_quantum, online_time) != (None, None):
            await self._set(backup_quantum=backup_quantum, online_time=online_time)
            await self._array.write_store(PRECEDENCE_WORD, 0)
        if percent is not None or mode is not None:
            async with self._order_given():
                now = (await self.look(whole=True)).priority
                chosen = PriorityMode[now.mode.upper()] if mode is None else mode
                if percent is not None:
                    await self._array.set_precedence(percent, chosen)
                else:
                    await self._array.set_priority(
                        chosen, backup_quantum=now.backup_quantum, online_time=now.online_time
                    )

    async def set_schedule(self, entry: int, *, job: int, due: int, period: int = 0) -> None:
        """Start a prepared job at `due`, then every `period` seconds. Refused as `past` when that has come already."""
        check_number("entry", entry, SCHEDULES)
        check_number("job", job, JOBS)
        async with self._order_given():
            seen = await self.look()
            self._check(seen, "due", due, "SCHEDULE_DUE")
            self._check(seen, "period", period, "SCHEDULE_PERIOD")
            try:
                await self._array.set_schedule(entry, job=job, due=due, period=period)
            except ArrayGone:
                raise
            except Exception:  # whatever this bus raises
                now = await self._array.clock()
                if due > now:
                    raise
                text = f"due={due} ({moment(due)}): must be after {now} ({moment(now)}), the array's time now"
                raise Refused("past", text) from None

    async def clear_schedule(self, entry: int) -> None:
        """Turn an entry off."""
        check_number("entry", entry, SCHEDULES)
        async with self._order_given():
            await self._array.clear_schedule(entry)


def attach(control: Path) -> ArrayConsole:
    """The console of the array behind a control socket."""
    bus = SocketBus(control)
    return ArrayConsole(Management(bus), fabric=bus.fabric)
