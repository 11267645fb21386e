# SPDX-License-Identifier: Apache-2.0
"""The management interface of the array: registers by name (docs/registers.md) over any bus of words.

This is the seat of the management console (PC/WS 3000 of the source document): volumes, the allow list, the port,
priorities, and the backup job with its pointers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Protocol

from portplex.model.priority import PriorityTable, precedence_table
from portplex.registers.register_map import REGISTERS, Register

BLOCK_BYTES = 512
SEGMENT_BLOCKS = 8
PORT_STRIDE = 0x400
"""From a register of port 0 to that of port 1, in bytes."""
IDENTITY = 0x50504C58  # "PPLX"
PRECEDENCE_WORD = 0x0B3  # of the store
JOBS = 8


class Bus(Protocol):
    """Access to 32-bit registers by byte address; both calls raise when the device answers with an error."""

    async def read(self, address: int) -> int: ...

    async def write(self, address: int, value: int) -> None: ...


class BackupState(IntEnum):
    """State of a job of the backup engine (register BACKUP_STATE). A paused job ends with an abort or goes on."""

    IDLE = 0
    LOGIN = 1
    TRANSFER = 2
    LOGOUT = 3
    DONE = 4
    FAILED = 5
    ABORTED = 6
    PREPARED = 7
    QUEUED = 8
    PAUSED = 9
    PAUSING = 10


class Order(IntEnum):
    """Orders to a job: bits of register BACKUP_CONTROL."""

    START_BACKUP = 0
    START_RESTORE = 1
    ABORT = 2
    PAUSE = 3
    RESUME = 4
    START_VERIFY = 5
    PREPARE = 6


class JobKind(IntEnum):
    """What a prepared job will do."""

    BACKUP = 0
    RESTORE = 1
    VERIFY = 2


REFUSALS = {
    0x11: "the volume is absent, or has another size than when the job was paused",
    0x12: "the chunk is not legal",
    0x13: "the image would end beyond the last LBA",
    0x14: "the device is this array itself",
    0x15: "another job on this volume is queued or under way",
    0x16: "the job is not in a state for it",
    0x17: "nothing is prepared",
    0x18: "not exactly one order",
    0x19: "no port that it may use exists",
}
"""Why the array refuses an order (register BACKUP_REFUSED)."""


class OrderRefused(Exception):
    """The array has refused an order to a job; nothing has changed. `reason` is a key of REFUSALS."""

    def __init__(self, order: Order, job: int, reason: int) -> None:
        text = REFUSALS.get(reason, f"reason {reason:02X}h")
        super().__init__(f"{order.name.lower()} of job {job}: {text}")
        self.reason = reason


class PortUsage(IntEnum):
    """User-specified port table 640 (figure 8)."""

    BOTH = 0
    ONLINE_ONLY = 1
    BACKUP_ONLY = 2


@dataclass(frozen=True)
class PortLoad:
    """A port's load table of the last whole window (figure 5); `amount` in bytes, a write four times its length."""

    commands: int
    amount: int
    sequential: bool


@dataclass(frozen=True)
class Schedule:
    """An entry of tables 650 and 660: times in seconds since 1970-01-01 UTC, `period` in seconds, 0 for once."""

    enabled: bool
    job: int
    due: int
    period: int
    last: int


class Interrupt(IntFlag):
    """Events that INTERRUPT_STATUS collects; those enabled make `irq` high."""

    JOB_DONE = 1
    JOB_FAILED = 2
    PORT_0_LOST = 4
    PORT_1_LOST = 8


class PriorityMode(IntEnum):
    """Who goes first (priority table 670, figure 11 of the source document)."""

    ONLINE_FIRST = 0
    BACKUP_FIRST = 1


LESB_NAMES = REGISTERS["LESB"].elements
PORT_COUNTER_NAMES = REGISTERS["PORT_COUNTERS"].elements


@dataclass(frozen=True)
class PortStatus:
    """Register PORT_STATUS."""

    link_state: int
    fabric_login: bool
    logins: int
    open_tasks: int


@dataclass(frozen=True)
class BackupProgress:
    """The backup job as the registers show it; pointers in blocks."""

    state: BackupState
    backup_pointer: int
    copy_pointer: int
    error: int
    sense: int


