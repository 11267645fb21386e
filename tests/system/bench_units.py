# SPDX-License-Identifier: Apache-2.0
"""What a host may do with the units it finds, and what it is told when it may not; errors of the drive; a full task
table."""

from __future__ import annotations

from typing import Any, ClassVar

import cocotb
import pyuvm

from portplex.fc.constants import ScsiStatus
from portplex.management import BackupState
from portplex.nport.host_initiator import Result
from portplex.nport.n_port import Timers
from portplex.nport.workload import Mix, Workload
from portplex.registers.register_map import Register
from portplex.scenario.backup import BackupJob
from portplex.scenario.rig import SUB, Rig
from portplex.scsi import cdb
from portplex.scsi.sense import SenseKey
from portplex.scsi.vpd import parse_report_luns
from portplex.uvm.base_test import ArrayTest

DESTAGE_ERRORS = Register.COUNTERS + 4 * 6
STAGE_ERRORS = Register.COUNTERS + 4 * 5


@pyuvm.test()
class UnitsAndTheirLimits(ArrayTest):
    """Absent units, write protection, ranges, unknown commands: the sense SAM and SBC ask for, and no change."""

    async def scenario(self) -> None:
        units = await self.ready()
        (self.host,) = self.rig.hosts
        target = self.rig.array_id
        listed = await self.host.insist(target, 0, cdb.report_luns(256), data_in=256)
        self.expect(parse_report_luns(listed.data) == [0, 1, 2], f"REPORT LUNS {listed.data.hex()}")
        block = bytes(512)
        await self.refused(3, cdb.read(0, 1), SenseKey.ILLEGAL_REQUEST, 0x25, data_in=512)
        await self.refused(3, cdb.write(0, 1), SenseKey.ILLEGAL_REQUEST, 0x25, data_out=block)
        await self.refused(77, cdb.test_unit_ready(), SenseKey.ILLEGAL_REQUEST, 0x25)
        absent = await self.host.command(target, 3, cdb.inquiry(length=96), data_in=96)
        self.expect(
            absent.status == ScsiStatus.GOOD and absent.data[0] == 0x7F,
            f"INQUIRY of an absent unit: {absent.data.hex()}",
        )
        await self.refused(SUB, cdb.write(8, 1), SenseKey.DATA_PROTECT, 0x27, data_out=block)
        await self.refused(0, cdb.read(256, 1), SenseKey.ILLEGAL_REQUEST, 0x21, data_in=512)
        await self.refused(0, cdb.write(255, 2), SenseKey.ILLEGAL_REQUEST, 0x21, data_out=2 * block)
        await self.refused(0, bytes([0xF1]) + bytes(15), SenseKey.ILLEGAL_REQUEST, 0x20)
        for lun, image in self.rig.images.items():
            unit = units[self.host][lun]
            data = b"".join([await self.host.read(unit, lba, 64) for lba in range(0, unit.blocks, 64)])
            self.expect(data == image, f"LUN {lun} has changed")

    async def refused(self, lun: int, command: bytes, key: int, asc: int, **data: Any) -> None:
        result = await self.host.command(self.rig.array_id, lun, command, **data)
        name = f"{cdb.parse(command).name} to LUN {lun}"
        self.expect(
            result.status == ScsiStatus.CHECK_CONDITION
            and result.sense is not None
            and (result.sense.key, result.sense.asc) == (key, asc),
            f"{name}: status {result.status:02x}, sense {result.sense}, expected {key:X}h, {asc:02X}h",
        )


class _DriveErrors(ArrayTest):
    def plant(self, block: int, count: int, *, write: bool) -> None:
        drive = cocotb.top.array.drive
        drive.error_block.value = block
        drive.error_on_write.value = int(write)
        drive.error_count.value = count


