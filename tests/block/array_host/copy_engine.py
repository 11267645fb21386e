# SPDX-License-Identifier: Apache-2.0
"""Backup engine for the copy manager of `array_host_bench`: takes its orders and lets each job come to the end that
`Rig.target.copies.engine` says, a few blocks at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portplex.management import BackupState
from portplex.model.backup import JobCommand, Refusal
from portplex.model.copy_manager import JobEnd, Part

if TYPE_CHECKING:
    from array_host_rig import Rig

JOBS = 8
FREE = (BackupState.IDLE, BackupState.DONE, BackupState.FAILED, BackupState.ABORTED)
INPUTS = ("job_ready", "job_answer", "job_refused", "job_state", "job_pointer", "job_error", "job_sense")


@dataclass
class Job:
    """One record of the engine."""

    state: BackupState = BackupState.IDLE
    pointer: int = 0
    error: int = 0
    sense: int = 0
    part: Part | None = None
    end: JobEnd | None = None


class CopyEngine:
    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.jobs = [Job() for _ in range(JOBS)]
        self.answer: Refusal | None = None
        self.parts: list[Part] = []  # started, in their order
        self.cancelled = 0
        self.shown: list[tuple[int, ...]] = []  # records as the copy manager sees them
        self.hold = False  # jobs do not go on
        self.quick = 0.1  # chance in a clock that a job goes on

    def step(self) -> None:
        """One clock."""
        dut, rng = self.rig.dut, self.rig.rng
        dut.job_answer.value = int(self.answer is not None)
        if self.answer is not None:
            dut.job_refused.value = int(self.answer)
        self.answer = None
        ready = rng.random() < 0.5
        dut.job_ready.value = int(ready)
        if ready and int(dut.job_valid.value):
            self._order(JobCommand(int(dut.job_command.value)), int(dut.job_number.value))
        moved = self.parts and rng.random() < self.quick
        for job in self.jobs:
            if moved and not self.hold:
                self._move(job)
        records = [(job.state, job.pointer, job.error, job.sense) for job in self.jobs]
        if records == self.shown:
            return
        self.shown = records
        dut.job_state.value = sum(job.state << 4 * n for n, job in enumerate(self.jobs))
        for name in ("pointer", "error", "sense"):
            getattr(dut, f"job_{name}").value = sum(getattr(job, name) << 32 * n for n, job in enumerate(self.jobs))

    def _order(self, command: JobCommand, number: int) -> None:
        dut, job = self.rig.dut, self.jobs[number]
        if command is JobCommand.ABORT:
            running = job.state in (BackupState.TRANSFER, BackupState.PAUSED, BackupState.PAUSING, BackupState.QUEUED)
            self.answer = Refusal.NONE if running else Refusal.STATE
            if running:
                self.cancelled += 1
                job.state = BackupState.PAUSING if job.state is BackupState.TRANSFER else BackupState.ABORTED
            return
        assert command is JobCommand.START_BACKUP and job.state in FREE, f"{command.name} to job {number}, {job}"
        assert all(other.state in FREE or other.part is None for other in self.jobs), (
            "a copy before the one before it has ended"
        )
        first, end = int(dut.job_first.value), int(dut.job_end.value)
        lba = (int(dut.job_lba.value) + first) % (1 << 32)
        part = Part(
            int(dut.job_volume.value), first, end, int(dut.job_port_id.value), int(dut.job_lun.value), lba,
            int(dut.job_ports.value),
        )  # fmt: skip
        ending = self.rig.target.copies.engine(part)
        self.answer = ending.refused
        if not ending.refused:
            self.parts.append(part)
            self.jobs[number] = Job(BackupState.QUEUED, first, part=part, end=ending)

    def _move(self, job: Job) -> None:
        """A job that is under way goes on a little."""
        part, ending = job.part, job.end
        if part is None or ending is None:
            return
        if job.state is BackupState.PAUSING:  # what is at the device takes its time
            if self.rig.rng.random() < 0.05:
                job.state = BackupState.ABORTED
        elif job.state is BackupState.QUEUED:
            job.state = BackupState.TRANSFER
        elif job.state is BackupState.TRANSFER:
            goal = part.end if ending.copied is None else part.first + ending.copied
            job.pointer = min(goal, job.pointer + 128)
            if job.pointer == goal:
                job.error, job.sense = ending.error, ending.sense
                small = ending.error & 0xFF == 0x1A
                failed = BackupState.FAILED if small else BackupState.PAUSED
                job.state = BackupState.ABORTED if ending.aborted else failed if ending.error else BackupState.DONE
