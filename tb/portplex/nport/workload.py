# SPDX-License-Identifier: Apache-2.0
"""Random reads and writes of a host, with everything read compared with the volume model and every latency kept."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from portplex.executor import DeadlineExceeded, Executor, Future, sleep
from portplex.model.volume import BLOCK, DataMismatch, Outcome, VolumeModel
from portplex.nport.host_initiator import CommandFailed, HostInitiator, LogicalUnit, TransportError
from portplex.nport.n_port import LinkDown

SIZES = (512, 1024, 2048, 4096, 8192, 16384, 32768, 65536)


@dataclass(frozen=True, slots=True)
class Mix:
    """What a workload does. Sizes in bytes, multiples of 512; `sequential` is the share of commands that begin where
    the last one of the same kind ended; `interval` is the least number of words between two commands (0: as fast as the
    queue depth allows)."""

    read_share: float = 0.5
    sizes: tuple[int, ...] = SIZES
    sequential: float = 0.25
    first_lba: int = 0
    blocks: int | None = None  # of the range used; None: to the end of the unit
    interval: int = 0

    def __post_init__(self) -> None:
        for name, share in (("read_share", self.read_share), ("sequential", self.sequential)):
            if not 0 <= share <= 1:
                raise ValueError(f"{name} = {share}: must be 0 to 1")
        if not self.sizes or any(size < BLOCK or size % BLOCK for size in self.sizes):
            raise ValueError(f"sizes = {self.sizes}: must be multiples of {BLOCK}, one at least")


class Latencies:
    """Latencies in words. Percentiles by nearest rank."""

    def __init__(self) -> None:
        self.values: list[int] = []

    def add(self, words: int) -> None:
        self.values.append(words)

    def percentile(self, percent: float) -> int:
        """The smallest value that `percent` of all values do not exceed; 0 without values."""
        if not self.values:
            return 0
        ordered = sorted(self.values)
        rank = max(1, -(-len(ordered) * percent // 100))
        return ordered[int(rank) - 1]

    def summary(self) -> dict[str, int]:
        """`p50`, `p99` and `max`, in words."""
        return {"p50": self.percentile(50), "p99": self.percentile(99), "max": max(self.values, default=0)}


@dataclass(slots=True)
class Report:
    """What a workload did; `problems` lists every failure in words."""

    reads: int = 0
    writes: int = 0
    read_bytes: int = 0
    write_bytes: int = 0
    compared_blocks: int = 0
    problems: list[str] = field(default_factory=list)
    read_latency: Latencies = field(default_factory=Latencies)
    write_latency: Latencies = field(default_factory=Latencies)

    @property
    def commands(self) -> int:
        return self.reads + self.writes

    def latency(self) -> Latencies:
        """Reads and writes together."""
        both = Latencies()
        both.values = self.read_latency.values + self.write_latency.values
        return both


class Workload:
    """Keeps `host` busy on `unit`. The same seed does the same, on the same model; hosts may share unit and model."""

    def __init__(
        self,
        executor: Executor,
        host: HostInitiator,
        unit: LogicalUnit,
        model: VolumeModel,
        mix: Mix,
        seed: int,
    ) -> None:
        span = unit.blocks - mix.first_lba if mix.blocks is None else mix.blocks
        if not 0 <= mix.first_lba <= mix.first_lba + span <= min(unit.blocks, model.blocks):
            raise ValueError(
                f"first_lba = {mix.first_lba}, blocks = {span}: "
                f"the unit has {unit.blocks} blocks, the model {model.blocks}"
            )
        if span * BLOCK < max(mix.sizes):
            raise ValueError(f"sizes up to {max(mix.sizes)} bytes: the range has {span * BLOCK}")
        self.executor = executor
        self.host = host
        self.unit = unit
        self.model = model
        self.mix = mix
        self.span = span
        self.report = Report()
        self._random = random.Random(seed)
        self._next = {True: mix.first_lba, False: mix.first_lba}
        self._left = 0
        self._until: int | None = None
        self._not_before = 0
        self._stopped = False

    async def run(self, commands: int | None = None, until: int | None = None) -> Report:
        """Do `commands` commands, or go on until time `until` (absolute, in words), or until `stop()`."""
        self._left = -1 if commands is None else commands
        self._until = until
        self._stopped = False
        workers: list[Future[None]] = [self.executor.start(self._work()) for _ in range(self.host.queue_depth)]
        for worker in workers:
            await worker  # ends: every command in it has a deadline
        return self.report

    def stop(self) -> None:
        """Begin no further command; `run` returns when those under way have ended."""
        self._stopped = True

    def _another(self) -> bool:
        if self._stopped or self._left == 0 or (self._until is not None and self.executor.now() >= self._until):
            return False
        self._left -= 1
        return True

    async def _work(self) -> None:
        while self._another():
            if self.mix.interval:
                now = self.executor.now()
                start = max(now, self._not_before)
                self._not_before = start + self.mix.interval
                if start > now:
                    await sleep(self.executor, start - now)
            read = self._random.random() < self.mix.read_share
            blocks = self._random.choice(self.mix.sizes) // BLOCK
            lba = self._place(read, blocks)
            try:
                await (self._read(lba, blocks) if read else self._write(lba, blocks))
            except (DataMismatch, TransportError, CommandFailed, DeadlineExceeded, LinkDown) as problem:
                self.report.problems.append(f"{self.host.name} at word {self.executor.now()}: {problem}")
                if isinstance(problem, LinkDown):
                    self._stopped = True

    def _place(self, read: bool, blocks: int) -> int:
        """The LBA of the next command."""
        first, end = self.mix.first_lba, self.mix.first_lba + self.span
        lba = self._next[read]
        if self._random.random() >= self.mix.sequential or lba + blocks > end:
            lba = self._random.randrange(first, end - blocks + 1)
        self._next[read] = lba + blocks
        return lba

    async def _read(self, lba: int, blocks: int) -> None:
        expected = self.model.begin_read(lba, blocks)
        started = self.executor.now()
        try:
            data = await self.host.read(self.unit, lba, blocks)
        except BaseException:
            self.model.drop_read(expected)
            raise
        self.report.read_latency.add(self.executor.now() - started)
        self.report.reads += 1
        self.report.read_bytes += len(data)
        self.report.compared_blocks += blocks
        self.model.check_read(expected, data)

    async def _write(self, lba: int, blocks: int) -> None:
        data = self._random.randbytes(blocks * BLOCK)
        write = self.model.begin_write(lba, data)
        started = self.executor.now()
        outcome = Outcome.UNKNOWN
        try:
            await self.host.write(self.unit, lba, data)
            outcome = Outcome.DONE
        finally:
            self.model.end_write(write, outcome)
        self.report.write_latency.add(self.executor.now() - started)
        self.report.writes += 1
        self.report.write_bytes += len(data)
