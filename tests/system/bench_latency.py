# SPDX-License-Identifier: Apache-2.0
"""What an online frame waits for because of the backup, measured on the wire (figure 11; design section 4)."""

from __future__ import annotations

from typing import ClassVar

import pyuvm

from portplex.fc.constants import FcType, RCtl
from portplex.fc.header import Header
from portplex.framelink import Frame
from portplex.management import BackupState, PriorityMode
from portplex.model.frame_rules import Direction
from portplex.scenario.backup import BackupJob
from portplex.uvm.base_test import ArrayTest

RESPONDER = 1 << 23
FRAME_SLOT = 543
QUANTUM_FRAMES = 8
ONLINE_TIME = 60_000


@pyuvm.test()
class OnlineFramesGoFirst(ArrayTest):
    """A host reads from the cache while the backup always has frames ready. Once a read's data has begun, its next
    frame is ready as soon as the last has gone: in online time no backup frame may come between, and at the begin of
    online time only the one already on the wire. A quantum may come between, as often as online time has run out."""

    volumes: ClassVar[dict[int, int]] = {0: 128, 1: 64, 2: 1024}
    mode = PriorityMode.ONLINE_FIRST
    backup_quantum = 2048 * QUANTUM_FRAMES
    online_time = ONLINE_TIME

    async def scenario(self) -> None:
        rig = self.rig
        units = await self.ready()
        (host,) = rig.hosts
        unit = units[host][0]
        await host.read(unit, 0, 128)  # from now on in the cache
        await host.read(unit, 0, 128)
        frames: list[tuple[int, int, bool]] = []

        def tap(frame: Frame, direction: Direction) -> None:
            header = Header.unpack(frame.data)
            if direction is Direction.FROM_DEVICE and header.type == FcType.FCP:
                data = header.r_ctl == RCtl.SOLICITED_DATA
                online = bool(header.f_ctl & RESPONDER)
                frames.append((frame.start, header.ox_id if online and data else -1, online))

        job = BackupJob(rig, chunk=128, copy_steps=1)
        await job.start()
        following = self.begin(job.follow())
        await self.reach(lambda: len(rig.disk.writes) >= 1, "the backup to be under way")
        self.device.taps.append(tap)
        began = self.executor.now()
        reading = True

        async def read() -> int:
            done = 0
            while reading:
                data = await host.read(unit, 0, 128)
                self.expect(data == rig.images[0], "a read returned wrong data")
                done += 1
            return done

        readers = [self.begin(read()) for _ in range(3)]
        ended = await following
        lasted = self.executor.now() - began
        self.device.taps.remove(tap)
        reading = False
        for reader in readers:
            done = await reader
            self.expect(isinstance(done, int) and done > 2, f"a reader ended with {done!r}")
        if isinstance(ended, Exception):
            raise ended
        self.expect(ended.state is BackupState.DONE and rig.backup_differs() is None, f"the backup ended {ended}")
        self.judge(frames, lasted)

    def judge(self, frames: list[tuple[int, int, bool]], lasted: int) -> None:
        """Backup frames between two data frames of one read, and what they cost."""
        runs: list[int] = []
        worst = 0
        last: dict[int, int] = {}
        for index, (start, ox_id, _) in enumerate(frames):
            if ox_id < 0:
                continue
            before = last.get(ox_id)
            last[ox_id] = index
            if before is None:
                continue
            between = sum(not online for _, _, online in frames[before + 1 : index])
            if between:
                runs.append(between)
            else:
                others = index - before
                worst = max(worst, start - frames[before][0] - (others - 1) * FRAME_SLOT)
        longest = max(runs, default=0)
        backup = sum(not online for _, _, online in frames)
        online = len(frames) - backup
        periods = lasted // ONLINE_TIME + 2
        self.facts.update(worst=worst, longest=longest, runs=len(runs), periods=periods, backup=backup, online=online)
        self.logger.info("latency facts: %s", self.facts)
        self.expect(online > 200 and backup > 40, f"{online} online and {backup} backup frames: too few to judge")
        self.expect(
            worst <= FRAME_SLOT, f"an online frame in online time waited {worst} words, one slot is {FRAME_SLOT}"
        )
        self.expect(longest <= QUANTUM_FRAMES + 1, f"{longest} backup frames in a row while online frames were ready")
        # three reads share the line: each sees the quantum once
        self.expect(
            len(runs) <= 3 * periods, f"{len(runs)} interruptions of reads in {lasted} words, {periods} quanta are due"
        )
