# SPDX-License-Identifier: Apache-2.0
"""Hosts find a device, write, read back and compare, whatever carries their frames: link transactor or FCoE."""

from __future__ import annotations

import hashlib
import random
from typing import Any

from portplex.device import Device
from portplex.nport.host_initiator import HostInitiator, LogicalUnit
from portplex.scenario.rig import HOST_WWPN
from portplex.scsi import cdb as scsi

FIRST_ENTRY = 2  # of the allow list: those before are the array and its backup disk
SIZES = (1, 8, 9, 128)  # blocks


class RoundTrip:
    """`facts` of a run are the same on every device for one seed."""

    def __init__(self, device: Device, *, seed: int, hosts: int = 2, commands: int = 12) -> None:
        self.device = device
        self.random = random.Random(seed)
        self.commands = commands
        self.hosts = [self._host(number) for number in range(1, hosts + 1)]

    def _host(self, number: int) -> HostInitiator:
        device, wwpn = self.device, HOST_WWPN + number
        return HostInitiator(
            device.executor, device.attach(wwpn), name=f"host {number}", wwpn=wwpn, timers=device.timers
        )

    async def run(self) -> dict[str, Any]:
        """The facts; AssertionError when a host reads what was not written."""
        management = self.device.management
        await management.identify()
        for index, host in enumerate(self.hosts):
            await management.allow(FIRST_ENTRY + index, host.wwpn)
        found: dict[HostInitiator, list[LogicalUnit]] = {}
        for host in self.hosts:
            await host.start()
            target = await host.wait_for_target(timeout=host.timers.command, interval=host.timers.command // 1000)
            found[host] = await host.discover(target)
        units = {lun.lun: lun.blocks for lun in found[self.hosts[0]]}
        digest = hashlib.sha256()
        for number in range(self.commands):
            writer, reader = self.random.sample(self.hosts, 2) if len(self.hosts) > 1 else self.hosts * 2
            lun = self.random.randrange(len(units))
            size = self.random.choice(SIZES)
            lba = self.random.randrange(found[writer][lun].blocks - size + 1)
            data = self.random.randbytes(512 * size)
            await writer.write(found[writer][lun], lba, data)
            read = await reader.read(found[reader][lun], lba, size)
            if read != data:
                raise AssertionError(f"command {number}: {reader.name} does not read what {writer.name} wrote")
            digest.update(read)
        host = self.hosts[0]
        unit = found[host][0]
        beyond = await host.command(unit.target, unit.lun, scsi.read(unit.blocks, 1), data_in=512)
        logins = (await management.port_status()).logins
        for host in self.hosts:
            for peer in list(host.sessions):
                await host.logout(peer)
        return {
            "units": units,
            "read": digest.hexdigest(),
            "beyond the end": (beyond.status, str(beyond.sense)),
            "logins": logins,
            "violations": [str(violation) for host in self.hosts for violation in host.violations],
            "retries": sum(host.counts["abts_sent"] for host in self.hosts),
        }
