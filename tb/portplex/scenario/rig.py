# SPDX-License-Identifier: Apache-2.0
"""The set-up every scenario starts from: a fabric, hosts and a backup disk around one array (source, figure 1).

    rig = Rig(device, drive, folder, seed=1)
    await rig.bring_up()
    units = await rig.log_in()
    ... traffic ...
    await rig.wind_down()
    await rig.compare()

Whatever turns out wrong is a line in `problems`; what never comes raises DeadlineExceeded.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from pathlib import Path

from portplex.device import Device, DriveAccess
from portplex.executor import DeadlineExceeded, sleep
from portplex.fabric.switch import Switch
from portplex.files import write_whole
from portplex.management import BLOCK_BYTES, PriorityMode
from portplex.model.volume import VolumeModel
from portplex.nport.backup_disk import BackupDisk
from portplex.nport.host_initiator import HostInitiator, LogicalUnit
from portplex.scenario.bring_up import Settings, configure, go_online

ARRAY_WWPN = 0x5005_0760_0E80_0001
ARRAY_WWNN = 0x5005_0760_0E80_0000
HOST_WWPN = 0x1000_0000_C900_0000
BACKUP_WWPN = 0x5005_0760_0E80_6000

MAIN, SECOND, SUB = 0, 1, 2
"""Logical units: two online volumes, and a split sub volume that hosts may read and none writes."""

Units = dict[HostInitiator, dict[int, LogicalUnit]]


class Rig:
    """Hosts, fabric, backup disk and the models of the volumes. Timers are in ticks of the array."""

    def __init__(
        self,
        device: Device,
        drive: DriveAccess,
        folder: Path,
        *,
        seed: int,
        hosts: int = 2,
        queue_depth: int = 4,
        volumes: dict[int, int] | None = None,
        backup_blocks: int | None = None,
    ) -> None:
        """`volumes` gives the blocks of each logical unit; the last one is the split sub volume."""
        self.device = device
        self.drive = drive
        self.folder = folder
        self.executor = device.executor
        self.management = device.management
        self.problems: list[str] = []
        self.random = random.Random(seed)
        volumes = volumes or {MAIN: 256, SECOND: 256, SUB: 256}
        self.sub = max(volumes)
        self.images = {lun: self.random.randbytes(n * BLOCK_BYTES) for lun, n in sorted(volumes.items())}
        self.models = {lun: VolumeModel(volumes[lun], image) for lun, image in self.images.items()}
        self.drive_blocks = sum(volumes.values())
        self.compared_blocks = 0
        self.switch = Switch(self.executor)
        self.ports = [self.switch.connect(port) for port in device.ports]
        self.port = self.ports[0]
        self.paths: dict[HostInitiator, list[dict[int, LogicalUnit]]] = {}
        """What each host has found at each port of the array: the units by LUN."""
        self.hosts = [self.new_host(n, queue_depth=queue_depth) for n in range(1, hosts + 1)]
        self.disk = BackupDisk(
            self.executor,
            self.switch.attach(BACKUP_WWPN),
            name="array 6000",
            wwpn=BACKUP_WWPN,
            blocks=backup_blocks or volumes[self.sub],
        )

    def new_host(self, number: int, *, queue_depth: int = 4) -> HostInitiator:
        """Host `number` (1 to 255) on a port of its own, not logged in yet."""
        wwpn = HOST_WWPN + number
        link = self.switch.attach(wwpn)
        return HostInitiator(self.executor, link, name=f"host {number}", wwpn=wwpn, queue_depth=queue_depth)

    @property
    def array_id(self) -> int:
        """N_Port_ID of the array's port 0, 0 before fabric login."""
        return self.port.n_port_id

    async def bring_up(
        self,
        *,
        mode: PriorityMode = PriorityMode.ONLINE_FIRST,
        backup_quantum: int = 65536,
        online_time: int = 20_000,
        allowed: list[int] | None = None,
        e_d_tov: int = 1600,
    ) -> None:
        """Set everything from the console, load the drive, bring the link up, wait for the array's fabric login."""
        settings = Settings(
            ARRAY_WWPN,
            ARRAY_WWNN,
            volumes={lun: model.blocks for lun, model in self.models.items()},
            allowed=[*(host.wwpn for host in self.hosts), BACKUP_WWPN] if allowed is None else allowed,
            protected=() if self.sub == MAIN else (self.sub,),
            e_d_tov=e_d_tov,
            mode=mode,
            backup_quantum=backup_quantum,
            online_time=online_time,
            ports=len(self.ports),
        )
        await configure(self.management, settings)
        before = self.folder / "drive_before.img"
        write_whole(before, b"".join(image for _, image in sorted(self.images.items())))
        await self.drive.load(before)
        await go_online(self.management, self.executor, ports=len(self.ports))

    async def log_in(self) -> Units:
        """Every host finds the array through the name server and sees exactly the volumes the console has defined, at
        every port. The units returned are those of port n mod PORTS for the n-th host."""
        await self.disk.start()
        units: Units = {}
        expected = {lun: model.blocks for lun, model in self.models.items()}
        for number, host in enumerate(self.hosts):
            await host.start()
            found = await host.discover()
            self.paths[host] = [{u.lun: u for u in found if u.target == port.n_port_id} for port in self.ports]
            for mine in self.paths[host]:
                seen = {lun: unit.blocks for lun, unit in mine.items()}
                if seen != expected:
                    raise AssertionError(f"{host.name} sees units {seen}, the console has defined {expected}")
            units[host] = self.paths[host][number % len(self.ports)]
        return units

    async def wind_down(self) -> None:
        """Hosts log out; then nothing of the traffic may be left in the array (I8)."""
        for host in self.hosts:
            for peer in list(host.sessions):
                await host.logout(peer)
        await self.management.flush()
        await self.until(self.management.cache_clean, "a clean cache with nothing pinned (I8)", 4_000_000)

        async def free() -> bool:
            return not any([(await self.management.port_status(n)).open_tasks for n in range(len(self.ports))])

        await self.until(free, "every task context to be free (I8)", 1_000_000)
        for port in [*self.hosts, self.disk]:
            if port.open_exchanges:
                self.problems.append(f"I8: {port.name} has {port.open_exchanges} exchanges open")

    async def compare(self) -> None:
        """The drive holds what the last writes left, block by block."""
        after = self.folder / "drive_after.img"
        await self.drive.save(after, self.drive_blocks)
        drive = after.read_bytes()
        at = 0
        for lun, model in sorted(self.models.items()):
            size = model.blocks * BLOCK_BYTES
            try:
                model.check_read(model.begin_read(0, model.blocks), drive[at : at + size])
            except AssertionError as error:
                self.problems.append(f"drive image of LUN {lun}: {error}")
            self.compared_blocks += model.blocks
            at += size

    def backup_differs(self, lun: int | None = None) -> int | None:
        """First block at which the backup disk's image is not the volume's at the start, or None when equal."""
        expected = self.images[self.sub if lun is None else lun]
        found = self.disk.image()
        for at in range(0, len(expected), BLOCK_BYTES):
            if found[at : at + BLOCK_BYTES] != expected[at : at + BLOCK_BYTES]:
                return at // BLOCK_BYTES
        return None

    def port_violations(self) -> list[str]:
        """What the Python ports have seen the array do wrong."""
        return [f"{p.name}: {v.rule}: {v.text}" for p in [*self.hosts, self.disk] for v in p.violations]

    async def until(self, condition: Callable[[], Awaitable[bool]], what: str, timeout: int) -> None:
        """Poll `condition` every 500 words until it holds; DeadlineExceeded after `timeout` words."""
        deadline = self.executor.now() + timeout
        while not await condition():
            if self.executor.now() > deadline:
                status = await self.management.port_status()
                raise DeadlineExceeded(what, deadline, f"{status}")
            await sleep(self.executor, 500)
