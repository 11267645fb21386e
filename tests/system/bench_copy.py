# SPDX-License-Identifier: Apache-2.0
"""EXTENDED COPY by a host through the whole array to a backup disk: what is copied, how it is followed and ends."""

from __future__ import annotations

from typing import ClassVar

import pyuvm

from portplex.executor import DeadlineExceeded, sleep
from portplex.fc.constants import ScsiStatus
from portplex.management import BackupState
from portplex.model.volume import Outcome
from portplex.nport.backup_disk import Fault, FaultKind
from portplex.nport.host_initiator import HostInitiator, Result
from portplex.nport.n_port import Timers
from portplex.scenario.backup import BackupJob
from portplex.scsi import cdb, sense, xcopy
from portplex.scsi.cdb import OpCode
from portplex.scsi.vpd import DEVICE_IDENTIFICATION, parse_device_identification, parse_vpd_page
from portplex.scsi.xcopy import CopyFailure, CopyLimits, CopyState, CopyStatus, ResultsAction
from portplex.uvm.base_test import ArrayTest

JOB = 7  # copies take the highest job that is free
FILL = 0xA5


def silent() -> Fault:
    """Writes at block 128 and beyond are not answered."""
    return Fault(FaultKind.SILENCE, 1000, when=lambda c: c.opcode == OpCode.WRITE_10 and c.lba >= 128)