@pyuvm.test()
class DriveErrorOnRead(_DriveErrors):
    """A block that cannot be read: CHECK CONDITION, MEDIUM ERROR; others are served; once healed, this one too."""

    async def scenario(self) -> None:
        units = await self.ready()
        (host,) = self.rig.hosts
        self.plant(100, 1000, write=False)
        result = await host.command(self.rig.array_id, 0, cdb.read(96, 16), data_in=8192)
        self.medium_error(result, "READ")
        data = self.rig.random.randbytes(512)
        result = await host.command(
            self.rig.array_id, 0, cdb.write(101, 1), data_out=data
        )  # needs the rest of its segment
        self.medium_error(result, "WRITE of a part of a segment")
        self.expect(await host.read(units[host][0], 0, 96) == self.rig.images[0][: 96 * 512], "other blocks are wrong")
        self.expect(await self.management.bus.read(STAGE_ERRORS) >= 2, "stage errors are not counted")
        self.plant(0, 0, write=False)
        self.expect(
            await host.read(units[host][0], 96, 16) == self.rig.images[0][96 * 512 : 112 * 512],
            "wrong data once the drive reads again",
        )

    def medium_error(self, result: Result, what: str) -> None:
        key = result.sense.key if result.sense is not None else None
        self.expect(key == SenseKey.MEDIUM_ERROR, f"{what} of a bad block: status {result.status:02x}, {result.sense}")


@pyuvm.test()
class DriveErrorOnDestage(_DriveErrors):
    """A segment that cannot be written stays dirty and readable, and is written when the drive takes it (I4)."""

    async def scenario(self) -> None:
        rig = self.rig
        units = await self.ready()
        (host,) = rig.hosts
        self.plant(40, 5, write=True)
        data = rig.random.randbytes(8192)
        write = rig.models[0].begin_write(32, data)
        await host.write(units[host][0], 32, data)
        rig.models[0].end_write(write)
        await self.management.flush()

        async def failed() -> bool:
            return await self.management.bus.read(DESTAGE_ERRORS) >= 2

        await rig.until(failed, "destage errors to be counted", 1_000_000)
        self.expect(
            not await self.management.cache_clean(), "I4: the cache says clean, the drive has refused the segment"
        )
        self.expect(await host.read(units[host][0], 32, 16) == data, "the data is not in the cache any more")


@pyuvm.test()
class DriveErrorDuringBackup(_DriveErrors):
    """A block of the saved volume that cannot be staged: the job is paused with error 20h below it."""

    volumes: ClassVar[dict[int, int]] = {0: 64, 1: 64, 2: 256}

    async def scenario(self) -> None:
        rig = self.rig
        await self.ready()
        self.plant(128 + 130, 1000, write=False)
        job = BackupJob(rig, chunk=32)
        await job.start()
        ended = await job.follow()
        self.expect(ended.state is BackupState.PAUSED and ended.error & 0xFF == 0x20, f"the job ended {ended}")
        self.expect(ended.backup_pointer == 128, f"backup pointer {ended.backup_pointer}, expected 128")
        self.expect(rig.disk.image()[: 128 * 512] == rig.images[SUB][: 128 * 512], "I2: the image below differs")
        self.plant(0, 0, write=False)
        await self.management.abort_backup()
        again = BackupJob(rig, chunk=32)
        await again.start()
        ended = await again.follow()
        self.expect(ended.state is BackupState.DONE and rig.backup_differs() is None, f"the second job ended {ended}")


