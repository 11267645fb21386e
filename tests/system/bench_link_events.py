# SPDX-License-Identifier: Apache-2.0
"""The link is reset, or goes down and comes back, in the middle of host and backup traffic."""

from __future__ import annotations

from typing import ClassVar

import pyuvm

from portplex.executor import sleep
from portplex.management import BackupState
from portplex.model.volume import Outcome
from portplex.nport.n_port import Timers
from portplex.nport.workload import Mix, Workload
from portplex.scenario.backup import BackupJob
from portplex.uvm.base_test import ArrayTest

CHUNK = 16


class _LinkEvent(ArrayTest):
    volumes: ClassVar[dict[int, int]] = {0: 256, 1: 64, 2: 256}
    breaks_frames = True  # sequences are cut off
    e_d_tov = 40
    r_a_tov = 20
    online_time = 4_000
    unanswered = 256

    async def backup(self) -> BackupJob:
        job = BackupJob(self.rig, chunk=CHUNK)
        await job.start()
        self.following = self.begin(job.follow(1_000_000))
        return job

    async def written(self, chunks: int) -> None:
        await self.reach(lambda: len(self.rig.disk.writes) >= chunks, f"{chunks} chunks")

    async def finished(self, job: BackupJob) -> None:
        """The backup must have come to its end all the same."""
        ended = await self.following
        if isinstance(ended, Exception):
            raise ended
        self.problems += job.pointers.violations
        self.expect(ended.state is BackupState.DONE, f"the backup ended {ended}")
        self.expect(self.rig.backup_differs() is None, "I2: the backup image differs")

    async def link_goes_down(self, words: int) -> None:
        """The fabric's end goes offline for `words` words."""
        port = self.device.fc_port
        port.disable()
        await port.wait_link(False, 50_000)
        await sleep(self.executor, words)
        port.enable()
        await port.wait_link(True, 100_000)

        async def logged_in() -> bool:
            return (await self.management.port_status()).fabric_login

        await self.rig.until(logged_in, "fabric login after the link came back", 400_000)


@pyuvm.test()
class LinkResetUnderLoad(_LinkEvent):
    """LR six times during reads, writes and backup: frames are lost, data never; credit is whole again (I5)."""

    async def scenario(self) -> None:
        rig, port = self.rig, self.device.fc_port
        units = await self.ready()
        (host,) = rig.hosts
        host.timers = Timers(e_d_tov=10_000, r_a_tov=10_000, link_service=50_000, command=15_000)
        host.retries = 10
        rig.disk.timers = Timers(e_d_tov=30_000, r_a_tov=10_000)
        workload = Workload(rig.executor, host, units[host][0], rig.models[0], Mix(sizes=(512, 4096, 8192)), self.seed)
        job = await self.backup()
        running = self.begin(workload.run())
        for number in range(6):
            await self.written(2 + 2 * number)
            await sleep(self.executor, rig.random.randrange(2_000))
            port.link_reset()
        await self.finished(job)
        workload.stop()
        report = await running
        if isinstance(report, Exception):
            raise report
        self.problems += report.problems
        rig.compared_blocks += report.compared_blocks
        self.expect(port.resets >= 6, f"{port.resets} link resets seen, 6 made")
        self.expect(report.commands > 10, f"the host finished {report.commands} commands only")


@pyuvm.test()
class LinkDownInMidBackup(_LinkEvent):
    """The link goes down for a short time: the array logs in again with fabric and device, and goes on."""

    async def scenario(self) -> None:
        rig = self.rig
        units = await self.ready()
        (host,) = rig.hosts
        job = await self.backup()
        await self.written(4)
        before = rig.disk.counts["commands"]
        await self.link_goes_down(4_000)
        host._close_session(rig.array_id, "the link was down")
        rig.disk._close_session(rig.array_id, "the link was down")
        await self.finished(job)
        self.expect(rig.disk.counts["commands"] > before, "nothing was sent after the link came back")
        unit = next(u for u in await host.discover(rig.array_id) if u.lun == 0)
        self.expect(unit == units[host][0], "another unit after the link came back")
        self.expect(await host.read(unit, 0, 64) == rig.images[0][: 64 * 512], "wrong data after the link came back")


@pyuvm.test()
class LinkDownForLong(_LinkEvent):
    """The link stays down longer than retries would last: with no port to go to the backup waits, and goes on."""

    async def scenario(self) -> None:
        rig = self.rig
        await self.ready()
        (host,) = rig.hosts
        job = await self.backup()
        await self.written(3)
        await self.link_goes_down(70_000)  # three retries of a chunk take 49,152
        for port in (host, rig.disk):
            port._close_session(rig.array_id, "the link was down")
        await self.finished(job)
        await host.discover(rig.array_id)


@pyuvm.test()
class LinkDownInMidWrite(_LinkEvent):
    """Writes are under way when the link goes: they may or may not have happened; everything else is as it was."""

    async def scenario(self) -> None:
        rig = self.rig
        units = await self.ready()
        (host,) = rig.hosts
        host.timers = Timers(e_d_tov=15_000, r_a_tov=10_000, link_service=100_000, command=60_000)
        model = rig.models[0]
        for number in range(3):
            data, lba = rig.random.randbytes(65536), 128 * (number % 2)
            write = model.begin_write(lba, data)
            running = self.begin(host.write(units[host][0], lba, data))
            sent = self.device.fc_port.stats.payload_words_sent + 1000 + 3000 * number
            await self.reach(lambda sent=sent: self.device.fc_port.stats.payload_words_sent > sent, "data on the wire")
            await self.link_goes_down(2_000)
            host._close_session(rig.array_id, "the link was down")
            ended = await running
            self.expect(isinstance(ended, Exception), f"the write ended {ended!r} over a dead link")
            model.end_write(write, Outcome.UNKNOWN)
            await self.tasks_free()
            unit = next(u for u in await host.discover(rig.array_id) if u.lun == 0)
            model.check_read(model.begin_read(lba, 128), await host.read(unit, lba, 128))
            rig.compared_blocks += 128