class _Copy(ArrayTest):
    """A host, volumes 0 to 2, and a backup disk of 600 blocks that holds A5h everywhere."""

    hosts: ClassVar[int] = 2
    backup_blocks = 600
    e_d_tov = 40
    r_a_tov = 40

    async def begin_with(self) -> None:
        """Everything up, and the descriptors of the source (volume 0) and of the disk."""
        await self.ready()
        self.host, self.other = self.rig.hosts
        self.rig.disk.timers = Timers(e_d_tov=60_000, r_a_tov=20_000, link_service=200_000)
        self.rig.disk.image()[:] = bytes([FILL]) * len(self.rig.disk.image())
        self.designators = {lun: await self.designator(lun) for lun in (0, 1)}
        self.cscds = [xcopy.identification(self.designators[0]), xcopy.n_port_id(self.rig.disk.n_port_id)]

    async def designator(self, lun: int) -> bytes:
        """The NAA designator of a unit, from its VPD page 83h."""
        data = (await self.host.command(self.rig.array_id, lun, cdb.inquiry(DEVICE_IDENTIFICATION), data_in=252)).data
        found = parse_device_identification(parse_vpd_page(data)[1])
        return next(value for association, kind, value in found if (association, kind) == (0, 3))

    async def copy(self, data: bytes, lun: int = 0, *, host: HostInitiator | None = None, timeout: int = 0) -> Result:
        """An EXTENDED COPY with this list, to its end."""
        host = host or self.host
        command = xcopy.extended_copy(len(data))
        return await host.command(self.rig.array_id, lun, command, data_out=data, timeout=timeout or 8_000_000)

    async def results(self, action: ResultsAction, list_id: int = 1, lun: int = 0) -> Result:
        command = xcopy.receive_copy_results(action, list_id)
        return await self.host.command(self.rig.array_id, lun, command, data_in=1024)

    async def status(self, list_id: int = 1) -> CopyStatus:
        return CopyStatus.unpack((await self.results(ResultsAction.COPY_STATUS, list_id)).data)

    def copied(self, *parts: tuple[int, int, int]) -> None:
        """The disk holds these parts of volume 0 (first block there, blocks, first block here), and nothing else has
        changed."""
        expected = bytearray([FILL]) * len(self.rig.disk.image())
        for source, blocks, destination in parts:
            part = self.rig.images[0][512 * source : 512 * (source + blocks)]
            expected[512 * destination : 512 * (destination + blocks)] = part
        found = self.rig.disk.image()
        wrong = [n for n in range(len(expected) // 512) if found[512 * n : 512 * n + 512] != expected[512 * n :][:512]]
        self.expect(not wrong, f"blocks {wrong} of the disk are wrong")


@pyuvm.test()
class HostCopies(_Copy):
    """Two segments that begin and end anywhere, while both hosts go on reading and writing; followed with RECEIVE COPY
    RESULTS by its host, and by the console as a job."""

    async def scenario(self) -> None:
        await self.begin_with()
        limits = CopyLimits.unpack((await self.results(ResultsAction.OPERATING_PARAMETERS)).data)
        self.expect(limits.cscds >= 2 and limits.segments >= 2 and {2, 0xE1, 0xE4} == {*limits.types}, f"{limits}")
        segments = [xcopy.segment(0, 1, 77, 3, 10), xcopy.segment(0xFFFF, 1, 150, 100, 301)]
        running = self.begin(self.copy(xcopy.parameter_list(self.cscds, segments, list_id=5)))
        seen: list[CopyStatus] = []
        at_work = 0
        while not running.done():
            result = await self.results(ResultsAction.COPY_STATUS, 5)
            if result.status == ScsiStatus.GOOD:
                seen.append(CopyStatus.unpack(result.data))
            await self.others_go_on(at_work)
            at_work += not running.done()
        ended = running.result()
        if isinstance(ended, Exception):
            raise ended
        self.expect(ended.status == ScsiStatus.GOOD and ended.residual == 0, f"the copy: {ended}")
        self.copied((3, 77, 10), (100, 150, 301))
        self.expect(at_work >= 2, f"only {at_work} rounds of other commands while the copy was under way")
        under_way = [s for s in seen if s.state is CopyState.IN_PROGRESS]
        self.expect(bool(under_way) and sorted(seen, key=lambda s: s.moved) == seen, f"followed as {seen}")
        last = await self.status(5)
        self.expect(last == CopyStatus(CopyState.COMPLETED, 2, 0, 512 * 227), f"in the end {last}")
        job = await self.management.job_progress(JOB)
        self.expect(job.state is BackupState.DONE and job.backup_pointer == 250, f"the console sees {job}")

    async def others_go_on(self, number: int) -> None:
        """A write and a read of each host, outside of what is copied."""
        for host, lun in ((self.host, 0), (self.other, 1)):
            model, lba = self.rig.models[lun], 82 + number % 8
            data = self.rig.random.randbytes(1024)
            write = model.begin_write(lba, data)
            done = await host.command(self.rig.array_id, lun, cdb.write(lba, 2), data_out=data)
            model.end_write(write, Outcome.DONE)
            found = await host.command(self.rig.array_id, lun, cdb.read(lba, 2), data_in=1024)
            self.expect(done.status == ScsiStatus.GOOD and found.data == data, f"{host.name}: {done}, {found.status}")


@pyuvm.test()
class CopyIsAborted(_Copy):
    """By its host (ABTS), then by a reset of the unit from the other host, while the device is silent; the volume and
    the job are free then, and a copy of the same blocks works."""

    async def scenario(self) -> None:
        await self.begin_with()
        data = xcopy.parameter_list(self.cscds, [xcopy.segment(0, 1, 200, 7, 0)])
        for by_reset in (False, True):
            self.rig.disk.inject(silent())
            running = self.begin(self.copy(data, timeout=3_000_000 if by_reset else 80_000))

            async def under_way() -> bool:
                return (await self.management.job_progress(JOB)).state is BackupState.TRANSFER

            await self.rig.until(under_way, "the copy to be under way", 1_000_000)
            if by_reset:
                done = await self.other.task_management(self.rig.array_id, 0, 0x10)
                self.expect(done.code == 0, f"LOGICAL UNIT RESET: {done}")
            else:
                ended = await running
                self.expect(isinstance(ended, DeadlineExceeded), f"the copy ended as {ended}")
            await self.job_ends(BackupState.ABORTED)
            self.rig.disk.faults.clear()
        await self.clear_attentions()
        again = await self.copy(data)
        self.expect(again.status == ScsiStatus.GOOD, f"the copy once more: {again}")
        self.copied((7, 200, 0))

    async def job_ends(self, state: BackupState) -> None:
        async def ended() -> bool:
            return (await self.management.job_progress(JOB)).state is state

        await self.rig.until(ended, f"job {JOB} to be {state.name}", 3_000_000)

    async def clear_attentions(self) -> None:
        for host in self.rig.hosts:
            while (await host.command(self.rig.array_id, 0, cdb.test_unit_ready())).sense is not None:
                await sleep(self.executor, 100)


@pyuvm.test()
class CopyIsRefused(_Copy):
    """Each reason why a copy ends, with its own sense, the segment and the blocks that are missing, and the device's
    sense in FAILED SEGMENT DETAILS; what was copied before counts."""

    async def scenario(self) -> None:
        await self.begin_with()
        disk, far = self.rig.disk, self.cscds[1]
        good = xcopy.segment(0, 1, 16, 0, 0)
        own = xcopy.n_port_id(self.rig.array_id)
        other = xcopy.identification(self.designators[1])
        bad = xcopy.parameter_list(self.cscds, [good])[:-4]
        await self.refused(bad, (5, 0x1A, 0), None)
        await self.refused(xcopy.parameter_list(self.cscds, [b"\x0a" + good[1:]]), (5, 0x26, 9), None)
        await self.refused(xcopy.parameter_list([self.cscds[0], b"\xe2" + far[1:]], [good]), (5, 0x26, 7), None)
        await self.refused(xcopy.parameter_list([self.cscds[0]] * 5, [good]), (5, 0x26, 6), None)
        await self.refused(xcopy.parameter_list(self.cscds, [good] * 9), (5, 0x26, 8), None)
        second = xcopy.segment(0, 1, 100, 16, 500)
        await self.refused(
            xcopy.parameter_list([*self.cscds, other], [good, xcopy.segment(0, 2, 9, 0, 0)]), (10, 8, 4), (1, 9)
        )
        await self.refused(
            xcopy.parameter_list([*self.cscds, own], [xcopy.segment(0, 2, 9, 0, 0)]), (10, 0x26, 0xC), (0, 9)
        )
        await self.refused(
            xcopy.parameter_list(self.cscds, [good, xcopy.segment(0, 1, 9, 250, 0)]), (10, 0x21, 0), (1, 9)
        )
        # nobody there
        nobody = xcopy.n_port_id(0x0A0A0A)
        await self.refused(xcopy.parameter_list([self.cscds[0], nobody], [good]), (10, 0xD, 2), (0, 16))
        # too small: the probe finds it; then full, and a chunk that cannot be written
        failure = await self.refused(
            xcopy.parameter_list(self.cscds, [good, xcopy.segment(0, 1, 100, 16, 501)]), (10, 0xD, 1), (1, 100)
        )
        self.expect(failure.device_sense == sense.LBA_OUT_OF_RANGE, f"too small: {failure}")
        disk.full_at = 560
        failure = await self.refused(xcopy.parameter_list(self.cscds, [good, second]), (10, 0xD, 1), (1, 100))
        self.expect(failure.device_sense == sense.SPACE_EXHAUSTED and failure.device_status == 2, f"full: {failure}")
        disk.full_at = None
        disk.inject(Fault(FaultKind.CHECK_CONDITION, 1000, when=lambda c: c.lba == 128 + 300))
        failure = await self.refused(
            xcopy.parameter_list(self.cscds, [xcopy.segment(0, 1, 200, 16, 300)]), (10, 0xD, 1), (0, 72)
        )
        self.expect(failure.device_sense == sense.WRITE_ERROR, f"write error: {failure}")
        disk.faults.clear()
        found = await self.status()
        self.expect(found == CopyStatus(CopyState.FAILED, 1, 0, 512 * 128), f"status of the last one: {found}")
        # a backup of the same volume
        await self.busy_volume(xcopy.parameter_list(self.cscds, [good]))

    async def busy_volume(self, data: bytes) -> None:
        management = self.management
        await management.prepare_backup(0, port_id=self.rig.disk.n_port_id, chunk=32)
        await management.set_copy_pointer(0)
        await management.start_backup(2)
        await self.refused(data, (10, 0, 0x16), (0, 16))
        await management.abort_backup(2)

        async def ended() -> bool:
            return (await management.job_progress(2)).state is BackupState.ABORTED

        await self.rig.until(ended, "the backup to end", 1_000_000)
        self.expect((await self.copy(data)).status == ScsiStatus.GOOD, "a copy after the backup")

    async def refused(self, data: bytes, expected: tuple[int, int, int], where: tuple[int, int] | None) -> CopyFailure:
        """The copy ends with this sense; segment and blocks that were not copied, None for a wrong list."""
        result = await self.copy(data)
        self.expect(result.sense == expected, f"{data.hex()}: {result.sense}, expected {expected}")
        none = CopyFailure(sense.NO_SENSE, None, 0)
        if where is None:
            return none
        details = CopyFailure.unpack((await self.results(ResultsAction.FAILED_SEGMENT_DETAILS)).data) or none
        self.expect(details.sense == expected, f"FAILED SEGMENT DETAILS: {details}, expected {expected}")
        self.expect((details.segment, details.information) == where, f"{details}, expected {where}")
        found = await self.status()
        self.expect(found.state is CopyState.FAILED and found.segments == where[0] + 1, f"status {found}, {where}")
        return details


@pyuvm.test()
class ConsoleEndsCopy(_Copy):
    """The console pauses a copy, which waits, goes on with it, and ends another; its own backup of another volume runs
    in between."""

    async def scenario(self) -> None:
        await self.begin_with()
        management, disk = self.management, self.rig.disk
        data = xcopy.parameter_list(self.cscds, [xcopy.segment(0, 1, 200, 0, 0)])
        for resumes in (True, False):
            disk.inject(silent())
            running = self.begin(self.copy(data))

            async def state(wanted: BackupState) -> None:
                async def there() -> bool:
                    return (await management.job_progress(JOB)).state is wanted

                await self.rig.until(there, f"job {JOB} to be {wanted.name}", 2_000_000)

            await state(BackupState.TRANSFER)
            await management.pause(JOB)
            await state(BackupState.PAUSED)
            disk.faults.clear()
            self.expect(not running.done(), "a paused copy is answered")
            if resumes:
                job = BackupJob(self.rig, chunk=32)
                await job.start()
                await job.follow(4_000_000)
                self.expect(self.rig.backup_differs() is None, "the backup in between")
                disk.image()[:] = bytes([FILL]) * len(disk.image())
                await management.resume(JOB)
            else:
                await management.abort_backup(JOB)
            ended = await running
            if isinstance(ended, Exception):
                raise ended
            expected = None if resumes else (10, 0x5A, 0)
            self.expect(ended.sense == expected, f"resumed {resumes}: {ended}")
