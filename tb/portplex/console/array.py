# SPDX-License-Identifier: Apache-2.0
"""The array as the console sees it: `look` reads everything, the other methods carry out orders.

Web page, terminal view and shell commands use this and nothing else. It works on any `Management`, in any loop.
Every order checks its values first and raises `Refused` with the range or the reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

from portplex.console.bus import LookBus, Refused, SocketBus
from portplex.console.facts import Array, FabricPort, Job, Port, Priority, Snapshot, Volume
from portplex.console.texts import job_error, link_state
from portplex.management import PORT_COUNTER_NAMES, BackupState, Management, PriorityMode
from portplex.model.priority import PriorityTable
from portplex.registers.register_map import REGISTERS, Register

WORD = 0xFFFFFFFF
LAST_PORT_ID = 0xFFFFEF  # above it are the well-known addresses
RECORD = 0x60  # table 630 in the store
UNDER_WAY = (BackupState.LOGIN, BackupState.TRANSFER, BackupState.LOGOUT, BackupState.PAUSING)
NOT_ENDED = (*UNDER_WAY, BackupState.QUEUED, BackupState.PAUSED)  # has to be aborted before its volume is free


class Kind(StrEnum):
    """What a job does."""

    BACKUP = "backup"
    RESTORE = "restore"


def check(name: str, value: int, low: int, high: int, step: int = 1) -> None:
    """Refused, with the range, unless low <= value <= high and value is a multiple of step."""
    if not low <= value <= high or value % step:
        multiple = f" and a multiple of {step}" if step > 1 else ""
        raise Refused("range", f"{name}={value}: must be {low} to {high}{multiple}")


def check_field(name: str, value: int, register: str) -> None:
    """The same with the range the hardware checks (docs/registers.md)."""
    (field,) = REGISTERS[register].fields
    check(name, value, field.minimum, field.limit({}), field.step)


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
        self._ordering = asyncio.Lock()  # an order is several accesses, and two people may order at once

    # ---- what there is ----

    async def look(self) -> Snapshot:
        """Everything."""
        async with self._looking:
            await self._bus.begin()
            await self._view.identify()
            array = await self._read_array()
            volumes = [await self._volume(number) for number in range(array.volumes)]
            job = await self._job()
            known = None if self._fabric is None else await self._fabric()
            return Snapshot(
                array=array,
                ports=[await self._port(0, job)],
                volumes=[volume for volume in volumes if volume is not None],
                jobs=[] if job is None else [job],
                priority=await self._priority(),
                fabric=None if known is None else [FabricPort(**port) for port in known],
            )

    async def _read_array(self) -> Array:
        parameters = REGISTERS["PARAMETERS"].unpack(await self._bus.read(Register.PARAMETERS))
        status = REGISTERS["STATUS"].unpack(await self._bus.read(Register.STATUS))
        return Array(
            tasks=parameters["tasks"],
            volumes=parameters["volumes"],
            cache_segments=await self._bus.read(Register.CACHE_SEGMENTS),
            clean=bool(status["clean"]),
            pinned=not status["unpinned"],
        )

    async def _port(self, number: int, job: Job | None) -> Port:
        read = self._bus.read
        status = await self._view.port_status(number)
        up = status.link_state == 0 and status.fabric_login
        backup = job is not None and BackupState[job.state.upper()] in UNDER_WAY
        wwpn = [await read(REGISTERS[register].at(number)) for register in ("PORT_WWPN", "PORT_WWPN_LOW")]
        counts = {
            name: await read(REGISTERS["PORT_COUNTERS"].at(number, PORT_COUNTER_NAMES.index(name)))
            for name in ("online_frames", "backup_frames", "host_requests")
        }
        return Port(
            number=number,
            role="offline" if not up else "online and backup" if backup else "online",
            link=link_state(status.link_state),
            fabric_login=status.fabric_login,
            n_port_id=await read(REGISTERS["PORT_ID"].at(number)),
            wwpn="".join(f"{half:08x}" for half in wwpn),
            logins=status.logins,
            open_tasks=status.open_tasks,
            **counts,
        )

    async def _volume(self, number: int) -> Volume | None:
        flags = await self._bus.read(REGISTERS["VOLUME_FLAGS"].at(number))
        if not flags & 1:
            return None
        blocks = await self._bus.read(REGISTERS["VOLUME_BLOCKS"].at(number))
        return Volume(number=number, blocks=blocks, write_protected=bool(flags & 2))

    async def _job(self) -> Job | None:
        """The backup pointer is read before the copy pointer, so that growth in between cannot look wrong."""
        progress = await self._view.backup_progress()
        if progress.state is BackupState.IDLE:
            return None
        volume, backup, copy, capacity, port_id, lun, lba = [
            await self._view.read_store(RECORD + word) for word in range(1, 8)
        ]
        return Job(
            number=0,
            state=progress.state.name.lower(),
            volume=volume,
            capacity=capacity,
            backup_pointer=backup,
            copy_pointer=copy,
            port_id=port_id,
            lun=lun,
            lba=lba,
            error=progress.error,
            error_text=job_error(progress.error, progress.sense),
        )

    async def _priority(self) -> Priority:
        mode = PriorityMode(await self._bus.read(Register.PRIORITY_MODE))
        quantum = await self._bus.read(Register.BACKUP_QUANTUM)
        online_time = await self._bus.read(Register.ONLINE_TIME)
        share = PriorityTable(mode is PriorityMode.BACKUP_FIRST, quantum, online_time).backup_share()
        return Priority(
            mode=mode.name.lower(),
            backup_quantum=quantum,
            online_time=online_time,
            backup_share=round(100 * share, 1),
        )

    # ---- orders ----

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
    ) -> None:
        """Begin a job. Blocks below `copy_pointer` exist; left out, all of the volume. Refused: `range`, `no_volume`,
        `own_port`, `not_logged_in`, `volume_busy`, `busy`, `hardware`."""
        check("port_id", port_id, 1, LAST_PORT_ID)
        check_field("lun", lun, "BACKUP_LUN")
        check_field("lba", lba, "BACKUP_LBA")
        check_field("chunk", chunk, "BACKUP_CHUNK")
        async with self._ordering:
            seen = await self.look()
            unit = next((each for each in seen.volumes if each.number == volume), None)
            if unit is None:
                there = ", ".join(str(each.number) for each in seen.volumes) or "none"
                raise Refused("no_volume", f"volume={volume}: there is no such logical unit; there are: {there}")
            if copy_pointer is not None:
                check("copy_pointer", copy_pointer, 0, unit.blocks)
            if lba + unit.blocks > WORD + 1:
                last = WORD + 1 - unit.blocks
                raise Refused("range", f"lba={lba}: must be 0 to {last}, the image has {unit.blocks} blocks")
            if any(port.n_port_id == port_id for port in seen.ports):
                raise Refused("own_port", f"port_id={port_id:06X}h: that is the array itself")
            if seen.fabric is not None and all(port.n_port_id != port_id for port in seen.fabric):
                raise Refused("not_logged_in", f"port_id={port_id:06X}h: is not logged in with the fabric")
            for job in seen.jobs:
                if BackupState[job.state.upper()] in NOT_ENDED:
                    if job.volume == volume:
                        raise Refused("volume_busy", f"volume={volume}: job {job.number} is at work on it")
                    raise Refused("busy", f"job {job.number} is under way, of volume {job.volume}: one at a time")
            await self._array.prepare_backup(volume, port_id=port_id, lun=lun, lba=lba, chunk=chunk)
            await self._array.set_copy_pointer(unit.blocks if copy_pointer is None else copy_pointer)
            await (self._array.start_backup() if kind is Kind.BACKUP else self._array.start_restore())

    async def abort(self, job: int) -> None:
        """End a job that is under way."""
        async with self._ordering:
            await self._under_way(job)
            await self._array.abort_backup()

    async def set_copy_pointer(self, job: int, blocks: int) -> None:
        """More of the image exists. It only grows."""
        async with self._ordering:
            found = await self._under_way(job)
            check("copy_pointer", blocks, found.copy_pointer, found.capacity)
            await self._array.set_copy_pointer(blocks)

    async def _under_way(self, number: int) -> Job:
        check("job", number, 0, 0)
        for job in (await self.look()).jobs:
            if job.number == number and BackupState[job.state.upper()] in NOT_ENDED:
                return job
        raise Refused("no_job", f"job={number}: is not under way")

    async def set_priority(
        self,
        mode: PriorityMode | None = None,
        *,
        backup_quantum: int | None = None,
        online_time: int | None = None,
        backup_share: int | None = None,
    ) -> None:
        """Table 670; what is left out stays. `backup_share` in percent sets the online time that gives it."""
        if backup_quantum is not None:
            check_field("backup_quantum", backup_quantum, "BACKUP_QUANTUM")
        if online_time is not None:
            check_field("online_time", online_time, "ONLINE_TIME")
        if backup_share is not None:
            check("backup_share", backup_share, 1, 99)
            if online_time is not None:
                raise Refused("range", "backup_share, online_time: one of them, since the share sets the time")
        async with self._ordering:
            now = (await self.look()).priority
            quantum = now.backup_quantum if backup_quantum is None else backup_quantum
            time = now.online_time if online_time is None else online_time
            if backup_share is not None:
                words = PriorityTable(False, quantum, 0).quantum_words()
                time = round(words * (100 - backup_share) / backup_share)
                if not 1 <= time <= REGISTERS["ONLINE_TIME"].fields[0].limit({}):
                    raise Refused("range", f"backup_share={backup_share}: no online time gives it with {quantum} bytes")
            chosen = PriorityMode[now.mode.upper()] if mode is None else mode
            await self._array.set_priority(chosen, backup_quantum=quantum, online_time=time)


def attach(control: Path) -> ArrayConsole:
    """The console of the array behind a control socket."""
    bus = SocketBus(control)
    return ArrayConsole(Management(bus), fabric=bus.fabric)