@pyuvm.test()
class TaskSetFull(ArrayTest):
    """More commands than contexts, and a backup at the same time: TASK SET FULL, and both come to their end."""

    hosts = 3
    queue_depth = 16
    volumes: ClassVar[dict[int, int]] = {0: 256, 1: 256, 2: 256}

    async def scenario(self) -> None:
        rig = self.rig
        units = await self.ready()
        for host in rig.hosts:
            host.retries, host.busy_delay = 200, 3_000
        mix = Mix(sizes=(512, 4096, 16384))
        workloads = [
            Workload(rig.executor, host, units[host][lun], rig.models[lun], mix, self.seed + lun)
            for host, lun in zip(rig.hosts, (0, 1, 1), strict=True)
        ]
        job = BackupJob(rig, chunk=16)
        await job.start()
        running = [self.begin(workload.run(60)) for workload in workloads]
        ended = await job.follow(8_000_000)
        self.expect(ended.state is BackupState.DONE, f"the backup ended {ended}")
        self.problems += job.pointers.violations
        for workload in running:
            report = await workload
            if isinstance(report, Exception):
                raise report
            self.problems += report.problems
            rig.compared_blocks += report.compared_blocks
        self.expect(rig.backup_differs() is None, "I2: the image differs")
        refused = (await self.management.counters())["task_set_full"]
        busy = sum(host.counts["busy"] for host in rig.hosts)
        self.expect(refused > 0, "no command was refused: the test does not test")
        self.expect(busy == refused, f"{refused} commands refused, the hosts have seen {busy} TASK SET FULL")
        self.facts["refused"] = refused


@pyuvm.test()
class Overload(ArrayTest):
    """Every host sends all it may at the same moment, eight times as many commands as contexts. Each is answered with
    GOOD or TASK SET FULL, hosts ask again only after the latter, and at the end nothing is lost or left (I8)."""

    hosts = 16
    volumes: ClassVar[dict[int, int]] = {0: 64, 1: 64, 2: 64}

    def make_rig(self) -> Rig:
        self.queue_depth = self.options["tasks"] // 2
        return super().make_rig()

    async def scenario(self) -> None:
        rig = self.rig
        units = await self.ready()
        before = {host: host.counts.copy() for host in rig.hosts}
        refused_before = (await self.management.counters())["task_set_full"]
        mix = Mix(sizes=(512, 1024))
        running = []
        for number, host in enumerate(rig.hosts):
            host.retries, host.busy_delay = 0, 1_000  # a command without an answer is a problem, no second try hides it
            host.timers = Timers(e_d_tov=60_000, r_a_tov=20_000, link_service=200_000, command=200_000)
            lun = number % 2
            workload = Workload(rig.executor, host, units[host][lun], rig.models[lun], mix, self.seed + number)
            running.append(self.begin(workload.run(2 * self.queue_depth)))
        done = 0
        for workload in running:
            report = await workload
            if isinstance(report, Exception):
                raise report
            self.problems += report.problems
            rig.compared_blocks += report.compared_blocks
            done += report.commands
        refused = (await self.management.counters())["task_set_full"] - refused_before
        seen = {
            what: sum(host.counts[what] - before[host][what] for host in rig.hosts)
            for what in ("commands", "busy", "abts_sent")
        }
        wanted = 2 * self.queue_depth * self.hosts
        self.expect(done == wanted, f"{done} of {wanted} commands ended GOOD")
        self.expect(seen["commands"] == done + seen["busy"], f"neither GOOD nor TASK SET FULL: {seen}, {done} GOOD")
        self.expect(seen["busy"] == refused > 32, f"{refused} commands refused, the hosts have seen {seen['busy']}")
        self.expect(not seen["abts_sent"], f"{seen['abts_sent']} commands were aborted")
        self.facts.update(refused=refused, **seen)


@pyuvm.test()
class ComparisonSeesOneBit(ArrayTest):
    """The check that closes every run: one wrong bit between drive and model is found and named (I12, I4)."""

    winds_down = False

    async def scenario(self) -> None:
        rig = self.rig
        await self.ready()
        await rig.wind_down()
        await rig.compare()
        self.expect(not rig.problems, f"before anything was planted: {rig.problems}")
        rig.models[1].image[77 * 512 + 5] ^= 0x04
        await rig.compare()
        found, rig.problems = rig.problems, []
        self.expect(len(found) == 1 and "LUN 1" in found[0] and "block 77" in found[0], f"a wrong bit gave {found}")
