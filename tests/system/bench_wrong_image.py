# SPDX-License-Identifier: Apache-2.0
"""The main job with a backup disk that stores one wrong bit: the run must be reported as failed (I2)."""

from __future__ import annotations

import pyuvm

from portplex.nport.backup_disk import BackupDisk, TargetTask
from portplex.runs.main_job_bench import MainJobTest


@pyuvm.test()
class WrongImage(MainJobTest):
    def build_phase(self) -> None:
        super().build_phase()
        store = BackupDisk._store

        def wrong(disk: BackupDisk, task: TargetTask, data: bytearray) -> None:
            """Block 40 is stored with one bit flipped."""
            store(disk, task, data)
            if task.cdb.lba <= 40 < task.cdb.lba + task.cdb.blocks:
                disk.image()[40 * 512 + 7] ^= 0x10

        BackupDisk._store = wrong  # type: ignore[method-assign]
