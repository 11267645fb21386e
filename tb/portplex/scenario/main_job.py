# SPDX-License-Identifier: Apache-2.0
"""The main job: hosts read and write while the same port backs a whole volume up (figures 12 to 14 of the source).

Two phases: the hosts alone, then the hosts and the backup. The saved volume is a split sub volume: hosts may read it,
none writes it. The console moves the copy pointer ahead step by step, so that the backup runs into it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portplex.device import Device, DriveAccess
from portplex.executor import Future
from portplex.files import write_whole
from portplex.management import BLOCK_BYTES, SEGMENT_BLOCKS, BackupState, PriorityMode
from portplex.model.pointer_rules import PointerRules
from portplex.nport.workload import Latencies, Mix, Workload
from portplex.scenario.backup import BackupJob
from portplex.scenario.rig import MAIN, SECOND, SUB, Rig, Units

ONLINE_BLOCKS = 1024


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
    def deadline(self) -> int:
        """Words the backup may take: more than a hundred times its time on an idle line."""
        return 500_000 + 20_000 * self.blocks

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
        self.options = options
        self.progress = progress
        self.outcome = Outcome()
        self.rig = Rig(
            device,
            drive,
            folder,
            seed=options.seed,
            hosts=options.hosts,
            queue_depth=options.queue_depth,
            volumes={MAIN: ONLINE_BLOCKS, SECOND: ONLINE_BLOCKS, SUB: options.blocks},
        )

    async def run(self) -> Outcome:
        """Do everything; whatever goes wrong is a line in the outcome's `problems`."""
        outcome, options, rig = self.outcome, self.options, self.rig
        try:
            await rig.bring_up(
                mode=options.mode, backup_quantum=options.backup_quantum, online_time=options.online_time
            )
            units = await rig.log_in()
            self.progress("hosts alone")
            await self._online(units, outcome.latency_alone, commands=options.warm_up)
            self.progress("hosts and backup")
            await self._with_backup(units)
            self.progress("ending")
            await rig.wind_down()
            await rig.compare()
            self._compare_backup()
        except Exception as error:  # a run always ends with a summary of what it found
            outcome.problems.append(f"{type(error).__name__}: {error}")
        outcome.counters = await rig.management.counters()
        outcome.compared_blocks += rig.compared_blocks
        outcome.problems += rig.problems + rig.port_violations()
        if outcome.pointers is not None:
            outcome.problems += outcome.pointers.violations
        return outcome

    def _workloads(self, units: Units) -> list[Workload]:
        """Each host reads and writes one online volume (two hosts share one) and reads the split sub volume."""
        rig, sizes = self.rig, self.options.sizes
        jobs = []
        for number, (host, mine) in enumerate(units.items()):
            lun = MAIN if number % 2 == 0 else SECOND
            for unit, share in ((lun, 0.5), (SUB, 1.0)):
                mix = Mix(read_share=share, sizes=sizes)
                seed = rig.random.getrandbits(32)
                jobs.append(Workload(rig.executor, host, mine[unit], rig.models[unit], mix, seed))
        return jobs

    async def _online(
        self,
        units: Units,
        latency: Latencies,
        *,
        commands: int | None = None,
        while_running: Future[Any] | None = None,
    ) -> None:
        """Run every workload for `commands` commands, or as long as `while_running` is not done."""
        workloads = self._workloads(units)
        running = [self.rig.executor.start(workload.run(commands)) for workload in workloads]
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

    async def _with_backup(self, units: Units) -> None:
        outcome, rig = self.outcome, self.rig
        job = BackupJob(rig, chunk=self.options.chunk, progress=self.progress)
        outcome.pointers = job.pointers
        before, started = rig.device.traffic(), rig.executor.now()
        await job.start()
        backup = rig.executor.start(job.follow(self.options.deadline))
        await self._online(units, outcome.latency_with_backup, while_running=backup)
        after = rig.device.traffic()
        outcome.backup_words = rig.executor.now() - started
        outcome.with_backup = {key: after[key] - before[key] for key in after}
        ended = backup.result()
        outcome.backup_blocks = ended.backup_pointer
        if ended.state is not BackupState.DONE:
            outcome.problems.append(f"the backup ended {ended.state.name}, error {ended.error:#x}")

    def _compare_backup(self) -> None:
        rig = self.rig
        write_whole(rig.folder / "backup.img", bytes(rig.disk.image()))
        wrong = rig.backup_differs()
        self.outcome.image_equal = wrong is None
        self.outcome.compared_blocks += self.options.blocks
        if wrong is not None:
            self.outcome.problems.append(f"I2: the backup image differs from the volume from block {wrong} on")
