# SPDX-License-Identifier: Apache-2.0
"""The main job: hosts read and write while the same port backs a whole volume up (figures 12 to 14 of the source).

Two phases: the hosts alone, then the hosts and the backup. The saved volume is a split sub volume: hosts may read it,
none writes it. The console moves the copy pointer ahead step by step, so that the backup runs into it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portplex.device import Device, DriveAccess
from portplex.executor import DeadlineExceeded, Future, sleep
from portplex.fabric.switch import Switch
from portplex.management import BLOCK_BYTES, SEGMENT_BLOCKS, BackupState, PriorityMode
from portplex.model.pointer_rules import PointerRules
from portplex.model.volume import VolumeModel
from portplex.nport.backup_disk import BackupDisk
from portplex.nport.host_initiator import HostInitiator, LogicalUnit
from portplex.nport.workload import Latencies, Mix, Workload

ARRAY_WWPN = 0x5005_0760_0E80_0001
ARRAY_WWNN = 0x5005_0760_0E80_0000
HOST_WWPN = 0x1000_0000_C900_0000
BACKUP_WWPN = 0x5005_0760_0E80_6000

ONLINE_BLOCKS = 1024
MAIN, SECOND, SUB = 0, 1, 2  # logical units: two online volumes, one split sub volume
POLL_WORDS = 4_000
COPY_STEPS = 4


@dataclass(frozen=True, kw_only=True)
class MainJobOptions:
    """What a run does. `blocks`: size of the saved volume; `warm_up`: commands of each workload before the backup."""

    seed: int
    hosts: int = 4
    blocks: int = 2048
    queue_depth: int = 4
    warm_up: int = 12
    chunk: int = 128
    mode: PriorityMode = PriorityMode.ONLINE_FIRST
    backup_quantum: int = 65536
    online_time: int = 20_000
    deadline: int = 60_000_000

    def __post_init__(self) -> None:
        for name, low, high in (("hosts", 1, 16), ("queue_depth", 1, 64), ("warm_up", 1, 1_000_000)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name}={value}: must be {low} to {high}")
        if not 64 <= self.blocks <= 16384 or self.blocks % SEGMENT_BLOCKS:
            raise ValueError(f"blocks={self.blocks}: must be 64 to 16384 and a multiple of {SEGMENT_BLOCKS}")
        if not 8 <= self.chunk <= 128 or self.chunk % SEGMENT_BLOCKS:
            raise ValueError(f"chunk={self.chunk}: must be 8 to 128 and a multiple of {SEGMENT_BLOCKS}")

    @property
    def sizes(self) -> tuple[int, ...]:
        """Command sizes in bytes, 512 B to 64 KiB as far as the saved volume is large enough."""
        return tuple(512 << n for n in range(8) if 512 << n <= self.blocks * BLOCK_BYTES)


@dataclass
class Outcome:
    """What a run found. `problems` is empty when all is well."""

    problems: list[str] = field(default_factory=list)
    pointers: PointerRules | None = None
    latency_alone: Latencies = field(default_factory=Latencies)
    latency_with_backup: Latencies = field(default_factory=Latencies)
    commands: int = 0
    online_bytes: int = 0
    compared_blocks: int = 0
    image_equal: bool = False
    backup_blocks: int = 0
    counters: dict[str, int] = field(default_factory=dict)
    with_backup: dict[str, int] = field(default_factory=dict)  # traffic while the backup ran
    backup_words: int = 0


class MainJob:
    """One run on one device. `progress` is told now and then how far it is."""

    def __init__(
        self,
        device: Device,
        drive: DriveAccess,
        options: MainJobOptions,
        folder: Path,
        progress: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.device = device
        self.drive = drive
        self.options = options
        self.folder = folder
        self.progress = progress
        self.executor = device.executor
        self.management = device.management
        self.outcome = Outcome()
        self.switch = Switch(self.executor)
        self.switch.connect(device.ports[0])
        self.hosts = [
            HostInitiator(
                self.executor,
                self.switch.attach(HOST_WWPN + n),
                name=f"host {n}",
                wwpn=HOST_WWPN + n,
                queue_depth=options.queue_depth,
            )
            for n in range(1, options.hosts + 1)
        ]
        self.disk = BackupDisk(
            self.executor,
            self.switch.attach(BACKUP_WWPN),
            name="array 6000",
            wwpn=BACKUP_WWPN,
            blocks=options.blocks,
        )
        rng = random.Random(options.seed)
        self.images = {
            lun: rng.randbytes(blocks * BLOCK_BYTES)
            for lun, blocks in ((MAIN, ONLINE_BLOCKS), (SECOND, ONLINE_BLOCKS), (SUB, options.blocks))
        }
        self.models = {lun: VolumeModel(len(image) // BLOCK_BYTES, image) for lun, image in self.images.items()}
        self._seeds = iter([rng.getrandbits(32) for _ in range(4 * options.hosts)])
        self._confirmed: dict[int, int] = {}
        self._confirmed_below = 0
        self._seen_writes = 0

    async def run(self) -> Outcome:
        """Do everything; whatever goes wrong is a line in the outcome's `problems`."""
        outcome = self.outcome
        try:
            await self._bring_up()
            units = await self._log_in()
            self.progress("hosts alone")
            await self._online(units, outcome.latency_alone, commands=self.options.warm_up)
            self.progress("hosts and backup")
            await self._with_backup(units)
            self.progress("ending")
            await self._wind_down()
            await self._compare()
        except Exception as error:  # a run always ends with a summary of what it found
            outcome.problems.append(f"{type(error).__name__}: {error}")
        outcome.counters = await self.management.counters()
        for port in [*self.hosts, self.disk]:
            outcome.problems += [f"{port.name}: {violation.rule}: {violation.text}" for violation in port.violations]
        if outcome.pointers is not None:
            outcome.problems += outcome.pointers.violations
        return outcome

    # ---- before

    async def _bring_up(self) -> None:
        management = self.management
        await management.identify()
        await management.set_port(ARRAY_WWPN, ARRAY_WWNN)
        await management.set_timers(e_d_tov=1600, r_a_tov=4000, r_t_tov=40)
        await management.set_allow_list([*(host.wwpn for host in self.hosts), BACKUP_WWPN])
        base = 0
        for lun, image in sorted(self.images.items()):
            blocks = len(image) // BLOCK_BYTES
            await management.set_volume(lun, base_segment=base, blocks=blocks, write_protected=lun == SUB)
            base += blocks // SEGMENT_BLOCKS
        self.drive_blocks = base * SEGMENT_BLOCKS
        before = self.folder / "drive_before.img"
        before.write_bytes(b"".join(self.images[lun] for lun in sorted(self.images)))
        await self.drive.load(before)
        await management.set_priority(
            self.options.mode, backup_quantum=self.options.backup_quantum, online_time=self.options.online_time
        )
        await management.enable_port()

        async def logged_in() -> bool:
            return (await management.port_status()).fabric_login

        await self._until(logged_in, "the array's fabric login", 2_000_000)

    async def _log_in(self) -> dict[HostInitiator, dict[int, LogicalUnit]]:
        await self.disk.start()
        units = {}
        for host in self.hosts:
            await host.start()
            found = await host.discover()
            mine = {unit.lun: unit for unit in found if unit.vendor.strip() == "PORTPLEX" and unit.lun in self.images}
            sizes = {lun: unit.blocks for lun, unit in mine.items()}
            expected = {lun: model.blocks for lun, model in self.models.items()}
            if sizes != expected:
                raise AssertionError(f"{host.name} sees units {sizes}, the console has defined {expected}")
            units[host] = mine
        self.target = next(iter(units[self.hosts[0]].values())).target
        return units

    # ---- traffic

    def _workloads(self, units: dict[HostInitiator, dict[int, LogicalUnit]]) -> list[Workload]:
        """Each host reads and writes one online volume (two hosts share one) and reads the split sub volume."""
        sizes = self.options.sizes
        jobs = []
        for number, (host, mine) in enumerate(units.items()):
            lun = MAIN if number % 2 == 0 else SECOND
            mix = Mix(read_share=0.5, sizes=sizes)
            jobs.append(Workload(self.executor, host, mine[lun], self.models[lun], mix, next(self._seeds)))
            reading = Mix(read_share=1.0, sizes=sizes)
            jobs.append(Workload(self.executor, host, mine[SUB], self.models[SUB], reading, next(self._seeds)))
        return jobs

    async def _online(
        self,
        units: dict[HostInitiator, dict[int, LogicalUnit]],
        latency: Latencies,
        *,
        commands: int | None = None,
        while_running: Future[None] | None = None,
    ) -> None:
        """Run every workload for `commands` commands, or as long as `while_running` is not done."""
        workloads = self._workloads(units)
        running = [self.executor.start(workload.run(commands)) for workload in workloads]
        if while_running is not None:
            try:
                await while_running
            finally:
                for workload in workloads:
                    workload.stop()
        for job in running:
            report = await job
            self.outcome.commands += report.commands
            self.outcome.online_bytes += report.read_bytes + report.write_bytes
            self.outcome.compared_blocks += report.compared_blocks
            self.outcome.problems += report.problems
            latency.values += report.latency().values

    def _confirmed_blocks(self, blocks: int) -> bool:
        """Whether the backup disk has answered GOOD for every block below `blocks`."""
        writes = self.disk.writes
        for record in writes[self._seen_writes :]:
            self._confirmed[record.lba] = max(self._confirmed.get(record.lba, 0), record.blocks)
        self._seen_writes = len(writes)
        while self._confirmed_below in self._confirmed:
            self._confirmed_below += self._confirmed.pop(self._confirmed_below)
        return blocks <= self._confirmed_below

    async def _with_backup(self, units: dict[HostInitiator, dict[int, LogicalUnit]]) -> None:
        blocks = self.options.blocks
        self.outcome.pointers = PointerRules(blocks, self._confirmed_blocks)
        await self.management.prepare_backup(SUB, port_id=self.disk.n_port_id, chunk=self.options.chunk)
        await self.management.set_copy_pointer(0)
        before, started = self.device.traffic(), self.executor.now()
        await self.management.start_backup()
        backup = self.executor.start(self._watch_backup())
        await self._online(units, self.outcome.latency_with_backup, while_running=backup)
        after = self.device.traffic()
        self.outcome.backup_words = self.executor.now() - started
        self.outcome.with_backup = {key: after[key] - before[key] for key in after}

    async def _watch_backup(self) -> None:
        """Move the copy pointer ahead each time the backup has reached it, and check every pointer seen."""
        pointers = self.outcome.pointers
        assert pointers is not None
        deadline = self.executor.now() + self.options.deadline
        step = max(SEGMENT_BLOCKS, self.options.blocks // COPY_STEPS // SEGMENT_BLOCKS * SEGMENT_BLOCKS)
        copied = 0
        reported = -1
        while True:
            backup, copy = await self.management.backup_pointers()
            now = self.executor.now()
            pointers.observe(now, backup, copy)
            percent = 100 * backup // self.options.blocks
            if percent // 10 != reported:
                reported = percent // 10
                self.progress(f"backup pointer {backup} of {self.options.blocks} blocks, copy pointer {copy}")
            progress = await self.management.backup_progress()
            if progress.state in (BackupState.DONE, BackupState.FAILED, BackupState.ABORTED):
                self.outcome.backup_blocks = progress.backup_pointer
                if progress.state is not BackupState.DONE:
                    raise RuntimeError(f"the backup ended {progress.state.name}, error {progress.error:#x}")
                pointers.observe(self.executor.now(), progress.backup_pointer, progress.copy_pointer)
                return
            if copied < self.options.blocks and backup >= copied:
                copied = min(self.options.blocks, copied + step)
                await self.management.set_copy_pointer(copied)
            if now > deadline:
                raise DeadlineExceeded("the end of the backup", deadline, f"{progress}")
            await sleep(self.executor, POLL_WORDS)

    # ---- after

    async def _wind_down(self) -> None:
        for host in self.hosts:
            await host.logout(self.target)
        await self.management.flush()
        await self._until(self.management.cache_clean, "a clean cache with nothing pinned (I8)", 4_000_000)

        async def free() -> bool:
            return (await self.management.port_status()).open_tasks == 0

        await self._until(free, "every task context to be free (I8)", 1_000_000)
        for port in [*self.hosts, self.disk]:
            if port.open_exchanges:
                self.outcome.problems.append(f"I8: {port.name} has {port.open_exchanges} exchanges open")

    async def _compare(self) -> None:
        after = self.folder / "drive_after.img"
        await self.drive.save(after, self.drive_blocks)
        drive = after.read_bytes()
        at = 0
        for lun in sorted(self.images):
            model = self.models[lun]
            size = model.blocks * BLOCK_BYTES
            self._compare_volume(lun, model, drive[at : at + size])
            at += size
        image = bytes(self.disk.image()[: self.options.blocks * BLOCK_BYTES])
        (self.folder / "backup.img").write_bytes(image)
        self.outcome.image_equal = image == self.images[SUB]
        if not self.outcome.image_equal:
            wrong = _first_difference(image, self.images[SUB])
            self.outcome.problems.append(f"I2: the backup image differs from the volume from block {wrong} on")

    def _compare_volume(self, lun: int, model: VolumeModel, data: bytes) -> None:
        """The drive holds what the last writes left, block by block."""
        try:
            model.check_read(model.begin_read(0, model.blocks), data)
        except AssertionError as error:
            self.outcome.problems.append(f"drive image of LUN {lun}: {error}")
        self.outcome.compared_blocks += model.blocks

    async def _until(self, condition: Callable[[], Any], what: str, timeout: int) -> None:
        deadline = self.executor.now() + timeout
        while not await condition():
            if self.executor.now() > deadline:
                status = await self.management.port_status()
                raise DeadlineExceeded(what, deadline, f"{status}")
            await sleep(self.executor, 500)


def _first_difference(one: bytes, other: bytes) -> int:
    """Number of the first block that differs."""
    for block in range(0, len(other), BLOCK_BYTES):
        if one[block : block + BLOCK_BYTES] != other[block : block + BLOCK_BYTES]:
            return block // BLOCK_BYTES
    return min(len(one), len(other)) // BLOCK_BYTES