class Management:
    """Commands and questions to the array, each a few register accesses."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus

    async def identify(self) -> None:
        """Raise RuntimeError unless the device at the other end of the bus is a Portplex array."""
        found = await self.bus.read(Register.ID)
        if found != IDENTITY:
            raise RuntimeError(f"register ID reads {found:#010x}, a Portplex array has {IDENTITY:#010x}")

    async def _write_name(self, register: int, name: int) -> None:
        await self.bus.write(register, name >> 32)
        await self.bus.write(register + 4, name & 0xFFFFFFFF)

    async def set_port(self, wwpn: int, wwnn: int, *, port: int = 0) -> None:
        """Names of a port, 64 bits each."""
        await self._write_name(Register.PORT_WWPN + PORT_STRIDE * port, wwpn)
        await self._write_name(Register.PORT_WWNN + PORT_STRIDE * port, wwnn)

    async def set_timers(self, *, e_d_tov: int, r_a_tov: int, r_t_tov: int, port: int = 0) -> None:
        """Timers in ticks."""
        await self.bus.write(Register.E_D_TOV + PORT_STRIDE * port, e_d_tov)
        await self.bus.write(Register.R_A_TOV + PORT_STRIDE * port, r_a_tov)
        await self.bus.write(Register.R_T_TOV + PORT_STRIDE * port, r_t_tov)

    async def enable_port(self, enable: bool = True, *, port: int = 0) -> None:
        """Bring the link up, or take it offline."""
        await self.bus.write(Register.PORT_CONTROL + PORT_STRIDE * port, int(enable))

    async def port_status(self, port: int = 0) -> PortStatus:
        """Link state, logins and open tasks."""
        found = REGISTERS["PORT_STATUS"].unpack(await self.bus.read(Register.PORT_STATUS + PORT_STRIDE * port))
        return PortStatus(found["link_state"], bool(found["fabric_login"]), found["logins"], found["open_tasks"])

    async def set_allow_list(self, names: Sequence[int]) -> None:
        """WWPNs that may log in (figure 14, step 1301); at most 32."""
        if len(names) > 32:
            raise ValueError(f"names: {len(names)} given, the allow list holds 32")
        for index in range(32):
            await self.allow(index, names[index] if index < len(names) else 0)

    async def allow(self, index: int, name: int) -> None:
        """Entry `index` (0 to 31) of the allow list; 0 is nobody."""
        if not 0 <= index < 32:
            raise ValueError(f"index={index}: the allow list has entries 0 to 31")
        await self.write_store(2 * index, name >> 32)
        await self.write_store(2 * index + 1, name & 0xFFFFFFFF)

    async def hide(self, index: int, volumes: Sequence[int]) -> None:
        """LUN masking: entry `index` of the allow list does not see these volumes, from its next PLOGI on."""
        if not 0 <= index < 32 or not all(0 <= volume < 16 for volume in volumes):
            raise ValueError(f"index={index}, volumes={list(volumes)}: entries are 0 to 31, volumes 0 to 15")
        await self.write_store(0xC0 + index, sum(1 << volume for volume in set(volumes)))

    async def set_volume(self, number: int, *, base_segment: int, blocks: int, write_protected: bool = False) -> None:
        """Define logical volume `number`: first segment on the drive, capacity in blocks (a multiple of 8)."""
        if blocks <= 0 or blocks % SEGMENT_BLOCKS:
            raise ValueError(f"blocks={blocks}: must be a positive multiple of {SEGMENT_BLOCKS}")
        address = REGISTERS["VOLUME_BASE"].at(number)
        await self.bus.write(address, base_segment)
        await self.bus.write(address + 4, blocks)
        await self.bus.write(address + 8, 1 | write_protected << 1)

    async def set_priority(self, mode: PriorityMode, *, backup_quantum: int, online_time: int) -> None:
        """Priority table (670): quantum in bytes, online time in clocks."""
        await self.bus.write(Register.PRIORITY_MODE, mode)
        await self.bus.write(Register.BACKUP_QUANTUM, backup_quantum)
        await self.bus.write(Register.ONLINE_TIME, online_time)

    async def set_precedence(self, percent: int, mode: PriorityMode = PriorityMode.ONLINE_FIRST) -> PriorityTable:
        """The user's precedence ratio: `percent` (1 to 99) of the line are the backup's while hosts want the rest. Sets
        table 670, keeps the ratio beside it for display, returns the table. ValueError for another `percent`."""
        table = precedence_table(percent, backup_first=mode is PriorityMode.BACKUP_FIRST)
        await self.set_priority(mode, backup_quantum=table.quantum, online_time=table.online_time)
        await self.write_store(PRECEDENCE_WORD, percent)
        return table

    async def precedence(self) -> int:
        """The ratio that was last set by `set_precedence`, in percent; 0 when none ever was."""
        return await self.read_store(PRECEDENCE_WORD)

    async def prepare_backup(
        self, volume: int, *, port_id: int, lun: int = 0, lba: int = 0, chunk: int = 128, ports: int = 0
    ) -> None:
        """Say what is saved and where; `chunk` in blocks, 8 to 128; `ports` a bit for each port it may use, 0 any."""
        await self.bus.write(Register.BACKUP_VOLUME, volume)
        await self.bus.write(Register.BACKUP_PORT_ID, port_id)
        await self.bus.write(Register.BACKUP_LUN, lun)
        await self.bus.write(Register.BACKUP_LBA, lba)
        await self.bus.write(Register.BACKUP_CHUNK, chunk)
        await self.bus.write(Register.BACKUP_PORTS, ports)

    async def set_copy_pointer(self, blocks: int) -> None:
        """Blocks of the image that exist: the backup goes no further (figure 7)."""
        await self.bus.write(Register.COPY_POINTER, blocks)

    async def order(self, order: Order, job: int = 0, *, kind: JobKind = JobKind.BACKUP) -> None:
        """An order to a job; OrderRefused when the array does not take it."""
        if not 0 <= job < JOBS:
            raise ValueError(f"job={job}: must be 0 to {JOBS - 1}")
        try:
            await self.bus.write(Register.BACKUP_CONTROL, 1 << order | kind << 8 | job << 12)
        except Exception as error:  # whatever this bus raises
            reason = await self.bus.read(Register.BACKUP_REFUSED)
            if not reason:
                raise
            raise OrderRefused(order, job, reason) from error

    async def start_backup(self, job: int = 0) -> None:
        await self.order(Order.START_BACKUP, job)

    async def start_restore(self, job: int = 0) -> None:
        await self.order(Order.START_RESTORE, job)

    async def start_verify(self, job: int = 0) -> None:
        """Compare the volume with what the device has (VERIFY(10), BYTCHK 1)."""
        await self.order(Order.START_VERIFY, job)

    async def abort_backup(self, job: int = 0) -> None:
        await self.order(Order.ABORT, job)

    async def pause(self, job: int = 0) -> None:
        """What is under way is awaited; the next job in the queue goes on."""
        await self.order(Order.PAUSE, job)

    async def resume(self, job: int = 0) -> None:
        """At its pointer, behind those that wait."""
        await self.order(Order.RESUME, job)

    async def prepare_job(self, job: int, kind: JobKind = JobKind.BACKUP) -> None:
        """Keep what `prepare_backup` said as job `job`, for a schedule."""
        await self.order(Order.PREPARE, job, kind=kind)

    async def job_progress(self, job: int) -> BackupProgress:
        """State, pointers and the last error of a job; the backup pointer is read before the copy pointer."""

        async def read(name: str) -> int:
            return await self.bus.read(REGISTERS[name].at(job))

        state = BackupState(await read("JOB_STATE"))
        backup, copy = await read("JOB_POINTER"), await read("JOB_COPY_POINTER")
        return BackupProgress(state, backup, copy, await read("JOB_ERROR") & 0xFFFF, await read("JOB_SENSE"))

    async def set_usage(self, port: int, usage: PortUsage) -> None:
        """What a port is for (table 640)."""
        await self.bus.write(Register.PORT_USAGE + PORT_STRIDE * port, usage)

    async def port_load(self, port: int = 0) -> PortLoad:
        """The port's load table of the last whole window."""
        at = PORT_STRIDE * port
        commands = await self.bus.read(Register.LOAD_IO + at)
        amount = await self.bus.read(Register.LOAD_AMOUNT + at)
        return PortLoad(commands, amount, bool(await self.bus.read(Register.LOAD_ACCESS + at)))

    async def load_windows(self) -> int:
        """How many windows have ended."""
        return await self.bus.read(Register.LOAD_WINDOWS)

    async def set_placement(
        self, *, window: int, rebalance: int, margin: int = 1 << 20, spread_floor: int = 0, load_floor: int = 1 << 20
    ) -> None:
        """Load window and interval between two looks for a lighter port in ticks; the others in bytes a window."""
        await self.bus.write(Register.LOAD_WINDOW, window)
        await self.bus.write(Register.REBALANCE, rebalance)
        await self.bus.write(Register.REBALANCE_MARGIN, margin)
        await self.bus.write(Register.SPREAD_FLOOR, spread_floor)
        await self.bus.write(Register.LOAD_FLOOR, load_floor)

    async def placement(self) -> tuple[int, int]:
        """Ports that new chunks of the backup go to, a bit each; how often they have changed within jobs."""
        found = REGISTERS["PLACEMENT"].unpack(await self.bus.read(Register.PLACEMENT))
        return found["ports"], found["moves"]

    async def set_clock(self, seconds: int, *, ticks_per_second: int) -> None:
        """The array's clock: seconds since 1970-01-01 UTC."""
        await self.bus.write(Register.TICKS_PER_SECOND, ticks_per_second)
        await self.bus.write(Register.CLOCK_SET, seconds)

    async def clock(self) -> int:
        return await self.bus.read(Register.CLOCK)

    async def set_schedule(self, entry: int, *, job: int, due: int, period: int = 0) -> None:
        """Start prepared job `job` at `due`, and every `period` seconds from then on (0: once). Times as `clock`; the
        array refuses one that has come already, and an enabled entry then stays as it was."""
        info = REGISTERS["SCHEDULE_CONTROL"]
        await self.bus.write(REGISTERS["SCHEDULE_DUE"].at(entry), due)
        await self.bus.write(info.at(entry), 0)
        await self.bus.write(REGISTERS["SCHEDULE_PERIOD"].at(entry), period)
        await self.bus.write(info.at(entry), 1 | job << 8)

    async def clear_schedule(self, entry: int) -> None:
        """Turn an entry off."""
        await self.bus.write(REGISTERS["SCHEDULE_CONTROL"].at(entry), 0)

    async def schedule(self, entry: int) -> Schedule:
        control = REGISTERS["SCHEDULE_CONTROL"].unpack(await self.bus.read(REGISTERS["SCHEDULE_CONTROL"].at(entry)))
        due, period, last = [
            await self.bus.read(REGISTERS[f"SCHEDULE_{name}"].at(entry)) for name in ("DUE", "PERIOD", "LAST")
        ]
        return Schedule(bool(control["enabled"]), control["job"], due, period, last)

    async def backup_pointers(self) -> tuple[int, int]:
        """Backup pointer, then copy pointer: read in this order, growth in between cannot look like a violation."""
        backup = await self.bus.read(Register.BACKUP_POINTER)
        return backup, await self.bus.read(Register.COPY_POINTER)

    async def backup_state(self) -> BackupState:
        """State of the job alone: one access of the bus."""
        return BackupState(await self.bus.read(Register.BACKUP_STATE))

    async def backup_progress(self) -> BackupProgress:
        """State, pointers and the last error of the job."""
        state = await self.backup_state()
        backup, copy = await self.backup_pointers()
        error = await self.bus.read(Register.BACKUP_ERROR)
        return BackupProgress(state, backup, copy, error, await self.bus.read(Register.BACKUP_SENSE))

    async def cache_clean(self) -> bool:
        """No segment is dirty and none is pinned."""
        return await self.bus.read(Register.STATUS) & 3 == 3

    async def flush(self) -> None:
        """Ask for everything dirty to be written to the drives; `cache_clean` tells when it is done."""
        await self.bus.write(Register.FLUSH, 1)

    async def enable_interrupts(self, events: Interrupt) -> None:
        """These, and no others, make `irq` high; a bus error says that the array has no such port."""
        await self.bus.write(Register.INTERRUPT_ENABLE, events)

    async def interrupts(self) -> Interrupt:
        """What has happened since it was cleared, enabled or not."""
        return Interrupt(await self.bus.read(Register.INTERRUPT_STATUS))

    async def clear_interrupts(self, events: Interrupt) -> None:
        """Forget these events; one that happens in the same clock stays."""
        await self.bus.write(Register.INTERRUPT_STATUS, events)

    async def counters(self, port: int = 0) -> dict[str, int]:
        """Link error status block and counters of a port by name."""
        found = {}
        for base, names in ((Register.LESB, LESB_NAMES), (Register.PORT_COUNTERS, PORT_COUNTER_NAMES)):
            for index, name in enumerate(names):
                found[name] = await self.bus.read(base + PORT_STRIDE * port + 4 * index)
        return found

    async def read_store(self, word: int) -> int:
        """A word of the management information store (600)."""
        return await self.bus.read(Register.STORE + 4 * word)

    async def write_store(self, word: int, value: int) -> None:
        await self.bus.write(Register.STORE + 4 * word, value)
