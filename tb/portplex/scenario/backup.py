# SPDX-License-Identifier: Apache-2.0
"""A backup job followed from the console: start, copy pointer, every pointer checked, end."""

from __future__ import annotations

from collections.abc import Callable

from portplex.executor import DeadlineExceeded, sleep
from portplex.management import BackupProgress, BackupState
from portplex.model.pointer_rules import PointerRules
from portplex.nport.backup_disk import BackupDisk
from portplex.scenario.rig import Rig

POLL_WORDS = 4_000
ENDED = (BackupState.DONE, BackupState.FAILED, BackupState.ABORTED, BackupState.PAUSED)


class Confirmed:
    """Which blocks from 0 on the backup disk has answered GOOD for."""

    def __init__(self, disk: BackupDisk) -> None:
        self._writes = disk.writes
        self._seen = len(self._writes)
        self._open: dict[int, int] = {}
        self._below = 0

    def __call__(self, blocks: int) -> bool:
        for record in self._writes[self._seen :]:
            self._open[record.lba] = max(self._open.get(record.lba, 0), record.blocks)
        self._seen = len(self._writes)
        for lba in sorted(self._open):  # a chunk sent again may begin below what is confirmed
            if lba <= self._below:
                self._below = max(self._below, lba + self._open.pop(lba))
        return blocks <= self._below


class BackupJob:
    """Back the split sub volume of a rig up to its backup disk; the copy pointer goes ahead in `copy_steps` steps."""

    def __init__(
        self, rig: Rig, *, chunk: int = 128, copy_steps: int = 4, progress: Callable[[str], None] = lambda text: None
    ) -> None:
        self.rig = rig
        self.blocks = rig.models[rig.sub].blocks
        self.chunk = chunk
        self.pointers = PointerRules(self.blocks, Confirmed(rig.disk))
        self.step = max(1, self.blocks // copy_steps // chunk) * chunk  # a chunk starts when all of it is copied
        self.progress = progress

    async def start(self) -> None:
        """Prepare and start the job with nothing copied yet."""
        management = self.rig.management
        await management.prepare_backup(self.rig.sub, port_id=self.rig.disk.n_port_id, chunk=self.chunk)
        await management.set_copy_pointer(0)
        await management.start_backup()

    async def follow(self, deadline: int = 60_000_000) -> BackupProgress:
        """Move the copy pointer ahead each time the backup has reached it; check every pointer; return how it ended."""
        rig = self.rig
        end = rig.executor.now() + deadline
        copied, tenth = 0, -1
        while True:
            backup, copy = await rig.management.backup_pointers()
            self.pointers.observe(rig.executor.now(), backup, copy)
            if 10 * backup // self.blocks != tenth:
                tenth = 10 * backup // self.blocks
                self.progress(f"backup pointer {backup} of {self.blocks} blocks, copy pointer {copy}")
            found = await rig.management.backup_progress()
            if found.state in ENDED:
                self.pointers.observe(rig.executor.now(), found.backup_pointer, found.copy_pointer)
                return found
            if copied < self.blocks and backup >= copied:
                copied = min(self.blocks, copied + self.step)
                await rig.management.set_copy_pointer(copied)
            if rig.executor.now() > end:
                raise DeadlineExceeded("the end of the backup", end, f"{found}")
            await sleep(rig.executor, POLL_WORDS)
