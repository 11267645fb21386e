# SPDX-License-Identifier: Apache-2.0
"""An array without an array: registers and the rules they follow, for tests of the console."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from portplex.console.array import ArrayConsole
from portplex.console.bus import ArrayGone, Refused
from portplex.management import IDENTITY, Management
from portplex.registers.register_map import Register

SELF, DISK, HOST = 0x010100, 0x010200, 0x010300
READ_ONLY = {Register.ID, Register.PARAMETERS, Register.STATUS, Register.BACKUP_STATE, Register.BACKUP_POINTER}


class Registers:
    """A bus with volumes 0 and 1 (2048 and 128 blocks). `writes` and `requests` are what was asked of it."""

    def __init__(self) -> None:
        self.values: dict[int, int] = {
            Register.ID: IDENTITY,
            Register.PARAMETERS: 32 | 4 << 9,
            Register.CACHE_SEGMENTS: 64,
            Register.STATUS: 3,
            Register.PORT_STATUS: 1 << 4 | 2 << 8 | 5 << 16,
            Register.PORT_ID: SELF,
            Register.PORT_WWPN: 0x50000000,
            Register.PORT_WWPN + 4: 0x50580001,
            Register.VOLUME_BLOCKS: 2048,
            Register.VOLUME_FLAGS: 1,
            Register.VOLUME_BLOCKS + 16: 128,
            Register.VOLUME_FLAGS + 16: 3,
            Register.BACKUP_QUANTUM: 65536,
            Register.ONLINE_TIME: 65536,
        }
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
        if address in READ_ONLY:
            raise Refused("hardware", f"write {address:#06x}: SLVERR")
        self.writes.append((address, value))
        if address == Register.BACKUP_CONTROL:
            if value & 3:
                self.job(2, self.values[Register.BACKUP_VOLUME], 0, self.values[Register.COPY_POINTER])
            elif value & 4:
                self.values[Register.BACKUP_STATE] = 6
            return
        self.values[address] = value

    def job(self, state: int, volume: int, backup: int, copy: int, *, error: int = 0, sense: int = 0) -> None:
        """Registers and record 630 of a job."""
        values = self.values
        capacity = values[Register.VOLUME_BLOCKS + 16 * volume]
        values[Register.BACKUP_STATE], values[Register.BACKUP_POINTER] = state, backup
        values[Register.BACKUP_ERROR], values[Register.BACKUP_SENSE] = error, sense
        port_id = values.get(Register.BACKUP_PORT_ID, DISK)
        record = (state, volume, backup, copy, capacity, port_id, values.get(Register.BACKUP_LUN, 0), 0)
        for word, value in enumerate(record):
            values[Register.STORE + 4 * (0x60 + word)] = value


async def fabric() -> list[dict[str, Any]]:
    return [
        {"n_port_id": SELF, "wwpn": "5000000050580001", "what": "array"},
        {"n_port_id": DISK, "wwpn": "5000000050580002", "what": "backup disk"},
        {"n_port_id": HOST, "wwpn": "5000000050580003", "what": "host"},
    ]


def console(registers: Registers) -> ArrayConsole:
    return ArrayConsole(Management(registers), fabric=fabric)
