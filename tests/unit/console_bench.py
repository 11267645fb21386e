# SPDX-License-Identifier: Apache-2.0
"""An array without an array: registers and the rules they follow (the models of the hardware), for tests of the
console."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from portplex.console.array import ArrayConsole
from portplex.console.bus import ArrayGone, Refused
from portplex.management import IDENTITY, JOBS, PORT_STRIDE, BackupState, Management, Order
from portplex.model.backup import JobCommand, JobOrder, JobWorld, refusal
from portplex.model.schedule import SCHEDULES, TimeSupervisor
from portplex.registers.register_map import REGISTERS, Register

SELF, SECOND, DISK, HOST = 0x010100, 0x010200, 0x010300, 0x010400
NOW = 1_800_000_000
PLAIN = {info.address: info for info in REGISTERS.values() if not info.dimensions}


class Registers:
    """A bus to an array of `ports` ports with volumes 0 and 1 (2048 and 128 blocks). `writes` and `requests` are what
    was asked of it."""

    def __init__(self, ports: int = 2) -> None:
        self.ports = ports
        self.values: dict[int, int] = {
            Register.ID: IDENTITY,
            Register.PARAMETERS: 32 | 4 << 9,
            Register.PARAMETERS2: ports,
            Register.CACHE_SEGMENTS: 64,
            Register.STATUS: 3,
            Register.CLOCK: NOW,
            Register.TICKS_PER_SECOND: 1000,
            Register.LOAD_WINDOW: 256,
            Register.REBALANCE: 512,
            **dict.fromkeys(range(Register.BACKUP_VOLUME, Register.BACKUP_PORTS + 4, 4), 0),
            Register.BACKUP_CHUNK: 128,
            Register.VOLUME_BLOCKS: 2048,
            Register.VOLUME_FLAGS: 1,
            Register.VOLUME_BLOCKS + 16: 128,
            Register.VOLUME_FLAGS + 16: 3,
            Register.BACKUP_QUANTUM: 65536,
            Register.ONLINE_TIME: 65536,
        }
        for port, n_port_id in enumerate((SELF, SECOND)[:ports]):
            for register, value in {
                Register.PORT_STATUS: 1 << 4 | 2 << 8 | 5 << 16,
                Register.PORT_ID: n_port_id,
                Register.PORT_CREDIT: 8,
                Register.PORT_WWPN: 0x50000000,
                Register.PORT_WWPN + 4: 0x50580001 + port,
            }.items():
                self.values[register + PORT_STRIDE * port] = value
        self.prepared: set[int] = set()
        self.supervisor = TimeSupervisor()
        self.writes: list[tuple[int, int]] = []
        self.requests: list[list[int]] = []
        self.gone = ""

    async def read(self, address: int) -> int:
        return (await self.read_many([address]))[0]

    async def read_many(self, addresses: Sequence[int]) -> list[int]:
        if self.gone:
            raise ArrayGone(self.gone)
        self.requests.append(list(addresses))
        return [self.values.get(address, 0) for address in addresses]

    async def write(self, address: int, value: int) -> None:
        if self.gone:
            raise ArrayGone(self.gone)
        info = PLAIN.get(address)
        entry, field = divmod(address - Register.SCHEDULE_CONTROL, 16)
        if 0 <= entry < SCHEDULES:
            taken = self.supervisor.write(entry, field // 4, value, self.values[Register.CLOCK])
        elif address == Register.BACKUP_CONTROL:
            taken = self.command(value)
        elif info is not None:
            taken = info.legal(value, {"VOLUMES": 4, "PORTS": self.ports})
        else:
            taken = True
        if not taken:
            raise Refused("hardware", f"write {address:#06x}: SLVERR")
        self.writes.append((address, value))
        if address == Register.CLOCK_SET:
            self.values[Register.CLOCK] = value
        elif address != Register.BACKUP_CONTROL:
            self.values[address] = value

    def command(self, value: int) -> bool:
        """BACKUP_CONTROL, as the engine does it; a job that is started is under way, or queued behind another."""
        values = self.values
        command = JobCommand[Order((value & 0x7F).bit_length() - 1).name]
        kind, number = value >> 8 & 3, value >> 12 & 7
        order = JobOrder(
            values[Register.BACKUP_VOLUME],
            values[Register.BACKUP_PORT_ID],
            values[Register.BACKUP_LUN],
            values[Register.BACKUP_LBA],
            values[Register.BACKUP_CHUNK],
            values[Register.BACKUP_PORTS],
        )
        states = {job: BackupState(values.get(REGISTERS["JOB_STATE"].at(job), 0)) for job in range(JOBS)}
        record = {
            job: JobOrder(values.get(self.word(job, 1), 0), values.get(self.word(job, 5), 0)) for job in range(JOBS)
        }
        volumes = {
            n: values[Register.VOLUME_BLOCKS + 16 * n] for n in range(4) if values.get(Register.VOLUME_FLAGS + 16 * n)
        }
        usages = [values.get(Register.PORT_USAGE + PORT_STRIDE * port, 0) for port in range(self.ports)]
        world = JobWorld(
            states,
            record,
            {job: values.get(self.word(job, 4), 0) for job in range(JOBS)},
            self.prepared,
            volumes,
            {SELF, SECOND},
            sum(1 << port for port, usage in enumerate(usages) if usage != 1),
        )
        refused = refusal(command, number, order, world, kind=kind)
        values[Register.BACKUP_REFUSED] = refused
        if refused:
            return False
        if command is JobCommand.PAUSE:
            state = BackupState.PAUSED
        elif command is JobCommand.ABORT:
            state = BackupState.ABORTED
        elif command is JobCommand.PREPARE:
            self.prepared.add(number)
            state = BackupState.PREPARED
        elif BackupState.TRANSFER in states.values():
            state = BackupState.QUEUED
        else:
            state = BackupState.TRANSFER
        if command in (JobCommand.PAUSE, JobCommand.ABORT, JobCommand.RESUME):
            values[REGISTERS["JOB_STATE"].at(number)] = state
        else:
            copied = values[Register.COPY_POINTER]
            self.job(
                state, order.volume, 0, copied, number=number, kind=kind if command is JobCommand.PREPARE else command
            )
        return True

    @staticmethod
    def word(job: int, word: int) -> int:
        """Address of a word of a job's record."""
        return Register.STORE + 4 * (0x100 + 16 * job + word)

    def job(
        self,
        state: int,
        volume: int,
        backup: int,
        copy: int,
        *,
        number: int = 0,
        kind: int = 0,
        error: int = 0,
        sense: int = 0,
    ) -> None:
        """Registers and record of a job."""
        values = self.values
        registers = {"STATE": state, "POINTER": backup, "COPY_POINTER": copy, "ERROR": error, "SENSE": sense}
        for name, value in registers.items():
            values[REGISTERS[f"JOB_{name}"].at(number)] = value
        record = {
            1: volume,
            4: values[Register.VOLUME_BLOCKS + 16 * volume],
            5: values[Register.BACKUP_PORT_ID] or DISK,
            6: values[Register.BACKUP_LUN],
            7: values[Register.BACKUP_LBA],
            9: kind,
            10: values[Register.BACKUP_CHUNK],
            11: values[Register.BACKUP_PORTS],
        }
        for word, value in record.items():
            values[self.word(number, word)] = value


async def fabric() -> list[dict[str, Any]]:
    return [
        {"n_port_id": SELF, "wwpn": "5000000050580001", "what": "array"},
        {"n_port_id": DISK, "wwpn": "5000000050580003", "what": "backup disk"},
        {"n_port_id": HOST, "wwpn": "5000000050580004", "what": "host"},
    ]


def console(registers: Registers) -> ArrayConsole:
    return ArrayConsole(Management(registers), fabric=fabric)
